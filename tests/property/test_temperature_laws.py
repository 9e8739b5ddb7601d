"""Whatever is known of a day, its brackets are coherent and its high is no lower than seen."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kalshi_alpha.errors import ContractError
from kalshi_alpha.families.temperature import crossing, hazard_of_new_high, terminal_law
from kalshi_alpha.families.temperature_book import load_parameters
from kalshi_alpha.markets.climate_day import ClimateDay, climate_day
from kalshi_alpha.markets.climate_report import ClimateReport, settle
from kalshi_alpha.markets.observed import from_tenths, from_whole
from kalshi_alpha.markets.strikes import Payoff
from kalshi_alpha.pricing.high_law import price_brackets
from kalshi_alpha.pricing.weather_reading import (
    Forecast,
    Measured,
    PastHigh,
    RunningHigh,
    WeatherReading,
)

PARAMETERS = {name: load_parameters(name) for name in ("KNYC", "KMIA")}
days = st.dates(date(2025, 1, 1), date(2027, 12, 31))
sources = st.sampled_from(["report", "groups", "hourly"])


@st.composite
def readings(draw, *, seen=None):
    day = ClimateDay(draw(days), -5)
    now = day.start + timedelta(minutes=draw(st.integers(0, 24 * 60 - 1)))
    high = draw(st.integers(-10, 110))
    running = temperature = None
    if seen or (seen is None and draw(st.booleans())):
        at = day.start + (now - day.start) * draw(st.floats(0, 1))
        running = RunningHigh(high, high + draw(st.integers(0, 1)), at, draw(sources))
        if draw(st.booleans()):
            temperature = Measured(high - draw(st.floats(-0.4, 30)), at)
    forecast = past = None
    if draw(st.booleans()):
        issued = day.start - timedelta(hours=draw(st.integers(0, 60)))
        forecast = Forecast(min(130.0, max(-55.0, high + draw(st.floats(-20, 20)))), issued)
    if draw(st.booleans()):
        past = PastHigh(day.date - timedelta(days=draw(st.integers(1, 4))), high)
    return WeatherReading("KNYC", day, now, running, temperature, forecast, past)


@st.composite
def partitions(draw):
    first = draw(st.integers(-20, 110))
    widths = draw(st.lists(st.integers(1, 4), min_size=0, max_size=8))
    bounds = [first]
    for width in widths:
        bounds.append(bounds[-1] + width)
    return (
        Payoff(None, bounds[0] - 1),
        *(Payoff(low, high - 1) for low, high in pairwise(bounds)),
        Payoff(bounds[-1], None),
    )


laws = st.builds(
    lambda reading, name, basis: terminal_law(reading, PARAMETERS[name], reading.as_of, basis),
    readings(),
    st.sampled_from(["KNYC", "KMIA"]),
    st.sampled_from([0.0, 0.002]),
)


@given(law=laws, brackets=partitions())
def test_the_brackets_of_an_event_sum_to_one_and_none_is_negative(law, brackets):
    found = price_brackets(law, brackets)
    assert min(found) >= 0.0
    assert math.fsum(found) == pytest.approx(1.0, abs=1e-12)


@given(law=laws, brackets=partitions(), drop=st.integers(0, 9))
def test_a_hole_is_refused_and_so_is_an_overlap(law, brackets, drop):
    kept = [one for k, one in enumerate(brackets) if k != drop % len(brackets)]
    with pytest.raises(ContractError) as refused:
        price_brackets(law, kept)
    assert refused.value.code == "not_a_partition"
    last = brackets[-1]
    with pytest.raises(ContractError):
        price_brackets(law, [*brackets[:-1], Payoff(last.low - 1, None)])


@given(law=laws, degree=st.integers(-30, 120), width=st.integers(1, 5))
def test_a_bracket_is_the_sum_of_its_degrees(law, degree, width):
    whole = law.mass(Payoff(degree, degree + width - 1))
    each = math.fsum(law.mass(Payoff(k, k)) for k in range(degree, degree + width))
    assert whole == pytest.approx(each, abs=1e-12)
    assert law.at_least(degree) + law.at_most(degree - 1) == pytest.approx(1.0, abs=1e-12)


@given(reading=readings(seen=True))
def test_nothing_is_left_below_a_high_that_was_seen_but_the_odds_of_a_lower_report(reading):
    law = terminal_law(reading, PARAMETERS["KNYC"], reading.as_of)
    assert law.at_most(reading.running.low - 2) < 1e-300
    assert law.at_most(reading.running.low - 1) <= PARAMETERS["KNYC"].lower + 1e-12


@given(reading=readings(seen=True), basis=st.floats(0, 0.01))
def test_a_settlement_elsewhere_puts_no_more_than_its_odds_below_the_high(reading, basis):
    law = terminal_law(reading, PARAMETERS["KNYC"], reading.as_of, basis)
    assert law.at_most(reading.running.low - 2) <= basis + 1e-12


@given(reading=readings(seen=True), raised=st.integers(1, 10), degree=st.integers(-30, 130))
def test_a_higher_high_so_far_never_makes_a_high_less_likely(reading, raised, degree):
    # Without a temperature the high so far says what the temperature is; that only adds.
    running = reading.running
    higher = replace(running, low=running.low + raised, high=running.high + raised)
    one, other = (
        terminal_law(replace(reading, running=each), PARAMETERS["KNYC"], reading.as_of)
        for each in (running, higher)
    )
    assert other.at_least(degree) >= one.at_least(degree) - 1e-12


@given(reading=readings(), warmer=st.floats(0.1, 10), degree=st.integers(-30, 130))
def test_a_warmer_forecast_never_makes_a_high_less_likely(reading, warmer, degree):
    assume(reading.forecast is not None and reading.forecast.high + warmer < 130)
    higher = replace(reading.forecast, high=reading.forecast.high + warmer)
    one, other = (
        terminal_law(replace(reading, forecast=each), PARAMETERS["KNYC"], reading.as_of)
        for each in (reading.forecast, higher)
    )
    assert other.at_least(degree) >= one.at_least(degree) - 1e-12


@given(reading=readings(seen=True), minutes=st.lists(st.floats(0, 2000), min_size=2, max_size=4))
def test_the_chance_of_a_new_high_grows_with_the_minutes_up_to_that_of_the_day(reading, minutes):
    found = [
        hazard_of_new_high(reading, PARAMETERS["KMIA"], reading.as_of, m) for m in sorted(minutes)
    ]
    ever = terminal_law(reading, PARAMETERS["KMIA"], reading.as_of).passes(reading.running.high + 1)
    assert found == sorted(found)
    assert found[-1] <= ever <= 1.0


@given(
    away=st.floats(0.01, 20),
    drift=st.floats(-4, 4),
    noise=st.floats(0.2, 4),
    hours=st.floats(0.01, 24),
)
def test_coming_somewhere_is_likelier_than_being_there_at_the_end(away, drift, noise, hours):
    end = 0.5 * math.erfc((away - drift * hours) / (noise * math.sqrt(2.0 * hours)))
    assert end - 1e-12 <= crossing(away, drift, noise, hours) <= 1.0


@given(law=laws, p=st.floats(0.001, 0.999))
def test_a_quantile_is_the_lowest_degree_with_enough_below_it(law, p):
    degree = law.quantile(p)
    assert law.at_most(degree) >= p > law.at_most(degree - 1)


@given(fahrenheit=st.integers(-60, 135))
def test_a_degree_is_among_those_that_any_report_of_it_leaves_open(fahrenheit):
    celsius = (fahrenheit - 32) / 1.8
    low, high = from_whole(math.floor(celsius + 0.5))
    assert low <= fahrenheit <= high
    assert from_tenths(math.floor(10 * celsius + 0.5)) == fahrenheit


@given(
    at=st.datetimes(
        min_value=ClimateDay(date(2025, 1, 1), 0).start.replace(tzinfo=None),
        timezones=st.timezones(),
    ),
    offset=st.integers(-10, 0),
)
def test_every_moment_is_in_one_climate_day_whatever_the_wall_says(at, offset):
    assume(at.year < 9990)
    day = climate_day(at, offset)
    assert day.contains(at)
    assert not ClimateDay(day.date + timedelta(days=1), offset).contains(at)
    assert not ClimateDay(day.date - timedelta(days=1), offset).contains(at)
    assert 0 <= day.hour(at) < 24


reports = st.builds(
    lambda hour, status, maximum: ClimateReport(
        "CLINYC",
        date(2026, 7, 9),
        status,
        ClimateDay(date(2026, 7, 9), -5).start + timedelta(hours=hour),
        maximum,
    ),
    st.integers(12, 60),
    st.sampled_from(["preliminary", "final"]),
    st.one_of(st.none(), st.integers(60, 100)),
)


@given(given_=st.lists(reports, max_size=8))
def test_one_report_counts_at_most_and_every_other_is_accounted_for(given_):
    day = ClimateDay(date(2026, 7, 9), -5)
    found = settle(given_, day, "CLINYC")
    final = [one for one in given_ if one.counts]

    assert len(found.passed) + (found.report is not None) == len(given_)
    assert (found.maximum is None) == (not final)
    if final:
        assert found.report.issued_at == min(one.issued_at for one in final)
