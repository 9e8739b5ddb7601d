"""Batches of forecasts: units, scale invariance, groups of shapes, refusals."""

from __future__ import annotations

import numpy as np
import properscoring
import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.pricing.table import student_table
from kalshi_alpha.research.scores.forecasts import Forecasts
from kalshi_alpha.research.scores.shapes import Normal, StudentT, TableShape

SCALE = np.array([0.001, 0.002, 0.0005, 0.004])
MOVED = np.array([0.0005, -0.006, 0.0, 0.002])


def mixed():
    shapes = (Normal(), StudentT(5.0), TableShape(student_table(4.0)))
    return Forecasts(np.array([0.0, 1e-4, -1e-4, 0.0]), SCALE, shapes, np.array([0, 1, 2, 0]))


def test_scores_are_in_basis_points_of_the_log_move():
    batch = Forecasts.of_one_shape(SCALE, Normal())
    expected = properscoring.crps_gaussian(MOVED * 1e4, 0.0, SCALE * 1e4)
    np.testing.assert_allclose(batch.crps(MOVED), expected, rtol=1e-12)
    # a density of 10 basis points' standard deviation at half of one
    assert batch.log_score(MOVED)[0] == pytest.approx(-np.log(10.0 * np.sqrt(2 * np.pi)) - 0.125)


def test_each_case_is_scored_by_its_own_shape():
    batch = mixed()
    for k in range(4):
        one = batch.where(np.arange(4) == k)
        alone = Forecasts.of_one_shape(
            one.scale, batch.shapes[batch.shape[k]], location=one.location
        )
        for method in ("crps", "log_score", "below", "above"):
            whole = getattr(batch, method)(MOVED)[k]
            assert whole == getattr(alone, method)(MOVED[k : k + 1])[0]
        assert batch.quantile(0.9)[k] == alone.quantile(0.9)[0]


def test_probabilities_of_many_moves_at_once_are_those_of_each():
    batch, moves = mixed(), np.array([[-0.01, 0.0, 0.001]] * 4)
    found = batch.above(moves)
    for j in range(3):
        np.testing.assert_array_equal(found[:, j], batch.above(moves[:, j]))
    np.testing.assert_allclose(found + batch.below(moves), 1.0, rtol=1e-14)


def test_the_quantile_has_its_probability_below_it():
    batch = mixed()
    np.testing.assert_allclose(batch.below(batch.quantile(0.025)), 0.025, rtol=1e-10)


def test_the_true_scale_has_the_best_expected_scores():
    moved = np.random.default_rng(5).normal(0.0, 0.001, 40_000)

    def mean(score, scale):
        batch = Forecasts.of_one_shape(np.full(40_000, scale), Normal())
        return getattr(batch, score)(moved).mean()

    assert mean("crps", 0.001) < min(mean("crps", 0.0008), mean("crps", 0.00125))
    assert mean("log_score", 0.001) > max(mean("log_score", 0.0008), mean("log_score", 0.00125))


@pytest.mark.parametrize("scale", [0.0, -0.001, np.nan, np.inf])
def test_a_scale_that_is_no_positive_number_is_refused(scale):
    with pytest.raises(DataError, match=r"forecast 1 has location 0.0, scale"):
        Forecasts.of_one_shape(np.array([0.001, scale]), Normal())


def test_a_shape_that_is_not_there_is_refused():
    with pytest.raises(DataError, match="shape 1 of 1"):
        Forecasts(np.zeros(1), np.ones(1), (Normal(),), np.array([1]))


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(DataError, match="one location, scale and shape a case"):
        Forecasts(np.zeros(2), np.ones(3), (Normal(),), np.zeros(3, dtype=np.int64))
