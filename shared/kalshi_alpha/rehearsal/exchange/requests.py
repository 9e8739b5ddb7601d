"""Reading what clients send: every malformed field is a 400 with a sentence, never a traceback."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import price_from_text, size_from_text
from kalshi_alpha.rehearsal.exchange.engine import Rejected, Ticket

TIMES_IN_FORCE = frozenset({"good_till_canceled", "immediate_or_cancel", "fill_or_kill"})
STP_TYPES = frozenset({"taker_at_cross", "maker"})
_MAX_BATCH = 1000
_MAX_NAME = 256
# Plain digits only: no exponent, no name of infinity, nothing that takes long to read.
_DECIMAL = re.compile(r"-?[0-9]{1,12}(\.[0-9]{0,12})?|\.[0-9]{1,12}")


async def body_of(request: web.Request) -> dict[str, Any]:
    """Return the JSON object in a request's body; an absent body is empty."""
    raw = await request.read()
    if not raw:
        return {}
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        raise bad("the body is no JSON, or nested without end") from None
    if not isinstance(data, dict):
        raise bad("the body is no JSON object")
    return data


def bad(details: str) -> Rejected:
    """Return the refusal of a malformed request."""
    return Rejected(400, "invalid_parameters", details)


def ticket_of(body: Mapping[str, Any]) -> Ticket:
    """Read the body of a create."""
    tif = _word(body, "time_in_force", TIMES_IN_FORCE)
    stp = _word(body, "self_trade_prevention_type", STP_TYPES)
    if body.get("exchange_index") not in (None, 0, -1):
        raise bad("the market is on exchange_index 0")
    if body.get("subaccount") not in (None, 0):
        raise bad("the exchange keeps subaccount 0 only")
    return Ticket(
        ticker=_text(body, "ticker"),
        side=side_of(body),
        price=price_of(body),
        size=count_of(body, "count"),
        client_order_id=name_of(body, "client_order_id"),
        time_in_force=tif,
        post_only=flag(body, "post_only"),
        reduce_only=flag(body, "reduce_only"),
        expires_at=expiry_of(body),
        group_id=name_of(body, "order_group_id"),
        stp=stp,
        cancel_on_pause=flag(body, "cancel_order_on_pause"),
    )


def side_of(body: Mapping[str, Any]) -> Side:
    """Read ``side``: bid or ask, about YES."""
    try:
        return Side(_text(body, "side"))
    except ValueError:
        raise bad("side must be bid or ask") from None


def price_of(body: Mapping[str, Any]) -> int:
    """Read ``price`` in dollars."""
    text = _text(body, "price")
    try:
        return price_from_text(_plain(text))
    except DataError:
        raise Rejected(400, "invalid_price", "price must be text in dollars") from None


def count_of(body: Mapping[str, Any], name: str) -> int:
    """Read a number of contracts."""
    text = _text(body, name)
    try:
        return size_from_text(_plain(text))
    except DataError:
        raise bad(f"{name} must be text in contracts, at most two decimals") from None


def expiry_of(body: Mapping[str, Any]) -> datetime | None:
    """Read ``expiration_time``, Unix seconds; 0 and absent are none."""
    value = body.get("expiration_time")
    if not value:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise bad("expiration_time must be whole Unix seconds")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        raise bad("expiration_time is out of range") from None


def name_of(body: Mapping[str, Any], name: str) -> str:
    """Read an id that may be absent."""
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > _MAX_NAME:
        raise bad(f"{name} must be text of at most {_MAX_NAME} characters")
    return value


def flag(body: Mapping[str, Any], name: str) -> bool:
    """Read a boolean that may be absent."""
    value = body.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise bad(f"{name} must be true or false")
    return value


def items_of(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Read the items of a batch."""
    items = body.get("orders")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise bad("orders must be a list of objects")
    if not items or len(items) > _MAX_BATCH:
        raise bad(f"orders must hold 1 to {_MAX_BATCH} items")
    return items


def group_limit_of(body: Mapping[str, Any]) -> int:
    """Read the limit of an order group, in 1/100 contract: 1 to 1,000,000 contracts."""
    if body.get("contracts_limit_fp") is not None:
        limit = count_of(body, "contracts_limit_fp")
    else:
        value = body.get("contracts_limit")
        if not isinstance(value, int) or isinstance(value, bool):
            raise bad("contracts_limit must be a whole number of contracts")
        limit = 100 * value
    if not 100 <= limit <= 100_000_000:
        raise bad("contracts_limit must be 1 to 1000000 contracts")
    return limit


def whole(request: web.Request, name: str, default: int, *, low: int = 0, high: int) -> int:
    """Read a whole number from the query."""
    text = request.query.get(name)
    if text is None or text == "":
        return default
    try:
        value = int(text)
    except ValueError:
        raise bad(f"{name} must be a whole number") from None
    if not low <= value <= high:
        raise bad(f"{name} must be {low} to {high}")
    return value


def instant_of(request: web.Request, name: str) -> datetime | None:
    """Read Unix seconds from the query."""
    if not request.query.get(name):
        return None
    return datetime.fromtimestamp(whole(request, name, 0, high=32_503_680_000), UTC)


def words(request: web.Request, name: str) -> list[str]:
    """Read a list from the query: repeated, or with commas."""
    found = [part for value in request.query.getall(name, []) for part in value.split(",")]
    return [part for part in found if part]


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise bad(f"{name} is required and must be text")
    return value


def _plain(text: str) -> str:
    if not _DECIMAL.fullmatch(text):
        raise DataError(f"{text[:20]!r} is no plain decimal number")
    return text


def _word(body: Mapping[str, Any], name: str, allowed: frozenset[str]) -> str:
    value = _text(body, name)
    if value not in allowed:
        raise bad(f"{name} must be one of {', '.join(sorted(allowed))}")
    return value
