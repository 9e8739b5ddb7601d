"""Decided temperature events pulled from the twin over real HTTP: what was recorded comes back."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from kalshi_alpha.cli.app import app
from kalshi_alpha.clock import SystemClock
from kalshi_alpha.errors import DataError, VenueUnavailable
from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.rehearsal.exchange.temperatures import (
    DECIDED_AFTER,
    list_temperatures,
    temperature_terms,
)
from kalshi_alpha.rehearsal.recorded_temperature import recorded_day
from kalshi_alpha.rehearsal.tape_player import TapePlayer
from kalshi_alpha.research.temperature.pulling import days_between, pull
from kalshi_alpha.research.temperature.trades import load
from kalshi_alpha.venues.kalshi.reader import KalshiReader
from tests.exchange_host import Host, hosting

DAY = recorded_day(date(2024, 12, 3))
TRADES = list(DAY.trades())[:600]
SERIES = "KXHIGHNY"


def _list(server):
    for market in list_temperatures(DAY):
        server.engine.list_market(market)
    server.engine.override_fees(DAY.event, temperature_terms())


def _played(host: Host) -> None:
    player = TapePlayer(host.engine)
    for trade in TRADES:
        left = (trade.at - host.clock.now()).total_seconds()
        if left > 0:
            host.clock.advance(left)
        player.play(trade)


@pytest.fixture(scope="module")
def host():
    """The twin with a recorded New York day traded and not yet decided."""
    levels = {load_stations().of(SERIES).station: float(DAY.settled)}
    with hosting(now=DAY.opens, levels=levels, listed=_list, maintenance=False) as made:
        made.run(lambda: _played(made))
        yield made


@pytest.fixture
def decided(host):
    """The same after its markets were decided and paid."""
    paid = DAY.closes + DECIDED_AFTER + host.engine.settlement_delay + timedelta(minutes=10)
    left = (paid - host.clock.now()).total_seconds()
    if left > 0:
        host.pass_time(left)
    return host


def pulled(host, folder, *days):
    reader = KalshiReader(host.base, SystemClock())
    try:
        return pull(reader, [SERIES], days or [DAY.day], folder)
    finally:
        reader.close()


def test_a_day_that_is_not_decided_is_left_for_later(host, tmp_path):
    found = pulled(host, tmp_path)
    assert (found.undecided, found.pulled) == ((DAY.event,), ())
    assert not list(found.folder.iterdir())


def test_every_trade_and_every_result_comes_back(decided, tmp_path):
    found = pulled(decided, tmp_path)
    assert (found.pulled, found.trades) == ((DAY.event,), len(TRADES))
    rows = pq.read_table(found.folder / "trades_kxhighny.parquet").to_pylist()
    told = [(r["ticker"], round(r["yes_price"] * 100), r["count"], r["taker_yes"]) for r in rows]
    meant = [(t.ticker, t.price, t.size / 100, t.taker.sign > 0) for t in TRADES]
    assert sorted(told) == sorted(meant)
    assert [r["ts_utc"] for r in rows] == sorted(r["ts_utc"] for r in rows)
    (event,) = load([tmp_path], load_stations()).events
    assert event.brackets.tickers[event.winner] == next(m.ticker for m in DAY.markets if m.won)
    assert len(event.at) == len(TRADES)


def test_what_is_stored_is_not_asked_for_again_and_days_the_venue_lacks_are_named(
    decided, tmp_path
):
    first = pulled(decided, tmp_path)
    before = {file.name: file.read_bytes() for file in first.folder.iterdir()}
    again = pulled(decided, tmp_path, DAY.day, DAY.day + timedelta(days=1))
    assert (again.there, again.pulled, again.trades) == ((DAY.event,), (), 0)
    assert again.unknown == ("KXHIGHNY-24DEC04",)
    assert {file.name: file.read_bytes() for file in again.folder.iterdir()} == before


class Cut:
    """A venue that is lost after some answers."""

    def __init__(self, reader, answers):
        self._reader, self._left = reader, answers

    def markets(self, event):
        return self._reader.markets(event)

    def trades(self, ticker):
        if not self._left:
            raise VenueUnavailable("the venue did not answer")
        self._left -= 1
        return self._reader.trades(ticker)


def test_a_pull_that_was_cut_off_goes_on_and_ends_like_one_that_was_not(decided, tmp_path):
    reader = KalshiReader(decided.base, SystemClock())
    with pytest.raises(VenueUnavailable):
        pull(Cut(reader, 3), [SERIES], [DAY.day], tmp_path / "cut")
    pull(reader, [SERIES], [DAY.day], tmp_path / "cut")
    pull(reader, [SERIES], [DAY.day], tmp_path / "whole")
    reader.close()
    for name in ("markets.parquet", "trades_kxhighny.parquet"):
        cut, whole = (tmp_path / which / "kalshi_high" / name for which in ("cut", "whole"))
        assert cut.read_bytes() == whole.read_bytes()


def test_rows_of_an_event_that_was_left_half_stored_are_replaced(decided, tmp_path):
    whole = pulled(decided, tmp_path)
    (whole.folder / "markets.parquet").unlink()  # its trades were written, and then the light went
    pulled(decided, tmp_path)
    assert len(pq.read_table(whole.folder / "trades_kxhighny.parquet")) == len(TRADES)


def test_a_store_of_older_days_with_more_columns_is_kept(decided, tmp_path):
    folder = tmp_path / "kalshi_high"
    folder.mkdir()
    old = {
        "ticker": "HIGHNY-24NOV01-T60", "event_ticker": "HIGHNY-24NOV01", "strike_type": "less",
        "floor_strike": None, "cap_strike": 60.0, "result": "no", "subtitle": "59 or below",
        "event_day": date(2024, 11, 1),
    }  # fmt: skip

    pq.write_table(pa.Table.from_pylist([old]), folder / "markets.parquet")
    pulled(decided, tmp_path)
    rows = pq.read_table(folder / "markets.parquet").to_pylist()
    assert rows[0]["subtitle"] == "59 or below"
    assert {row["event_ticker"] for row in rows} == {"HIGHNY-24NOV01", DAY.event}


def invoke(*words):
    return CliRunner().invoke(app, ["temperature", "pull", *map(str, words)])


def test_the_command_pulls_and_says_what_came(decided, tmp_path):
    words = ("--from", DAY.day, "--to", DAY.day, "--series", SERIES, "--store", tmp_path)
    done = invoke(*words, "--venue", decided.base, "--json")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["pulled"] == [DAY.event]
    assert answer["trades"] == len(TRADES)
    told = invoke(*words, "--venue", decided.base)
    assert "stored before" in told.stdout


def test_a_series_or_a_span_that_is_none_is_refused_in_a_sentence(tmp_path):
    done = invoke("--from", "2026-01-02", "--to", "2026-01-02", "--series", "KXRAIN",
                  "--store", tmp_path)  # fmt: skip
    assert "there is no temperature series KXRAIN" in str(done.exception or done.output)
    with pytest.raises(DataError, match="can be asked for at once"):
        days_between(date(2026, 1, 2), date(2026, 1, 1))
