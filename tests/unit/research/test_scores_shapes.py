"""Standardised laws on arrays agree with closed forms, quadrature and the scalar table."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import properscoring
import pytest
from scipy import integrate, stats

from kalshi_alpha.errors import DataError
from kalshi_alpha.pricing.table import StandardTable, normal_table, student_table
from kalshi_alpha.research.scores.shapes import Normal, StudentT, TableShape

Z = np.concatenate([np.linspace(-6.0, 6.0, 49), [-1e4, -50.0, 30.0, 1e5]])
P = np.array([1e-9, 1e-3, 0.2, 0.5, 0.77, 0.999, 1.0 - 1e-9])
# Skewed, with tails of different powers and one steep knot.
SKEWED = StandardTable((-2.0, -1.0, -0.4, 0.1, 0.5, 1.5), (-9.0, -2.5, -1.0, 0.4, 2.2, 5.0))
TABLES = {"normal": normal_table(), "student": student_table(5.0), "skewed": SKEWED}


def crps_by_quadrature(law, z, knots):
    """Integrate the squared error of the distribution function over asinh, piece by piece."""
    u = math.asinh(z)
    cuts = sorted({-30.0, 30.0, u, *knots})
    total = 0.0
    for left, right in pairwise(cuts):
        tail = law.cdf if right <= u else law.sf

        def area(v, tail=tail):
            return tail(math.sinh(v)) ** 2 * math.cosh(v)

        total += integrate.quad(area, left, right, epsabs=1e-13, epsrel=1e-12)[0]
    return total


def test_the_normal_score_agrees_with_properscoring():
    expected = properscoring.crps_gaussian(Z, 0.0, 1.0)
    np.testing.assert_allclose(Normal().crps(Z), expected, rtol=1e-13, atol=1e-14)


def test_the_normal_score_of_no_surprise_is_its_known_value():
    # 2 f(0) - 1 / sqrt(pi) = (sqrt(2) - 1) / sqrt(pi)
    assert Normal().crps(np.zeros(1))[0] == pytest.approx(0.23369497725510, abs=1e-13)


@pytest.mark.parametrize("freedom", [2.1, 3.0, 7.3, 60.0])
def test_the_student_score_agrees_with_quadrature(freedom):
    law = stats.t(freedom, scale=math.sqrt((freedom - 2.0) / freedom))
    shape = StudentT(freedom)
    for z in (-4.0, -0.3, 0.0, 1.7, 9.0):
        expected = crps_by_quadrature(law, z, (-3.0, 0.0, 3.0))
        assert shape.crps(np.array([z]))[0] == pytest.approx(expected, abs=2e-9)


def test_the_student_law_has_variance_one_and_agrees_with_scipy():
    shape, law = StudentT(4.0), stats.t(4.0, scale=math.sqrt(0.5))
    np.testing.assert_allclose(shape.cdf(Z), law.cdf(Z), rtol=1e-12)
    np.testing.assert_allclose(shape.log_density(Z), law.logpdf(Z), rtol=1e-12)
    np.testing.assert_allclose(shape.quantile(P), law.ppf(P), rtol=1e-9)
    assert law.var() == pytest.approx(1.0)


def test_a_student_law_of_many_degrees_scores_like_the_normal_one():
    np.testing.assert_allclose(StudentT(1e6).crps(Z[:49]), Normal().crps(Z[:49]), atol=1e-6)


def test_two_degrees_of_freedom_are_refused():
    with pytest.raises(DataError, match=r"above 2 degrees of freedom, not at 2\.0"):
        StudentT(2.0)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_on_arrays_equals_the_scalar_table(name):
    table, shape = TABLES[name], TableShape(TABLES[name])
    for array, scalar in ((shape.cdf, table.cdf), (shape.sf, table.sf)):
        np.testing.assert_allclose(array(Z), [scalar(z) for z in Z], rtol=1e-13)
    np.testing.assert_allclose(shape.log_odds(Z), table.log_odds_at(Z), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(shape.quantile(P), [table.quantile(p) for p in P], 1e-12, 1e-15)


@pytest.mark.parametrize("name", TABLES)
def test_a_tables_score_agrees_with_quadrature(name):
    shape = TableShape(TABLES[name])
    zs = np.array([-8.0, -1.234, -0.01, 0.0, 0.7, 3.3, 40.0])
    expected = [crps_by_quadrature(TABLES[name], z, TABLES[name].knots) for z in zs]
    np.testing.assert_allclose(shape.crps(zs), expected, atol=1e-8)


def test_a_tables_score_agrees_with_an_ensemble_of_its_own_quantiles():
    shape = TableShape(SKEWED)
    many = shape.quantile((np.arange(20_000) + 0.5) / 20_000)
    zs = np.array([-2.0, 0.0, 0.4, 3.0])
    expected = properscoring.crps_ensemble(zs, np.broadcast_to(many, (4, 20_000)))
    np.testing.assert_allclose(shape.crps(zs), expected, atol=2e-3)


def test_a_tables_score_goes_on_beyond_its_grid():
    shape = TableShape(student_table(3.0))
    far = np.array([1e6, 2e6, -3e6])
    found = shape.crps(far)
    assert found[1] - found[0] == pytest.approx(1e6, rel=1e-9)
    assert found[2] == pytest.approx(3e6, rel=1e-6)


@pytest.mark.parametrize("name", TABLES)
def test_a_tables_density_is_the_slope_of_its_distribution(name):
    shape = TableShape(TABLES[name])
    zs, width = np.array([-6.0, -0.55, 0.02, 0.9, 2.5]), 1e-5
    slope = (shape.cdf(zs + width) - shape.cdf(zs - width)) / (2.0 * width)
    np.testing.assert_allclose(np.exp(shape.log_density(zs)), slope, rtol=1e-5)


@pytest.mark.parametrize("shape", [Normal(), StudentT(5.0), TableShape(SKEWED)])
@pytest.mark.parametrize("p", [0.0, 1.0, math.nan])
def test_a_quantile_needs_a_probability_between_0_and_1(shape, p):
    with pytest.raises(DataError, match="strictly between 0 and 1"):
        shape.quantile(np.array([0.5, p]))


@pytest.mark.parametrize("shape", [Normal(), StudentT(5.0), TableShape(SKEWED)])
def test_arrays_of_any_form_are_answered_in_it(shape):
    zs = np.array([[-1.0, 0.0, 2.0], [0.5, 9.0, -9.0]])
    for ask in (shape.cdf, shape.sf, shape.log_density, shape.crps):
        assert ask(zs).shape == (2, 3)
        assert ask(zs)[1, 0] == ask(zs[1:, :1])[0, 0]
