"""The macro families: what each expects, how wide it is, and what it refuses."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.errors import ConfigurationError, ContractError, DataError, ParameterError
from kalshi_alpha.families import claims, cpi, gas, ten_year
from kalshi_alpha.families.macro import (
    load_family,
    load_parameter_file,
    price,
    shipped_parameters,
)
from kalshi_alpha.markets.macro import load_macro, parse_macro
from kalshi_alpha.markets.releases import load_releases
from kalshi_alpha.markets.strikes import Payoff
from kalshi_alpha.pricing.macro_reading import MacroReading

CALENDAR = load_releases()
FLAT = (0.0,) * 12
CPI = cpi.Parameters(1, 0.0, 1.0, 0.0, 0.03, 0.01, FLAT, 0.5, 0.1, 0.08, 6.0)
CLAIMS = claims.Parameters(0.5, 0.0, 0.1, 3.0, 26, 1.0, 1.5, 0.01, 5.0)
YIELD = ten_year.Parameters(0.06, 0.01, 0.5, 1.0, 2.0, 0.01, 6.0)
ONE_DAY = gas.Horizon(1, 0.2, 0.5, 0.3, 0.1, 1.0)
WEEK = gas.Horizon(7, 0.8, 2.0, 2.1, 0.4, 4.0)
GAS = gas.Parameters(0.3, 0.05, 0.05, (ONE_DAY, WEEK), 5.0)


def months(count, last=date(2026, 7, 1), start=300.0, change=0.2):
    """Return an index that rises by ``change`` percent a month."""
    periods = [cpi.months_before(last, back) for back in range(count - 1, -1, -1)]
    return tuple((p, start * (1 + change / 100) ** k) for k, p in enumerate(periods))


def cpi_reading(history=None, **beside):
    return MacroReading("cpi-sa", history or months(30), datetime(2026, 9, 10, tzinfo=UTC), beside)


AUGUST = CALENDAR.of("cpi", date(2026, 8, 1))
BEFORE_AUGUST = AUGUST.at - timedelta(hours=1)


def cpi_law(reading=None, parameters=CPI, release=AUGUST, now=BEFORE_AUGUST):
    return cpi.terminal_law(reading or cpi_reading(), parameters, release, now)


def change_of(law, reading=None):
    before = (reading or cpi_reading()).last[1]
    return 100 * (law.centre / before - 1)


def test_prices_are_expected_to_rise_as_in_the_past_year():
    assert change_of(cpi_law()) == pytest.approx(0.2)
    assert cpi_law().scale == pytest.approx(cpi_reading().last[1] * 0.001)


def test_gasoline_and_the_months_habit_move_what_is_expected():
    habit = replace(CPI, months=(*FLAT[:7], 0.05, *FLAT[8:]))

    assert change_of(cpi_law(cpi_reading(gasoline_change=-10.0))) == pytest.approx(-0.1)
    assert change_of(cpi_law(parameters=habit)) == pytest.approx(0.25)
    late = cpi_reading(gasoline_change_before=10.0)
    assert change_of(cpi_law(late)) == pytest.approx(0.3)


def test_the_newest_change_counts_besides_and_the_years_mean_stands_for_it_when_there_is_none():
    weighted = replace(CPI, newest=0.5)
    whole = months(40, last=date(2025, 11, 1))
    holed = tuple(point for point in whole if point[0] != date(2025, 10, 1))
    december = CALENDAR.of("cpi", date(2025, 12, 1))
    now = december.at - timedelta(hours=1)
    reading = MacroReading("cpi-sa", holed, now)

    assert change_of(cpi_law(parameters=weighted)) == pytest.approx(0.3)
    law = cpi_law(reading, weighted, december, now)
    assert change_of(law, reading) == pytest.approx(0.3)
    risen = (*months(29, last=date(2026, 6, 1)), (date(2026, 7, 1), 300.0 * 1.002**28 * 1.01))
    mean = (11 * 0.2 + 1.0) / 12
    assert change_of(cpi_law(cpi_reading(risen), weighted), cpi_reading(risen)) == pytest.approx(
        mean + 0.5
    )


def test_a_nowcast_is_taken_by_its_weight_and_narrows_the_law():
    law = cpi_law(cpi_reading(nowcast=0.4))

    assert change_of(law) == pytest.approx(0.3)
    assert law.scale == pytest.approx(cpi_reading().last[1] * 0.0008)


def test_a_print_over_three_tenths_counts_from_the_published_index_that_prints_four():
    history = months(30, start=300.0)
    history = (*history[:-1], (history[-1][0], 332.813))
    law = cpi_law(cpi_reading(history))

    assert law.rounding.base == 332_813
    assert law.mass(Payoff(4, None), 10) == pytest.approx(law.sf(333.9775))


def test_twelve_months_stand_on_the_index_of_a_year_ago():
    law = cpi_law(parameters=replace(CPI, span=12))
    year_ago = cpi_reading().at(date(2025, 8, 1))

    assert law.rounding.base == round(1000 * year_ago)
    middle = 100 * (law.centre / year_ago - 1)
    assert middle == pytest.approx(100 * (1.002**12 - 1), abs=1e-3)


def test_a_month_that_was_never_published_leaves_no_change_beside_it():
    whole = months(40, last=date(2026, 9, 1))
    holed = tuple(point for point in whole if point[0] != date(2025, 10, 1))
    reading = MacroReading("cpi-nsa", holed, datetime(2026, 11, 9, tzinfo=UTC))
    october = CALENDAR.of("cpi", date(2026, 10, 1))
    now = october.at - timedelta(hours=1)

    assert cpi_law(reading, release=october, now=now).centre > 0
    with pytest.raises(DataError, match="no figure for 2025-10-01; none is put in its place"):
        cpi_law(reading, replace(CPI, span=12), october, now)


def test_the_month_before_must_be_known_and_the_month_itself_must_not():
    with pytest.raises(DataError, match="no figure for 2026-07-01"):
        cpi_law(cpi_reading(months(30, last=date(2026, 6, 1))))
    with pytest.raises(DataError, match="already has 2026-08-01"):
        cpi_law(cpi_reading(months(30, last=date(2026, 8, 1))))
    with pytest.raises(DataError, match="5 changes are known"):
        cpi_law(cpi_reading(months(6)))


def weeks(values, last=date(2026, 5, 2)):
    count = len(values)
    return tuple((last - timedelta(weeks=count - 1 - k), v) for k, v in enumerate(values))


MAY_NINTH = CALENDAR.of("claims", date(2026, 5, 9))


def claims_law(values, parameters=CLAIMS, release=MAY_NINTH, last=date(2026, 5, 2)):
    as_of = release.at - timedelta(hours=1)
    reading = MacroReading("claims", weeks(values, last), as_of)
    return claims.terminal_law(reading, parameters, release, as_of)


def wavy(count, level=220_000.0, swing=0.03):
    return [level * math.exp(swing * (-1) ** k) for k in range(count)]


def test_quiet_claims_stay_where_they_are():
    law = claims_law([220_000.0] * 60)

    assert law.centre == pytest.approx(220_000.0)
    assert 0 < law.scale < 0.03 * 220_000


def test_a_level_lies_between_the_newest_week_and_those_before():
    before = claims_law(wavy(60)).centre
    after = claims_law([*wavy(60), 230_000.0]).centre

    assert after == pytest.approx(math.sqrt(before * 230_000))


def test_last_years_week_is_expected_again_in_part():
    values = wavy(80)
    values[80 - 52] *= 1.07
    with_memory = claims_law(values, replace(CLAIMS, seasonal=0.3))

    assert with_memory.centre > claims_law(values).centre * 1.02


def test_a_week_with_a_holiday_is_wider():
    thanksgiving = CALENDAR.of("claims", date(2026, 11, 28))
    plain = CALENDAR.of("claims", date(2026, 11, 21))
    wide = claims_law(wavy(80), release=thanksgiving, last=date(2026, 11, 21))
    narrow = claims_law(wavy(80), release=plain, last=date(2026, 11, 14))

    assert wide.scale == pytest.approx(1.5 * narrow.scale, rel=0.02)


def test_one_wild_week_widens_only_so_far():
    wild = [*wavy(80), 3_000_000.0]
    calm_scale = claims_law(wavy(81)).scale / claims_law(wavy(81)).centre
    law = claims_law(wild)

    assert law.scale / law.centre < 1.5 * calm_scale


def test_a_leap_is_a_new_level_that_goes_back_in_half_a_year_and_no_habit_of_the_year():
    leapt = [*wavy(80), 3_000_000.0]
    origin = claims_law(wavy(80)).centre

    share = claims_law(leapt).centre / 3_000_000.0
    assert share == pytest.approx((origin / 3_000_000.0) ** (1 / 26), rel=1e-3)
    higher = [*leapt, 6_000_000.0]
    share = claims_law(higher).centre / 6_000_000.0
    assert share == pytest.approx((origin / 6_000_000.0) ** (1 / 26), rel=1e-3)
    a_year_on = [*leapt, *([3_000_000.0] * 51)]
    habit = replace(CLAIMS, seasonal=1.0)
    assert claims_law(a_year_on, habit).centre == pytest.approx(3_000_000.0, rel=0.01)


@pytest.mark.parametrize(
    ("values", "last", "said"),
    [
        ([220_000.0] * 60, date(2026, 4, 25), "the week before"),
        ([220_000.0] * 10, date(2026, 5, 2), "more than 12"),
        ([*([220_000.0] * 59), 0.0], date(2026, 5, 2), "not above 0"),
    ],
)
def test_claims_that_cannot_be_followed_are_refused(values, last, said):
    with pytest.raises(DataError, match=said):
        claims_law(values, last=last)


def test_a_week_that_is_missing_is_not_filled_in():
    points = weeks([220_000.0] * 60)
    holed = MacroReading("claims", points[:30] + points[31:], MAY_NINTH.at - timedelta(hours=1))
    with pytest.raises(DataError, match="lacks weeks"):
        claims.terminal_law(holed, CLAIMS, MAY_NINTH, holed.as_of)


TUESDAY = CALENDAR.of("par_yield", date(2026, 10, 20))


def yield_law(release=TUESDAY, before=timedelta(hours=20), parameters=YIELD, **beside):
    day = release.period
    days, points = [], []
    while len(days) < 120:
        day -= timedelta(days=1)
        if day.weekday() < 5:
            days.append(day)
    for k, one in enumerate(reversed(days)):
        points.append((one, 4.20 + 0.05 * (k % 2)))
    now = release.at - before
    reading = MacroReading("par-yield-10y", tuple(points), now, beside)
    return ten_year.terminal_law(reading, parameters, release, now)


def test_a_yield_has_no_drift_and_the_spread_of_its_days():
    law = yield_law()

    assert law.centre == pytest.approx(4.25)
    assert law.scale == pytest.approx(0.05, rel=1e-6)
    assert law.mass(Payoff(426, None), 100) == pytest.approx(law.sf(4.255))


def test_a_day_with_prices_jobs_or_a_decision_is_wider():
    for day in (date(2026, 10, 14), date(2026, 10, 2), date(2026, 10, 28)):
        release = CALENDAR.of("par_yield", day)
        assert yield_law(release).scale == pytest.approx(0.05 * math.sqrt(2), rel=1e-6)


def test_a_live_quote_leaves_only_the_time_to_the_fixing_and_its_basis():
    half = yield_law(before=timedelta(hours=3, minutes=45), live=4.31)
    last_minute = yield_law(before=timedelta(minutes=1), live=4.31)

    assert half.centre == 4.31
    assert half.scale == pytest.approx(math.sqrt(0.05**2 / 2 + 0.01**2), rel=1e-6)
    assert last_minute.scale == pytest.approx(0.01, rel=0.05)


def test_an_old_curve_and_a_yield_that_never_moved_are_refused():
    now = TUESDAY.at - timedelta(hours=1)
    first = date(2026, 10, 19)
    flat = tuple((first - timedelta(days=k), 4.2) for k in range(100, -1, -1))
    for history, said in (
        (flat[:-8], "between them lie 1 to 6 days"),
        (flat, "has not moved at all"),
        (flat[-20:], "60 are needed"),
    ):
        with pytest.raises(DataError, match=said):
            ten_year.terminal_law(MacroReading("par-yield-10y", history, now), YIELD, TUESDAY, now)


FRIDAY = CALENDAR.of("aaa", date(2026, 10, 23))


def gas_law(days=1, step=0.01, parameters=GAS, holed=False, **beside):
    last = FRIDAY.period - timedelta(days=days)
    points = [(last - timedelta(days=99 - k), 3.0 + step * k) for k in range(100)]
    if holed:
        del points[50]
    now = FRIDAY.at - timedelta(hours=1)
    reading = MacroReading("aaa-regular", tuple(points), now, beside)
    return gas.terminal_law(reading, parameters, FRIDAY, now)


def test_gasoline_that_rises_goes_on_rising():
    last = 3.0 + 0.01 * 99
    expected = last + 0.2 * 0.01 + 0.5 * 0.01 + 0.3 * 0.01 * (1 - 0.95**99)

    assert gas_law().centre == pytest.approx(expected, rel=1e-6)


def test_crude_that_the_pump_has_not_followed_is_still_to_come():
    assert gas_law(crude_gap=0.05).centre - gas_law().centre == pytest.approx(0.005)


def test_a_horizon_between_two_is_mixed_and_beyond_the_last_one_refused():
    mixed = GAS.horizon(4)

    assert (mixed.days, mixed.fast, mixed.spread) == (4, pytest.approx(1.25), pytest.approx(2.5))
    assert GAS.horizon(1) is ONE_DAY
    assert GAS.horizon(7) is WEEK
    with pytest.raises(DataError, match="beyond 7"):
        gas_law(days=8)


def test_gasoline_with_a_hole_or_without_moves_is_refused():
    with pytest.raises(DataError, match="lacks days"):
        gas_law(holed=True)
    with pytest.raises(DataError, match="already has"):
        gas_law(days=0)
    with pytest.raises(DataError, match="not moved at all"):
        gas_law(step=0.0)


@pytest.mark.parametrize(
    ("family", "period", "parameters", "release"),
    [
        (cpi, date(2026, 7, 1), CPI, AUGUST),
        (claims, date(2026, 5, 2), CLAIMS, MAY_NINTH),
        (ten_year, date(2026, 10, 19), YIELD, TUESDAY),
        (gas, date(2026, 10, 22), GAS, FRIDAY),
    ],
)
def test_a_release_that_has_passed_is_not_priced(family, period, parameters, release):
    reading = MacroReading("figure", ((period, 4.2),), release.at)
    with pytest.raises(DataError, match="has passed"):
        family.terminal_law(reading, parameters, release, release.at)


@given(values=st.lists(st.floats(1e5, 1e6), min_size=20, max_size=80), low=st.integers(0, 40))
def test_a_ladder_of_claims_falls_from_strike_to_strike(values, low):
    law = claims_law(values)
    middle = 5_000 * round(law.centre / 5_000)
    found = price(law, [Payoff(middle + 5_000 * (k - low), None) for k in range(40)], 1)

    assert list(found) == sorted(found, reverse=True)


def test_a_reading_refuses_what_cannot_be_known():
    now = datetime(2026, 1, 20, 17, tzinfo=UTC)
    one = (date(2026, 1, 10), 1.0)
    for history, beside, said in (
        ((), {}, "nothing is known"),
        ((one, one), {}, "must ascend"),
        (((date(2026, 1, 21), 1.0),), {}, "which is after 2026-01-20"),
        (((date(2026, 1, 10), math.nan),), {}, "not finite"),
        ((one,), {"nowcast": math.inf}, "nowcast that is not finite"),
    ):
        with pytest.raises(DataError, match=said):
            MacroReading("claims", history, now, beside)


def on():
    text = resources.files("kalshi_alpha.markets").joinpath("macro.toml").read_text("utf-8")
    return text.replace("enabled = false", "enabled = true")


TOY = """
[figures.toy]
fresh_hours = 26
[families.toy]
module = "tests.toy_family"
max_loss_per_day = "1.00"
max_loss_per_week = "2.00"
[series.KXTOY]
family = "toy"
figure = "toy"
release = "aaa"
parameters = "toy"
ticks_per_point = 1
group = "gasoline"
strike_step = 1
"""


def test_a_sixth_family_is_one_file_and_one_group():
    registry = parse_macro(on() + TOY)
    toy = load_family(registry, "toy")
    reading = MacroReading("toy", ((date(2026, 1, 1), 10.0),), datetime(2026, 1, 2, tzinfo=UTC))
    law = toy.terminal_law(reading, toy.read({"spread": 2.0}), FRIDAY, reading.as_of)

    assert price(law, [Payoff(10, 10), Payoff(11, None)], 1)[0] > 0.1
    assert registry.active["KXTOY"].family == "toy"


@pytest.mark.parametrize("name", ["cpi", "claims", "ten_year", "gas"])
def test_every_shipped_family_can_be_loaded_once_macro_is_on(name):
    family = load_family(parse_macro(on()), name)

    assert callable(family.terminal_law)
    with pytest.raises(ParameterError, match="unknown key 'odd'"):
        family.read({"odd": 1})
    with pytest.raises(ParameterError, match="cannot be used"):
        family.read({})


def test_nothing_is_loaded_while_macro_is_off():
    with pytest.raises(ConfigurationError, match="are off"):
        load_family(load_macro(), "cpi")


def test_an_unknown_family_and_a_module_that_is_none_are_refused():
    with pytest.raises(ConfigurationError, match="no macro family 'tea'"):
        load_family(parse_macro(on()), "tea")
    broken = parse_macro(on().replace("kalshi_alpha.families.gas", "kalshi_alpha.families.index"))
    with pytest.raises(ConfigurationError, match="'gas' cannot be loaded"):
        load_family(broken, "gas")


def test_a_ladder_in_another_unit_is_refused_with_its_code():
    law = claims_law([220_000.0] * 60)
    with pytest.raises(ContractError, match="another unit"):
        price(law, [Payoff(220, None)], 1)


DATED = "as_of = 2025-12-31\nvalid_until = 2026-06-30\n"


def test_parameters_must_say_where_they_are_from_and_how_long_they_hold():
    found = load_parameter_file(f'{DATED}[a]\nprovenance = "here"\nx = 1\n'.encode())
    assert (found.parts, found.as_of) == ({"a": {"x": 1}}, date(2025, 12, 31))
    for text, said in (
        (f"{DATED}[a]\nx = 1\n", "where they are from"),
        ("as_of = 2025-12-31\n", "cannot be read"),
        ("[a", "cannot be read"),
        ("as_of = 2026-01-01\nvalid_until = 2025-12-31\n", "before they begin"),
    ):
        with pytest.raises(ParameterError, match=said):
            load_parameter_file(text.encode())


@pytest.mark.parametrize("day", [date(2025, 10, 20), date(2026, 1, 13)])
def test_the_shipped_parameters_hold_for_every_series_and_know_nothing_of_the_day(day):
    file = load_parameter_file(shipped_parameters(day))
    registry = parse_macro(on())

    assert file.as_of < day <= file.valid_until
    for series in registry.series.values():
        load_family(registry, series.family).read(file.parts[series.parameters])


def test_before_every_shipped_file_it_is_the_oldest_that_is_offered_and_then_refused():
    assert load_parameter_file(shipped_parameters(date(2020, 1, 1))).as_of == date(2025, 10, 15)
