"""A closed window's books for the archive: its ledger, and the public trades of its markets.

With what its scans saw and the sentry's capture it is all that a replay of the window needs.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kalshi_alpha.clock import from_iso, iso
from kalshi_alpha.cloud.ledger import fill_from
from kalshi_alpha.errors import DataError, VenueError
from kalshi_alpha.markets.orders import Fill, PublicTrade, Side
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.trading.entries import PAPER_ORDER

FORMAT = 1
_LARGEST = 1 << 26
_ENTRIES = ("ORDER#", "FILL#", "DESK#", "DROP#")


@dataclass(frozen=True, slots=True)
class Books:
    """What ``kept_books`` kept, read back.

    Attributes:
        orders: the ledger's entries of orders, with all that happened to each.
        fills: in time.
        desks: by revision, what each plan's desk saw and set out to do.
        drops: what was asked for and not done.
        trades: by market, in time; None where the venue did not give them.
        paper: orders of the paper broker.
    """

    orders: tuple[dict[str, Any], ...]
    fills: tuple[Fill, ...]
    desks: Mapping[int, dict[str, Any]]
    drops: tuple[dict[str, Any], ...]
    trades: Mapping[str, tuple[PublicTrade, ...] | None]
    paper: tuple[dict[str, Any], ...]


def kept_books(runtime: Runtime, window: Window) -> bytes:
    """Return the window's books as one compressed JSON object."""
    entries = list(runtime.ledger.entries(window.window_id))
    tickers = sorted({e["ticker"] for e in entries if e["sk"].startswith("ORDER#")})
    names = {e["client_order_id"] for e in entries if e["sk"].startswith("ORDER#")}
    paper = [
        order
        for ticker in tickers
        for order in runtime.ledger.paper_orders(f"{PAPER_ORDER}{ticker}-")
        if order["client_order_id"] in names
    ]
    whole = {
        "format": FORMAT,
        "window_id": window.window_id,
        "entries": entries,
        "paper": paper,
        "trades": {ticker: _trades(runtime, window, ticker) for ticker in tickers},
    }
    return gzip.compress(json.dumps(whole, sort_keys=True).encode(), 6, mtime=0)


def read_books(data: bytes) -> Books:
    """Read what ``kept_books`` wrote.

    Raises:
        DataError: when it is not one, or of a format that is not known here.
    """
    try:
        if len(data) > _LARGEST:
            raise ValueError(f"{len(data)} bytes are too many")
        doc = json.loads(gzip.decompress(data))
        if doc["format"] != FORMAT:
            raise ValueError(f"its format is {str(doc['format'])[:40]}, known is {FORMAT}")
        orders, fills, desks, drops = (
            [e for e in doc["entries"] if e["sk"].startswith(kind)] for kind in _ENTRIES
        )
        return Books(
            orders=tuple(orders),
            fills=tuple(sorted(map(fill_from, fills), key=lambda fill: (fill.at, fill.fill_id))),
            desks={int(desk["sk"].rpartition("#")[2]): desk for desk in desks},
            drops=tuple(drops),
            trades={
                t: None if rows is None else _tape(t, rows) for t, rows in doc["trades"].items()
            },
            paper=tuple(doc["paper"]),
        )
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"the window's books cannot be read: {str(error)[:200]}") from None


def _trades(runtime: Runtime, window: Window, ticker: str) -> list[list[Any]] | None:
    try:
        found = runtime.reader.trades(ticker, min_at=window.make_at)
    except (VenueError, DataError):
        return None
    rows = sorted(found, key=lambda trade: (trade.at, trade.trade_id))
    return [[t.trade_id, t.price, t.size, t.taker_side.value, iso(t.at)] for t in rows]


def _tape(ticker: str, rows: list[list[Any]]) -> tuple[PublicTrade, ...]:
    return tuple(
        PublicTrade(name, ticker, int(price), int(size), Side(taker), from_iso(at))
        for name, price, size, taker, at in rows
    )
