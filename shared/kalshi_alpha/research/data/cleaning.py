"""What is left out of laid-out sessions: frozen levels, bad ticks, days of another clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kalshi_alpha.research.data.bars import Bars
from kalshi_alpha.research.data.checks import OPEN_MINUTE
from kalshi_alpha.research.data.faults import bad_ticks, frozen_stretches, robust_scales
from kalshi_alpha.research.data.findings import Bools, Floats, Gathered, Ints, day_of

# What an index may repeat before it is taken for frozen. The longest real standstill recorded in
# session is two minutes for an index and three bars for a fund.
_FROZEN_MINUTES, _FROZEN_BARS = 10, 4


@dataclass(frozen=True, slots=True)
class Laid:
    """Rows laid onto sessions; arrays are [days] or [days, bars]. The prices are changed in place.

    ``prices`` are open, high, low and close, NaN where there is no bar.
    """

    bars: Bars
    days: Ints
    minutes: Ints
    step: int
    prices: tuple[Floats, Floats, Floats, Floats]
    official: Floats


def leave_out(laid: Laid, off_clock: Bools, findings: Gathered) -> Bools:
    """Turn what cannot be believed into NaN, say so, and return which days to keep."""
    close = laid.prices[3]
    lone = (np.isfinite(close).sum(axis=1) < 2) & ~off_clock
    _say_days(findings, laid, lone, "one-bar", "{n} days have fewer than two bars")
    excluded = off_clock | lone
    _drop(laid.prices, np.broadcast_to(excluded[:, None], close.shape))
    frozen = _frozen(laid)
    dead = ((np.isfinite(close) & ~frozen).sum(axis=1) < 2) & ~excluded
    _say_days(findings, laid, dead, "frozen-day", "{n} days stand still from end to end")
    excluded |= dead
    frozen[excluded] = False
    _say_bars(findings, laid, frozen, "frozen", "{n} bars repeat a level that stands still")
    _drop(laid.prices, frozen)
    ticks = _bad_ticks(laid)
    ticks[excluded] = False
    _say_bars(findings, laid, ticks, "bad-tick", "{n} bars leap away and straight back")
    _drop(laid.prices, ticks)
    keep: Bools = ~excluded
    return keep


def _say_days(findings: Gathered, laid: Laid, where: Bools, rule: str, what: str) -> None:
    days = [day_of(n) for n in laid.days[where]]
    findings.add("exclude", rule, what.format(n=len(days)), count=len(days), days=days)


def _say_bars(findings: Gathered, laid: Laid, where: Bools, rule: str, what: str) -> None:
    if not where.any():
        return
    days = [day_of(n) for n in laid.days[where.any(axis=1)]]
    day, slot = np.argwhere(where)[0]
    minute = OPEN_MINUTE + int(slot) * laid.step
    here = (laid.bars.day == laid.days[day]) & (laid.bars.minute == minute)
    row, count = int(laid.bars.row[here][0]), int(where.sum())
    findings.add("exclude", rule, what.format(n=count), count=count, days=days, row=row)


def _drop(prices: Sequence[Floats], where: Bools) -> None:
    for array in prices:
        array[where] = np.nan


def _frozen(laid: Laid) -> Bools:
    """Find the bars that only repeat what stood before them."""
    _, high, low, close = laid.prices
    days, slots = close.shape
    # A bar that moved inside is alive wherever it closed; a NaN after each day ends its stretch.
    values = np.full((days, slots + 1), np.nan)
    values[:, :-1] = np.where(high > low, np.nan, close)
    seconds = np.arange(days)[:, None] * 86400 + np.arange(slots + 1)[None, :] * laid.step * 60
    known = np.ones(values.shape, dtype=np.bool_)
    known[:, :-1] = np.isfinite(close)
    limit = 60 * max(_FROZEN_MINUTES, _FROZEN_BARS * laid.step)
    found = np.zeros(int(known.sum()), dtype=np.bool_)
    for start, stop in frozen_stretches(seconds[known], values[known], limit):
        found[start + 1 : stop] = True
    frozen = np.zeros(values.shape, dtype=np.bool_)
    frozen[known] = found
    return np.ascontiguousarray(frozen[:, :-1])


def _bad_ticks(laid: Laid) -> Bools:
    opened, _, _, close = laid.prices
    inside = np.log(np.column_stack((opened[:, :1], close)))
    before = np.full(len(close), np.nan)
    before[1:] = np.log(_last_known(close))[:-1]
    points = np.column_stack((before, inside, np.log(laid.official)))
    found = bad_ticks(points, robust_scales(inside))[:, 1:-1]
    ticks = found[:, 1:].copy()
    ticks[:, 0] |= found[:, 0]
    return ticks


def _last_known(close: Floats) -> Floats:
    known = np.isfinite(close)
    last = close.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)
    values: Floats = close[np.arange(len(close)), last]
    return values
