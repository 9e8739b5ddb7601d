"""One law prices a whole ladder: probabilities of many payoffs with shared edges."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kalshi_alpha.markets.contracts import Contract, Ladder, Payoff
from kalshi_alpha.pricing.law import TerminalLaw, mass_between


def price_ladder(law: TerminalLaw, ladder: Ladder) -> tuple[tuple[Contract, float], ...]:
    """Return each contract of the ladder with its probability of paying, in the ladder's order."""
    payoffs = [contract.payoff for contract in ladder.contracts]
    found = probabilities(law, payoffs, ladder.series.ticks_per_point)
    return tuple(zip(ladder.contracts, found, strict=True))


def probabilities(
    law: TerminalLaw, payoffs: Sequence[Payoff], ticks_per_point: int
) -> tuple[float, ...]:
    """Return the probability of each payoff.

    The law is evaluated once at each distinct edge, so N nested strikes or N adjoining ranges
    cost about N evaluations.
    """
    lows = [payoff.low for payoff in payoffs]
    tops = [None if payoff.high is None else payoff.high + 1 for payoff in payoffs]
    edges = list({*lows, *tops} - {None})
    odds: dict[int | None, float] = dict(
        zip(edges, law.edge_log_odds(edges, ticks_per_point), strict=True)  # type: ignore[arg-type]
    )
    exp, endless = math.exp, math.inf
    return tuple(
        [
            1.0 / (1.0 + exp(odds[low]))
            if top is None and low is not None
            else mass_between(
                -endless if low is None else odds[low], endless if top is None else odds[top]
            )
            for low, top in zip(lows, tops, strict=True)
        ]
    )
