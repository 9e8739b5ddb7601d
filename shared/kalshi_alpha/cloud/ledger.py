"""The ledger: every intent before it is sent, and everything the venue said afterwards.

Orders, fills, settlements and balances are kept by window. An order is written as an intent
before its request leaves; a fill is written once, whoever reports it and however often.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from kalshi_alpha.clock import from_iso, iso
from kalshi_alpha.cloud.table import ConditionFailed, Table
from kalshi_alpha.markets.orders import Fill, NewOrder, Settlement, Side


class LedgerStore:
    """The ledger table, in the words of the use cases."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def intend(self, window_id: str, order: NewOrder, at: datetime) -> bool:
        """Record an intent before it is sent; return False when this id was recorded before."""
        doc = _plain(asdict(order)) | {
            "window_id": window_id,
            "status": "intended",
            # The row's own price moves with every amend: what was intended stays here.
            "events": [{"at": iso(at), "status": "intended", "price": order.price}],
        }
        return self._once(_window(window_id), f"ORDER#{order.client_order_id}", doc)

    def mark(
        self, window_id: str, client_order_id: str, status: str, at: datetime, **fields: Any
    ) -> None:
        """Append what became of an order: its status, and any fields such as ``order_id``."""
        key = f"ORDER#{client_order_id}"
        doc = self._table.get(_window(window_id), key) or {"client_order_id": client_order_id}
        events = [*doc.get("events", []), {"at": iso(at), "status": status} | _plain(fields)]
        self._table.put(
            _window(window_id), key, doc | _plain(fields) | {"status": status, "events": events}
        )

    def orders(self, window_id: str) -> list[dict[str, Any]]:
        """Return the window's orders in the order of their client ids."""
        return list(self._table.query(_window(window_id), "ORDER#"))

    def record_fill(self, window_id: str, fill: Fill) -> bool:
        """Record a fill once; return False when it was known."""
        return self._once(_window(window_id), f"FILL#{fill.fill_id}", _plain(asdict(fill)))

    def fills(self, window_id: str) -> list[Fill]:
        """Return the window's fills, in time."""
        fills = [fill_from(doc) for doc in self._table.query(_window(window_id), "FILL#")]
        return sorted(fills, key=lambda fill: (fill.at, fill.fill_id))

    def record_drop(self, window_id: str, revision: int, number: int, doc: dict[str, Any]) -> None:
        """Record what a plan asked for and was not done, and why; ``number`` counts its work."""
        self._table.put(_window(window_id), f"DROP#{revision:06d}#{number:04d}", _plain(doc))

    def drops(self, window_id: str) -> list[dict[str, Any]]:
        """Return what was dropped, by plan."""
        return list(self._table.query(_window(window_id), "DROP#"))

    def record_desk(self, window_id: str, revision: int, doc: dict[str, Any]) -> None:
        """Record what a plan's desk saw resting and what it set out to do, before it is done."""
        self._table.put(_window(window_id), f"DESK#{revision:06d}", _plain(doc))

    def record_settlement(self, window_id: str, settlement: Settlement) -> None:
        """Record what one market paid."""
        self._table.put(
            _window(window_id), f"SETTLEMENT#{settlement.ticker}", _plain(asdict(settlement))
        )

    def settlements(self, window_id: str) -> list[dict[str, Any]]:
        """Return what the window's markets paid."""
        return list(self._table.query(_window(window_id), "SETTLEMENT#"))

    def record_cash(self, window_id: str, moment: str, cash: int, at: datetime) -> None:
        """Record the venue's balance ``before`` or ``after`` the window, in cash units."""
        self._table.put(_window(window_id), f"CASH#{moment}", {"cash": cash, "at": iso(at)})

    def cash(self, window_id: str, moment: str) -> int | None:
        """Return the balance recorded at that moment."""
        doc = self._table.get(_window(window_id), f"CASH#{moment}")
        return int(doc["cash"]) if doc else None

    def entries(self, window_id: str) -> Iterator[dict[str, Any]]:
        """Yield everything recorded for a window, for the books and the archive."""
        return self._table.query(_window(window_id))

    def record_result(self, day: date, window_id: str, pnl: dict[str, int]) -> None:
        """Record what a window earned, in cash by series, under its New York day."""
        self._table.put(f"DAY#{day.isoformat()}", f"RESULT#{window_id}", {"pnl": pnl})

    def earned(self, series: str, first: date, last: date) -> int:
        """Return the cash a series earned from ``first`` to ``last`` included (< 0: lost)."""
        days = ((last - first).days + 1) if last >= first else 0
        return sum(
            int(result["pnl"].get(series, 0))
            for offset in range(days)
            for result in self._table.query(f"DAY#{(first + timedelta(offset)).isoformat()}")
        )

    def earned_by_day(self, first: date, last: date) -> list[int]:
        """Return the cash that all series earned on each day from ``first`` to ``last``."""
        days = ((last - first).days + 1) if last >= first else 0
        return [
            sum(
                sum(map(int, result["pnl"].values()))
                for result in self._table.query(f"DAY#{(first + timedelta(offset)).isoformat()}")
            )
            for offset in range(days)
        ]

    def record_outcome(self, symbol: str, fixing: datetime, name: str, doc: dict[str, Any]) -> None:
        """Record how one law of a symbol came out; ``name`` tells the laws of a fixing apart."""
        self._table.put(f"LAW#{symbol}", f"{iso(fixing)}#{name}", doc)

    def outcomes(self, symbol: str, count: int) -> list[dict[str, Any]]:
        """Return how the last ``count`` laws of a symbol came out, the last first."""
        return self._table.newest(f"LAW#{symbol}", count)

    # --- the journal's own ----------------------------------------------------------------

    def record_transfer(
        self, book: str, name: str, transfer: str, cash: int, at: datetime, *, reason: str, by: str
    ) -> bool:
        """Record money that moved outside of any trade; return False when ``name`` was taken."""
        doc = {"transfer": transfer, "cash": cash, "at": iso(at), "reason": reason, "by": by}
        return self._once(f"BOOK#{book}", f"TRANSFER#{name}", doc)

    def transfers(self, book: str) -> list[dict[str, Any]]:
        """Return a book's transfers by name, each with its ``name``."""
        found = self._table.query(f"BOOK#{book}", "TRANSFER#")
        return [doc | {"name": doc["sk"].removeprefix("TRANSFER#")} for doc in found]

    def record_close(self, book: str, day: date, doc: dict[str, Any]) -> bool:
        """Record how a day was closed, once; return False when it was closed before."""
        return self._once(f"BOOK#{book}", f"CLOSE#{day.isoformat()}", doc)

    def closes(self, book: str) -> list[dict[str, Any]]:
        """Return how a book's days were closed, by day."""
        return list(self._table.query(f"BOOK#{book}", "CLOSE#"))

    # --- the paper broker's own book ---------------------------------------------------------

    def new_paper_order(self, order_id: str, doc: dict[str, Any]) -> bool:
        """Write a new order of the paper broker; return False when there is one of that id."""
        return self._once("PAPER", f"ORDER#{order_id}", _plain(doc))

    def put_paper_order(self, order_id: str, doc: dict[str, Any]) -> None:
        """Write an order of the paper broker anew."""
        self._table.put("PAPER", f"ORDER#{order_id}", _plain(doc))

    def paper_order(self, order_id: str) -> dict[str, Any] | None:
        """Return an order of the paper broker."""
        return self._table.get("PAPER", f"ORDER#{order_id}")

    def paper_orders(self, begins: str = "") -> list[dict[str, Any]]:
        """Return the orders of the paper broker whose ids begin so."""
        return list(self._table.query("PAPER", f"ORDER#{begins}"))

    def _once(self, pk: str, sk: str, doc: dict[str, Any]) -> bool:
        try:
            self._table.put(pk, sk, doc, condition="attribute_not_exists(pk)")
        except ConditionFailed:
            return False
        return True


def fill_from(doc: Mapping[str, Any]) -> Fill:
    """Return the fill of a ledger row; raise ``KeyError`` or ``ValueError`` for another row."""
    return Fill(
        fill_id=doc["fill_id"],
        order_id=doc["order_id"],
        ticker=doc["ticker"],
        side=Side(doc["side"]),
        price=int(doc["price"]),
        size=int(doc["size"]),
        is_taker=bool(doc["is_taker"]),
        fee=int(doc["fee"]),
        at=from_iso(doc["at"]),
    )


def _plain(doc: dict[str, Any]) -> dict[str, Any]:
    return {k: iso(v) if isinstance(v, datetime) else v for k, v in doc.items()}


def _window(window_id: str) -> str:
    return f"WINDOW#{window_id}"
