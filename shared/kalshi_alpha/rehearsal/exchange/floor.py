"""The trading floor: markets, members and the mechanics of one book, before any rule of time.

What happens is told to ``listeners`` as events, which the WebSocket side turns into messages.
"""

from __future__ import annotations

import heapq
import itertools
import random
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from kalshi_alpha.clock import Clock
from kalshi_alpha.markets.orders import OrderStatus, Side
from kalshi_alpha.pricing.fees import DIRECT, FeeTerms, series_terms_at
from kalshi_alpha.rehearsal.exchange.collateral import retie
from kalshi_alpha.rehearsal.exchange.model import Account, Market, Order

Value = Callable[[str, datetime], float | None]
Listener = Callable[[str, dict[str, Any]], None]

SETTLEMENT_DELAY = timedelta(seconds=127)  # from close to paid out: the venue's median


class Rejected(Exception):
    """The exchange says no: HTTP status, code and details."""

    def __init__(self, status: int, code: str, details: str = "") -> None:
        super().__init__(f"{status} {code} {details}")
        self.status, self.code, self.details = status, code, details


@dataclass
class Floor:
    """All markets and accounts.

    Args:
        clock: where time comes from.
        value: the index at an instant, None when there is none; it decides the settlement.
        seed: of ids, settlement basis and everything else that is drawn.
        basis_sd: standard deviation of the venue's own print about the index, points by symbol.
        settlement_delay: from a market's close to its payment.
        precision: cash a member's balance is kept to.
        maintenance: whether trading pauses on Thursdays, 03:00 to 05:00 New York time.
    """

    clock: Clock
    value: Value
    seed: int = 1
    basis_sd: dict[str, float] = field(default_factory=lambda: {"SPX": 0.1, "NDX": 0.4})
    settlement_delay: timedelta = SETTLEMENT_DELAY
    precision: int = DIRECT
    maintenance: bool = True

    def __post_init__(self) -> None:
        """Start with nothing listed and nobody in."""
        self.markets: dict[str, Market] = {}
        self.accounts: dict[str, Account] = {}
        self.listeners: list[Listener] = []
        self.exchange_active = True
        self.fee_overrides: dict[str, FeeTerms] = {}  # by event
        self._ids = random.Random(f"ids-{self.seed}")
        self._due: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._count = itertools.count()

    # --- set-up ------------------------------------------------------------------------------

    def open_account(self, account_id: str, cash: int, *, keeps_records: bool = True) -> Account:
        """Let a member in with that much cash."""
        account = Account(account_id, cash, cash, keeps_records=keeps_records)
        self.accounts[account_id] = account
        return account

    def terms(self, market: Market, now: datetime) -> FeeTerms:
        """Return the fee terms in force: the event's override, else the series' at that date."""
        override = self.fee_overrides.get(market.event_ticker)
        return override or series_terms_at(market.series, now)

    def override_fees(self, event_ticker: str, terms: FeeTerms | None) -> None:
        """Give an event its own fee terms, or take them away again."""
        if terms is None:
            self.fee_overrides.pop(event_ticker, None)
        else:
            self.fee_overrides[event_ticker] = terms
        self._tell("event_fee", event_ticker=event_ticker, terms=terms)

    # --- looking -----------------------------------------------------------------------------

    def resting(self, account_id: str) -> list[Order]:
        """Return an account's resting orders, oldest first."""
        held = self.accounts[account_id].resting.values()
        found = [order for orders in held for order in orders.values()]
        return sorted(found, key=lambda order: order.created_at)

    def available(self, account: Account) -> int:
        """Return cash less what resting orders tie up."""
        return account.cash - sum(account.tied.values())

    def queue_ahead(self, order: Order) -> int:
        """Return the size that is ahead of an order at its price."""
        ahead = 0
        for other in self.markets[order.ticker].side(order.side).get(order.price, {}).values():
            if other is order:
                return ahead
            ahead += other.remaining
        return 0

    # --- the book ----------------------------------------------------------------------------

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._ids.getrandbits(128), version=4))

    def _rest(self, market: Market, order: Order, reason: str = "") -> None:
        account = self.accounts[order.account]
        order.status, order.last_reason = OrderStatus.RESTING, reason
        market.side(order.side).setdefault(order.price, {})[order.order_id] = order
        account.resting.setdefault(order.ticker, {})[order.order_id] = order
        retie(account, order.ticker)
        self._tell_delta(market, order.side, order.price, order.remaining, order)
        self._tell("order", account=account, order=order, reason=reason)

    def _off_book(self, order: Order) -> None:
        """Take an order off its level; it may come back elsewhere."""
        market, account = self.markets[order.ticker], self.accounts[order.account]
        self._leave_level(market, order)
        retie(account, order.ticker)
        self._tell_delta(market, order.side, order.price, -order.remaining, order)

    def _leave_level(self, market: Market, order: Order) -> None:
        level = market.side(order.side).get(order.price)
        if level is not None and level.pop(order.order_id, None) is not None and not level:
            del market.side(order.side)[order.price]
        self.accounts[order.account].resting.get(order.ticker, {}).pop(order.order_id, None)

    def _shrink(self, order: Order, by: int, reason: str, at: datetime) -> None:
        order.remaining -= by
        order.initial -= by
        order.updated_at = at
        account = self.accounts[order.account]
        retie(account, order.ticker)
        if by:
            market = self.markets[order.ticker]
            self._tell_delta(market, order.side, order.price, -by, order)
        self._tell("order", account=account, order=order, reason=reason)

    def _take_out(self, order: Order, reason: str, at: datetime) -> None:
        self._off_book(order)
        self._end(order, OrderStatus.CANCELED, reason, at)

    def _take_out_all(self, orders: Iterable[Order], reason: str, at: datetime) -> None:
        for order in list(orders):
            self._take_out(order, reason, at)

    def _end(self, order: Order, status: OrderStatus, reason: str, at: datetime) -> None:
        order.remaining, order.status = 0, status
        order.updated_at, order.last_reason = at, reason
        account = self.accounts[order.account]
        if not account.keeps_records:
            account.orders.pop(order.order_id, None)
            account.client_ids.pop(order.client_order_id, None)
        self._tell("order", account=account, order=order, reason=reason)

    # --- telling -----------------------------------------------------------------------------

    def _when(self, at: datetime, action: Callable[[datetime], None]) -> None:
        """Do something at an instant; what is due at the same one happens in the order asked."""
        heapq.heappush(self._due, (at, next(self._count), action))

    def _tell(self, kind: str, **what: Any) -> None:
        for listener in self.listeners:
            listener(kind, what)

    def _tell_delta(self, market: Market, side: Side, price: int, delta: int, order: Order) -> None:
        self._tell("delta", market=market, side=side, price=price, delta=delta, order=order)
