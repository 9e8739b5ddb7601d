"""The variance clock: shares of a session, half days, and the regime."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest

from kalshi_alpha.errors import ParameterError
from kalshi_alpha.markets.sessions import Session
from kalshi_alpha.pricing.reading import Realised
from kalshi_alpha.pricing.variance import RegimeMix, VarianceCurve, forecast, regime

OPEN = datetime(2025, 11, 4, 14, 30, tzinfo=UTC)
FULL = Session(date(2025, 11, 4), OPEN, OPEN + timedelta(minutes=390))
HALF = Session(date(2025, 11, 28), OPEN, OPEN + timedelta(minutes=210))

# Twice as lively in the last hour as before it: 330 + 2 x 60 = 450 parts.
CURVE = VarianceCurve((1 / 450,) * 330 + (2 / 450,) * 60)
EVEN = VarianceCurve((1 / 390,) * 390)


@dataclass(frozen=True)
class Model:
    level: float
    curve: VarianceCurve
    mix: RegimeMix


def mix(baseline=0.0, since_open=0.0, last_30=0.0, last_10=0.0, prior=10.0):
    return RegimeMix(baseline, since_open, last_30, last_10, prior, 0.05, 50.0)


def minute(k):
    return OPEN + timedelta(minutes=k)


def test_a_whole_session_is_all_of_it():
    assert CURVE.variance(FULL, FULL.open, FULL.close) == pytest.approx(1.0)


def test_the_last_minutes_before_the_close_are_included():
    assert CURVE.variance(FULL, minute(389), FULL.close) == pytest.approx(2 / 450)


def test_parts_of_a_minute_count_in_proportion():
    start, end = minute(10) + timedelta(seconds=45), minute(12) + timedelta(seconds=30)

    assert CURVE.variance(FULL, start, end) == pytest.approx(1.75 / 450)


def test_time_outside_the_session_has_no_variance():
    before, after = OPEN - timedelta(hours=3), FULL.close + timedelta(hours=3)

    assert CURVE.variance(FULL, before, minute(1)) == pytest.approx(1 / 450)
    assert CURVE.variance(FULL, FULL.close, after) == 0.0


def test_time_does_not_run_backwards():
    assert CURVE.variance(FULL, minute(20), minute(10)) == 0.0


def test_a_half_day_ends_with_the_last_hour_of_a_full_one():
    assert CURVE.variance(HALF, minute(149), minute(150)) == pytest.approx(1 / 450)
    assert CURVE.variance(HALF, minute(150), minute(151)) == pytest.approx(2 / 450)
    assert CURVE.variance(HALF, HALF.open, HALF.close) == pytest.approx((150 + 120) / 450)
    assert CURVE.variance(HALF, minute(140), minute(160)) == pytest.approx(30 / 450)


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ((1 / 389,) * 389, "389 minutes"),
        ((1 / 391,) * 390, "adds to"),
        ((0.0, *(1 / 389,) * 389), "without variance"),
        ((float("nan"), *(1 / 389,) * 389), "without variance"),
    ],
)
def test_a_curve_that_is_no_share_is_refused(shares, words):
    with pytest.raises(ParameterError, match=words):
        VarianceCurve(shares)


def test_a_session_not_yet_seen_is_a_typical_one():
    model = Model(1e-4, EVEN, mix(since_open=1.0))

    assert regime(model, Realised(0, 0.0, 0.0, 0.0), FULL, minute(0)) == 1.0
    assert regime(model, Realised(0, 0.0, 0.0, 0.0), FULL, minute(120)) == 1.0


def test_the_regime_is_drawn_towards_typical_when_little_was_seen():
    model = Model(3.9e-4, EVEN, mix(since_open=1.0, prior=10.0))

    # A minute of a typical session has 1e-6; ten minutes were four times as lively.
    few = regime(model, Realised(10, 40e-6, 40e-6, 40e-6), FULL, minute(10))
    many = regime(model, Realised(90, 360e-6, 120e-6, 40e-6), FULL, minute(90))

    assert few == pytest.approx(1.0 + 0.5 * 3.0)
    assert many == pytest.approx(1.0 + 0.9 * 3.0)


def test_the_regime_weighs_its_four_sources():
    model = Model(3.9e-4, EVEN, mix(0.4, 0.3, 0.2, 0.1, prior=10.0))

    found = regime(model, Realised(90, 180e-6, 30e-6, 0.0), FULL, minute(90))

    assert found == pytest.approx(0.4 + 0.3 * (1 + 0.9) + 0.2 * 1.0 + 0.1 * (1 - 0.5))


def test_a_meter_that_started_late_is_compared_with_the_minutes_it_saw():
    model = Model(4.5e-4, CURVE, mix(since_open=1.0, prior=10.0))

    # 90 minutes to 15:00, then 30 of the livelier last hour: 120e-6 in a typical session.
    found = regime(model, Realised(120, 240e-6, 0.0, 0.0), FULL, minute(360))

    assert found == pytest.approx(1.0 + 120 / 130 * (240 / 150 - 1.0))


def test_the_regime_stays_within_its_bounds():
    model = Model(3.9e-4, EVEN, mix(since_open=1.0, prior=0.001))

    assert regime(model, Realised(90, 0.0, 0.0, 0.0), FULL, minute(90)) == 0.05
    assert regime(model, Realised(90, 9.0, 9.0, 9.0), FULL, minute(90)) == 50.0


def test_the_forecast_is_level_times_share_times_regime():
    model = Model(4.5e-4, CURVE, mix(baseline=1.0))

    found = forecast(model, Realised(0, 0.0, 0.0, 0.0), FULL, minute(380), FULL.close)

    assert found == pytest.approx(20e-6)


@pytest.mark.parametrize(
    "numbers",
    [
        (-0.1, 0.5, 0.3, 0.3, 10.0, 0.05, 50.0),
        (0.5, 0.5, 0.3, 0.3, 10.0, 0.05, 50.0),
        (0.25, 0.25, 0.25, float("nan"), 10.0, 0.05, 50.0),
        (0.25, 0.25, 0.25, 0.25, 0.0, 0.05, 50.0),
        (0.25, 0.25, 0.25, 0.25, 10.0, 0.0, 50.0),
        (0.25, 0.25, 0.25, 0.25, 10.0, 0.05, 0.5),
    ],
)
def test_a_mix_outside_its_domain_is_refused(numbers):
    with pytest.raises(ParameterError):
        RegimeMix(*numbers)
