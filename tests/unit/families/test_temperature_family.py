"""The temperature family: what it expects, what it weighs, what it refuses, and its file."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from importlib import resources

import pytest

from kalshi_alpha.errors import DataError, ParameterError
from kalshi_alpha.families.temperature import (
    View,
    crossing,
    day_view,
    hazard_of_new_high,
    terminal_law,
    weighed,
)
from kalshi_alpha.families.temperature_book import dump_book, load_parameters
from kalshi_alpha.families.temperature_parameters import (
    Climate,
    Curve,
    Diurnal,
    LeadError,
    Parameters,
    check,
    warmth_of,
)
from kalshi_alpha.markets.climate_day import ClimateDay
from kalshi_alpha.pricing.weather_reading import (
    Forecast,
    Measured,
    PastHigh,
    RunningHigh,
    WeatherReading,
)
from tests.conftest import ROOT

DAY = ClimateDay(date(2026, 7, 9), -5)
NOON = DAY.start + timedelta(hours=12)
HOT = {"start", "rollcall", "preflight", "scan", "quote", "cancel", "reconcile"}
FILE = resources.files("kalshi_alpha.families").joinpath("temperature.json").read_bytes()


def flat(value, swing=0.0):
    return Curve((value,) * 25, (swing,) * 25)


HOURS = Diurnal(
    still=flat(1.0),
    rise=flat(4.0),
    rise_spread=flat(3.0),
    drop=flat(0.0),
    drop_spread=flat(0.0),
    gap=flat(1.0),
    gap_spread=flat(4.0),
    step=flat(0.0),
    step_spread=flat(1.0),
    together=0.0,
    together_forecast=0.0,
)
CLIMATE = Climate((70.0, 0.0, 0.0, 0.0, 0.0), (math.log(8.0), 0.0, 0.0), 0.6, 12.0)
LEADS = (LeadError(18.0, 0.5, 2.0), LeadError(30.0, 1.5, 3.0))
MADE = Parameters(HOURS, LEADS, 10.0, 0.005, 0.024, 0.4, 5.0, CLIMATE)


def reading(now=NOON, **more):
    return WeatherReading("KNYC", DAY, now, **more)


def law(parameters=MADE, now=NOON, **more):
    return terminal_law(reading(now, **more), parameters, now)


def test_with_nothing_seen_the_season_is_expected_and_moved_by_the_last_high():
    assert law().rest.centre == pytest.approx(70.0)
    assert law().rest.scale == pytest.approx(8.0)
    moved = law(past=PastHigh(date(2026, 7, 8), 80))
    assert moved.rest.centre == pytest.approx(76.0)
    assert moved.rest.scale == pytest.approx(8.0 * 0.8)
    older = law(past=PastHigh(date(2026, 7, 7), 80))
    assert older.rest.centre == pytest.approx(73.6)


def test_a_forecast_replaces_the_season_with_its_errors_at_its_lead():
    at_start = law(forecast=Forecast(84.0, DAY.start))
    assert (at_start.rest.centre, at_start.rest.scale) == (
        pytest.approx(85.0),
        pytest.approx(2.5),
    )
    assert MADE.lead(3.0) == LEADS[0]
    assert MADE.lead(30.0) == LEADS[1]
    assert MADE.lead(120.0).spread == pytest.approx(6.0)
    assert MADE.lead(120.0).bias == 1.5


def test_without_season_forecast_or_observation_nothing_is_priced():
    with pytest.raises(DataError, match="nothing is known of KNYC on 2026-07-09"):
        law(replace(MADE, climate=None))


def test_a_temperature_alone_is_enough_to_price_and_is_itself_a_high():
    found = law(replace(MADE, climate=None), temperature=Measured(80.5, NOON))
    assert found.rest.centre == pytest.approx(84.5)
    assert dict(found.floor)[81] == pytest.approx(0.595)


def test_both_views_are_weighed_by_their_spreads():
    both = law(
        forecast=Forecast(84.0, DAY.end - timedelta(hours=18)), temperature=Measured(80.0, NOON)
    )
    forecast, hour = 1 / 2.0**2, 1 / (3.0**2 + 0.3**2)
    assert both.rest.centre == pytest.approx(
        (84.5 * forecast + 84.0 * hour) / (forecast + hour), rel=1e-9
    )
    assert both.rest.scale == pytest.approx((forecast + hour) ** -0.5, rel=1e-9)


def test_errors_that_go_together_leave_the_surer_view_alone():
    sure, vague = View(80.0, 1.0), View(90.0, 4.0)
    assert weighed(sure, vague, 0.9) == View(80.0, 1.0)
    assert weighed(vague, sure, 0.9) == View(80.0, 1.0)
    assert weighed(sure, sure, 0.3).centre == 80.0
    assert weighed(sure, vague, 0.0).spread < 1.0


def test_without_a_temperature_the_high_so_far_stands_in_for_it_and_leaves_more_open():
    without = law(replace(MADE, climate=None), running=RunningHigh(82, 82, NOON))
    with_one = law(
        replace(MADE, climate=None),
        running=RunningHigh(82, 82, NOON),
        temperature=Measured(81.0, NOON),
    )
    assert without.rest.centre == pytest.approx(with_one.rest.centre)
    assert without.rest.scale == pytest.approx(math.sqrt(9 + 16 + 0.09))
    assert with_one.rest.scale == pytest.approx(math.sqrt(9 + 0.09))


@pytest.mark.parametrize(("source", "above"), [("report", 0.0), ("groups", 0.024), ("hourly", 0.4)])
def test_how_the_high_was_seen_decides_what_may_have_been_missed(source, above):
    found = law(running=RunningHigh(82, 82, NOON, source))
    assert dict(found.floor).get(83, 0.0) == pytest.approx(above)
    assert dict(found.floor)[81] == 0.005


def test_an_old_observation_leaves_more_of_the_day_open():
    late = DAY.start + timedelta(hours=18)
    fresh, stale = (
        terminal_law(
            reading(late, running=RunningHigh(82, 82, at), temperature=Measured(80.0, at)),
            load_parameters("KNYC"),
            late,
        )
        for at in (late, NOON)
    )
    assert stale.at_least(84) > 10 * fresh.at_least(84)


def test_the_share_of_days_that_still_rise_falls_through_the_afternoon():
    shipped = load_parameters("KNYC")
    odds = []
    for hour in (8, 12, 14, 16, 18, 22):
        at = DAY.start + timedelta(hours=hour)
        seen = reading(at, running=RunningHigh(82, 82, at), temperature=Measured(81.0, at))
        odds.append(terminal_law(seen, shipped, at).passes(83))
    assert odds == sorted(odds, reverse=True)
    assert odds[0] > 0.8
    assert odds[-1] < 0.03


def test_a_high_that_seems_to_be_in_is_never_taken_for_certain():
    late = DAY.start + timedelta(hours=22)
    seen = reading(late, running=RunningHigh(82, 82, late), temperature=Measured(70.0, late))
    found = terminal_law(seen, load_parameters("KNYC"), late)
    assert 0.95 < found.at_least(82) - found.at_least(83) < 0.98


def test_a_day_that_has_ended_is_not_priced():
    with pytest.raises(DataError, match="ended at 2026-07-10 05:00:00"):
        terminal_law(reading(), MADE, DAY.end)


def test_the_chance_of_a_new_high_grows_with_the_minutes_and_with_the_temperature():
    def chance(minutes, degrees):
        seen = reading(running=RunningHigh(82, 82, NOON), temperature=Measured(degrees, NOON))
        return hazard_of_new_high(seen, MADE, NOON, minutes)

    assert chance(0.0, 82.0) == 0.0
    assert 0 < chance(5.0, 81.0) < chance(30.0, 81.0) < chance(30.0, 82.0)
    assert chance(30.0, 82.0) == pytest.approx(2 * 0.5 * math.erfc(0.5 / math.sqrt(0.5) / 2**0.5))


def test_it_is_never_above_the_chance_of_a_new_high_by_the_days_end():
    hopeless = replace(MADE, diurnal=replace(HOURS, still=flat(0.01)))
    seen = reading(running=RunningHigh(82, 82, NOON), temperature=Measured(82.4, NOON))
    assert hazard_of_new_high(seen, hopeless, NOON, 600.0) <= 0.01
    blind = reading(running=RunningHigh(82, 82, NOON))
    ever = terminal_law(blind, MADE, NOON).passes(83)
    assert hazard_of_new_high(blind, MADE, NOON, 5.0) == ever


def test_time_since_the_last_temperature_counts_like_time_to_come():
    before = NOON - timedelta(minutes=20)
    old = reading(running=RunningHigh(82, 82, before), temperature=Measured(81.0, before))
    new = reading(running=RunningHigh(82, 82, NOON), temperature=Measured(81.0, NOON))
    assert hazard_of_new_high(old, MADE, NOON, 10.0) == pytest.approx(
        hazard_of_new_high(new, MADE, NOON, 30.0)
    )


def test_without_a_high_or_with_minutes_behind_us_there_is_no_hazard_to_give():
    with pytest.raises(DataError, match="no high of KNYC is known"):
        hazard_of_new_high(reading(), MADE, NOON, 5.0)
    with pytest.raises(DataError, match="-5 minutes ahead are none"):
        hazard_of_new_high(reading(running=RunningHigh(82, 82, NOON)), MADE, NOON, -5)


@pytest.mark.parametrize(
    ("away", "drift", "noise", "hours", "expected"),
    [
        (0.0, 0.0, 1.0, 1.0, 1.0),
        (1.0, 0.0, 1.0, 0.0, 0.0),
        (1.0, 0.0, 1.0, 1.0, 0.31731050786),  # twice the normal tail, by reflection
        (1.0, 1.0, 1.0, 1.0, 0.66810200122),  # N(0) + e^2 N(2)
        (1.0, -1.0, 1.0, 1.0, 0.09041777357),  # N(2) + e^-2 N(0)
        (1.0, -500.0, 1.0, 1.0, 0.0),
        (900.0, 500.0, 1.0, 1.0, 0.0),
    ],
)
def test_the_highest_a_drifting_brownian_motion_comes_to(away, drift, noise, hours, expected):
    assert crossing(away, drift, noise, hours) == pytest.approx(expected, abs=1e-10)


def test_the_warm_season_is_in_july():
    assert warmth_of(date(2026, 7, 19)) == pytest.approx(1.0)
    assert warmth_of(date(2026, 1, 17)) < -0.99


def test_a_curve_is_straight_between_hours_and_swings_with_the_season():
    curve = Curve(tuple(float(k) for k in range(25)), (2.0,) * 25)
    assert curve.at(6.5, 0.0) == 6.5
    assert curve.at(6.5, -1.0) == 4.5
    assert curve.at(24.0, 1.0) == 26.0


def test_the_shipped_numbers_are_those_of_each_station():
    new_york, miami, denver = (load_parameters(name) for name in ("KNYC", "KMIA", "KDEN"))

    assert new_york.climate.expected(200)[0] == pytest.approx(86.2, abs=1.0)
    assert new_york.climate.expected(17)[0] == pytest.approx(43.0, abs=1.5)
    assert miami.climate.expected(17)[0] == pytest.approx(78.7, abs=1.0)
    assert miami.climate.skew == pytest.approx(0.77, abs=0.02)
    assert denver.climate is None
    assert [one.spread for one in new_york.leads] == [2.46, 2.54, 2.81]
    assert denver.leads[0].spread == pytest.approx(2.46 * 1.25)
    assert denver.diurnal.rise_spread.mid[12] == pytest.approx(
        1.25 * new_york.diurnal.rise_spread.mid[12]
    )
    assert (new_york.lower, new_york.higher) == (0.005, 0.024)
    assert day_view(reading(), denver) is None


def test_the_file_says_where_each_number_is_from_and_looks_ahead_of_nothing():
    body = json.loads(FILE)["body"]
    assert {"climate", "diurnal", "leads", "lower, higher", "missed"} <= body["provenance"].keys()
    assert load_parameters("KNYC", on=date(2024, 11, 1)).climate is not None
    with pytest.raises(ParameterError, match="that is looking ahead"):
        load_parameters("KNYC", on=date(2024, 10, 31))


def broken(change):
    document = json.loads(FILE)
    change(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "no such file"),
        (b"[]", "no such file"),
        (broken(lambda d: d.update(schema="temperature-9")), "another schema"),
        (broken(lambda d: d["body"].update(lower=0.4)), "do not match their checksum"),
    ],
)
def test_a_file_that_is_not_as_written_is_refused(data, said):
    with pytest.raises(ParameterError, match=said):
        load_parameters("KNYC", data=data)


def rewritten(**changes):
    import msgspec

    from kalshi_alpha.families.temperature_book import Book

    book = msgspec.convert(json.loads(FILE)["body"], Book)
    return dump_book(msgspec.structs.replace(book, **changes))


def test_a_file_written_anew_reads_the_same():
    assert rewritten() == FILE


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lower": 1.5}, "cannot be used"),
        ({"measured_at": "KORD"}, "no forecast errors of KORD"),
        ({"leads": {"KNYC": (LEADS[1], LEADS[0])}}, "must ascend"),
        ({"missed": 0.999}, "pass one"),
    ],
)
def test_numbers_outside_their_domain_are_refused(changes, said):
    with pytest.raises(ParameterError, match=said):
        load_parameters("KNYC", data=rewritten(**changes))


@pytest.mark.parametrize(
    ("diurnal", "said"),
    [
        (replace(HOURS, rise_spread=flat(1.0, 2.0)), "rise_spread falls below 0"),
        (replace(HOURS, step_spread=flat(1.0, 1.0)), "must move in every hour"),
        (replace(HOURS, still=flat(0.9, 0.2)), "still leaves 0 to 1"),
    ],
)
def test_curves_that_are_no_laws_in_some_season_are_refused(diurnal, said):
    with pytest.raises(ParameterError, match=said):
        check(replace(MADE, diurnal=diurnal))


def test_the_law_is_plain_python_and_the_index_family_knows_nothing_of_it():
    code = (
        "import json, sys; import {0}; print(json.dumps(sorted(m for m in sys.modules "
        "if m.split('.')[0] in ('numpy', 'scipy') or 'temperature' in m or 'weather' in m)))"
    )

    def loaded(module):
        done = subprocess.run(
            [sys.executable, "-c", code.format(module)],
            check=True,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=os.environ | {"AWS_DEFAULT_REGION": "us-east-1"},
        )
        return json.loads(done.stdout.splitlines()[-1])

    handlers = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))
    hot = [f"functions.{name}.handler" for name in handlers if name in HOT]
    assert len(hot) == len(HOT)
    assert loaded(", ".join(["kalshi_alpha.families.catalog", *hot])) == []
    found = loaded("kalshi_alpha.families.temperature_book, kalshi_alpha.families.temperature")
    assert "kalshi_alpha.families.temperature" in found
    assert not [name for name in found if name.split(".")[0] in ("numpy", "scipy")]
