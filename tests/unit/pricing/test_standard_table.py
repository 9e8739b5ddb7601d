"""The standardised table: its values against scipy, its tails, and the knots it refuses."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import scipy.stats

from kalshi_alpha.errors import DataError, ParameterError
from kalshi_alpha.pricing.table import StandardTable, normal_table, student_sf, student_table


@pytest.mark.parametrize("z", [0.0, 0.5, 1.0, 2.5, 4.2, 6.01, 7.77, 8.9])
def test_the_normal_table_agrees_with_scipy_far_out_in_relative_terms(z):
    table = normal_table()

    assert table.sf(z) == pytest.approx(scipy.stats.norm.sf(z), rel=1e-6)
    assert table.cdf(-z) == pytest.approx(scipy.stats.norm.cdf(-z), rel=1e-6)


@pytest.mark.parametrize("freedom", [2.5, 4.0, 5.622, 20.0])
@pytest.mark.parametrize("z", [0.01, 0.7, 3.0, 25.0, 4_000.0, 1e7])
def test_the_student_table_has_variance_one_and_scipys_tails(freedom, z):
    peer = scipy.stats.t(freedom, scale=math.sqrt((freedom - 2.0) / freedom))

    assert student_table(freedom).sf(z) == pytest.approx(peer.sf(z), rel=2e-5)


@pytest.mark.parametrize("t", [0.0, 0.3, 1.99, 2.01, 40.0, 1e5])
def test_the_student_tail_agrees_with_scipy(t):
    assert student_sf(t, 4.0) == pytest.approx(scipy.stats.t.sf(t, 4.0), rel=1e-12)
    assert student_sf(t, 57.3) == pytest.approx(scipy.stats.t.sf(t, 57.3), rel=1e-9)


def test_beyond_the_last_knot_the_tail_is_a_power():
    table = student_table(3.0, reach=50.0)

    # A tail of power 3 falls a thousandfold when z grows tenfold.
    assert table.sf(1e6) / table.sf(1e7) == pytest.approx(1_000.0, rel=2e-3)


def test_odds_beyond_what_a_float_holds_stay_finite():
    table = normal_table()

    assert table.log_odds_at([1e300, -1e300]) == [700.0, -700.0]
    assert 0.0 < table.sf(1e300) < 1e-300


def test_the_middle_is_one_half():
    assert normal_table().cdf(0.0) == 0.5
    assert normal_table().quantile(0.5) == 0.0


def test_quantiles_are_the_known_ones():
    assert normal_table().quantile(0.975) == pytest.approx(1.959964, abs=1e-6)
    assert normal_table().quantile(1e-9) == pytest.approx(-5.997807, abs=1e-6)


def test_quantiles_beyond_the_knots_follow_the_tail():
    table = student_table(3.0, reach=5.0)
    p = 1e-7

    assert table.quantile(p) < -5.0
    assert table.cdf(table.quantile(p)) == pytest.approx(p, rel=1e-9)


@pytest.mark.parametrize("p", [0.0, 1.0, -0.1, 1.1, math.nan])
def test_a_quantile_of_no_probability_is_refused(p):
    with pytest.raises(DataError, match="strictly between 0 and 1"):
        normal_table().quantile(p)


@pytest.mark.parametrize(
    ("knots", "log_odds"),
    [
        ((-1.0, 0.0, 1.0), (-1.0, 0.0, 1.0)),
        ((-1.0, 0.0, 1.0, 2.0), (-1.0, 0.0, 1.0)),
        ((-1.0, 0.0, 0.0, 1.0), (-1.0, 0.0, 0.5, 1.0)),
        ((-1.0, 0.0, 1.0, 2.0), (-1.0, 0.5, 0.5, 1.0)),
        ((-1.0, 0.0, 1.0, 2.0), (-1.0, 0.5, 0.4, 1.0)),
        ((-1.0, 0.0, 1.0, math.inf), (-1.0, 0.0, 0.5, 1.0)),
        ((-1.0, 0.0, 1.0, 2.0), (-1.0, 0.0, math.nan, 1.0)),
        ((-1.0, 0.0, 1.0, 2.0), (-701.0, 0.0, 0.5, 1.0)),
    ],
)
def test_bad_knots_are_refused(knots, log_odds):
    with pytest.raises(ParameterError, match="table"):
        StandardTable(knots, log_odds)


def test_tails_too_heavy_for_a_mean_are_refused():
    with pytest.raises(ParameterError, match="needs above 1"):
        StandardTable((-1.0, 0.0, 1.0, 2.0), (-0.9, 0.0, 0.9, 1.8))


@pytest.mark.parametrize("freedom", [2.0, 0.0, -3.0, math.inf, math.nan])
def test_a_student_law_without_variance_is_refused(freedom):
    with pytest.raises(ParameterError, match="above 2"):
        student_table(freedom)


def test_a_flat_stretch_of_data_keeps_the_curve_from_falling():
    table = StandardTable((-3.0, -2.0, -1.0, -0.99, 1.0, 3.0), (-9.0, -4.0, -3.9, 0.0, 0.01, 5.0))
    grid = [math.sinh(-3.0 + 6.0 * k / 5_000) for k in range(5_001)]
    odds = table.log_odds_at(grid)

    assert all(b >= a - 1e-12 for a, b in pairwise(odds))
