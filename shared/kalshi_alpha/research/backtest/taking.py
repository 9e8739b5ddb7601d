"""Taking, for ``mixed`` only: live never does. The price hit is the one that the last trades prove.

An order that takes lives for one second. It fills where somebody else took the same side within
that second at a better price than its limit, and then pays its limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kalshi_alpha.markets.book import Top
from kalshi_alpha.markets.contracts import Contract
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import CASH_UNIT, PRICE_UNIT, SIZE_UNIT
from kalshi_alpha.pricing.fees import FeeTerms, taker_fee
from kalshi_alpha.research.backtest.settings import Settings
from kalshi_alpha.trading.candidate_gates import CERTAINTY
from kalshi_alpha.trading.plan import TargetQuote

LIFE_S = 1.0


def best_take(
    priced: Sequence[tuple[Contract, float]],
    tops: Mapping[str, Top],
    terms: FeeTerms,
    settings: Settings,
    held: Mapping[str, int],
) -> TargetQuote | None:
    """Return the one order worth taking most now, None where none earns ``min_ev`` after its fee.

    A market that is held already, or another one once ``max_bins`` are held, is left alone.
    """
    if sum(bool(size) for size in held.values()) >= settings.max_bins:
        return None
    found = [
        target
        for contract, probability in priced
        if not held.get(contract.ticker) and CERTAINTY <= probability <= 1.0 - CERTAINTY
        for side in Side
        if (target := _take(contract, probability, side, tops[contract.ticker], terms, settings))
    ]
    return max(found, key=lambda target: (target.ev, target.ticker, target.side), default=None)


def _take(
    contract: Contract,
    probability: float,
    side: Side,
    top: Top,
    terms: FeeTerms,
    settings: Settings,
) -> TargetQuote | None:
    other = top.ask if side is Side.BID else top.bid
    if other is None:
        return None
    limit = other + side.sign * settings.through  # what proves the fill must lie inside the limit
    if not contract.grid.levels[0] <= limit <= contract.grid.levels[-1]:
        return None
    limit = contract.grid.ceil(limit) if side is Side.BID else contract.grid.floor(limit)
    fee = taker_fee(terms, limit, SIZE_UNIT, side)
    gain = side.sign * (probability * PRICE_UNIT - limit) / PRICE_UNIT
    ev = round(gain * CASH_UNIT) - fee
    if ev < settings.min_ev * SIZE_UNIT:
        return None
    size = settings.lots * SIZE_UNIT
    ppm = round(probability * 1_000_000)
    return TargetQuote(contract.ticker, side, limit, size, 0, ppm, ev)
