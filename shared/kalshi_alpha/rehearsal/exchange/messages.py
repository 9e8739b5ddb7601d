"""The bodies of WebSocket messages, in the venue's JSON: one function a message."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kalshi_alpha.clock import iso
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import cash_text, price_text, size_text
from kalshi_alpha.pricing.fees import FeeTerms
from kalshi_alpha.rehearsal.exchange import views
from kalshi_alpha.rehearsal.exchange.listing import event_info
from kalshi_alpha.rehearsal.exchange.model import Account, FillRecord, Group, Market, Order, Trade

_OUTCOME = {Side.BID: "yes", Side.ASK: "no"}
_DESCRIBED = (
    "yes_sub_title", "no_sub_title", "rules_primary", "rules_secondary", "can_close_early",
    "event_ticker", "strike_type", "floor_strike", "cap_strike",
)  # fmt: skip


def book_snapshot(market: Market, *, use_yes_price: bool) -> dict[str, Any]:
    """Return a book; the key of an empty side is absent, as at the venue."""
    msg: dict[str, Any] = {"market_ticker": market.ticker, "market_id": market.ticker}
    yes = sorted((price, market.depth(Side.BID, price)) for price in market.bids)
    no = sorted(
        (price if use_yes_price else views.no_price(price), market.depth(Side.ASK, price))
        for price in market.asks
    )
    for key, levels in (("yes_dollars_fp", yes), ("no_dollars_fp", no)):
        if levels:
            msg[key] = [[price_text(price), size_text(size)] for price, size in levels]
    return msg


def book_delta(
    market: Market, side: Side, price: int, delta: int, now: datetime, *, use_yes_price: bool
) -> dict[str, Any]:
    """Return a change of one level; a NO level's price is the NO price unless asked otherwise."""
    shown = price if side is Side.BID or use_yes_price else views.no_price(price)
    return {
        "market_ticker": market.ticker,
        "market_id": market.ticker,
        "price_dollars": price_text(shown),
        "delta_fp": size_text(delta),
        "side": _OUTCOME[side],
        "ts_ms": views.millis(now),
        "ts": iso(now),
    }


def ticker(market: Market, now: datetime) -> dict[str, Any]:
    """Return a market's top, last trade and totals."""
    view = views.quotes_view(market)
    last = market.trades[-1].size if market.trades else 0
    return {
        "market_id": market.ticker,
        "market_ticker": market.ticker,
        "price_dollars": view["last_price_dollars"],
        "yes_bid_dollars": view["yes_bid_dollars"],
        "yes_ask_dollars": view["yes_ask_dollars"],
        "yes_bid_size_fp": view["yes_bid_size_fp"],
        "yes_ask_size_fp": view["yes_ask_size_fp"],
        "last_trade_size_fp": size_text(last),
        "volume_fp": view["volume_fp"],
        "open_interest_fp": view["open_interest_fp"],
        "dollar_volume": market.volume // 100,
        "dollar_open_interest": market.open_interest // 100,
        "ts_ms": views.millis(now),
        "ts": int(now.timestamp()),
        "time": iso(now),
    }


def trade(record: Trade) -> dict[str, Any]:
    """Return a public trade."""
    return {
        "trade_id": record.trade_id,
        "market_ticker": record.ticker,
        "yes_price_dollars": price_text(record.price),
        "no_price_dollars": price_text(views.no_price(record.price)),
        "count_fp": size_text(record.size),
        "taker_outcome_side": _OUTCOME[record.taker_side],
        "taker_book_side": record.taker_side.value,
        "taker_side": _OUTCOME[record.taker_side],
        "is_block_trade": False,
        "ts_ms": views.millis(record.at),
        "ts": int(record.at.timestamp()),
    }


def fill(record: FillRecord) -> dict[str, Any]:
    """Return one side of a trade, for its member."""
    return {
        "trade_id": record.trade_id,
        "order_id": record.order_id,
        "client_order_id": record.client_order_id,
        "market_ticker": record.ticker,
        "exchange_index": 0,
        "is_taker": record.is_taker,
        "side": _OUTCOME[record.side],
        "action": "buy",
        "purchased_side": _OUTCOME[record.side],
        "outcome_side": _OUTCOME[record.side],
        "book_side": record.side.value,
        "yes_price_dollars": price_text(record.price),
        "count_fp": size_text(record.size),
        "fee_cost": cash_text(record.fee),
        "post_position_fp": size_text(record.position),
        "ts_ms": views.millis(record.at),
        "ts": int(record.at.timestamp()),
        "subaccount": 0,
    }


def user_order(order: Order, reason: str) -> dict[str, Any]:
    """Return an order as its member sees it change."""
    view = views.order_view(order)
    dropped = ("expiration_time", "order_group_id", "type", "action", "cancel_order_on_pause")
    msg = {key: value for key, value in view.items() if key not in dropped} | {
        "created_ts_ms": views.millis(order.created_at),
        "last_updated_ts_ms": views.millis(order.updated_at),
        "is_yes": order.side is Side.BID,
    }
    if order.group_id:
        msg["order_group_id"] = order.group_id
    if order.expires_at is not None:
        msg["expiration_ts_ms"] = views.millis(order.expires_at)
        msg["expiration_time"] = iso(order.expires_at)
    if reason and reason != "Canceled":  # a member's own cancel has no word at the venue
        msg["last_update_reason"] = reason
    return msg


def market_position(account: Account, name: str) -> dict[str, Any]:
    """Return a member's position in a market."""
    return {
        "user_id": account.account_id,
        "market_ticker": name,
        "position_fp": size_text(account.positions.get(name, 0)),
        "position_cost_dollars": cash_text(account.costs.get(name, 0)),
        "realized_pnl_dollars": cash_text(account.realised.get(name, 0)),
        "fees_paid_dollars": cash_text(account.fees.get(name, 0)),
        "position_fee_cost_dollars": cash_text(account.fees.get(name, 0)),
        "volume_fp": size_text(account.volumes.get(name, 0)),
        "subaccount": 0,
    }


def order_group(group: Group, event: str, now: datetime) -> dict[str, Any]:
    """Return what happened to an order group."""
    msg = {
        "event_type": event,
        "order_group_id": group.group_id,
        "ts_ms": views.millis(now),
    }
    if event in {"created", "limit_updated"}:
        msg["contracts_limit_fp"] = size_text(group.limit)
    return msg


def market_created(market: Market) -> dict[str, Any]:
    """Return the news of a market, with what it is about."""
    listed = market.listed
    details = {name: listed[name] for name in _DESCRIBED if listed.get(name) is not None}
    expected = market.close_at if market.settled_at is None else market.settled_at
    details |= {
        "name": listed["yes_sub_title"],
        "title": listed["title"],
        "expected_expiration_ts": int(expected.timestamp()),
    }
    return {
        "open_ts": int(market.open_at.timestamp()),
        "close_ts": int(market.close_at.timestamp()),
        "exchange_index": 0,
        "additional_metadata": details,
    } | grid(market)


def grid(market: Market) -> dict[str, Any]:
    """Return a market's price grid."""
    names = ("price_level_structure", "price_ranges")
    return {name: market.listed[name] for name in names}


def event_created(market: Market) -> dict[str, Any]:
    """Return the news of a market's event."""
    info = event_info(market.series, market.close_at)
    return {
        "event_ticker": market.event_ticker,
        "exchange_index": 0,
        "title": info["title"],
        "subtitle": info["sub_title"],
        "collateral_return_type": info["collateral_return_type"],
        "series_ticker": market.series,
        "strike_date": int(market.close_at.timestamp()),
    }


def event_fee(event_ticker: str, terms: FeeTerms | None) -> Mapping[str, Any]:
    """Return an event's own fee terms, nulls when it has none."""
    return {
        "event_ticker": event_ticker,
        "fee_type_override": None if terms is None else terms.fee_type,
        "fee_multiplier_override": None if terms is None else float(terms.multiplier),
    }
