"""What the crowd thinks a market is worth: a plain law, and less sure of itself than the truth.

The index is taken to be normal at the fixing around its present value, with the trailing
deviation of its one-minute steps over the square root of the minutes left. The crowd's odds are
the law's odds to the power ``sharpness``: below 1 it bets on both sides of what it expects.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.strikes import Payoff
from kalshi_alpha.markets.ticks import TickGrid

Value = Callable[[str, datetime], float | None]

SHARPNESS = 0.8  # assumed, not measured: outcomes of the recorded events were too few
# Deviation of the log index over a minute: 17 % a year over the sessions' minutes, less what falls
# on the nights; the Nasdaq-100 moves about 1.35 times as much.
USUAL = {"SPX": 0.00042, "NDX": 0.00057}

_TRAILING = 20  # minutes
_LEAST = 5  # steps without which only the usual deviation counts
_FLOOR_MINUTES = 0.1  # nobody trusts the index's print to be the venue's print
_SURE = 15.0  # log odds beyond which a double says 0 or 1
_MINUTE = timedelta(minutes=1)
_SQRT2 = math.sqrt(2.0)


class Beliefs:
    """The law of each index, from ``value(symbol, instant)``, and of each figure's deviation."""

    def __init__(self, value: Value, figures: Mapping[str, float] | None = None) -> None:
        self._value, self._figures = value, figures or {}
        self._scales: dict[str, tuple[datetime, float]] = {}

    def deviation(self, symbol: str, level: float, now: datetime, fixing: datetime) -> float:
        """Return the deviation in points of the index at ``fixing``, > 0; a figure's is given."""
        if symbol in self._figures:
            return self._figures[symbol]
        left = max((fixing - now).total_seconds() / 60, _FLOOR_MINUTES)
        return level * self._scale(symbol, now) * math.sqrt(left)

    def _scale(self, symbol: str, now: datetime) -> float:
        minute = now.replace(second=0, microsecond=0)
        known = self._scales.get(symbol)
        if known is None or known[0] != minute:
            known = self._scales[symbol] = (minute, self._measured(symbol, minute))
        return known[1]

    def _measured(self, symbol: str, minute: datetime) -> float:
        usual = USUAL.get(symbol, USUAL["SPX"]) ** 2
        levels = [self._value(symbol, minute - k * _MINUTE) for k in range(_TRAILING + 1)]
        steps = [math.log(b / a) for a, b in zip(levels[1:], levels, strict=False) if a and b]
        if len(steps) < _LEAST:
            return math.sqrt(usual)
        return math.sqrt((usual + sum(s * s for s in steps) / len(steps)) / 2)


def probability(
    payoff: Payoff, ticks_per_point: int, level: float, deviation: float, sharpness: float
) -> float:
    """Return what is thought to be the probability that YES pays, in [0, 1]."""
    # A tick's half each way: settlement values are rounded to ticks.
    below = 0.0
    if payoff.low is not None:
        below = _under((payoff.low - 0.5) / ticks_per_point, level, deviation, sharpness)
    above = 1.0
    if payoff.high is not None:
        above = _under((payoff.high + 0.5) / ticks_per_point, level, deviation, sharpness)
    return max(0.0, above - below)


def quotable(grid: TickGrid, side: Side, exact: float) -> int | None:
    """Return the nearest price on the grid that is no worse to its owner; None off the grid."""
    if side is Side.BID:
        return grid.floor(math.floor(exact)) if exact >= grid.levels[0] else None
    return grid.ceil(math.ceil(exact)) if exact <= grid.levels[-1] else None


def _under(point: float, level: float, deviation: float, sharpness: float) -> float:
    z = (point - level) / (deviation * _SQRT2)
    below, above = math.erfc(-z) / 2, math.erfc(z) / 2
    if not below or not above:
        return 0.0 if z < 0 else 1.0
    odds = sharpness * math.log(below / above)
    return 1 / (1 + math.exp(-min(max(odds, -_SURE), _SURE)))
