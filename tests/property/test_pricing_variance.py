"""What holds of the variance clock whatever the day does."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.markets.sessions import Session
from kalshi_alpha.pricing.reading import Realised
from kalshi_alpha.pricing.variance import RegimeMix, VarianceCurve, forecast, regime
from tests.made_parameters import made_part

OPEN = datetime(2025, 11, 4, 14, 30, tzinfo=UTC)
SESSIONS = (
    Session(date(2025, 11, 4), OPEN, OPEN + timedelta(minutes=390)),
    Session(date(2025, 10, 29), OPEN, OPEN + timedelta(minutes=390)),  # an event's day
    Session(date(2025, 11, 28), OPEN, OPEN + timedelta(minutes=210)),
)
WEIGHTS = tuple(1.0 + math.cos(k / 62.0) ** 2 for k in range(390))
CURVE = VarianceCurve(tuple(w / math.fsum(WEIGHTS) for w in WEIGHTS))
FACTORS = (1.0,) * 9 + (4.0, 10.0, 8.0, 2.0)
MIX = RegimeMix(1.3, 0.35, 0.4, 0.3, 1.0, 0.02, 200.0)
PART = made_part(curve=CURVE, events={"fomc": FACTORS}, mix=MIX, minute_ratio=0.74)

sessions = st.sampled_from(SESSIONS)
instants = st.floats(-3_000.0, 30_000.0).map(lambda s: OPEN + timedelta(seconds=s))
amounts = st.floats(0.0, 1e-2)
realised = st.builds(Realised, st.integers(0, 390), amounts, amounts, amounts)


@given(sessions, instants, instants, instants)
def test_variance_adds_up_over_adjoining_spans(session, a, b, c):
    a, b, c = sorted((a, b, c))
    whole = CURVE.variance(session, a, c)

    assert CURVE.variance(session, a, b) + CURVE.variance(session, b, c) == pytest.approx(
        whole, abs=1e-12
    )
    assert 0.0 <= whole <= 1.0 + 1e-9


@given(sessions, realised, instants, instants, instants)
def test_forecasts_of_one_moment_add_up_over_adjoining_spans(session, seen, now, a, b):
    now, a, b = sorted((now, a, b))
    curve = PART.curve_on(session.day)
    first = PART.level * curve.variance(session, now, a) * regime(PART, seen, session, now)
    second = PART.level * curve.variance(session, a, b) * regime(PART, seen, session, now)

    assert forecast(PART, seen, session, now, b) == pytest.approx(first + second, rel=1e-9)


@given(sessions, realised, instants)
def test_the_regime_is_within_its_bounds_whatever_was_seen(session, seen, now):
    assert MIX.lowest <= regime(PART, seen, session, now) <= MIX.highest


@given(sessions, realised, instants, st.floats(1.0, 5.0))
def test_more_movement_never_calms_the_regime(session, seen, now, times):
    more = replace(
        seen,
        since_open=seen.since_open * times,
        last_30=seen.last_30 * times,
        last_10=seen.last_10 * times,
    )

    assert regime(PART, more, session, now) >= regime(PART, seen, session, now) * (1 - 1e-12)


@given(sessions, realised, instants, st.floats(0.25, 4.0))
def test_a_ratio_measured_and_expected_alike_cancels_out(session, seen, now, times):
    wider = replace(PART, minute_ratio=PART.minute_ratio * times)
    scaled = replace(
        seen,
        since_open=seen.since_open * times,
        last_30=seen.last_30 * times,
        last_10=seen.last_10 * times,
    )

    assert regime(wider, scaled, session, now) == pytest.approx(
        regime(PART, seen, session, now), rel=1e-9
    )


@given(
    sessions,
    st.lists(st.floats(0.1, 20.0), min_size=13, max_size=13),
    st.integers(0, 390),
    st.integers(0, 390),
)
def test_a_stirred_curve_lies_between_its_least_and_its_greatest_factor(session, factors, a, b):
    first, last = (min(k, session.minutes) for k in sorted((a, b)))
    usual = CURVE.between(session, first, last)
    stirred = CURVE.stirred(factors).between(session, first, last)

    assert min(factors) * usual - 1e-12 <= stirred <= max(factors) * usual + 1e-12
