"""The paper broker: the same protocols as the venue, orders kept in our own ledger table.

It never reaches the venue's order endpoints. A paper order fills only when the public tape trades
*through* its price (strictly better for the taker than our price), whole or in part by the traded
size; a touch is no evidence. Its fees are left at zero: the series it quotes charge makers none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kalshi_alpha.clock import Clock, from_iso
from kalshi_alpha.cloud.ledger import LedgerStore
from kalshi_alpha.errors import DataError, VenueAmbiguous, VenueError, VenueRejected
from kalshi_alpha.markets.orders import (
    Ack,
    CancelResult,
    Fill,
    LiveOrder,
    NewOrder,
    OrderStatus,
    PublicTrade,
    Side,
)
from kalshi_alpha.trading.entries import PAPER_ORDER
from kalshi_alpha.venues.kalshi.reader import KalshiReader


class PaperBroker:
    """Orders that exist only in our ledger; the tape is asked once a market and listing.

    Taking an order out needs no tape: it must work while the venue answers nothing.
    """

    def __init__(self, ledger: LedgerStore, clock: Clock, reader: KalshiReader) -> None:
        self._ledger, self._clock, self._reader = ledger, clock, reader

    def orders(
        self, *, event_ticker: str = "", ticker: str = "", status: str = ""
    ) -> list[LiveOrder]:
        """List the paper orders, filled by what the tape has shown by now."""
        docs = self._matching(event_ticker, ticker)
        if status == OrderStatus.RESTING:  # what has ended cannot rest, whatever it filled
            docs = [doc for doc in docs if not self._ended(doc)]
        orders = (self._live(doc, fills) for doc, fills in self._proved(docs))
        return [order for order in orders if status in ("", order.status)]

    def fills(self, *, ticker: str = "", min_at: datetime | None = None) -> list[Fill]:
        """List the paper fills the tape has given."""
        found = [fill for _, fills in self._proved(self._matching("", ticker)) for fill in fills]
        return [fill for fill in found if min_at is None or fill.at >= min_at]

    def data_at(self) -> datetime:
        """Return the time now: our own ledger is never behind."""
        return self._clock.now()

    def create(self, order: NewOrder) -> Ack:
        """Keep the order; a client order id seen before is refused as the venue would."""
        digest = hashlib.sha256(order.client_order_id.encode()).hexdigest()[:24]
        # The market leads, so that a listing reads the orders it asks for and no others.
        order_id = f"{PAPER_ORDER}{order.ticker}-{digest}"
        now = self._clock.now()
        doc = {
            "order_id": order_id,
            "client_order_id": order.client_order_id,
            "ticker": order.ticker,
            "side": order.side.value,
            "price": order.price,
            "size": order.size,
            "placed_at": now,
            "ends_at": order.expires_at,
            "canceled": False,
        }
        if not self._ledger.new_paper_order(order_id, doc):
            raise VenueRejected(
                f"the paper order {order.client_order_id} exists already",
                status=409,
                code="order_already_exists",
            )
        return Ack(order_id, order.client_order_id, 0, order.size, now)

    def amend(self, order_id: str, order: NewOrder, filled: int) -> Ack:
        """Move the order; only trades from now on count for the new price."""
        doc = self._find(order_id)
        now = self._clock.now()
        [(_, fills)] = self._proved([doc])
        kept = [_fill_doc(fill) for fill in fills]
        moved = doc | {"price": order.price, "size": order.size, "placed_at": now, "kept": kept}
        self._ledger.put_paper_order(order_id, moved)
        return Ack(order_id, doc["client_order_id"], filled, order.size, now)

    def create_group(self, contracts_limit: int) -> str:
        """Paper has no order groups; the empty id means none."""
        del contracts_limit
        return ""

    def trigger_group(self, group_id: str) -> None:
        """Paper has no order groups."""
        del group_id

    def prepare_cancel_batch(self, order_ids: Sequence[str]) -> _PaperPull:
        """Return a pull that needs no connection."""
        return _PaperPull(self, tuple(order_ids))

    def cancel_batch(self, order_ids: Sequence[str]) -> list[CancelResult]:
        """Cancel the paper orders; one that is gone answers like the venue.

        Raises:
            VenueAmbiguous: when the orders are out and the tape that says what they had filled
                could not be read.
        """
        docs = [self._find(order_id) for order_id in order_ids]
        live = [doc for doc in docs if not self._ended(doc)]
        now = self._clock.now()
        for doc in live:
            self._ledger.put_paper_order(doc["order_id"], doc | {"canceled": True, "ends_at": now})
        try:
            proved = self._proved(live)
        except (VenueError, DataError) as error:
            raise VenueAmbiguous(
                f"the paper orders are out; what they had filled is not known yet: {error}"
            ) from error
        left = {doc["order_id"]: self._live(doc, fills).remaining_size for doc, fills in proved}
        return [
            CancelResult(order_id, left[order_id])
            if left.get(order_id)
            else CancelResult(order_id, 0, "not_found")
            for order_id in order_ids
        ]

    def _find(self, order_id: str) -> dict[str, Any]:
        doc = self._ledger.paper_order(order_id)
        if doc is None:
            raise VenueRejected(f"there is no paper order {order_id}", status=404, code="not_found")
        return doc

    def _matching(self, event_ticker: str, ticker: str) -> list[dict[str, Any]]:
        named = [ticker] if ticker else event_ticker.split(",") if event_ticker else [""]
        found = (
            doc
            for name in named
            for doc in self._ledger.paper_orders(f"{PAPER_ORDER}{name}-" if name else "")
        )
        return [doc for doc in found if not ticker or doc["ticker"] == ticker]

    def _ended(self, doc: Mapping[str, Any]) -> bool:
        return bool(doc["canceled"]) or self._clock.now() >= from_iso(doc["ends_at"])

    def _proved(self, docs: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], list[Fill]]]:
        """Return the orders, each with its fills: kept ones and those of the tape until now."""
        first: dict[str, datetime] = {}
        for doc in docs:
            placed = from_iso(doc["placed_at"])
            first[doc["ticker"]] = min(placed, first.get(doc["ticker"], placed))
        tapes = {name: self._reader.trades(name, min_at=at) for name, at in first.items()}
        return [
            (
                doc,
                [_fill_from(item) for item in doc.get("kept", [])]
                + fills_by_trade_through(doc, tapes[doc["ticker"]]),
            )
            for doc in docs
        ]

    def _live(self, doc: Mapping[str, Any], fills: Sequence[Fill]) -> LiveOrder:
        kept = sum(item["size"] for item in doc.get("kept", []))
        filled = sum(fill.size for fill in fills)
        remaining = max(0, doc["size"] + kept - filled)
        ended = self._ended(doc)
        status = OrderStatus.CANCELED if ended else OrderStatus.RESTING
        return LiveOrder(
            order_id=doc["order_id"],
            client_order_id=doc["client_order_id"],
            ticker=doc["ticker"],
            side=Side(doc["side"]),
            price=doc["price"],
            initial_size=doc["size"] + kept,
            filled_size=filled,
            remaining_size=0 if ended else remaining,
            status=OrderStatus.EXECUTED if remaining == 0 else status,
            expires_at=from_iso(doc["ends_at"]),
            updated_at=from_iso(doc["ends_at"]) if ended else None,
        )


def fills_by_trade_through(doc: Mapping[str, Any], trades: Sequence[PublicTrade]) -> list[Fill]:
    """Return the fills of a paper order that the tape proves: trades strictly through its price.

    A bid at p is filled by a sale below p, an ask at p by a purchase above p, between the order's
    placing and its end; each trade gives at most its own size.
    """
    side, price, left = Side(doc["side"]), doc["price"], doc["size"]
    start, end = from_iso(doc["placed_at"]), from_iso(doc["ends_at"])
    fills = []
    for trade in sorted(trades, key=lambda trade: (trade.at, trade.trade_id)):
        through = (price - trade.price) * side.sign > 0 and trade.taker_side is side.other
        if not through or not start <= trade.at < end or left == 0:
            continue
        size = min(left, trade.size)
        left -= size
        fills.append(
            Fill(
                fill_id=f"{doc['order_id']}-{trade.trade_id}",
                order_id=doc["order_id"],
                ticker=doc["ticker"],
                side=side,
                price=price,
                size=size,
                is_taker=False,
                fee=0,
                at=trade.at,
            )
        )
    return fills


@dataclass(frozen=True)
class _PaperPull:
    broker: PaperBroker
    order_ids: tuple[str, ...]

    def sign(self, at: datetime) -> None:
        """Paper needs no signature."""

    def send(self) -> list[CancelResult]:
        """Cancel now."""
        return self.broker.cancel_batch(self.order_ids)


def _fill_doc(fill: Fill) -> dict[str, Any]:
    return {
        "fill_id": fill.fill_id,
        "order_id": fill.order_id,
        "ticker": fill.ticker,
        "side": fill.side.value,
        "price": fill.price,
        "size": fill.size,
        "at": fill.at.isoformat(),
    }


def _fill_from(doc: dict[str, Any]) -> Fill:
    return Fill(
        fill_id=doc["fill_id"],
        order_id=doc["order_id"],
        ticker=doc["ticker"],
        side=Side(doc["side"]),
        price=doc["price"],
        size=doc["size"],
        is_taker=False,
        fee=0,
        at=from_iso(doc["at"]),
    )
