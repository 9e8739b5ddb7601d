"""Hold what is known of the venue's series against what it says now; reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kalshi_alpha.errors import VenueError
from kalshi_alpha.markets.known import (
    Drift,
    MarketFacts,
    drift_of_listing,
    drift_of_series,
    skeleton,
)
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.sessions import Sessions
from kalshi_alpha.markets.windows import Window, next_windows
from kalshi_alpha.venues.kalshi.reader import KalshiReader

_LOOK_AHEAD = 24  # windows: some days of events, one of which is listed


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found.

    Attributes:
        drifts: What the venue says otherwise.
        unseen: Sentences on what could not be looked at.
        rules: Skeletons of the rules texts seen, by series.
        markets: How many markets were looked at, by series.
    """

    drifts: tuple[Drift, ...]
    unseen: tuple[str, ...]
    rules: Mapping[str, tuple[str, ...]]
    markets: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready copy."""
        return {
            "drifts": [drift.to_json() for drift in self.drifts],
            "unseen": list(self.unseen),
            "rules": {name: list(texts) for name, texts in self.rules.items()},
            "markets": dict(self.markets),
        }


def check_facts(
    reader: KalshiReader,
    registry: Registry,
    sessions: Sessions,
    facts: MarketFacts,
    now: datetime,
    seen: Mapping[str, Sequence[str]],
) -> Checked:
    """Ask the venue for every known series and its next listed event.

    Args:
        reader: of the venue; market data needs no key.
        registry: what trades.
        sessions: the calendar.
        facts: what is known.
        now: the time.
        seen: skeletons of rules texts seen before, by series.
    """
    drifts: list[Drift] = []
    unseen: list[str] = []
    rules: dict[str, tuple[str, ...]] = {}
    counts: dict[str, int] = {}
    for name, known in facts.series.items():
        series = registry.series[name]
        try:
            drifts += drift_of_series(name, known, reader.series(name))
            window, markets = _listed(reader, registry, sessions, name, now)
        except VenueError as error:
            unseen.append(f"{name} could not be read: {error}")
            continue
        if window is None:
            unseen.append(f"{name} has no listed event in its next {_LOOK_AHEAD} windows")
            continue
        drifts += drift_of_listing(series, known, window, markets, seen.get(name, ()))
        rules[name] = tuple(sorted({skeleton(str(m.get("rules_primary", ""))) for m in markets}))
        counts[name] = len(markets)
    return Checked(tuple(drifts), tuple(unseen), rules, counts)


def _listed(
    reader: KalshiReader, registry: Registry, sessions: Sessions, series: str, now: datetime
) -> tuple[Window | None, list[dict[str, Any]]]:
    """Return the first coming window whose event is listed, with its markets."""
    for window in next_windows(now, registry, sessions, _LOOK_AHEAD):
        if series in window.series:
            try:
                markets = reader.markets(window.event_ticker(series))
            except VenueError as error:
                if error.status == 404:
                    continue
                raise
            if markets:
                return window, markets
    return None, []
