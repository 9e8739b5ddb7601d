"""The venue's JSON as our records: one tolerant decoder.

Unknown fields are ignored and unknown words become ``unknown``; what a record cannot do without,
or says outside its domain, raises ``DataError``: a price beyond a dollar, a size below nothing, a
time of another century. Sizes may be fractional.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from kalshi_alpha.clock import from_iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.orders import (
    Ack,
    CancelResult,
    Fill,
    LiveOrder,
    NewOrder,
    OrderStatus,
    PublicTrade,
    Settlement,
    Side,
)
from kalshi_alpha.markets.units import (
    CASH_UNIT,
    PRICE_UNIT,
    cash_from_text,
    price_from_text,
    price_text,
    size_from_text,
    size_text,
)

# What the venue, written in Go, says for a time that it never set.
_UNSET = "0001-01-01T00:00:00Z"
_YEARS = range(2000, 2200)


def order_from(item: Mapping[str, Any]) -> LiveOrder:
    """Read an order of the orders list."""
    return LiveOrder(
        order_id=_text(item, "order_id"),
        client_order_id=str(item.get("client_order_id") or ""),
        ticker=_text(item, "ticker"),
        side=_side(item),
        price=_price(item),
        initial_size=_size(item, "initial_count_fp"),
        filled_size=_size(item, "fill_count_fp"),
        remaining_size=_size(item, "remaining_count_fp"),
        status=status_from(item.get("status")),
        expires_at=_instant(item.get("expiration_time")),
        order_group_id=str(item.get("order_group_id") or ""),
        created_at=_instant(item.get("created_time")),
        fees=cash_from_text(str(item.get("maker_fees_dollars") or "0"))
        + cash_from_text(str(item.get("taker_fees_dollars") or "0")),
        updated_at=_instant(item.get("last_update_time")),
    )


def status_from(word: object) -> OrderStatus:
    """Return the status of that word, ``UNKNOWN`` for a word we do not know."""
    try:
        return OrderStatus(str(word))
    except ValueError:
        return OrderStatus.UNKNOWN


def fill_from(item: Mapping[str, Any]) -> Fill:
    """Read a fill of the fills list."""
    at = _instant(item.get("created_time"))
    if at is None:
        at = _unix(item, "ts", 1)
    return Fill(
        fill_id=str(item.get("fill_id") or _text(item, "trade_id")),
        order_id=_text(item, "order_id"),
        ticker=str(item.get("ticker") or _text(item, "market_ticker")),
        side=_side(item),
        price=_price(item),
        size=_size(item, "count_fp"),
        is_taker=_flag(item, "is_taker"),
        fee=cash_from_text(str(item.get("fee_cost") or "0")),
        at=at,
    )


def data_at_from(item: Mapping[str, Any]) -> datetime:
    """Read how fresh the lists are."""
    at = _instant(item.get("as_of_time"))
    if at is None:
        raise DataError("the venue does not say how fresh its lists are")
    return at


def trade_from(item: Mapping[str, Any]) -> PublicTrade:
    """Read a public trade."""
    at = _instant(item.get("created_time"))
    if at is None:
        raise DataError("a public trade carries no created_time")
    taker = str(item.get("taker_book_side") or "")
    outcome = str(item.get("taker_outcome_side") or item.get("taker_side") or "")
    if taker not in {"bid", "ask"}:
        taker = {"yes": "bid", "no": "ask"}.get(outcome, "")
    if not taker:
        raise DataError("a public trade does not say which side took")
    return PublicTrade(
        trade_id=_text(item, "trade_id"),
        ticker=_text(item, "ticker"),
        price=_price(item),
        size=_size(item, "count_fp"),
        taker_side=Side(taker),
        at=at,
    )


def settlement_from(item: Mapping[str, Any]) -> Settlement:
    """Read a settlement; the venue gives its revenue in whole cents."""
    return Settlement(
        ticker=_text(item, "ticker"),
        result=str(item.get("market_result") or ""),
        revenue=_whole(item, "revenue") * (CASH_UNIT // 100),
        fees=cash_from_text(str(item.get("fee_cost") or "0")),
        at=_instant(item.get("settled_time")),
    )


def ack_from(item: Mapping[str, Any], known: NewOrder) -> Ack:
    """Read the answer to a create."""
    return Ack(
        order_id=_text(item, "order_id"),
        client_order_id=str(item.get("client_order_id") or known.client_order_id),
        filled_size=_size(item, "fill_count", missing="0"),
        remaining_size=_size(item, "remaining_count", missing="0"),
        at=_unix(item, "ts_ms", 1000),
    )


def amended_from(item: Mapping[str, Any], known: NewOrder, filled: int) -> Ack:
    """Read the answer to an amend of an order that had ``filled`` before it.

    It counts what the amend itself filled, and says nothing when nothing but the price changed.
    """
    remaining = item.get("remaining_count")
    said = dict(item) | {
        "remaining_count": size_text(known.size) if remaining is None else remaining
    }
    ack = ack_from(said, known)
    return replace(ack, filled_size=filled + ack.filled_size)


def cancel_from(item: Mapping[str, Any]) -> CancelResult:
    """Read one answer of a batch cancel."""
    error = item.get("error")
    code = str(error.get("code") or "error") if isinstance(error, Mapping) else str(error or "")
    return CancelResult(
        order_id=str(item.get("order_id") or ""),
        reduced_by=_size(item, "reduced_by", missing="0"),
        error=code,
    )


def create_body(order: NewOrder) -> dict[str, Any]:
    """Write an order: post-only, good till its expiry, cancelled when trading pauses."""
    body: dict[str, Any] = {
        "ticker": order.ticker,
        "side": order.side.value,
        "price": price_text(order.price),
        "count": size_text(order.size),
        "client_order_id": order.client_order_id,
        "time_in_force": "good_till_canceled",
        "expiration_time": int(order.expires_at.timestamp()),
        "post_only": True,
        "self_trade_prevention_type": "taker_at_cross",
        "cancel_order_on_pause": True,
        "exchange_index": 0,
    }
    return body | ({"order_group_id": order.order_group_id} if order.order_group_id else {})


def amend_body(order: NewOrder, filled: int) -> dict[str, Any]:
    """Write an amend; the venue counts what has filled already in the size."""
    return {
        "ticker": order.ticker,
        "side": order.side.value,
        "price": price_text(order.price),
        "count": size_text(filled + order.size),
        "client_order_id": order.client_order_id,
        "exchange_index": 0,
    }


def _side(item: Mapping[str, Any]) -> Side:
    side = item.get("book_side") or {"yes": "bid", "no": "ask"}.get(str(item.get("outcome_side")))
    try:
        return Side(str(side))
    except ValueError:
        raise DataError(f"the side {_shown(side)} is neither bid nor ask") from None


def _price(item: Mapping[str, Any]) -> int:
    price = price_from_text(_text(item, "yes_price_dollars"))
    if not 0 <= price <= PRICE_UNIT:
        raise DataError(f"the price {price_text(price)} is outside 0 to 1 dollar")
    return price


def _size(item: Mapping[str, Any], name: str, *, missing: str | None = None) -> int:
    value = item.get(name)
    size = size_from_text(missing if missing and value is None else _text(item, name))
    if size < 0:
        raise DataError(f"{name} is {size_text(size)}, which is less than nothing")
    return size


def _flag(item: Mapping[str, Any], name: str) -> bool:
    value = item.get(name)
    if not isinstance(value, bool):
        raise DataError(f"{name} is {_shown(value)}, neither true nor false")
    return value


def _whole(item: Mapping[str, Any], name: str) -> int:
    value = item.get(name) or 0
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise DataError(f"{name} is {_shown(value)}, not a whole number of 0 or more")
    return value


def _instant(value: object) -> datetime | None:
    if not value or value == _UNSET:
        return None
    try:
        found = from_iso(str(value))
    except ValueError:
        raise DataError(f"the time {_shown(value)} is not RFC 3339") from None
    return _of_our_time(found)


def _unix(item: Mapping[str, Any], name: str, per_second: int) -> datetime:
    value = item.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise DataError(f"{name} is {_shown(value)}, no whole number of Unix time")
    try:
        return _of_our_time(datetime.fromtimestamp(value / per_second, UTC))
    except (ValueError, OverflowError, OSError):
        raise DataError(f"{name} is {_shown(value)}, outside the calendar") from None


def _of_our_time(instant: datetime) -> datetime:
    if instant.year not in _YEARS:
        raise DataError(f"the year {instant.year} is outside {_YEARS[0]} to {_YEARS[-1]}")
    return instant


def _text(item: Mapping[str, Any], name: str) -> str:
    """Return a text that is there; a number is as good as its digits, a list is not."""
    value = item.get(name)
    if not isinstance(value, str | int | float) or isinstance(value, bool) or value == "":
        raise DataError(f"the venue's answer has {_shown(value)} where {name!r} belongs")
    return str(value)


def _shown(value: object) -> str:
    return "nothing" if value is None else repr(value)[:40]
