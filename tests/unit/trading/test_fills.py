"""The fill model as the strategy reads it: domains, edges with an outlook, and off by default."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.errors import ParameterError
from kalshi_alpha.markets.book import Top
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.pricing.fees import fee_terms
from kalshi_alpha.research.backtest.loading import CENTS
from kalshi_alpha.trading.candidates import candidate
from kalshi_alpha.trading.edge import edge
from kalshi_alpha.trading.fills import (
    FillModel,
    FillView,
    Outlook,
    Place,
    ahead_of,
    fill_model_from_json,
    imbalance_of,
)
from tests.made_tapes import tape_of

MODEL = FillModel(
    "trade_through", 5.0, (-1.5, -1.8, 0.5, -0.5, 0.9, 0.4, 0.0, 0.0, -0.3), (0.05, 0.04, -0.01)
)
FREE = fee_terms("quadratic", "1")
QUOTING = load_registry().series["KXINXU"].quoting


def test_the_hazard_adds_up_step_by_step():
    flat = FillModel("trade_through", 5.0, (0.0,) * 9, (0.0, 0.0, 0.0))
    place = Place(3.0, 300.0, 0.5)

    assert flat.probability(place, 5.0) == 0.5
    assert flat.probability(place, 15.0) == 0.875
    assert flat.probability(place, 0.0) == 0.0
    assert flat.probability(Place(3.0, 10.0, 0.5), 60.0) == 0.75  # the fixing ends it


@given(
    offset=st.floats(-5, 20),
    seconds=st.floats(1, 3600),
    chance=st.floats(0, 1),
    spread=st.none() | st.floats(-5, 99),
    horizon=st.floats(0, 120),
)
def test_chances_stay_within_one_and_losses_above_zero(offset, seconds, chance, spread, horizon):
    place = Place(offset, seconds, chance, spread)

    found = MODEL.outlook(place, horizon)

    assert 0.0 <= found.fill_probability <= 1.0
    assert found.markout_loss >= 0.0
    assert MODEL.probability(place, horizon + 5.0) >= found.fill_probability


def test_json_goes_there_and_back():
    assert fill_model_from_json(json.loads(json.dumps(MODEL.to_json()))) == MODEL


@pytest.mark.parametrize(
    "broken",
    [
        {"schema": "other"},
        {"step_s": 0.0},
        {"step_s": "nan"},
        {"evidence": "touched"},
        {"hazard": {"one": 1.0}},
        {"loss": None},
    ],
)
def test_a_broken_model_is_refused(broken):
    with pytest.raises(ParameterError):
        fill_model_from_json(MODEL.to_json() | broken)


def test_an_edge_without_an_outlook_is_what_it_was():
    plain = edge("M", Side.BID, 4000, 0.5, FREE)

    assert (plain.fill_probability, plain.markout_loss) == (1.0, 0.0)
    assert plain.ev_cash == 100_000


def test_an_edge_with_one_is_the_chance_of_what_the_loss_leaves():
    found = edge("M", Side.BID, 4000, 0.5, FREE, Outlook(0.3, 0.04))

    assert found.ev == pytest.approx(0.10)
    assert found.ev_cash == 18_000  # 0.3 x (0.10 - 0.04)
    assert found.clears(600)
    assert not found.clears(601)


def test_with_a_model_the_price_worth_most_is_chosen_and_not_the_boldest():
    contract = tape_of([]).ladder.contracts[2]
    assert contract.grid is CENTS
    top = Top(4000, 100, 6000, 100)
    shy = FillModel(
        "trade_through", 5.0, (-4.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0)
    )

    plain = candidate(contract, Side.BID, 0.55, top, FREE, QUOTING)
    modelled = candidate(contract, Side.BID, 0.55, top, FREE, QUOTING, FillView(shy, 20.0, 240.0))

    assert plain.chosen is not None
    assert modelled.chosen is not None
    assert plain.chosen.price == 4100
    assert modelled.chosen.price == 3900
    assert modelled.chosen.fill_probability < 1.0


def test_a_loss_above_the_edge_refuses():
    contract = tape_of([]).ladder.contracts[2]
    toxic = FillModel("trade_through", 5.0, (0.0,) * 9, (0.2, 0.0, 0.0))
    top = Top(4000, 100, 6000, 100)

    found = candidate(contract, Side.BID, 0.55, top, FREE, QUOTING, FillView(toxic, 20.0, 240.0))

    assert found.chosen is None


def test_it_is_read_without_numpy():
    code = "import sys, kalshi_alpha.trading.fills as f; sys.exit('numpy' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("side", "price", "ahead"),
    [
        (Side.BID, 4100, 0.0),
        (Side.BID, 4000, 30.0),
        (Side.BID, 3900, 30.0),
        (Side.ASK, 5900, 0.0),
        (Side.ASK, 6000, 10.0),
        (Side.ASK, 6100, 10.0),
    ],
)
def test_nobody_stands_before_a_better_price_and_the_best_before_others(side, price, ahead):
    assert ahead_of(side, price, Top(4000, 3000, 6000, 1000)) == ahead


def test_an_imbalance_is_of_the_own_side_and_needs_both():
    top = Top(4000, 3000, 6000, 1000)

    assert imbalance_of(Side.BID, top) == 0.5
    assert imbalance_of(Side.ASK, top) == -0.5
    assert imbalance_of(Side.BID, Top(4000, 3000, None, 0)) is None
    assert ahead_of(Side.ASK, 6000, Top(4000, 3000, None, 0)) == 0.0
    assert ahead_of(Side.ASK, 6000, Top(None, 0, None, 0)) is None


def test_a_weight_that_rests_on_nothing_must_be_none():
    hazard = (0.0,) * 6 + (0.3, 0.0, 0.0)

    with pytest.raises(ParameterError, match="queue rest on nothing"):
        FillModel("trade_through", 5.0, hazard, (0.0,) * 3, untold=("queue",))
    model = FillModel("trade_through", 5.0, (0.0,) * 9, (0.0,) * 3, untold=("queue", "imbalance"))
    assert fill_model_from_json(json.loads(json.dumps(model.to_json()))) == model
    assert model.rests_on["imbalance"] == "nothing"
    assert model.rests_on["offset"] == "trade_through"
