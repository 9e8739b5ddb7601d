"""The weather for the momentum process: what the office says, and what it does not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.errors import ConfigurationError, DataError, VenueUnavailable
from kalshi_alpha.families.temperature_book import load_parameters
from kalshi_alpha.markets.climate_report import ClimateReport
from kalshi_alpha.markets.observed import IssuedForecast, Observation
from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.markets.strikes import Payoff
from kalshi_alpha.momentum.terms import load_terms
from kalshi_alpha.momentum.weather import clock_hazard, looked
from kalshi_alpha.pricing.weather_reading import WeatherReading
from kalshi_alpha.steps.momentum_runtime import MomentumRuntime
from kalshi_alpha.steps.momentum_sky import OfficeSky, open_sky
from kalshi_alpha.steps.runtime import Settings
from kalshi_alpha.venues.weather.observations import Observed
from kalshi_alpha.venues.weather.office import Answer, Issue

STATION = load_stations().of("KXHIGHNY")
DAY = STATION.day(date(2024, 12, 3))
NOON = DAY.start + timedelta(hours=12)
PAYOFFS = (Payoff(None, 38), Payoff(39, 40), Payoff(41, 42), Payoff(43, None))


class MadeOffice:
    """An office that answers what it is given, or fails."""

    def __init__(self, degrees=(), reports=()):
        self.degrees, self.kept, self.fails = degrees, list(reports), False
        self.asked = []
        self.high, self.made = None, DAY.start
        self.grids = {}

    def observations(self, station, start, end):
        self.asked.append("observations")
        if self.fails:
            raise VenueUnavailable("the weather office does not answer")
        seen = tuple(
            Observation(station.station, at, "now", degree, degree, float(degree))
            for at, degree in self.degrees
            if start <= at <= end
        )
        return Answer(b'{"made": 1}', Observed(seen, ()), end)

    def issues(self, product, station):
        del station
        self.asked.append(product)
        return tuple(
            Issue(f"issue-{k:04d}", report.issued_at) for k, report in enumerate(self.kept)
        )

    def report(self, issue, station):
        del station
        self.asked.append(issue.id)
        return Answer(b"{}", self.kept[int(issue.id[-4:])], issue.issued_at)

    def grid(self, station):
        self.asked.append(f"grid of {station.station}")
        if station.station not in self.grids:
            raise DataError(f"the weather office has no grid for {station.station}")
        return Answer(b"{}", self.grids[station.station], NOON)

    def forecast(self, station, grid, day):
        self.asked.append(grid)
        if self.high is None:
            raise DataError("the hourly forecast holds 9 hours, and not all from 9 to 18")
        return Answer(
            b"{}", IssuedForecast(station.station, day.date, self.high, self.made, 24), self.made
        )


def a_sky(tmp_path, office):
    settings = Settings(artifacts=str(tmp_path), contact="desk@example.org")
    told = []
    runtime = MomentumRuntime(settings, ManualClock(NOON))
    return OfficeSky(runtime, office, told.append), told


def an_event():
    return SimpleNamespace(
        name="KXHIGHNY-24DEC03",
        station=STATION,
        day=DAY,
        terms=load_terms(),
        brackets=SimpleNamespace(payoffs=PAYOFFS),
    )


def report(day, maximum, status="final", hours=7, **more):
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1, hours=hours)
    return ClimateReport("CLINYC", day, status, at, maximum, **more)


def test_what_is_observed_makes_a_law_that_sums_to_one_and_a_hazard(tmp_path):
    office = MadeOffice([(NOON - timedelta(hours=1), 39), (NOON - timedelta(minutes=9), 41)])
    sky, told = a_sky(tmp_path, office)
    seen = sky.look(an_event(), NOON)
    assert all("no new forecast" in said for said in told)
    assert seen.at == NOON.timestamp()
    assert sum(seen.law) == pytest.approx(1.0)
    assert seen.law[0] < 0.05
    assert 0.0 < seen.hazard < 1.0


def test_what_was_answered_is_kept_as_it_came(tmp_path):
    office = MadeOffice([(NOON - timedelta(minutes=9), 41)], [report(date(2024, 12, 2), 39)])
    sky, _ = a_sky(tmp_path, office)
    sky.look(an_event(), NOON)
    keys = FolderStore(tmp_path).keys("weather/KNYC/")
    assert any(key.startswith("weather/KNYC/2024-12-03/observations-") for key in keys)
    assert any("/report-" in key for key in keys)


def test_reports_are_asked_for_twice_an_hour_and_each_issue_once(tmp_path):
    office = MadeOffice([(NOON - timedelta(minutes=9), 41)], [report(date(2024, 12, 2), 39)])
    sky, _ = a_sky(tmp_path, office)
    for minutes in (0, 5, 29, 31):
        sky.look(an_event(), NOON + timedelta(minutes=minutes))
    assert office.asked.count("CLI") == 2
    assert office.asked.count("issue-0000") == 1
    assert office.asked.count("observations") == 4


def test_the_offices_report_of_the_afternoon_counts_as_the_high_so_far(tmp_path):
    valid = NOON + timedelta(hours=4)
    late = report(DAY.date, 42, "preliminary", hours=-3, valid_until=valid)
    office = MadeOffice([(NOON, 39)], [late])
    sky, _ = a_sky(tmp_path, office)
    seen = sky.look(an_event(), valid + timedelta(minutes=30))
    assert seen.law[0] + seen.law[1] < 0.05


def test_an_office_that_does_not_answer_is_told_and_leaves_the_last_look_to_age(tmp_path):
    office = MadeOffice()
    office.fails = True
    sky, told = a_sky(tmp_path, office)
    assert sky.look(an_event(), NOON) is None
    assert told == [
        "KXHIGHNY-24DEC03: the weather is not known: the weather office does not answer"
    ]


def test_a_station_that_reported_nothing_yet_has_no_known_hazard(tmp_path):
    sky, _ = a_sky(tmp_path, MadeOffice())
    seen = sky.look(an_event(), NOON)
    assert seen.hazard == 1.0
    assert sum(seen.law) == pytest.approx(1.0)


def test_by_the_clock_the_hazard_is_the_share_of_days_whose_high_fell_into_the_minutes():
    parameters = load_parameters("KNYC", DAY.date)
    hours = [
        clock_hazard(parameters.diurnal, DAY, DAY.start + timedelta(hours=hour), 60.0)
        for hour in range(24)
    ]
    assert all(0.0 <= hazard <= 1.0 for hazard in hours)
    assert max(hours[10:17]) == max(hours)
    assert hours[2] < hours[13]
    reading = WeatherReading("KNYC", DAY, NOON)
    seen = looked(reading, parameters, NOON, PAYOFFS, minutes=60.0, by_the_clock=True)
    assert seen.hazard == pytest.approx(hours[12])


def test_a_day_that_has_ended_has_no_law():
    parameters = load_parameters("KNYC", DAY.date)
    reading = WeatherReading("KNYC", DAY, DAY.end)
    seen = looked(reading, parameters, DAY.end, PAYOFFS, minutes=10.0)
    assert (seen.law, seen.hazard) == (None, 1.0)


def test_without_a_contact_no_office_is_asked():
    with pytest.raises(ConfigurationError, match="CONTACT is not set"):
        open_sky(MomentumRuntime(Settings(), ManualClock(NOON)))


MIDWAY = load_stations().of("KXHIGHCHI")


def at_midway():
    event = an_event()
    event.name, event.station, event.day = "KXHIGHCHI-24DEC03", MIDWAY, MIDWAY.day(DAY.date)
    return event


def test_a_forecast_moves_the_law_is_asked_for_once_an_hour_and_the_last_one_stays(tmp_path):
    dawn = MIDWAY.day(DAY.date).start + timedelta(hours=6)
    office = MadeOffice(degrees=[(dawn - timedelta(minutes=10), 36)])
    office.made = dawn - timedelta(hours=1)
    sky, told = a_sky(tmp_path, office)
    without = sky.look(at_midway(), dawn)
    office.high = 42.0
    soon = sky.look(at_midway(), dawn + timedelta(minutes=10))
    later = sky.look(at_midway(), dawn + timedelta(hours=1))
    office.high = None
    late = dawn + timedelta(hours=5)
    at_noon = sky.look(at_midway(), late)
    alone = a_sky(tmp_path / "other", MadeOffice(degrees=office.degrees))[0]

    assert office.asked.count("LOT/72,69") == 3
    assert without.law is not None
    assert later.law[2] > 2 * soon.law[2]
    assert at_noon.law[2] > alone.look(at_midway(), late).law[2]
    assert sum("no new forecast of 2024-12-03" in line for line in told) == 2
    kept = FolderStore(tmp_path).keys("weather/KMDW/")
    assert sum("forecast" in key for key in kept) == 1


def test_the_office_is_asked_once_where_a_station_lies_and_its_word_goes_before_the_tables(
    tmp_path,
):
    office = MadeOffice(degrees=[(NOON, 40)])
    office.grids, office.high = {"KMDW": "LOT/73,70"}, 42.0
    sky, told = a_sky(tmp_path, office)
    for hours in range(3):
        sky.look(at_midway(), NOON + timedelta(hours=hours))

    assert office.asked.count("grid of KMDW") == 1
    assert office.asked.count("LOT/73,70") == 3
    assert told == []
    assert any("/grid-" in key for key in FolderStore(tmp_path).keys("weather/KMDW/"))


def test_an_office_that_does_not_say_leaves_the_tables_grid_and_is_asked_again(tmp_path):
    office = MadeOffice(degrees=[(NOON, 40)])
    office.high = 42.0
    sky, told = a_sky(tmp_path, office)
    sky.look(at_midway(), NOON)
    office.grids = {"KMDW": "LOT/73,70"}
    sky.look(at_midway(), NOON + timedelta(hours=1))

    assert [one for one in office.asked if one.startswith("LOT")] == ["LOT/72,69", "LOT/73,70"]
    assert told == [
        "KMDW: its grid is the table's, LOT/72,69: the weather office has no grid for KMDW"
    ]


def test_a_station_whose_grid_nobody_knows_has_no_forecast_and_says_so(tmp_path):
    office = MadeOffice(degrees=[(NOON, 40)])
    sky, told = a_sky(tmp_path, office)
    seen = sky.look(an_event(), NOON)

    assert STATION.grid == ""
    assert seen.law is not None
    assert told == ["KNYC: no new forecast of 2024-12-03: the weather office has no grid for KNYC"]
