"""Rows of the ledger table as the steps write them, for tests of what is booked from them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from kalshi_alpha.clock import iso

T0 = datetime(2025, 11, 4, 16, 50, tzinfo=UTC)
WINDOW = "20251104-1200-index-hourly"
YES = "KXINXU-25NOV04H1200-T6844.9999"
NEXT = "KXINXU-25NOV04H1200-T6849.9999"


def at(seconds: float) -> str:
    return iso(T0 + timedelta(seconds=seconds))


def cash_row(cash: int, moment: str = "before", seconds: float = 0) -> dict[str, Any]:
    return {"sk": f"CASH#{moment}", "cash": cash, "at": at(seconds)}


def order_row(
    name: str = "c1",
    order_id: str = "o1",
    *,
    side: str = "bid",
    price: int = 4_000,
    size: int = 100,
    filled: int = 0,
    ticker: str = YES,
) -> dict[str, Any]:
    """An order that was placed, came to rest, filled in part perhaps, and was taken out."""
    events: list[dict[str, Any]] = [
        {"at": at(10), "status": "intended", "price": price},
        {"at": at(11), "status": "sent", "sent_at": at(11)},
        {"at": at(12), "status": "resting", "order_id": order_id, "price": price},
    ]
    if filled:
        left = {"filled_size": filled, "remaining_size": size - filled}
        events.append({"at": at(60), "status": "partly_filled"} | left)
    events.append({"at": at(590), "status": "canceled", "remaining_size": 0})
    return {
        "sk": f"ORDER#{name}",
        "client_order_id": name,
        "order_id": order_id,
        "ticker": ticker,
        "side": side,
        "price": price,
        "size": size,
        "expires_at": at(598),
        "status": "canceled",
        "events": events,
    }


def fill_row(
    name: str = "f1",
    order_id: str = "o1",
    *,
    side: str = "bid",
    price: int = 4_000,
    size: int = 60,
    fee: int = 0,
    seconds: float = 50,
    ticker: str = YES,
) -> dict[str, Any]:
    return {
        "sk": f"FILL#{name}",
        "fill_id": name,
        "order_id": order_id,
        "ticker": ticker,
        "side": side,
        "price": price,
        "size": size,
        "is_taker": False,
        "fee": fee,
        "at": at(seconds),
    }


def settlement_row(revenue: int, result: str = "yes", ticker: str = YES) -> dict[str, Any]:
    return {
        "sk": f"SETTLEMENT#{ticker}",
        "ticker": ticker,
        "result": result,
        "revenue": revenue,
        "fees": 0,
        "at": at(900),
    }


def day_rows() -> list[dict[str, Any]]:
    """A window that bought 60 contracts at 40 cents for a cent of fees, and won."""
    return [
        cash_row(100_000_000),
        order_row(filled=60),
        fill_row(fee=10_000),
        settlement_row(600_000),
        cash_row(100_350_000, "after", 901),
        {"sk": "DROP#000001#0001", "why": "no event of the account"},
    ]
