"""The shipped days of news, and tables that contradict themselves."""

from __future__ import annotations

from collections import Counter
from datetime import date
from importlib import resources

import pytest

from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.events import TABLE, load_events, parse_events
from kalshi_alpha.markets.sessions import load_sessions

SHIPPED = resources.files("kalshi_alpha.markets").joinpath(TABLE).read_text("utf-8")


def test_the_committee_decides_eight_times_a_year_on_a_session() -> None:
    fomc = load_events()["fomc"]

    assert Counter(day.year for day in fomc.days) == dict.fromkeys(range(2021, 2028), 8)
    assert all(load_sessions().on(day) is not None for day in fomc.days)
    assert date(2025, 10, 29) in fomc
    assert date(2024, 11, 7) in fomc  # a Thursday, for the election
    assert date(2025, 11, 5) not in fomc


def test_consumer_prices_come_out_on_sessions_and_not_for_october_2025() -> None:
    cpi = load_events()["cpi"]

    assert Counter(day.year for day in cpi.days) == {2025: 11, 2026: 12}
    assert all(load_sessions().on(day) is not None for day in cpi.days)
    assert date(2025, 10, 24) in cpi
    assert not any(date(2025, 11, 1) <= day <= date(2025, 12, 17) for day in cpi.days)


def test_a_list_says_which_days_it_speaks_of() -> None:
    events = load_events()

    assert not events["cpi"].covers(date(2024, 12, 11))
    assert events["cpi"].covers(date(2025, 1, 1))
    assert not events["fomc"].covers(date(2020, 12, 16))
    assert all(kind.provenance and kind.what for kind in events.values())


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[cpi]", "[ppi]", "has the kinds fomc, ppi; it must have fomc, cpi"),
        ("2021-01-27, 2021-03-17,", "2021-03-17, 2021-01-27,", "the days of fomc must ascend"),
        ("2021-01-27,", "2020-01-29,", "fomc lists 2020-01-29, outside its span"),
        ("first = 2021-01-01", 'first = "soon"', "cannot be read"),
        ("[fomc]", "[fomc", "cannot be read"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(old: str, new: str, says: str) -> None:
    assert old in SHIPPED

    with pytest.raises(ConfigurationError, match=says):
        parse_events(SHIPPED.replace(old, new, 1))
