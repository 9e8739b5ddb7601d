"""The REST side: paths of the venue's current API to the engine and back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from aiohttp import web

from kalshi_alpha.clock import iso
from kalshi_alpha.markets.units import CASH_UNIT, cash_text, size_text
from kalshi_alpha.rehearsal.exchange import requests as read
from kalshi_alpha.rehearsal.exchange import views
from kalshi_alpha.rehearsal.exchange.candles import candlesticks
from kalshi_alpha.rehearsal.exchange.engine import Engine, Rejected
from kalshi_alpha.rehearsal.exchange.limits import CANCEL_COST, DEFAULT_COST, Limits, endpoint_costs
from kalshi_alpha.rehearsal.exchange.listing import event_info, series_info
from kalshi_alpha.rehearsal.exchange.model import Account, Market

PREFIX = "/trade-api/v2"
_FILTER = {
    "open": "active",
    "paused": "inactive",
    "settled": "finalized",
    "unopened": "initialized",
}
T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.Response]]


class Rest:
    """The handlers; the middleware has let time pass and knows the caller before each."""

    def __init__(self, engine: Engine, limits: dict[str, Limits]) -> None:
        self._engine, self._limits = engine, limits

    def add_to(self, app: web.Application) -> None:
        """Register every path."""
        for method, path, handler in self._table():
            app.router.add_route(method, PREFIX + path, handler)

    def _table(self) -> Sequence[tuple[str, str, Handler]]:
        orders, groups = "/portfolio/events/orders", "/portfolio/order_groups"
        return (
            ("GET", "/exchange/status", self.exchange_status),
            ("GET", "/exchange/schedule", self.exchange_schedule),
            ("GET", "/exchange/user_data_timestamp", self.user_data_timestamp),
            ("GET", "/series", self.series_list),
            ("GET", "/series/fee_changes", self.series_fee_changes),
            ("GET", "/series/{series}", self.series),
            ("GET", "/series/{series}/markets/{ticker}/candlesticks", self.candlesticks),
            ("GET", "/events", self.events),
            ("GET", "/events/fee_changes", self.event_fee_changes),
            ("GET", "/events/{event}", self.event),
            ("GET", "/markets", self.markets),
            ("GET", "/markets/trades", self.trades),
            ("GET", "/markets/orderbooks", self.orderbooks),
            ("GET", "/markets/candlesticks", self.batch_candlesticks),
            ("GET", "/markets/{ticker}", self.market),
            ("GET", "/markets/{ticker}/orderbook", self.orderbook),
            ("GET", "/incentive_programs", self.incentives),
            ("GET", "/historical/cutoff", self.cutoff),
            ("GET", "/account/limits", self.limits),
            ("GET", "/account/endpoint_costs", self.costs),
            ("GET", "/portfolio/balance", self.balance),
            ("GET", "/portfolio/positions", self.positions),
            ("GET", "/portfolio/fills", self.fills),
            ("GET", "/portfolio/settlements", self.settlements),
            ("GET", "/portfolio/orders", self.orders),
            ("GET", "/portfolio/orders/queue_positions", self.queue_positions),
            ("GET", "/portfolio/orders/{order}", self.order),
            ("GET", "/portfolio/orders/{order}/queue_position", self.queue_position),
            ("GET", "/portfolio/summary/total_resting_order_value", self.resting_value),
            ("POST", orders, self.create),
            ("DELETE", orders, self.cancel_all),
            ("POST", f"{orders}/batched", self.batch_create),
            ("DELETE", f"{orders}/batched", self.batch_cancel),
            ("DELETE", f"{orders}/{{order}}", self.cancel),
            ("POST", f"{orders}/{{order}}/amend", self.amend),
            ("POST", f"{orders}/{{order}}/decrease", self.decrease),
            ("GET", groups, self.groups),
            ("POST", f"{groups}/create", self.group_create),
            ("GET", f"{groups}/{{group}}", self.group),
            ("DELETE", f"{groups}/{{group}}", self.group_delete),
            ("PUT", f"{groups}/{{group}}/reset", self.group_reset),
            ("PUT", f"{groups}/{{group}}/trigger", self.group_trigger),
            ("PUT", f"{groups}/{{group}}/limit", self.group_limit),
            ("POST", "/portfolio/orders", self.gone),
            ("POST", "/portfolio/orders/batched", self.gone),
            ("DELETE", "/portfolio/orders/batched", self.gone),
            ("DELETE", "/portfolio/orders/{order}", self.gone),
            ("POST", "/portfolio/orders/{order}/amend", self.gone),
            ("POST", "/portfolio/orders/{order}/decrease", self.gone),
        )

    # --- exchange ----------------------------------------------------------------------------

    async def exchange_status(self, request: web.Request) -> web.Response:
        del request
        state = {
            "exchange_active": self._engine.exchange_active,
            "trading_active": self._engine.trading_active,
            "intra_exchange_transfers_active": True,
        }
        index = {"exchange_index": 0, "description": "events"} | state
        return _json(state | {"exchange_index_statuses": [index]})

    async def exchange_schedule(self, request: web.Request) -> web.Response:
        del request
        always = [{"open_time": "00:00", "close_time": "00:00"}]
        pause = [
            {"open_time": "00:00", "close_time": "03:00"},
            {"open_time": "05:00", "close_time": "00:00"},
        ]
        days = ("monday", "tuesday", "wednesday", "friday", "saturday", "sunday")
        now = self._engine.clock.now()
        week = {
            "start_time": iso(now - timedelta(days=365)),
            "end_time": iso(now + timedelta(days=365)),
        }
        hours = week | dict.fromkeys(days, always) | {"thursday": pause}
        return _json({"schedule": {"standard_hours": [hours], "maintenance_windows": []}})

    async def user_data_timestamp(self, request: web.Request) -> web.Response:
        del request
        return _json({"as_of_time": iso(self._engine.clock.now())})

    # --- series, events, markets -------------------------------------------------------------

    async def series_list(self, request: web.Request) -> web.Response:
        del request
        now = self._engine.clock.now()
        names = sorted({m.series for m in self._engine.markets.values()})
        return _json({"series": [series_info(name, now) for name in names]})

    async def series(self, request: web.Request) -> web.Response:
        name = request.match_info["series"]
        if not any(m.series == name for m in self._engine.markets.values()):
            raise Rejected(404, "not_found", f"there is no series {name}")
        return _json({"series": series_info(name, self._engine.clock.now())})

    async def series_fee_changes(self, request: web.Request) -> web.Response:
        del request
        return _json({"series_fee_change_arr": []})

    async def event_fee_changes(self, request: web.Request) -> web.Response:
        del request
        return _json({"event_fee_changes": [], "cursor": ""})

    async def events(self, request: web.Request) -> web.Response:
        series, status = request.query.get("series_ticker"), request.query.get("status")
        nested = request.query.get("with_nested_markets") == "true"
        wanted = _states(status)
        chosen = []
        for event, markets in self._by_event().items():
            if series and markets[0].series != series:
                continue
            now = self._engine.clock.now()
            if wanted and not any(m.status_at(now) in wanted for m in markets):
                continue
            chosen.append(self._event(event, markets, nested=nested))
        page, cursor = _page(request, chosen, default=200, high=200)
        return _json({"events": page, "cursor": cursor})

    async def event(self, request: web.Request) -> web.Response:
        name = request.match_info["event"]
        markets = self._by_event().get(name)
        if markets is None:
            raise Rejected(404, "not_found", f"there is no event {name}")
        nested = request.query.get("with_nested_markets") == "true"
        now = self._engine.clock.now()
        views_ = [views.market_view(m, now) for m in markets]
        return _json({"event": self._event(name, markets, nested=nested), "markets": views_})

    async def markets(self, request: web.Request) -> web.Response:
        query, now = request.query, self._engine.clock.now()
        tickers, wanted = set(read.words(request, "tickers")), _states(query.get("status"))
        chosen = [
            market
            for market in self._engine.markets.values()
            if query.get("event_ticker") in (None, "", market.event_ticker)
            and query.get("series_ticker") in (None, "", market.series)
            and (not tickers or market.ticker in tickers)
            and (not wanted or market.status_at(now) in wanted)
        ]
        page, cursor = _page(request, chosen, default=100, high=1000)
        return _json({"markets": [views.market_view(m, now) for m in page], "cursor": cursor})

    async def market(self, request: web.Request) -> web.Response:
        market = self._market(request.match_info["ticker"])
        return _json({"market": views.market_view(market, self._engine.clock.now())})

    async def orderbook(self, request: web.Request) -> web.Response:
        market = self._market(request.match_info["ticker"])
        depth = read.whole(request, "depth", 0, high=100)
        return _json({"orderbook_fp": views.book_view(market, depth)})

    async def orderbooks(self, request: web.Request) -> web.Response:
        tickers = request.query.getall("tickers", [])
        if not 1 <= len(tickers) <= 100:
            raise read.bad("tickers must be repeated, 1 to 100 times")
        books = [
            {"ticker": t, "orderbook_fp": views.book_view(self._engine.markets[t])}
            for t in tickers
            if t in self._engine.markets
        ]
        return _json({"orderbooks": books})

    async def trades(self, request: web.Request) -> web.Response:
        ticker = request.query.get("ticker")
        markets = [self._market(ticker)] if ticker else list(self._engine.markets.values())
        low, high = read.instant_of(request, "min_ts"), read.instant_of(request, "max_ts")
        found = [
            trade
            for market in markets
            for trade in market.trades
            if (low is None or trade.at >= low) and (high is None or trade.at <= high)
        ]
        found.sort(key=lambda trade: trade.at, reverse=True)
        page, cursor = _page(request, found, default=100, high=1000)
        return _json({"trades": [views.trade_view(t) for t in page], "cursor": cursor})

    async def candlesticks(self, request: web.Request) -> web.Response:
        market = self._market(request.match_info["ticker"])
        return _json({"ticker": market.ticker, "candlesticks": self._candles(request, market)})

    async def batch_candlesticks(self, request: web.Request) -> web.Response:
        found = [self._engine.markets.get(t) for t in read.words(request, "market_tickers")]
        rows = [
            {"market_ticker": m.ticker, "candlesticks": self._candles(request, m)}
            for m in found
            if m is not None
        ]
        return _json({"markets": rows})

    async def incentives(self, request: web.Request) -> web.Response:
        del request
        return _json({"incentive_programs": [], "next_cursor": ""})

    async def cutoff(self, request: web.Request) -> web.Response:
        del request
        at = iso(self._engine.clock.now() - timedelta(days=60))
        names = ("market_settled_ts", "trades_created_ts", "orders_updated_ts")
        return _json(dict.fromkeys(names, at))

    # --- account -----------------------------------------------------------------------------

    async def limits(self, request: web.Request) -> web.Response:
        return _json(self._limits[request["account"].account_id].view())

    async def costs(self, request: web.Request) -> web.Response:
        del request
        return _json(endpoint_costs())

    async def balance(self, request: web.Request) -> web.Response:
        account, now = request["account"], self._engine.clock.now()
        value = sum(
            abs(held) * (price if held > 0 else views.no_price(price))
            for ticker, held in account.positions.items()
            if (market := self._engine.markets.get(ticker)) is not None
            for price in (market.last_price,)
        )
        cents = CASH_UNIT // 100
        return _json(
            {
                "balance": account.cash // cents,
                "balance_dollars": cash_text(account.cash),
                "portfolio_value": value // cents,
                "updated_ts": int(now.timestamp()),
                "balance_breakdown": [{"exchange_index": 0, "balance": cash_text(account.cash)}],
            }
        )

    async def positions(self, request: web.Request) -> web.Response:
        account, now = request["account"], self._engine.clock.now()
        ticker, event = request.query.get("ticker"), request.query.get("event_ticker")
        held = [
            t
            for t in account.traded
            if ticker in (None, "", t) and event in (None, "", self._engine.markets[t].event_ticker)
        ]
        page, cursor = _page(request, held, default=100, high=1000)
        events: dict[str, list[str]] = {}
        for name in page:
            events.setdefault(self._engine.markets[name].event_ticker, []).append(name)
        return _json(
            {
                "market_positions": [views.position_view(account, t, now) for t in page],
                "event_positions": [
                    views.event_position_view(account, e, tickers) for e, tickers in events.items()
                ],
                "cursor": cursor,
            }
        )

    async def fills(self, request: web.Request) -> web.Response:
        query = request.query
        low, high = read.instant_of(request, "min_ts"), read.instant_of(request, "max_ts")
        found = [
            fill
            for fill in reversed(request["account"].fills)
            if query.get("ticker") in (None, "", fill.ticker)
            and query.get("order_id") in (None, "", fill.order_id)
            and (low is None or fill.at >= low)
            and (high is None or fill.at <= high)
        ]
        page, cursor = _page(request, found, default=100, high=1000)
        return _json({"fills": [views.fill_view(f) for f in page], "cursor": cursor})

    async def settlements(self, request: web.Request) -> web.Response:
        query = request.query
        found = [
            row
            for row in reversed(request["account"].settlements)
            if query.get("ticker") in (None, "", row.ticker)
            and query.get("event_ticker") in (None, "", row.event_ticker)
        ]
        page, cursor = _page(request, found, default=100, high=1000)
        return _json({"settlements": [views.settlement_view(s) for s in page], "cursor": cursor})

    async def resting_value(self, request: web.Request) -> web.Response:
        account = request["account"]
        tied = account.cash - self._engine.available(account)
        return _json(
            {
                "total_resting_order_value": tied // (CASH_UNIT // 100),
                "resting_order_value_breakdown": [
                    {"exchange_index": 0, "balance": cash_text(tied)}
                ],
            }
        )

    # --- orders ------------------------------------------------------------------------------

    async def orders(self, request: web.Request) -> web.Response:
        query = request.query
        events, status = set(read.words(request, "event_ticker")), query.get("status")
        low, high = read.instant_of(request, "min_ts"), read.instant_of(request, "max_ts")
        found = [
            order
            for order in reversed(list(request["account"].orders.values()))
            if query.get("ticker") in (None, "", order.ticker)
            and (not events or self._engine.markets[order.ticker].event_ticker in events)
            and status in (None, "", order.status.value)
            and (low is None or order.created_at >= low)
            and (high is None or order.created_at <= high)
        ]
        page, cursor = _page(request, found, default=100, high=1000)
        return _json({"orders": [views.order_view(o) for o in page], "cursor": cursor})

    async def order(self, request: web.Request) -> web.Response:
        order = request["account"].orders.get(request.match_info["order"])
        if order is None:
            raise Rejected(404, "not_found", "there is no such order")
        return _json({"order": views.order_view(order)})

    async def queue_positions(self, request: web.Request) -> web.Response:
        tickers = set(read.words(request, "market_tickers"))
        event = request.query.get("event_ticker")
        rows = [
            {
                "order_id": order.order_id,
                "market_ticker": order.ticker,
                "queue_position_fp": size_text(self._engine.queue_ahead(order)),
            }
            for order in self._engine.resting(request["account"].account_id)
            if (not tickers or order.ticker in tickers)
            and event in (None, "", self._engine.markets[order.ticker].event_ticker)
        ]
        return _json({"queue_positions": rows})

    async def queue_position(self, request: web.Request) -> web.Response:
        order = request["account"].orders.get(request.match_info["order"])
        if order is None or not order.remaining:
            raise Rejected(404, "not_found", "there is no such resting order")
        return _json({"queue_position_fp": size_text(self._engine.queue_ahead(order))})

    async def create(self, request: web.Request) -> web.Response:
        ticket = read.ticket_of(await read.body_of(request))
        order = self._engine.create(request["account"].account_id, ticket)
        return _json(views.ack_view(order, self._engine.clock.now()), status=201)

    async def batch_create(self, request: web.Request) -> web.Response:
        items = read.items_of(await read.body_of(request))
        self._charge(request, len(items) * DEFAULT_COST)
        answers = []
        for item in items:
            try:
                order = self._engine.create(request["account"].account_id, read.ticket_of(item))
                answers.append(views.ack_view(order, self._engine.clock.now()))
            except Rejected as no:
                known = str(item.get("client_order_id") or "")
                answers.append({"client_order_id": known, "error": _error(no)})
        return _json({"orders": answers}, status=201)

    async def cancel(self, request: web.Request) -> web.Response:
        account = request["account"].account_id
        order, removed = self._engine.cancel(account, request.match_info["order"])
        return _json(self._canceled(order.order_id, order.client_order_id, removed))

    async def batch_cancel(self, request: web.Request) -> web.Response:
        items = read.items_of(await read.body_of(request))
        self._charge(request, len(items) * CANCEL_COST)
        answers = []
        for item in items:
            order_id = str(item.get("order_id") or "")
            try:
                order, removed = self._engine.cancel(request["account"].account_id, order_id)
                answers.append(self._canceled(order_id, order.client_order_id, removed))
            except Rejected as no:
                answers.append(
                    {
                        "order_id": order_id,
                        "reduced_by": size_text(0),
                        "ts_ms": None,
                        "error": _error(no),
                    }
                )
        return _json({"orders": answers})

    async def cancel_all(self, request: web.Request) -> web.Response:
        self._engine.cancel_all(request["account"].account_id)
        return web.Response(status=204)

    async def amend(self, request: web.Request) -> web.Response:
        body = await read.body_of(request)
        account, order_id = request["account"], request.match_info["order"]
        order = account.orders.get(order_id)
        if order is not None and (body.get("ticker"), read.side_of(body)) != (
            order.ticker,
            order.side,
        ):
            raise read.bad("ticker and side must be those of the order")
        expiry: Any = "keep"
        if body.get("expiration_time") is not None:
            expiry = read.expiry_of(body)
        changed = self._engine.amend(
            account.account_id,
            order_id,
            price=read.price_of(body),
            count=read.count_of(body, "count"),
            expires_at=expiry,
            client_order_id=str(body.get("updated_client_order_id") or ""),
        )
        return _json(views.ack_view(changed, self._engine.clock.now()))

    async def decrease(self, request: web.Request) -> web.Response:
        body = await read.body_of(request)
        given = [name for name in ("reduce_by", "reduce_to") if body.get(name) is not None]
        if len(given) != 1:
            raise read.bad("exactly one of reduce_by and reduce_to is needed")
        size = read.count_of(body, given[0])
        account, order_id = request["account"].account_id, request.match_info["order"]
        by, to = (size, None) if given[0] == "reduce_by" else (None, size)
        order = self._engine.decrease(account, order_id, by=by, to=to)
        return _json(
            {
                "order_id": order.order_id,
                "client_order_id": order.client_order_id,
                "remaining_count": size_text(order.remaining),
                "ts_ms": views.millis(self._engine.clock.now()),
            }
        )

    async def gone(self, request: web.Request) -> web.Response:
        del request
        raise Rejected(410, "endpoint_removed", "Please switch to the V2 endpoints")

    # --- groups ------------------------------------------------------------------------------

    async def groups(self, request: web.Request) -> web.Response:
        found = request["account"].groups.values()
        return _json({"order_groups": [views.group_view(group) for group in found]})

    async def group_create(self, request: web.Request) -> web.Response:
        limit = read.group_limit_of(await read.body_of(request))
        group = self._engine.create_group(request["account"].account_id, limit)
        answer = {"order_group_id": group.group_id, "subaccount": 0, "exchange_index": 0}
        return _json(answer, status=201)

    async def group(self, request: web.Request) -> web.Response:
        group = self._group(request)
        view = views.group_view(group)
        del view["id"]
        return _json(view | {"orders": [o.order_id for o in self._engine.group_orders(group)]})

    async def group_delete(self, request: web.Request) -> web.Response:
        self._engine.delete_group(self._group(request))
        return _json({})

    async def group_reset(self, request: web.Request) -> web.Response:
        self._engine.reset_group(self._group(request))
        return _json({})

    async def group_trigger(self, request: web.Request) -> web.Response:
        self._engine.trigger_group(self._group(request))
        return _json({})

    async def group_limit(self, request: web.Request) -> web.Response:
        limit = read.group_limit_of(await read.body_of(request))
        self._engine.limit_group(self._group(request), limit)
        return _json({})

    # --- inside ------------------------------------------------------------------------------

    def _group(self, request: web.Request) -> Any:
        return self._engine.group(request["account"].account_id, request.match_info["group"])

    def _market(self, ticker: str) -> Market:
        market = self._engine.markets.get(ticker)
        if market is None:
            raise Rejected(404, "not_found", f"there is no market {ticker}")
        return market

    def _by_event(self) -> dict[str, list[Market]]:
        events: dict[str, list[Market]] = {}
        for market in self._engine.markets.values():
            events.setdefault(market.event_ticker, []).append(market)
        return events

    def _event(self, name: str, markets: list[Market], *, nested: bool) -> dict[str, Any]:
        view = event_info(markets[0].series, markets[0].close_at)
        now = self._engine.clock.now()
        if nested:
            view = view | {"markets": [views.market_view(m, now) for m in markets]}
        return view | {"event_ticker": name}

    def _candles(self, request: web.Request, market: Market) -> list[dict[str, Any]]:
        minutes = read.whole(request, "period_interval", 1, low=1, high=1440)
        start, end = read.instant_of(request, "start_ts"), read.instant_of(request, "end_ts")
        if start is None or end is None or minutes not in (1, 60, 1440):
            raise read.bad("start_ts, end_ts and a period_interval of 1, 60 or 1440 are required")
        return candlesticks(market, start, end, minutes)

    def _canceled(self, order_id: str, client_order_id: str, removed: int) -> dict[str, Any]:
        return {
            "order_id": order_id,
            "client_order_id": client_order_id,
            "reduced_by": size_text(removed),
            "ts_ms": views.millis(self._engine.clock.now()),
        }

    def _charge(self, request: web.Request, cost: int) -> None:
        """Take a whole batch's tokens at once, or refuse it whole."""
        account: Account = request["account"]
        bucket = self._limits[account.account_id].write
        if not bucket.take(cost, self._engine.clock.monotonic()):
            raise Rejected(429, "too_many_requests", "")


def _page(
    request: web.Request, rows: Sequence[T], *, default: int, high: int
) -> tuple[Sequence[T], str]:
    """Cut one page out of ``rows``; the cursor is the place to go on from."""
    limit = read.whole(request, "limit", default, low=1, high=high)
    text = request.query.get("cursor") or "0"
    if not text.isdigit():
        raise read.bad("the cursor is not one of ours")
    start = int(text)
    more = start + limit < len(rows)
    return rows[start : start + limit], str(start + limit) if more else ""


def _states(text: str | None) -> frozenset[str]:
    if not text:
        return frozenset()
    return frozenset(_FILTER.get(word, word) for word in text.split(","))


def _error(no: Rejected) -> dict[str, str]:
    return {"code": no.code, "message": no.code.replace("_", " "), "details": no.details}


def _json(data: Any, status: int = 200) -> web.Response:
    return web.json_response(data, status=status)
