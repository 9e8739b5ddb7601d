"""Expected value of one resting contract, in dollars after fees.

Everything is about YES, which pays one dollar with probability q. A bid that fills at price p
earns ``q - p - fee``; an ask that fills at p earns ``p - q - fee``, because selling YES at p is
buying NO at ``1 - p`` and NO pays with probability ``1 - q``. The two add up to minus both fees.

The expectation is conditional on a fill: it says nothing of how likely a fill is, and it takes
the probability as given although whoever takes the quote may know better. With an outlook from
``trading.fills`` both are in: what is expected is then the chance of a fill times what the edge
leaves after the loss that fills bring. Without one, which is the rule, the two are 1 and 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from kalshi_alpha.errors import InvariantBroken
from kalshi_alpha.markets.orders import Side, worst_loss
from kalshi_alpha.markets.units import CASH_UNIT, PRICE_UNIT, SIZE_UNIT
from kalshi_alpha.pricing.fees import FeeTerms, maker_fee
from kalshi_alpha.trading.fills import Outlook


@dataclass(frozen=True, slots=True)
class Edge:
    """What one contract resting on ``side`` at ``price`` is worth if it fills.

    ``price`` is in 1/10000 dollar and ``fee`` in cash for one whole contract, both about YES;
    ``probability`` is of YES, in [0, 1]; ``ev`` is in dollars a contract. ``fill_probability`` and
    ``markout_loss`` (dollars, >= 0) are the outlook's.
    """

    ticker: str
    side: Side
    price: int
    probability: float
    fee: int
    ev: float
    fill_probability: float = 1.0
    markout_loss: float = 0.0

    @property
    def ev_cash(self) -> int:
        """Return the expected value in whole cash units, so float noise decides no comparison."""
        return round(self.fill_probability * (self.ev - self.markout_loss) * CASH_UNIT)

    @property
    def worst_loss(self) -> int:
        """Return the cash lost, >= 0, when one contract fills and settles the wrong way."""
        return worst_loss(self.side, self.price, SIZE_UNIT) + self.fee

    @property
    def win_probability(self) -> float:
        """Return the probability that the contract bought pays: YES for a bid, NO for an ask."""
        return self.probability if self.side is Side.BID else 1.0 - self.probability

    def clears(self, min_ev: int) -> bool:
        """Say whether a fill earns at least ``min_ev`` (1/10000 dollar a contract).

        How likely the fill is does not matter here: the threshold is there for errors of the
        probability, and those cost the same in a rare fill.
        """
        return round((self.ev - self.markout_loss) * CASH_UNIT) >= min_ev * SIZE_UNIT


def edge(
    ticker: str,
    side: Side,
    price: int,
    probability: float,
    terms: FeeTerms,
    outlook: Outlook | None = None,
) -> Edge:
    """Return the edge of one contract resting at ``price``; ``outlook`` is off when None.

    Raises:
        InvariantBroken: when the probability is not in [0, 1] (a NaN is not either) or the price
            is not strictly between 0 and one dollar.
    """
    if not 0.0 <= probability <= 1.0:
        raise InvariantBroken(f"the probability {probability} of {ticker} is not within 0 to 1")
    if not 0 < price < PRICE_UNIT:
        raise InvariantBroken(f"the price {price} of {ticker} is not within 1 to {PRICE_UNIT - 1}")
    fee = maker_fee(terms, price, SIZE_UNIT, side)
    gain = side.sign * (probability - price / PRICE_UNIT)
    found = Edge(ticker, side, price, probability, fee, gain - fee / CASH_UNIT)
    if outlook is None:
        return found
    return replace(
        found, fill_probability=outlook.fill_probability, markout_loss=outlook.markout_loss
    )
