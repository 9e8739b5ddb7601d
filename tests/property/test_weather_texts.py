"""Whatever comes over the wire is read or refused in one way, and never half understood."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.errors import DataError
from kalshi_alpha.venues.weather.climate_table import parse_table
from kalshi_alpha.venues.weather.forecasts import parse_grid, parse_hourly
from kalshi_alpha.venues.weather.observations import parse_metar, parse_observations
from kalshi_alpha.venues.weather.reports import parse_report
from kalshi_alpha.venues.weather.timeline import MOST_COPIES, parse_timeline
from tests import weather_payloads as made
from tests.weather_payloads import CHI, DAY, NYC, READ_AT, text

CHI_DAY = CHI.day(date(2026, 7, 9))
REAL = [text(name) for name in ("nyc_final", "nyc_intermediate", "nyc_record")]
READERS = (
    lambda payload: parse_report(payload, NYC),
    lambda payload: parse_table(payload, NYC, date(2026, 7, 5)),
    lambda payload: parse_observations(payload, "KNYC", READ_AT),
    lambda payload: parse_timeline(payload, CHI, CHI_DAY),
    lambda payload: parse_hourly(payload, "KNYC", DAY),
    lambda payload: parse_grid(payload, "KNYC", DAY),
)
ANSWERS = [
    *REAL,
    made.TABLE.encode(),
    made.observations(made.feature(READ_AT, 27.8, raw=made.METAR_TENTHS)),
    made.timeline(made.minute(CHI_DAY.start, 70.0)),
    made.hourly_forecast(DAY.start, range(70, 94)),
]
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("days", "hours", "minutes", "datetimeEpoch", "temp", "stations", "source"),
                    *("features", "properties", "timestamp", "temperature", "value", "unitCode"),
                    *(
                        "periods",
                        "startTime",
                        "updateTime",
                        "maxTemperature",
                        "values",
                        "validTime",
                    ),
                    *("rawMessage", "temperatureUnit", "uom", "qualityControl"),
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


def read_or_refused(reader, payload):
    with contextlib.suppress(DataError):
        assert reader(payload) is not None


@pytest.mark.parametrize("reader", READERS)
@given(payload=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(reader, payload):
    read_or_refused(reader, payload)


@pytest.mark.parametrize("reader", READERS[2:])
@given(document=values)
def test_any_json_is_read_or_refused(reader, document):
    read_or_refused(reader, json.dumps(document).encode())


@given(data=st.data(), which=st.integers(0, len(ANSWERS) - 1))
def test_an_answer_with_a_piece_exchanged_is_read_or_refused(data, which):
    payload = ANSWERS[which]
    start = data.draw(st.integers(0, len(payload) - 1))
    end = data.draw(st.integers(start, min(len(payload), start + 40)))
    piece = data.draw(st.binary(max_size=20) | st.sampled_from([b"MM", b"-", b"R", b"null", b"0"]))
    for reader in READERS:
        read_or_refused(reader, payload[:start] + piece + payload[end:])


@given(report=st.text(alphabet="KNYC 0123456789Z/MTRMK-", max_size=120))
def test_any_raw_report_is_read_or_refused(report):
    read_or_refused(lambda line: parse_metar(line, "KNYC", READ_AT), report)


@given(
    maximum=st.integers(-40, 125),
    record=st.booleans(),
    real=st.sampled_from([("nyc_final", "85"), ("nyc_intermediate", "82")]),
)
def test_every_maximum_that_can_be_written_comes_back(maximum, record, real):
    name, was = real
    row = f"MAXIMUM        {maximum:3d}{'R' if record else ' '}"
    found = parse_report(made.changed(name, (f"MAXIMUM         {was} ", row)), NYC)
    assert (found.maximum, found.record) == (maximum, record)


@given(
    at=st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31)),  # noqa: DTZ001 - made aware
    tenths=st.integers(-400, 480),
    late=st.integers(0, 20),
)
def test_a_raw_report_comes_back_with_its_time_and_its_tenths(at, tenths, late):
    at = at.replace(second=0, microsecond=0, tzinfo=UTC)
    group = f"T{'1' if tenths < 0 else '0'}{abs(tenths):03d}0000"
    report = f"METAR KNYC {at:%d%H%M}Z 10SM {'M' if tenths < 0 else ''}20/10 RMK AO2 {group}"
    (found,) = parse_metar(report, "KNYC", at + timedelta(days=late))
    assert found.at == at
    assert found.degrees == pytest.approx(32 + 0.18 * tenths)


@given(
    temperatures=st.lists(
        st.none() | st.floats(-100, 160) | st.sampled_from([-77.9, 70.0]), min_size=1, max_size=80
    ),
    strays=st.sets(st.integers(0, 79)),
)
def test_every_row_of_a_timeline_counts_or_is_accounted_for(temperatures, strays):
    rows = [
        made.minute(
            CHI_DAY.start + timedelta(minutes=5 * k),
            degrees,
            station="KORD" if k in strays else "KMDW",
        )
        for k, degrees in enumerate(temperatures)
    ]
    own = [d for k, d in enumerate(temperatures) if k not in strays and d is not None]
    usable = [d for d in own if d != -77.9 and -60 <= d <= 135]
    if not usable:
        with pytest.raises(DataError, match="no row of KMDW"):
            parse_timeline(made.timeline(*rows), CHI, CHI_DAY)
        return
    copies = sum(one == other for one, other in pairwise(usable))
    if len(usable) >= 24 and copies > MOST_COPIES * len(usable):
        with pytest.raises(DataError, match="filled copies"):
            parse_timeline(made.timeline(*rows), CHI, CHI_DAY)
        return
    found = parse_timeline(made.timeline(*rows), CHI, CHI_DAY)
    assert len(found.rows) == len(usable) - copies
    assert len(found.rows) + len(found.left_out) == len(rows)
    assert all(-60 <= row.degrees <= 135 for row in found.rows)
