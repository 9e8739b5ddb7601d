"""A made ladder of the day's highest temperature, as the venue draws them: two degrees each."""

from __future__ import annotations

from kalshi_alpha.markets.strikes import Payoff
from kalshi_alpha.markets.ticks import TickGrid
from kalshi_alpha.momentum.brackets import BracketSet, bracket_set

CENTS = TickGrid.from_price_ranges([{"start": "0.0000", "end": "1.0000", "step": "0.0100"}])
EVENT = "KXHIGHNY-24OCT31"


def made_brackets(count: int = 6) -> BracketSet:
    """Return ``count`` brackets: 50 or less, 51 to 52, and so on to an open end."""
    inner = [(f"{EVENT}-B{51.5 + 2 * k}", Payoff(51 + 2 * k, 52 + 2 * k)) for k in range(count - 2)]
    highest = 51 + 2 * len(inner)
    tails = [(f"{EVENT}-T51", Payoff(None, 50)), (f"{EVENT}-T{highest - 1}", Payoff(highest, None))]
    return bracket_set([*tails, *inner])
