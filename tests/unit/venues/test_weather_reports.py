"""The daily climate report: what is read of real ones, and what is refused in a sentence."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.venues.weather.reports import parse_report
from tests.weather_payloads import CHI, MIA, NYC, changed, text


@pytest.mark.parametrize(
    ("name", "station", "day", "maximum", "at", "issued"),
    [
        (
            "nyc_final",
            NYC,
            date(2026, 7, 8),
            85,
            time(15, 47),
            datetime(2026, 7, 9, 6, 26, tzinfo=UTC),
        ),
        (
            "nyc_record",
            NYC,
            date(2026, 7, 2),
            100,
            time(14, 47),
            datetime(2026, 7, 3, 6, 19, tzinfo=UTC),
        ),
        (
            "mia_final",
            MIA,
            date(2026, 7, 8),
            92,
            time(14, 28),
            datetime(2026, 7, 9, 8, 25, tzinfo=UTC),
        ),
        (
            "chi_final",
            CHI,
            date(2026, 7, 8),
            89,
            time(14, 56),
            datetime(2026, 7, 9, 6, 34, tzinfo=UTC),
        ),
    ],
)
def test_a_final_report_gives_its_day_maximum_and_times(name, station, day, maximum, at, issued):
    report = parse_report(text(name), station)

    assert (report.cli, report.day, report.status) == (station.cli, day, "final")
    assert (report.maximum, report.maximum_at) == (maximum, at)
    assert report.issued_at == issued
    assert report.valid_until is None
    assert report.correction == ""


@pytest.mark.parametrize(
    ("name", "station", "maximum", "until"),
    [
        ("nyc_intermediate", NYC, 82, 20),
        ("mia_intermediate", MIA, 92, 20),
        ("chi_intermediate", CHI, 87, 21),
    ],
)
def test_an_afternoon_report_is_preliminary_and_says_until_when(name, station, maximum, until):
    report = parse_report(text(name), station)

    assert (report.status, report.maximum) == ("preliminary", maximum)
    assert report.valid_until == datetime(2026, 7, 9, until, tzinfo=UTC)


def test_the_mark_of_a_record_is_no_part_of_the_number():
    assert parse_report(text("nyc_record"), NYC).record
    assert not parse_report(text("nyc_final"), NYC).record


@pytest.mark.parametrize("row", ["MM     MM   ", "M       M   ", "MM          "])
def test_a_missing_maximum_is_none_and_never_zero(row):
    missing = changed("nyc_final", ("MAXIMUM         85    347 PM", f"MAXIMUM         {row}"))
    report = parse_report(missing, NYC)

    assert report.maximum is None
    assert report.maximum_at is None


def test_a_negative_maximum_is_read():
    cold = changed("nyc_final", ("MAXIMUM         85 ", "MAXIMUM         -3 "))
    assert parse_report(cold, NYC).maximum == -3


@pytest.mark.parametrize(
    ("swap", "mark"),
    [
        (("KOKX 090626", "KOKX 090626 CCA"), "CCA"),
        (("CLIMATE REPORT ", "CLIMATE REPORT...CORRECTED"), "CORRECTED"),
        (("CLIMATE REPORT ", "CLIMATE REPORT CORRECTION "), "CORRECTED"),
    ],
)
def test_a_correction_says_that_it_is_one(swap, mark):
    assert parse_report(changed("nyc_final", swap), NYC).correction == mark


def test_a_report_issued_after_midnight_in_the_next_month_is_read():
    moved = changed(
        "nyc_final",
        ("KOKX 090626", "KOKX 010626"),
        ("THU JUL 09 2026", "WED JUL 01 2026"),
        ("JULY 8 2026...", "JUNE 30 2026..."),
    )
    assert parse_report(moved, NYC).day == date(2026, 6, 30)


def test_a_report_for_another_station_is_refused_by_its_name():
    with pytest.raises(DataError, match="CLIMIA is of another station than CLINYC of KXHIGHNY"):
        parse_report(text("mia_final"), NYC)


def test_a_place_with_a_wide_space_in_it_is_the_same_place():
    wide = changed("nyc_final", ("THE CENTRAL PARK NY CLIMATE", "THE CENTRAL  PARK NY CLIMATE"))
    assert parse_report(wide, NYC).maximum == 85


def test_a_report_of_another_place_under_the_right_name_is_refused():
    ohare = changed("chi_final", ("CHICAGO-MIDWAY CLIMATE SUM", "CHICAGO-OHARE CLIMATE SUM"))
    with pytest.raises(DataError, match="CHICAGO-OHARE, which is another station"):
        parse_report(ohare, CHI)


@pytest.mark.parametrize(
    ("swaps", "said"),
    [
        ([("CLINYC", "CLI")], "holds 0 times a name"),
        ([("CDUS41 KOKX 090626", "")], "0 times a line of the wire"),
        ([("226 AM EDT THU JUL 09 2026", "")], "0 times a time of issue"),
        ([("226 AM EDT", "226 AM CET")], "CET of JUL, which is not known"),
        ([("JUL 09 2026", "JUL 32 2026")], "no day"),
        ([("226 AM EDT", "1326 AM EDT")], "1326 AM, which is none"),
        ([("KOKX 090626", "KOKX 091826")], "one of the clocks is wrong"),
        ([("FOR JULY 8 2026...", "FOR SOMEDAY 8 2026...")], "SOMEDAY 8 2026, which is no day"),
        ([("FOR JULY 8 2026...", "FOR LATER")], "0 headlines"),
        ([("TEMPERATURE (F)    ", "TEMP (F)           ")], "0 blocks of temperatures"),
        ([("  MAXIMUM         85 ", "  HIGHEST         85 ")], "0 rows of a maximum"),
        ([("MAXIMUM         85 ", "MAXIMUM       85.5 ")], "is not known"),
        ([("MAXIMUM         85 ", "MAXIMUM        850 ")], "850 degrees: that is not believed"),
        ([("MINIMUM         64 ", "MAXIMUM         64 ")], "2 rows of a maximum"),
        ([(" YESTERDAY     ", " LAST WEEK     ")], "today or yesterday"),
        ([("FOR JULY 8 2026...", "FOR JULY 20 2026...")], "before its day began"),
    ],
)
def test_a_report_that_is_not_whole_is_refused(swaps, said):
    with pytest.raises(DataError, match=said):
        parse_report(changed("nyc_final", *swaps), NYC)


def test_yesterday_and_a_time_up_to_which_it_is_valid_contradict_each_other():
    torn = changed("nyc_intermediate", (" TODAY      ", " YESTERDAY  "))
    with pytest.raises(DataError, match="speaks of yesterday and is valid as of"):
        parse_report(torn, NYC)


def test_two_times_of_validity_are_refused():
    line = "VALID TODAY AS OF 0400 PM LOCAL TIME."
    both = changed("nyc_intermediate", (line, f"{line}\nVALID AS OF 0500 PM LOCAL TIME."))
    with pytest.raises(DataError, match="valid as of two times"):
        parse_report(both, NYC)


@pytest.mark.parametrize(("payload", "said"), [(b"\xff", "UTF-8"), (b"x" * 50_000, "characters")])
def test_what_is_no_report_at_all_is_refused(payload, said):
    with pytest.raises(DataError, match=said):
        parse_report(payload, NYC)


@pytest.mark.shared_data
def test_every_recorded_report_is_read(shared_data):
    from kalshi_alpha.markets.stations import load_stations

    by_name = {one.cli: one for one in load_stations().by_series.values()}
    found = {}
    for file in sorted((shared_data / "weather" / "cli_text").glob("*.txt")):
        payload = file.read_bytes()
        name = next(line for line in payload.decode().split() if line.startswith("CLI"))
        report = parse_report(payload, by_name[name])
        found[file.stem] = (report.status, report.maximum)

    assert found == {
        "aus_final": ("final", 99),
        "aus_intermediate": ("preliminary", 98),
        "chi_final": ("final", 89),
        "chi_intermediate": ("preliminary", 87),
        "den_final": ("final", 94),
        "den_intermediate": ("preliminary", 65),
        "mia_final": ("final", 92),
        "mia_intermediate": ("preliminary", 92),
        "nyc_final": ("final", 85),
        "nyc_intermediate": ("preliminary", 82),
        "nyc_record": ("final", 100),
        "phl_final": ("final", 86),
        "phl_intermediate": ("preliminary", 81),
    }
