"""What runs left in an artifact store: the one source of window pages, day pages and stories."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from kalshi_alpha.clock import from_iso
from kalshi_alpha.cloud.artifacts import ArtifactStore
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.sessions import Sessions
from kalshi_alpha.markets.windows import Window, window_from_id
from kalshi_alpha.trading.kept import SCHEMA, kept_key


@dataclass(frozen=True, slots=True)
class KeptWindow:
    """Everything one window left.

    Attributes:
        window: The window.
        broker: Who took its orders: ``paper``, ``twin`` or ``live``.
        banner: A warning every page must lead with, or empty.
        status: How its execution ended, empty where nobody asked.
        failure: Why it failed, empty when it did not.
        visited: States of the state machine in the order entered.
        record: What preflight judged.
        parts: What the steps wrote down, by name.
        entries: Its entries in the ledger.
        levels: Instant and index level, by symbol, in time.
        closed: What reconcile summed up; empty before it ran.
        scans: Model against market at each scan, in time.
        whys: Why-records of all scans, in time.
    """

    window: Window
    broker: str
    banner: str
    status: str
    failure: str
    visited: tuple[str, ...]
    record: Mapping[str, Any]
    parts: Mapping[str, Mapping[str, Any]]
    entries: Sequence[Mapping[str, Any]]
    levels: Mapping[str, Sequence[tuple[datetime, float]]]
    closed: Mapping[str, Any]
    scans: Sequence[Mapping[str, Any]]
    whys: Sequence[Mapping[str, Any]]

    def rows(self, kind: str) -> list[Mapping[str, Any]]:
        """Return the ledger's entries of a kind such as ``ORDER``, ``FILL`` or ``SETTLEMENT``."""
        return [row for row in self.entries if str(row.get("sk", "")).startswith(f"{kind}#")]


def read_kept(
    store: ArtifactStore, window_id: str, registry: Registry, sessions: Sessions
) -> KeptWindow:
    """Read what a window left.

    Raises:
        DataError: when the window left nothing, or something that cannot be read.
    """
    window = window_from_id(window_id, registry, sessions)
    try:
        doc = json.loads(store.read(kept_key(window_id)))
    except DataError:
        raise DataError(
            f"the window {window_id} has left nothing to read: it has not run, or not to its end"
        ) from None
    except ValueError as error:
        raise DataError(f"what {window_id} left is not JSON: {error}") from None
    if doc.get("schema") != SCHEMA:
        raise DataError(f"what {window_id} left has the schema {doc.get('schema')!r}: not {SCHEMA}")
    scans = [json.loads(store.read(key)) for key in _keys(store, window_id, "scan", ".json")]
    lines = [store.read(key).decode() for key in _keys(store, window_id, "why", ".jsonl")]
    return KeptWindow(
        window=window,
        broker=str(doc["broker"]),
        banner=str(doc.get("banner", "")),
        status=str(doc["status"]),
        failure=str(doc["failure"]),
        visited=tuple(doc["visited"]),
        record=doc["record"],
        parts=doc["parts"],
        entries=doc["entries"],
        levels=_levels(doc["levels"], scans, window, registry),
        closed=_closed(store, window_id),
        scans=scans,
        whys=[json.loads(line) for text in lines for line in text.splitlines()],
    )


def windows_left(store: ArtifactStore, day: date) -> list[str]:
    """Return the ids of a day's windows that left something, sorted."""
    found = {
        key.split("/")[1]
        for key in store.keys(f"windows/{day:%Y%m%d}-")
        if key.endswith("/kept.json")
    }
    return sorted(found)


def days_left(store: ArtifactStore) -> list[date]:
    """Return the days with a window that left something, ascending."""
    names = {key.split("/")[1] for key in store.keys("windows/") if key.endswith("/kept.json")}
    return sorted({date.fromisoformat(f"{n[:4]}-{n[4:6]}-{n[6:8]}") for n in names})


def _keys(store: ArtifactStore, window_id: str, kind: str, suffix: str) -> list[str]:
    return [k for k in store.keys(f"windows/{window_id}/{kind}/") if k.endswith(suffix)]


def _closed(store: ArtifactStore, window_id: str) -> dict[str, Any]:
    try:
        closed: dict[str, Any] = json.loads(store.read(f"windows/{window_id}/summary.json"))
    except DataError:
        return {}
    return closed


def _levels(
    kept: Mapping[str, Sequence[Sequence[Any]]],
    scans: Sequence[Mapping[str, Any]],
    window: Window,
    registry: Registry,
) -> dict[str, list[tuple[datetime, float]]]:
    found = {
        symbol: [(from_iso(at), float(value)) for at, value in points]
        for symbol, points in kept.items()
    }
    for series in window.series:
        symbol = registry.series[series].symbol
        if symbol not in found:
            seen = [(from_iso(s["at"]), s["series"].get(series, {}).get("value")) for s in scans]
            found[symbol] = [(at, float(value)) for at, value in seen if value is not None]
    return found
