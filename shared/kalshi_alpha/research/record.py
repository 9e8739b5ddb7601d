"""What ran, read back from the artifacts: one reader for a stage's store and a rehearsal's folder.

A window leaves ``windows/<id>/summary.json``, ``books.json.gz`` (its ledger), ``scan/``, ``why/``
and ``seen/``. A graded day is kept as ``daily/grades/<day>.json`` and read from there; days without
one are graded on the spot. Nothing here writes over what a window left.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from kalshi_alpha.cloud.artifacts import ArtifactStore, FolderStore
from kalshi_alpha.errors import DataError, ParameterError
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.sessions import Sessions
from kalshi_alpha.markets.windows import Window, window_from_id
from kalshi_alpha.research.graded import (
    SCHEMA,
    DayGrade,
    WindowGrade,
)
from kalshi_alpha.research.left import Left, unpacked
from kalshi_alpha.trading.entries import PAPER_ORDER

_GRADES = "daily/grades/"
_GARBLED = (KeyError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True, slots=True)
class Record:
    """The artifacts of a stage or of rehearsed days.

    Args:
        stores: one for a stage, one a day for rehearsals.
        registry: what trades.
        sessions: the calendar.
    """

    stores: tuple[ArtifactStore, ...]
    registry: Registry
    sessions: Sessions

    def days(self) -> tuple[date, ...]:
        """Return the days on which a window left anything, or that were graded, ascending."""
        found = {_day_of(name) for store in self.stores for name in _window_ids(store)}
        kept = (key for store in self.stores for key in store.keys(_GRADES))
        return tuple(sorted(found | {_graded_day(key) for key in kept}))

    def graded(self, *, again: bool = False) -> tuple[DayGrade, ...]:
        """Return every day, graded; ``again`` looks at no grade that was kept."""
        return tuple(self.grade(day, again=again) for day in self.days())

    def grade(self, day: date, *, again: bool = False) -> DayGrade:
        """Return one day.

        Raises:
            DataError: when no window ran on it, or what one left cannot be read.
        """
        for store in self.stores:
            if not again and (key := grade_key(day)) in store.keys(key):
                return DayGrade.from_bytes(store.read(key))
        found = [
            (store, name) for store in self.stores for name in _window_ids(store, f"{day:%Y%m%d}-")
        ]
        if not found:
            raise DataError(f"no window ran on {day}: there is nothing to grade")
        read = [Left(store, self._window(name), self.registry) for store, name in sorted(
            found, key=lambda pair: pair[1])]  # fmt: skip
        return grade_of(day, read)

    def parameters(self) -> bytes:
        """Return the parameter file that the last recorded scan priced with.

        Raises:
            DataError: when no scan has kept one.
        """
        for store in reversed(self.stores):
            for key in reversed(store.keys("windows/")):
                if "/seen/" in key and (kept := _parameter_file(unpacked(store.read(key)))):
                    return kept.encode()
        raise DataError("no scan on record has kept its parameters")

    def _window(self, name: str) -> Window:
        return window_from_id(name, self.registry, self.sessions)


def grade_key(day: date) -> str:
    """Return where a graded day is kept."""
    return f"{_GRADES}{day.isoformat()}.json"


def rehearsed(out: Path, registry: Registry, sessions: Sessions) -> Record:
    """Return the record of every day rehearsed into ``out``, or of the one day of that folder.

    Raises:
        DataError: when there is none.
    """
    one = [folder for folder in (out / "artifacts", out) if (folder / "windows").is_dir()][:1]
    folders = one or sorted(out.glob("rehearsal/*/artifacts"))
    if not folders:
        raise DataError(f"no rehearsal has left anything in {out}: run kalshi-alpha rehearse first")
    return Record(tuple(FolderStore(folder) for folder in folders), registry, sessions)


def grade_of(day: date, left: Sequence[Left]) -> DayGrade:
    """Grade what the windows of a day left, in their order."""
    try:
        seen = [doc for one in left for doc in one.seen]
        windows = tuple(one.graded() for one in left)
    except _GARBLED as error:
        raise DataError(f"what the windows of {day} left is garbled: {error!r}") from None
    return DayGrade(
        schema=SCHEMA,
        day=day,
        source=next((str(doc["broker"]) for doc in seen), _source(windows)),
        config_hash=next((str(doc["registry"]) for doc in seen), ""),
        parameters_as_of=_parameters_as_of(seen),
        windows=windows,
        verified=all(one.verified for one in left),
    )


def _parameters_as_of(seen: Sequence[dict[str, Any]]) -> date | None:
    for doc in reversed(seen):
        if _parameter_file(doc):
            try:
                if doc.get("parameters"):
                    return date.fromisoformat(json.loads(doc["parameters"])["as_of"])
                found = tomllib.loads(doc["figure_parameters"])["as_of"]
                return found if isinstance(found, date) else None
            except (ParameterError, *_GARBLED):
                return None
    return None


def _parameter_file(seen: Mapping[str, Any]) -> str:
    """Return the file that a scan priced with: the index's, or that of published figures."""
    return str(seen.get("parameters") or seen.get("figure_parameters") or "")


def _source(windows: Sequence[WindowGrade]) -> str:
    fills = [f for w in windows for s in w.series for f in s.fills]
    paper = all(f.fill.order_id.startswith(PAPER_ORDER) for f in fills)
    return "paper" if paper else "live"


def _window_ids(store: ArtifactStore, prefix: str = "") -> set[str]:
    return {key.split("/")[1] for key in store.keys(f"windows/{prefix}")}


def _day_of(window_id: str) -> date:
    try:
        return datetime.strptime(window_id[:8], "%Y%m%d").date()  # noqa: DTZ007 - a day
    except ValueError:
        raise DataError(f"{window_id!r} among the windows is none") from None


def _graded_day(key: str) -> date:
    try:
        return date.fromisoformat(key.removeprefix(_GRADES).removesuffix(".json"))
    except ValueError as error:
        raise DataError(f"the artifact {key} is no graded day: {error}") from None
