"""Runs on this machine: where they lie, and what they say of themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.errors import DataError

_KINDS = ("run", "rehearsal")  # a day that was both rehearsed and run is shown as it ran


@dataclass(frozen=True, slots=True)
class Run:
    """One day that ran on this machine.

    Attributes:
        day: The New York day.
        folder: Where it lies; its artifacts are in ``artifacts`` below.
        summary: What it summed up, empty where it did not.
    """

    day: date
    folder: Path
    summary: Mapping[str, Any]

    @property
    def store(self) -> FolderStore:
        """Return what its functions wrote."""
        return FolderStore(self.folder / "artifacts")

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Return what it was made from."""
        found: Mapping[str, Any] = self.summary.get("provenance", {})
        return found

    @property
    def matches(self) -> bool | None:
        """Say whether our books equal the exchange's; None where nobody compared them."""
        rows = self.summary.get("windows", [])
        return all(row["ledger_matches_exchange"] for row in rows) if rows else None


def runs_in(folder: Path) -> list[Run]:
    """Return the days that ran under ``<folder>/rehearsal`` and ``<folder>/run``, ascending."""
    found: dict[date, Run] = {}
    for kind in reversed(_KINDS):
        for place in sorted((folder / kind).glob("????-??-??")):
            if (place / "artifacts").is_dir():
                day = date.fromisoformat(place.name)
                found[day] = Run(day, place, _summary(place / "summary.json"))
    return [found[day] for day in sorted(found)]


def run_at(place: Path) -> Run:
    """Return the run in one folder; raise ``DataError`` when there is none."""
    try:
        day = date.fromisoformat(place.name)
    except ValueError:
        day = None
    if day is None or not (place / "artifacts").is_dir():
        raise DataError(f"{place} is no run: a run's folder is a day, with artifacts/ inside")
    return Run(day, place, _summary(place / "summary.json"))


def _summary(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
