"""Calibration of forecasts with a known truth: accepted when right, refused when wrong."""

from __future__ import annotations

import numpy as np
import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.pricing.table import student_table
from kalshi_alpha.research.scores.calibration import (
    covered,
    pit,
    reliability,
    uniformity,
    width,
)
from kalshi_alpha.research.scores.forecasts import Forecasts
from kalshi_alpha.research.scores.shapes import Normal, StudentT, TableShape


def hanging_together(random, days=60, cases=7, share=0.5):
    """Return uniform transforms of which those of a day hang together, and their days."""
    common = np.sqrt(share) * random.normal(size=(days, 1))
    own = np.sqrt(1.0 - share) * random.normal(size=(days, cases))
    return Normal().cdf((common + own).ravel()), np.repeat(np.arange(days), cases)


def test_right_forecasts_are_refused_as_often_as_they_should_be():
    random = np.random.default_rng(11)
    tests = [uniformity(*hanging_together(random)) for _ in range(400)]
    p = np.array([test.p for test in tests])
    assert 0.02 <= np.mean(p < 0.05) <= 0.08
    assert np.mean(p < 0.01) <= 0.025
    assert 0.35 <= np.mean(p < 0.5) <= 0.65
    # The test that takes every case as independent cries wolf.
    assert np.mean(np.array([test.ks_p for test in tests]) < 0.05) > 0.2
    assert np.mean([test.design_effect for test in tests]) > 1.3


def test_independent_cases_have_no_design_effect():
    pits = np.random.default_rng(3).uniform(size=4_000)
    found = uniformity(pits, np.repeat(np.arange(400), 10))
    assert found.design_effect == pytest.approx(1.0, abs=0.15)
    assert found.counts.sum() == 4_000


def test_a_scale_fifteen_per_cent_too_small_is_found_out():
    moved = np.random.default_rng(12).normal(0.0, 0.001, 2_800)
    day = np.repeat(np.arange(400), 7)
    for scale, refused in ((0.001, False), (0.00085, True)):
        batch = Forecasts.of_one_shape(np.full(2_800, scale), Normal())
        assert (uniformity(pit(batch, moved), day).p < 0.01) is refused


def test_outcomes_at_the_ends_fall_into_the_end_bins():
    found = uniformity(np.array([0.0, 0.1, 0.95, 1.0]), np.array([0, 0, 1, 1]))
    assert found.counts.tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0, 2]


def test_transforms_alike_on_all_days_leave_no_doubt():
    every_bin = np.tile((np.arange(10) + 0.5) / 10, 6)
    assert uniformity(every_bin, np.repeat(np.arange(6), 10)).p == 1.0


@pytest.mark.parametrize("bad", [np.nan, -0.01, 1.01])
def test_a_transform_outside_0_to_1_is_refused(bad):
    with pytest.raises(DataError, match="outside 0 to 1"):
        uniformity(np.array([0.5, bad]), np.array([0, 1]))


def test_one_day_is_not_enough():
    with pytest.raises(DataError, match="two of them or more, not 1"):
        uniformity(np.array([0.5, 0.6]), np.array([4, 4]))


def test_coverage_of_a_right_law_is_what_it_says():
    random = np.random.default_rng(13)
    scale = np.exp(random.normal(-7.0, 0.3, 40_000))
    moved = scale * random.standard_t(5.0, 40_000) * np.sqrt(3.0 / 5.0)
    pits = pit(Forecasts.of_one_shape(scale, StudentT(5.0)), moved)
    for coverage in (0.5, 0.8, 0.95, 0.99):
        assert covered(pits, coverage).mean() == pytest.approx(coverage, abs=0.01)


def test_coverage_counts_the_central_interval_with_its_ends():
    assert covered(np.array([0.0, 0.1, 0.25, 0.5, 0.75, 0.76]), 0.5).tolist() == [0, 0, 1, 1, 1, 0]


def test_sharpness_is_the_width_in_basis_points():
    batch = Forecasts.of_one_shape(np.array([0.001, 0.002]), Normal())
    np.testing.assert_allclose(width(batch, 0.9), [32.897, 65.794], rtol=1e-4)
    heavy = Forecasts.of_one_shape(np.array([0.001]), TableShape(student_table(3.0)))
    assert width(heavy, 0.5)[0] < width(batch, 0.5)[0] < width(heavy, 0.99)[0]


def test_reliability_compares_forecast_and_frequency_by_distance():
    random = np.random.default_rng(14)
    distance = random.uniform(-3.0, 3.0, (4_000, 5))
    probability = Normal().sf(distance)
    happened = (random.uniform(size=(4_000, 5)) < probability).astype(float)
    rows = reliability(distance, probability, happened, np.arange(4_000) // 10)
    assert [row.low for row in rows] == [-4.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0]
    assert sum(row.n for row in rows) == 20_000
    for row in rows:
        assert row.observed.estimate == pytest.approx(row.forecast, abs=0.03)
        assert row.observed.low <= row.observed.estimate <= row.observed.high
        assert 390 < row.days <= 400
    assert sum(row.observed.low <= row.forecast <= row.observed.high for row in rows) >= 6


def test_reliability_shows_a_forecast_that_is_too_sure():
    random = np.random.default_rng(15)
    distance = random.uniform(1.0, 2.0, 3_000)
    happened = (random.uniform(size=3_000) < Normal().sf(distance)).astype(float)
    (row,) = reliability(distance, Normal().sf(1.5 * distance), happened, np.arange(3_000))
    assert (row.low, row.high) == (1.0, 2.0)
    assert row.forecast < row.observed.low


def test_what_never_happened_may_still_happen_one_day_in_many():
    distance = np.full(100, 5.0)
    chances = np.full(100, 1e-3)
    (never,) = reliability(distance, chances, np.zeros(100), np.repeat(np.arange(50), 2))
    assert (never.observed.estimate, never.observed.low) == (0.0, 0.0)
    assert never.observed.high == pytest.approx(0.0711, abs=1e-4)  # 1 - 0.025 ** (1 / 50)
    (always,) = reliability(-distance, 1 - chances, np.ones(100), np.repeat(np.arange(50), 2))
    assert always.observed.low == pytest.approx(1.0 - 0.0711, abs=1e-4)
