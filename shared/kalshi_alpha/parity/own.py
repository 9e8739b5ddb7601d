"""Our own orders as they stood: by the venue's reports, or for paper by our ledger.

A listing is read over a span of time, so what it may show is whatever was true at some instant of
that span, and what it must show is what was true all through it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from kalshi_alpha.clock import from_iso
from kalshi_alpha.markets.orders import Fill, LiveOrder, OrderStatus, Side

# Our clock and the venue's may differ by so much before the feed's own checks object.
SLACK = timedelta(seconds=1)
END = datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class State:
    """An order as it stood from some instant between ``earliest`` and ``latest`` on."""

    order: LiveOrder
    earliest: datetime
    latest: datetime


@dataclass(frozen=True, slots=True)
class Misfit:
    """A row of a listing that nothing explains, or one that is missing from it."""

    order_id: str
    sentence: str
    row: LiveOrder | None
    known: LiveOrder | None


@dataclass
class OwnOrders:
    """Every order of a window, each with its states in time."""

    states: dict[str, list[State]] = field(default_factory=dict)

    def seen(
        self, rows: Iterable[LiveOrder], event: str, asked_at: datetime, seen_at: datetime
    ) -> tuple[list[LiveOrder], list[Misfit]]:
        """Return what rested when a listing was read, and where the listing says otherwise.

        Args:
            rows: of the listing, resting orders only.
            event: events of the listing, with commas; empty for all.
            asked_at: when it was asked for.
            seen_at: when its answer was there.
        """
        shown = {row.order_id: row for row in rows}
        starts = tuple(f"{name}-" for name in event.split(",") if name) or ("",)
        found, misfits = [], []
        for order_id in sorted({*self.states, *shown}):
            states = self._during(order_id, asked_at - SLACK, seen_at + SLACK)
            resting = [s.order for s in states if _rests(s.order)]
            row = shown.get(order_id)
            if row is not None and not row.ticker.startswith(starts):
                continue
            if row is not None:
                known = next((o for o in resting if _same(o, row)), None)
                if known is None:
                    misfits.append(Misfit(order_id, _unexplained(row, resting), row, None))
                    known = resting[0] if resting else None
            else:
                # It must be shown when all through the span it rested.
                known = states[0].order if len(states) == 1 and resting else None
                if known is not None and not known.ticker.startswith(starts):
                    known = None
                elif known is not None:
                    misfits.append(Misfit(order_id, _missing(known), None, known))
            if known is not None:
                found.append(known)
        return found, misfits

    def _during(self, order_id: str, since: datetime, until: datetime) -> list[State]:
        states = self.states.get(order_id, [])
        ends = [*(state.latest for state in states[1:]), END]
        found = [
            state
            for state, end in zip(states, ends, strict=False)
            if state.earliest <= until and end > since
        ]
        # Before its first state there was no such order, which is a state too.
        if found and found[0] is states[0] and states[0].latest > since:
            gone = replace(states[0].order, status=OrderStatus.CANCELED, remaining_size=0)
            found.insert(0, State(gone, since, since))
        return found


def from_reports(reports: Mapping[str, Sequence[LiveOrder]]) -> OwnOrders:
    """Return the orders as the venue reported each change of them.

    An order's end by its own expiry needs no report: it no longer rests from then on.
    """
    states = {}
    for order_id, orders in reports.items():
        timed = sorted(
            ((o.updated_at or o.created_at or END, k, o) for k, o in enumerate(orders)),
            key=lambda each: each[:2],
        )
        found = [State(order, at, at) for at, _, order in timed]
        last = found[-1].order
        if _rests(last) and last.expires_at is not None:
            over = replace(last, status=OrderStatus.CANCELED, remaining_size=0)
            found.append(State(over, last.expires_at, last.expires_at))
        states[order_id] = found
    return OwnOrders(states)


def from_ledger(
    orders: Iterable[Mapping[str, Any]],
    fills: Iterable[Fill],
    paper: Iterable[Mapping[str, Any]],
) -> OwnOrders:
    """Return paper orders as our ledger recorded them; their fills are as old as their trades.

    A change took effect between the note of its request and the note of its answer.

    Args:
        orders: the ledger's entries.
        fills: of the window.
        paper: the paper broker's own book, which knows when each order ends.
    """
    ends = {doc["order_id"]: from_iso(doc["ends_at"]) for doc in paper}
    filled: dict[str, list[Fill]] = {}
    for fill in fills:
        filled.setdefault(fill.order_id, []).append(fill)
    states = {}
    for doc in orders:
        order_id = str(doc.get("order_id", ""))
        placed = _placed(doc) if order_id else []
        if placed:
            states[order_id] = _with_fills(placed, filled.get(order_id, []), ends.get(order_id))
    return OwnOrders(states)


def _placed(doc: Mapping[str, Any]) -> list[State]:
    """Return an order as it was placed, moved and taken out, fills aside."""
    events = doc["events"]
    before, price, size = from_iso(events[0]["at"]), int(doc["price"]), int(doc["size"])
    found = []
    for event in events:
        at = from_iso(event["at"])
        wanted = event.get("wanted", {})
        price, size = int(event.get("price", price)), int(wanted.get("size", size))
        status = _STATUS.get(event["status"])
        if event["status"] == "partly_filled" and "price" in event:
            status = OrderStatus.RESTING  # an amend of one that has filled in part
        if status is not None:
            left = size if status is OrderStatus.RESTING else 0
            order = LiveOrder(
                str(doc["order_id"]), doc["client_order_id"], doc["ticker"], Side(doc["side"]),
                price, size, 0, left, status,
            )  # fmt: skip
            found.append(State(order, before, at))
        before = at
    return found


def _with_fills(placed: list[State], fills: list[Fill], end: datetime | None) -> list[State]:
    found: list[State] = []
    if end is not None and placed[-1].order.status is OrderStatus.CANCELED:
        placed = [*placed[:-1], State(placed[-1].order, end, end)]
    ends = [state.latest for state in placed[1:]] + [END]
    for state, until in zip(placed, ends, strict=True):
        found.append(state)
        for fill in fills:
            known = found[-1].order
            if state.earliest <= fill.at < until and _rests(known):
                left = known.remaining_size - fill.size
                status = OrderStatus.RESTING if left > 0 else OrderStatus.EXECUTED
                after = replace(
                    known, remaining_size=left, filled_size=fill.size + known.filled_size,
                    status=status,
                )  # fmt: skip
                found.append(State(after, max(fill.at, state.latest), max(fill.at, state.latest)))
    last = found[-1].order
    if _rests(last) and end is not None:
        over = replace(last, status=OrderStatus.CANCELED, remaining_size=0)
        found.append(State(over, end, end))
    return found


_STATUS = {
    "resting": OrderStatus.RESTING,
    "canceled": OrderStatus.CANCELED,
    "expired": OrderStatus.CANCELED,
}


def _rests(order: LiveOrder) -> bool:
    return order.status is OrderStatus.RESTING and order.remaining_size > 0


def _same(one: LiveOrder, other: LiveOrder) -> bool:
    return (one.ticker, one.side, one.price, one.remaining_size) == (
        other.ticker, other.side, other.price, other.remaining_size,
    )  # fmt: skip


def _unexplained(row: LiveOrder, resting: Sequence[LiveOrder]) -> str:
    known = "; ".join(f"{o.remaining_size} at {o.price}" for o in resting) or "nothing of it"
    return (
        f"a listing showed {row.side.value} {row.remaining_size} at {row.price} of order "
        f"{row.order_id} in {row.ticker}, the record has {known} resting then"
    )


def _missing(known: LiveOrder) -> str:
    return (
        f"a listing did not show order {known.order_id} in {known.ticker}, which rested all the "
        f"while: {known.side.value} {known.remaining_size} at {known.price}"
    )
