"""A Student law with two widths, standardised."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from kalshi_alpha.errors import ParameterError
from kalshi_alpha.pricing.print_law import student
from kalshi_alpha.pricing.skewed_law import moments, skewed_student

freedoms = st.floats(2.3, 40)
skews = st.floats(0.4, 2.5)


def density(x, freedom, skew):
    return 2 / (skew + 1 / skew) * stats.t.pdf(x * skew if x < 0 else x / skew, freedom)


@pytest.mark.parametrize(("freedom", "skew"), [(3.46, 0.771), (36.0, 0.9), (5.0, 2.0)])
def test_its_moments_are_those_of_its_density(freedom, skew):
    def moment(power):
        sides = ((-np.inf, 0), (0, np.inf))
        return sum(
            integrate.quad(lambda x: x**power * density(x, freedom, skew), *side)[0]
            for side in sides
        )

    mean, spread = moments(freedom, skew)
    assert moment(0) == pytest.approx(1.0, abs=1e-8)
    assert mean == pytest.approx(moment(1), abs=1e-6)
    assert spread == pytest.approx((moment(2) - moment(1) ** 2) ** 0.5, rel=1e-4)


@pytest.mark.parametrize("z", [-40.0, -3.0, -1.0, -0.2, 0.0, 0.4, 1.5, 6.0])
def test_its_table_is_the_integral_of_its_density(z):
    freedom, skew = 3.46, 0.771
    mean, spread = moments(freedom, skew)
    x = mean + spread * z
    low, high = 1 / skew, skew
    if x < 0:
        expected = 2 * low / (low + high) * stats.t.cdf(x / low, freedom)
    else:
        expected = 1 - 2 * high / (low + high) * stats.t.sf(x / high, freedom)
    assert skewed_student(freedom, skew).cdf(z) == pytest.approx(expected, abs=2e-4)


def test_without_skew_it_is_students_law():
    for z in (-8.0, -1.0, 0.0, 0.3, 5.0):
        assert skewed_student(6.0, 1.0).cdf(z) == pytest.approx(student(6.0).cdf(z), abs=1e-6)


@given(freedom=freedoms, skew=skews, p=st.floats(0.001, 0.999))
def test_turned_round_it_is_the_law_of_the_other_skew(freedom, skew, p):
    one, other = skewed_student(freedom, skew), skewed_student(freedom, 1 / skew)
    assert one.quantile(p) == pytest.approx(-other.quantile(1 - p), rel=1e-6, abs=1e-6)


@given(freedom=freedoms, skew=st.floats(0.4, 0.95))
def test_the_longer_tail_is_on_the_side_it_is_said_to_be(freedom, skew):
    law = skewed_student(freedom, skew)
    assert law.cdf(-4.0) > law.sf(4.0)
    assert law.quantile(0.5) > 0.0


@pytest.mark.parametrize(("freedom", "skew"), [(2.0, 1.0), (6.0, 0.1), (6.0, 6.0)])
def test_a_law_without_variance_or_of_one_side_alone_is_refused(freedom, skew):
    with pytest.raises(ParameterError):
        skewed_student(freedom, skew)
