"""Prove a sealed ledger of 100,000 fills and hold it against the venue, inside ten seconds.

Four orders of five events have five fills between them, with a fee each: 600,000 lines. Timed is
what ``ledger verify`` does: read the file, prove and book every line anew, then compare each fill,
settlement, position and balance. The peer is the limit that is to be kept.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from kalshi_alpha.clock import iso
from kalshi_alpha.markets.orders import Fill, Settlement, Side
from kalshi_alpha.steps import journal_file
from kalshi_alpha.trading.entries import entries_of
from kalshi_alpha.trading.journal import Journal
from kalshi_alpha.trading.ledger_check import verify
from kalshi_alpha.trading.verification import Portfolio

FILLS, FILLS_A_WINDOW, ROUNDS = 100_000, 200, 3
LIMIT_SECONDS = 10.0
_BEGIN = datetime(2026, 1, 5, 15, tzinfo=UTC)


def measure() -> list[tuple[str, str, list[tuple[float, float]]]]:
    """Return seconds of (proving and comparing the ledger, the limit)."""
    journal = Journal("live")
    theirs: list[Fill] = []
    paid: list[Settlement] = []
    for window in range(FILLS // FILLS_A_WINDOW):
        rows, fills, settlement = _window(window)
        journal.append(entries_of(f"w{window}", rows, "live"))
        theirs += fills
        paid.append(settlement)
    data = journal_file.write(journal.lines, {})
    portfolio = Portfolio(tuple(theirs), tuple(paid), balance=journal.balances().cash)
    pairs = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        read = Journal.read("live", journal_file.read(data, "bench"))
        found = verify(read, portfolio, _BEGIN + timedelta(days=365))
        pairs.append((time.perf_counter() - started, LIMIT_SECONDS))
        assert found.holds, found.differences[:3]
        assert found.head == journal.head
    seconds = sorted(ours for ours, _ in pairs)[len(pairs) // 2]
    rate = len(journal.lines) / seconds
    name = f"ledger of {FILLS:,} fills proved, {rate / 1000:.0f}k lines/s / limit"
    return [(name, "s", pairs)]


def _window(number: int) -> tuple[list[dict[str, Any]], list[Fill], Settlement]:
    start, ticker = _BEGIN + timedelta(minutes=10 * number), f"KXINXU-W{number}-T1"
    rows: list[dict[str, Any]] = []
    fills = []
    if number == 0:
        rows.append({"sk": "CASH#before", "cash": 10**12, "at": iso(start)})
    for place in range(FILLS_A_WINDOW):
        order = f"{number}-{place * 4 // 5}"
        side = Side.BID if place * 4 // 5 % 2 else Side.ASK
        at = start + timedelta(seconds=100 + place)
        fills.append(
            Fill(f"f{number}-{place}", order, ticker, side, 4_500, 40, is_taker=False, fee=300,
                 at=at)
        )  # fmt: skip
        rows.append(_fill_row(fills[-1]))
    for order in dict.fromkeys(fill.order_id for fill in fills):
        mine = [fill for fill in fills if fill.order_id == order]
        rows.append(_order_row(order, mine))
    revenue = sum(10_000 * fill.size for fill in fills if fill.side is Side.BID)
    settled = start + timedelta(seconds=500)
    rows.append(
        {"sk": f"SETTLEMENT#{ticker}", "result": "yes", "revenue": revenue, "at": iso(settled)}
    )
    bids = sum(fill.size for fill in fills if fill.side is Side.BID)
    asks = sum(fill.size for fill in fills if fill.side is Side.ASK)
    told = revenue - 10_000 * min(bids, asks)
    return rows, fills, Settlement(ticker, "yes", told, 0, settled)


def _fill_row(fill: Fill) -> dict[str, Any]:
    return {
        "sk": f"FILL#{fill.fill_id}",
        "order_id": fill.order_id,
        "ticker": fill.ticker,
        "side": fill.side.value,
        "price": fill.price,
        "size": fill.size,
        "is_taker": fill.is_taker,
        "fee": fill.fee,
        "at": iso(fill.at),
    }


def _order_row(order: str, fills: list[Fill]) -> dict[str, Any]:
    size, first, last = sum(fill.size for fill in fills), fills[0].at, fills[-1].at
    left = {"filled_size": size, "remaining_size": 10}
    events: list[dict[str, Any]] = [
        _event(first, -2.0, "intended", price=fills[0].price),
        _event(first, -1.8, "sent"),
        _event(first, -1.6, "resting", order_id=order, remaining_size=size + 10),
        _event(last, 0.2, "partly_filled", **left),
        _event(last, 0.4, "canceled", remaining_size=0),
    ]
    return {
        "sk": f"ORDER#c{order}",
        "ticker": fills[0].ticker,
        "order_id": order,
        "side": fills[0].side.value,
        "price": fills[0].price,
        "size": size + 10,
        "events": events,
    }


def _event(at: datetime, seconds: float, status: str, **fields: Any) -> dict[str, Any]:
    return {"at": iso(at + timedelta(seconds=seconds)), "status": status} | fields
