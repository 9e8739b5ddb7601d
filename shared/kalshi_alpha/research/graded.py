"""A graded day: every fill with its claim, every quote that rested, every scan, in plain values.

It is made once from the artifacts of the day's windows and kept as ``daily/grades/<day>.json``;
honesty, readiness and scoreboard read nothing else. All of it can be made again from the windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

import msgspec

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.trading.fills import Place
from kalshi_alpha.trading.grades import GradedFill

SCHEMA = "kalshi-alpha/graded-day/1"


@dataclass(frozen=True, slots=True)
class RestedQuote:
    """One quote while it rested at one price.

    Attributes:
        ticker: its market.
        side: ``bid`` or ``ask`` of YES.
        price: 1/10000 dollar.
        size: 1/100 contract that rested.
        probability: of YES, by the scan that wanted it.
        spread: cents between the others' best, None where a side was empty.
        seconds_to_fixing: when it began to rest.
        rested_s: until it was filled, moved or gone.
        filled: whether that is why it ended.
    """

    ticker: str
    side: str
    price: int
    size: int
    probability: float
    spread: float | None
    seconds_to_fixing: float
    rested_s: float
    filled: bool

    @property
    def place(self) -> Place:
        """Return where and when it rested, as a fill model reads it."""
        sign = 1 if self.side == "bid" else -1
        offset = sign * (self.probability - self.price / PRICE_UNIT) * 100.0
        return Place(offset, max(self.seconds_to_fixing, 1e-3), self.probability, self.spread)


@dataclass(frozen=True, slots=True)
class Sharpness:
    """Our probabilities beside the market's middle, over the scans of one window.

    Attributes:
        contracts: pairs of a scan and a market with both sides quoted by others.
        brier_ours: mean squared error of our probability.
        brier_market: of the middle.
        thresholds: of these, pairs of an above/below ladder.
        crps_ours: points: the area between the distribution function and the outcome, over the
            strikes quoted; None for a ladder of ranges.
        crps_market: of the middles.
    """

    contracts: int
    brier_ours: float
    brier_market: float
    thresholds: int = 0
    crps_ours: float | None = None
    crps_market: float | None = None


@dataclass(frozen=True, slots=True)
class SeriesGrade:
    """What one series did in one window.

    Attributes:
        series: its ticker.
        family: its family.
        go: whether preflight let it quote.
        reasons: why not.
        fills: graded.
        ungraded: ids of fills that no quote explains.
        quotes: that rested.
        scans: how many looked at it.
        scans_feed: of these stopped by a late, silent or delayed feed.
        scans_heartbeat: of these stopped by the sentry's heartbeat.
        last_age_s: age of the index at the last scan, lag and silence together, None if unknown.
        sharpness: ours beside the market's, None where nothing can be compared.
        pnl: cash.
        fees: cash.
    """

    series: str
    family: str
    go: bool
    reasons: tuple[str, ...]
    fills: tuple[GradedFill, ...]
    ungraded: tuple[str, ...]
    quotes: tuple[RestedQuote, ...]
    scans: int
    scans_feed: int
    scans_heartbeat: int
    last_age_s: float | None
    sharpness: Sharpness | None
    pnl: int
    fees: int


@dataclass(frozen=True, slots=True)
class WindowGrade:
    """One window: its series, and each thing that should not have happened, as a sentence."""

    window_id: str
    series: tuple[SeriesGrade, ...]
    incidents: tuple[str, ...]
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DayGrade:
    """One day.

    Attributes:
        schema: ``SCHEMA``.
        day: New York day.
        source: whose fills: ``paper``, ``twin`` or ``live``.
        config_hash: of the registry the windows ran under.
        parameters_as_of: last day that the parameters knew, None when no scan read any.
        windows: ascending.
        verified: whether each window's books were held against the venue's balance or lists.
    """

    schema: str
    day: date
    source: str
    config_hash: str
    parameters_as_of: date | None
    windows: tuple[WindowGrade, ...]
    verified: bool

    @property
    def fills(self) -> tuple[GradedFill, ...]:
        """Return every graded fill, by window."""
        return tuple(f for w in self.windows for s in w.series for f in s.fills)

    @property
    def grades(self) -> tuple[SeriesGrade, ...]:
        """Return every series of every window."""
        return tuple(s for w in self.windows for s in w.series)

    def to_bytes(self) -> bytes:
        """Return it as JSON, ending in a line feed."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes) -> DayGrade:
        """Read what ``to_bytes`` wrote; raise ``DataError`` on anything else."""
        try:
            found = msgspec.json.decode(data, type=cls)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            raise DataError(f"a graded day cannot be read: {str(error)[:200]}") from None
        if found.schema != SCHEMA:
            raise DataError(f"a graded day is of schema {found.schema[:60]!r}, not {SCHEMA}")
        return found


def sharpness_of(
    scans: Sequence[Sequence[dict[str, Any]]], kind: str, settled: int, ticks_per_point: int
) -> Sharpness | None:
    """Return how sharp we and the market were, None where nothing can be compared.

    Args:
        scans: each scan's markets of one series: ``low`` and ``high`` in ticks, ``probability``,
            ``bid`` and ``ask`` in 1/10000 dollar.
        kind: of the ladder.
        settled: settlement value in ticks.
        ticks_per_point: of the series.
    """
    ours: list[float] = []
    market: list[float] = []
    areas: list[tuple[float, float]] = []
    for rows in scans:
        pairs = [_pair(row, settled) for row in rows if _two_sided(row)]
        ours += [(p - hit) ** 2 for p, _, hit, _ in pairs]
        market += [(m - hit) ** 2 for _, m, hit, _ in pairs]
        if kind == "above" and len(pairs) > 1:
            areas.append(_areas(sorted(pairs, key=lambda pair: pair[3]), ticks_per_point))
    if not ours:
        return None
    count = len(areas)
    return Sharpness(
        contracts=len(ours),
        brier_ours=sum(ours) / len(ours),
        brier_market=sum(market) / len(market),
        thresholds=count,
        crps_ours=sum(a for a, _ in areas) / count if count else None,
        crps_market=sum(b for _, b in areas) / count if count else None,
    )


def _two_sided(row: dict[str, Any]) -> bool:
    return row["bid"] is not None and row["ask"] is not None


def _pair(row: dict[str, Any], settled: int) -> tuple[float, float, float, int]:
    low, high = row["low"], row["high"]
    hit = (low is None or settled >= low) and (high is None or settled <= high)
    middle = (row["bid"] + row["ask"]) / 2.0 / PRICE_UNIT
    return row["probability"], middle, float(hit), low if low is not None else 0


def _areas(
    pairs: Sequence[tuple[float, float, float, int]], ticks_per_point: int
) -> tuple[float, float]:
    """Return the two integrals of squared error over the strikes, by trapezes, in points."""
    ours = market = 0.0
    for left, right in pairwise(pairs):
        width = (right[3] - left[3]) / ticks_per_point
        ours += width * ((left[0] - left[2]) ** 2 + (right[0] - right[2]) ** 2) / 2.0
        market += width * ((left[1] - left[2]) ** 2 + (right[1] - right[2]) ** 2) / 2.0
    return ours, market
