"""What the simulated exchange keeps: markets, orders, accounts, groups, in integer units."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kalshi_alpha.markets.orders import OrderStatus, Side
from kalshi_alpha.markets.strikes import Payoff
from kalshi_alpha.markets.ticks import TickGrid
from kalshi_alpha.pricing.fees import FeeAccumulator


@dataclass(slots=True)
class Order:
    """One order. ``price`` is the YES price; ``remaining`` is what may still fill."""

    order_id: str
    client_order_id: str
    account: str
    ticker: str
    side: Side
    price: int
    initial: int
    remaining: int
    created_at: datetime
    updated_at: datetime
    fees: FeeAccumulator
    filled: int = 0
    status: OrderStatus = OrderStatus.RESTING
    expires_at: datetime | None = None
    group_id: str = ""
    stp: str = "taker_at_cross"
    cancel_on_pause: bool = False
    maker_fees: int = 0
    taker_fees: int = 0
    maker_cost: int = 0
    taker_cost: int = 0
    last_reason: str = ""


@dataclass(slots=True)
class Market:
    """One binary market with its book: price levels of orders in time priority."""

    ticker: str
    event_ticker: str
    series: str
    symbol: str
    payoff: Payoff
    ticks_per_point: int
    grid: TickGrid
    open_at: datetime
    close_at: datetime
    listed: dict[str, Any]
    bids: dict[int, dict[str, Order]] = field(default_factory=dict)
    asks: dict[int, dict[str, Order]] = field(default_factory=dict)
    paused: bool = False
    result: str = ""
    yes_value: int | None = None
    expiration_value: str = ""
    determined_at: datetime | None = None
    settled_at: datetime | None = None
    last_price: int = 0
    volume: int = 0
    open_interest: int = 0
    trades: deque[Trade] = field(default_factory=lambda: deque(maxlen=5000))
    decided_at: datetime | None = None  # when a figure is printed that is so after the close

    def side(self, side: Side) -> dict[int, dict[str, Order]]:
        """Return the levels of one side."""
        return self.bids if side is Side.BID else self.asks

    def best(self, side: Side) -> int | None:
        """Return the best price of a side."""
        levels = self.side(side)
        if not levels:
            return None
        return max(levels) if side is Side.BID else min(levels)

    def orders(self) -> list[Order]:
        """Return every resting order."""
        levels = [*self.bids.values(), *self.asks.values()]
        return [order for level in levels for order in level.values()]

    def orders_at(self, side: Side, limit: int) -> Iterator[Order]:
        """Yield a side's orders that an incoming order up to ``limit`` would meet, in turn."""
        prices = sorted(self.side(side), reverse=side is Side.BID)
        for price in prices:
            if (limit - price) * side.sign > 0:
                return
            yield from self.side(side)[price].values()

    def depth(self, side: Side, price: int) -> int:
        """Return the size resting at a price."""
        return sum(order.remaining for order in self.side(side).get(price, {}).values())

    def status_at(self, now: datetime) -> str:
        """Return the venue's word for the market's state."""
        if self.settled_at is not None:
            return "finalized"
        if self.determined_at is not None:
            return "determined"
        if now >= self.close_at:
            return "closed"
        if now < self.open_at:
            return "initialized"
        return "inactive" if self.paused else "active"


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade on the public tape."""

    trade_id: str
    ticker: str
    price: int
    size: int
    taker_side: Side
    at: datetime


@dataclass(frozen=True, slots=True)
class FillRecord:
    """One side of a trade, for its account."""

    trade_id: str
    order_id: str
    client_order_id: str
    ticker: str
    side: Side
    price: int
    size: int
    is_taker: bool
    fee: int
    at: datetime
    position: int


@dataclass(frozen=True, slots=True)
class SettlementRecord:
    """What a settled market paid an account."""

    ticker: str
    event_ticker: str
    result: str
    position: int
    cost: int
    revenue: int
    fees: int
    at: datetime
    yes_value: int


@dataclass(slots=True)
class Group:
    """An order group: past ``limit`` filled in a rolling 15 s it cancels and refuses."""

    group_id: str
    account: str
    limit: int  # 1/100 contract
    triggered: bool = False
    recent: deque[tuple[datetime, int]] = field(default_factory=deque)


@dataclass(slots=True)
class Account:
    """One member: cash, positions, orders, fills. Positions are signed YES."""

    account_id: str
    cash: int
    initial_cash: int
    positions: dict[str, int] = field(default_factory=dict)
    costs: dict[str, int] = field(default_factory=dict)
    fees: dict[str, int] = field(default_factory=dict)
    traded: dict[str, int] = field(default_factory=dict)
    volumes: dict[str, int] = field(default_factory=dict)
    realised: dict[str, int] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    resting: dict[str, dict[str, Order]] = field(default_factory=dict)  # by ticker and id
    tied: dict[str, int] = field(default_factory=dict)  # cash that resting orders tie up, by ticker
    client_ids: dict[str, str] = field(default_factory=dict)
    fills: list[FillRecord] = field(default_factory=list)
    settlements: list[SettlementRecord] = field(default_factory=list)
    groups: dict[str, Group] = field(default_factory=dict)
    keeps_records: bool = True  # the crowd's own histories are not kept
