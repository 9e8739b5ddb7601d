"""No arbitrage against ourselves: could some set of our own orders lose whatever the index does?

Of one index at one fixing every market pays between two edges of the settlement value, so its fair
price is a difference of the distribution function at two places. A bid says that this difference
is at least its cost, an ask that it is at most so much; and a distribution function rises from 0 to
1. By de Finetti's theorem no set of orders loses for sure exactly when some distribution agrees
with them all. Such a system of differences has a solution exactly when the graph of its bounds has
no negative cycle (Bellman, 1958), and a negative cycle names the orders and what they lose:
above/below and ranges, two orders or ten, by one rule and in whole numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import CASH_UNIT

_Place = float  # a settlement tick, or an end of the line


@dataclass(frozen=True, slots=True)
class Offer:
    """One contract of a resting order: ``cost`` is the cash paid for it, its fee included."""

    ticker: str
    payoff: Payoff
    side: Side
    cost: int


@dataclass(frozen=True, slots=True)
class SureLoss:
    """Orders that lose ``cash`` > 0 or more together, one contract of each, in every outcome."""

    offers: tuple[Offer, ...]
    cash: int


@dataclass(frozen=True, slots=True)
class _Bound:
    """The distribution at ``above`` is at most ``most`` over that at ``below``."""

    below: _Place
    above: _Place
    most: int
    offer: Offer | None = None


def sure_loss(offers: Sequence[Offer]) -> SureLoss | None:
    """Return a set of the offers, all of one index and fixing, that loses for sure, or None.

    An offer may be in it more than once: its order need only be large enough.
    """
    bounds = _bounds(offers)
    places = sorted({bound.below for bound in bounds})
    distance = dict.fromkeys(places, 0)
    last: dict[_Place, _Bound] = {}
    moved = None
    for _ in places:
        moved = None
        for bound in bounds:
            if distance[bound.below] + bound.most < distance[bound.above]:
                distance[bound.above] = distance[bound.below] + bound.most
                last[bound.above] = bound
                moved = bound.above
        if moved is None:
            return None
    assert moved is not None  # there are at least two places
    for _ in places:  # walk back until surely inside the cycle
        moved = last[moved].below
    cycle = _cycle(last, moved)
    return SureLoss(
        tuple(bound.offer for bound in cycle if bound.offer is not None),
        -sum(bound.most for bound in cycle),
    )


def _bounds(offers: Sequence[Offer]) -> list[_Bound]:
    found = [_said(offer) for offer in offers]
    places = sorted({-math.inf, math.inf, *(x for b in found for x in (b.below, b.above))})
    # it never falls ...
    found += [_Bound(high, low, 0) for low, high in pairwise(places)]
    # ... and rises by exactly one dollar
    found.append(_Bound(-math.inf, math.inf, CASH_UNIT))
    found.append(_Bound(math.inf, -math.inf, -CASH_UNIT))
    return found


def _said(offer: Offer) -> _Bound:
    """Return what an offer says of the distribution: YES is worth its cost, or one less it."""
    low = -math.inf if offer.payoff.low is None else offer.payoff.low
    high = math.inf if offer.payoff.high is None else offer.payoff.high + 1
    if offer.side is Side.BID:  # at least the cost
        return _Bound(high, low, -offer.cost, offer)
    return _Bound(low, high, CASH_UNIT - offer.cost, offer)


def _cycle(last: dict[_Place, _Bound], start: _Place) -> list[_Bound]:
    found = [last[start]]
    while found[-1].below != start:
        found.append(last[found[-1].below])
    return found
