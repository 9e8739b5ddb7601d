"""Signals as spells: what fills in its minute, what it lost, and the model of the weeks before."""

import math
from datetime import date

import numpy as np
import pytest

from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.momentum.brackets import bracket_set
from kalshi_alpha.research.fills.spells import Spells
from kalshi_alpha.research.temperature.leanings import Leaning, worthwhile
from kalshi_alpha.research.temperature.orders import Order, Tape
from kalshi_alpha.research.temperature.spells import fitted_on, scored, spells_of, united
from kalshi_alpha.research.temperature.trades import Event
from kalshi_alpha.trading.fills import FEATURES, FillModel, Place

FIRST = date(2024, 9, 1)
BRACKETS = bracket_set([("A", Payoff(None, 69)), ("B", Payoff(70, None))])
FLAT = FillModel(
    "trade_through", 5.0, tuple(-3.0 if k == "one" else 0.0 for k in FEATURES), (0.02, 0.1, 0.0)
)


def tape_of(*trades, beliefs=None):
    """Return a tape of trades in B: (seconds, cents, whether the taker bought)."""
    at, cents, bought = (np.array(column) for column in zip(*trades, strict=True))
    event = Event(
        "E", "KXHIGHNY", FIRST, 0.0, BRACKETS, 1, at.astype(float),
        np.ones(len(at), dtype=np.int64), cents / 100.0, np.full(len(at), 10.0),
        bought.astype(bool),
    )  # fmt: skip
    said = np.full(len(at), 0.6) if beliefs is None else np.array(beliefs)
    return Tape(event, np.stack([1.0 - said, said], axis=1))


def leaning(at, price=4000, side=Side.BID, spread=4.0):
    return Leaning(Order(at, 1, side, price, False, 0.6, 0.2), 0.5, spread=spread)


def test_a_quote_fills_where_a_trade_goes_through_it_and_loses_what_is_believed_less_later():
    tape = tape_of((10, 39, False), (45, 35, False), beliefs=(0.6, 0.5))
    found = spells_of(tape, [leaning(5.0)], 7)
    assert found.filled.tolist() == [True]
    assert found.lasted.tolist() == [4.0]  # it stood a second after it was decided
    assert found.offset.tolist() == [pytest.approx(20.0)]
    assert found.spread.tolist() == [4.0]
    assert found.markout_5s.tolist() == [pytest.approx(0.2)]
    assert found.markout_30s.tolist() == [pytest.approx(0.2)]  # at 40 s; the next trade is at 45
    assert found.settled.tolist() == [pytest.approx(0.6)]
    assert found.side.tolist() == [702]


def test_what_nobody_went_through_within_the_minute_is_censored():
    tape = tape_of((10, 40, False), (20, 39, True), (80, 30, False))
    found = spells_of(tape, [leaning(5.0)], 0)
    assert found.filled.tolist() == [False]
    assert found.lasted.tolist() == [60.0]
    assert math.isnan(found.markout_30s[0])
    assert math.isnan(found.settled[0])


def test_one_spell_a_minute_of_each_market_and_side():
    tape = tape_of((500, 40, False))
    sides = [leaning(5.0), leaning(30.0), leaning(30.0, 7000, Side.ASK), leaning(66.0)]
    found = spells_of(tape, sides, 0)
    assert found.side.tolist() == [2, 3, 2]
    assert found.seconds.tolist() == [86_395.0, 86_370.0, 86_334.0]


def made(days, quotes=40, seed=2):
    """Return spells of made days: a third fills, and fills lose three cents."""
    random = np.random.default_rng(seed)
    n = days * quotes
    filled = random.random(n) < 0.33
    nan = np.full(n, np.nan)
    offset = random.uniform(1.0, 9.0, n)
    edge = offset / 100.0
    return Spells(
        day=np.repeat(FIRST.toordinal() + np.arange(days), quotes),
        side=np.arange(n),
        offset=offset,
        seconds=np.full(n, 40_000.0),
        probability=np.full(n, 0.5),
        spread=np.full(n, 4.0),
        lasted=np.where(filled, random.uniform(0.5, 59.0, n), 60.0),
        filled=filled,
        edge=edge,
        markout_5s=nan,
        markout_30s=np.where(filled, edge - 0.03 + random.normal(0.0, 0.005, n), np.nan),
        settled=nan,
        ahead=nan,
        imbalance=nan,
    )


def test_a_model_knows_the_days_before_its_own_and_no_other():
    spells, first = made(60), FIRST.toordinal()
    model = fitted_on(spells, first, first + 30)
    assert model == fitted_on(spells.where(spells.day < first + 30), first, first + 30)
    assert model.expected_loss(Place(5.0, 40_000.0, 0.5, 4.0)) == pytest.approx(0.03, abs=0.003)
    assert fitted_on(spells, first, first + 1) is None  # too few fills


def test_models_are_scored_on_the_days_after_them():
    spells, first = made(60), FIRST.toordinal()
    model = fitted_on(spells, first, first + 30)
    found = scored(spells, {first + 30: model}, 30)
    assert found["quotes"] == 30 * 40
    assert found["observed_less"][1] < 0.0 < found["observed_less"][2]
    assert found["loss_observed"] == pytest.approx(0.03, abs=0.002)
    assert abs(found["loss_observed_less"][0]) < 0.002
    assert scored(spells, {first + 90: model}, 30) is None
    assert scored(united([]), {}, 7) is None


def test_what_fills_lose_is_taken_off_the_edge():
    event = tape_of((10, 40, False)).event
    (found,) = worthwhile(event, [leaning(5.0)], FLAT)
    # Twenty cents off are cut to fifteen: two cents, and one more for each of ten.
    assert found.order.edge == pytest.approx(0.2 - (0.02 + 0.1 * 1.5))
    (unknown,) = worthwhile(event, [leaning(5.0, spread=math.nan)], FLAT)
    assert unknown.order.edge == found.order.edge
