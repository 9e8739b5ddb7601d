"""Tables, observations, timelines and forecasts: what counts, what is left out and counted."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.venues.weather.climate_table import parse_table
from kalshi_alpha.venues.weather.forecasts import parse_grid, parse_hourly
from kalshi_alpha.venues.weather.observations import parse_metar, parse_observations
from kalshi_alpha.venues.weather.timeline import parse_timeline, path, query
from tests import weather_payloads as made
from tests.weather_payloads import CHI, DAY, NYC, READ_AT

NOON = datetime(2026, 7, 9, 17, 0, tzinfo=UTC)
CHI_DAY = CHI.day(date(2026, 7, 9))


def table(text=made.TABLE, today=date(2026, 7, 5), station=NYC):
    return parse_table(text.encode(), station, today)


def test_a_table_gives_a_maximum_a_day_and_a_missing_one_is_counted():
    parsed = table()

    assert {one.period.day: one.value for one in parsed.figures} == {1: "93", 2: "100", 4: "80"}
    assert {one.series for one in parsed.figures} == {"cf6-nyc"}
    assert parsed.counts == {"missing": 1}


def test_the_row_of_a_day_that_is_not_over_makes_no_figure():
    parsed = table(today=date(2026, 7, 4))

    assert [one.period.day for one in parsed.figures] == [1, 2]
    assert parsed.counts == {"missing": 1, "future": 1}


def test_rows_that_are_none_are_counted_and_a_day_twice_is_no_figure():
    odd = made.TABLE.replace(
        " 4  80  68", " 1  90  70  80   0\nXX  80\n32  80  70  75\n 5  70\n 4  80  68"
    )
    parsed = table(odd, today=date(2026, 7, 9))

    assert [one.period.day for one in parsed.figures] == [2, 4]
    assert parsed.counts == {"twice": 1, "unreadable": 3, "missing": 1}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("CF6NYC", "CF6LGA", "LGA, another station than NYC"),
        ("CF6NYC", "", "none, another station"),
        ("CENTRAL PARK NY", "LAGUARDIA NY", "another station than CENTRAL PARK"),
        ("JULY", "JULLY", "no date"),
        ("DY MAX MIN", "DY MIN MAX", "0 heads"),
        ("=\nSM  273", "-\nSM  273", "does not end"),
    ],
)
def test_a_table_of_another_station_or_form_is_refused(old, new, said):
    with pytest.raises(DataError, match=said):
        table(made.TABLE.replace(old, new))


def test_a_table_may_spell_its_place_otherwise_than_the_report():
    assert len(table(made.TABLE.replace("CENTRAL PARK NY", "NEW YORK NY")).figures) == 3


def test_a_table_without_a_day_that_is_over_is_refused():
    with pytest.raises(DataError, match="no figure that can be used"):
        table(today=date(2026, 7, 1))


def test_a_table_as_long_as_a_book_is_another_document():
    with pytest.raises(DataError, match="another document"):
        table(made.TABLE + "x" * 70_000)


def test_the_groups_of_a_raw_report_give_the_degree_back_that_was_measured():
    now, six = parse_metar(made.METAR_TENTHS, "KNYC", READ_AT)

    assert (now.kind, now.low, now.high, now.exact) == ("now", 82, 82, True)
    assert now.degrees == pytest.approx(82.04)
    assert now.at == datetime(2026, 7, 9, 19, 51, tzinfo=UTC)
    assert (six.kind, six.low, six.high) == ("six_hours", 85, 85)
    assert six.since == datetime(2026, 7, 9, 13, 51, tzinfo=UTC)


def test_a_raw_report_in_whole_celsius_leaves_two_degrees_open():
    (now,) = parse_metar("SPECI KNYC 091930Z AUTO 18005KT 10SM 28/16 A3005=", "KNYC", READ_AT)
    assert (now.low, now.high, now.exact) == (82, 83, False)


def test_cold_and_the_highest_of_a_day_are_read():
    report = "METAR KNYC 010459Z 00000KT M05/M10 A3010 RMK AO2 T10501100 401111200 11006"
    now, six, day = parse_metar(report, "KNYC", datetime(2026, 1, 1, 6, tzinfo=UTC))

    assert (now.low, now.high, now.degrees) == (23, 23, pytest.approx(23.0))
    assert (six.low, day.low) == (31, 52)
    assert day.since == datetime(2025, 12, 31, 4, 59, tzinfo=UTC)


def test_a_report_read_after_the_turn_of_the_month_is_of_the_month_before():
    (now,) = parse_metar("KNYC 302351Z 28/16", "KNYC", datetime(2026, 7, 1, 0, 2, tzinfo=UTC))
    assert now.at == datetime(2026, 6, 30, 23, 51, tzinfo=UTC)


@pytest.mark.parametrize(
    ("report", "said"),
    [
        ("KLGA 091951Z 28/16", "'KLGA' was given for KNYC"),
        ("KNYC 28/16", "has no time"),
        ("KNYC 091951Z 10SM CLR", "no temperature"),
        ("KNYC 322951Z 28/16", "no time"),
        ("", "is none"),
        ("KNYC " * 300, "is none"),
    ],
)
def test_a_raw_report_that_is_none_is_refused(report, said):
    with pytest.raises(DataError, match=said):
        parse_metar(report, "KNYC", READ_AT)


def test_observations_prefer_the_raw_report_and_keep_what_a_number_leaves_open():
    parsed = parse_observations(
        made.observations(
            made.feature(NOON + timedelta(hours=2, minutes=51), 27.8, raw=made.METAR_TENTHS),
            made.feature(NOON, 27.8),
            made.feature(NOON + timedelta(minutes=5), 28.0),
            made.feature(NOON + timedelta(minutes=5), 28.0),
        ),
        "KNYC",
        READ_AT,
    )

    assert [(one.kind, one.low, one.high) for one in parsed.observations] == [
        ("now", 82, 82),
        ("now", 82, 83),
        ("now", 82, 82),
        ("six_hours", 85, 85),
    ]
    assert parsed.left_out == ()


def test_what_is_no_temperature_is_left_out_and_counted():
    parsed = parse_observations(
        made.observations(
            made.feature(NOON, None),
            made.feature(NOON, 20.0, quality="X"),
            made.feature(READ_AT, 20.0, quality="Q", raw=made.METAR_TENTHS),
            made.feature(NOON, 20.0, unit="wmoUnit:K"),
            made.feature(NOON, 95.0),
            made.feature(NOON, "20"),
            made.feature(READ_AT + timedelta(hours=1), 20.0),
            made.feature(NOON, 20.0, raw="KNYC nonsense"),
            made.feature(NOON - timedelta(hours=4), 20.0, raw=made.METAR_TENTHS),
            {"properties": None},
            {"properties": {"timestamp": "noon"}},
            "no feature",
        ),
        "KNYC",
        READ_AT,
    )

    assert parsed.observations == ()
    assert parsed.counts == {
        "missing": 1,
        "quality": 2,
        "unknown": 1,
        "range": 2,
        "future": 1,
        "unreadable": 5,
    }


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"<html>", "a page instead of JSON"),
        (b"{}", "without observations"),
        (b"[1]", "without observations"),
        (made.observations(made.feature(NOON, 20.0, station="KLGA")), "answered for 'KLGA'"),
    ],
)
def test_an_answer_that_is_no_observation_of_the_station_is_refused(payload, said):
    with pytest.raises(DataError, match=said):
        parse_observations(payload, "KNYC", READ_AT)


def rows(count, *, step=0.1, **elements):
    """Return five-minute rows of Midway, each warmer than the one before."""
    start = CHI_DAY.start + timedelta(hours=6)
    return [
        made.minute(start + timedelta(minutes=5 * k), 70.0 + step * k, **elements)
        for k in range(count)
    ]


def test_the_station_is_pinned_in_the_path_and_nothing_is_blended_into_it():
    assert path(CHI, CHI_DAY).endswith("/timeline/stn:KMDW/2026-07-09/2026-07-10")
    asked = dict(query("key"))
    assert (asked["maxStations"], asked["maxDistance"]) == ("1", "0")
    assert asked["options"] == "minuteinterval_5"
    assert "stations" in asked["elements"].split(",")


def test_each_row_of_the_pinned_station_counts_once():
    parsed = parse_timeline(made.timeline(*reversed(rows(30))), CHI, CHI_DAY)

    assert len(parsed.rows) == 30
    assert parsed.rows[0].at == CHI_DAY.start + timedelta(hours=6)
    assert parsed.rows[-1].degrees == pytest.approx(72.9)
    assert parsed.copies == 0.0


def test_rows_that_are_not_the_stations_own_are_left_out_and_counted():
    start = CHI_DAY.start
    parsed = parse_timeline(
        made.timeline(
            *rows(5),
            made.minute(start, 70.0, station="KORD"),
            made.minute(start, 70.0) | {"stations": ["KMDW", "KORD"]},
            made.minute(start, 70.0) | {"stations": None},
            made.minute(start, 70.0, source="fcst"),
            made.minute(start, -77.9),
            made.minute(start, 140.0),
            made.minute(start, None),
            made.minute(start, "70"),
            made.minute(start - timedelta(minutes=5), 70.0),
            made.minute(CHI_DAY.end, 70.0),
            made.minute(start, 70.0) | {"datetimeEpoch": "noon"},
        ),
        CHI,
        CHI_DAY,
    )

    assert len(parsed.rows) == 5
    assert parsed.counts == {
        "another_station": 3,
        "not_observed": 1,
        "sentinel": 1,
        "range": 1,
        "missing": 1,
        "unreadable": 2,
        "another_day": 2,
    }


def test_a_copy_of_the_row_before_is_dropped_and_an_equal_temperature_in_other_air_is_not():
    start = CHI_DAY.start
    calm = [made.minute(start + timedelta(minutes=5 * k), 70.0, windspeed=4.0) for k in range(3)]
    gust = made.minute(start + timedelta(minutes=15), 70.0, windspeed=9.0)
    parsed = parse_timeline(made.timeline(*calm, gust), CHI, CHI_DAY)

    assert len(parsed.rows) == 2
    assert parsed.counts == {"copy": 2}
    assert parsed.copies == 0.5


def test_a_station_that_is_mostly_filled_copies_is_refused_with_its_share():
    start = CHI_DAY.start
    filled = [made.minute(start + timedelta(minutes=5 * k), 70.0 + k // 6) for k in range(48)]
    with pytest.raises(DataError, match="83% of the timeline's rows of KMDW on 2026-07-09"):
        parse_timeline(made.timeline(*filled), CHI, CHI_DAY)


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"<html>", "a page instead of JSON"),
        (b'{"errorCode": 429}', "without days"),
        (b'{"days": [1, {"hours": null}, {"hours": [2, {"minutes": [3]}]}]}', "no row of KMDW"),
        (made.timeline(*rows(30, station="KORD")), r"is of \['KORD'\]"),
    ],
)
def test_a_timeline_without_a_row_of_the_station_is_refused(payload, said):
    with pytest.raises(DataError, match=said):
        parse_timeline(payload, CHI, CHI_DAY)


def test_the_highest_hour_of_the_climate_day_is_its_forecast_with_the_time_it_was_made():
    degrees = [99.0, *range(70, 94), 98.0]  # the first and the last hour are of other days
    found = parse_hourly(made.hourly_forecast(DAY.start - timedelta(hours=1), degrees), "KNYC", DAY)

    assert (found.station, found.day, found.hours) == ("KNYC", date(2026, 7, 9), 24)
    assert found.high == 93.0
    assert found.issued_at == datetime(2026, 7, 9, 5, 0, tzinfo=UTC)


def test_a_forecast_with_a_missing_hour_of_the_day_is_refused():
    hours = json.loads(made.hourly_forecast(DAY.start, range(70, 94)))
    del hours["properties"]["periods"][14]
    with pytest.raises(DataError, match="holds 23 hours of 2026-07-09, and not all from 9 to 18"):
        parse_hourly(json.dumps(hours).encode(), "KNYC", DAY)


def test_a_forecast_that_does_not_say_when_it_was_made_is_refused():
    with pytest.raises(DataError, match="does not say when it was made"):
        parse_hourly(made.hourly_forecast(DAY.start, range(70, 94), updated=""), "KNYC", DAY)


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (made.hourly_forecast(DAY.start, [70.0] * 18), "holds 18 hours of 2026-07-09, and not all"),
        (made.hourly_forecast(DAY.start + timedelta(hours=10), [70.0] * 14), "holds 14 hours"),
        (made.hourly_forecast(DAY.start + timedelta(days=2), [70.0] * 24), "holds 0 hours"),
        (made.hourly_forecast(DAY.start, ["hot"] * 9), "'hot' degrees"),
        (made.hourly_forecast(DAY.start, [400.0] * 9), "not believed"),
        (made.hourly_forecast(DAY.start, [70.0] * 9, updated="soon"), "the time 'soon'"),
        (b'{"properties": {"updateTime": "2026-07-09T05:00:00Z"}}', "no periods"),
        (b'{"detail": "no"}', "without properties"),
        (b"<html>", "a page instead of JSON"),
    ],
)
def test_an_hourly_forecast_of_no_use_is_refused(payload, said):
    with pytest.raises(DataError, match=said):
        parse_hourly(payload, "KNYC", DAY)


def test_celsius_is_turned_and_another_unit_refused():
    hours = json.loads(made.hourly_forecast(DAY.start, [30.0] * 24))
    for hour in hours["properties"]["periods"]:
        hour["temperatureUnit"] = "C"
    assert parse_hourly(json.dumps(hours).encode(), "KNYC", DAY).high == 86.0
    hours["properties"]["periods"][0]["temperatureUnit"] = "K"
    with pytest.raises(DataError, match="'K', not Fahrenheit"):
        parse_hourly(json.dumps(hours).encode(), "KNYC", DAY)


def grid(*values, uom="wmoUnit:degC"):
    properties = {
        "updateTime": "2026-07-09T05:00:00Z",
        "maxTemperature": {"uom": uom, "values": list(values)},
    }
    return json.dumps({"properties": properties}).encode()


def test_the_grids_daytime_maximum_of_the_day_is_found_by_the_middle_of_its_hours():
    found = parse_grid(
        grid(
            {"validTime": "2026-07-08T11:00:00+00:00/PT13H", "value": 20},
            {"validTime": "2026-07-09T11:00:00+00:00/PT13H", "value": 30},
            {"validTime": "2026-07-10T11:00:00+00:00/P1DT1H", "value": None},
        ),
        "KNYC",
        DAY,
    )
    assert (found.high, found.hours) == (86.0, 13)


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (grid(), "0 maxima"),
        (grid({"validTime": "2026-07-09T11:00:00Z", "value": 3}), "the span"),
        (grid({"validTime": "2026-07-09T11:00:00Z/PT13H", "value": "3"}), "'3' degrees"),
        (grid(uom="wmoUnit:K"), "'wmoUnit:K'"),
        (b'{"properties": {"updateTime": "2026-07-09T05:00:00Z"}}', "no maximum temperature"),
    ],
)
def test_a_grid_forecast_of_no_use_is_refused(payload, said):
    with pytest.raises(DataError, match=said):
        parse_grid(payload, "KNYC", DAY)
