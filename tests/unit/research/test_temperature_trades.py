"""Recorded events: what is read, what is left out, and what is refused."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.research.temperature.trades import Recorded, load
from tests.temperature_days import market_rows, trade_row, write_days, write_rows

DAY = date(2024, 9, 3)
NOON = datetime(2024, 9, 3, 17, tzinfo=UTC)


def loaded(folder, markets, trades) -> Recorded:
    write_rows(folder / "markets.parquet", markets)
    write_rows(folder / "trades_kxhighny.parquet", trades)
    return load([folder], load_stations())


def test_an_event_has_its_brackets_ascending_its_winner_and_its_trades_in_order(tmp_path):
    markets = market_rows("KXHIGHNY", DAY, winner=2)
    later = NOON.replace(hour=18)
    trades = [
        trade_row(markets[2], DAY, later, 60, 3, bought=True),
        trade_row(markets[0], DAY, NOON, 4, 7, bought=False),
    ]
    found = loaded(tmp_path, markets[::-1], trades)
    (event,) = found.events
    assert event.name == "KXHIGHNY-24SEP03"
    assert event.brackets.tickers == tuple(row["ticker"] for row in markets)
    assert event.winner == 2
    assert event.at.tolist() == [NOON.timestamp(), later.timestamp()]
    assert event.bracket.tolist() == [0, 2]
    assert event.price.tolist() == [0.04, 0.60]
    assert event.count.tolist() == [7.0, 3.0]
    assert event.bought.tolist() == [False, True]
    assert found.left_out == {}
    assert found.trades == 2


def test_the_day_begins_at_midnight_of_standard_time_in_summer_too(tmp_path):
    markets = market_rows("KXHIGHNY", DAY, winner=2)
    found = loaded(tmp_path, markets, [trade_row(markets[0], DAY, NOON, 4, 7, bought=False)])
    assert found.events[0].start_s == datetime(2024, 9, 3, 5, tzinfo=UTC).timestamp()


def test_the_old_name_of_a_series_is_the_same_series(tmp_path):
    markets = [
        {**row, **{k: row[k].replace("KXHIGH", "HIGH") for k in ("ticker", "event_ticker")}}
        for row in market_rows("KXHIGHNY", DAY, winner=2)
    ]
    found = loaded(tmp_path, markets, [trade_row(markets[0], DAY, NOON, 4, 7, bought=False)])
    assert found.events[0].series == "KXHIGHNY"


def _hole(rows):
    return rows[:2] + rows[3:]


def _overlap(rows):
    return [*rows[:2], {**rows[2], "floor_strike": rows[2]["floor_strike"] - 1}, *rows[3:]]


def _two_winners(rows):
    return [{**rows[0], "result": "yes"}, *rows[1:]]


def _unsettled(rows):
    return [{**rows[0], "result": ""}, *rows[1:]]


def _elsewhere(rows):
    keys = ("ticker", "event_ticker")
    return [{**row, **{k: row[k].replace("HIGHNY", "HIGHXX") for k in keys}} for row in rows]


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (_hole, "not_a_partition"),
        (_overlap, "not_a_partition"),
        (_two_winners, "no-single-winner"),
        (_unsettled, "no-single-winner"),
        (_elsewhere, "no-station"),
    ],
)
def test_an_unsound_event_is_left_out_and_counted_once(tmp_path, spoil, rule):
    good = market_rows("KXHIGHNY", date(2024, 9, 4), winner=1)
    spoilt = spoil(market_rows("KXHIGHNY", DAY, winner=2))
    trades = [
        trade_row(good[0], date(2024, 9, 4), NOON, 4, 7, bought=False),
        trade_row(spoilt[0], DAY, NOON, 4, 7, bought=False),
    ]
    found = loaded(tmp_path, [*good, *spoilt], trades)
    assert [event.name for event in found.events] == ["KXHIGHNY-24SEP04"]
    assert found.left_out == {rule: 1}


def test_events_without_a_listing_and_without_trades_are_counted_apart(tmp_path):
    good = market_rows("KXHIGHNY", DAY, winner=1)
    silent = market_rows("KXHIGHNY", date(2024, 9, 5), winner=1)
    unlisted = market_rows("KXHIGHNY", date(2024, 9, 6), winner=1)
    trades = [
        trade_row(good[0], DAY, NOON, 4, 7, bought=False),
        trade_row(unlisted[0], DAY, NOON, 4, 7, bought=False),
    ]
    found = loaded(tmp_path, [*good, *silent], trades)
    assert found.left_out == {"no-result": 1, "no-trades": 1}


def test_a_price_outside_the_grid_is_refused_with_its_row(tmp_path):
    markets = market_rows("KXHIGHNY", DAY, winner=1)
    trades = [
        trade_row(markets[0], DAY, NOON, 4, 7, bought=False),
        trade_row(markets[0], DAY, NOON, 100, 7, bought=False),
    ]
    with pytest.raises(DataError, match="7 contracts at 100 cents is no trade") as refused:
        loaded(tmp_path, markets, trades)
    assert "row 2" in str(refused.value)


def test_an_event_in_two_folders_is_refused(tmp_path):
    for name in ("a", "b"):
        write_days(tmp_path / name, 1)
    with pytest.raises(DataError, match="was read before"):
        load([tmp_path / "a", tmp_path / "b"], load_stations())


def test_a_folder_without_markets_is_refused_with_a_way_out(tmp_path):
    with pytest.raises(DataError, match="name another folder"):
        load([tmp_path], load_stations())


def test_an_event_cut_off_knows_nothing_later(tmp_path):
    event = load([write_days(tmp_path, 1)], load_stations()).events[0]
    cut = event.until(float(event.at[10]))
    assert cut.at.tolist() == event.at[:11].tolist()
    assert cut.winner == event.winner
    assert np.array_equal(cut.price, event.price[:11])
