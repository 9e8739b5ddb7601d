"""What each setting came to, and whether the best of so many could be luck.

A hundred settings that know nothing leave two or three whose intervals lie above zero. So a setting
is called an edge only if it also stands out among all that were looked at: the largest of their
studentised mean daily profits is drawn anew from the same days with every mean moved to zero, and
the chance of one as large is what counts (the reality check of White, Econometrica 2000, in the
single-step studentised form of Romano and Wolf, 2005). Days are drawn whole and for all settings
and series at once, so that what moves together is drawn together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from kalshi_alpha.markets.units import CASH_UNIT, SIZE_UNIT
from kalshi_alpha.research.backtest.summary import (
    EDGE,
    FEW_DAYS,
    FEWEST_DAYS,
    LOSS,
    NO_FILLS,
    NOT_SHOWN,
    ONE_OF_MANY,
)
from kalshi_alpha.research.scores.clusters import DRAWS, INSIDE, DayBootstrap
from kalshi_alpha.research.scores.shapes import Floats, Ints
from kalshi_alpha.research.sweep.playing import FIGURES

CHANCE = 0.025  # of a false edge among all looks; the upper tail of a 95 % interval
_AT_ONCE = 200  # looks whose draws are held at once

SIZE, CLAIMED, REALISED, FEES = (FIGURES.index(n) for n in ("size", "claimed", "realised", "fees"))
FILLS, QUOTES, WINDOWS = (FIGURES.index(name) for name in ("fills", "quotes", "windows"))


@dataclass(frozen=True, slots=True)
class Look:
    """One setting of one series.

    Attributes:
        series: its place in the manifest.
        point: of the grid.
        days: days played, ordinals, ascending.
        figures: whole numbers, [days, ``FIGURES``].
        missing: days asked for that were not played.
    """

    series: int
    point: int
    days: Ints
    figures: Ints
    missing: int


Ends = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class _Spread:
    """Ends of the intervals of what was realised, and of that less what was claimed."""

    realised: Ends
    diff: Ends


def judge(looks: Sequence[Look], *, block: int = 1, draws: int = DRAWS) -> list[dict[str, Any]]:
    """Return a row for each look, in order; docs/sweeps.md says what each key means.

    Args:
        looks: every one that was taken: to leave out those that came out badly is to cheat.
        block: consecutive days that are drawn together.
        draws: of the days.
    """
    chances = chances_of(looks, block=block, draws=draws)
    spreads = _spreads(looks, block)
    return [
        _row(look, chance, spread, len(looks))
        for look, chance, spread in zip(looks, chances, spreads, strict=True)
    ]


def chances_of(looks: Sequence[Look], *, block: int = 1, draws: int = DRAWS) -> list[float | None]:
    """Return each look's chance that the best of as many that know nothing does as well.

    A day on which a series was not played counts as one on which it did nothing. None where there
    are fewer than two days, or no profit that varies.
    """
    if not looks:
        return []
    days = np.unique(np.concatenate([look.days for look in looks]))
    if len(days) < 2:
        return [None] * len(looks)
    profit = np.zeros((len(days), len(looks)))
    for k, look in enumerate(looks):
        profit[np.searchsorted(days, look.days), k] = look.figures[:, REALISED]
    mean = profit.sum(axis=0) / len(days)
    error = np.array([_error(column) for column in profit.T])
    known = error > 0
    scale = np.where(known, error, 1.0)
    seen = np.where(known, mean / scale, -np.inf)
    votes = DayBootstrap(days, block=min(block, len(days)), draws=draws).votes
    largest: Floats = np.full(draws, -np.inf)
    for start in range(0, len(looks), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        # Sums of whole numbers below 2**53: exact, in whatever order a machine adds them.
        drawn = (votes @ profit[:, part] / len(days) - mean[part]) / scale[part]
        drawn[:, ~known[part]] = -np.inf
        largest = np.maximum(largest, drawn.max(axis=1))
    return [
        (1 + int((largest >= t).sum())) / (1 + draws) if is_known else None
        for t, is_known in zip(seen, known, strict=True)
    ]


def _error(profit: Floats) -> float:
    """Return the standard error of a mean of whole numbers, from sums that are exact."""
    numbers = [int(each) for each in profit]
    n, total = len(numbers), sum(numbers)
    squares = n * sum(each * each for each in numbers) - total * total
    return math.sqrt(squares / (n * n * (n - 1))) if squares else 0.0


def _row(look: Look, chance: float | None, spread: _Spread, looks: int) -> dict[str, Any]:
    total = look.figures.sum(axis=0)
    size, fills = int(total[SIZE]), int(total[FILLS])
    traded = int((look.figures[:, FILLS] > 0).sum())
    return {
        "days": len(look.days),
        "days_with_fills": traded,
        "days_missing": look.missing,
        "windows": int(total[WINDOWS]),
        "quotes": int(total[QUOTES]),
        "fills": fills,
        "contracts": size / SIZE_UNIT,
        "ev_claimed": _dollars(int(total[CLAIMED]), size),
        "realised": _dollars(int(total[REALISED]), size),
        "realised_low": spread.realised[0],
        "realised_high": spread.realised[1],
        "diff": _dollars(int(total[REALISED] - total[CLAIMED]), size),
        "diff_low": spread.diff[0],
        "diff_high": spread.diff[1],
        "profit": int(total[REALISED]) / CASH_UNIT,
        "fees": int(total[FEES]) / CASH_UNIT,
        "chance": chance,
        "verdict": _verdict(fills, traded, spread.realised, chance, looks),
    }


def _verdict(fills: int, traded: int, realised: Ends, chance: float | None, looks: int) -> str:
    """Return a word; an edge is one that also stands out among all looks."""
    low, high = realised
    if not fills:
        return NO_FILLS
    if traded < FEWEST_DAYS or low is None or high is None:
        return FEW_DAYS
    if low > 0:
        stands_out = chance is not None and chance <= CHANCE
        return EDGE if stands_out else (ONE_OF_MANY if looks > 1 else NOT_SHOWN)
    return LOSS if high < 0 else NOT_SHOWN


def _spreads(looks: Sequence[Look], block: int) -> list[_Spread]:
    """Return the ends of each look's intervals: of many looks at once, for the draws are large."""
    found = [_Spread((None, None), (None, None))] * len(looks)
    alike: dict[bytes, list[int]] = {}
    for k, look in enumerate(looks):
        if len(look.days) > 1 and look.figures[:, SIZE].any():
            alike.setdefault(look.days.tobytes(), []).append(k)
    for places in alike.values():
        days = looks[places[0]].days
        votes = DayBootstrap(days, block=min(block, len(days))).votes
        for start in range(0, len(places), _AT_ONCE):
            part = places[start : start + _AT_ONCE]
            size, claimed, realised = (
                np.array([looks[k].figures[:, column] for k in part], dtype=np.float64).T
                for column in (SIZE, CLAIMED, REALISED)
            )
            # Sums of whole numbers below 2**53, as above: exact.
            drawn, sizes = votes @ realised, votes @ size
            less = votes @ (realised - claimed)
            for column, k in enumerate(part):
                held = sizes[:, column] > 0  # a draw without a contract says nothing
                ratios = (each[held, column] / sizes[held, column] for each in (drawn, less))
                found[k] = _Spread(*map(_ends, ratios))
    return found


def _ends(drawn: Floats) -> Ends:
    """Return the ends of the interval of cash by size, dollars a contract."""
    tail = (1.0 - INSIDE) / 2.0
    low, high = np.quantile(drawn, (tail, 1.0 - tail)) * SIZE_UNIT / CASH_UNIT
    return round(float(low), 9), round(float(high), 9)


def _dollars(cash: int, size: int) -> float | None:
    return round(cash / size * SIZE_UNIT / CASH_UNIT, 9) if size else None


def ordinals(days: Sequence[str]) -> Ints:
    """Return ISO days as ordinals."""
    return np.array([date.fromisoformat(day).toordinal() for day in days], dtype=np.int64)
