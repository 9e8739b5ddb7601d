"""Short horizons: features that know nothing later, models that keep what they say."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.errors import DataError, ParameterError
from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.momentum.horizon import BETA, ISOTONIC, PLATT
from kalshi_alpha.momentum.recent import NAMES
from kalshi_alpha.research.temperature.direction import (
    KINDS,
    choose_direction,
    direction_from_json,
    fit_direction,
    log_loss,
)
from kalshi_alpha.research.temperature.features import (
    HORIZONS_S,
    Samples,
    features_at,
    sampled,
    samples_of,
)
from kalshi_alpha.research.temperature.horizons import MODELS, Plan, drawn, foretold, tell
from kalshi_alpha.research.temperature.panel import Traded
from kalshi_alpha.research.temperature.predictors import (
    TREES,
    Squares,
    TreeSettings,
    fit_boosted,
    inputs_of,
    predictor_from_json,
)
from kalshi_alpha.research.temperature.trades import load
from tests.temperature_days import write_days

SETTINGS = TreeSettings(rate=0.1, leaves=8, least_in_leaf=20, ridge=1.0)
PLAN = Plan(most=400, searched=200)


def world(days: int, planted: float, seed: int = 1, a_day: int = 40) -> Samples:
    """Return samples in which ``planted`` of a minute's speed goes on, beside noise."""
    random = np.random.default_rng(seed)
    n = days * a_day
    values = random.normal(0.0, 0.02, (n, 6, len(NAMES)))
    speed = values[:, :, NAMES.index("speed_60")]
    noise = random.normal(0.0, 0.02, (n, 6, len(HORIZONS_S)))
    return Samples(
        day=np.repeat(np.arange(100, 100 + days), a_day).astype(np.int64),
        at=np.arange(n, dtype=float),
        share=np.full((n, 6), 1 / 6),
        values=values,
        moved=planted * speed[:, :, None] + noise,
    )


@pytest.fixture(scope="module")
def event(tmp_path_factory):
    folder = write_days(tmp_path_factory.mktemp("days"), 1, trades=400)
    return load([folder], load_stations()).events[0]


def test_features_know_nothing_later(event):
    at = sampled(event.at, event.start_s, 60.0)
    whole = features_at(Traded.of(event), at, event.start_s)
    for k in range(0, len(at), 7):
        cut = event.until(at[k])
        again = features_at(Traded.of(cut), at[: k + 1], event.start_s)
        assert np.array_equal(again, whole[: k + 1])


def test_samples_are_apart_and_inside_the_hours(event):
    found = samples_of([(5, event.start_s, Traded.of(event))], apart_s=120.0)
    slots = np.floor((found.at - event.start_s) / 120.0)
    assert len(np.unique(slots)) == len(found) > 20
    hour = (found.at - event.start_s) / 3600.0
    assert hour.min() >= 6.0
    assert hour.max() < 18.0
    assert found.values.shape == (len(found), 6, len(NAMES))
    assert np.isfinite(found.values).all()


def test_a_move_is_the_share_then_less_the_share_now(event):
    traded = Traded.of(event)
    found = samples_of([(5, event.start_s, traded)])
    then = traded.shares(found.at + HORIZONS_S[3])
    assert found.moved[:, :, 3] == pytest.approx(then - found.share)


@pytest.mark.parametrize("across", [False, True])
def test_a_linear_model_says_the_same_read_back(across):
    samples = world(5, 0.5)
    model = Squares.of(samples, across=across).fit(0.01)
    again = predictor_from_json(json.loads(json.dumps(model.to_json())))
    assert np.array_equal(again.predict(samples), model.predict(samples))
    assert model.predict(samples).shape == samples.moved.shape


def test_a_ridge_is_the_least_squares_of_the_textbook():
    samples = world(5, 0.5)
    rows = inputs_of(samples, across=False)
    design = np.column_stack([rows, np.ones(len(rows))])
    wanted = samples.moved.reshape(len(rows), -1)
    oracle = design @ np.linalg.lstsq(design, wanted, rcond=None)[0]
    found = Squares.of(samples, across=False).fit(1e-12).predict(samples)
    assert found.reshape(len(rows), -1) == pytest.approx(oracle, abs=1e-9)


def test_trees_say_what_their_library_says_and_the_same_read_back():
    from sklearn.ensemble import HistGradientBoostingRegressor

    samples = world(6, 0.8)
    model = fit_boosted(samples, SETTINGS, seed=3, horizons=(1,))
    oracle = HistGradientBoostingRegressor(
        max_iter=60, learning_rate=0.1, max_leaf_nodes=8, min_samples_leaf=20,
        l2_regularization=1.0, early_stopping=False, random_state=3,
    ).fit(inputs_of(samples, across=False), samples.moved[:, :, 1].ravel())  # fmt: skip
    said = oracle.predict(inputs_of(samples, across=False))
    assert model.predict(samples)[:, :, 1].ravel() == pytest.approx(said, abs=1e-9)
    assert not model.predict(samples)[:, :, 0].any()
    again = predictor_from_json(json.loads(json.dumps(model.to_json())))
    assert np.array_equal(again.predict(samples), model.predict(samples))


@pytest.mark.parametrize("doc", [{}, {"kind": "ridge"}, {"kind": TREES, "starts": ["x"]}])
def test_a_garbled_predictor_is_refused(doc):
    with pytest.raises(ParameterError, match="lacks or garbles"):
        predictor_from_json(doc)


def test_an_unknown_predictor_is_refused():
    with pytest.raises(ParameterError, match="'oracle' is not known"):
        predictor_from_json({"kind": "oracle"})


@pytest.mark.parametrize("kind", KINDS)
def test_a_direction_is_calibrated_whatever_the_map(kind):
    random = np.random.default_rng(2)
    predicted = random.normal(0.0, 3.0, 20_000)
    chance = 1.0 / (1.0 + np.exp(-0.4 * predicted))
    up = random.random(len(chance)) < chance
    found = fit_direction(kind, predicted, up)
    assert np.abs(found.up(predicted) - np.clip(chance, 0.01, 0.99)).mean() < 0.02
    again = direction_from_json(json.loads(json.dumps(found.to_json())))
    assert np.array_equal(again.up(predicted), found.up(predicted))


def test_the_map_that_tells_later_days_best_is_taken():
    random = np.random.default_rng(2)
    predicted = random.normal(0.0, 1.0, 20_000)
    chance = np.where(np.abs(predicted) < 0.5, 0.5, np.where(predicted > 0, 0.95, 0.05))
    up = random.random(len(chance)) < chance
    halves = (predicted[:10_000], predicted[10_000:]), (up[:10_000], up[10_000:])
    found = choose_direction(*halves)
    assert found.kind == ISOTONIC
    others = [fit_direction(k, halves[0][0], halves[1][0]).up(predicted) for k in (PLATT, BETA)]
    assert log_loss(found.up(predicted), up) < min(log_loss(each, up) for each in others)


@given(st.sampled_from(KINDS), st.integers(0, 2**32 - 1))
def test_a_direction_never_falls_as_its_prediction_rises_by_platt_and_isotonic(kind, seed):
    random = np.random.default_rng(seed)
    predicted = np.sort(random.normal(size=50))
    up = random.random(50) < 1.0 / (1.0 + np.exp(-3.0 * predicted))
    found = fit_direction(kind, predicted, up).up(predicted)
    assert ((found >= 0.01) & (found <= 0.99)).all()
    if kind == ISOTONIC:
        assert (np.diff(found) >= -1e-12).all()


def test_no_direction_is_calibrated_without_a_move():
    with pytest.raises(DataError, match="without a move"):
        fit_direction(PLATT, np.empty(0), np.empty(0, dtype=bool))


@pytest.mark.parametrize(
    "doc", [{"kind": PLATT}, {"kind": "x", "scale": 1, "numbers": [], "knots": []}]
)
def test_a_garbled_direction_is_refused(doc):
    with pytest.raises(ParameterError):
        direction_from_json(doc)


def test_what_is_planted_is_found_by_every_model():
    told = tell(world(56, 0.5), PLAN)
    rows = foretold(told)
    assert {row.model for row in rows} == set(MODELS)
    for row in rows:
        assert row.gain.low > 0.0
        assert row.right.low > 0.5
        assert row.brier.high < 0.0


def test_later_days_change_nothing_of_earlier_windows():
    samples = world(56, 0.5)
    whole = tell(samples, PLAN)
    early = tell(samples.where(samples.day < 149), PLAN)
    assert len(early.windows) == 1
    assert early.windows[0].to_json() == whole.windows[0].to_json()
    first = len(early.samples)
    for name in MODELS:
        assert np.array_equal(early.expected[name], whole.expected[name][:first])
        assert np.array_equal(early.up[name], whole.up[name][:first])


def test_outcomes_of_a_scored_week_change_nothing_that_is_said_of_it():
    samples = world(49, 0.5)
    week = samples.day >= 142
    other = replace(samples, moved=np.where(week[:, None, None], -samples.moved, samples.moved))
    one, two = tell(samples, PLAN), tell(other, PLAN)
    for name in MODELS:
        assert np.array_equal(one.expected[name], two.expected[name])


def test_too_few_days_to_learn_from_are_a_sentence():
    with pytest.raises(DataError, match="21 days of events among the 42 before"):
        tell(world(30, 0.5), PLAN)


def test_a_draw_keeps_the_order_and_is_the_same_again():
    samples = world(5, 0.5)
    found = drawn(samples, 50, seed=9)
    assert len(found) == 50
    assert (np.diff(found.at) > 0.0).all()
    assert np.array_equal(found.at, drawn(samples, 50, seed=9).at)
    assert drawn(samples, 10_000, seed=9) is samples
