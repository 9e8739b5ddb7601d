"""What the offices' twin writes, the readers read back: every figure that was out, and no other."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.errors import DataError
from kalshi_alpha.rehearsal.recorded_figures import recorded_figures, told
from kalshi_alpha.rehearsal.source_wires import ANSWERS, Asked
from kalshi_alpha.venues.macro import bls, fred, gasoline, treasury

IDS = ("CUSR0000SA0", "CUUR0000SA0", "CUSR0000SA0L1E")
BLS_BODY = bls.request(IDS, 2023, 2026, "")
EIA_QUERY = dict(gasoline.EIA_QUERY) | {"api_key": "key"}

instants = st.integers(0, 320 * 24 * 60).map(
    lambda minutes: datetime(2025, 3, 2, tzinfo=UTC) + timedelta(minutes=minutes)
)


def today(now):
    return now.astimezone(NEW_YORK).date()


def read_back(host, path, query, now, parse, body=b""):
    answer = ANSWERS[host](Asked(path, query, body), now)
    assert answer.status == 200
    parsed = parse(answer.body, today(now))
    return parsed, {(one.series, one.period): one.value for one in parsed.figures}


def expected(now, *series):
    return {(name, period): value for name in series for period, value in told(name, now).items()}


@given(instants)
def test_prices_are_read_back_and_the_month_never_collected_is_missing(now):
    def parse(data, day):
        return bls.parse(data, IDS, day)

    parsed, found = read_back("bls", bls.PATH, {}, now, parse, BLS_BODY)
    lapsed = max(told("cpi-sa", now)) > date(2025, 10, 1)

    assert found == expected(now, "cpi-sa", "cpi-nsa", "core-cpi-sa")
    assert parsed.counts == ({"missing": 3} if lapsed else {})


@given(instants)
def test_claims_and_the_survey_are_read_back_from_the_mirror(now):
    for name, series in (("ICSA", "claims"), ("GASREGW", "eia-regular")):

        def parse(data, day, name=name):
            return fred.parse_csv(data, name, day)

        if told(series, now):
            _, found = read_back("fred", fred.CSV_PATH, {"id": name}, now, parse)
            assert found == expected(now, series)


@given(instants)
def test_curves_are_read_back_from_the_month_and_from_the_year(now):
    curves = expected(now, treasury.SERIES)
    newest = max(period for _, period in curves)
    month = {"field_tdr_date_value_month": f"{newest:%Y%m}"}
    _, of_month = read_back("treasury", treasury.XML_PATH, month, now, treasury.parse_xml)
    year = {"field_tdr_date_value": str(newest.year)}
    path = treasury.CSV_PATH.format(year=newest.year)
    _, of_year = read_back("treasury", path, year, now, treasury.parse_csv)

    assert of_year == {k: v for k, v in curves.items() if k[1].year == newest.year}
    assert of_month == {
        k: v for k, v in curves.items() if (k[1].year, k[1].month) == (newest.year, newest.month)
    }


@given(instants)
def test_the_page_of_gasoline_tells_two_days_and_the_survey_all(now):
    _, page = read_back("aaa", "/", {}, now, gasoline.parse_aaa)
    averages = expected(now, gasoline.AAA_SERIES)
    newest = max(period for _, period in averages)

    assert page == {k: v for k, v in averages.items() if newest - k[1] <= timedelta(days=1)}
    if survey := expected(now, gasoline.EIA_SERIES):
        path = gasoline.EIA_PATH
        assert read_back("eia", path, EIA_QUERY, now, gasoline.parse_eia)[1] == survey


@given(instants, st.integers(0, 10_000))
def test_what_was_told_stays_told(now, later):
    for name in {one.series for one in recorded_figures()}:
        before, after = told(name, now), told(name, now + timedelta(minutes=later))
        assert before.items() <= after.items()


def test_a_month_without_curves_is_a_feed_that_is_not_believed():
    asked = Asked(treasury.XML_PATH, {"field_tdr_date_value_month": "209901"}, b"")
    answer = ANSWERS["treasury"](asked, datetime(2025, 12, 10, tzinfo=UTC))
    with pytest.raises(DataError, match="holds no figure"):
        treasury.parse_xml(answer.body, date(2025, 12, 10))
