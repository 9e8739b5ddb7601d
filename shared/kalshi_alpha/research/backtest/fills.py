"""What a simulated order met, and what proves it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kalshi_alpha.markets.orders import Side


class Evidence(StrEnum):
    """What says that a simulated order would have filled, best first.

    ``QUEUE_CLEARED``: a recorded book shows everything ahead of it gone and more traded.
    ``TRADE_THROUGH``: somebody traded at a worse price than ours, which had to fill first.
    ``CROSSED``: the other side was quoted at our price or through it, and would have met us; no
        trade is on record.
    ``TOUCHED``: somebody traded at our price; whoever stood ahead may have had all of it.
    """

    QUEUE_CLEARED = "queue_cleared"
    TRADE_THROUGH = "trade_through"
    CROSSED = "crossed"
    TOUCHED = "touched"

    @property
    def counts(self) -> bool:
        """Say whether a score or a graduation may count it."""
        return self is not Evidence.TOUCHED


@dataclass(frozen=True, slots=True)
class SimulatedFill:
    """One fill of one simulated order.

    Attributes:
        market: place in the ladder.
        ticker: the market.
        side: of YES.
        price: ours, 1/10000 dollar.
        size: 1/100 contract.
        at: the second's begin, seconds since 1970 UTC.
        placed: when the order stood at that price.
        is_taker: whether it took instead of resting.
        probability: what the quote was made on.
        ev: dollars a contract claimed at the last decision before the fill, after fees.
        fee: cash.
        evidence: what proves it.
    """

    market: int
    ticker: str
    side: Side
    price: int
    size: int
    at: float
    placed: float
    is_taker: bool
    probability: float
    ev: float
    fee: int
    evidence: Evidence
