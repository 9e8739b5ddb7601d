"""What holds of the variance clock and the meter whatever the day does."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.markets.sessions import Session
from kalshi_alpha.pricing.reading import RealisedMeter
from kalshi_alpha.pricing.variance import VarianceCurve

OPEN = datetime(2025, 11, 4, 14, 30, tzinfo=UTC)
SESSIONS = (
    Session(date(2025, 11, 4), OPEN, OPEN + timedelta(minutes=390)),
    Session(date(2025, 11, 28), OPEN, OPEN + timedelta(minutes=210)),
)
WEIGHTS = tuple(1.0 + math.cos(k / 62.0) ** 2 for k in range(390))
CURVE = VarianceCurve(tuple(w / math.fsum(WEIGHTS) for w in WEIGHTS))

sessions = st.sampled_from(SESSIONS)
instants = st.floats(-3_000.0, 30_000.0).map(lambda s: OPEN + timedelta(seconds=s))
paths = st.lists(
    st.tuples(st.integers(0, 23_400), st.floats(-0.05, 0.05)), min_size=1, max_size=60
).map(sorted)


@given(sessions, instants, instants, instants)
def test_variance_adds_up_over_adjoining_spans(session, a, b, c):
    a, b, c = sorted((a, b, c))
    whole = CURVE.variance(session, a, c)

    assert CURVE.variance(session, a, b) + CURVE.variance(session, b, c) == pytest.approx(
        whole, abs=1e-12
    )
    assert 0.0 <= whole <= 1.0 + 1e-9


@given(paths, st.integers(0, 23_400))
def test_the_meter_never_sees_past_now(path, now):
    whole, cut = (RealisedMeter(OPEN, SESSIONS[0].close) for _ in range(2))
    instant = OPEN + timedelta(seconds=now)
    for seconds, log in path:
        at = OPEN + timedelta(seconds=seconds)
        whole.observe(at, math.exp(log))
        if at < instant:
            cut.observe(at, math.exp(log))
    assert whole.realised(instant).minutes >= cut.realised(instant).minutes
    if any(seconds >= now for seconds, _ in path):
        return  # a gap that ends later is spread back over the minutes it covers
    assert whole.realised(instant) == cut.realised(instant)


@given(paths)
def test_sums_are_nested_and_never_negative(path):
    meter = RealisedMeter(OPEN, SESSIONS[0].close)
    for seconds, log in path:
        meter.observe(OPEN + timedelta(seconds=seconds), math.exp(log))
    found = meter.realised(SESSIONS[0].close)

    assert -1e-15 <= found.last_10 <= found.last_30 + 1e-15
    assert found.last_30 <= found.since_open + 1e-15
    assert 0 <= found.minutes <= 390


@given(paths)
def test_a_whole_gap_is_one_squared_return(path):
    meter = RealisedMeter(OPEN, SESSIONS[0].close)
    closes = {0: None}
    for seconds, log in path:
        meter.observe(OPEN + timedelta(seconds=seconds), math.exp(log))
        minute = min(seconds // 60, 389)
        if minute == 0 and closes[0] is None:
            closes[0] = log
        closes[minute + 1] = log
    logs = [log for _, log in sorted(closes.items()) if log is not None]
    expected = math.fsum((b - a) ** 2 for a, b in pairwise(logs))

    assert meter.realised(SESSIONS[0].close).since_open == pytest.approx(expected, abs=1e-12)
