"""Scores of the law, the traded price, its sharpened self and the blend, on the same trades."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kalshi_alpha.pricing.blend import FLOOR
from kalshi_alpha.research.data.findings import Bools, Floats
from kalshi_alpha.research.market.blending import Walked
from kalshi_alpha.research.market.cases import MarketCases
from kalshi_alpha.research.scores.clusters import DayBootstrap

ALL = "all"
PRICE_BANDS = (0.0, 0.10, 0.25, 0.50, 0.75, 0.90, 1.0)
OURS, MARKET, SHARP, BLEND = "ours", "market", "sharp", "blend"
SPEAKERS = (OURS, MARKET, SHARP, BLEND)
# Of paired differences: what is less the other's, so that below 0 the first is better.
PAIRS = (
    ("", OURS, MARKET),
    ("_sharp", OURS, SHARP),
    ("_sharp_market", SHARP, MARKET),
    ("_blend", BLEND, MARKET),
    ("_blend_sharp", BLEND, SHARP),
)


@dataclass(frozen=True, slots=True)
class Buckets:
    """Classes of the time to the fixing, each (above, up to) minutes.

    Attributes:
        rows: of the tables, not overlapping, the first from 0.
        late: the last stretch, which overlaps some of them; None for no such row.
        fitted: what weights are fitted on separately.
    """

    rows: tuple[tuple[float, float], ...]
    late: tuple[float, float] | None
    fitted: tuple[tuple[float, float], ...]


INDEX_BUCKETS = Buckets(
    rows=((0, 1), (1, 5), (5, 15), (15, 30), (30, 60), (60, 120), (120, 390)),
    late=(0, 15),
    fitted=((0, 15), (15, 390)),
)
# Hours to the market's close, at the end of the day whose highest temperature is asked for: the
# evening, the afternoon in which the high falls, the morning, the night, the day before.
TEMPERATURE_BUCKETS = Buckets(
    rows=((0, 360), (360, 720), (720, 1080), (1080, 1440), (1440, 2880)),
    late=None,
    fitted=((0, 360), (360, 720), (720, 1080), (1080, 1440), (1440, 2880)),
)


@dataclass(frozen=True, slots=True)
class Compared:
    """Cases with everybody's probabilities; a speaker who is silent is left out.

    Attributes:
        cases: the trades.
        said: probabilities by speaker, ``market`` always there.
    """

    cases: MarketCases
    said: dict[str, Floats]

    @classmethod
    def of(cls, cases: MarketCases, walked: Walked) -> Compared:
        """Return the comparison of all who spoke."""
        said = {MARKET: cases.price, SHARP: walked.sharp}
        if cases.has_ours:
            said = {OURS: cases.ours, **said, BLEND: walked.blend}
        return cls(cases, said)

    def where(self, keep: Bools) -> Compared:
        """Return the part where ``keep`` holds."""
        return Compared(
            self.cases.where(keep), {name: each[keep] for name, each in self.said.items()}
        )

    def brier(self, name: str) -> Floats:
        """Return squared errors; [cases]."""
        found: Floats = (self.said[name] - self.cases.happened) ** 2
        return found

    def log_score(self, name: str) -> Floats:
        """Return the log of the probability given to what happened, nats, more is better.

        Probabilities nearer to 0 or 1 than a tenth of a cent count as that.
        """
        given = np.clip(self.said[name], FLOOR, 1.0 - FLOOR)
        found: Floats = np.log(np.where(self.cases.happened > 0.5, given, 1.0 - given))
        return found


def buckets_of(cases: MarketCases, buckets: Buckets) -> Iterator[tuple[Any, Any, Bools]]:
    """Return ``all``, then the last stretch, then each class that holds a trade."""
    yield ALL, ALL, np.ones(len(cases), dtype=np.bool_)
    late = () if buckets.late is None else (buckets.late,)
    for low, high in (*late, *buckets.rows):
        inside = (cases.minutes > low) & (cases.minutes <= high)
        if inside.any():
            yield low, high, inside


def time_rows(
    compared: Compared, buckets: Buckets, *, by_side: bool = False
) -> list[dict[str, Any]]:
    """Return the rows by time to the fixing, first ``all``.

    Args:
        compared: everybody's probabilities.
        buckets: the classes.
        by_side: each market-side counts once in a row, however often it traded.
    """
    rows = []
    for low, high, inside in buckets_of(compared.cases, buckets):
        part = compared.where(inside)
        weights = equal_sides(part.cases) if by_side else None
        head = {"minutes_from": low, "minutes_to": high, "sides": count_sides(part.cases)}
        rows.append(head | scores_of(part, weights))
    return rows


def price_rows(compared: Compared) -> list[dict[str, Any]]:
    """Return calibration by price: how often yes won, beside what was paid and said."""
    rows = []
    for low, high in itertools.pairwise(PRICE_BANDS):
        inside = (compared.cases.price > low) & (compared.cases.price <= high)
        if inside.any():
            part = compared.where(inside)
            head: dict[str, Any] = {"price_from": low, "price_to": high}
            head["sides"] = count_sides(part.cases)
            won = _interval(part.cases, part.cases.happened)
            head |= {"won": won[0], "won_low": won[1], "won_high": won[2]}
            head |= {
                f"mean_{name}": float(part.said[name].mean()) if name in part.said else None
                for name in SPEAKERS
            }
            rows.append(head | scores_of(part, None))
    return rows


def scores_of(part: Compared, weights: Floats | None) -> dict[str, Any]:
    """Return everybody's scores and paired differences on some cases; None for the silent."""
    cases = part.cases
    briers = {name: part.brier(name) for name in part.said}
    logs = {name: part.log_score(name) for name in part.said}
    row: dict[str, Any] = {"n": len(cases), "days": len(np.unique(cases.day))}
    for word, scores in (("brier", briers), ("log", logs)):
        row |= {
            f"{word}_{name}": _mean(scores[name], weights) if name in scores else None
            for name in SPEAKERS
        }
    for suffix, mine, other in PAIRS:
        found: Sequence[float | None] = (None, None, None)
        if mine in briers and other in briers:
            found = _interval(cases, briers[mine] - briers[other], weights)
        keys = ("diff", "low", "high")
        row |= {f"{key}{suffix}": number for key, number in zip(keys, found, strict=True)}
    return row


def equal_sides(cases: MarketCases) -> Floats:
    """Return weights by which every market-side counts once."""
    _, side, count = np.unique(
        np.stack([cases.event, cases.side]), axis=1, return_inverse=True, return_counts=True
    )
    found: Floats = 1.0 / count[side.ravel()]
    return found


def count_sides(cases: MarketCases) -> int:
    """Return how many market-sides there are."""
    return int(np.unique(np.stack([cases.event, cases.side]), axis=1).shape[1])


def briers(compared: Compared, where: Bools, happened: Floats | None = None) -> Mapping[str, Any]:
    """Return everybody's Brier scores on some cases, with other outcomes if given."""
    part = (
        compared
        if happened is None
        else Compared(compared.cases.with_outcome(happened), compared.said)
    )
    part = part.where(where)
    row: dict[str, Any] = {"n": len(part.cases)}
    for name in SPEAKERS:
        there = name in part.said and len(part.cases) > 0
        row[f"brier_{name}"] = float(part.brier(name).mean()) if there else None
    return row


def _mean(scores: Floats, weights: Floats | None) -> float:
    return float(np.average(scores, weights=weights))


def _interval(
    cases: MarketCases, scores: Floats, weights: Floats | None = None
) -> tuple[float, float | None, float | None]:
    """Return a mean and its interval by days; no interval where there is one day only."""
    if len(np.unique(cases.day)) < 2:
        return _mean(scores, weights), None, None
    found = DayBootstrap(cases.day).mean(scores, weights)
    return found.estimate, found.low, found.high
