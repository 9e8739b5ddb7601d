"""What the pull reports, to the last number, when things do not go well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.errors import VenueUnavailable
from kalshi_alpha.markets.orders import CancelResult
from kalshi_alpha.steps.pull import Pull, PullReport, resting, strike
from tests.unit.steps.fake_venue import FakeVenue, the_window

T = datetime(2025, 11, 4, 17, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(T - timedelta(seconds=25))


class Clinging(FakeVenue):
    """A venue in which one order cannot be cancelled."""

    def cancel_batch(self, order_ids: Sequence[str]) -> list[CancelResult]:
        kept = self.live.pop("o1", None)
        results = super().cancel_batch(order_ids)
        if kept:
            self.live["o1"] = kept
        return results


def unlisted(what: str) -> None:
    if what == "list":
        raise VenueUnavailable("no listing today")


@pytest.mark.parametrize("way", ["at_deadline", "now"])
def test_what_was_cancelled_is_what_was_seen_less_what_still_rests(clock, way):
    report = getattr(Pull(Clinging(clock, 3), the_window(), clock), way)()

    assert (report.found, report.canceled, report.resting_after) == (3, 2, 1)
    assert report.may_rest == 1
    assert report.confirmed_at is None


@pytest.mark.parametrize("way", ["at_deadline", "now"])
def test_without_any_listing_nothing_is_claimed_to_be_cancelled_or_gone(clock, way):
    venue = FakeVenue(clock, 3)
    venue.trouble = unlisted

    report = getattr(Pull(venue, the_window(), clock), way)()

    assert (report.found, report.canceled, report.resting_after) == (0, 0, -1)
    assert report.confirmed_at is None


def test_a_listing_that_fails_before_the_deadline_is_a_trouble_and_the_pull_goes_on(clock):
    venue = FakeVenue(clock, 2)
    failed: list[datetime] = []

    def once(what: str) -> None:
        if what == "list" and not failed:
            failed.append(clock.now())
            raise VenueUnavailable("the first listing was lost")

    venue.trouble = once

    report = Pull(venue, the_window(), clock).at_deadline()

    assert report.troubles == ("the first listing was lost",)
    assert (report.found, report.resting_after) == (2, 0)
    assert failed[0] < report.started_at == T - timedelta(seconds=2.25)


def test_the_book_is_listed_anew_half_a_second_before_the_pull(clock):
    venue = FakeVenue(clock, 2)

    report = Pull(venue, the_window(), clock).at_deadline()

    first, at, _ = venue.sent[0]
    assert (first, report.started_at - at) == ("list", timedelta(milliseconds=500))
    assert venue.signed_at == report.started_at - timedelta(milliseconds=20)


def test_an_attempt_with_nothing_to_do_is_none(clock):
    venue = FakeVenue(clock, 0)
    troubles: list[str] = []

    assert strike(venue, [], [], troubles) is False
    assert venue.sent == []
    assert troubles == []


def test_between_two_attempts_a_tenth_of_a_second_passes(clock):
    venue = FakeVenue(clock, 2)
    venue.deaf = True

    Pull(venue, the_window(), clock).now()

    cancels = [at for what, at, _ in venue.sent if what == "cancel"]
    # One round trip to cancel, the pause, one to list all of the window's events.
    pauses = {round((late - soon).total_seconds(), 6) for soon, late in pairwise(cancels[1:])}
    assert len(cancels) > 50
    assert pauses == {0.13}


def test_a_cancel_that_reduced_nothing_is_not_one_that_worked(clock):
    """A refused cancel must not pass for a way out that is done."""
    from kalshi_alpha.steps.pull import _Batches

    venue = FakeVenue(clock, 2)
    assert _Batches(venue, ("o0", "o1"), None)() is True
    assert _Batches(venue, ("o0", "o1"), None)() is False  # they are gone: nothing was reduced
    venue = FakeVenue(clock, 1)
    assert _Batches(venue, ("o0", "gone"), None)() is False


def test_an_order_of_which_nothing_is_left_does_not_rest(clock):
    venue = FakeVenue(clock, 2)
    venue.live["o0"] = replace(venue.live["o0"], remaining_size=0)

    assert [order.order_id for order in resting(venue, the_window())] == ["o1"]


def test_a_hundredth_of_a_contract_rests(clock):
    venue = FakeVenue(clock, 1)
    venue.live["o0"] = replace(venue.live["o0"], remaining_size=1)

    assert [order.order_id for order in resting(venue, the_window())] == ["o0"]


@pytest.mark.parametrize(
    ("resting_after", "found", "may_rest"), [(0, 3, 0), (2, 3, 2), (-1, 3, 3), (-1, 0, 1)]
)
def test_what_was_not_looked_at_may_rest(resting_after, found, may_rest):
    report = PullReport("now", T, None, found, 0, resting_after, 1)
    assert report.may_rest == may_rest


def test_at_the_fixing_itself_nothing_more_is_sent():
    clock = ManualClock(T - timedelta(seconds=0.015))  # one listing takes it there exactly
    venue = FakeVenue(clock, 1)
    venue.deaf = True

    report = Pull(venue, the_window(), clock).now()

    assert report.resting_after == 1
    assert [what for what, _, _ in venue.sent].count("cancel") == 0


def test_a_pull_of_nothing_found_nothing_and_tried_nothing(clock):
    report = Pull(FakeVenue(clock, 0), the_window(), clock).now()

    assert (report.found, report.canceled, report.resting_after, report.attempts) == (0, 0, 0, 0)
    assert report.confirmed_at == T - timedelta(seconds=25) + timedelta(milliseconds=15)


def test_a_hundredth_of_a_contract_taken_out_is_a_cancel_that_worked(clock):
    from kalshi_alpha.steps.pull import _Batches

    venue = FakeVenue(clock, 1)
    venue.live["o0"] = replace(venue.live["o0"], remaining_size=1)
    assert _Batches(venue, ("o0",), None)() is True


def test_all_events_of_a_window_are_listed_in_one_request(clock):
    venue = FakeVenue(clock, 1)
    other = replace(
        venue.live["o0"],
        order_id="n0",
        ticker=f"{the_window().event_ticker('KXNASDAQ100U')}-T24999.99",
    )
    venue.live["n0"] = other

    found = resting(venue, the_window())

    assert sorted(order.order_id for order in found) == ["n0", "o0"]
    assert [what for what, _, _ in venue.sent] == ["list"]
