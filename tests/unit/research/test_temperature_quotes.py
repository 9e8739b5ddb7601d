"""Recorded quotes: brackets off the tickers, middles, gaps."""

from datetime import UTC, date, datetime, timedelta

import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.research.temperature.quotes import file_of, load_quotes
from tests.temperature_days import write_rows

NAME = "KXHIGHNY-25DEC05"
BEGIN = datetime(2025, 12, 5, 15, tzinfo=UTC)


def row(strike, seconds, bid, no_bid, name=NAME):
    return {
        "event_day": date(2025, 12, 5),
        "ticker": f"{name}-{strike}",
        "ts_utc": BEGIN + timedelta(seconds=seconds),
        "yes_bid": bid,
        "no_bid": no_bid,
    }


def quoted(folder, *rows):
    file = folder / "quotes.parquet"
    write_rows(file, list(rows))
    return load_quotes(file, load_stations())


LADDER = (row("T30", 0, 10, 86), row("B30.5", 1, 50, 46), row("T31", 2, 30, 66))


def test_the_lowest_threshold_pays_below_and_the_highest_above(tmp_path):
    (event,), left_out = quoted(tmp_path, *LADDER)
    assert left_out == {}
    assert [(p.low, p.high) for p in event.brackets.payoffs] == [(None, 29), (30, 31), (32, None)]
    assert event.day == date(2025, 12, 5).toordinal()
    assert event.start_s == datetime(2025, 12, 5, 5, tzinfo=UTC).timestamp()


def test_a_middle_lies_between_the_bid_and_a_dollar_less_the_other_bid(tmp_path):
    (event,), _ = quoted(tmp_path, *LADDER, row("B30.5", 5, 54, 44))
    found = event.shares(event.at[-2:])
    assert found[0].tolist() == pytest.approx([0.12 / 0.96, 0.52 / 0.96, 0.32 / 0.96])
    assert found[1].tolist() == pytest.approx([0.12 / 0.99, 0.55 / 0.99, 0.32 / 0.99])
    assert event.age(event.at[-1:]).tolist() == [[5.0, 0.0, 3.0]]
    assert event.count_over(event.at[-1:], 4.0).tolist() == [2.0]


def test_flow_is_how_far_both_prices_went_up(tmp_path):
    (event,), _ = quoted(tmp_path, *LADDER, row("B30.5", 5, 54, 44))
    # The bid rose by four cents and the ask by two; first quotes are no move.
    assert event.flow_over(event.at[-1:], 60.0).tolist() == [[0.0, pytest.approx(600.0), 0.0]]


def test_the_first_change_after_a_gap_is_no_moment(tmp_path):
    late = (row("B30.5", 4000, 60, 36), row("B30.5", 4001, 61, 36))
    (event,), _ = quoted(tmp_path, *LADDER, *late)
    assert event.changes.tolist() == [event.at[1], event.at[2], event.at[4]]


def test_a_ladder_with_a_hole_or_without_a_station_is_left_out(tmp_path):
    found, left_out = quoted(
        tmp_path,
        *LADDER,
        *(row(strike, 0, 10, 80, "KXHIGHNY-25DEC06") for strike in ("T30", "B33.5", "T34")),
        *(row(strike, 0, 10, 80, "KXHIGHXX-25DEC05") for strike in ("T30", "B30.5", "T31")),
    )
    assert [event.name for event in found] == [NAME]
    assert left_out == {"not_a_partition": 1, "no-station": 1}


def test_a_file_without_a_column_is_refused(tmp_path):
    with pytest.raises(DataError, match="no_bid"):
        quoted(tmp_path, {k: v for k, v in LADDER[0].items() if k != "no_bid"})


def test_quotes_are_found_in_a_folder_or_beside_it(tmp_path):
    assert file_of(tmp_path / "kalshi_high") is None
    home = tmp_path / "kalshi_high_ny_quotes"
    home.mkdir()
    write_rows(home / "quotes.parquet", list(LADDER))
    assert file_of(tmp_path) == file_of(tmp_path / "kalshi_high") == home / "quotes.parquet"
