"""The index family: from a reading to the terminal law, and what it refuses."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from kalshi_alpha.errors import ConfigurationError, DataError, ParameterError
from kalshi_alpha.families.catalog import FAMILIES, family
from kalshi_alpha.families.index import terminal_law
from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.sessions import Session, load_sessions
from kalshi_alpha.pricing.ladder import probabilities
from kalshi_alpha.pricing.parameters import (
    Drift,
    Shape,
    load_parameters,
    shipped_parameters,
)
from kalshi_alpha.pricing.reading import Reading, Realised, RealisedMeter
from kalshi_alpha.pricing.table import student_table
from kalshi_alpha.pricing.variance import RegimeMix
from tests.made_parameters import NORMAL, made_parameters, made_part

OPEN = datetime(2025, 11, 4, 14, 30, tzinfo=UTC)
SESSION = Session(date(2025, 11, 4), OPEN, OPEN + timedelta(minutes=390))
NOON = datetime(2025, 11, 4, 17, 0, tzinfo=UTC)
UNSEEN = Realised(0, 0.0, 0.0, 0.0)
PARAMETERS = made_parameters(made_part(), made_part(basis=0.2))  # 1e-7 a minute


def with_hourly(**changes):
    """The same with another hourly part; its close part stays."""
    return replace(PARAMETERS, hourly=made_part(**changes))


def reading(seconds_before=600.0, **changes):
    as_of = NOON - timedelta(seconds=seconds_before)
    return replace(Reading("SPX", 6_800.0, as_of, 0.2, 0.4, UNSEEN), **changes)


def law(found=None, now=None, fixing=NOON, parameters=PARAMETERS, session=SESSION):
    found = found or reading()
    return terminal_law(found, parameters, fixing, now or found.as_of, session)


def test_ten_minutes_of_even_variance_and_the_basis_make_the_scale():
    found = law()

    assert found.level == 6_800.0
    assert found.drift == 0.0
    assert found.scale == pytest.approx(math.sqrt(10e-7 + (0.1 / 6_800.0) ** 2), rel=1e-12)


def test_the_close_is_priced_with_its_own_part_and_every_other_fixing_with_the_hourly():
    parts = made_parameters(made_part(), made_part(level=4 * 3.9e-5, basis=0.2))
    close, three = SESSION.close, SESSION.close - timedelta(hours=1)
    at_close = law(reading(as_of=close - timedelta(minutes=5)), fixing=close, parameters=parts)
    at_three = law(reading(as_of=three - timedelta(minutes=5)), fixing=three, parameters=parts)

    assert at_close.scale == pytest.approx(math.sqrt(20e-7 + (0.2 / 6_800.0) ** 2), rel=1e-12)
    assert at_three.scale == pytest.approx(math.sqrt(5e-7 + (0.1 / 6_800.0) ** 2), rel=1e-12)


def test_the_close_of_a_half_day_is_a_close():
    half = Session(date(2025, 11, 28), OPEN, OPEN + timedelta(minutes=210))
    parts = made_parameters(None, made_part(basis=0.2))
    as_of = half.close - timedelta(minutes=5)

    found = law(reading(as_of=as_of), fixing=half.close, parameters=parts, session=half)

    assert found.scale == pytest.approx(math.sqrt(5e-7 + (0.2 / 6_800.0) ** 2), rel=1e-12)


@pytest.mark.parametrize(
    ("parts", "fixing", "kind"),
    [
        ((None, made_part()), NOON, "hourly"),
        ((made_part(), None), SESSION.close, "close"),
    ],
)
def test_a_missing_part_prices_nothing_and_names_the_command_that_fits_it(parts, fixing, kind):
    with pytest.raises(ParameterError, match=f"kalshi-alpha calibrate {kind} --symbol SPX"):
        law(fixing=fixing, parameters=made_parameters(*parts))


def test_the_shape_is_that_of_the_horizon_and_stretches_the_forecast():
    fat = student_table(4.0, reach=100.0, step=0.5)
    shapes = (Shape(2.0, 1.5, fat), Shape(60.0, 0.9, NORMAL))
    parameters = with_hourly(shapes=shapes, basis=0.0)

    near, far = (law(reading(s), parameters=parameters) for s in (120.0, 121.0))

    assert (near.table, far.table) == (fat, NORMAL)
    assert near.scale == pytest.approx(1.5 * math.sqrt(2e-7))
    assert far.scale == pytest.approx(0.9 * math.sqrt(1e-7 * 121 / 60))


def test_the_stretch_is_of_the_forecast_and_leaves_the_basis_alone():
    parameters = with_hourly(shapes=(Shape(60.0, 2.0, NORMAL),))

    assert law(parameters=parameters).scale == pytest.approx(
        math.sqrt(4 * 10e-7 + (0.1 / 6_800.0) ** 2), rel=1e-12
    )


def test_the_horizon_runs_from_the_reading_and_not_from_now():
    shapes = (Shape(2.0, 1.5, NORMAL), Shape(60.0, 1.0, NORMAL))
    parameters = with_hourly(shapes=shapes, basis=0.0)
    now = NOON - timedelta(seconds=115)

    old = law(reading(125.0), now, parameters=parameters)

    assert old.scale == pytest.approx(math.sqrt(1e-7 * 125 / 60))


def test_a_committees_afternoon_is_wider_and_the_same_hour_of_another_day_is_not():
    factors = (1.0,) * 9 + (4.0, 9.0, 4.0, 1.0)
    parameters = with_hourly(events={"fomc": factors}, basis=0.0)

    def scale(day):
        opened = datetime(day.year, day.month, day.day, 13, 30, tzinfo=UTC)
        session = Session(day, opened, opened + timedelta(minutes=390))
        fixing = opened + timedelta(minutes=330)  # 15:00 New York
        found = reading(as_of=fixing - timedelta(minutes=10))
        return law(found, fixing=fixing, parameters=parameters, session=session).scale

    assert scale(date(2025, 10, 29)) == pytest.approx(3.0 * scale(date(2025, 10, 28)))
    assert scale(date(2025, 10, 28)) == pytest.approx(math.sqrt(10e-7))


def test_the_basis_keeps_the_last_moment_uncertain():
    found = law(reading(seconds_before=0.001))

    assert found.scale * 6_800.0 == pytest.approx(0.1, rel=1e-2)


def test_an_older_value_has_a_wider_law():
    now = NOON - timedelta(seconds=60)
    fresh = law(reading(60.0), now)
    old = law(reading(120.0), now)

    assert old.scale == pytest.approx(math.sqrt(2e-7 + (0.1 / 6_800.0) ** 2))
    assert fresh.scale < old.scale


def test_a_vendor_clock_that_runs_ahead_narrows_nothing():
    now = NOON - timedelta(seconds=60)

    assert law(reading(59.0), now) == law(reading(60.0), now)


def test_a_lively_session_has_a_wider_law():
    lively = with_hourly(mix=RegimeMix(1.0, 1.0, 0.0, 0.0, 5.0, 0.05, 50.0))
    calm = law(reading(realised=Realised(140, 140e-7, 30e-7, 10e-7)), parameters=lively)
    wild = law(reading(realised=Realised(140, 560e-7, 120e-7, 40e-7)), parameters=lively)

    assert wild.scale > 1.8 * calm.scale


def test_the_drift_is_off_unless_parameters_turn_it_on():
    moved = reading(realised=Realised(140, 140e-7, 30e-7, 10e-7, move_10=0.002))
    on = with_hourly(drift=Drift(0.05, 0.25))

    assert law(moved).drift == 0.0
    assert law(moved, parameters=on).drift == pytest.approx(0.0001)


def test_the_drift_never_passes_its_share_of_the_scale():
    jumped = reading(realised=Realised(140, 140e-7, 30e-7, 10e-7, move_10=-0.2))
    found = law(jumped, parameters=with_hourly(drift=Drift(0.05, 0.25)))

    assert found.drift == pytest.approx(-0.25 * found.scale)


@pytest.mark.parametrize("value", [0.0, -6_800.0, math.nan, math.inf])
def test_a_value_that_is_no_price_is_refused(value):
    with pytest.raises(DataError, match="not a positive number"):
        law(reading(value=value))


@pytest.mark.parametrize("late", [0.0, 1.0, 3_600.0])
def test_a_fixing_that_has_passed_is_refused(late):
    with pytest.raises(DataError, match="has passed"):
        law(now=NOON + timedelta(seconds=late))


def test_a_reading_of_another_symbol_is_refused():
    with pytest.raises(DataError, match="NDX met parameters of SPX"):
        law(reading(symbol="NDX"))


def test_a_fixing_outside_the_session_is_refused():
    half = Session(SESSION.day, OPEN, OPEN + timedelta(minutes=90))

    with pytest.raises(DataError, match="outside the session"):
        law(session=half)


def test_the_catalog_knows_the_index_family_and_no_other():
    assert list(FAMILIES) == ["index"]
    assert family("index") is terminal_law
    with pytest.raises(ConfigurationError, match="no family 'cpi'"):
        family("cpi")


def test_the_shipped_parameters_price_a_plausible_noon_ladder():
    parameters = load_parameters(shipped_parameters(SESSION.day), SESSION.day)["SPX"]
    found = law(parameters=parameters)
    above = probabilities(found, [Payoff(680_000 + 500 * k, None) for k in range(-20, 21)], 100)

    # Ten quiet minutes of an index at 6800 have a standard deviation of some points.
    assert 2.0 < found.scale * 6_800.0 < 12.0
    assert above[20] == pytest.approx(0.5, abs=0.01)
    assert above[0] > 0.99
    assert above[-1] < 0.01


@pytest.mark.shared_data
@pytest.mark.parametrize("symbol", ["SPX", "NDX"])
def test_a_recorded_morning_gives_a_law_that_holds_its_noon(shared_data, symbol):
    import pyarrow.parquet as pq

    table = pq.read_table(shared_data / f"{symbol.lower()}_1m" / "bars.parquet")
    bars = [row for row in table.to_pylist() if row["et_date"] == SESSION.day]
    session = load_sessions().on(SESSION.day)
    meter = RealisedMeter(session.open, session.close)
    for bar in bars:
        if 570 <= bar["et_min"] < 710:  # to 11:50
            meter.observe(bar["ts_utc"], bar["open"])
            meter.observe(bar["ts_utc"] + timedelta(seconds=59), bar["close"])
    now = NOON - timedelta(minutes=10)
    level, noon = (next(b["close"] for b in bars if b["et_min"] == m) for m in (709, 719))
    parameters = load_parameters(shipped_parameters(SESSION.day), SESSION.day)[symbol]

    seen = meter.realised(now)
    found = terminal_law(
        Reading(symbol, level, now, 0.0, 0.0, seen), parameters, NOON, now, session
    )

    assert seen.minutes == 140
    assert 3e-4 < found.scale < 2e-3
    assert 0.001 < found.cdf(noon) < 0.999
