"""The matching engine: price-time priority on one YES book a market, with no I/O of its own.

Every entry point first lets time pass (``advance``): orders expire, markets close, are determined
and settled at their instants whether or not anybody looks. What happens is reported as events to
``listeners``, which the WebSocket side turns into messages.
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

from kalshi_alpha.clock import NEW_YORK, Clock
from kalshi_alpha.markets.orders import OrderStatus, Side
from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.pricing.fees import FeeAccumulator, FeeTerms, fee_regime_on, series_terms_at
from kalshi_alpha.rehearsal.exchange.model import (
    Account,
    FillRecord,
    Group,
    Market,
    Order,
    SettlementRecord,
    Trade,
)

SETTLEMENT_DELAY = timedelta(seconds=127)  # the venue's median
GROUP_WINDOW = timedelta(seconds=15)
CANCEL_ALL_TAIL = timedelta(minutes=1)

Value = Callable[[str, datetime], float | None]
Listener = Callable[[str, dict[str, Any]], None]


class Rejected(Exception):
    """The exchange says no: HTTP status, code and details."""

    def __init__(self, status: int, code: str, details: str = "") -> None:
        super().__init__(f"{status} {code} {details}")
        self.status, self.code, self.details = status, code, details


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


@dataclass
class Engine:
    """All markets and accounts; ``value`` is the index and ``basis_sd`` the print's own error."""

    clock: Clock
    value: Value
    seed: int = 1
    basis_sd: dict[str, float] = field(default_factory=lambda: {"SPX": 0.1, "NDX": 0.4})
    settlement_delay: timedelta = SETTLEMENT_DELAY
    precision: int = 100

    def __post_init__(self) -> None:
        """Start with nothing listed and nobody in."""
        self.markets: dict[str, Market] = {}
        self.accounts: dict[str, Account] = {}
        self.listeners: list[Listener] = []
        self.exchange_active = True
        self.trading_active = True
        self.fee_overrides: dict[str, FeeTerms] = {}  # by event
        self._ids = random.Random(f"ids-{self.seed}")
        self._expiries: list[tuple[datetime, int, Order]] = []
        self._turns: list[tuple[datetime, int, Market, str]] = []
        self._count = itertools.count()
        self._prints: dict[tuple[str, datetime], float] = {}
        self._cancel_all_until: dict[str, datetime] = {}

    # --- set-up ------------------------------------------------------------------------------

    def open_account(self, account_id: str, cash: int, *, keeps_records: bool = True) -> Account:
        """Let a member in with that much cash."""
        account = Account(account_id, cash, cash, keeps_records=keeps_records)
        self.accounts[account_id] = account
        return account

    def list_market(self, market: Market) -> None:
        """List a market; its opening and closing then happen by the clock."""
        self.markets[market.ticker] = market
        heapq.heappush(self._turns, (market.close_at, next(self._count), market, "close"))
        self._tell("listed", market=market)

    # --- time --------------------------------------------------------------------------------

    def advance(self) -> datetime:
        """Let everything happen that is due by now, in order; return now."""
        now = self.clock.now()
        while True:
            expiry = self._expiries[0][0] if self._expiries else None
            turn = self._turns[0][0] if self._turns else None
            due = [at for at in (expiry, turn) if at is not None and at <= now]
            if not due:
                return now
            if expiry is not None and expiry == min(due):
                _, _, order = heapq.heappop(self._expiries)
                if order.expires_at == expiry and order.remaining:
                    self._take_out(order, "ExpiryCancel", expiry)
            else:
                at, _, market, what = heapq.heappop(self._turns)
                self._turn(market, what, at)

    def _turn(self, market: Market, what: str, at: datetime) -> None:
        if what == "close" and at == market.close_at:
            self._cancel_market(market, "CloseCancel", at)
            market.closed_handled = True
            due = at + self.settlement_delay
            heapq.heappush(self._turns, (due, next(self._count), market, "determine"))
        elif what == "determine":
            self._determine(market, at)
            due = at + timedelta(seconds=int(market.listed["settlement_timer_seconds"]))
            heapq.heappush(self._turns, (due, next(self._count), market, "settle"))
        elif what == "settle":
            self._settle(market, at)

    def print_of(self, symbol: str, at: datetime) -> float | None:
        """Return the venue's own print at a fixing: the index plus a seeded basis, two decimals."""
        key = (symbol, at)
        if key not in self._prints:
            level = self.value(symbol, at)
            if level is None:
                return None
            draw = random.Random(f"basis-{self.seed}-{symbol}-{at.isoformat()}")
            basis = draw.gauss(0.0, self.basis_sd.get(symbol, 0.0))
            self._prints[key] = round(level + basis, 2)
        return self._prints[key]

    def _determine(self, market: Market, at: datetime) -> None:
        level = self.print_of(market.symbol, market.close_at)
        if level is None:
            heapq.heappush(
                self._turns, (at + timedelta(seconds=30), next(self._count), market, "determine")
            )
            return
        wins = market.payoff.contains(round(level * market.ticks_per_point))
        market.result, market.yes_value = ("yes", PRICE_UNIT) if wins else ("no", 0)
        market.expiration_value = f"{level:.2f}"
        market.determined_at = at
        self._tell("determined", market=market, at=at)

    def _settle(self, market: Market, at: datetime) -> None:
        if market.yes_value is None:
            return
        for account in self.accounts.values():
            position = account.positions.pop(market.ticker, 0)
            if not position and market.ticker not in account.fees:
                continue
            each = market.yes_value if position > 0 else PRICE_UNIT - market.yes_value
            revenue = each * abs(position)
            account.cash += revenue
            cost = account.costs.pop(market.ticker, 0)
            account.realised[market.ticker] = (
                account.realised.get(market.ticker, 0) + revenue - cost
            )
            if account.keeps_records:
                record = SettlementRecord(
                    ticker=market.ticker,
                    event_ticker=market.event_ticker,
                    result=market.result,
                    position=position,
                    cost=cost,
                    revenue=revenue,
                    fees=account.fees.get(market.ticker, 0),
                    at=at,
                    yes_value=market.yes_value,
                )
                account.settlements.append(record)
        market.settled_at = at
        market.open_interest = 0
        self._tell("settled", market=market, at=at)

    # --- orders ------------------------------------------------------------------------------

    def create(self, account_id: str, ticket: Ticket) -> Order:
        """Take an order in: match it, rest it or refuse it (``Rejected``)."""
        now = self.advance()
        account = self.accounts[account_id]
        market = self._tradable(ticket.ticker, now)
        if ticket.client_order_id and ticket.client_order_id in account.client_ids:
            raise Rejected(409, "order_already_exists", "client_order_id was used before")
        self._check_ticket(account, market, ticket, now)
        order = Order(
            order_id=str(uuid.UUID(int=self._ids.getrandbits(128), version=4)),
            client_order_id=ticket.client_order_id
            or str(uuid.UUID(int=self._ids.getrandbits(128))),
            account=account_id,
            ticker=ticket.ticker,
            side=ticket.side,
            price=ticket.price,
            initial=ticket.size,
            remaining=self._reduced(account, ticket),
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
        if ticket.group_id:
            account.groups[ticket.group_id].order_ids.append(order.order_id)
        if (
            ticket.time_in_force != "fill_or_kill"
            or self._fillable(market, order) >= order.remaining
        ):
            self._match(market, order, now)
        if order.remaining and ticket.time_in_force != "good_till_canceled":
            self._end(order, OrderStatus.CANCELED, "Canceled", now)
        if order.remaining:
            self._rest(market, order)
        self._finish_groups(now)
        return order

    def amend(
        self,
        account_id: str,
        order_id: str,
        *,
        price: int,
        count: int,
        expires_at: datetime | str | None = "keep",
        client_order_id: str = "",
    ) -> Order:
        """Change an order: ``count`` is filled plus wanted resting; place is kept on a decrease."""
        now = self.advance()
        order = self._live(account_id, order_id)
        market = self._tradable(order.ticker, now)
        if not market.grid.contains(price):
            raise Rejected(400, "invalid_price", f"the price is not on the grid of {market.ticker}")
        wanted = count - order.filled
        if wanted <= 0:
            raise Rejected(400, "invalid_order", "the new count is filled already")
        account = self.accounts[account_id]
        if client_order_id and client_order_id != order.client_order_id:
            if client_order_id in account.client_ids:
                raise Rejected(409, "order_already_exists", "client_order_id was used before")
            account.client_ids[client_order_id] = order_id
            order.client_order_id = client_order_id
        if expires_at != "keep":
            self._set_expiry(order, expires_at, now)  # type: ignore[arg-type]
        if price == order.price and wanted <= order.remaining:
            self._shrink(market, order, order.remaining - wanted, "Amend", now)
        else:
            self._off_book(market, order)
            self._require_collateral(account, market, order.side, price, wanted)
            order.price, order.remaining = price, wanted
            order.initial, order.updated_at = order.filled + wanted, now
            self._match(market, order, now)
            if order.remaining:
                self._rest(market, order, "Amend")
        self._finish_groups(now)
        return order

    def decrease(
        self, account_id: str, order_id: str, *, by: int | None = None, to: int | None = None
    ) -> Order:
        """Make an order smaller; its place in the queue is kept."""
        now = self.advance()
        order = self._live(account_id, order_id)
        market = self._tradable(order.ticker, now)
        left = to if to is not None else order.remaining - (by or 0)
        if not 0 <= left <= order.remaining:
            raise Rejected(400, "invalid_parameters", "the order can only become smaller")
        if left == 0:
            self._take_out(order, "Decrease", now)
        else:
            self._shrink(market, order, order.remaining - left, "Decrease", now)
        return order

    def cancel(self, account_id: str, order_id: str) -> tuple[Order, int]:
        """Cancel an order; return it and the size that was taken out."""
        now = self.advance()
        order = self._live(account_id, order_id)
        if now >= self.markets[order.ticker].close_at:
            raise Rejected(400, "MARKET_INACTIVE", "the market has closed")
        removed = order.remaining
        self._take_out(order, "Canceled", now)
        return order, removed

    def cancel_all(self, account_id: str) -> int:
        """Cancel everything of an account, and what it places within the next minute too."""
        now = self.advance()
        self._cancel_all_until[account_id] = now + CANCEL_ALL_TAIL
        return self._cancel_many(self.resting(account_id), "Canceled", now)

    def resting(self, account_id: str) -> list[Order]:
        """Return an account's resting orders, oldest first."""
        return [
            order
            for order in self.accounts[account_id].orders.values()
            if order.status is OrderStatus.RESTING and order.remaining
        ]

    def queue_ahead(self, order: Order) -> int:
        """Return the size that is ahead of an order at its price."""
        ahead = 0
        for other in self.markets[order.ticker].side(order.side).get(order.price, {}).values():
            if other is order:
                return ahead
            ahead += other.remaining
        return 0

    def terms(self, market: Market, now: datetime) -> FeeTerms:
        """Return the fee terms in force: the event's override, else the series' at that date."""
        override = self.fee_overrides.get(market.event_ticker)
        return override or series_terms_at(market.series, now)

    # --- groups ------------------------------------------------------------------------------

    def create_group(self, account_id: str, limit: int) -> Group:
        """Open an order group with a limit in 1/100 contract."""
        group = Group(str(uuid.UUID(int=self._ids.getrandbits(128), version=4)), account_id, limit)
        self.accounts[account_id].groups[group.group_id] = group
        self._tell("group", group=group, event="created")
        return group

    def group(self, account_id: str, group_id: str) -> Group:
        """Return a group of an account; ``Rejected`` 404 otherwise."""
        found = self.accounts[account_id].groups.get(group_id)
        if found is None:
            raise Rejected(404, "not_found", "there is no such order group")
        return found

    def trigger_group(self, group: Group) -> None:
        """Cancel a group's orders and refuse new ones until it is reset."""
        now = self.advance()
        group.triggered = True
        self._cancel_many(self._group_orders(group), "Canceled", now)
        self._tell("group", group=group, event="triggered")

    def reset_group(self, group: Group) -> None:
        """Let a triggered group take orders again."""
        group.triggered = False
        group.recent.clear()
        self._tell("group", group=group, event="reset")

    def limit_group(self, group: Group, limit: int) -> None:
        """Change a group's limit; one below what the window has seen triggers it."""
        group.limit = limit
        self._tell("group", group=group, event="limit_updated")
        if self._rolled(group, self.advance()) > limit:
            self.trigger_group(group)

    def delete_group(self, group: Group) -> None:
        """Remove a group and cancel its orders."""
        now = self.advance()
        self._cancel_many(self._group_orders(group), "Canceled", now)
        del self.accounts[group.account].groups[group.group_id]
        self._tell("group", group=group, event="deleted")

    # --- pauses ------------------------------------------------------------------------------

    def pause(self, market: Market) -> None:
        """Pause a market; orders that asked for it are cancelled."""
        now = self.advance()
        market.paused = True
        pausing = [o for o in self._orders_of(market) if o.cancel_on_pause]
        self._cancel_many(pausing, "HaltCancel", now)
        self._tell("paused", market=market, paused=True)

    def resume(self, market: Market) -> None:
        """Reactivate a market; every resting order is gone, as at the venue."""
        now = self.advance()
        market.paused = False
        self._cancel_market(market, "HaltCancel", now)
        self._tell("paused", market=market, paused=False)

    # --- inside ------------------------------------------------------------------------------

    def _tradable(self, ticker: str, now: datetime) -> Market:
        market = self.markets.get(ticker)
        if market is None:
            raise Rejected(404, "not_found", f"there is no market {ticker}")
        if not (self.exchange_active and self.trading_active):
            raise Rejected(400, "TRADING_PAUSED", "trading is paused")
        if market.status_at(now) != "active":
            raise Rejected(400, "MARKET_INACTIVE", f"{ticker} is {market.status_at(now)}")
        return market

    def _live(self, account_id: str, order_id: str) -> Order:
        order = self.accounts[account_id].orders.get(order_id)
        if order is None or not order.remaining or order.status is not OrderStatus.RESTING:
            raise Rejected(404, "not_found", "there is no such resting order")
        return order

    def _check_ticket(
        self, account: Account, market: Market, ticket: Ticket, now: datetime
    ) -> None:
        if not market.grid.contains(ticket.price):
            raise Rejected(400, "invalid_price", f"the price is not on the grid of {market.ticker}")
        if ticket.size <= 0:
            raise Rejected(400, "invalid_parameters", "count must be at least 0.01")
        if ticket.expires_at is not None:
            if ticket.time_in_force != "good_till_canceled":
                raise Rejected(400, "invalid_parameters", "only good_till_canceled may expire")
            if ticket.expires_at <= now:
                raise Rejected(400, "invalid_parameters", "expiration_time must be in the future")
        if ticket.reduce_only and ticket.time_in_force != "immediate_or_cancel":
            raise Rejected(400, "invalid_parameters", "reduce_only needs immediate_or_cancel")
        if ticket.group_id and self.group(account.account_id, ticket.group_id).triggered:
            raise Rejected(400, "invalid_order", "the order group is triggered")
        best = market.best(ticket.side.other)
        if ticket.post_only and best is not None and _crosses(ticket.side, ticket.price, best):
            raise Rejected(400, "invalid_order", "post only cross")
        self._require_collateral(account, market, ticket.side, ticket.price, ticket.size)

    def _require_collateral(
        self, account: Account, market: Market, side: Side, price: int, size: int
    ) -> None:
        needed = self._needed(account, market.ticker, [(side, price, size)])
        held = self._needed(account, market.ticker, [])
        if self.available(account) < needed - held:
            raise Rejected(400, "insufficient_balance", "the balance does not cover the order")

    def available(self, account: Account) -> int:
        """Return cash less what resting orders tie up."""
        tickers = {o.ticker for o in account.orders.values() if o.remaining and _rests(o)}
        return account.cash - sum(self._needed(account, ticker, []) for ticker in tickers)

    def _needed(self, account: Account, ticker: str, extra: list[tuple[Side, int, int]]) -> int:
        """Return the cash that orders in one market tie up; closing a position ties up nothing."""
        rows = [
            (o.side, o.price, o.remaining)
            for o in account.orders.values()
            if o.ticker == ticker and o.remaining and _rests(o)
        ] + extra
        position = account.positions.get(ticker, 0)
        total = 0
        for side in Side:
            closing = max(0, -position * side.sign)
            costs = sorted(
                ((p if s is Side.BID else PRICE_UNIT - p, n) for s, p, n in rows if s is side),
                reverse=True,
            )
            for each, size in costs:
                free = min(closing, size)
                closing -= free
                total += each * (size - free)
        return total

    def _reduced(self, account: Account, ticket: Ticket) -> int:
        if not ticket.reduce_only:
            return ticket.size
        closable = max(0, -account.positions.get(ticket.ticker, 0) * ticket.side.sign)
        if not closable:
            raise Rejected(400, "invalid_order", "reduce_only without a position to reduce")
        return min(ticket.size, closable)

    def _fillable(self, market: Market, order: Order) -> int:
        return sum(
            other.remaining
            for price, level in market.side(order.side.other).items()
            if _crosses(order.side, order.price, price)
            for other in level.values()
            if other.account != order.account
        )

    def _match(self, market: Market, order: Order, now: datetime) -> None:
        other_side = market.side(order.side.other)
        while order.remaining and other_side:
            best = market.best(order.side.other)
            if best is None or not _crosses(order.side, order.price, best):
                return
            maker = next(iter(other_side[best].values()))
            if maker.account == order.account:
                if order.stp == "taker_at_cross":
                    self._end(order, OrderStatus.CANCELED, "SelfTradeCancel", now)
                    return
                self._take_out(maker, "SelfTradeCancel", now)
                continue
            self._trade(market, maker, order, min(maker.remaining, order.remaining), now)

    def _trade(self, market: Market, maker: Order, taker: Order, size: int, now: datetime) -> None:
        trade = Trade(
            str(uuid.UUID(int=self._ids.getrandbits(128), version=4)),
            market.ticker, maker.price, size, taker.side, now,
        )  # fmt: skip
        market.trades.append(trade)
        market.last_price = trade.price
        market.volume += size
        for order, is_taker in ((maker, False), (taker, True)):
            self._fill(market, order, trade, is_taker=is_taker)
        held = sum(max(0, a.positions.get(market.ticker, 0)) for a in self.accounts.values())
        market.open_interest = held
        if not maker.remaining:
            self._drop_from_level(market, maker)
        self._tell_delta(market, maker.side, maker.price, -size, maker)
        self._tell("trade", trade=trade)

    def _fill(self, market: Market, order: Order, trade: Trade, *, is_taker: bool) -> None:
        account = self.accounts[order.account]
        fee = order.fees.fill(order.side, trade.price, trade.size, is_taker=is_taker)
        order.remaining -= trade.size
        order.filled += trade.size
        order.updated_at = trade.at
        each = trade.price if order.side is Side.BID else PRICE_UNIT - trade.price
        cost = each * trade.size
        if is_taker:
            order.taker_fees, order.taker_cost = order.taker_fees + fee, order.taker_cost + cost
        else:
            order.maker_fees, order.maker_cost = order.maker_fees + fee, order.maker_cost + cost
        self._move(account, market.ticker, order.side, trade.price, trade.size, fee)
        if not order.remaining:
            order.status, order.last_reason = OrderStatus.EXECUTED, "Trade"
        record = FillRecord(
            trade.trade_id, order.order_id, order.client_order_id, market.ticker, order.side,
            trade.price, trade.size, is_taker, fee, trade.at,
            account.positions.get(market.ticker, 0),
        )  # fmt: skip
        if account.keeps_records:
            account.fills.append(record)
        if order.group_id and (group := account.groups.get(order.group_id)):
            group.recent.append((trade.at, trade.size))
        self._tell("fill", account=account, record=record)
        self._tell("order", account=account, order=order, reason="Trade")
        self._tell("position", account=account, ticker=market.ticker)

    @staticmethod
    def _move(account: Account, ticker: str, side: Side, price: int, size: int, fee: int) -> None:
        """Move cash and position; YES and NO of one market meet and pay a dollar at once."""
        held = account.positions.get(ticker, 0)
        closing = min(size, max(0, -held * side.sign))
        each = price if side is Side.BID else PRICE_UNIT - price
        account.cash += (PRICE_UNIT - each) * closing - each * (size - closing) - fee
        cost = account.costs.get(ticker, 0)
        if closing:
            released = cost * closing // abs(held)
            gained = (PRICE_UNIT - each) * closing - released
            account.realised[ticker] = account.realised.get(ticker, 0) + gained
            cost -= released
        account.costs[ticker] = cost + each * (size - closing)
        account.positions[ticker] = held + side.sign * size
        account.fees[ticker] = account.fees.get(ticker, 0) + fee
        account.traded[ticker] = account.traded.get(ticker, 0) + each * size

    def _rest(self, market: Market, order: Order, reason: str = "") -> None:
        if order.account in self._cancel_all_until:
            if order.created_at < self._cancel_all_until[order.account]:
                self._end(order, OrderStatus.CANCELED, "Canceled", order.created_at)
                return
            del self._cancel_all_until[order.account]
        order.status, order.last_reason = OrderStatus.RESTING, reason
        market.side(order.side).setdefault(order.price, {})[order.order_id] = order
        if order.expires_at is not None:
            heapq.heappush(self._expiries, (order.expires_at, next(self._count), order))
        self._tell_delta(market, order.side, order.price, order.remaining, order)
        self._tell("order", account=self.accounts[order.account], order=order, reason=reason)

    def _set_expiry(self, order: Order, expires_at: datetime | None, now: datetime) -> None:
        if expires_at is not None and expires_at <= now:
            raise Rejected(400, "invalid_parameters", "expiration_time must be in the future")
        order.expires_at = expires_at
        if expires_at is not None:
            heapq.heappush(self._expiries, (expires_at, next(self._count), order))

    def _shrink(self, market: Market, order: Order, by: int, reason: str, now: datetime) -> None:
        order.remaining -= by
        order.initial -= by
        order.updated_at = now
        if by:
            self._tell_delta(market, order.side, order.price, -by, order)
        self._tell("order", account=self.accounts[order.account], order=order, reason=reason)

    def _off_book(self, market: Market, order: Order) -> None:
        self._drop_from_level(market, order)
        self._tell_delta(market, order.side, order.price, -order.remaining, order)

    @staticmethod
    def _drop_from_level(market: Market, order: Order) -> None:
        level = market.side(order.side).get(order.price)
        if level is not None and level.pop(order.order_id, None) is not None and not level:
            del market.side(order.side)[order.price]

    def _take_out(self, order: Order, reason: str, at: datetime) -> None:
        self._off_book(self.markets[order.ticker], order)
        self._end(order, OrderStatus.CANCELED, reason, at)

    def _end(self, order: Order, status: OrderStatus, reason: str, at: datetime) -> None:
        order.remaining, order.status = 0, status
        order.updated_at, order.last_reason = at, reason
        account = self.accounts[order.account]
        if not account.keeps_records:
            account.orders.pop(order.order_id, None)
            account.client_ids.pop(order.client_order_id, None)
        self._tell("order", account=account, order=order, reason=reason)

    def _cancel_many(self, orders: Iterable[Order], reason: str, at: datetime) -> int:
        taken = list(orders)
        for order in taken:
            self._take_out(order, reason, at)
        return len(taken)

    def _cancel_market(self, market: Market, reason: str, at: datetime) -> None:
        self._cancel_many(self._orders_of(market), reason, at)

    @staticmethod
    def _orders_of(market: Market) -> list[Order]:
        levels = [*market.bids.values(), *market.asks.values()]
        return [order for level in levels for order in level.values()]

    def _group_orders(self, group: Group) -> list[Order]:
        orders = self.accounts[group.account].orders
        found = [orders[i] for i in group.order_ids if i in orders]
        return [order for order in found if order.remaining and _rests(order)]

    @staticmethod
    def _rolled(group: Group, now: datetime) -> int:
        while group.recent and group.recent[0][0] <= now - GROUP_WINDOW:
            group.recent.popleft()
        return sum(size for _, size in group.recent)

    def _finish_groups(self, now: datetime) -> None:
        """Trigger every group that has filled past its limit."""
        for account in self.accounts.values():
            for group in account.groups.values():
                if not group.triggered and self._rolled(group, now) > group.limit:
                    self.trigger_group(group)

    def _tell(self, kind: str, **what: Any) -> None:
        for listener in self.listeners:
            listener(kind, what)

    def _tell_delta(self, market: Market, side: Side, price: int, delta: int, order: Order) -> None:
        self._tell("delta", market=market, side=side, price=price, delta=delta, order=order)


def _rests(order: Order) -> bool:
    return order.status is OrderStatus.RESTING


def _crosses(side: Side, price: int, other: int) -> bool:
    return price >= other if side is Side.BID else price <= other
