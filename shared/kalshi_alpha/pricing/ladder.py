"""One law prices a whole ladder: probabilities of many payoffs with shared edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from kalshi_alpha.markets.contracts import Contract, Ladder, Payoff
from kalshi_alpha.pricing.law import mass_between

TICKS_PER_POINT = 100  # index settlement values have two decimals


class LadderLaw(Protocol):
    """What a ladder is priced from: a ``TerminalLaw`` of an index or a ``PrintLaw``."""

    def edge_log_odds(self, ticks: Sequence[int], ticks_per_point: int) -> list[float]:
        """Return the log odds of settling below each of a contract's ticks."""
        ...


def price_ladder(
    law: LadderLaw, ladder: Ladder, ticks_per_point: int = TICKS_PER_POINT
) -> tuple[tuple[Contract, float], ...]:
    """Return each contract of the ladder with its probability of paying, in the ladder's order."""
    payoffs = [contract.payoff for contract in ladder.contracts]
    found = probabilities(law, payoffs, ticks_per_point)
    return tuple(zip(ladder.contracts, found, strict=True))


def probabilities(
    law: LadderLaw, payoffs: Sequence[Payoff], ticks_per_point: int
) -> tuple[float, ...]:
    """Return the probability of each payoff.

    The law is evaluated once at each distinct edge, so N nested strikes or N adjoining ranges
    cost about N evaluations.
    """
    nested = [p.low for p in payoffs if p.high is None and p.low is not None]
    if len(nested) == len(payoffs):  # above/below: by far the longest ladders
        found = law.edge_log_odds(nested, ticks_per_point)
        return tuple([1.0 / (1.0 + odds) for odds in map(math.exp, found)])
    spans = [(p.low, None if p.high is None else p.high + 1) for p in payoffs]
    edges = list({edge for span in spans for edge in span if edge is not None})
    odds_below = dict(zip(edges, law.edge_log_odds(edges, ticks_per_point), strict=True))
    return tuple(
        mass_between(
            -math.inf if low is None else odds_below[low],
            math.inf if top is None else odds_below[top],
        )
        for low, top in spans
    )
