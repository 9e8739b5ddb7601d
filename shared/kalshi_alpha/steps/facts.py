"""Facts, books and orders as plain JSON values and back: what a scan's record is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from kalshi_alpha.clock import from_iso, iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.book import Book
from kalshi_alpha.markets.orders import LiveOrder, OrderStatus, Side
from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.trading.match import Action, Amend, Create, Keep
from kalshi_alpha.trading.window_gates import (
    Heartbeat,
    ParameterFacts,
    SeriesFacts,
    SourceFacts,
    WindowFacts,
)

_TIMES = ("now", "opens_at", "ends_at")
_DATES = ("as_of", "valid_until", "today")


def window_to_json(found: WindowFacts) -> dict[str, Any]:
    """Return what concerns a window."""
    return _plain_fields(asdict(found))


def window_from_json(doc: Mapping[str, Any]) -> WindowFacts:
    """Read what ``window_to_json`` wrote; raise ``DataError`` on anything else."""
    try:
        return WindowFacts(**{**doc, **{name: from_iso(doc[name]) for name in _TIMES}})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _garbled("a window", error) from None


def series_to_json(found: SeriesFacts) -> dict[str, Any]:
    """Return what concerns a series; the law's fit is preflight's to judge and stays out."""
    doc = _plain_fields(asdict(found))
    del doc["fit"]
    return doc


def series_from_json(doc: Mapping[str, Any]) -> SeriesFacts:
    """Read what ``series_to_json`` wrote; raise ``DataError`` on anything else."""
    try:
        fitted, beat, cooling = doc["parameters"], doc["heartbeat"], doc["cooling_until"]
        source = doc.get("source")
        parts = {
            "now": from_iso(doc["now"]),
            "parameters": ParameterFacts(
                **fitted | {name: date.fromisoformat(fitted[name]) for name in _DATES}
            ),
            "heartbeat": beat and Heartbeat(**beat | {"at": from_iso(beat["at"])}),
            "cooling_until": from_iso(cooling) if cooling else None,
            "source": source and SourceFacts(**source),
        }
        return SeriesFacts(**{**doc, **parts})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _garbled("a series", error) from None


def books_to_json(books: Mapping[str, Book]) -> dict[str, Any]:
    """Return whole books: bids and asks as (price, size) in YES prices, the best first."""
    return {ticker: [book.bids, book.asks] for ticker, book in books.items()}


def books_from_json(doc: Mapping[str, Any]) -> dict[str, Book]:
    """Read what ``books_to_json`` wrote; raise ``DataError`` on anything else."""
    found = {}
    try:
        for ticker, (bids, asks) in doc.items():
            book = found[ticker] = Book(ticker)
            book.apply_snapshot(
                [(int(price), int(size)) for price, size in bids],
                [(PRICE_UNIT - int(price), int(size)) for price, size in asks],
            )
    except (TypeError, ValueError, AttributeError) as error:
        raise _garbled("books", error) from None
    return found


def order_to_json(order: LiveOrder) -> dict[str, Any]:
    """Return what a scan or a desk looks at in a live order."""
    return {
        "order_id": order.order_id,
        "client_order_id": order.client_order_id,
        "ticker": order.ticker,
        "side": order.side.value,
        "price": order.price,
        "initial_size": order.initial_size,
        "filled_size": order.filled_size,
        "remaining_size": order.remaining_size,
        "status": order.status.value,
    }


def order_from_json(doc: Mapping[str, Any]) -> LiveOrder:
    """Read what ``order_to_json`` wrote; raise ``DataError`` on anything else."""
    try:
        parts = {"side": Side(doc["side"]), "status": OrderStatus(doc["status"])}
        return LiveOrder(**{**doc, **parts})
    except (KeyError, TypeError, ValueError) as error:
        raise _garbled("an order", error) from None


def action_to_json(action: Action) -> dict[str, Any]:
    """Return what a desk sets out to do to one order, or that it leaves it."""
    doc: dict[str, Any] = {"what": type(action).__name__.lower()}
    if not isinstance(action, Create):
        doc["order_id"] = action.order.order_id
    if isinstance(action, Create | Amend | Keep):
        doc["target"] = action.target.to_json()
    return doc


def _plain_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in fields.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return _plain_fields(value)
    return value


def _garbled(what: str, error: Exception) -> DataError:
    return DataError(f"the record of {what} cannot be read: {str(error)[:200]}")
