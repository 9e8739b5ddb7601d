"""The calendar of releases: holidays, the lapse of 2025, and what it refuses to know."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from importlib import resources

import pytest

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.markets.events import load_events
from kalshi_alpha.markets.releases import load_releases, parse_releases

CALENDAR = load_releases()
TEXT = resources.files("kalshi_alpha.markets").joinpath("releases.toml").read_text("utf-8")


def out(kind, period):
    found = CALENDAR.of(kind, period)
    return found and found.at.astimezone(NEW_YORK).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("kind", "period", "at"),
    [
        ("cpi", date(2026, 8, 1), "2026-09-11 08:30"),
        ("cpi", date(2025, 9, 1), "2025-10-24 08:30"),  # moved, inside the lapse
        ("cpi", date(2025, 10, 1), None),  # never collected
        ("claims", date(2026, 5, 2), "2026-05-07 08:30"),
        ("claims", date(2026, 11, 21), "2026-11-25 08:30"),  # Thanksgiving
        ("claims", date(2025, 1, 4), "2025-01-08 08:30"),  # day of mourning
        ("claims", date(2025, 12, 27), "2025-12-31 08:30"),  # New Year's Day
        ("claims", date(2025, 10, 11), None),  # lapse
        ("claims", date(2025, 11, 15), "2025-11-20 08:30"),  # the first one after it
        ("par_yield", date(2026, 10, 12), None),  # Columbus Day: a session, and no curve
        ("par_yield", date(2026, 11, 11), None),
        ("par_yield", date(2025, 1, 9), "2025-01-09 15:30"),  # the offices were closed, bonds open
        ("par_yield", date(2026, 11, 21), None),  # Saturday
        ("eia", date(2026, 11, 16), "2026-11-16 17:00"),
        ("eia", date(2026, 5, 25), "2026-05-26 17:00"),  # Memorial Day
        ("eia", date(2026, 11, 17), None),  # a Tuesday has no survey
        ("aaa", date(2026, 7, 4), "2026-07-04 05:00"),
    ],
)
def test_a_period_comes_out_when_it_does(kind, period, at):
    assert out(kind, period) == at


def test_times_are_new_yorks_all_year_and_kept_in_utc():
    winter, summer = (CALENDAR.of("cpi", date(2025, m, 1)).at for m in (12, 6))

    assert winter == datetime(2026, 1, 13, 13, 30, tzinfo=UTC)
    assert summer == datetime(2025, 7, 15, 12, 30, tzinfo=UTC)
    assert winter.utcoffset() == timedelta(0)


def test_a_day_tells_all_that_comes_out_on_it():
    found = {(one.kind, one.period) for one in CALENDAR.on(date(2026, 5, 26))}

    assert found == {
        ("eia", date(2026, 5, 25)),
        ("par_yield", date(2026, 5, 26)),
        ("aaa", date(2026, 5, 26)),
    }
    assert ("claims", date(2026, 11, 21)) in {
        (one.kind, one.period) for one in CALENDAR.on(date(2026, 11, 25))
    }
    assert "claims" not in {one.kind for one in CALENDAR.on(date(2026, 11, 26))}


def test_every_release_of_a_period_is_found_on_its_day():
    day = date(2025, 1, 11)
    while day < date(2027, 12, 18):
        for kind in ("par_yield", "eia", "aaa", *(["claims"] if day.weekday() == 5 else [])):
            release = CALENDAR.of(kind, day)
            if release is not None:
                assert release in CALENDAR.on(release.at.astimezone(NEW_YORK).date())
        day += timedelta(days=1)


def test_a_span_holds_its_releases_and_not_its_end():
    first = datetime(2026, 9, 11, 12, 30, tzinfo=UTC)
    found = CALENDAR.between("cpi", first, datetime(2026, 11, 10, 13, 30, tzinfo=UTC))

    assert [one.period for one in found] == [date(2026, 8, 1), date(2026, 9, 1)]


def test_the_two_tables_of_price_releases_name_the_same_days():
    assert CALENDAR.days("cpi") == frozenset(load_events()["cpi"].days)


def test_a_month_it_does_not_list_is_not_guessed():
    with pytest.raises(DataError, match="knows no cpi release for 2027-03-01"):
        CALENDAR.of("cpi", date(2027, 3, 1))


@pytest.mark.parametrize("day", [date(2024, 12, 31), date(2028, 1, 1)])
def test_outside_its_span_nothing_is_known(day):
    with pytest.raises(DataError, match="speaks of 2025-01-01 to 2027-12-31"):
        CALENDAR.on(day)


def test_a_week_that_ends_on_a_friday_and_an_unknown_kind_are_refused():
    with pytest.raises(DataError, match="ends on a Saturday"):
        CALENDAR.of("claims", date(2026, 11, 20))
    with pytest.raises(ConfigurationError, match="no release 'gdp'"):
        CALENDAR.of("gdp", date(2026, 11, 20))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("2026-10-01 = 2026-11-10", "2026-10-01 = 2026-09-10", "each day once|later"),
        ("never = [2025-10-01]", "never = [2025-09-01]", "said never to come"),
        ("2026-10-01 = 2026-11-10", "2026-10-02 = 2026-11-10", "first day"),
        ("first = 2025-01-01\nlast", "first = 2026-01-01\nlast", "must be later"),
        ('every = "day"', 'every = "hour"', "cannot be read"),
        ("shift = 1 ", "shifted = 1 ", "cannot be read"),
    ],
)
def test_a_calendar_that_contradicts_itself_is_refused(old, new, said):
    assert old in TEXT
    with pytest.raises(ConfigurationError, match=said):
        parse_releases(TEXT.replace(old, new, 1))
