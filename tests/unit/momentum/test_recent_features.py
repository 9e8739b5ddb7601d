"""What runs live computes the features that the study fits on, from the same days."""

import json
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.momentum.recent import NAMES, Recent
from kalshi_alpha.research.temperature.features import features_at
from kalshi_alpha.research.temperature.panel import Traded
from kalshi_alpha.research.temperature.quotes import load_quotes
from kalshi_alpha.research.temperature.trades import load
from tests.temperature_days import FIRST, write_days, write_rows


@pytest.fixture(scope="module")
def traded(tmp_path_factory):
    """One made day with a trade a minute, some of them within a second."""
    folder = write_days(tmp_path_factory.mktemp("data"), 1, trades=1400)
    return load([folder], load_stations()).events[0]


@pytest.fixture(scope="module")
def quoted(tmp_path_factory):
    """One made day of quotes that come and go, with sides that nobody quotes."""
    random = np.random.default_rng(5)
    begin = datetime(2025, 12, 5, 15, tzinfo=UTC)
    strikes = ("T30", "B30.5", "B32.5", "T33")
    rows, last = [], {}
    seconds = np.cumsum(0.01 + random.exponential(8.0, 900))
    for k, second in enumerate(seconds.tolist()):
        strike = strikes[k % 4 if k < 4 else int(random.integers(4))]
        bid = int(random.integers(0, 40))
        top = (bid, int(random.integers(0, 99 - bid)))
        if last.get(strike) != top:
            last[strike] = top
            rows.append(
                {
                    "event_day": date(2025, 12, 5),
                    "ticker": f"KXHIGHNY-25DEC05-{strike}",
                    "ts_utc": begin + timedelta(seconds=round(second, 3)),
                    "yes_bid": top[0],
                    "no_bid": top[1],
                }
            )
    file = tmp_path_factory.mktemp("quotes") / "quotes.parquet"
    write_rows(file, rows)
    (event,), _ = load_quotes(file, load_stations())
    return event


def trades_of(event):
    """Yield the trades of an event as a strategy is told them."""
    rows = zip(event.at, event.bracket, event.price, event.count, event.bought, strict=True)
    for at, place, price, count, bought in rows:
        size = round(float(count) * 100)
        yield float(at), int(place), round(float(price) * 10_000), size, bool(bought)


def test_by_trades_it_is_what_the_study_computes(traded):
    recent, found = Recent(len(traded.brackets), traded.start_s), []
    for at, place, price, size, bought in trades_of(traded):
        recent.trade(at, place, price, size, bought=bought)
        found.append([recent.features(at, k) for k in range(len(traded.brackets))])
    wanted = features_at(Traded.of(traded), traded.at, traded.start_s)
    assert wanted.shape[2] == len(NAMES)
    np.testing.assert_allclose(np.array(found), wanted, rtol=0.0, atol=1e-12)


def test_by_quotes_it_is_what_the_study_computes(quoted):
    places = len(quoted.brackets)
    recent, found = Recent(places, quoted.start_s), []
    told = quoted.heard == quoted.at[:, None]
    for k, at in enumerate(quoted.at.tolist()):
        for place in np.flatnonzero(told[k]).tolist():
            bid, ask = (round(float(side[k, place]) * 10_000) for side in (quoted.bid, quoted.ask))
            recent.quote(at, place, bid or None, ask if ask < 10_000 else None)
        found.append([recent.features(at, place) for place in range(places)])
    wanted = features_at(quoted, quoted.at, quoted.start_s)
    np.testing.assert_allclose(np.array(found), wanted, rtol=0.0, atol=1e-12)


def test_it_goes_on_elsewhere_as_if_it_never_stopped(traded):
    whole, places = Recent(len(traded.brackets), traded.start_s), range(len(traded.brackets))
    for k, (at, place, price, size, bought) in enumerate(trades_of(traded)):
        whole.trade(at, place, price, size, bought=bought)
        if k % 300 == 299:
            again = Recent.from_json(json.loads(json.dumps(whole.to_json())))
            assert [again.features(at + 7.0, k) for k in places] == [
                whole.features(at + 7.0, k) for k in places
            ]
            whole = again


def test_it_keeps_five_minutes_and_not_the_day(traded):
    recent = Recent(len(traded.brackets), traded.start_s)
    for at, place, price, size, bought in trades_of(traded):
        recent.trade(at, place, price, size, bought=bought)
    kept = recent.to_json()["rows"]
    late = sum(at > traded.at[-1] - 300.0 for at, *_ in kept)
    assert late < len(kept) <= late + 1 + 64 < len(traded.at) // 2


def test_a_quote_that_moves_nothing_is_not_heard():
    recent = Recent(2, 0.0)
    recent.quote(10.0, 0, 4000, 4400)
    before = recent.features(20.0, 0)
    recent.quote(15.0, 0, 4000, 4400)
    assert recent.features(20.0, 0) == before


def test_a_clock_that_is_behind_counts_as_of_the_last():
    recent = Recent(2, 0.0)
    recent.trade(100.0, 0, 4000, 100, bought=True)
    recent.trade(90.0, 1, 6000, 100, bought=False)
    assert recent.features(100.0, 1)[NAMES.index("age")] == 0.0


def test_nothing_is_known_before_the_first_event():
    recent = Recent(2, 0.0)
    assert not recent.reaches(0.0)
    with pytest.raises(DataError, match="nothing was heard"):
        recent.features(0.0, 0)


def test_the_made_day_is_the_one_that_is_meant(traded):
    assert traded.day == FIRST


def test_it_reaches_back_once_it_has_heard_for_five_minutes():
    recent = Recent(2, 0.0)
    recent.trade(100.0, 0, 4000, 100, bought=True)
    recent.trade(300.0, 0, 4100, 100, bought=True)
    assert not recent.reaches(399.0)
    assert recent.reaches(400.0)
