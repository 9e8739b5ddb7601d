"""The venue-neutral words for orders, fills, positions and settlements.

A side is always about YES: a bid buys YES, an ask sells YES, which is to buy NO at one minus the
price. Prices, sizes and cash are integers in the units of ``markets.units``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kalshi_alpha.markets.units import PRICE_UNIT


class Side(StrEnum):
    """Which side of the YES book."""

    BID = "bid"
    ASK = "ask"

    @property
    def sign(self) -> int:
        """Return +1 for a bid (YES comes in) and -1 for an ask."""
        return 1 if self is Side.BID else -1

    @property
    def other(self) -> Side:
        """Return the opposite side."""
        return Side.ASK if self is Side.BID else Side.BID


class OrderStatus(StrEnum):
    """What the venue says of an order; ``UNKNOWN`` is every word we do not know."""

    RESTING = "resting"
    CANCELED = "canceled"
    EXECUTED = "executed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order to be placed. Post-only and good-till-time always: there is no other kind here."""

    ticker: str
    side: Side
    price: int
    size: int
    client_order_id: str
    expires_at: datetime  # whole seconds, UTC
    order_group_id: str = ""

    @property
    def worst_loss(self) -> int:
        """Return the cash lost, >= 0, if it fills whole and settles the wrong way, fees aside."""
        return worst_loss(self.side, self.price, self.size)


@dataclass(frozen=True, slots=True)
class LiveOrder:
    """An order as the venue shows it."""

    order_id: str
    client_order_id: str
    ticker: str
    side: Side
    price: int
    initial_size: int
    filled_size: int
    remaining_size: int
    status: OrderStatus
    expires_at: datetime | None = None
    order_group_id: str = ""
    created_at: datetime | None = None
    fees: int = 0  # cash, maker and taker together
    updated_at: datetime | None = None  # when the venue last touched it


@dataclass(frozen=True, slots=True)
class Ack:
    """The venue's answer to a create or an amend."""

    order_id: str
    client_order_id: str
    filled_size: int
    remaining_size: int
    at: datetime


@dataclass(frozen=True, slots=True)
class CancelResult:
    """The venue's answer to one cancel; ``error`` is its word when it did not cancel."""

    order_id: str
    reduced_by: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Fill:
    """One fill of one of our orders. ``price`` is the YES price."""

    fill_id: str
    order_id: str
    ticker: str
    side: Side
    price: int
    size: int
    is_taker: bool
    fee: int
    at: datetime

    @property
    def cash(self) -> int:
        """Return the signed cash that moved, fee included: buying YES or NO pays out."""
        paid = self.price if self.side is Side.BID else PRICE_UNIT - self.price
        return -paid * self.size - self.fee


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one market paid us."""

    ticker: str
    result: str  # yes | no | scalar
    revenue: int  # cash, >= 0
    fees: int  # cash, reporting only
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PublicTrade:
    """A trade anyone can see."""

    trade_id: str
    ticker: str
    price: int
    size: int
    taker_side: Side
    at: datetime


def worst_loss(side: Side, price: int, size: int) -> int:
    """Return the cash at risk, >= 0, in holding ``size`` bought on ``side`` at YES ``price``."""
    return (price if side is Side.BID else PRICE_UNIT - price) * size
