"""The matching engine: price-time priority on one YES book a market, with no I/O of its own.

Every entry point first lets time pass, so that orders expire and markets close at their instants.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.markets.orders import OrderStatus, Side
from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.pricing.fees import FeeAccumulator, fee_regime_on
from kalshi_alpha.rehearsal.exchange.collateral import move, retie, tied_with
from kalshi_alpha.rehearsal.exchange.floor import Rejected, Value
from kalshi_alpha.rehearsal.exchange.groups import Groups
from kalshi_alpha.rehearsal.exchange.model import Account, FillRecord, Market, Order, Trade

__all__ = ["Engine", "Rejected", "Ticket", "Value"]

# After cancel-all the venue may cancel once more what arrives within a minute.
CANCEL_ALL_TAIL = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Ticket:
    """An order as it comes in, checked for form already."""

    ticker: str
    side: Side
    price: int
    size: int
    client_order_id: str = ""
    time_in_force: str = "good_till_canceled"
    post_only: bool = False
    reduce_only: bool = False
    expires_at: datetime | None = None
    group_id: str = ""
    stp: str = "taker_at_cross"
    cancel_on_pause: bool = False


class Engine(Groups):
    """The whole exchange."""

    def create(self, account_id: str, ticket: Ticket) -> Order:
        """Take an order in: match it, rest it or refuse it (``Rejected``)."""
        now = self.advance()
        account = self.accounts[account_id]
        market = self._tradable(ticket.ticker, now)
        self._check_ticket(account, market, ticket, now)
        order = self._admitted(account, market, ticket, now)
        if self._may_fill(market, order, ticket):
            self._match(market, order, now)
        if order.remaining and ticket.time_in_force != "good_till_canceled":
            self._end(order, OrderStatus.CANCELED, "Canceled", now)
        if order.remaining:
            self._rest(market, order)
            self._plan_expiry(order)
        self._check_groups(now)
        return order

    def amend(
        self,
        account_id: str,
        order_id: str,
        *,
        price: int,
        count: int,
        expires_at: datetime | Literal["keep"] | None = "keep",
        client_order_id: str = "",
    ) -> Order:
        """Change an order: ``count`` is filled plus wanted resting; place is kept on a decrease."""
        now = self.advance()
        account = self.accounts[account_id]
        order = self._live(account, order_id, now)
        market = self._tradable(order.ticker, now)
        wanted = count - order.filled
        self._check_price(market, price)
        if wanted <= 0:
            raise Rejected(400, "invalid_order", "the new count is filled already")
        if client_order_id not in {"", order.client_order_id}:
            self._check_new_id(account, client_order_id)
        if expires_at != "keep":
            _check_expiry(expires_at, now)
        keeps_place = price == order.price and wanted <= order.remaining
        if not keeps_place:
            self._check_collateral(account, (order.side, price, wanted), order.ticker, order)
        if client_order_id:
            account.client_ids[client_order_id] = order_id
            order.client_order_id = client_order_id
        if expires_at != "keep":
            order.expires_at = expires_at
            self._plan_expiry(order)
        if keeps_place:
            self._shrink(order, order.remaining - wanted, "Amend", now)
        else:
            self._off_book(order)
            order.price, order.remaining = price, wanted
            order.initial, order.updated_at = order.filled + wanted, now
            self._match(market, order, now)
            if order.remaining:
                self._rest(market, order, "Amend")
        self._check_groups(now)
        return order

    def decrease(
        self, account_id: str, order_id: str, *, by: int | None = None, to: int | None = None
    ) -> Order:
        """Make an order smaller; its place in the queue is kept."""
        now = self.advance()
        order = self._live(self.accounts[account_id], order_id, now)
        self._tradable(order.ticker, now)
        left = to if to is not None else order.remaining - (by or 0)
        if not 0 <= left <= order.remaining:
            raise Rejected(400, "invalid_parameters", "the order can only become smaller")
        if left == 0:
            self._take_out(order, "Decrease", now)
        else:
            self._shrink(order, order.remaining - left, "Decrease", now)
        return order

    def cancel(self, account_id: str, order_id: str) -> tuple[Order, int]:
        """Cancel an order; return it and the size that was taken out."""
        now = self.advance()
        order = self._live(self.accounts[account_id], order_id, now)
        removed = order.remaining
        self._take_out(order, "Canceled", now)
        return order, removed

    def cancel_all(self, account_id: str) -> None:
        """Cancel everything of an account now, and once more at a drawn instant of the minute."""
        now = self.advance()
        delay = random.Random(f"tail-{self.seed}-{now.isoformat()}").random() * CANCEL_ALL_TAIL
        self._when(now + delay, lambda at: self._cancel_open(account_id, at))
        self._cancel_open(account_id, now)

    # --- checks ------------------------------------------------------------------------------

    def _cancel_open(self, account_id: str, at: datetime) -> None:
        """Cancel an account's orders in every market that has not closed."""
        leaving = [
            order
            for order in self.resting(account_id)
            if at < self.markets[order.ticker].close_at and self.exchange_active
        ]
        self._take_out_all(leaving, "Canceled", at)

    def _tradable(self, ticker: str, now: datetime) -> Market:
        market = self.markets.get(ticker)
        if market is None:
            raise Rejected(404, "not_found", f"there is no market {ticker}")
        if not self.trading_active:
            raise Rejected(400, "TRADING_PAUSED", "trading is paused")
        if market.status_at(now) != "active":
            raise Rejected(400, "MARKET_INACTIVE", f"{ticker} is {market.status_at(now)}")
        return market

    def _live(self, account: Account, order_id: str, now: datetime) -> Order:
        """Return a resting order; after the close every action on it is refused."""
        order = account.orders.get(order_id)
        if order is None or order.ticker not in self.markets:  # archived with its market
            raise Rejected(404, "not_found", "there is no such order")
        if not self.exchange_active:
            raise Rejected(400, "EXCHANGE_PAUSED", "the exchange is paused: no cancels either")
        if now >= self.markets[order.ticker].close_at:
            raise Rejected(400, "MARKET_INACTIVE", f"{order.ticker} has closed")
        if order.status is not OrderStatus.RESTING:
            raise Rejected(404, "not_found", f"the order is {order.status} already")
        return order

    def _check_ticket(
        self, account: Account, market: Market, ticket: Ticket, now: datetime
    ) -> None:
        if ticket.client_order_id:
            self._check_new_id(account, ticket.client_order_id)
        self._check_price(market, ticket.price)
        if ticket.size <= 0:
            raise Rejected(400, "invalid_parameters", "count must be at least 0.01")
        if ticket.expires_at is not None and ticket.time_in_force != "good_till_canceled":
            raise Rejected(400, "invalid_parameters", "only good_till_canceled may expire")
        _check_expiry(ticket.expires_at, now)
        if ticket.reduce_only and ticket.time_in_force != "immediate_or_cancel":
            raise Rejected(400, "invalid_parameters", "reduce_only needs immediate_or_cancel")
        if ticket.group_id and self.group(account.account_id, ticket.group_id).triggered:
            raise Rejected(400, "invalid_order", "the order group is triggered")
        best = market.best(ticket.side.other)
        if ticket.post_only and best is not None and _crosses(ticket.side, ticket.price, best):
            raise Rejected(400, "invalid_order", "post only cross")
        self._check_collateral(account, (ticket.side, ticket.price, ticket.size), ticket.ticker)

    def _check_collateral(
        self,
        account: Account,
        row: tuple[Side, int, int],
        ticker: str,
        replaced: Order | None = None,
    ) -> None:
        more = tied_with(account, ticker, row, replaced) - account.tied.get(ticker, 0)
        if self.available(account) < more:
            raise Rejected(400, "insufficient_balance", "the balance does not cover the order")

    @staticmethod
    def _check_price(market: Market, price: int) -> None:
        if not market.grid.contains(price):
            raise Rejected(400, "invalid_price", f"the price is not on the grid of {market.ticker}")

    @staticmethod
    def _check_new_id(account: Account, client_order_id: str) -> None:
        if client_order_id in account.client_ids:
            raise Rejected(409, "order_already_exists", "client_order_id was used before")

    def _admitted(self, account: Account, market: Market, ticket: Ticket, now: datetime) -> Order:
        """Write a checked order into the account's books."""
        order = Order(
            order_id=self._new_id(),
            client_order_id=ticket.client_order_id or self._new_id(),
            account=account.account_id,
            ticker=ticket.ticker,
            side=ticket.side,
            price=ticket.price,
            initial=ticket.size,
            remaining=_reduced(account, ticket),
            created_at=now,
            updated_at=now,
            fees=FeeAccumulator(
                self.terms(market, now),
                self.precision,
                fee_regime_on(now.astimezone(NEW_YORK).date()),
            ),
            expires_at=ticket.expires_at,
            group_id=ticket.group_id,
            stp=ticket.stp,
            cancel_on_pause=ticket.cancel_on_pause,
        )
        account.orders[order.order_id] = order
        account.client_ids[order.client_order_id] = order.order_id
        return order

    # --- matching ----------------------------------------------------------------------------

    def _may_fill(self, market: Market, order: Order, ticket: Ticket) -> bool:
        """Say whether to match: a fill-or-kill that cannot fill whole is killed first.

        One that would meet an order of its own member is taken as immediate-or-cancel.
        """
        if ticket.time_in_force != "fill_or_kill":
            return True
        met = list(market.orders_at(order.side.other, order.price))
        if any(other.account == order.account for other in met):
            return True
        return sum(other.remaining for other in met) >= order.remaining

    def _match(self, market: Market, order: Order, now: datetime) -> None:
        while order.remaining and (maker := _met(market, order)) is not None:
            if maker.account != order.account:
                self._trade(market, maker, order, now)
            elif order.stp == "maker":
                self._take_out(maker, "SelfTradeCancel", now)
            else:
                self._end(order, OrderStatus.CANCELED, "SelfTradeCancel", now)

    def _trade(self, market: Market, maker: Order, taker: Order, now: datetime) -> None:
        size = min(maker.remaining, taker.remaining)
        trade = Trade(self._new_id(), market.ticker, maker.price, size, taker.side, now)
        market.trades.append(trade)
        market.last_price = trade.price
        market.volume += size
        market.open_interest -= self._held(market, maker, taker)
        self._fill(maker, trade, is_taker=False)
        self._fill(taker, trade, is_taker=True)
        market.open_interest += self._held(market, maker, taker)
        self._tell_delta(market, maker.side, maker.price, -size, maker)
        self._tell("trade", trade=trade)

    def _held(self, market: Market, *orders: Order) -> int:
        """Return what the orders' members are long of a market."""
        accounts = [self.accounts[order.account] for order in orders]
        return sum(max(0, account.positions.get(market.ticker, 0)) for account in accounts)

    def _fill(self, order: Order, trade: Trade, *, is_taker: bool) -> None:
        account, ticker = self.accounts[order.account], order.ticker
        fee = order.fees.fill(order.side, trade.price, trade.size, is_taker=is_taker)
        order.remaining -= trade.size
        order.filled += trade.size
        order.updated_at = trade.at
        each = trade.price if order.side is Side.BID else PRICE_UNIT - trade.price
        if is_taker:
            order.taker_fees += fee
            order.taker_cost += each * trade.size
        else:
            order.maker_fees += fee
            order.maker_cost += each * trade.size
        if not order.remaining:
            order.status, order.last_reason = OrderStatus.EXECUTED, "Trade"
            self._leave_level(self.markets[ticker], order)
        move(account, ticker, (order.side, trade.price, trade.size), fee)
        retie(account, ticker)
        self._count_fill(order, trade.size, trade.at)
        self._record_fill(account, order, trade, fee, is_taker=is_taker)

    def _record_fill(
        self, account: Account, order: Order, trade: Trade, fee: int, *, is_taker: bool
    ) -> None:
        position = account.positions.get(order.ticker, 0)
        record = FillRecord(
            trade.trade_id, order.order_id, order.client_order_id, order.ticker, order.side,
            trade.price, trade.size, is_taker, fee, trade.at, position,
        )  # fmt: skip
        if account.keeps_records:
            account.fills.append(record)
        elif not order.remaining:
            account.orders.pop(order.order_id, None)
            account.client_ids.pop(order.client_order_id, None)
        self._tell("fill", account=account, record=record)
        self._tell("order", account=account, order=order, reason="Trade")
        self._tell("position", account=account, ticker=order.ticker)


def _met(market: Market, order: Order) -> Order | None:
    """Return the order that an incoming one meets first: best price, then first come."""
    return next(market.orders_at(order.side.other, order.price), None)


def _reduced(account: Account, ticket: Ticket) -> int:
    if not ticket.reduce_only:
        return ticket.size
    closable = max(0, -account.positions.get(ticket.ticker, 0) * ticket.side.sign)
    if not closable:
        raise Rejected(400, "invalid_order", "reduce_only without a position to reduce")
    return min(ticket.size, closable)


def _check_expiry(expires_at: datetime | None, now: datetime) -> None:
    if expires_at is not None and expires_at <= now:
        raise Rejected(400, "invalid_parameters", "expiration_time must be in the future")


def _crosses(side: Side, price: int, other: int) -> bool:
    return price >= other if side is Side.BID else price <= other
