"""The realised meter: minutes, gaps, late values and what it must not see."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.pricing.reading import Realised, RealisedMeter

OPEN = datetime(2025, 11, 4, 14, 30, tzinfo=UTC)
CLOSE = datetime(2025, 11, 4, 21, 0, tzinfo=UTC)


def at(seconds):
    return OPEN + timedelta(seconds=seconds)


def meter(*values):
    found = RealisedMeter(OPEN, CLOSE)
    for seconds, log in values:
        found.observe(at(seconds), 100.0 * math.exp(log))
    return found


def test_nothing_seen_is_nothing_realised():
    assert meter().realised(at(600)) == Realised(0, 0.0, 0.0, 0.0)


def test_one_minute_is_the_return_from_the_first_value_to_its_last():
    found = meter((0, 0.0), (30, 0.005), (59, 0.001)).realised(at(60))

    assert found.minutes == 1
    assert found.since_open == pytest.approx(1e-6)
    assert found.move_10 == pytest.approx(0.001)


def test_an_unfinished_minute_does_not_count():
    values = meter((0, 0.0), (59, 0.001), (61, 0.5))

    assert values.realised(at(119)).since_open == pytest.approx(1e-6)
    assert values.realised(at(119)).minutes == 1


def test_what_came_after_now_is_not_seen():
    values = meter(*((60 * k + 59, 0.001 * k) for k in range(60)))

    early = values.realised(at(60 * 20))
    alone = meter(*((60 * k + 59, 0.001 * k) for k in range(20))).realised(at(60 * 20))

    assert early == alone
    assert early.minutes == 20


def test_the_windows_hold_the_last_thirty_and_ten_minutes():
    calm = [(60 * k + 59, 0.0) for k in range(35)]
    wild = [(60 * k + 59, 0.002 * (k % 2)) for k in range(35, 45)]

    found = meter((0, 0.0), *calm, *wild).realised(at(60 * 45))

    assert found.minutes == 45
    assert found.last_10 == pytest.approx(10 * 4e-6)
    assert found.last_30 == pytest.approx(10 * 4e-6)
    assert found.since_open == pytest.approx(10 * 4e-6)
    later = meter((0, 0.0), *calm, *wild, *((60 * k + 59, 0.0) for k in range(45, 60)))
    assert later.realised(at(3600)).last_10 == 0.0
    assert later.realised(at(3600)).last_30 == pytest.approx(10 * 4e-6)


def test_a_gap_counts_as_one_return_spread_over_its_minutes():
    found = meter((0, 0.0), (59, 0.0), (60 * 20 + 59, 0.02)).realised(at(60 * 21))

    assert found.minutes == 21
    assert found.since_open == pytest.approx(4e-4)
    assert found.last_10 == pytest.approx(2e-4)
    assert found.move_10 == pytest.approx(0.01)


def test_a_late_start_gives_up_the_minute_it_started_in():
    found = meter((3_630, 0.05), (3_659, 0.0), (3_719, 0.001)).realised(at(3_720))

    assert found.minutes == 1
    assert found.since_open == pytest.approx(1e-6)


def test_values_older_than_the_newest_are_ignored():
    values = meter((0, 0.0), (59, 0.001), (58, 0.9), (119, 0.001))

    assert values.realised(at(120)).since_open == pytest.approx(1e-6)


def test_a_value_that_arrives_after_its_minute_was_read_still_counts():
    values = meter((0, 0.0), (58, 0.003))
    assert values.realised(at(60)).since_open == pytest.approx(9e-6)

    values.observe(at(59), 100.0 * math.exp(0.001))

    assert values.realised(at(60)).since_open == pytest.approx(1e-6)


def test_values_outside_the_session_are_ignored():
    values = meter((-60, 0.7), (0, 0.0), (59, 0.001), (60 * 390 + 1, 0.9))

    assert values.realised(at(60 * 400)).since_open == pytest.approx(1e-6)


def test_the_closing_print_belongs_to_the_last_minute():
    values = meter(*((60 * k + 59, 0.0) for k in range(390)), (60 * 390, 0.001))

    found = values.realised(at(60 * 390))

    assert found.minutes == 390
    assert found.since_open == pytest.approx(1e-6)


def test_minute_bars_and_seconds_tell_the_same():
    path = [0.0004 * math.sin(k / 7.0) for k in range(3_600)]
    seconds = meter(*enumerate(path)).realised(at(3_600))
    bars = meter((0, path[0]), *((60 * k + 59, path[60 * k + 59]) for k in range(60)))

    assert bars.realised(at(3_600)) == seconds


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_a_value_that_is_no_price_is_refused(value):
    with pytest.raises(DataError, match="not a positive number"):
        RealisedMeter(OPEN, CLOSE).observe(OPEN, value)


def test_a_session_that_ends_before_it_opens_is_refused():
    with pytest.raises(DataError, match="opens at"):
        RealisedMeter(CLOSE, OPEN)
