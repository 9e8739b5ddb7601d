"""Is our clock right? Said from the vendor's stamps and from steady time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kalshi_alpha.steps.clocks import ClockWatch

NOON = datetime(2025, 11, 4, 17, tzinfo=UTC)


def test_the_least_lag_of_the_last_minute_bounds_the_offset():
    clocks = ClockWatch()
    for second, lag in ((0, 0.01), (30, 0.2), (40, 0.05), (40.5, 0.3)):
        clocks.stamp(lag, second)

    assert clocks.offset(59) == 0.01
    assert clocks.offset(61) == 0.05
    assert clocks.offset(200) is None


def test_messages_from_the_future_mean_that_we_are_behind():
    clocks = ClockWatch()
    clocks.stamp(-0.2, 0)
    assert clocks.broken(1) == ""

    clocks.stamp(-0.4, 1)
    assert clocks.broken(2) == "our clock is 0.400 s or more behind, over 0.25 s"
    assert clocks.broken(70) == ""


def test_a_late_message_is_no_evidence_against_our_clock():
    clocks = ClockWatch()
    clocks.stamp(900.0, 0)

    assert clocks.broken(1) == ""


def test_a_step_is_seen_told_for_a_minute_and_measured_anew_from():
    clocks = ClockWatch()
    clocks.tick(NOON, 0.0)
    clocks.stamp(0.05, 0.5)

    assert clocks.tick(NOON + timedelta(seconds=1), 1.0) == 0.0
    assert clocks.tick(NOON + timedelta(seconds=5), 2.0) == 3.0
    assert clocks.broken(2.0) == "our clock stepped by +3.000 s"
    assert clocks.offset(2.0) is None
    assert clocks.broken(63.0) == ""


def test_corrections_of_a_time_server_are_no_step():
    clocks = ClockWatch()
    clocks.tick(NOON, 0.0)

    assert clocks.tick(NOON + timedelta(seconds=1.2), 1.0) == 0.0
    assert clocks.broken(1.0) == ""
