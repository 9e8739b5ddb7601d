"""The temperature series: off as shipped, limited, and quoted in stretches of the climate day."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.markets.limits import limits_on
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.temperature import (
    event_of,
    load_temperatures,
    parse_temperatures,
    stretches,
)
from tests.conftest import ROOT

TEXT = (ROOT / "shared/kalshi_alpha/markets/temperature.toml").read_text("utf-8")
CLOSE = datetime(2024, 12, 4, 4, 59, tzinfo=UTC)


def of_the_day():
    table = load_temperatures()
    return stretches(table, "KXHIGHNY", table.day("east", date(2024, 12, 3)), CLOSE)


def test_it_is_shipped_off():
    assert load_temperatures().enabled is False


def test_each_series_has_a_group_and_a_group_one_standard_time():
    table = load_temperatures()
    assert table.group_of("KXHIGHNY") == "east"
    assert table.series_of("mountain") == ("KXHIGHDEN",)
    broken = TEXT.replace('east = ["KXHIGHNY"', 'east = ["KXHIGHDEN", "KXHIGHNY"')
    with pytest.raises(ConfigurationError, match="standard times"):
        parse_temperatures(broken)


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("enabled = false", "enabled = 1"),
        ('max_size = "10.00"', "max_size = 10.001"),
        ("minutes = 60", "minutes = 1"),
        ("pull = 2.0", "pull = 1.0"),
        ("[family]", "[families]"),
    ],
)
def test_a_table_that_says_something_impossible_is_refused(line, instead):
    with pytest.raises(ConfigurationError, match=r"temperature\.toml cannot be read"):
        parse_temperatures(TEXT.replace(line, instead))


def test_an_unknown_city_group_and_series_are_named():
    with pytest.raises(ConfigurationError, match="no city group 'north'"):
        load_temperatures().series_of("north")
    with pytest.raises(ConfigurationError, match="KXHIGHXX is in no city group"):
        load_temperatures().group_of("KXHIGHXX")


def test_the_day_is_quoted_in_hours_and_the_last_ends_with_trading():
    found = of_the_day()
    assert len(found) == 24
    assert found[0].start == datetime(2024, 12, 3, 5, tzinfo=UTC)
    assert [a.fixing for a in found[:-1]] == [b.start for b in found[1:]]
    assert found[-1].fixing == CLOSE
    assert found[-1].expires_at == datetime(2024, 12, 4, 4, 58, 58, tzinfo=UTC)


def test_all_stretches_count_as_their_climate_day_and_its_event():
    found = of_the_day()
    assert {one.day for one in found} == {date(2024, 12, 3)}
    assert {one.event_tickers for one in found} == {"KXHIGHNY-24DEC03"}
    assert len({one.window_id for one in found}) == 24
    assert found[0].window_id == "20241203-0100-temperature-kxhighny"


def test_a_remainder_too_short_to_quote_in_belongs_to_the_hour_before():
    table = load_temperatures()
    day = table.day("east", date(2024, 12, 3))
    found = stretches(table, "KXHIGHNY", day, datetime(2024, 12, 4, 4, 1, tzinfo=UTC))
    assert len(found) == 23
    assert found[-1].start == datetime(2024, 12, 4, 3, tzinfo=UTC)
    assert found[-1].fixing == datetime(2024, 12, 4, 4, 1, tzinfo=UTC)


def test_a_close_outside_the_climate_day_is_a_contradiction():
    table = load_temperatures()
    day = table.day("east", date(2024, 7, 9))
    with pytest.raises(DataError, match="contradict"):
        stretches(table, "KXHIGHNY", day, datetime(2024, 7, 10, 5, 30, tzinfo=UTC))


def test_the_registry_knows_both_and_every_limit_covers_a_bracket():
    base = load_registry()
    registry = load_temperatures().registry(base)
    assert base.series.keys() < registry.series.keys()
    assert "KXHIGHNY" not in base.series
    assert registry.hash != base.hash
    limits = limits_on(registry, of_the_day()[0], "KXHIGHNY-24DEC03-B41.5")
    assert {limit.scope for limit in limits} >= {"strike", "window", "day", "family-day"}
    assert limits[0].cap == 8_000_000


def test_events_are_named_by_the_day_they_speak_of():
    assert event_of("KXHIGHNY", date(2024, 12, 3)) == "KXHIGHNY-24DEC03"
