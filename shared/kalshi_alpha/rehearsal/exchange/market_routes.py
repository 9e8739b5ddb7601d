"""The public half of the REST side: the exchange's state, series, events, markets, the tape."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from aiohttp import web

from kalshi_alpha.clock import iso
from kalshi_alpha.pricing.fees import FULL_INDEX_RATE_SINCE, series_terms_at
from kalshi_alpha.rehearsal.exchange import requests as read
from kalshi_alpha.rehearsal.exchange import views
from kalshi_alpha.rehearsal.exchange.answers import Route, answer, page
from kalshi_alpha.rehearsal.exchange.candles import Candles
from kalshi_alpha.rehearsal.exchange.engine import Engine, Rejected
from kalshi_alpha.rehearsal.exchange.limits import endpoint_costs
from kalshi_alpha.rehearsal.exchange.listing import event_info, series_info
from kalshi_alpha.rehearsal.exchange.model import Market

_STATES = {  # the words of a filter, and the states they stand for
    "unopened": frozenset({"initialized"}),
    "open": frozenset({"active"}),
    "paused": frozenset({"inactive"}),
    "closed": frozenset({"closed", "determined"}),
    "settled": frozenset({"finalized"}),
}
_ARCHIVED_AFTER = timedelta(days=60)


class MarketRoutes:
    """Handlers that need no key."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._tape = engine, Candles(engine)

    def table(self) -> Sequence[Route]:
        """Return method, path and handler of each."""
        return (
            ("GET", "/exchange/status", self._exchange_status),
            ("GET", "/exchange/schedule", self._exchange_schedule),
            ("GET", "/exchange/user_data_timestamp", self._user_data_timestamp),
            ("GET", "/series", self._series_list),
            ("GET", "/series/fee_changes", self._series_fee_changes),
            ("GET", "/series/{series}", self._series),
            ("GET", "/series/{series}/markets/{ticker}/candlesticks", self._candlesticks),
            ("GET", "/events", self._events),
            ("GET", "/events/fee_changes", self._event_fee_changes),
            ("GET", "/events/{event}", self._event),
            ("GET", "/markets", self._markets),
            ("GET", "/markets/trades", self._trades),
            ("GET", "/markets/orderbooks", self._orderbooks),
            ("GET", "/markets/candlesticks", self._batch_candlesticks),
            ("GET", "/markets/{ticker}", self._market),
            ("GET", "/markets/{ticker}/orderbook", self._orderbook),
            ("GET", "/incentive_programs", self._incentives),
            ("GET", "/historical/cutoff", self._cutoff),
            ("GET", "/historical/markets", self._no_markets),
            ("GET", "/historical/trades", self._no_trades),
            ("GET", "/account/endpoint_costs", self._costs),
        )

    # --- exchange ----------------------------------------------------------------------------

    async def _exchange_status(self, request: web.Request) -> web.Response:
        del request
        state = {
            "exchange_active": self._engine.exchange_active,
            "trading_active": self._engine.trading_active,
            "intra_exchange_transfers_active": True,
        }
        index = {"exchange_index": 0, "description": "events"} | state
        return answer(state | {"exchange_index_statuses": [index]})

    async def _exchange_schedule(self, request: web.Request) -> web.Response:
        del request
        always = [{"open_time": "00:00", "close_time": "00:00"}]
        pause = [
            {"open_time": "00:00", "close_time": "03:00"},
            {"open_time": "05:00", "close_time": "00:00"},
        ]
        days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
        now = self._engine.clock.now()
        hours: dict[str, Any] = dict.fromkeys(days, always) | {
            "start_time": iso(now - timedelta(days=365)),
            "end_time": iso(now + timedelta(days=365)),
        }
        if self._engine.maintenance:
            hours["thursday"] = pause
        return answer({"schedule": {"standard_hours": [hours], "maintenance_windows": []}})

    async def _user_data_timestamp(self, request: web.Request) -> web.Response:
        del request
        return answer({"as_of_time": iso(self._engine.clock.now())})

    async def _costs(self, request: web.Request) -> web.Response:
        del request
        return answer(endpoint_costs())

    async def _incentives(self, request: web.Request) -> web.Response:
        del request
        return answer({"incentive_programs": [], "next_cursor": ""})

    # --- series and events -------------------------------------------------------------------

    async def _series_list(self, request: web.Request) -> web.Response:
        now, category = self._engine.clock.now(), request.query.get("category")
        found = [series_info(name, now) for name in self._listed_series()]
        return answer({"series": [s for s in found if category in (None, "", s["category"])]})

    async def _series(self, request: web.Request) -> web.Response:
        name = request.match_info["series"]
        if name not in self._listed_series():
            raise Rejected(404, "not_found", f"there is no series {name}")
        return answer({"series": series_info(name, self._engine.clock.now())})

    async def _series_fee_changes(self, request: web.Request) -> web.Response:
        """Answer with what is pending; with ``show_historical`` also with what has happened."""
        at, wanted = FULL_INDEX_RATE_SINCE, request.query.get("series_ticker")
        shown = request.query.get("show_historical") == "true" or at > self._engine.clock.now()
        chosen = [name for name in self._listed_series() if wanted in (None, "", name) and shown]
        terms = {name: series_terms_at(name, at) for name in chosen}
        rows = [
            {
                "id": f"{name}-{at:%Y%m%d}",
                "series_ticker": name,
                "fee_type": terms[name].fee_type,
                "fee_multiplier": float(terms[name].multiplier),
                "scheduled_ts": iso(at),
            }
            for name in chosen
        ]
        return answer({"series_fee_change_arr": rows})

    async def _event_fee_changes(self, request: web.Request) -> web.Response:
        now, wanted = self._engine.clock.now(), request.query.get("event_ticker")
        rows = [
            {
                "id": f"{event}-override",
                "event_ticker": event,
                "series_ticker": event.partition("-")[0],
                "fee_type_override": terms.fee_type,
                "fee_multiplier_override": float(terms.multiplier),
                "scheduled_ts": iso(now),
            }
            for event, terms in self._engine.fee_overrides.items()
            if wanted in (None, "", event)
        ]
        return answer({"event_fee_changes": rows, "cursor": ""})

    async def _events(self, request: web.Request) -> web.Response:
        series, tickers = request.query.get("series_ticker"), set(read.words(request, "tickers"))
        nested = request.query.get("with_nested_markets") == "true"
        wanted, now = _states(request), self._engine.clock.now()
        chosen = [
            (event, markets)
            for event, markets in self._by_event().items()
            if series in (None, "", markets[0].series)
            and (not tickers or event in tickers)
            and (not wanted or any(m.status_at(now) in wanted for m in markets))
        ]
        rows, cursor = page(request, chosen, lambda row: row[0], default=200, high=200)
        views_ = [self._event_view(event, markets, nested=nested) for event, markets in rows]
        return answer({"events": views_, "cursor": cursor})

    async def _event(self, request: web.Request) -> web.Response:
        name = request.match_info["event"]
        markets = self._by_event().get(name)
        if markets is None:
            raise Rejected(404, "not_found", f"there is no event {name}")
        nested = request.query.get("with_nested_markets") == "true"
        now = self._engine.clock.now()
        views_ = [] if nested else [views.market_view(m, now) for m in markets]
        return answer({"event": self._event_view(name, markets, nested=nested), "markets": views_})

    # --- markets -----------------------------------------------------------------------------

    async def _markets(self, request: web.Request) -> web.Response:
        query, now = request.query, self._engine.clock.now()
        tickers, wanted = set(read.words(request, "tickers")), _states(request)
        low, high = (
            read.instant_of(request, "min_close_ts"),
            read.instant_of(request, "max_close_ts"),
        )
        chosen = [
            market
            for market in self._engine.markets.values()
            if query.get("event_ticker") in (None, "", market.event_ticker)
            and query.get("series_ticker") in (None, "", market.series)
            and (not tickers or market.ticker in tickers)
            and (not wanted or market.status_at(now) in wanted)
            and (low is None or market.close_at >= low)
            and (high is None or market.close_at <= high)
        ]
        rows, cursor = page(request, chosen, lambda market: market.ticker)
        return answer({"markets": [views.market_view(m, now) for m in rows], "cursor": cursor})

    async def _market(self, request: web.Request) -> web.Response:
        market = self._known_market(request.match_info["ticker"])
        return answer({"market": views.market_view(market, self._engine.clock.now())})

    async def _orderbook(self, request: web.Request) -> web.Response:
        market = self._known_market(request.match_info["ticker"])
        depth = read.whole(request, "depth", 0, high=100)
        return answer({"orderbook_fp": views.book_view(market, depth)})

    async def _orderbooks(self, request: web.Request) -> web.Response:
        """Answer with the books of a repeated parameter; of a comma list only the first counts."""
        tickers = [text.partition(",")[0] for text in request.query.getall("tickers", [])]
        if not 1 <= len(tickers) <= 100:
            raise read.bad("tickers must be repeated, 1 to 100 times")
        books = [
            {"ticker": t, "orderbook_fp": views.book_view(self._engine.markets[t])}
            for t in dict.fromkeys(tickers)
            if t in self._engine.markets
        ]
        return answer({"orderbooks": books})

    async def _trades(self, request: web.Request) -> web.Response:
        ticker = request.query.get("ticker")
        markets = [self._known_market(ticker)] if ticker else list(self._engine.markets.values())
        low, high = read.instant_of(request, "min_ts"), read.instant_of(request, "max_ts")
        found = [
            trade
            for market in markets
            for trade in market.trades
            if (low is None or trade.at >= low) and (high is None or trade.at <= high)
        ]
        found.sort(key=lambda trade: trade.at, reverse=True)
        rows, cursor = page(request, found, lambda trade: trade.trade_id)
        return answer({"trades": [views.trade_view(t) for t in rows], "cursor": cursor})

    async def _candlesticks(self, request: web.Request) -> web.Response:
        market = self._known_market(request.match_info["ticker"])
        return answer({"ticker": market.ticker, "candlesticks": self._candles(request, market)})

    async def _batch_candlesticks(self, request: web.Request) -> web.Response:
        found = [self._engine.markets.get(t) for t in read.words(request, "market_tickers")]
        rows = [
            {"market_ticker": m.ticker, "candlesticks": self._candles(request, m)}
            for m in found
            if m is not None
        ]
        return answer({"markets": rows})

    # --- the historical tier, which an exchange this young has not filled ---------------------

    async def _cutoff(self, request: web.Request) -> web.Response:
        del request
        at = iso(self._engine.clock.now() - _ARCHIVED_AFTER)
        names = (
            "market_settled_ts", "trades_created_ts", "orders_updated_ts",
            "market_positions_last_updated_ts",
        )  # fmt: skip
        return answer(dict.fromkeys(names, at))

    async def _no_markets(self, request: web.Request) -> web.Response:
        del request
        return answer({"markets": [], "cursor": ""})

    async def _no_trades(self, request: web.Request) -> web.Response:
        del request
        return answer({"trades": [], "cursor": ""})

    # --- inside ------------------------------------------------------------------------------

    def _listed_series(self) -> list[str]:
        return sorted({market.series for market in self._engine.markets.values()})

    def _known_market(self, ticker: str) -> Market:
        market = self._engine.markets.get(ticker)
        if market is None:
            raise Rejected(404, "not_found", f"there is no market {ticker}")
        return market

    def _candles(self, request: web.Request, market: Market) -> list[dict[str, Any]]:
        minutes = read.whole(request, "period_interval", 1, low=1, high=1440)
        start, end = read.instant_of(request, "start_ts"), read.instant_of(request, "end_ts")
        if start is None or end is None or minutes not in {1, 60, 1440}:
            raise read.bad("start_ts, end_ts and a period_interval of 1, 60 or 1440 are required")
        return self._tape.view(market, start, end, minutes)

    def _by_event(self) -> dict[str, list[Market]]:
        events: dict[str, list[Market]] = {}
        for market in self._engine.markets.values():
            events.setdefault(market.event_ticker, []).append(market)
        return events

    def _event_view(self, name: str, markets: list[Market], *, nested: bool) -> dict[str, Any]:
        view = event_info(markets[0].series, markets[0].close_at) | {"event_ticker": name}
        terms = self._engine.fee_overrides.get(name)
        if terms is not None:
            view["fee_type_override"] = terms.fee_type
            view["fee_multiplier_override"] = float(terms.multiplier)
        if nested:
            now = self._engine.clock.now()
            view["markets"] = [views.market_view(m, now) for m in markets]
        return view


def _states(request: web.Request) -> frozenset[str]:
    """Read the filter by state; the words of the answers are not those of the filter."""
    found: frozenset[str] = frozenset()
    for word in read.words(request, "status"):
        if word not in _STATES:
            raise read.bad(f"status must be one of {', '.join(_STATES)}")
        found |= _STATES[word]
    return found
