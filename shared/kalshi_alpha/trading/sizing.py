"""How much to quote: Kelly cut down to what is believed, then caps; the tightest one is named.

A contract bought at cost c (price and fee) pays one dollar with probability w. The fraction of the
bankroll that maximises expected log growth is ``f = (w - c) / (1 - c)``, cut to [0, 1]; a fraction
``kelly_fraction`` of that is staked, because the probability is an estimate, and of that the weight
which realised edges have earned the quote's bin (``trading.honesty``). The result is whole
contracts, rounded down. References: Kelly (1956), "A New Interpretation of Information Rate";
MacLean, Thorp and Ziemba (2010) on fractional Kelly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from kalshi_alpha.markets.units import CASH_UNIT, SIZE_UNIT
from kalshi_alpha.trading.edge import Edge
from kalshi_alpha.trading.honesty import FULL, BinWeight

KELLY, MAX_SIZE, STRIKE, WINDOW, DAY, WEEK = "kelly", "max-size", "strike", "window", "day", "week"
HONESTY, DRIFT, SHORTFALL = "honesty", "drift", "shortfall"


@dataclass(frozen=True, slots=True)
class Budget:
    """What may still be put at risk. Sizes in 1/100 contract, the rest in cash >= 0."""

    bankroll: int
    max_size: int
    strike_left: int
    window_left: int
    day_left: int
    week_left: int


@dataclass(frozen=True, slots=True)
class Sizing:
    """A size in 1/100 contract, whole contracts, and the cap that set it.

    ``kelly`` is the untempered fraction of the bankroll, in [0, 1].
    """

    size: int
    bound_by: str
    kelly: float


def kelly_fraction_of(edge: Edge) -> float:
    """Return the growth-optimal fraction of the bankroll to put at risk, in [0, 1]."""
    cost = edge.worst_loss / CASH_UNIT
    if cost >= 1.0:
        return 0.0
    return min(1.0, max(0.0, (edge.win_probability - cost) / (1.0 - cost)))


def size_quote(
    edge: Edge, kelly_fraction: float, budget: Budget, belief: BinWeight = FULL
) -> Sizing:
    """Return how many whole contracts to quote.

    ``kelly_fraction`` in [0, 1] tempers Kelly, and ``belief`` in the quote's bin cuts it further.
    On a tie the cap listed first is named: Kelly, honesty, size, strike, window, day, week.
    """
    kelly = kelly_fraction_of(edge)
    each = edge.worst_loss
    stake = round(kelly * kelly_fraction * budget.bankroll)
    believed = round(kelly * kelly_fraction * belief.weight * budget.bankroll) // each
    if belief.cap is not None:
        believed = min(believed, belief.cap // SIZE_UNIT)
    contracts = {
        KELLY: stake // each,
        HONESTY: believed,
        MAX_SIZE: budget.max_size // SIZE_UNIT,
        STRIKE: budget.strike_left // each,
        WINDOW: budget.window_left // each,
        DAY: budget.day_left // each,
        WEEK: budget.week_left // each,
    }
    bound_by = min(contracts, key=lambda name: contracts[name])
    return Sizing(max(0, contracts[bound_by]) * SIZE_UNIT, bound_by, kelly)


def shrunk(sized: Sizing, share: float) -> Sizing:
    """Return what a ``share`` of the size is in whole contracts, rounded down; it never grows."""
    left = math.floor(max(0.0, share) * sized.size / SIZE_UNIT) * SIZE_UNIT
    return sized if left >= sized.size else Sizing(left, DRIFT, sized.kelly)
