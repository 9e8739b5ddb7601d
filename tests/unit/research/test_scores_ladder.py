"""Scores on a ladder of strikes."""

from __future__ import annotations

import numpy as np
import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.scores.forecasts import Forecasts
from kalshi_alpha.research.scores.ladder import ladder_scores
from kalshi_alpha.research.scores.shapes import Normal, StudentT


def one(moved, level=6_843.0, scale=0.001, **wanted):
    batch = Forecasts.of_one_shape(np.array([scale]), Normal())
    return ladder_scores(batch, np.array([moved]), np.array([level]), 5.0, **wanted)


def test_strikes_are_the_multiples_of_the_step_around_the_level():
    found = one(0.0, each_side=2)
    strikes = 6_843.0 * np.exp(found.distance[0] * 0.001)
    np.testing.assert_allclose(strikes, [6_835.0, 6_840.0, 6_845.0, 6_850.0, 6_855.0])
    assert found.steps.tolist() == [-2, -1, 0, 1, 2]
    assert found.happened[0].tolist() == [1, 1, 0, 0, 0]


def test_a_settlement_on_the_strike_is_above_it():
    found = one(np.log(6_850.0 / 6_843.0), each_side=2)
    assert found.happened[0].tolist() == [1, 1, 1, 1, 0]


def test_probabilities_fall_with_the_strike_and_are_those_of_the_law():
    found = one(0.0)
    assert found.probability.shape == (1, 41)
    assert np.all(np.diff(found.probability[0]) <= 0.0)
    np.testing.assert_allclose(found.probability, Normal().sf(found.distance))


def test_scores_of_two_strikes_are_as_by_hand():
    found = one(0.0, level=6_845.0, scale=5.0, each_side=1)
    below, at, above = found.probability[0]
    expected = ((1.0 - below) ** 2 + (1.0 - at) ** 2 + above**2) / 3.0
    assert found.rps[0] == pytest.approx(expected)
    assert found.brier(1)[0] == pytest.approx(expected)
    assert found.brier(0)[0] == pytest.approx((1.0 - at) ** 2)


def test_the_ranked_score_times_the_width_of_the_ladder_is_nearly_the_continuous_one():
    random = np.random.default_rng(21)
    scale = np.full(400, 0.0012)
    moved = 0.0012 * random.standard_t(6.0, 400) * np.sqrt(4.0 / 6.0)
    level = random.uniform(6_500.0, 7_000.0, 400)
    batch = Forecasts.of_one_shape(scale, StudentT(6.0))
    found = ladder_scores(batch, moved, level, 5.0, each_side=40)
    continuous = found.rps * 81 * 5.0 / level * 1e4
    assert continuous.mean() == pytest.approx(batch.crps(moved).mean(), rel=0.02)


@pytest.mark.parametrize(
    ("level", "step"), [(100.0, 5.0), (0.0, 5.0), (-7_000.0, 5.0), (np.nan, 5.0), (7_000.0, 0.0)]
)
def test_a_ladder_that_would_leave_the_numbers_is_refused(level, step):
    batch = Forecasts.of_one_shape(np.array([0.001]), Normal())
    with pytest.raises(DataError, match="a ladder of 20 strikes"):
        ladder_scores(batch, np.zeros(1), np.array([level]), step)
