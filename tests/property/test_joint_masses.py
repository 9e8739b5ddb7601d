"""Whatever the two laws and their correlation, the joint law keeps both and adds to one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.table import normal_table, student_table
from kalshi_alpha.research.joint import bins_of, joint_masses, tail_risk

laws = st.builds(
    TerminalLaw,
    st.sampled_from((normal_table(), student_table(2.6), student_table(8.0))),
    st.floats(100.0, 40_000.0),
    st.floats(-0.001, 0.001),
    st.floats(1e-5, 0.05),
)
ladders = st.lists(st.integers(1, 5_000_000), min_size=1, max_size=12, unique=True)


@st.composite
def bins(draw):
    return bins_of(draw(laws), [Payoff(tick, None) for tick in draw(ladders)], 100)


@given(bins(), bins(), st.floats(-1.0, 1.0))
def test_joint_masses_add_to_one_and_keep_both_ladders(one, other, rho):
    masses = joint_masses(one, other, rho)

    assert (masses >= 0.0).all()
    assert abs(masses.sum() - 1.0) < 1e-12
    np.testing.assert_allclose(masses.sum(axis=1), one.masses, atol=1e-10)
    np.testing.assert_allclose(masses.sum(axis=0), other.masses, atol=1e-10)


@given(bins(), bins(), st.floats(-0.999, 0.998), st.floats(0.0005, 0.5))
def test_more_correlation_never_makes_a_common_fall_rarer(one, other, rho, more):
    low, high = (
        joint_masses(one, other, r).cumsum(axis=0).cumsum(axis=1)
        for r in (rho, min(1.0, rho + more))
    )

    assert (high >= low - 1e-12).all()


outcomes = st.lists(
    st.tuples(st.floats(1e-6, 1.0), st.integers(-10_000_000, 10_000_000)), min_size=1, max_size=30
)


@given(outcomes, st.floats(0.01, 0.995))
def test_the_shortfall_is_never_less_than_the_value_at_risk_nor_more_than_the_worst(found, level):
    masses = np.array([chance for chance, _ in found])
    cash = np.array([earned for _, earned in found])
    risk = tail_risk(masses / masses.sum(), cash, level)

    assert risk.var <= risk.shortfall + 1
    assert risk.shortfall <= -cash.min() + 1
    worse = (masses / masses.sum())[-cash > risk.var].sum()
    assert worse <= 1.0 - level + 1e-9
