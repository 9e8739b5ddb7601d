from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.errors import VenueAmbiguous, VenueRejected, VenueUnavailable
from kalshi_alpha.steps.pull import Pull
from tests.unit.steps.fake_venue import FakeVenue, resting_order, the_window

T = datetime(2025, 11, 4, 17, tzinfo=UTC)


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
    assert "trigger g1" in [s[0] for s in venue.sent]


def test_a_batch_that_hangs_does_not_hold_up_the_venues_own_switch(clock: ManualClock) -> None:
    venue, answer = FakeVenue(clock, 3), threading.Event()
    ended: list[bool] = []
    venue.trouble = lambda what: ended.append(answer.wait(30)) if what == "cancel" else None

    report = Pull(venue, the_window(), clock, group_id="g1").at_deadline()
    assert ended == []  # the batch hangs still: nobody waited for it
    answer.set()

    assert (report.resting_after, report.attempts, report.canceled) == (0, 1, 3)
    assert report.troubles == ()  # one way out said it was done, so nobody ran out of patience
    assert report.confirmed_at is not None
    assert report.confirmed_at < T - timedelta(seconds=2)


def test_a_switch_that_hangs_does_not_hold_up_the_batch(clock: ManualClock) -> None:
    venue, answer = FakeVenue(clock, 3), threading.Event()
    asked, ended = [], []

    def hang(what: str) -> None:
        asked.append(what)
        if what.startswith("trigger"):
            ended.append(answer.wait(30))

    venue.trouble = hang
    report = Pull(venue, the_window(), clock, group_id="g1").at_deadline()
    assert ended == []
    answer.set()

    assert "trigger g1" in asked
    assert (report.resting_after, report.attempts) == (0, 1)


def test_with_both_ways_hanging_the_book_is_looked_at_all_the_same(clock: ManualClock) -> None:
    venue, answer = FakeVenue(clock, 2), threading.Event()
    lists = []

    def hang(what: str) -> None:
        if what == "list":
            lists.append(what)
            if len(lists) == 4:  # two series at the refresh, then the second look
                venue.live.clear()
        elif what != "warm":
            answer.wait(30)

    venue.trouble = hang
    report = Pull(venue, the_window(), clock, group_id="g1").at_deadline()
    answer.set()

    assert report.resting_after == 0
    assert any("no way out has answered" in trouble for trouble in report.troubles)


def test_orders_of_a_group_nobody_told_of_are_switched_off_by_it(clock: ManualClock) -> None:
    venue = FakeVenue(clock, 2)
    venue.deaf = True
    venue.live = {k: replace(o, order_group_id="g7") for k, o in venue.live.items()}

    report = Pull(venue, the_window(), clock).now("sentry")

    assert report.resting_after == 0
    assert "trigger g7" in [s[0] for s in venue.sent]


@pytest.mark.parametrize("armed", [True, False])
def test_without_a_listing_our_own_ledgers_orders_are_cancelled(
    clock: ManualClock, *, armed: bool
) -> None:
    venue = FakeVenue(clock, 2)

    def blind(what: str) -> None:
        if what == "list" and venue.live:
            raise VenueUnavailable("the list: no answer")

    venue.trouble = blind

    pull = Pull(venue, the_window(), clock, known=("o0", "o1"))
    report = pull.at_deadline() if armed else pull.now()

    assert not venue.live
    assert report.resting_after == 0


def test_what_was_never_seen_counts_as_resting(clock: ManualClock) -> None:
    venue = FakeVenue(clock, 1)

    def down(what: str) -> None:
        raise VenueUnavailable(f"{what}: no answer")

    venue.trouble = down

    report = Pull(venue, the_window(), clock).at_deadline()

    assert (report.resting_after, report.may_rest) == (-1, 1)
    assert report.to_json(the_window())["late_s"] is None


def test_its_lateness_counts_from_when_it_was_due(clock: ManualClock) -> None:
    early = Pull(FakeVenue(clock, 1), the_window(), clock).at_deadline()
    clock.advance(1.0)
    late = Pull(FakeVenue(clock, 1), the_window(), clock).at_deadline()

    assert early.to_json(the_window())["late_s"] == pytest.approx(-0.22, abs=0.01)
    assert late.to_json(the_window())["late_s"] > 0.7


def test_a_broken_way_out_is_a_trouble_without_its_words(clock: ManualClock) -> None:
    venue = FakeVenue(clock, 1)
    broken = iter([True])

    def fall(what: str) -> None:
        if what == "cancel" and next(broken, False):
            raise RuntimeError("secret words")

    venue.trouble = fall

    report = Pull(venue, the_window(), clock).at_deadline()

    assert report.resting_after == 0
    assert report.troubles == ("a way out failed: RuntimeError",)


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

    assert [s[2] for s in venue.sent if s[0] == "cancel"] == [45, 45, 30]
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
