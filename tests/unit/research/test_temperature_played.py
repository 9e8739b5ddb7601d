"""Orders against trades, rules chosen on days before, and what is made of it."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.momentum.brackets import bracket_set
from kalshi_alpha.research.backtest.fills import Evidence
from kalshi_alpha.research.backtest.summary import EDGE, NOT_SHOWN, Sample
from kalshi_alpha.research.temperature.filtering import SETTINGS, panel_of
from kalshi_alpha.research.temperature.leanings import Leaning, signalled, valued
from kalshi_alpha.research.temperature.orders import (
    CHARGED,
    Assumed,
    Order,
    Tape,
    charged,
    fills_of,
    mirrored,
)
from kalshi_alpha.research.temperature.panel import Traded
from kalshi_alpha.research.temperature.played import (
    RULES,
    SIGNALS,
    TAKING,
    VALUE,
    Played,
    Rule,
    beliefs_of,
    play,
    window_of,
)
from kalshi_alpha.research.temperature.tallies import FEWEST_DAYS, readiness_of, summed
from kalshi_alpha.research.temperature.trades import Event, load
from kalshi_alpha.research.temperature.walking import OURS, walk
from tests.temperature_days import FIRST, write_days

BRACKETS = bracket_set([("A", Payoff(None, 69)), ("B", Payoff(70, None))])


def tape_of(*trades, winner=1) -> Tape:
    """Return a tape of trades in B: (seconds, cents, whether the taker bought)."""
    at, cents, bought = (np.array(column) for column in zip(*trades, strict=True))
    event = Event(
        "E", "KXHIGHNY", FIRST, 0.0, BRACKETS, winner, at.astype(float),
        np.ones(len(at), dtype=np.int64), cents / 100.0, np.full(len(at), 10.0),
        bought.astype(bool),
    )  # fmt: skip
    return Tape(event, np.tile([0.4, 0.6], (len(at), 1)))


def order(side=Side.BID, price=4000, at=0.0, taker=False) -> Order:
    return Order(at, 1, side, price, taker, 0.6, 0.2)


def test_a_bid_fills_where_a_taker_sold_through_it():
    (row,) = fills_of(tape_of((10, 39, False)), [order()])
    assert row.evidence == Evidence.TRADE_THROUGH
    assert row.price == 4000
    assert row.fee == 0
    assert row.realised == pytest.approx(0.6)
    assert row.markout_30s == pytest.approx(0.2)
    assert row.placed_s == 9.0


def test_an_ask_fills_where_a_taker_bought_through_it():
    (row,) = fills_of(tape_of((10, 61, True)), [order(Side.ASK, 6000)])
    assert row.evidence == Evidence.TRADE_THROUGH
    assert row.realised == pytest.approx(-0.4)


@pytest.mark.parametrize(
    ("trade", "why"),
    [
        ((10, 40, False), "a trade at its price only touches it"),
        ((0.5, 39, False), "it does not stand yet"),
        ((302, 39, False), "it stands no longer"),
        ((10, 39, True), "the taker bought"),
    ],
)
def test_a_bid_does_not_fill(trade, why):
    found = fills_of(tape_of(trade), [order()])
    assert [row.evidence for row in found if row.evidence != Evidence.TOUCHED] == [], why


def test_a_touch_is_kept_where_nothing_filled():
    (row,) = fills_of(tape_of((10, 40, False), (20, 40, False)), [order()])
    assert row.evidence == Evidence.TOUCHED


def test_a_market_and_side_fills_once():
    tape = tape_of((10, 39, False), (20, 38, False), (30, 62, True))
    rows = fills_of(tape, [order(), order(at=15.0), order(Side.ASK, 6000, at=15.0)])
    assert [(row.side, row.price) for row in rows] == [("bid", 4000), ("ask", 6000)]


def test_a_later_order_replaces_the_earlier_one():
    tape = tape_of((20, 39, False))
    (row,) = fills_of(tape, [order(price=4000), order(price=3900, at=10.0)])
    assert row.evidence == Evidence.TOUCHED
    assert row.price == 3900


def test_late_orders_and_deeper_proof_fill_less():
    assert fills_of(tape_of((4, 39, False)), [order()], Assumed(latency_s=5.0)) == []
    (row,) = fills_of(tape_of((10, 39, False)), [order()], Assumed(through=200))
    assert row.evidence == Evidence.TOUCHED


def test_taking_pays_its_limit_and_the_exact_fee_where_another_took_better():
    (row,) = fills_of(tape_of((5, 40, True)), [order(price=4100, taker=True)])
    assert row.is_taker
    assert row.price == 4100
    assert row.fee == 20_000  # 0.07 x 0.41 x 0.59 is 1.69 cents, up to the next cent in 2024
    assert row.realised == pytest.approx(0.59 - 0.02)
    assert fills_of(tape_of((5, 41, True)), [order(price=4100, taker=True)]) == []
    assert fills_of(tape_of((12, 40, True)), [order(price=4100, taker=True)]) == []


def test_a_maker_s_fee_is_taken_from_claim_and_result():
    (row,) = fills_of(tape_of((10, 39, False)), [order()])
    other = charged(row, CHARGED)
    assert other.fee == 10_000  # 0.0175 x 0.4 x 0.6 is 0.42 cents, up to the next cent
    assert other.realised == pytest.approx(0.59)
    assert other.ev_claimed == pytest.approx(0.19)


def test_a_coin_s_side_lies_as_far_from_the_middle():
    orders = [order(price=4000, at=float(k)) for k in range(200)]
    found = mirrored(orders, [0.45] * 200, seed=1)
    bids, asks = ([o for o in found if o.side is side] for side in (Side.BID, Side.ASK))
    assert {o.price for o in bids} == {4000}
    assert {o.price for o in asks} == {5000}
    assert 60 < len(asks) < 140
    assert found == mirrored(orders, [0.45] * 200, seed=1)


def test_a_rule_takes_what_passes_every_gate():
    leaning = Leaning(order(), 0.5, pressed=0.3, incoherence=0.2)
    assert Rule(least_edge=0.2, least_flow=0.3).takes(leaning)
    assert not Rule(least_edge=0.21).takes(leaning)
    assert not Rule(least_flow=0.31).takes(leaning)
    assert not Rule(coherent=True).takes(leaning)
    assert not Rule(offset=2).takes(leaning)


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    recorded = load([write_days(tmp_path_factory.mktemp("days"), 49, trades=150)], load_stations())
    panel = panel_of(recorded.events, SETTINGS[:1])
    return recorded.events, panel, walk(panel)


def test_what_is_believed_at_a_trade_is_what_the_walk_says_at_that_hour(walked):
    events, panel, said = walked
    event = next(e for e in events if e.day.toordinal() >= said.windows[0].first)
    beliefs = beliefs_of(event, said.windows[0])
    rows = (panel.day == event.day.toordinal()) & (np.array(panel.series) == event.series)
    assert beliefs.sum(axis=1) == pytest.approx(np.ones(len(event.at)))
    instants = event.start_s + 3600.0 * panel.hour[rows]
    last = Traded.of(event).before(instants) - 1
    # The filter knows time has passed since the last trade, so the two agree up to its wander.
    assert np.abs(beliefs[last] - said.said[OURS][rows]).max() < 0.05


def test_signals_and_quotes_know_nothing_later(walked):
    events, _, said = walked
    event = events[-1]
    beliefs = beliefs_of(event, said.windows[0])
    end = len(event.at) * 2 // 3
    cut = event.until(float(event.at[end - 1]))
    for taking in (False, True):
        whole = signalled(event, beliefs, taking=taking)
        early = signalled(cut, beliefs_of(cut, said.windows[0]), taking=taking)
        assert early == [one for one in whole if one.order.at <= cut.at[-1]]
    whole = [one for one in valued(event, beliefs, (3,)) if one.order.at <= cut.at[-1]]
    assert [one for one in valued(cut, beliefs[:end], (3,)) if one.order.at <= cut.at[-1]] == whole
    assert whole


def test_a_resting_quote_never_crosses_the_price_last_taken(walked):
    event = walked[0][-1]
    beliefs = beliefs_of(event, walked[2].windows[0])
    found = valued(event, beliefs, (2,))
    prices = Traded.of(event).at(np.array([one.order.at for one in found]))
    for k, one in enumerate(found):
        across = prices.ask if one.order.side is Side.BID else prices.bid
        other = across[k, one.order.place]
        if np.isfinite(other):
            assert (other - one.order.price / 10_000) * one.order.side.sign > 0.0


def test_only_days_with_a_window_are_played_and_two_processes_play_alike(walked):
    events, _, said = walked
    one, two = (play(events, said.windows, {}, 5, workers=n) for n in (1, 2))
    assert {p.day.toordinal() for p in one} == set(
        range(said.windows[0].first, FIRST.toordinal() + 49)
    )
    assert [p.rows for p in one] == [p.rows for p in two]
    assert window_of(said.windows, FIRST.toordinal()) is None


def played_days(days: int, better: float) -> list[Played]:
    """Return days, good and bad by turns, on which one rule of the signals earns and none else."""
    good = RULES[SIGNALS][3]
    (row,) = fills_of(tape_of((10, 39, False)), [order()])
    found = []
    for k in range(days):
        day = FIRST + timedelta(days=k)
        rows = {}
        for name, rules in RULES.items():
            for rule in rules:
                mean = better if (name, rule) == (SIGNALS, good) else -0.02
                earned = mean + (0.05 if k % 2 == 0 else -0.05)
                rows[name, rule] = (replace(row, day=day.isoformat(), realised=earned),) * 2
        found.append(Played(day, dict.fromkeys(rows, 5), rows, rows))
    return found


def test_the_rule_that_earned_before_is_played_and_the_first_weeks_only_teach():
    first, *others = summed(played_days(60, 0.05))
    assert first["strategy"] == SIGNALS
    assert first["rules"] == {RULES[SIGNALS][3].name: 6}
    assert first["days"] == 60 - FEWEST_DAYS
    assert first["fills"] == 2 * (60 - FEWEST_DAYS)
    assert first["verdict"] == EDGE
    assert all(row["verdict"] != EDGE for row in others)


def test_only_the_days_from_the_first_count_and_those_before_it_teach():
    (row, *_) = summed(played_days(60, 0.05), first=FIRST + timedelta(days=50))
    assert row["rules"] == {RULES[SIGNALS][3].name: 2}
    assert row["days"] == 10
    assert row["fills"] == 20


def test_where_nothing_earned_before_nothing_is_played():
    rows = {row["strategy"]: row for row in summed(played_days(60, -0.02))}
    assert rows[SIGNALS]["rules"] == {"none": 6}
    assert rows[SIGNALS]["fills"] == 0
    assert rows[SIGNALS]["sharpe"] is None
    assert {TAKING, VALUE} < set(rows)


def test_an_interval_that_holds_zero_is_no_edge():
    (row, *_) = summed(played_days(45, 0.008))
    assert row["fills"] == 48
    assert row["realised"] > 0.0 > row["realised_low"]
    assert row["verdict"] == NOT_SHOWN


def test_readiness_is_counted_by_hand():
    (row,) = fills_of(tape_of((10, 39, False)), [order()])
    days = [date(2024, 9, 1) + timedelta(days=k) for k in range(3)]
    earned = (0.6, -0.4, 0.1)
    fills = tuple(
        replace(row, day=day.isoformat(), realised=each)
        for day, each in zip(days, earned, strict=True)
    )
    found = readiness_of(Sample(tuple(day.isoformat() for day in days), fills, (), 3))
    assert found["sharpe"] == pytest.approx(np.mean(earned) / np.std(earned, ddof=1) * 365**0.5)
    assert found["win_rate"] == pytest.approx(2 / 3)
    assert found["win_rate_days"] == pytest.approx(2 / 3)
    assert found["drawdown"] == pytest.approx(0.4)
    assert found["most_at_risk"] == pytest.approx(0.4)
    assert found["drawdown_of_risk"] == pytest.approx(1.0)
