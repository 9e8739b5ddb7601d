"""The exchange's records in the venue's JSON: one function a shape."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kalshi_alpha.clock import iso
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import PRICE_UNIT, cash_text, price_text, size_text
from kalshi_alpha.rehearsal.exchange.model import (
    Account,
    FillRecord,
    Group,
    Market,
    Order,
    SettlementRecord,
    Trade,
)

_OUTCOME = {Side.BID: "yes", Side.ASK: "no"}
_CENT_CASH = 10_000


def no_price(price: int) -> int:
    """Return the NO price of a YES price."""
    return PRICE_UNIT - price


def millis(at: datetime) -> int:
    """Return Unix milliseconds."""
    return round(at.timestamp() * 1000)


def quotes_view(market: Market) -> dict[str, Any]:
    """Return a market's top of book, last trade and totals."""
    bid, ask = market.best(Side.BID), market.best(Side.ASK)
    return {
        "yes_bid_dollars": price_text(bid or 0),
        "yes_ask_dollars": price_text(PRICE_UNIT if ask is None else ask),
        "no_bid_dollars": price_text(0 if ask is None else no_price(ask)),
        "no_ask_dollars": price_text(PRICE_UNIT if bid is None else no_price(bid)),
        "yes_bid_size_fp": size_text(0 if bid is None else market.depth(Side.BID, bid)),
        "yes_ask_size_fp": size_text(0 if ask is None else market.depth(Side.ASK, ask)),
        "last_price_dollars": price_text(market.last_price),
        "volume_fp": size_text(market.volume),
        "open_interest_fp": size_text(market.open_interest),
    }


def market_view(market: Market, now: datetime) -> dict[str, Any]:
    """Return a market with its live prices and state."""
    live = quotes_view(market) | {
        # The newest clients cannot do without the first, those before October 2026 the second.
        "settlement_bounds_type": "default",
        "liquidity_dollars": price_text(0),
        "status": market.status_at(now),
        "result": market.result,
        "expiration_value": market.expiration_value,
        "previous_price_dollars": price_text(0),
        "previous_yes_bid_dollars": price_text(0),
        "previous_yes_ask_dollars": price_text(PRICE_UNIT),
        "volume_24h_fp": size_text(market.volume),
    }
    if market.yes_value is not None:
        live["settlement_value_dollars"] = price_text(market.yes_value)
    if market.settled_at is not None:
        live["settlement_ts"] = iso(market.settled_at)
    return market.listed | live


def book_view(market: Market, depth: int = 0) -> dict[str, Any]:
    """Return both sides as bids, ascending, best last; NO in NO prices."""
    yes = sorted((p, market.depth(Side.BID, p)) for p in market.bids)
    no = sorted((no_price(p), market.depth(Side.ASK, p)) for p in market.asks)
    cut = slice(-depth, None) if depth else slice(None)
    return {
        "yes_dollars": [[price_text(p), size_text(n)] for p, n in yes[cut]],
        "no_dollars": [[price_text(p), size_text(n)] for p, n in no[cut]],
    }


def trade_view(trade: Trade) -> dict[str, Any]:
    """Return a public trade."""
    return {
        "trade_id": trade.trade_id,
        "ticker": trade.ticker,
        "count_fp": size_text(trade.size),
        "yes_price_dollars": price_text(trade.price),
        "no_price_dollars": price_text(no_price(trade.price)),
        "taker_side": _OUTCOME[trade.taker_side],
        "taker_outcome_side": _OUTCOME[trade.taker_side],
        "taker_book_side": trade.taker_side.value,
        "created_time": iso(trade.at),
        "is_block_trade": False,
    }


def order_view(order: Order) -> dict[str, Any]:
    """Return an order of the orders list."""
    return {
        "order_id": order.order_id,
        "user_id": order.account,
        "client_order_id": order.client_order_id,
        "ticker": order.ticker,
        "side": _OUTCOME[order.side],
        "action": "buy",
        "outcome_side": _OUTCOME[order.side],
        "book_side": order.side.value,
        "type": "limit",
        "status": order.status.value,
        "yes_price_dollars": price_text(order.price),
        "no_price_dollars": price_text(no_price(order.price)),
        "initial_count_fp": size_text(order.initial),
        "fill_count_fp": size_text(order.filled),
        "remaining_count_fp": size_text(order.remaining),
        "taker_fill_cost_dollars": cash_text(order.taker_cost),
        "maker_fill_cost_dollars": cash_text(order.maker_cost),
        "taker_fees_dollars": cash_text(order.taker_fees),
        "maker_fees_dollars": cash_text(order.maker_fees),
        "expiration_time": iso(order.expires_at) if order.expires_at else None,
        "created_time": iso(order.created_at),
        "last_update_time": iso(order.updated_at),
        "self_trade_prevention_type": order.stp,
        "order_group_id": order.group_id or None,
        "cancel_order_on_pause": order.cancel_on_pause,
        "subaccount_number": 0,
        "exchange_index": 0,
    }


def ack_view(order: Order, now: datetime) -> dict[str, Any]:
    """Return the answer to a create; averages only when something filled."""
    return {
        "order_id": order.order_id,
        "client_order_id": order.client_order_id,
        "fill_count": size_text(order.filled),
        "remaining_count": size_text(order.remaining),
        **_averages(order, _Taken()),
        "ts_ms": millis(now),
    }


@dataclass(frozen=True, slots=True)
class _Taken:
    """What an order has filled so far, what that cost and what fees it paid."""

    size: int = 0
    cost: int = 0
    fees: int = 0


class BeforeAmend:
    """An order as it was, so that the answer to an amend speaks of the amend alone."""

    def __init__(self, order: Order) -> None:
        self._remaining, self._taken = order.remaining, _taken(order)

    def view(self, order: Order, now: datetime) -> dict[str, Any]:
        """Return the answer: nulls where neither a fill nor the resting size changed."""
        filled = order.filled - self._taken.size
        changed = bool(filled) or order.remaining != self._remaining
        return {
            "order_id": order.order_id,
            "client_order_id": order.client_order_id,
            "fill_count": size_text(filled) if changed else None,
            "remaining_count": size_text(order.remaining) if changed else None,
            **_averages(order, self._taken),
            "ts_ms": millis(now),
        }


def _taken(order: Order) -> _Taken:
    cost, fees = order.taker_cost + order.maker_cost, order.taker_fees + order.maker_fees
    return _Taken(order.filled, cost, fees)


def _averages(order: Order, before: _Taken) -> dict[str, str]:
    now = _taken(order)
    filled = now.size - before.size
    if not filled:
        return {}
    each = (now.cost - before.cost) // filled
    return {
        "average_fill_price": price_text(each if order.side is Side.BID else no_price(each)),
        "average_fee_paid": cash_text(100 * (now.fees - before.fees) // filled),
    }


def fill_view(record: FillRecord) -> dict[str, Any]:
    """Return a fill of the fills list."""
    return {
        "fill_id": record.trade_id,
        "trade_id": record.trade_id,
        "order_id": record.order_id,
        "ticker": record.ticker,
        "market_ticker": record.ticker,
        "side": _OUTCOME[record.side],
        "action": "buy",
        "outcome_side": _OUTCOME[record.side],
        "book_side": record.side.value,
        "count_fp": size_text(record.size),
        "yes_price_dollars": price_text(record.price),
        "no_price_dollars": price_text(no_price(record.price)),
        "is_taker": record.is_taker,
        "fee_cost": cash_text(record.fee),
        "created_time": iso(record.at),
        "ts": int(record.at.timestamp()),
        "subaccount_number": 0,
        "exchange_index": 0,
    }


def settlement_view(record: SettlementRecord) -> dict[str, Any]:
    """Return a settlement; revenue and value are whole cents, as the venue gives them."""
    yes, no = max(0, record.position), max(0, -record.position)
    return {
        "ticker": record.ticker,
        "event_ticker": record.event_ticker,
        "exchange_index": 0,
        "market_result": record.result,
        "yes_count_fp": size_text(yes),
        "yes_total_cost_dollars": cash_text(record.cost if yes else 0),
        "no_count_fp": size_text(no),
        "no_total_cost_dollars": cash_text(record.cost if no else 0),
        "revenue": record.revenue // _CENT_CASH,
        "value": record.yes_value // 100,
        "fee_cost": cash_text(record.fees),
        "settled_time": iso(record.at),
    }


def position_view(account: Account, ticker: str, now: datetime) -> dict[str, Any]:
    """Return a market position."""
    return {
        "ticker": ticker,
        "exchange_index": 0,
        "position_fp": size_text(account.positions.get(ticker, 0)),
        "market_exposure_dollars": cash_text(account.costs.get(ticker, 0)),
        "total_traded_dollars": cash_text(account.traded.get(ticker, 0)),
        "realized_pnl_dollars": cash_text(account.realised.get(ticker, 0)),
        "fees_paid_dollars": cash_text(account.fees.get(ticker, 0)),
        "last_updated_ts": iso(now),
    }


def event_position_view(account: Account, event: str, tickers: list[str]) -> dict[str, Any]:
    """Return a position over an event."""
    cost = sum(account.costs.get(t, 0) for t in tickers)
    return {
        "event_ticker": event,
        "total_cost_dollars": cash_text(cost),
        "total_cost_shares_fp": size_text(sum(abs(account.positions.get(t, 0)) for t in tickers)),
        "event_exposure_dollars": cash_text(cost),
        "realized_pnl_dollars": cash_text(sum(account.realised.get(t, 0) for t in tickers)),
        "fees_paid_dollars": cash_text(sum(account.fees.get(t, 0) for t in tickers)),
    }


def group_view(group: Group) -> dict[str, Any]:
    """Return an order group of the list."""
    return {
        "id": group.group_id,
        "is_auto_cancel_enabled": not group.triggered,
        "contracts_limit_fp": size_text(group.limit),
        "exchange_index": 0,
    }


def books_view(account: Account) -> dict[str, Any]:
    """Return everything kept of an account in exact integers, for comparing ledgers."""
    return {
        "account": account.account_id,
        "initial_cash": account.initial_cash,
        "cash": account.cash,
        "positions": {t: n for t, n in account.positions.items() if n},
        "orders": [
            {
                "order_id": o.order_id,
                "client_order_id": o.client_order_id,
                "ticker": o.ticker,
                "side": o.side.value,
                "price": o.price,
                "initial_size": o.initial,
                "filled_size": o.filled,
                "remaining_size": o.remaining,
                "status": o.status.value,
                "reason": o.last_reason,
                "updated_at": iso(o.updated_at),
            }
            for o in account.orders.values()
        ],
        "fills": [
            {
                "fill_id": f.trade_id,
                "order_id": f.order_id,
                "ticker": f.ticker,
                "side": f.side.value,
                "price": f.price,
                "size": f.size,
                "fee": f.fee,
                "at": iso(f.at),
            }
            for f in account.fills
        ],
        "settlements": [
            {"ticker": s.ticker, "result": s.result, "revenue": s.revenue, "at": iso(s.at)}
            for s in account.settlements
        ],
    }
