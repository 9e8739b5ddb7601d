"""What holds of the realised meter whatever the feed does."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.pricing.reading import RealisedMeter, bar_variance

OPEN = datetime(2025, 11, 4, 14, 30, tzinfo=UTC)
CLOSE = OPEN + timedelta(minutes=390)
FEWEST = 20

logs = st.floats(-0.05, 0.05)
# Seconds since the open and logs, ascending: anywhere in the day, or in bursts within few minutes.
scattered = st.lists(st.tuples(st.integers(0, 23_400), logs), min_size=1, max_size=60)
bursts = st.lists(
    st.tuples(
        st.integers(0, 389), st.lists(st.tuples(st.integers(0, 59), logs), min_size=1, max_size=45)
    ),
    min_size=1,
    max_size=6,
).map(lambda found: [(60 * minute + k, log) for minute, seen in found for k, log in seen])
paths = st.one_of(scattered, bursts).map(lambda path: sorted(path, key=lambda each: each[0]))
each_minute = st.lists(
    st.lists(logs, min_size=1, max_size=30), min_size=12, max_size=50
)  # of a session from its open on


def metered(path):
    meter = RealisedMeter(OPEN, CLOSE)
    for seconds, log in path:
        meter.observe(OPEN + timedelta(seconds=seconds), math.exp(log))
    return meter


def by_minute(path):
    """Return the logs seen in each minute that was seen; the closing print is the last one's."""
    found = {}
    for seconds, log in path:
        found.setdefault(min(int(seconds // 60), 389), []).append(log)
    return found


def spread_out(minutes):
    return [
        (60 * k + 60.0 * place / len(seen), log)
        for k, seen in enumerate(minutes)
        for place, log in enumerate(seen)
    ]


@given(paths)
def test_the_sum_is_a_range_a_seen_minute_and_a_squared_return_any_other_span(path):
    minutes = by_minute(path)
    first = min(minutes)
    known, log = (0, minutes[0][0]) if first == 0 else (first + 1, minutes.pop(first)[-1])
    expected = 0.0
    for minute, seen in sorted(minutes.items()):
        whole = minute == known and len(seen) >= FEWEST
        step = seen[-1] - log
        expected += bar_variance(seen[0], max(seen), min(seen), seen[-1]) if whole else step**2
        known, log = minute + 1, seen[-1]

    found = metered(path).realised(CLOSE)

    assert found.since_open == pytest.approx(expected, rel=1e-6, abs=1e-12)
    assert found.minutes == known - (0 if first == 0 else first + 1)


@given(paths)
def test_sums_are_nested_and_never_negative(path):
    found = metered(path).realised(CLOSE)

    assert -1e-15 <= found.last_10 <= found.last_30 + 1e-15
    assert found.last_30 <= found.since_open + 1e-15
    assert 0 <= found.minutes <= 390


@given(paths, st.integers(0, 23_400))
def test_what_is_seen_is_within_the_minutes_gone_by(path, now):
    instant = OPEN + timedelta(seconds=now)
    whole = metered(path).realised(instant)
    cut = metered([each for each in path if each[0] < now]).realised(instant)

    assert whole.minutes >= cut.minutes  # a gap that ends later is spread back over its minutes
    assert whole.minutes <= now // 60


@given(each_minute, st.integers(0, 10))
def test_the_meter_never_sees_past_now(minutes, upto):
    instant = OPEN + timedelta(minutes=upto)

    whole = metered(spread_out(minutes)).realised(instant)
    cut = metered(spread_out(minutes[:upto])).realised(instant)

    assert whole == cut
    assert whole.minutes == upto


@given(each_minute, st.floats(0.5, 2.0))
def test_the_scale_of_prices_does_not_matter(minutes, factor):
    path = spread_out(minutes)
    now = OPEN + timedelta(minutes=len(minutes))

    plain = metered(path).realised(now)
    moved = metered([(at, log + math.log(factor)) for at, log in path]).realised(now)

    assert moved.since_open == pytest.approx(plain.since_open, rel=1e-6, abs=1e-12)
    assert moved.move_10 == pytest.approx(plain.move_10, abs=1e-12)


@given(st.lists(logs, min_size=1, max_size=30))
def test_a_bars_variance_lies_between_nothing_and_half_its_squared_range(seen):
    spread = max(seen) - min(seen)

    found = bar_variance(seen[0], max(seen), min(seen), seen[-1])

    assert 0.0 <= found <= 0.5 * spread**2
    assert found >= (0.5 - (2 * math.log(2) - 1)) * spread**2 - 1e-18
    assert found == bar_variance(seen[-1], max(seen), min(seen), seen[0])  # run backwards


@given(each_minute, st.integers(0, 49))
def test_a_minute_of_history_counts_as_its_seconds_do(minutes, seam):
    dense = [seen * FEWEST for seen in minutes]  # often enough to be measured by their range
    now = OPEN + timedelta(minutes=len(dense))
    meter = RealisedMeter(OPEN, CLOSE)
    for k, seen in enumerate(dense[:seam]):
        prices = (math.exp(x) for x in (seen[0], max(seen), min(seen), seen[-1]))
        meter.observe_minute(OPEN + timedelta(minutes=k), *prices)
    for seconds, log in spread_out(dense):
        if seconds >= 60 * seam:
            meter.observe(OPEN + timedelta(seconds=seconds), math.exp(log))

    found, expected = meter.realised(now), metered(spread_out(dense)).realised(now)

    assert found.minutes == expected.minutes
    assert found.since_open == pytest.approx(expected.since_open, rel=1e-9, abs=1e-15)
    assert found.last_10 == pytest.approx(expected.last_10, rel=1e-9, abs=1e-12)
