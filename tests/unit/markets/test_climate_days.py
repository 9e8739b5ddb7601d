"""Climate days, stations, and which of a day's reports counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from importlib import resources
from zoneinfo import ZoneInfo

import pytest

from kalshi_alpha.errors import ConfigurationError, ContractError, DataError
from kalshi_alpha.markets.climate_day import ClimateDay, climate_day
from kalshi_alpha.markets.climate_report import ClimateReport, settle
from kalshi_alpha.markets.observed import from_tenths, from_whole, observed_celsius
from kalshi_alpha.markets.stations import check_rules, load_stations, parse_stations

TEXT = resources.files("kalshi_alpha.markets").joinpath("stations.toml").read_text("utf-8")
STATIONS = load_stations()
NEW_YORK = ZoneInfo("America/New_York")
JULY = ClimateDay(date(2026, 7, 9), -5)


def test_a_climate_day_runs_from_standard_midnight_to_standard_midnight():
    assert JULY.start == datetime(2026, 7, 9, 5, tzinfo=UTC)
    assert JULY.end == datetime(2026, 7, 10, 5, tzinfo=UTC)
    first, last = JULY.wall(NEW_YORK)
    assert (first.hour, last.hour) == (1, 1)


def test_a_summer_high_after_midnight_on_the_wall_belongs_to_the_day_before():
    late = datetime(2026, 7, 9, 0, 40, tzinfo=NEW_YORK)
    assert climate_day(late, -5).date == date(2026, 7, 8)
    assert climate_day(late + timedelta(minutes=20), -5).date == date(2026, 7, 9)


@pytest.mark.parametrize(
    ("day", "wall"), [(date(2026, 3, 8), 23), (date(2026, 7, 9), 24), (date(2026, 11, 1), 25)]
)
def test_a_day_of_23_or_25_hours_on_the_wall_is_24_hours_of_climate(day, wall):
    one = ClimateDay(day, -5)
    assert one.wall_hours(NEW_YORK) == wall
    assert one.end - one.start == timedelta(hours=24)
    assert ClimateDay(day + timedelta(days=1), -5).start == one.end


def test_hours_are_counted_from_standard_midnight():
    noon = datetime(2026, 7, 9, 17, 30, tzinfo=UTC)
    assert JULY.hour(noon) == 12.5
    assert JULY.hours_left(noon) == 11.5
    assert JULY.hours_left(JULY.start - timedelta(hours=3)) == 24.0
    assert JULY.hours_left(JULY.end + timedelta(hours=3)) == 0.0
    assert JULY.contains(JULY.start)
    assert not JULY.contains(JULY.end)


def test_an_offset_that_no_land_keeps_and_a_time_without_zone_are_refused():
    with pytest.raises(DataError, match=r"UTC\+15 is none"):
        ClimateDay(date(2026, 7, 9), 15)
    with pytest.raises(ValueError, match="no time zone"):
        climate_day(datetime(2026, 7, 9, 12), -5)  # noqa: DTZ001 - what is refused


def test_the_shipped_stations_are_the_venues_and_not_their_neighbours():
    named = {series: (one.cli, one.station) for series, one in STATIONS.by_series.items()}

    assert len(named) == 17
    assert named["KXHIGHNY"] == ("CLINYC", "KNYC")
    assert named["KXHIGHCHI"] == ("CLIMDW", "KMDW")
    assert named["KXHIGHAUS"] == ("CLIAUS", "KAUS")
    assert named["KXHIGHLAX"] == ("CLILAX", "KLAX")


@pytest.mark.parametrize(
    ("cli", "headline"),
    [
        ("CLINYC", "CENTRAL PARK NY"),
        ("CLIMDW", "CHICAGO-MIDWAY"),
        ("CLIMIA", "MIAMI"),
        ("CLIAUS", "AUSTIN BERGSTROM"),
        ("CLIDEN", "DENVER CO"),
        ("CLILAX", "LOS ANGELES INTL AIRPORT CA"),
        ("CLIPHL", "PHILADELPHIA PA"),
        ("CLIMSP", "TWIN CITIES MN"),
        ("CLIBOS", "BOSTON MA"),
        ("CLIATL", "ATLANTA"),
        ("CLIPHX", "PHOENIX AZ"),
        ("CLISFO", "SAN FRANCISCO AIRPORT"),
        ("CLISEA", "SEATTLE-TACOMA WA AIRPORT"),
        ("CLIDCA", "WASHINGTON NATIONAL DC"),
        ("CLIDFW", "DALLAS/FORT WORTH"),
        ("CLIHOU", "HOUSTON/HOBBY AIRPORT"),
        ("CLILAS", "LAS VEGAS NV"),
    ],
)
def test_the_headline_of_each_report_is_known_and_of_no_other(cli, headline):
    fitting = [one.cli for one in STATIONS.by_series.values() if one.place in headline]
    assert fitting == [cli]


def test_every_offset_is_the_zones_standard_time_and_no_other():
    for one in STATIONS.by_series.values():
        winter = datetime(2026, 1, 15, tzinfo=one.zone).utcoffset()
        assert winter == timedelta(hours=one.offset), one.series


def test_a_station_is_found_by_series_and_by_thermometer():
    assert STATIONS.of("KXHIGHMIA").pinned == "stn:KMIA"
    assert STATIONS.at("KMDW").series == "KXHIGHCHI"
    assert STATIONS.of("KXHIGHDEN").day(date(2026, 7, 9)).start.hour == 7
    with pytest.raises(ConfigurationError, match="no station is known for KXHIGHTSDF"):
        STATIONS.of("KXHIGHTSDF")
    with pytest.raises(ConfigurationError, match="settles on the thermometer KORD"):
        STATIONS.at("KORD")


def test_the_odds_of_another_settlement_begin_with_the_change_of_source():
    change = STATIONS.change
    assert change.since == date(2026, 8, 14)
    assert change.odds(date(2026, 8, 13)) == 0.0
    assert change.odds(date(2026, 8, 14)) == pytest.approx(1.5 / 712)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('cli = "CLIMDW"', 'cli = "CLINYC"', "two series settle on CLINYC"),
        ('station = "KMDW"', 'station = "KNYC"', "two series settle on KNYC"),
        ('zone = "America/Denver"', 'zone = "America/Aspen"', "has the zone"),
        ("offset = -7", "offset = -70", "cannot be read"),
        ("basis_differed = 1", "basis_differed = 800", "cannot differ"),
        ('cli = "CLIMDW"', 'cli = "MDW"', "cannot be read"),
        ("[stations.KXHIGHNY]", "[stations.KXHIGHNY", "cannot be read"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(old, new, said):
    with pytest.raises(ConfigurationError, match=said):
        parse_stations(TEXT.replace(old, new, 1))


RULES = "maximum temperature recorded at New York City (CLINYC) for Oct 2, 2026 is greater than 72"
AFTER, BEFORE = date(2026, 10, 2), date(2026, 8, 13)


def test_rules_that_name_report_and_source_of_the_day_pass():
    new = f"{RULES} deg fahrenheit according to The Weather Company, then Yes"
    old = f"{RULES} deg fahrenheit according to the National Weather Service, then Yes"
    check_rules(STATIONS.of("KXHIGHNY"), new, AFTER, STATIONS.change)
    check_rules(STATIONS.of("KXHIGHNY"), old, BEFORE, STATIONS.change)


@pytest.mark.parametrize(
    ("series", "rules", "day", "code"),
    [
        ("KXHIGHCHI", f"{RULES} according to The Weather Company", AFTER, "another_station"),
        ("KXHIGHNY", "is greater than 72", AFTER, "another_station"),
        ("KXHIGHNY", f"{RULES} (CLILGA) according to The Weather", AFTER, "another_station"),
        ("KXHIGHNY", f"{RULES} according to the National Weather Service", AFTER, "another_source"),
        ("KXHIGHNY", f"{RULES} according to The Weather Company", BEFORE, "another_source"),
        ("KXHIGHNY", RULES, AFTER, "another_source"),
    ],
)
def test_rules_that_moved_halt_the_series(series, rules, day, code):
    with pytest.raises(ContractError) as refused:
        check_rules(STATIONS.of(series), rules, day, STATIONS.change)
    assert refused.value.code == code


def report(hour, maximum, *, status="final", day=date(2026, 7, 9), cli="CLINYC", **more):
    issued = datetime(2026, 7, 10, tzinfo=UTC) + timedelta(hours=hour)
    return ClimateReport(cli, day, status, issued, maximum, **more)


EARLY = report(-3, 82, status="preliminary")


def test_the_first_final_with_a_maximum_counts_whatever_the_order():
    found = settle([report(9, 84), EARLY, report(7, 83)], JULY, "CLINYC")

    assert found.maximum == 83
    assert found.report == report(7, 83)
    assert found.counts == {"preliminary": 1, "differs": 1}
    assert found.disputed
    assert "says 84 after 83 had counted" in found.passed[1].reason


def test_an_afternoon_report_never_counts_and_neither_does_a_final_without_a_maximum():
    assert settle([EARLY], JULY, "CLINYC").maximum is None
    found = settle([EARLY, report(7, None), report(9, 84)], JULY, "CLINYC")
    assert found.maximum == 84
    assert found.counts == {"preliminary": 1, "no_maximum": 1}
    assert not found.disputed
    assert not settle([EARLY], JULY, "CLINYC").disputed


def test_a_repetition_is_no_dispute_and_a_final_below_an_afternoon_report_is_one():
    assert not settle([report(7, 83), report(9, 83)], JULY, "CLINYC").disputed
    assert settle([report(-3, 84, status="preliminary"), report(7, 83)], JULY, "CLINYC").disputed


def test_a_correction_of_the_same_minute_comes_after_what_it_corrects():
    found = settle([report(7, 84, correction="CCA"), report(7, 83)], JULY, "CLINYC")
    assert (found.maximum, found.counts) == (83, {"differs": 1})


def test_a_report_of_another_day_is_passed_over_and_of_another_station_refused():
    other = replace(report(7, 83), day=date(2026, 7, 8))
    assert settle([other], JULY, "CLINYC").counts == {"another_day": 1}
    with pytest.raises(DataError, match="CLIMIA of 2026-07-09 was given for CLINYC"):
        settle([report(7, 83, cli="CLIMIA")], JULY, "CLINYC")


def test_only_a_final_with_a_maximum_is_one_that_counts():
    assert [one.counts for one in (EARLY, report(7, None), report(7, 83))] == [False, False, True]


def test_tenths_of_celsius_give_every_whole_fahrenheit_back():
    for fahrenheit in range(-60, 136):
        tenths = round((fahrenheit - 32) / 1.8 * 10)
        assert from_tenths(tenths) == fahrenheit


@pytest.mark.parametrize(
    ("celsius", "open_"), [(20, (68, 68)), (22, (71, 72)), (28, (82, 83)), (-5, (23, 23))]
)
def test_whole_celsius_leaves_one_or_two_degrees_open(celsius, open_):
    assert from_whole(celsius) == open_


def test_every_fahrenheit_is_among_those_its_whole_celsius_leaves_open():
    for fahrenheit in range(-60, 136):
        low, high = from_whole(round((fahrenheit - 32) / 1.8))
        assert low <= fahrenheit <= high <= low + 1


def test_whole_degrees_with_tenths_are_refused():
    at = datetime(2026, 7, 9, 12, tzinfo=timezone(timedelta(hours=-5)))
    with pytest.raises(DataError, match=r"27\.8 is no whole degree"):
        observed_celsius("KNYC", at, "now", 278, whole=True)
