"""Whatever the law and its rounding, a ladder of prints is coherent."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.markets.strikes import Payoff
from kalshi_alpha.pricing.ladder import probabilities
from kalshi_alpha.pricing.print_law import Nearest, PercentOfIndex, PrintLaw, student

grids = st.sampled_from([Nearest(1, 10), Nearest(1, 100), Nearest(1, 1000), Nearest(1000, 1)])
bases = st.integers(50_000, 500_000)


@st.composite
def laws(draw):
    rounding = draw(grids)
    width = rounding.step / rounding.per_unit
    centre = draw(st.floats(-300, 300)) * width
    scale = draw(st.floats(0.05, 40)) * width
    return PrintLaw(student(draw(st.sampled_from([3.0, 5.0, 30.0]))), centre, scale, rounding)


@st.composite
def index_laws(draw):
    base = draw(bases)
    moved, spread = draw(st.floats(-2, 2)), draw(st.floats(0.01, 0.5))
    level = base / 1000
    centre = level * (1 + moved / 100)
    return PrintLaw(student(6.0), centre, level * spread / 100, PercentOfIndex(base))


@given(law=st.one_of(laws(), index_laws()), low=st.integers(-60, 60), count=st.integers(1, 40))
def test_the_masses_of_prints_are_a_distribution_and_sum_to_what_is_above(law, low, count):
    masses = law.masses(low, low + count)

    assert min(masses) >= 0.0
    assert math.fsum(masses) == pytest.approx(1.0, abs=1e-9)
    for k in range(1, count + 1):
        assert math.fsum(masses[k:]) == pytest.approx(law.at_least(low + k), abs=1e-9)


@given(law=st.one_of(laws(), index_laws()), ticks=st.lists(st.integers(-500, 500), min_size=2))
def test_a_higher_strike_never_pays_more_often(law, ticks):
    per_unit, step = law.rounding.per_unit, law.rounding.step
    payoffs = [Payoff(tick * step, None) for tick in sorted(ticks)]
    found = probabilities(law, payoffs, per_unit)

    assert all(one >= other for one, other in pairwise(found))
    assert all(0.0 <= p <= 1.0 for p in found)


@given(law=laws(), tick=st.integers(-300, 300))
def test_ranges_and_thresholds_agree(law, tick):
    per_unit, step = law.rounding.per_unit, law.rounding.step
    low = tick * step
    inside = law.mass(Payoff(low, low + 3 * step - 1), per_unit)

    assert inside == pytest.approx(law.at_least(tick) - law.at_least(tick + 3), abs=1e-9)


@given(base=bases, tick=st.integers(-40, 40))
def test_the_edge_of_a_percent_is_the_lowest_published_index_that_prints_it(base, tick):
    rounding = PercentOfIndex(base)
    lowest = math.ceil(rounding.edge(tick) * 1000)

    def printed(index):  # by fractions: rounded to tenths, halves upwards
        tenths = 1000 * (Fraction(index, base) - 1)
        return math.floor(tenths + Fraction(1, 2))

    assert printed(lowest) >= tick
    assert printed(lowest - 1) < tick


@given(law=laws(), tick=st.integers(-100, 100), finer=st.integers(1, 8))
def test_a_finer_contract_grid_changes_no_probability(law, tick, finer):
    step, per_unit = law.rounding.step, law.rounding.per_unit
    plain = law.mass(Payoff(tick * step, None), per_unit)

    assert law.mass(Payoff(tick * step * finer, None), per_unit * finer) == plain
