"""Each macro source's answer: what is read of it, what is left out and counted, what is refused."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime

import pytest

from kalshi_alpha.errors import DataError, VenueThrottled
from kalshi_alpha.venues.macro import bls, dol, fred, gasoline, nowcast, treasury
from tests import macro_payloads as made
from tests.macro_payloads import TODAY, as_json

PAGE = b"<html><body>We are sorry</body></html>"


def values(parsed, series):
    return {one.period: one.value for one in parsed.figures if one.series == series}


def read_bls(document, ids=made.BLS_IDS, today=TODAY):
    return bls.parse(as_json(document), ids, today)


def changed(**fields):
    return copy.deepcopy(made.BLS) | fields


def test_price_indexes_are_read_by_month_with_every_digit():
    assert values(read_bls(made.BLS), "cpi-sa") == {
        date(2025, 9, 1): "324.010",
        date(2025, 11, 1): "324.500",
        date(2025, 12, 1): "325.252",
    }


def test_a_month_without_a_value_is_absent_and_counted_and_an_annual_average_is_no_month():
    parsed = read_bls(made.BLS)

    assert parsed.counts == {"missing": 4, "annual": 4}
    assert parsed.left_out[1].reason == "cpi-sa has no value for 2025-10-01"


def test_a_failure_inside_http_200_is_refused_in_a_sentence():
    with pytest.raises(DataError, match="says 'REQUEST_NOT_PROCESSED' instead of success"):
        read_bls(changed(status="REQUEST_NOT_PROCESSED", message=["bad"]))


def test_a_quota_message_is_a_throttle_and_not_an_empty_answer():
    spent = changed(
        status="REQUEST_NOT_PROCESSED", message=["daily threshold for total number of requests"]
    )
    with pytest.raises(VenueThrottled, match="quota"):
        read_bls(spent)


@pytest.mark.parametrize("rows", [[], None])
def test_a_series_that_is_gone_is_named(rows):
    gone = changed(message=["Series does not exist for Series CUUR0000SA0"])
    gone["Results"]["series"][1]["data"] = rows
    with pytest.raises(DataError, match="nothing for CUUR0000SA0: is the id gone"):
        read_bls(gone)


def test_results_in_an_array_are_read_alike():
    assert read_bls(changed(Results=[made.BLS["Results"]])) == read_bls(made.BLS)


def test_a_month_that_has_not_ended_or_not_begun_is_of_the_future():
    parsed = read_bls(made.BLS, today=date(2025, 11, 20))

    assert parsed.counts["future"] == 8  # November and December, four series
    assert date(2025, 11, 1) not in values(parsed, "cpi-sa")


def test_two_values_of_one_month_are_both_left_out():
    twice = copy.deepcopy(made.BLS)
    twice["Results"]["series"][0]["data"].append(
        {"year": "2025", "period": "M09", "value": "324.011"}
    )
    parsed = read_bls(twice)

    assert parsed.counts["twice"] == 1
    assert date(2025, 9, 1) not in values(parsed, "cpi-sa")
    assert date(2025, 9, 1) in values(parsed, "cpi-nsa")


@pytest.mark.parametrize("value", ["NaN", "1e5", "1_000", "three", True, [1], "٣٢٤", "0x1"])
def test_a_value_outside_the_grammar_is_left_out_and_counted(value):
    odd = copy.deepcopy(made.BLS)
    odd["Results"]["series"][0]["data"][1]["value"] = value

    assert read_bls(odd).counts["unreadable"] == 1


def test_the_request_names_years_as_text_and_the_key_only_when_there_is_one():
    assert bls.request(["CUSR0000SA0"], 2015, 2026, "") == (
        b'{"seriesid":["CUSR0000SA0"],"startyear":"2015","endyear":"2026"}'
    )
    assert b'"registrationkey":"k"' in bls.request(["CUSR0000SA0"], 2015, 2026, "k")


@pytest.mark.parametrize("header", [b"observation_date", b"DATE"])
def test_claims_are_read_under_both_headers_and_a_point_is_no_value(header):
    parsed = fred.parse_csv(made.FRED_CSV.replace(b"observation_date", header), "ICSA", TODAY)

    assert values(parsed, "claims") == {
        date(2026, 1, 3): "208000",
        date(2026, 1, 17): "211000",
    }
    assert parsed.counts == {"missing": 1, "future": 1}


def test_a_mirror_in_json_carries_the_day_its_value_began():
    parsed = fred.parse_json(as_json(made.FRED_JSON), "ICSA", TODAY)

    assert values(parsed, "claims") == {date(2026, 1, 3): "208000"}
    assert parsed.figures[0].provider_at.astimezone(UTC) == datetime(2026, 1, 8, 5, tzinfo=UTC)
    assert parsed.counts == {"missing": 1, "unreadable": 1}  # the ninth was a Friday


def test_a_mirrors_errors_are_told_apart():
    with pytest.raises(DataError, match="is the id gone"):
        fred.parse_json(as_json({"error_code": 400, "error_message": "no"}), "ICSA", TODAY)
    with pytest.raises(VenueThrottled):
        fred.parse_json(as_json({"error_code": 429}), "ICSA", TODAY)
    with pytest.raises(DataError, match="not one of dates and DGS10"):
        fred.parse_csv(made.FRED_CSV, "DGS10", TODAY)


def test_state_claims_are_summed_and_a_week_that_lacks_a_state_is_left_out():
    parsed = dol.parse(made.DOL, date(2026, 1, 25), jurisdictions=2)

    assert values(parsed, "claims-nsa") == {date(2026, 1, 10): "55000"}
    assert parsed.counts == {"missing": 1, "incomplete": 1}


def test_a_state_with_two_numbers_makes_its_week_incomplete():
    twice = made.DOL + b"NY,1/17/2026,2,1/10/2026,15001,0,1\n"
    with pytest.raises(DataError, match="no figure"):
        dol.parse(twice, date(2026, 1, 25), jurisdictions=2)


def test_a_null_tenor_and_an_absent_one_are_both_missing():
    parsed = treasury.parse_xml(made.TREASURY_XML, TODAY)

    assert values(parsed, "par-yield-10y") == {
        date(2026, 1, 14): "4.15",
        date(2026, 1, 20): "4.17",
    }
    assert parsed.counts == {"missing": 2}


def test_the_table_of_yields_is_read_by_column_name():
    parsed = treasury.parse_csv(made.TREASURY_CSV, TODAY)

    assert values(parsed, "par-yield-10y") == {
        date(2026, 1, 15): "4.10",
        date(2026, 1, 20): "4.17",
    }


def test_entities_that_would_grow_without_end_are_refused_before_they_are_read():
    bomb = b'<!DOCTYPE a [<!ENTITY b "c">]>' + made.TREASURY_XML
    with pytest.raises(DataError, match="declaration"):
        treasury.parse_xml(bomb, TODAY)


def test_the_day_of_the_gasoline_page_is_in_its_text_and_yesterday_is_read_again():
    parsed = gasoline.parse_aaa(made.AAA, TODAY)

    assert values(parsed, "aaa-regular") == {
        date(2026, 1, 19): "2.850",
        date(2026, 1, 20): "2.853",
    }


def test_a_gasoline_page_of_tomorrow_is_of_the_future():
    with pytest.raises(DataError, match="no figure"):
        gasoline.parse_aaa(made.AAA, date(2026, 1, 18))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"Price as of\n 1/20/26", b"Prices", "names 0 days"),
        (b"1/20/26</p>", b"1/20/26</p><p>price as of 1/19/26</p>", "names 2 days"),
        (b"<th>Regular</th>", b"<th>Unleaded</th>", "no column of regular"),
    ],
)
def test_another_gasoline_page_is_refused(old, new, said):
    with pytest.raises(DataError, match=said):
        gasoline.parse_aaa(made.AAA.replace(old, new), TODAY)


def test_the_survey_takes_text_and_numbers_and_leaves_other_areas_out():
    parsed = gasoline.parse_eia(as_json(made.EIA), TODAY)

    assert values(parsed, "eia-regular") == {
        date(2026, 1, 12): "2.86",
        date(2026, 1, 19): "2.846",
    }
    assert parsed.counts == {"missing": 1, "unknown": 1}


def test_the_survey_in_another_unit_is_not_taken():
    cents = copy.deepcopy(made.EIA)
    for row in cents["response"]["data"]:
        row["units"] = "CENTS/GAL"
    with pytest.raises(DataError, match=r"no figure.*CENTS/GAL"):
        gasoline.parse_eia(as_json(cents), TODAY)


def test_lines_among_labels_hold_no_value_and_a_smaller_month_is_of_the_next_year():
    parsed = nowcast.parse(as_json(made.NOWCAST), TODAY)

    assert values(parsed, "nowcast-month-cpi-2025-12") == {
        date(2025, 12, 30): "0.21",
        date(2025, 12, 31): "0.22",
        date(2026, 1, 12): "0.25",
    }
    assert values(parsed, "nowcast-month-cpi-actual-2025-12") == {date(2026, 1, 13): "0.307"}


def test_a_nowcast_is_known_from_the_day_after_its_label():
    parsed = nowcast.parse(as_json(made.NOWCAST), TODAY)
    series = nowcast.name("month", "cpi", date(2025, 12, 1))

    assert nowcast.known(parsed, series, date(2026, 1, 12)) == "0.22"
    assert nowcast.known(parsed, series, date(2026, 1, 13)) == "0.25"
    assert nowcast.known(parsed, series, date(2025, 12, 30)) is None


def test_a_chart_whose_values_do_not_stand_one_to_a_label_is_left_out_whole():
    shifted = [*copy.deepcopy(made.NOWCAST), *copy.deepcopy(made.NOWCAST)]
    shifted[1]["chart"]["subcaption"] = "2026-1"
    shifted[1]["dataset"][1]["data"].pop()
    parsed = nowcast.parse(as_json(shifted), TODAY)

    assert parsed.counts["unreadable"] == 1
    assert not [one for one in parsed.figures if one.series.endswith("2026-01")]


@pytest.mark.parametrize(
    "parse",
    [
        lambda data: bls.parse(data, made.BLS_IDS, TODAY),
        lambda data: fred.parse_csv(data, "ICSA", TODAY),
        lambda data: fred.parse_json(data, "ICSA", TODAY),
        lambda data: dol.parse(data, TODAY),
        lambda data: treasury.parse_xml(data, TODAY),
        lambda data: treasury.parse_csv(data, TODAY),
        lambda data: gasoline.parse_aaa(data, TODAY),
        lambda data: gasoline.parse_eia(data, TODAY),
        lambda data: nowcast.parse(data, TODAY),
    ],
)
@pytest.mark.parametrize("payload", [PAGE, b"", b"{}", b"[]", b"null", b"\xff\xfe", b"a,b\n1,2\n"])
def test_a_page_or_nothing_where_data_was_due_is_refused(parse, payload):
    with pytest.raises(DataError):
        parse(payload)
