"""A venue in memory for the pull and the sentry: some orders, a round trip, troubles on demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.markets.orders import CancelResult, Fill, LiveOrder, OrderStatus, Side
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.markets.windows import Window, windows_on

T = datetime(2025, 11, 4, 17, tzinfo=UTC)


def the_window() -> Window:
    windows = windows_on(date(2025, 11, 4), load_registry(), load_sessions())
    return next(window for window in windows if window.fixing == T)


def resting_order(number: int) -> LiveOrder:
    return LiveOrder(
        order_id=f"o{number}",
        client_order_id=f"c{number}",
        ticker=f"{the_window().event_ticker('KXINXU')}-T{6000 + 5 * number - 1}.9999",
        side=Side.BID,
        price=5000,
        initial_size=100,
        filled_size=0,
        remaining_size=100,
        status=OrderStatus.RESTING,
    )


class FakeVenue:
    """A venue with some orders, a round trip of 15 ms and troubles on demand."""

    def __init__(self, clock: ManualClock, count: int) -> None:
        self.clock = clock
        self.live = {o.order_id: o for o in map(resting_order, range(count))}
        self.sent: list[tuple[str, datetime, int]] = []
        self.signed_at: datetime | None = None
        self.trouble: Callable[[str], None] = lambda _: None
        self.deaf = False  # answers cancels without cancelling

    def orders(
        self, *, event_ticker: str = "", ticker: str = "", status: str = ""
    ) -> list[LiveOrder]:
        del ticker, status
        self._trip("list", 0)
        events = tuple(f"{event}-" if event else "" for event in event_ticker.split(","))
        return [o for o in self.live.values() if o.ticker.startswith(events)]

    def fills(self, *, ticker: str = "", min_at: datetime | None = None) -> list[Fill]:
        del ticker, min_at
        return []

    def data_at(self) -> datetime:
        return self.clock.now()

    def prepare_cancel_batch(self, order_ids: Sequence[str]) -> FakePull:
        self._trip("warm", 0)
        return FakePull(self, tuple(order_ids))

    def cancel_batch(self, order_ids: Sequence[str]) -> list[CancelResult]:
        self._trip("cancel", len(order_ids))
        if self.deaf:
            return [CancelResult(i, 0, "not now") for i in order_ids]
        gone = [self.live.pop(i, None) for i in order_ids]
        return [
            CancelResult(i, order.remaining_size if order else 0)
            for i, order in zip(order_ids, gone, strict=True)
        ]

    def trigger_group(self, group_id: str) -> None:
        self._trip(f"trigger {group_id}", 0)
        self.live.clear()

    def _trip(self, what: str, count: int) -> None:
        self.sent.append((what, self.clock.now(), count))
        self.clock.advance(0.015)
        self.trouble(what)


class FakePull:
    def __init__(self, venue: FakeVenue, order_ids: tuple[str, ...]) -> None:
        self.venue, self.order_ids = venue, order_ids

    def sign(self, at: datetime) -> None:
        self.venue.signed_at = at

    def send(self) -> list[CancelResult]:
        return self.venue.cancel_batch(self.order_ids)
