"""The strategy on recorded quotes: fills that quotes prove, gaps, and nothing of the future."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.momentum.horizon import QUOTES
from kalshi_alpha.momentum.pool import PoolWeights
from kalshi_alpha.momentum.strategy import Learned
from kalshi_alpha.research.backtest.fills import Evidence
from kalshi_alpha.research.replay.recorded_trades import read_recorded
from kalshi_alpha.research.temperature.page import page_of
from kalshi_alpha.research.temperature.quotes import load_quotes
from kalshi_alpha.research.temperature.replayed import (
    BORNE,
    EAGER,
    POOLED,
    SHIPPED,
    WORTH,
    days_of,
    replay_day,
    replay_days,
    replayed,
)
from kalshi_alpha.research.temperature.study import Request, study
from kalshi_alpha.research.temperature.tallies import replayed_rows
from tests.horizon_weights import by_speed
from tests.temperature_days import write_days, write_rows
from tests.unit.momentum.test_signal_odds import model
from tests.unit.momentum.test_strategy_orders import eager_terms

FIRST = date(2026, 1, 5)
STRIKES = ("T30", "B30.5", "B32.5", "T33")
NOON = 12 * 3600.0
WON = 2
ENDS = {"fills": 9, "realised": -0.06, "realised_low": -0.11, "realised_high": -0.01}


def row(day, seconds, strike, bid, ask):
    """Return a change of quotes so many seconds into the climate day; 100 is no ask."""
    at = datetime(day.year, day.month, day.day, 5, tzinfo=UTC) + timedelta(seconds=seconds)
    return {
        "event_day": day,
        "ticker": f"KXHIGHNY-{day:%y}JAN{day:%d}-{strike}",
        "ts_utc": at,
        "yes_bid": bid,
        "no_bid": 100 - ask,
    }


def opening(day, seconds=NOON - 600.0):
    """Return quotes of every bracket, wide around even odds."""
    return [row(day, seconds + k, strike, 20, 30) for k, strike in enumerate(STRIKES)]


def evening(day, won=WON):
    """Return the last quotes of a day on which one bracket has plainly won."""
    return [
        row(day, 22 * 3600.0 + k, strike, *((99, 100) if k == won else (0, 1)))
        for k, strike in enumerate(STRIKES)
    ]


def burst(day):
    """Return a bracket that rises for some seconds, and whose ask comes back to where bids are."""
    up = [row(day, NOON + k, STRIKES[WON], 20 + k, 30 + k) for k in range(1, 8)]
    return [*up, row(day, NOON + 60.0, STRIKES[WON], 22, 26)]


@pytest.fixture
def days(tmp_path):
    def made(*rows, **given):
        file = tmp_path / "quotes.parquet"
        write_rows(file, list(rows))
        events, _ = load_quotes(file, load_stations())
        return days_of(events, read_recorded(file)[0], load_stations(), 7, **given)

    return made


def played(day, terms=None):
    return replayed(day, terms or eager_terms(), Learned(day.event.start_s))


def test_an_order_fills_when_the_other_side_is_quoted_at_its_price(days):
    (day,) = days(*opening(FIRST), *burst(FIRST), *evening(FIRST))
    found = played(day)
    bought = [one for one in found.rows if one.side == "bid" and one.ticker.endswith("B32.5")]
    assert bought
    for one in bought:
        assert one.price >= 2600  # the ask that came to it
        assert one.evidence == Evidence.CROSSED
        assert (one.size, one.fee, one.is_taker) == (100, 0, False)
        assert one.settled
        assert one.realised == pytest.approx(1.0 - one.price / 10_000)
        # Marked to the middle of 22 and 26.
        assert one.markout_30s == pytest.approx(0.24 - one.price / 10_000)


def test_what_no_quote_comes_to_never_fills(days):
    (day,) = days(*opening(FIRST), *burst(FIRST)[:-1], *evening(FIRST))
    found = played(day)
    assert found.orders
    assert found.rows == ()


def test_an_order_that_is_an_hour_old_is_gone(days):
    late = row(FIRST, NOON + 3600.0, STRIKES[WON], 2, 6)
    (day,) = days(*opening(FIRST), *burst(FIRST)[:-1], late, *evening(FIRST))
    assert played(day).rows == ()


def test_nothing_is_sent_before_the_climate_day(days):
    before = [row(FIRST, -7200.0 + k, strike, 20, 30) for k, strike in enumerate(STRIKES)]
    rise = [row(FIRST, -7000.0 + k, STRIKES[WON], 20 + k, 30 + k) for k in range(1, 8)]
    (day,) = days(*before, *rise, *evening(FIRST))
    found = played(day)
    assert found.orders == 0
    assert set(found.reasons) == {"stopped"}


def test_a_day_whose_winner_is_not_plain_counts_for_nothing(days):
    both = [*evening(FIRST)[:-1], row(FIRST, 22 * 3600.0 + 9, STRIKES[0], 99, 100)]
    (day,) = days(*opening(FIRST), *burst(FIRST), *both)
    assert day.winner is None
    found = played(day)
    assert found.rows
    assert all(one.realised is None and one.settled is None for one in found.rows)
    first, _ = replayed_rows({SHIPPED: [found]})
    assert (first["fills"], first["unsettled"]) == (0, len(found.rows))


def random_day(day, seed=11, changes=900):
    """Return a day of quotes that wander, with gaps, one side missing now and then."""
    random = np.random.default_rng(seed)
    rows, last = opening(day, 8 * 3600.0), {}
    at = 8.2 * 3600.0
    middle = dict.fromkeys(STRIKES, 25.0)
    for _ in range(changes):
        at += float(random.exponential(20.0)) + 0.01
        at += 1500.0 if random.random() < 0.004 else 0.0
        strike = STRIKES[int(random.integers(4))]
        middle[strike] = float(np.clip(middle[strike] + random.normal(0.0, 3.0), 6.0, 94.0))
        half = int(random.integers(1, 6))
        top = round(middle[strike]) - half, round(middle[strike]) + half
        if last.get(strike) != top:
            last[strike] = top
            rows.append(row(day, round(at, 3), strike, *top))
    return [one for one in rows if one["ts_utc"].hour >= 5], at


def test_every_fill_is_proven_by_the_quotes_themselves(days):
    rows, _ = random_day(FIRST)
    (day,) = days(*rows, *evening(FIRST))
    found, event = played(day), day.event
    assert len(found.rows) >= 5
    for one in found.rows:
        place = event.brackets.place(one.ticker)
        second = datetime.fromisoformat(one.at).timestamp()
        now = (event.at >= second) & (event.at < second + 1.0)
        price = one.price / 10_000
        if one.side == "bid":
            assert (event.ask[now, place] <= price + 1e-9).any()
        else:
            assert (event.bid[now, place] >= price - 1e-9).any()


def test_what_comes_later_changes_nothing_that_was_done(days):
    rows, end = random_day(FIRST)
    cut = rows[len(rows) // 2]["ts_utc"]
    (whole,) = days(*rows, *evening(FIRST))
    (other,) = days(*(one for one in rows if one["ts_utc"] <= cut), *evening(FIRST, won=0))
    until = cut.timestamp()
    early = [
        [one for one in played(day).rows if datetime.fromisoformat(one.at).timestamp() < until - 40]
        for day in (whole, other)
    ]
    assert early[0]
    # What it was marked to and settled on came later; whatever was decided did not.
    same = [
        [replace(one, settled=None, realised=None, markout_30s=None) for one in each]
        for each in early
    ]
    assert same[0] == same[1]
    assert end > until - whole.event.start_s


def test_after_a_gap_every_book_is_asked_for_again(days):
    after = [row(FIRST, NOON + k, STRIKES[WON], 20 + k, 30 + k) for k in range(1, 8)]
    again = [row(FIRST, NOON + 100.0 + k, STRIKES[WON], 30 + k, 40 + k) for k in range(8)]
    (day,) = days(*opening(FIRST, NOON - 5000.0), *after, *again, *evening(FIRST))
    found = played(day)
    # The burst right after the gap meets books that are not known; a minute later they are.
    assert found.reasons["stale"] > 0
    assert found.orders > 0


def test_versions_are_those_that_something_was_fitted_for(days):
    (day,) = days(*opening(FIRST), *burst(FIRST), *evening(FIRST))
    assert list(replay_day(day)) == [SHIPPED]
    pool = PoolWeights((1.0,) * 5, 0.0, 0.0)
    rows = [*opening(FIRST), *burst(FIRST), *evening(FIRST)]
    (pooled,) = days(*rows, pool=pool)
    assert list(replay_day(pooled)) == [SHIPPED, POOLED, EAGER]
    (learned,) = days(*rows, pool=pool, fills=model(0.01))
    assert list(replay_day(learned)) == [SHIPPED, POOLED, EAGER, WORTH]


def test_a_horizon_is_asked_only_from_its_first_day(days):
    second = FIRST + timedelta(days=1)
    rows = [one for day in (FIRST, second) for one in (*opening(day), *burst(day), *evening(day))]
    given = {
        "pool": PoolWeights((1.0,) * 5, 0.0, 0.0),
        "horizons": [(second.toordinal(), by_speed(1.0, QUOTES))],
    }
    found = replay_days(days(*rows, **given))
    assert [one.day for one in found[BORNE]] == [second]
    assert [one.day for one in found[SHIPPED]] == [FIRST, second]


def test_a_coin_keeps_moments_and_distances_and_falls_the_same_way_again(days):
    rows, _ = random_day(FIRST)
    (day,) = days(*rows, *evening(FIRST))
    found = played(day)
    assert found.coin
    assert found.coin == played(day).coin
    sides = {one.side for one in found.coin}
    assert sides == {"bid", "ask"}


def test_two_processes_find_what_one_does(days):
    second = FIRST + timedelta(days=1)
    rows = [one for day in (FIRST, second) for one in (*opening(day), *burst(day), *evening(day))]
    both = days(*rows)
    assert replay_days(both, workers=2) == replay_days(both)


def test_only_the_first_look_may_be_called_an_edge(days):
    (day,) = days(*opening(FIRST), *burst(FIRST), *evening(FIRST))
    rising = played(day)
    many = [replace(rising, day=FIRST + timedelta(days=k)) for k in range(8)]
    many = [
        replace(one, rows=tuple(replace(r, day=one.day.isoformat()) for r in one.rows), coin=())
        for one in many
    ]
    rows = {one["strategy"]: one for one in replayed_rows({SHIPPED: many, POOLED: many})}
    assert rows[SHIPPED]["verdict"] == "edge"
    assert rows[POOLED]["verdict"] == "one-of-many"
    assert rows[SHIPPED]["fills_by_evidence"]["crossed"] == rows[SHIPPED]["fills"] > 0


def test_the_study_replays_quotes_that_lie_beside_the_trades(tmp_path):
    folder = write_days(tmp_path, 49, trades=60)
    home = folder / "kalshi_high_ny_quotes"
    home.mkdir()
    second = FIRST + timedelta(days=1)
    rows = [one for day in (FIRST, second) for one in (*opening(day), *burst(day), *evening(day))]
    write_rows(home / "quotes.parquet", rows)
    steps = []
    found = study(
        Request((folder,), parts=("replayed",)),
        load_stations(),
        lambda part, done, of: steps.append((part, done, of)),
    ).document
    names = [one["strategy"] for one in found["replayed"]]
    assert names[::2] == [SHIPPED, POOLED, EAGER]
    assert all(one["days"] == 2 for one in found["replayed"])
    assert ("strategy on quotes", 2, 2) in steps
    assert any("kalshi_high_ny_quotes/quotes.parquet" in name for name in found["provenance"])
    titles = [section.heading for section in page_of(found).sections]
    assert titles[-1] == "The strategy on recorded quotes"
    fact = page_of(found).facts[2]
    assert fact.name == "On recorded quotes, cents a contract"
    bad = found | {"replayed": [found["replayed"][0] | ENDS, *found["replayed"][1:]]}
    assert page_of(bad).facts[2].status == "bad"


@pytest.mark.shared_data
def test_every_recorded_day_of_quotes_says_plainly_who_won(shared_data):
    file = shared_data / "kalshi_high_ny_quotes" / "quotes.parquet"
    events, _ = load_quotes(file, load_stations())
    found = days_of(events, read_recorded(file)[0], load_stations(), 1)
    assert len(found) == 16
    assert all(day.winner is not None for day in found)
