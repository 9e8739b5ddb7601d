"""From the law to the choice: which markets are looked at, whose probability counts, and when.

Scan and backtest call the same three functions, so what a replay decides is what live decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kalshi_alpha.markets.book import Top
from kalshi_alpha.markets.contracts import Contract, Ladder
from kalshi_alpha.markets.registry import Quoting, Symbol
from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.pricing.blend import MarketBlends
from kalshi_alpha.pricing.fees import FeeTerms
from kalshi_alpha.trading.candidate_gates import Moment, NearStrike
from kalshi_alpha.trading.candidates import Candidate, candidates
from kalshi_alpha.trading.tuning import UNTUNED, Tuning
from kalshi_alpha.trading.when import places_of

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


def looked_at(
    near: Sequence[tuple[Contract, float]],
    tops: Mapping[str, Top],
    terms: FeeTerms,
    quoting: Quoting,
    tuning: Tuning,
    every_s: float,
    seconds_to_fixing: float,
) -> tuple[Candidate, ...]:
    """Return both sides of every market with its value: fill chance x (edge less expected loss).

    Without a fill model the chance is 1 and the loss 0. A quote is taken to rest for ``every_s``.
    """
    return candidates(near, tops, terms, quoting, tuning.view(every_s, seconds_to_fixing))


def moment_of(
    symbol: Symbol | None,
    ladder: Ladder,
    level: float,
    ticks_per_point: int,
    seconds_to_fixing: float,
    tuning: Tuning = UNTUNED,
) -> Moment:
    """Return what the gates may know at a scan: the level, the time, and what is closed.

    Without a symbol no strike is too near: a figure is printed once, by one source.
    """
    places = places_of(ladder.contracts, level, ticks_per_point) if tuning.when.closed else {}
    near = None
    if symbol is not None:
        near = NearStrike(symbol.near_strike_points, symbol.near_strike_within_s)
    return Moment(
        level=level,
        ticks_per_point=ticks_per_point,
        seconds_to_fixing=seconds_to_fixing,
        near_strike=near,
        when=tuning.when,
        places=places,
    )
