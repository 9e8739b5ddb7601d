from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.errors import VenueAmbiguous, VenueRejected, VenueUnavailable
from kalshi_alpha.markets.orders import CancelResult, Fill, LiveOrder, OrderStatus, Side
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.markets.windows import Window, windows_on
from kalshi_alpha.steps.pull import Pull

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
        return [o for o in self.live.values() if o.ticker.startswith(f"{event_ticker}-")]

    def fills(self, *, ticker: str = "", min_at: datetime | None = None) -> list[Fill]:
        del ticker, min_at
        return []

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


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(T - timedelta(seconds=25))


def test_forty_orders_leave_in_one_batch_sent_a_quarter_second_before_t_minus_2(
    clock: ManualClock,
) -> None:
    venue = FakeVenue(clock, 40)

    report = Pull(venue, the_window(), clock).at_deadline()

    assert (report.found, report.canceled, report.resting_after, report.attempts) == (40, 40, 0, 1)
    assert report.started_at == T - timedelta(seconds=2.25)
    assert report.confirmed_at is not None
    assert report.confirmed_at < T - timedelta(seconds=2)
    assert [s for s in venue.sent if s[0] == "cancel"] == [("cancel", report.started_at, 40)]


def test_it_signs_late_enough_for_any_tolerance_of_old_timestamps(clock: ManualClock) -> None:
    venue = FakeVenue(clock, 1)

    report = Pull(venue, the_window(), clock).at_deadline()

    assert venue.signed_at is not None
    assert timedelta(0) <= report.started_at - venue.signed_at <= timedelta(milliseconds=100)


def test_orders_that_appear_after_arming_are_pulled_too(clock: ManualClock) -> None:
    venue = FakeVenue(clock, 1)

    def appear(what: str) -> None:
        if what == "warm":
            venue.live["o7"] = resting_order(7)

    venue.trouble = appear

    report = Pull(venue, the_window(), clock).at_deadline()

    assert report.resting_after == 0
    assert not venue.live


def test_with_nothing_resting_it_still_looks_at_the_deadline(clock: ManualClock) -> None:
    venue = FakeVenue(clock, 0)

    report = Pull(venue, the_window(), clock).at_deadline()

    assert (report.found, report.attempts, report.resting_after) == (0, 0, 0)
    assert report.confirmed_at is not None
    assert report.confirmed_at >= T - timedelta(seconds=2.25)


def test_a_lost_answer_is_followed_by_a_look_and_another_cancel(clock: ManualClock) -> None:
    venue = FakeVenue(clock, 3)
    lost = iter([True])

    def lose(what: str) -> None:
        if what == "cancel" and next(lost, False):
            raise VenueAmbiguous("no answer")

    venue.trouble = lose

    report = Pull(venue, the_window(), clock).at_deadline()

    assert report.resting_after == 0
    assert report.troubles == ("no answer",)


def test_a_batch_that_does_nothing_is_followed_by_the_venues_own_switch(
    clock: ManualClock,
) -> None:
    venue = FakeVenue(clock, 3)
    venue.deaf = True

    report = Pull(venue, the_window(), clock, group_id="g1").at_deadline()

    assert report.resting_after == 0
    assert [s[0] for s in venue.sent if s[0].startswith("trigger")] == ["trigger g1"]


def test_it_repeats_until_the_market_closes_and_says_what_still_rests(clock: ManualClock) -> None:
    venue = FakeVenue(clock, 3)
    venue.deaf = True

    report = Pull(venue, the_window(), clock).at_deadline()

    assert (report.resting_after, report.confirmed_at) == (3, None)
    assert clock.now() >= T
    assert report.attempts > 10


def test_a_venue_that_cannot_be_listed_is_asked_until_the_close(clock: ManualClock) -> None:
    venue = FakeVenue(clock, 1)

    def down(what: str) -> None:
        raise VenueUnavailable(f"{what}: no answer")

    venue.trouble = down

    report = Pull(venue, the_window(), clock).now()

    assert report.confirmed_at is None
    assert len(report.troubles) > 10


def test_more_orders_than_a_batch_holds_leave_in_several(clock: ManualClock) -> None:
    venue = FakeVenue(clock, 120)

    report = Pull(venue, the_window(), clock).now("sentry")

    assert [s[2] for s in venue.sent if s[0] == "cancel"] == [50, 50, 20]
    assert (report.mode, report.resting_after, report.canceled) == ("sentry", 0, 120)


def test_a_refused_cancel_is_a_trouble_and_not_the_end(clock: ManualClock) -> None:
    venue = FakeVenue(clock, 1)
    refusals = iter([True, True])

    def refuse(what: str) -> None:
        if what == "cancel" and next(refusals, False):
            raise VenueRejected("throttled by a proxy", status=400)

    venue.trouble = refuse

    report = Pull(venue, the_window(), clock).at_deadline()

    assert report.resting_after == 0
    assert len(report.troubles) == 2
