"""The rule ``offset``: quotes that rest the threshold off the law, whoever else is there."""

from __future__ import annotations

from collections.abc import Sequence

from kalshi_alpha.markets.book import Top
from kalshi_alpha.markets.contracts import Contract
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.trading.candidates import Candidate, candidate
from kalshi_alpha.trading.deciding import Look


def offset_candidates(
    look: Look, priced: Sequence[tuple[Contract, float]]
) -> tuple[Candidate, ...]:
    """Return candidates that rest the threshold off the probability, whoever else is there."""
    view = look.tuning.view(look.every_s, look.seconds_to_fixing)
    terms, quoting = look.terms, look.series.quoting
    return tuple(
        candidate(c, side, p, _alone(c, side, look.tops[c.ticker]), terms, quoting, view)
        for c, p in priced
        for side in Side
    )


def _alone(contract: Contract, side: Side, top: Top) -> Top:
    """Return the book without anybody on ``side``: what rests there is off the probability.

    Where nobody is known on the other side, somebody is taken to stand at the grid's end.
    """
    levels = contract.grid.levels
    if side is Side.BID:
        return Top(None, 0, levels[-1] if top.ask is None else top.ask, top.ask_size)
    return Top(levels[0] if top.bid is None else top.bid, top.bid_size, None, 0)
