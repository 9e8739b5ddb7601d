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
from kalshi_alpha.research.scores.clusters import DRAWS, DayBootstrap, Interval
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


def judge(looks: Sequence[Look], *, block: int = 1, draws: int = DRAWS) -> list[dict[str, Any]]:
    """Return a row for each look, in order; docs/sweeps.md says what each key means.

    Args:
        looks: every one that was taken: to leave out those that came out badly is to cheat.
        block: consecutive days that are drawn together.
        draws: of the days.
    """
    chances = chances_of(looks, block=block, draws=draws)
    return [
        _row(look, chance, len(looks), block) for look, chance in zip(looks, chances, strict=True)
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


def _row(look: Look, chance: float | None, looks: int, block: int) -> dict[str, Any]:
    total = look.figures.sum(axis=0)
    size, fills = int(total[SIZE]), int(total[FILLS])
    realised = _interval(look, look.figures[:, REALISED], block)
    diff = _interval(look, look.figures[:, REALISED] - look.figures[:, CLAIMED], block)
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
        "realised_low": _end(realised, "low"),
        "realised_high": _end(realised, "high"),
        "diff": _dollars(int(total[REALISED] - total[CLAIMED]), size),
        "diff_low": _end(diff, "low"),
        "diff_high": _end(diff, "high"),
        "profit": int(total[REALISED]) / CASH_UNIT,
        "fees": int(total[FEES]) / CASH_UNIT,
        "chance": chance,
        "verdict": _verdict(fills, traded, realised, chance, looks),
    }


def _verdict(
    fills: int, traded: int, realised: Interval | None, chance: float | None, looks: int
) -> str:
    """Return a word; an edge is one that also stands out among all looks."""
    if not fills or realised is None:
        return NO_FILLS
    if traded < FEWEST_DAYS:
        return FEW_DAYS
    if realised.low > 0:
        stands_out = chance is not None and chance <= CHANCE
        return EDGE if stands_out else (ONE_OF_MANY if looks > 1 else NOT_SHOWN)
    return LOSS if realised.high < 0 else NOT_SHOWN


def _interval(look: Look, cash: Ints, block: int) -> Interval | None:
    """Return dollars a contract with an interval by days; None without a fill."""
    size = look.figures[:, SIZE]
    if not size.any():
        return None
    if len(look.days) < 2:
        return Interval(math.nan, math.nan, math.nan)
    found = DayBootstrap(look.days, block=min(block, len(look.days)))
    return found.ratio(cash.astype(np.float64), size.astype(np.float64))


def _dollars(cash: int, size: int) -> float | None:
    return round(cash / size * SIZE_UNIT / CASH_UNIT, 9) if size else None


def _end(found: Interval | None, end: str) -> float | None:
    value = math.nan if found is None else float(getattr(found, end))
    return round(value * SIZE_UNIT / CASH_UNIT, 9) if math.isfinite(value) else None


def ordinals(days: Sequence[str]) -> Ints:
    """Return ISO days as ordinals."""
    return np.array([date.fromisoformat(day).toordinal() for day in days], dtype=np.int64)
