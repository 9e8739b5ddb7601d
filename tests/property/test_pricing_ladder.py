"""One law prices every contract of a fixing, so prices cannot contradict one another."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.pricing.ladder import probabilities
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.table import normal_table, student_table

TABLES = (normal_table(), student_table(2.6), student_table(8.0))

laws = st.builds(
    TerminalLaw,
    st.sampled_from(TABLES),
    st.floats(100.0, 40_000.0),
    st.floats(-0.001, 0.001),
    st.floats(1e-5, 0.05),
)
edges = st.lists(st.integers(1, 5_000_000), min_size=2, max_size=40, unique=True).map(sorted)


@given(laws, edges)
def test_a_partition_adds_to_one(law, ticks):
    buckets = [Payoff(a, b - 1) for a, b in pairwise(ticks)]
    payoffs = [Payoff(None, ticks[0] - 1), *buckets, Payoff(ticks[-1], None)]

    assert sum(probabilities(law, payoffs, 100)) == pytest.approx(1.0, abs=1e-12)


@given(laws, edges)
def test_a_range_is_the_difference_of_two_above_contracts(law, ticks):
    above = probabilities(law, [Payoff(k, None) for k in ticks], 100)
    ranges = probabilities(law, [Payoff(a, b - 1) for a, b in pairwise(ticks)], 100)

    for (left, right), mass in zip(pairwise(above), ranges, strict=True):
        assert mass == pytest.approx(left - right, abs=1e-15, rel=1e-9)


@given(laws, edges)
def test_above_probabilities_fall_as_the_strike_rises(law, ticks):
    above = probabilities(law, [Payoff(k, None) for k in ticks], 100)

    assert all(left >= right for left, right in pairwise(above))
    assert all(0.0 <= p <= 1.0 for p in above)


@given(laws, st.integers(1, 5_000_000))
def test_above_and_below_add_to_one(law, tick):
    yes, no = law.mass(Payoff(tick, None), 100), law.mass(Payoff(None, tick - 1), 100)

    assert yes + no == pytest.approx(1.0, abs=1e-15)


@given(laws, st.floats(1e-6, 1 - 1e-6))
def test_the_quantile_is_where_the_probability_lies(law, p):
    assert law.cdf(law.quantile(p)) == pytest.approx(p, rel=1e-6)
