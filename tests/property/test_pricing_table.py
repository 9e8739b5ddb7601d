"""What holds of every standardised table, whatever its knots."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import scipy.stats
from hypothesis import given, reject
from hypothesis import strategies as st

from kalshi_alpha.errors import ParameterError
from kalshi_alpha.pricing.table import StandardTable, normal_table, student_table

NORMAL = normal_table()
STUDENT = student_table(3.3)

steps = st.floats(0.01, 0.5)
rises = st.floats(0.5, 20.0)


@st.composite
def tables(draw):
    count = draw(st.integers(4, 14))
    knots = [draw(st.floats(-6.0, -0.5))]
    odds = [draw(st.floats(-60.0, -1.0))]
    for _ in range(count - 1):
        knots.append(knots[-1] + draw(steps))
        odds.append(odds[-1] + draw(rises))
    try:
        return StandardTable(tuple(knots), tuple(odds))
    except ParameterError:
        reject()  # tails too heavy for a mean


moves = st.floats(-1e6, 1e6)


@given(tables(), st.lists(moves, min_size=2, max_size=30))
def test_the_distribution_function_never_falls(table, zs):
    odds = table.log_odds_at(sorted(zs))

    assert all(right >= left - 1e-9 for left, right in pairwise(odds))


@given(tables(), moves)
def test_both_tails_add_to_one(table, z):
    assert table.cdf(z) + table.sf(z) == pytest.approx(1.0, abs=1e-15)


@given(tables())
def test_the_curve_goes_through_its_knots(table):
    found = table.log_odds_at([math.sinh(u) for u in table.knots])

    assert found == pytest.approx(list(table.log_odds), rel=1e-9, abs=1e-9)


@given(tables(), st.floats(1e-9, 1 - 1e-9))
def test_the_distribution_function_undoes_the_quantile(table, p):
    assert table.cdf(table.quantile(p)) == pytest.approx(p, rel=1e-6)


@given(st.floats(-8.9, 8.9))
def test_the_quantile_undoes_the_distribution_function(z):
    if z < 0:
        assert NORMAL.quantile(NORMAL.cdf(z)) == pytest.approx(z, abs=1e-9)
    else:  # near 1 a probability has no digits left to tell far z apart
        assert -NORMAL.quantile(NORMAL.sf(z)) == pytest.approx(z, abs=1e-9)


@given(st.floats(0.0, 9.0))
def test_the_upper_tail_is_scipys_to_a_millionth_of_itself(z):
    assert NORMAL.sf(z) == pytest.approx(scipy.stats.norm.sf(z), rel=1e-6)


@given(st.floats(0.0, 1e5))
def test_symmetric_tables_have_equal_tails(z):
    assert STUDENT.sf(z) == pytest.approx(STUDENT.cdf(-z), rel=1e-12)
