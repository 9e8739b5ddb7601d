"""The law of a day's highest temperature: floor, rest, basis, and the readings it is made of."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from kalshi_alpha.errors import ContractError, DataError, StaleDataError
from kalshi_alpha.markets.climate_day import ClimateDay
from kalshi_alpha.markets.climate_report import ClimateReport
from kalshi_alpha.markets.observed import Observation
from kalshi_alpha.markets.strikes import Payoff
from kalshi_alpha.pricing.high_law import (
    WHOLE_DEGREES,
    HighLaw,
    mixed_floor,
    price_brackets,
    require_partition,
)
from kalshi_alpha.pricing.print_law import Nearest, PrintLaw, student
from kalshi_alpha.pricing.weather_reading import (
    Forecast,
    Measured,
    PastHigh,
    RunningHigh,
    WeatherReading,
    high_so_far,
    with_report,
)

REST = PrintLaw(student(10.0), 80.5, 3.0, WHOLE_DEGREES)
BRACKETS = (
    Payoff(None, 75),
    Payoff(76, 77),
    Payoff(78, 79),
    Payoff(80, 81),
    Payoff(82, 83),
    Payoff(84, None),
)


def test_without_a_floor_it_is_the_law_of_the_rest():
    law = HighLaw(REST)
    for degree in (70, 80, 81, 95):
        assert law.at_least(degree) == pytest.approx(REST.at_least(degree), rel=1e-12)
    assert law.at_least(81) == pytest.approx(0.5)


def test_a_degree_is_reached_from_half_a_degree_below_it():
    sure = HighLaw(PrintLaw(student(30.0), 79.5, 1e-6, WHOLE_DEGREES))
    assert sure.at_least(80) == pytest.approx(0.5)
    assert HighLaw(replace(REST, centre=79.499, scale=1e-6)).at_least(80) < 1e-9
    assert HighLaw(replace(REST, centre=79.501, scale=1e-6)).at_least(80) > 1 - 1e-9


def test_nothing_lies_below_an_exact_floor_and_what_did_lies_on_it():
    law = HighLaw(REST, ((80, 1.0),))

    assert law.at_most(79) == pytest.approx(0.0, abs=1e-300)
    assert law.at_most(80) == pytest.approx(1 - REST.at_least(81), rel=1e-12)
    assert law.at_least(90) == pytest.approx(REST.at_least(90), rel=1e-12)


def test_a_floor_known_up_to_odds_multiplies_with_the_rest():
    law = HighLaw(REST, mixed_floor((80,), 0.005, 0.024))

    assert law.at_most(79) == pytest.approx(0.005 * (1 - REST.at_least(80)))
    assert law.at_most(80) == pytest.approx(0.976 * (1 - REST.at_least(81)))
    assert law.at_most(78) == pytest.approx(0.0, abs=1e-300)


def test_a_day_that_may_have_seen_its_high_leaves_more_on_the_floor():
    law = HighLaw(REST, ((80, 1.0),), over=0.75)
    assert law.at_least(81) == pytest.approx(0.25 * REST.at_least(81))
    assert law.passes(81) == pytest.approx(0.25 * REST.at_least(81))
    assert HighLaw(REST, ((80, 1.0),), over=1.0).at_least(81) == pytest.approx(0.0, abs=1e-300)


def test_once_the_day_is_over_only_the_floor_remains():
    law = HighLaw(None, mixed_floor((80,), 0.005, 0.024))
    assert law.masses(78, 82) == pytest.approx((0.0, 0.005, 0.971, 0.024, 0.0))
    assert law.passes(81) == 0.0
    assert law.quantile(0.5) == 80


def test_a_settlement_elsewhere_spreads_its_odds_and_no_more():
    plain = HighLaw(REST, ((80, 1.0),))
    law = replace(plain, elsewhere=0.002)

    assert 0 < law.at_most(79) < 0.002
    for degree in range(70, 100):
        assert law.at_most(degree) == pytest.approx(plain.at_most(degree), abs=0.002)
    assert law.at_most(75) + law.at_least(86) == pytest.approx(
        0.998 * (plain.at_most(75) + plain.at_least(86)) + 0.002 * 0.2, rel=0.05
    )


def test_brackets_are_priced_as_differences_of_one_law():
    law = HighLaw(REST)
    found = price_brackets(law, BRACKETS)

    assert math.fsum(found) == pytest.approx(1.0, abs=1e-12)
    assert found[3] == pytest.approx(law.at_least(80) - law.at_least(82))
    assert law.mass(Payoff(80, 81)) == pytest.approx(found[3])
    assert law.mass(Payoff(84, None)) == pytest.approx(found[-1])
    assert law.mass(Payoff(None, 75)) == pytest.approx(found[0])


def test_a_contract_on_tenths_pays_on_the_whole_degrees_within_it():
    law = HighLaw(REST)
    assert law.mass(Payoff(800, 815), 10) == pytest.approx(law.mass(Payoff(80, 81)))
    with pytest.raises(DataError, match="0 ticks"):
        law.mass(Payoff(80, 81), 0)


@pytest.mark.parametrize(
    ("brackets", "said"),
    [
        (BRACKETS[:2] + BRACKETS[3:], "from 80 leave a hole"),
        ((*BRACKETS[:2], Payoff(77, 79), *BRACKETS[3:]), "from 77 overlap"),
        (BRACKETS[1:], "without bound both ways"),
        (BRACKETS[:-1], "without bound both ways"),
        ((), "the 0 brackets"),
        ((Payoff(None, 80), Payoff(70, None)), "overlap"),
        ((Payoff(None, 80), Payoff(None, 82), Payoff(83, None)), "overlap"),
    ],
)
def test_brackets_with_a_hole_or_an_overlap_are_not_priced(brackets, said):
    with pytest.raises(ContractError, match=said) as refused:
        price_brackets(HighLaw(REST), brackets)
    assert refused.value.code == "not_a_partition"


def test_brackets_may_come_in_any_order():
    require_partition(tuple(reversed(BRACKETS)))
    assert price_brackets(HighLaw(REST), tuple(reversed(BRACKETS))) == pytest.approx(
        tuple(reversed(price_brackets(HighLaw(REST), BRACKETS)))
    )


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: HighLaw(None), "nothing can be priced"),
        (lambda: HighLaw(replace(REST, rounding=Nearest(1, 10))), "whole degrees"),
        (lambda: HighLaw(REST, ((80, 0.5), (80, 0.5))), "must ascend"),
        (lambda: HighLaw(REST, ((80, 0.5), (81, 0.4))), "instead of one"),
        (lambda: HighLaw(REST, ((80, 1.5), (81, -0.5))), "instead of one"),
        (lambda: HighLaw(REST, over=0.5), "needs a high"),
        (lambda: HighLaw(REST, elsewhere=1.0), "no basis"),
        (lambda: HighLaw(REST, apart=0.0), "no basis"),
        (lambda: HighLaw(REST).masses(80, 80), "no range"),
        (lambda: HighLaw(REST).quantile(1.0), "strictly between"),
        (lambda: mixed_floor((), 0.0, 0.0), "without a degree"),
        (lambda: mixed_floor((80,), 0.7, 0.7), "are none"),
    ],
)
def test_a_law_that_is_none_is_refused(make, said):
    with pytest.raises(DataError, match=said):
        make()


def test_quantiles_are_the_lowest_degrees_with_enough_below_them():
    law = HighLaw(REST, ((80, 1.0),))
    assert [law.quantile(p) for p in (0.01, 0.4, 0.9, 0.999)] == [80, 80, 84, 92]
    for p in (0.01, 0.4, 0.9, 0.999):
        degree = law.quantile(p)
        assert law.at_most(degree) >= p > law.at_most(degree - 1)


def test_one_of_two_degrees_is_the_floor_with_even_odds():
    assert mixed_floor((82, 83), 0.0, 0.0) == ((82, 0.5), (83, 0.5))


DAY = ClimateDay(date(2026, 7, 9), -5)
NOON = DAY.start + timedelta(hours=12)


def reading(**more):
    return WeatherReading("KNYC", DAY, NOON, **more)


def test_a_reading_stands_where_both_high_and_temperature_are_known():
    found = reading(
        running=RunningHigh(82, 82, NOON),
        temperature=Measured(80.0, NOON - timedelta(minutes=20)),
    )
    assert found.seen_until == NOON - timedelta(minutes=20)
    assert reading().seen_until is None
    assert reading().lead_hours is None


def test_the_lead_of_a_forecast_runs_to_the_days_end():
    assert reading(forecast=Forecast(84.0, DAY.start)).lead_hours == 24.0


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (
            lambda: reading(temperature=Measured(80.0, NOON + timedelta(minutes=2))),
            StaleDataError,
            "the clock is behind",
        ),
        (
            lambda: reading(forecast=Forecast(80.0, NOON + timedelta(hours=1))),
            StaleDataError,
            "the clock is behind",
        ),
        (
            lambda: reading(running=RunningHigh(80, 80, DAY.start - timedelta(minutes=9))),
            DataError,
            "outside the climate day 2026-07-09",
        ),
        (
            lambda: reading(forecast=Forecast(80.0, NOON - timedelta(days=11))),
            DataError,
            "after 240 it is not used",
        ),
        (lambda: reading(past=PastHigh(DAY.date, 80)), DataError, "is not past"),
        (lambda: RunningHigh(82, 81, NOON), DataError, "82 to 81 is none"),
        (lambda: RunningHigh(82, 90, NOON), DataError, "82 to 90 is none"),
        (lambda: RunningHigh(-77, -77, NOON), DataError, "only -60 to 135"),
        (lambda: Measured(-77.9, NOON), DataError, "only -60 to 135"),
        (lambda: Measured(math.nan, NOON), DataError, "only -60 to 135"),
        (lambda: Forecast(200.0, NOON), DataError, "only -60 to 135"),
        (lambda: PastHigh(DAY.date, 999), DataError, "only -60 to 135"),
        (lambda: Measured(80.0, datetime(2026, 7, 9)), ValueError, "no time zone"),  # noqa: DTZ001
    ],
)
def test_a_reading_that_cannot_be_is_refused(make, error, said):
    with pytest.raises(error, match=said):
        make()


def seen(hour, low, kind="now", high=None, station="KNYC"):
    at = DAY.start + timedelta(hours=hour)
    return Observation(station, at, kind, low, low if high is None else high, low + 0.2)


def test_the_high_so_far_is_what_the_observations_leave_open():
    running, now, unused = high_so_far(
        [seen(11, 80, high=81), seen(9, 79), seen(11.5, 78, high=80)], "KNYC", DAY, NOON
    )

    assert running == RunningHigh(80, 81, DAY.start + timedelta(hours=11.5), "hourly")
    assert now == Measured(78.2, DAY.start + timedelta(hours=11.5))
    assert unused == ()


def test_what_reaches_into_another_day_or_the_future_does_not_count():
    running, now, unused = high_so_far(
        [
            seen(2, 90, "six_hours"),
            seen(-1, 91),
            seen(13, 92),
            seen(24, 93),
            seen(10, 75),
        ],
        "KNYC",
        DAY,
        NOON,
    )

    assert running is not None
    assert (running.low, running.high) == (75, 75)
    assert now == Measured(75.2, DAY.start + timedelta(hours=10))
    assert sorted(one.code for one in unused) == ["another_day", "later", "later", "straddles"]


def test_a_group_of_six_hours_settles_the_high_until_it_is_neared_again():
    cool = [seen(13, 85, "six_hours"), seen(14, 83)]
    as_of = DAY.start + timedelta(hours=15)
    assert high_so_far(cool, "KNYC", DAY, as_of)[0].source == "groups"
    assert high_so_far([*cool, seen(14.5, 85)], "KNYC", DAY, as_of)[0].source == "hourly"
    assert high_so_far([*cool, seen(14.5, 87)], "KNYC", DAY, as_of)[0].source == "hourly"


def test_without_an_observation_there_is_no_high_and_another_station_is_refused():
    assert high_so_far([], "KNYC", DAY, NOON) == (None, None, ())
    with pytest.raises(DataError, match="of KLGA was given for KNYC"):
        high_so_far([seen(11, 80, station="KLGA")], "KNYC", DAY, NOON)
    running, now, _ = high_so_far([seen(8, 80, "six_hours")], "KNYC", DAY, NOON)
    assert running is not None
    assert now is None


def test_the_highest_of_a_whole_day_counts_at_its_end():
    running, _, unused = high_so_far([seen(24, 88, "day")], "KNYC", DAY, DAY.end)
    assert running == RunningHigh(88, 88, DAY.end, "groups")
    assert unused == ()
    assert high_so_far([seen(24, 88)], "KNYC", DAY, DAY.end)[2][0].code == "another_day"


def afternoon(maximum, hour=16):
    valid = None if hour is None else DAY.start + timedelta(hours=hour)
    issued = DAY.start + timedelta(hours=17)
    return ClimateReport("CLINYC", DAY.date, "preliminary", issued, maximum, valid_until=valid)


def test_an_afternoon_report_decides_up_to_its_time_and_what_came_later_can_only_raise_it():
    early, late = DAY.start + timedelta(hours=15), DAY.start + timedelta(hours=18)
    told = RunningHigh(84, 84, DAY.start + timedelta(hours=16), "report")

    assert with_report(None, afternoon(84)) == told
    assert with_report(RunningHigh(82, 83, early, "hourly"), afternoon(84)) == told
    assert with_report(RunningHigh(82, 83, late, "hourly"), afternoon(84)) == RunningHigh(
        84, 84, late, "report"
    )
    warmer = RunningHigh(85, 85, late, "hourly")
    assert with_report(warmer, afternoon(84)) == warmer
    assert with_report(RunningHigh(83, 85, late, "hourly"), afternoon(84)) == RunningHigh(
        84, 85, late, "hourly"
    )


def test_a_report_without_a_maximum_or_of_a_day_that_is_over_says_nothing_of_the_high_so_far():
    seen_high = RunningHigh(82, 83, NOON, "hourly")
    assert with_report(seen_high, afternoon(None)) == seen_high
    assert with_report(seen_high, afternoon(84, hour=None)) == seen_high
