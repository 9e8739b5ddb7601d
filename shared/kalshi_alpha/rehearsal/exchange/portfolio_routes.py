"""What a member can read of its own: balance, positions, fills, settlements, orders, limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from aiohttp import web

from kalshi_alpha.markets.units import CASH_UNIT, cash_text, size_text
from kalshi_alpha.rehearsal.exchange import requests as read
from kalshi_alpha.rehearsal.exchange import views
from kalshi_alpha.rehearsal.exchange.answers import ACCOUNT, Route, answer, page
from kalshi_alpha.rehearsal.exchange.engine import Engine, Rejected
from kalshi_alpha.rehearsal.exchange.limits import Limits
from kalshi_alpha.rehearsal.exchange.model import Account

_CENT = CASH_UNIT // 100
_STATUSES = frozenset({"", "resting", "canceled", "executed"})


class PortfolioRoutes:
    """Handlers that read for the member who signed."""

    def __init__(self, engine: Engine, limits: dict[str, Limits]) -> None:
        self._engine, self._limits = engine, limits

    def table(self) -> Sequence[Route]:
        """Return method, path and handler of each."""
        return (
            ("GET", "/account/limits", self._account_limits),
            ("GET", "/portfolio/balance", self._balance),
            ("GET", "/portfolio/positions", self._positions),
            ("GET", "/portfolio/fills", self._fills),
            ("GET", "/portfolio/settlements", self._settlements),
            ("GET", "/portfolio/orders", self._orders),
            ("GET", "/portfolio/orders/queue_positions", self._queue_positions),
            ("GET", "/portfolio/orders/{order}", self._order),
            ("GET", "/portfolio/orders/{order}/queue_position", self._queue_position),
            ("GET", "/portfolio/summary/total_resting_order_value", self._resting_value),
            ("GET", "/historical/fills", self._no_fills),
            ("GET", "/historical/orders", self._no_orders),
            ("GET", "/historical/positions", self._no_positions),
        )

    async def _account_limits(self, request: web.Request) -> web.Response:
        return answer(self._limits[request[ACCOUNT].account_id].view())

    async def _balance(self, request: web.Request) -> web.Response:
        """Answer with the available cash: what resting orders tie up is not in it."""
        account = request[ACCOUNT]
        free = self._engine.available(account)
        return answer(
            {
                "balance": free // _CENT,
                "balance_dollars": cash_text(free),
                "portfolio_value": self._value(account) // _CENT,
                "updated_ts": int(self._engine.clock.now().timestamp()),
                "balance_breakdown": [{"exchange_index": 0, "balance": cash_text(free)}],
            }
        )

    async def _positions(self, request: web.Request) -> web.Response:
        account, now = request[ACCOUNT], self._engine.clock.now()
        wanted = _wanted(request)
        traded = [name for name in account.traded if wanted(name)]
        rows, cursor = page(request, traded, str)
        events: dict[str, list[str]] = {}
        for name in rows:
            events.setdefault(_event_of(name), []).append(name)
        return answer(
            {
                "market_positions": [views.position_view(account, name, now) for name in rows],
                "event_positions": [
                    views.event_position_view(account, event, names)
                    for event, names in events.items()
                ],
                "cursor": cursor,
            }
        )

    async def _fills(self, request: web.Request) -> web.Response:
        order_id = request.query.get("order_id")
        wanted, timely = _wanted(request), _timely(request)
        found = [
            fill
            for fill in reversed(request[ACCOUNT].fills)
            if wanted(fill.ticker) and timely(fill.at) and order_id in (None, "", fill.order_id)
        ]
        rows, cursor = page(request, found, lambda fill: fill.trade_id)
        return answer({"fills": [views.fill_view(fill) for fill in rows], "cursor": cursor})

    async def _settlements(self, request: web.Request) -> web.Response:
        wanted, timely = _wanted(request), _timely(request)
        found = [
            record
            for record in reversed(request[ACCOUNT].settlements)
            if wanted(record.ticker) and timely(record.at)
        ]
        rows, cursor = page(request, found, lambda record: record.ticker)
        records = [views.settlement_view(record) for record in rows]
        return answer({"settlements": records, "cursor": cursor})

    async def _resting_value(self, request: web.Request) -> web.Response:
        account = request[ACCOUNT]
        tied = account.cash - self._engine.available(account)
        breakdown = [{"exchange_index": 0, "balance": cash_text(tied)}]
        return answer(
            {
                "total_resting_order_value": tied // _CENT,
                "resting_order_value_breakdown": breakdown,
            }
        )

    # --- orders ------------------------------------------------------------------------------

    async def _orders(self, request: web.Request) -> web.Response:
        status = request.query.get("status") or ""
        if status not in _STATUSES:
            raise read.bad(f"status must be one of {', '.join(sorted(_STATUSES - {''}))}")
        wanted, timely = _wanted(request), _timely(request)
        found = [
            order
            for order in reversed(list(request[ACCOUNT].orders.values()))
            if wanted(order.ticker)
            and timely(order.created_at)
            and status in {"", order.status.value}
        ]
        rows, cursor = page(request, found, lambda order: order.order_id)
        return answer({"orders": [views.order_view(order) for order in rows], "cursor": cursor})

    async def _order(self, request: web.Request) -> web.Response:
        order = request[ACCOUNT].orders.get(request.match_info["order"])
        if order is None:
            raise Rejected(404, "not_found", "there is no such order")
        return answer({"order": views.order_view(order)})

    async def _queue_positions(self, request: web.Request) -> web.Response:
        tickers, event = (
            set(read.words(request, "market_tickers")),
            request.query.get("event_ticker"),
        )
        rows = [
            {
                "order_id": order.order_id,
                "market_ticker": order.ticker,
                "queue_position_fp": size_text(self._engine.queue_ahead(order)),
            }
            for order in self._engine.resting(request[ACCOUNT].account_id)
            if (not tickers or order.ticker in tickers)
            and event in (None, "", _event_of(order.ticker))
        ]
        return answer({"queue_positions": rows})

    async def _queue_position(self, request: web.Request) -> web.Response:
        order = request[ACCOUNT].orders.get(request.match_info["order"])
        if order is None or not order.remaining:
            raise Rejected(404, "not_found", "there is no such resting order")
        return answer({"queue_position_fp": size_text(self._engine.queue_ahead(order))})

    # --- the historical tier, which an exchange this young has not filled ---------------------

    async def _no_fills(self, request: web.Request) -> web.Response:
        del request
        return answer({"fills": [], "cursor": ""})

    async def _no_orders(self, request: web.Request) -> web.Response:
        del request
        return answer({"orders": [], "cursor": ""})

    async def _no_positions(self, request: web.Request) -> web.Response:
        del request
        return answer({"market_positions": [], "event_positions": [], "cursor": ""})

    def _value(self, account: Account) -> int:
        """Return what the positions are worth at the last prices."""
        total = 0
        for name, held in account.positions.items():
            market = self._engine.markets.get(name)
            if market is not None:
                price = market.last_price
                total += abs(held) * (price if held > 0 else views.no_price(price))
        return total


def _event_of(ticker: str) -> str:
    """Return a market's event; the market itself may have been archived."""
    return ticker.rpartition("-")[0]


def _wanted(request: web.Request) -> Callable[[str], bool]:
    """Return the filter by ``ticker`` and ``event_ticker``."""
    ticker, events = request.query.get("ticker"), set(read.words(request, "event_ticker"))
    return lambda name: ticker in (None, "", name) and (not events or _event_of(name) in events)


def _timely(request: web.Request) -> Callable[[datetime], bool]:
    """Return the filter by ``min_ts`` and ``max_ts``."""
    low, high = read.instant_of(request, "min_ts"), read.instant_of(request, "max_ts")
    return lambda at: (low is None or at >= low) and (high is None or at <= high)
