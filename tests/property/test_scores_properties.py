"""What holds for every forecast and every outcome."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kalshi_alpha.pricing.table import student_table
from kalshi_alpha.research.scores.calibration import uniformity
from kalshi_alpha.research.scores.clusters import DayBootstrap
from kalshi_alpha.research.scores.forecasts import Forecasts
from kalshi_alpha.research.scores.ladder import ladder_scores
from kalshi_alpha.research.scores.shapes import Normal, StudentT, TableShape

SHAPES = (Normal(), StudentT(2.5), StudentT(8.0), TableShape(student_table(3.0)))
shapes = st.sampled_from(SHAPES)
moves = hnp.arrays(np.float64, 6, elements=st.floats(-0.2, 0.2))
scales = st.floats(1e-5, 0.05)


def batch(scale, shape, location=0.0):
    return Forecasts.of_one_shape(np.full(6, scale), shape, np.full(6, location))


@given(moves, scales, shapes)
def test_a_score_is_never_below_0_nor_above_the_distance_of_the_worst_guess(moved, scale, shape):
    found = batch(scale, shape).crps(moved)
    assert np.all(found > 0.0)
    # E|X - x| is at most |x| + E|X|, and E|X| at most the standard deviation
    assert np.all(found <= (np.abs(moved) + scale) * 1e4 * (1.0 + 1e-6))


@given(moves, scales, shapes, st.floats(0.1, 10.0), st.floats(-0.01, 0.01))
def test_scores_scale_with_the_unit_and_do_not_see_the_place(moved, scale, shape, factor, shift):
    one = batch(scale, shape).crps(moved)
    other = batch(scale * factor, shape, shift).crps(moved * factor + shift)
    np.testing.assert_allclose(other, factor * one, rtol=1e-7, atol=1e-9)


@given(moves, scales, shapes)
def test_symmetric_laws_score_both_sides_alike(moved, scale, shape):
    law = batch(scale, shape)
    np.testing.assert_allclose(law.crps(moved), law.crps(-moved), rtol=1e-9)
    np.testing.assert_allclose(law.log_score(moved), law.log_score(-moved), rtol=1e-9)


@given(moves, scales, shapes)
def test_the_scores_slope_is_twice_the_distribution_less_one(moved, scale, shape):
    law, width = batch(scale, shape), scale * 1e-4
    slope = (law.crps(moved + width) - law.crps(moved - width)) / (2.0 * width * 1e4)
    np.testing.assert_allclose(slope, 2.0 * law.below(moved) - 1.0, atol=1e-5)


@given(scales, shapes, st.floats(1e-6, 1.0 - 1e-6))
def test_quantiles_and_probabilities_are_inverse(scale, shape, p):
    law = batch(scale, shape)
    np.testing.assert_allclose(law.below(law.quantile(p)), p, rtol=1e-8)


@given(moves, scales, shapes, st.floats(3_000.0, 20_000.0))
def test_a_ladder_is_monotone_and_its_scores_lie_between_0_and_1(moved, scale, shape, level):
    found = ladder_scores(batch(scale, shape), moved, np.full(6, level), 10.0)
    assert np.all(np.diff(found.probability, axis=1) <= 0.0)
    assert np.all(np.diff(found.happened, axis=1) <= 0.0)
    assert np.all((found.rps >= 0.0) & (found.rps <= 1.0))


@given(
    hnp.arrays(np.float64, 12, elements=st.floats(-5.0, 5.0)),
    hnp.arrays(np.int64, 12, elements=st.integers(0, 3)),
    st.integers(0, 9),
)
def test_intervals_and_estimates_lie_within_the_means_of_the_days(scores, day, seed):
    day[:2] = 0, 1
    found = DayBootstrap(day, draws=50, seed=seed).mean(scores)
    means = [scores[day == d].mean() for d in np.unique(day)]
    assert min(means) - 1e-9 <= found.low <= found.high <= max(means) + 1e-9
    assert min(means) - 1e-9 <= found.estimate <= max(means) + 1e-9


@given(hnp.arrays(np.float64, 20, elements=st.floats(0.0, 1.0)), st.permutations(range(20)))
def test_the_order_of_cases_does_not_matter_to_the_test(pits, order):
    day = np.repeat(np.arange(5), 4)
    one = uniformity(pits, day)
    other = uniformity(pits[list(order)], day[list(order)])
    assert 0.0 <= one.p <= 1.0
    assert abs(one.p - other.p) < 1e-9
    assert one.counts.tolist() == other.counts.tolist()
