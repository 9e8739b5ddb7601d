"""From what is known to a reading: months paired by calendar, and nothing left out in silence."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.errors import DataError, StaleDataError
from kalshi_alpha.families.known import gasoline_change, needed, newest_due, reading_of
from kalshi_alpha.markets.macro import load_macro
from kalshi_alpha.markets.releases import load_releases

CALENDAR = load_releases()
SERIES = load_macro().series
DECEMBER = CALENDAR.of("cpi", date(2025, 12, 1))
EVE = DECEMBER.at - timedelta(hours=1)
INDEX = tuple((date(2025, month, 1), 320.0 + month) for month in (*range(1, 10), 11))


def mondays(first, last, price=lambda _: 3.0):
    days = (first + timedelta(days=k) for k in range((last - first).days + 1))
    return tuple((day, price(day)) for day in days if day.weekday() == 0)


def autumn(day):
    return {9: 3.0, 10: 3.0, 11: 3.3, 12: 2.97}[day.month]


SURVEY = mondays(date(2025, 9, 1), date(2025, 12, 29), autumn)


def known(index=INDEX, survey=SURVEY, **more):
    return {"cpi-sa": index, "eia-regular": survey} | more


def test_a_month_of_gasoline_is_the_mean_of_its_mondays_against_the_month_before():
    rising = tuple((date(2025, 11, 3 + 7 * k), 3.0 + 0.1 * k) for k in range(4))
    uneven = (*mondays(date(2025, 10, 6), date(2025, 10, 27)), *rising)

    assert gasoline_change(SURVEY, date(2025, 11, 1)) == pytest.approx(10.0)
    assert gasoline_change(SURVEY, date(2025, 12, 1)) == pytest.approx(-10.0)
    assert gasoline_change(uneven, date(2025, 11, 1)) == pytest.approx(5.0)


@pytest.mark.parametrize("lacking", [date(2025, 12, 29), date(2025, 11, 3)])
def test_a_month_without_one_of_its_mondays_has_no_mean(lacking):
    holed = tuple(point for point in SURVEY if point[0] != lacking)
    with pytest.raises(DataError, match=f"no price above 0 for {lacking}"):
        reading_of(SERIES["KXCPI"], DECEMBER, known(survey=holed), EVE)


def test_the_reading_of_prices_has_the_gasoline_of_its_month_and_of_the_one_before():
    reading = reading_of(SERIES["KXCPI"], DECEMBER, known(), EVE)

    assert reading.history == INDEX
    assert reading.beside["gasoline_change"] == pytest.approx(-10.0)
    assert reading.beside["gasoline_change_before"] == pytest.approx(10.0)
    assert set(reading.beside) == {"gasoline_change", "gasoline_change_before"}


def test_a_nowcast_is_known_from_the_day_after_its_label():
    name = "nowcast-month-cpi-2025-12"
    points = ((date(2026, 1, 11), 0.2), (date(2026, 1, 12), 0.3), (date(2026, 1, 13), 0.9))
    names = needed(SERIES["KXCPI"], DECEMBER, nowcast=True)
    reading = reading_of(SERIES["KXCPI"], DECEMBER, known(**{name: points}), EVE)

    assert names == ("cpi-sa", "eia-regular", name)
    assert reading.beside["nowcast"] == 0.3


def test_twelve_months_have_no_one_month_nowcast_and_other_families_stand_alone():
    assert needed(SERIES["KXCPIYOY"], DECEMBER, nowcast=True) == ("cpi-nsa", "eia-regular")
    claims = CALENDAR.of("claims", date(2025, 12, 27))
    assert needed(SERIES["KXJOBLESSCLAIMS"], claims, nowcast=True) == ("claims",)


def test_a_figure_that_came_out_and_was_not_read_is_waited_for():
    with pytest.raises(StaleDataError, match="ends with 2025-09-01, and that of 2025-11-01"):
        reading_of(SERIES["KXCPI"], DECEMBER, known(index=INDEX[:-1]), EVE)


@pytest.mark.parametrize(
    ("kind", "now", "due"),
    [
        # quotes of Tuesday 15:30 are published by 20:30
        ("par_yield", datetime(2025, 12, 10, 1, 0, tzinfo=UTC), date(2025, 12, 8)),
        ("par_yield", datetime(2025, 12, 10, 2, 0, tzinfo=UTC), date(2025, 12, 9)),
        # over Thanksgiving, a bond holiday
        ("par_yield", datetime(2025, 11, 28, 15, 0, tzinfo=UTC), date(2025, 11, 26)),
        # a month that was never published is not waited for
        ("cpi", datetime(2025, 12, 18, 12, 0, tzinfo=UTC), date(2025, 9, 1)),
        ("cpi", datetime(2025, 12, 18, 16, 0, tzinfo=UTC), date(2025, 11, 1)),
        # a holiday Thursday: the figure came on Wednesday
        ("claims", datetime(2025, 12, 31, 16, 0, tzinfo=UTC), date(2025, 12, 27)),
        ("aaa", datetime(2025, 10, 20, 16, 0, tzinfo=UTC), date(2025, 10, 19)),
        ("aaa", datetime(2025, 10, 20, 18, 0, tzinfo=UTC), date(2025, 10, 20)),
    ],
)
def test_the_newest_figure_that_must_be_known(kind, now, due):
    assert newest_due(kind, now, CALENDAR).period == due


def test_before_the_calendars_first_release_nothing_is_due():
    assert newest_due("cpi", datetime(2025, 1, 10, 15, 0, tzinfo=UTC), CALENDAR) is None


@given(hours=st.integers(0, 24 * 700), kind=st.sampled_from(["claims", "par_yield", "aaa", "cpi"]))
def test_what_is_due_never_goes_back_and_is_never_ahead(hours, kind):
    now = datetime(2025, 3, 1, tzinfo=UTC) + timedelta(hours=hours)
    earlier, later = (newest_due(kind, at, CALENDAR) for at in (now, now + timedelta(hours=7)))

    assert earlier.at < now
    assert earlier.period <= later.period
