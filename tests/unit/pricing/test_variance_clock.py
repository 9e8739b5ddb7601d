"""The variance clock: shares of a session, half days, events, and the regime."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from kalshi_alpha.errors import ParameterError
from kalshi_alpha.markets.sessions import Session
from kalshi_alpha.pricing.reading import Realised
from kalshi_alpha.pricing.variance import RegimeMix, VarianceCurve, forecast, regime
from tests.made_parameters import EVEN, made_part

OPEN = datetime(2025, 11, 4, 14, 30, tzinfo=UTC)
FULL = Session(date(2025, 11, 4), OPEN, OPEN + timedelta(minutes=390))
HALF = Session(date(2025, 11, 28), OPEN, OPEN + timedelta(minutes=210))
UNSEEN = Realised(0, 0.0, 0.0, 0.0)

# Twice as lively in the last hour as before it: 330 + 2 x 60 = 450 parts.
CURVE = VarianceCurve((1 / 450,) * 330 + (2 / 450,) * 60)
HAWKISH = (1.0,) * 9 + (4.0, 10.0, 8.0, 2.0)


def mix(typical=1.0, since_open=0.0, last_30=0.0, last_10=0.0, prior=10.0):
    return RegimeMix(typical, since_open, last_30, last_10, prior, 0.05, 50.0)


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


def test_whole_minutes_and_instants_count_the_same():
    for session, last in ((FULL, 390), (HALF, 210)):
        assert CURVE.between(session, 100, last) == pytest.approx(
            CURVE.variance(session, minute(100), minute(last))
        )


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ((1 / 389,) * 389, "389 minutes"),
        ((0.0, *(1 / 389,) * 389), "without variance"),
        ((-1e-9, *(1 / 389,) * 389), "without variance"),
        ((float("nan"), *(1 / 389,) * 389), "without variance"),
        ((float("inf"), *(1 / 389,) * 389), "without variance"),
    ],
)
def test_a_curve_that_is_no_share_is_refused(shares, words):
    with pytest.raises(ParameterError, match=words):
        VarianceCurve(shares)


@pytest.mark.parametrize("parts", [389, 391])
def test_a_usual_days_curve_must_add_to_one(parts):
    odd = VarianceCurve((1 / parts,) * 390)

    EVEN.require_whole()
    with pytest.raises(ParameterError, match="adds to"):
        odd.require_whole()
    with pytest.raises(ParameterError, match="adds to"):
        made_part(curve=odd)


def test_a_stirred_curve_multiplies_its_half_hours():
    stirred = EVEN.stirred(HAWKISH)

    def share(first, last):
        return stirred.between(FULL, first, last)

    assert share(0, 270) == pytest.approx(270 / 390)
    assert share(270, 300) == pytest.approx(4 * 30 / 390)
    assert share(300, 330) == pytest.approx(10 * 30 / 390)
    assert share(330, 360) == pytest.approx(8 * 30 / 390)
    assert share(360, 390) == pytest.approx(2 * 30 / 390)


def test_a_session_not_yet_seen_is_a_typical_one():
    part = made_part(mix=mix(1.4, since_open=1.0))

    assert regime(part, UNSEEN, FULL, minute(0)) == pytest.approx(1.4)
    assert regime(part, UNSEEN, FULL, minute(120)) == pytest.approx(1.4)


def test_a_session_that_went_as_typical_ones_go_is_a_typical_one():
    part = made_part(level=3.9e-4, mix=mix(1.4, 0.3, 0.5, 0.2))

    found = regime(part, Realised(90, 90e-6, 30e-6, 10e-6), FULL, minute(90))

    assert found == pytest.approx(1.4)


def test_the_regime_is_drawn_towards_typical_when_little_was_seen():
    part = made_part(level=3.9e-4, mix=mix(since_open=1.0, prior=10.0))

    # A minute of a typical session has 1e-6; ten minutes were four times as lively.
    few = regime(part, Realised(10, 40e-6, 40e-6, 40e-6), FULL, minute(10))
    many = regime(part, Realised(90, 360e-6, 120e-6, 40e-6), FULL, minute(90))

    assert few == pytest.approx(1.0 + 0.5 * 3.0)
    assert many == pytest.approx(1.0 + 0.9 * 3.0)


def test_the_regime_multiplies_its_three_ratios_each_to_its_weight():
    part = made_part(level=3.9e-4, mix=mix(1.25, 0.3, 0.5, 0.2, prior=10.0))

    # Over 90 minutes twice the typical, over 30 four times, over 10 none at all:
    # the ratios drawn towards 1 are 1.9, 3.25 and 0.5.
    found = regime(part, Realised(90, 180e-6, 120e-6, 0.0), FULL, minute(90))

    assert found == pytest.approx(1.25 * 1.9**0.3 * 3.25**0.5 * 0.5**0.2, rel=1e-12)
    assert found == pytest.approx(2.3784, abs=1e-4)


def test_a_wild_minute_enters_with_the_power_of_its_weight_and_not_with_its_size():
    part = made_part(level=3.9e-4, mix=mix(since_open=0.5, prior=1e-9))

    calm, wild = (
        regime(part, Realised(90, 90e-6 * ratio, 0.0, 0.0), FULL, minute(90)) for ratio in (1, 100)
    )

    assert wild / calm == pytest.approx(10.0)


def test_what_minutes_measure_is_compared_with_what_minutes_usually_measure():
    seen = Realised(90, 45e-6, 15e-6, 5e-6)  # half of the level's
    weights = mix(1.0, 0.3, 0.5, 0.2)

    same = made_part(level=3.9e-4, mix=weights)
    index = made_part(level=3.9e-4, mix=weights, minute_ratio=0.5)

    assert regime(index, seen, FULL, minute(90)) == pytest.approx(1.0)
    assert regime(same, seen, FULL, minute(90)) == pytest.approx(0.55**0.3 * 0.625**0.5 * 0.75**0.2)
    # The ratio is of what was measured, not of what is expected ahead.
    assert forecast(index, seen, FULL, minute(90), minute(100)) == pytest.approx(10e-6)


def test_a_meter_that_started_late_is_compared_with_the_minutes_it_saw():
    part = made_part(level=4.5e-4, curve=CURVE, mix=mix(since_open=1.0, prior=10.0))

    # 90 minutes to 15:00, then 30 of the livelier last hour: 150e-6 in a typical session.
    found = regime(part, Realised(120, 240e-6, 0.0, 0.0), FULL, minute(360))

    assert found == pytest.approx(1.0 + 120 / 130 * (240 / 150 - 1.0))


def test_minutes_before_the_open_cannot_have_been_seen():
    part = made_part(level=3.9e-4, mix=mix(since_open=1.0, prior=10.0))

    found = regime(part, Realised(90, 20e-6, 20e-6, 20e-6), FULL, minute(10))

    assert found == pytest.approx(1.0 + 0.5 * 1.0)


def test_the_regime_stays_within_its_bounds():
    part = made_part(level=3.9e-4, mix=mix(since_open=1.0, prior=0.001))

    assert regime(part, Realised(90, 0.0, 0.0, 0.0), FULL, minute(90)) == 0.05
    assert regime(part, Realised(90, 9.0, 9.0, 9.0), FULL, minute(90)) == 50.0


def test_the_forecast_is_level_times_share_times_regime():
    part = made_part(level=4.5e-4, curve=CURVE, mix=mix(1.5))

    found = forecast(part, UNSEEN, FULL, minute(380), FULL.close)

    assert found == pytest.approx(30e-6)


def test_an_events_afternoon_is_lively_ahead_of_itself_and_no_surprise_behind():
    fomc = Session(date(2025, 10, 29), OPEN, OPEN + timedelta(minutes=390))
    part = made_part(
        level=3.9e-4, events={"fomc": HAWKISH}, mix=mix(1.0, 0.3, 0.5, 0.2, prior=10.0)
    )
    typical = Realised(270, 270e-6, 30e-6, 10e-6)

    # At 14:00: ten minutes have four times their usual variance on the day, and none else does.
    assert forecast(part, typical, fomc, minute(270), minute(280)) == pytest.approx(40e-6)
    assert forecast(part, typical, FULL, minute(270), minute(280)) == pytest.approx(10e-6)
    assert forecast(part, UNSEEN, fomc, minute(200), minute(210)) == pytest.approx(10e-6)
    # At 14:30, after half an hour as lively as such a half hour is, the day is a typical one.
    seen = Realised(300, 390e-6, 120e-6, 40e-6)
    assert regime(part, seen, fomc, minute(300)) == pytest.approx(1.0)
    assert regime(part, seen, FULL, minute(300)) > 2.0


def test_an_event_of_another_part_stirs_nothing():
    fomc = Session(date(2025, 10, 29), OPEN, OPEN + timedelta(minutes=390))
    usual = made_part(level=3.9e-4)

    assert forecast(usual, UNSEEN, fomc, minute(270), minute(280)) == pytest.approx(10e-6)


@pytest.mark.parametrize(
    "numbers",
    [
        (0.0, 0.5, 0.3, 0.3, 10.0, 0.05, 50.0),
        (0.04, 0.5, 0.3, 0.3, 10.0, 0.05, 50.0),
        (51.0, 0.5, 0.3, 0.3, 10.0, 0.05, 50.0),
        (float("nan"), 0.5, 0.3, 0.3, 10.0, 0.05, 50.0),
        (1.0, -0.1, 0.3, 0.3, 10.0, 0.05, 50.0),
        (1.0, 0.3, 2.1, 0.3, 10.0, 0.05, 50.0),
        (1.0, 0.3, 0.3, float("nan"), 10.0, 0.05, 50.0),
        (1.0, 0.3, 0.3, 0.3, 0.0, 0.05, 50.0),
        (1.0, 0.3, 0.3, 0.3, float("inf"), 0.05, 50.0),
        (1.0, 0.3, 0.3, 0.3, 10.0, 0.0, 50.0),
        (1.0, 0.3, 0.3, 0.3, 10.0, 0.05, 0.5),
        (1.0, 0.3, 0.3, 0.3, 10.0, 0.05, float("inf")),
    ],
)
def test_a_mix_outside_its_domain_is_refused(numbers):
    with pytest.raises(ParameterError):
        RegimeMix(*numbers)
