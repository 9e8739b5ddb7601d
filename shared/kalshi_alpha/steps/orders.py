"""One window's orders, as our ledger and the venue know them together.

Every change goes through ``trading.lifecycle``: the new state is in the ledger before anything is
done about it. ``observe`` asks the venue for the truth; it is what every step starts and ends with,
so a step that follows a dead one needs to know nothing about it.

Where the venue's books contradict ours, ours are put right by theirs, and the contradiction is kept
for somebody to look at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kalshi_alpha.clock import from_iso
from kalshi_alpha.errors import DataError, InvariantBroken, VenueError
from kalshi_alpha.markets.orders import Fill, LiveOrder, NewOrder, Side
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.steps.ports import Viewer
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.trading.ids import belongs_to
from kalshi_alpha.trading.lifecycle import (
    ENDED,
    OPEN_QUESTIONS,
    Action,
    OrderLife,
    State,
    as_the_venue_says,
    step,
)
from kalshi_alpha.trading.order_events import Absent, Event, Filled, Restarted, Seen


@dataclass
class Orders:
    """The orders of one window. Not for more than one thread."""

    runtime: Runtime
    window: Window
    lives: dict[str, OrderLife] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)
    _docs: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)

    def load(self) -> Orders:
        """Read the ledger and take over from whoever kept it before."""
        window_id, ledger = self.window.window_id, self.runtime.ledger
        fills: dict[str, dict[str, int]] = {}
        for fill in ledger.fills(window_id):
            fills.setdefault(fill.order_id, {})[fill.fill_id] = fill.size
        for doc in ledger.orders(window_id):
            if "ticker" not in doc:
                continue
            name = doc["client_order_id"]
            self._docs[name] = doc
            mine = fills.get(str(doc.get("order_id", "")), {})
            self.lives[name] = life_from(doc, self.window, mine)
            self.take(name, Restarted())
        return self

    def intend(self, order: NewOrder) -> bool:
        """Record an intent; return False when it was recorded before, whatever became of it."""
        at = self.runtime.clock.now()
        if not self.runtime.ledger.intend(self.window.window_id, order, at):
            return False
        self._docs[order.client_order_id] = {
            "ticker": order.ticker,
            "side": order.side.value,
            "client_order_id": order.client_order_id,
        }
        self.lives[order.client_order_id] = OrderLife(
            order.client_order_id, State.INTENDED, order.price, order.size, order.size,
            order.expires_at,
        )  # fmt: skip
        return True

    def take(self, name: str, event: Event, **note: Any) -> Action:
        """Let an event happen to an order and record what it is now; return what to do next.

        Raises:
            InvariantBroken: when it cannot happen; nothing is recorded then.
            StoreError: when it could not be recorded; nothing may be done about it then.
        """
        before = self.lives[name]
        after, action = step(before, event)
        self._keep(before, after, note)
        return action

    def observe(self, viewer: Viewer, *, every_fill: bool = False) -> list[LiveOrder]:
        """Ask the venue for the window's orders and fills, and take in what it says.

        Return the orders as listed, those of other origin too. Fills are asked for where some are
        missing, or with ``every_fill`` in each market that has had an order.
        """
        as_of = self._fresh_as_of(viewer)
        listed = viewer.orders(event_ticker=self.window.event_tickers)
        shown = set()
        for order in listed:
            if order.client_order_id in self.lives:
                shown.add(order.client_order_id)
                self._see(order)
            elif belongs_to(self.window.window_id, order.client_order_id):
                self.contradictions.append(
                    f"{order.client_order_id} is an order of this window that was never recorded"
                )
        for name in self.lives.keys() - shown:
            self.take(name, Absent(as_of))
        self._back_fill(viewer, every_fill=every_fill)
        return listed

    def look_up(self, viewer: Viewer, name: str) -> None:
        """Ask the venue what became of one order; without an answer it stays as it is."""
        try:
            as_of = self._fresh_as_of(viewer)
            listed = viewer.orders(ticker=self._docs[name]["ticker"])
        except (VenueError, DataError):
            return
        found = [order for order in listed if order.client_order_id == name]
        for order in found:
            self._see(order)
        if not found:
            self.take(name, Absent(as_of))

    def filled_by_market(self) -> dict[str, int]:
        """Return how much of our orders has been filled, in 1/100 contract, by market."""
        found: dict[str, int] = {}
        for name, life in self.lives.items():
            ticker = str(self._docs[name]["ticker"])
            found[ticker] = found.get(ticker, 0) + life.filled
        return found

    def uncertain(self, listed: Sequence[LiveOrder]) -> set[tuple[str, Side]]:
        """Return the market sides where something of ours may rest that ``listed`` does not show.

        ``listed`` is what rests, as the venue shows it.
        """
        seen = {order.client_order_id for order in listed}
        return {
            (self._docs[name]["ticker"], Side(self._docs[name]["side"]))
            for name, life in self.lives.items()
            if life.state not in ENDED and (name not in seen or life.state in OPEN_QUESTIONS)
        }

    def _fresh_as_of(self, viewer: Viewer) -> datetime | None:
        """Ask how fresh the lists are, before they are read; only where it decides anything."""
        if not any(life.state in OPEN_QUESTIONS for life in self.lives.values()):
            return None
        try:
            return viewer.data_at()
        except (VenueError, DataError):
            return None

    def _see(self, order: LiveOrder) -> None:
        name = order.client_order_id
        more = {"fees": order.fees} if self._docs[name].get("fees", 0) != order.fees else {}
        try:
            self.take(name, Seen(order), **more)
        except InvariantBroken as error:
            self._contradicted(name, str(error))
            life = self.lives[name]
            if not life.order_id or life.order_id == order.order_id:
                self._keep(life, as_the_venue_says(life, order), more)

    def _back_fill(self, viewer: Viewer, *, every_fill: bool) -> None:
        names = {life.order_id: name for name, life in self.lives.items() if life.order_id}
        tickers = {
            self._docs[name]["ticker"]
            for name, life in self.lives.items()
            if every_fill or life.unlisted > 0
        }
        for ticker in sorted(tickers):
            for fill in viewer.fills(ticker=ticker):
                if fill.order_id in names:
                    self._fill(names[fill.order_id], fill)

    def _fill(self, name: str, fill: Fill) -> None:
        """Record a fill first, for it has happened; then ask whether it could."""
        self.runtime.ledger.record_fill(self.window.window_id, fill)
        try:
            self.take(name, Filled(fill.fill_id, fill.size))
        except InvariantBroken as error:
            self._contradicted(name, str(error))

    def _contradicted(self, name: str, why: str) -> None:
        self.contradictions.append(why)
        if self._docs[name].get("contradiction") != why:
            self._mark(name, self.lives[name].state, {"contradiction": why})

    def _keep(self, before: OrderLife, after: OrderLife, note: Mapping[str, Any]) -> None:
        changed = _changes(before, after)
        if changed or note or after.state is not before.state:
            self._mark(after.client_order_id, after.state, {**changed, **note})
        self.lives[after.client_order_id] = after

    def _mark(self, name: str, state: State, fields: Mapping[str, Any]) -> None:
        self.runtime.ledger.mark(
            self.window.window_id, name, state.value, self.runtime.clock.now(), **fields
        )
        self._docs[name] = {**self._docs[name], **fields}


def life_from(doc: Mapping[str, Any], window: Window, fills: Mapping[str, int]) -> OrderLife:
    """Read an order's life out of its entry in the ledger and its fills, size by trade id."""
    size = int(doc["size"])
    filled = max(int(doc.get("filled_size", 0)), sum(fills.values()))
    sent_at = doc.get("sent_at")
    try:
        state = State(str(doc["status"]))
    except ValueError:
        state = State.UNKNOWN
    return OrderLife(
        client_order_id=doc["client_order_id"],
        state=state,
        price=int(doc["price"]),
        remaining=int(doc.get("remaining_size", size)),
        most=max(int(doc.get("most_size", size)), filled),
        expires_at=from_iso(doc["expires_at"]) if doc.get("expires_at") else window.expires_at,
        order_id=str(doc.get("order_id", "")),
        filled=filled,
        sent_at=from_iso(sent_at) if sent_at else None,
        refused=bool(doc.get("refused", False)),
        fills=dict(fills),
    )


def _changes(before: OrderLife, after: OrderLife) -> dict[str, Any]:
    """Return what the ledger has to hear of; the price too, whenever an order came to rest."""
    named = {
        "price": "price",
        "order_id": "order_id",
        "filled": "filled_size",
        "remaining": "remaining_size",
        "most": "most_size",
        "sent_at": "sent_at",
        "refused": "refused",
    }
    found = {
        word: getattr(after, name)
        for name, word in named.items()
        if getattr(before, name) != getattr(after, name)
    }
    rests = after.state in (State.RESTING, State.PARTLY_FILLED)
    if rests and before.state in OPEN_QUESTIONS:
        found["price"] = after.price
    return found
