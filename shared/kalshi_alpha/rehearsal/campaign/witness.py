"""What really happened, by the exchange's own books: the campaign believes nothing of ours."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from kalshi_alpha.markets.orders import OrderStatus
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.rehearsal.exchange.model import Order
from kalshi_alpha.rehearsal.exchange.server import MEMBER

_LEVEL = re.compile(r"-[ab](\d+)-\d+-[0-9a-f]+$")
# Nothing may rest this long before the fixing, and nothing be accepted this long after the switch.
LAST_SECOND, KILL_GRACE = timedelta(seconds=1), timedelta(seconds=2)


@dataclass
class Witness:
    """Our orders as the exchange has them. A listener of its engine."""

    window: Window
    max_size: int
    now: Any
    live: dict[str, Order] = field(default_factory=dict)
    accepted: list[tuple[datetime, str]] = field(default_factory=list)  # creates and amends
    doubled: set[tuple[str, str]] = field(default_factory=set)
    left_at: datetime | None = None
    left_by: str = ""
    resting_late: int = 0
    oversold: set[str] = field(default_factory=set)
    killed_at: datetime | None = None
    empty_after_kill_s: float | None = None
    _seen: set[str] = field(default_factory=set)

    def __call__(self, kind: str, what: dict[str, Any]) -> None:
        """Take an event of the engine."""
        if kind == "fill" and what["account"].account_id == MEMBER:
            self._on_fill(what["account"], what["record"].ticker)
        if kind == "order" and what["account"].account_id == MEMBER:
            self._on_order(what["order"], str(what["reason"]))

    def look(self) -> None:
        """Count what rests now; called at T-1 s."""
        self.resting_late = len(self.live)

    def late_s(self) -> float | None:
        """Return when the last order left, in seconds after T-2 s; None without any order."""
        if self.live:
            return (self.window.fixing - self.window.pull_at).total_seconds()
        if self.left_at is None:
            return None
        return (self.left_at - self.window.pull_at).total_seconds()

    def after_kill(self) -> int:
        """Return how many orders were accepted later than 2 s after the switch was thrown."""
        if self.killed_at is None:
            return 0
        return sum(at > self.killed_at + KILL_GRACE for at, _ in self.accepted)

    def _on_fill(self, account: Any, ticker: str) -> None:
        if abs(account.positions.get(ticker, 0)) > self.max_size:
            self.oversold.add(ticker)

    def _on_order(self, order: Order, reason: str) -> None:
        now = self.now()
        if order.order_id not in self._seen:
            self._seen.add(order.order_id)
            self.accepted.append((now, order.client_order_id))
        elif reason == "Amend":
            self.accepted.append((now, order.client_order_id))
        if order.status is OrderStatus.RESTING and order.remaining > 0:
            self.live[order.order_id] = order
            self._compare(order)
        elif self.live.pop(order.order_id, None) is not None and not self.live:
            self.left_at, self.left_by = now, reason
            if self.killed_at is not None and now >= self.killed_at:
                self.empty_after_kill_s = (now - self.killed_at).total_seconds()

    def _compare(self, order: Order) -> None:
        for other in self.live.values():
            if other.order_id != order.order_id and _intent(other) == _intent(order):
                first, second = sorted((order.order_id, other.order_id))
                self.doubled.add((first, second))


def _intent(order: Order) -> tuple[str, str, str]:
    """Return which place of a plan an order takes: its market, side and level."""
    found = _LEVEL.search(order.client_order_id)
    return order.ticker, order.side.value, found[1] if found else order.order_id
