"""Everything that can be asked of the venue without changing anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx

from kalshi_alpha.clock import Clock
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.book import Book, book_from_orderbook
from kalshi_alpha.markets.orders import Fill, LiveOrder, PublicTrade, Settlement
from kalshi_alpha.markets.units import CASH_UNIT, cash_from_text
from kalshi_alpha.venues.kalshi import wire
from kalshi_alpha.venues.kalshi.signing import Credentials
from kalshi_alpha.venues.kalshi.transport import Transport

_BOOKS_A_REQUEST = 100
_MAX_PAGES = 200


class KalshiReader:
    """Market data, and with a key our own orders, fills and balance."""

    def __init__(
        self,
        base_url: str,
        clock: Clock,
        credentials: Credentials | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = Transport(base_url, clock, credentials, transport)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def exchange_status(self) -> dict[str, Any]:
        """Return ``exchange_active``, ``trading_active`` and more; no true or false is None."""
        reply = _object(self._http.get("exchange/status"))
        names = ("exchange_active", "trading_active")
        flags = {k: v if isinstance(v, bool) else None for k in names for v in [reply.get(k)]}
        return reply | {k: v for k, v in flags.items() if k in reply}

    def exchange_schedule(self) -> dict[str, Any]:
        """Return ``standard_hours`` and ``maintenance_windows``."""
        return _object(_object(self._http.get("exchange/schedule")).get("schedule"))

    def series(self, ticker: str) -> dict[str, Any]:
        """Return a series with its ``fee_type`` and ``fee_multiplier``."""
        return _object(_object(self._http.get(f"series/{ticker}")).get("series"))

    def markets(self, event_ticker: str) -> list[dict[str, Any]]:
        """Return every market of an event, as the venue lists them."""
        params = {"event_ticker": event_ticker, "limit": 1000, "mve_filter": "exclude"}
        return list(self._pages("markets", "markets", params))

    def closing(self, series: str, first: datetime, last: datetime) -> list[dict[str, Any]]:
        """Return the markets of a series that close from ``first`` to ``last``, in any state."""
        params: dict[str, Any] = {
            "series_ticker": series,
            "min_close_ts": int(first.timestamp()),
            "max_close_ts": int(last.timestamp()),
            "limit": 1000,
            "mve_filter": "exclude",
        }
        return list(self._pages("markets", "markets", params))

    def market(self, ticker: str) -> dict[str, Any]:
        """Return one market."""
        return _object(_object(self._http.get(f"markets/{ticker}")).get("market"))

    def orderbooks(self, tickers: Sequence[str]) -> dict[str, Book]:
        """Return the whole books of those markets, read in one request per hundred."""
        books: dict[str, Book] = {}
        for start in range(0, len(tickers), _BOOKS_A_REQUEST):
            asked = list(tickers[start : start + _BOOKS_A_REQUEST])
            reply = _object(self._http.get("markets/orderbooks", {"tickers": asked}))
            for item in objects(reply, "orderbooks"):
                ticker = item.get("ticker")
                if ticker not in asked or ticker in books:
                    raise DataError(
                        f"the venue gave a book of {str(ticker)[:40]!r} unasked or twice"
                    )
                books[ticker] = book_from_orderbook(ticker, _object(item.get("orderbook_fp") or {}))
        return books

    def trades(self, ticker: str, *, min_at: datetime | None = None) -> list[PublicTrade]:
        """Return a market's trades, newest first, without block trades."""
        params: dict[str, Any] = {"ticker": ticker, "limit": 1000}
        if min_at is not None:
            params["min_ts"] = int(min_at.timestamp())
        items = self._pages("markets/trades", "trades", params)
        return [wire.trade_from(item) for item in items if not item.get("is_block_trade")]

    def orders(
        self, *, event_ticker: str = "", ticker: str = "", status: str = ""
    ) -> list[LiveOrder]:
        """Return our orders, all pages of them; up to ten events may be named, with commas."""
        params = {"event_ticker": event_ticker, "ticker": ticker, "status": status, "limit": 1000}
        items = self._pages("portfolio/orders", "orders", {k: v for k, v in params.items() if v})
        return [wire.order_from(item) for item in items]

    def order(self, order_id: str) -> LiveOrder:
        """Return one of our orders."""
        reply = _object(self._http.get(f"portfolio/orders/{order_id}"))
        return wire.order_from(_object(reply.get("order")))

    def fills(self, *, ticker: str = "", min_at: datetime | None = None) -> list[Fill]:
        """Return our fills, all pages of them."""
        params: dict[str, Any] = {"limit": 1000}
        if ticker:
            params["ticker"] = ticker
        if min_at is not None:
            params["min_ts"] = int(min_at.timestamp())
        return [wire.fill_from(item) for item in self._pages("portfolio/fills", "fills", params)]

    def data_at(self) -> datetime:
        """Return how fresh the venue's lists of our orders and fills are, by its own clock."""
        return wire.data_at_from(_object(self._http.get("exchange/user_data_timestamp")))

    def settlements(self, *, event_ticker: str = "") -> list[Settlement]:
        """Return what settled markets paid us."""
        params = {"limit": 1000} | ({"event_ticker": event_ticker} if event_ticker else {})
        items = self._pages("portfolio/settlements", "settlements", params)
        return [wire.settlement_from(item) for item in items]

    def positions(self) -> list[dict[str, Any]]:
        """Return our market positions."""
        return list(self._pages("portfolio/positions", "market_positions", {"limit": 1000}))

    def balance(self, shard: int | None = None) -> int:
        """Return our cash, in cash units: all of it, or what lies on one shard of the exchange.

        A key restricted to a subaccount is told no shards; then all of it counts.
        """
        return balance_from(_object(self._http.get("portfolio/balance")), shard)

    def portfolio(
        self, name: str, key: str, min_at: datetime | None = None
    ) -> list[dict[str, Any]]:
        """Return the items under ``key`` of ``portfolio/<name>`` as the venue gives them."""
        asked: dict[str, Any] = {"limit": 1000}
        if min_at is not None:
            asked["min_ts"] = int(min_at.timestamp())
        return list(self._pages(f"portfolio/{name}", key, asked))

    def limits(self) -> dict[str, Any]:
        """Return the account's request budget."""
        return _object(self._http.get("account/limits"))

    def endpoint_costs(self) -> dict[str, Any]:
        """Return what each request costs."""
        return _object(self._http.get("account/endpoint_costs"))

    def _pages(self, path: str, key: str, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the items of every page; an empty cursor ends the list, an empty page does not."""
        asked = dict(params)
        for _ in range(_MAX_PAGES):
            reply = _object(self._http.get(path, asked))
            yield from objects(reply, key)
            cursor = reply.get("cursor")
            if not cursor:
                return
            if not isinstance(cursor, str):
                raise DataError(f"{path} was answered with a cursor that is no text")
            asked["cursor"] = cursor
        raise DataError(f"{path} goes on for more than {_MAX_PAGES} pages; narrow the question")


def balance_from(reply: Mapping[str, Any], shard: int | None = None) -> int:
    """Read an answer of ``portfolio/balance``: all our cash, or what lies on one shard."""
    shards = reply.get("balance_breakdown")
    if shard is not None and isinstance(shards, list):
        mine = [_object(s) for s in shards if _object(s).get("exchange_index") == shard]
        return sum(cash_from_text(str(found.get("balance"))) for found in mine)
    if reply.get("balance_dollars") is not None:
        return cash_from_text(str(reply["balance_dollars"]))
    cents = reply.get("balance")
    if not isinstance(cents, int) or isinstance(cents, bool):
        raise DataError("the venue's answer holds no balance")
    return cents * (CASH_UNIT // 100)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DataError(f"the venue answered with a {type(value).__name__} where an object belongs")
    return value


def objects(reply: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the list under ``key``, empty when it is null or absent."""
    found = reply.get(key)
    if not isinstance(found, list | None):
        raise DataError(f"the venue answered with a {type(found).__name__} where a list belongs")
    return [_object(item) for item in found or []]
