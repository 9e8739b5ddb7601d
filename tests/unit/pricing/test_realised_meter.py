"""The realised meter: minutes, gaps, late values and what it must not see."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from statistics import fmean, pvariance

import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.pricing.reading import Realised, RealisedMeter, bar_variance

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


@pytest.mark.parametrize(
    ("bar", "expected"),
    [
        ((0.0, 0.0, 0.0, 0.0), 0.0),
        ((0.0, 0.002, 0.0, 0.0), 2e-6),  # up and back: half the squared range
        ((0.0, 0.002, -0.002, 0.0), 8e-6),
        ((0.0, 0.002, 0.0, 0.002), 4e-6 * (0.5 - (2 * math.log(2) - 1))),  # straight up
        ((0.001, 0.002, -0.001, 0.0005), 4.5e-6 - 0.3862943611198906 * 0.25e-6),
        ((0.0, 0.001, 0.0, 0.002), 0.0),  # a close beyond the high proves nothing
    ],
)
def test_a_bars_variance_is_its_squared_range_less_what_its_step_explains(bar, expected):
    assert bar_variance(*bar) == pytest.approx(expected, rel=1e-12, abs=1e-18)


def walked_bar(random, steps):
    """Return the four logs of a walk of variance 1, its extremes between the steps included.

    Between two points the extreme of a walk is that of a Brownian bridge, drawn from its law.
    """
    spread = 1.0 / steps
    log = high = low = 0.0
    for _ in range(steps):
        start, log = log, log + random.gauss(0.0, math.sqrt(spread))
        square = (log - start) ** 2
        up, down = (
            math.sqrt(square - 2.0 * spread * math.log(1.0 - random.random())) for _ in range(2)
        )
        high, low = max(high, (start + log + up) / 2), min(low, (start + log - down) / 2)
    return 0.0, high, low, log


def test_a_bars_variance_is_that_of_its_walk_and_far_steadier_than_its_squared_step():
    random = Random(20251104)
    bars = [walked_bar(random, 30) for _ in range(10_000)]
    ranges = [bar_variance(*bar) for bar in bars]
    squares = [bar[3] ** 2 for bar in bars]

    assert fmean(ranges) == pytest.approx(1.0, abs=0.02)  # four standard errors
    # Garman and Klass give 7.4 times the efficiency of the squared step.
    assert pvariance(squares) / pvariance(ranges) == pytest.approx(7.4, abs=0.8)


@pytest.mark.parametrize(("values", "measured"), [(60, 0.78), (300, 0.90)])
def test_ranges_of_few_values_run_low(values, measured):
    random = Random(4)
    bars = []
    for _ in range(2_000):
        path = [0.0]
        for _ in range(values):
            path.append(path[-1] + random.gauss(0.0, math.sqrt(1 / values)))
        bars.append(bar_variance(0.0, max(path), min(path), path[-1]))

    assert fmean(bars) == pytest.approx(measured, abs=0.03)  # of a walk of variance 1


def test_a_minute_of_seconds_is_measured_by_its_range():
    random = Random(7)
    log, path = 0.0, []
    for _ in range(600):
        log += random.gauss(0.0, 1e-4)
        path.append(log)

    found = meter(*enumerate(path)).realised(at(600))

    minutes = [path[k : k + 60] for k in range(0, 600, 60)]
    expected = [bar_variance(m[0], max(m), min(m), m[-1]) for m in minutes]
    assert found.minutes == 10
    assert found.last_10 == pytest.approx(math.fsum(expected), rel=1e-9)
    assert found.since_open == found.last_30 == found.last_10
    assert found.move_10 == pytest.approx(path[-1] - path[0])


@pytest.mark.parametrize(("count", "expected"), [(19, 1e-6), (20, 8e-6 - 0.3862943611198906e-6)])
def test_a_minute_is_measured_by_its_range_from_twenty_values_on(count, expected):
    logs = [0.0, 0.002, -0.002, *[0.001] * (count - 3)]
    found = meter(*((60.0 * k / count, log) for k, log in enumerate(logs))).realised(at(60))

    assert found.since_open == pytest.approx(expected)
    assert found.move_10 == pytest.approx(0.001)


def test_a_minute_seen_by_its_close_alone_counts_with_its_squared_return():
    path = [0.0004 * math.sin(k / 7.0) for k in range(60)]

    found = meter((0, 0.0), *((60 * k + 59, log) for k, log in enumerate(path))).realised(at(3_600))

    assert found.minutes == 60
    assert found.since_open == pytest.approx(
        path[0] ** 2 + math.fsum((b - a) ** 2 for a, b in pairwise(path))
    )


def bar_of(logs):
    """Return the four prices of a minute's logs."""
    return [100.0 * math.exp(log) for log in (logs[0], max(logs), min(logs), logs[-1])]


def wandering(minutes, seed=5):
    random = Random(seed)
    log, path = 0.0, []
    for _ in range(60 * minutes):
        log += random.gauss(0.0, 1e-4)
        path.append(log)
    return path


def test_minutes_of_history_and_the_seconds_they_were_made_of_tell_the_same():
    path = wandering(45)
    history = meter()
    for k in range(45):
        history.observe_minute(at(60 * k), *bar_of(path[60 * k : 60 * k + 60]))

    found, expected = (one.realised(at(45 * 60)) for one in (history, meter(*enumerate(path))))

    assert found.minutes == expected.minutes == 45
    for name in ("since_open", "last_30", "last_10", "move_10"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-9)


def test_history_goes_over_into_seconds_without_a_seam():
    path = wandering(20)
    seeded = meter()
    for k in range(12):
        seeded.observe_minute(at(60 * k), *bar_of(path[60 * k : 60 * k + 60]))
    # The vendor's last minute is still forming; the socket opens in the middle of it.
    seeded.observe_minute(at(60 * 12), *bar_of(path[720:750]))
    for k in range(750, 1_200):
        seeded.observe(at(k), 100.0 * math.exp(path[k]))

    found, expected = (one.realised(at(1_200)) for one in (seeded, meter(*enumerate(path))))

    assert found.minutes == 20
    assert found.since_open == pytest.approx(expected.since_open, rel=1e-9)
    assert found.last_10 == pytest.approx(expected.last_10, rel=1e-9)


def test_history_that_starts_late_counts_from_the_start_of_its_first_minute():
    late = meter()
    late.observe_minute(at(3_600), *bar_of([0.0, 0.002, -0.002, 0.001]))

    found = late.realised(at(3_660))

    assert found.minutes == 1
    assert found.since_open == pytest.approx(8e-6 - 0.3862943611198906e-6)
    assert found.move_10 == pytest.approx(0.001)


def test_a_minute_that_was_seen_is_not_taken_from_history_again():
    values = meter(*((k, 0.0) for k in range(90)))

    for start in (0, 60):
        values.observe_minute(at(start), *bar_of([0.0, 0.05, -0.05, 0.0]))

    assert values.realised(at(120)).since_open == 0.0


@pytest.mark.parametrize("start", [-60, 390 * 60])
def test_a_minute_outside_the_session_is_ignored(start):
    values = meter()

    values.observe_minute(at(start), *bar_of([0.0, 0.05, -0.05, 0.0]))

    assert values.realised(at(390 * 60)) == Realised(0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("place", range(4))
def test_a_minute_with_a_price_that_is_none_is_refused(place):
    prices = [100.0] * 4
    prices[place] = math.nan

    with pytest.raises(DataError, match="not a positive number"):
        meter().observe_minute(at(0), *prices)


def test_a_gap_is_one_return_however_often_its_last_minute_was_seen():
    dense = [(60 * 5 + k, 0.02 + 0.001 * (k % 2)) for k in range(60)]

    found = meter((0, 0.0), (59, 0.0), *dense).realised(at(60 * 6))

    assert found.minutes == 6
    assert found.since_open == pytest.approx(0.021**2)


def test_a_lively_second_counts_only_when_its_minute_is_over():
    values = meter(*((k, 0.0) for k in range(60)), *((60 + k, 0.001 * (k % 2)) for k in range(60)))

    assert values.realised(at(119)).since_open == 0.0
    assert values.realised(at(120)).since_open == pytest.approx(0.5e-6 - 0.3862943611198906 * 1e-6)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_a_value_that_is_no_price_is_refused(value):
    with pytest.raises(DataError, match="not a positive number"):
        RealisedMeter(OPEN, CLOSE).observe(OPEN, value)


def test_a_session_that_ends_before_it_opens_is_refused():
    with pytest.raises(DataError, match="opens at"):
        RealisedMeter(CLOSE, OPEN)
