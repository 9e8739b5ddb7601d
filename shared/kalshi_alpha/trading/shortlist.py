"""Between the law and the candidates: which markets are looked at, and whose probability counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kalshi_alpha.markets.book import Top
from kalshi_alpha.markets.contracts import Contract
from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.pricing.blend import MarketBlends

# One request reads at most this many books; the strikes nearest even odds come first.
MOST_BOOKS = 100
WORTH_A_BOOK = 0.005


def near_even(priced: Sequence[tuple[Contract, float]]) -> list[tuple[Contract, float]]:
    """Return the contracts worth a look at their books, in ladder order."""
    ranked = sorted(priced, key=lambda item: abs(item[1] - 0.5))[:MOST_BOOKS]
    kept = {c.ticker for c, p in ranked if WORTH_A_BOOK < p < 1 - WORTH_A_BOOK}
    return [(contract, p) for contract, p in priced if contract.ticker in kept]


def with_market(
    near: Sequence[tuple[Contract, float]],
    tops: Mapping[str, Top],
    blends: MarketBlends | None,
    minutes: float,
) -> list[tuple[Contract, float]]:
    """Weigh in the others' mid price where the parameters say so and both sides are quoted."""
    band = None if blends is None else blends.at(minutes)
    if band is None:
        return list(near)
    found = []
    for contract, probability in near:
        bid, ask = tops[contract.ticker].bid, tops[contract.ticker].ask
        mid = None if bid is None or ask is None else (bid + ask) / (2 * PRICE_UNIT)
        blended = probability if mid is None else band.probability(probability, mid)
        found.append((contract, blended))
    return found
