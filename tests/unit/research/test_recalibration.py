"""Bending a law to outcomes: monotone, modest, and blind in the tails."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalshi_alpha.errors import DataError
from kalshi_alpha.pricing.table import student_table
from kalshi_alpha.research.model.recalibrate import recalibrated

TABLE = student_table(6.0, reach=1000.0, step=0.15)


def test_outcomes_that_fall_evenly_leave_the_law_as_it_is():
    even = (np.arange(20_000) + 0.5) / 20_000

    found = recalibrated(TABLE, even)

    for z in (-3.0, -1.0, 0.0, 0.4, 2.0):
        assert found.cdf(z) == pytest.approx(TABLE.cdf(z), abs=2e-3)


def test_a_law_too_wide_in_the_middle_is_narrowed_there():
    rng = np.random.default_rng(1)
    half = np.clip(0.5 + 0.35 * (rng.random(20_000) - 0.5) * 2, 0.0, 1.0)

    found = recalibrated(TABLE, half)

    # Nothing fell below 0.15 or above 0.85 of the law, so most of those parts is gone.
    assert found.cdf(1.0) > TABLE.cdf(1.0) + 0.05
    assert found.cdf(-1.0) < TABLE.cdf(-1.0) - 0.05


def test_the_tails_keep_their_shape():
    found = recalibrated(TABLE, np.full(5_000, 0.5))

    for z in (-40.0, -6.0, 6.0, 40.0):
        assert found.cdf(z) == pytest.approx(TABLE.cdf(z), rel=2e-6)  # as rounded


def test_few_independent_outcomes_bend_less():
    rng = np.random.default_rng(2)
    pits = rng.beta(1.6, 1.0, 4_000)

    bold, meek = recalibrated(TABLE, pits), recalibrated(TABLE, pits, effect=20.0)

    assert abs(meek.cdf(0.0) - 0.5) < 0.5 * abs(bold.cdf(0.0) - 0.5)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.floats(0.3, 4.0), st.floats(0.3, 4.0))
def test_the_bent_law_never_falls(seed, a, b):
    pits = np.random.default_rng(seed).beta(a, b, 400)

    found = recalibrated(TABLE, pits)

    assert all(x < y for x, y in pairwise(found.log_odds))
    zs = np.linspace(-5.0, 5.0, 201)
    cdf = [found.cdf(z) for z in zs]
    assert all(x <= y for x, y in pairwise(cdf))


def test_too_few_outcomes_or_nonsense_are_refused():
    with pytest.raises(DataError, match="199 outcomes"):
        recalibrated(TABLE, np.full(199, 0.5))
    with pytest.raises(DataError, match="outside 0 to 1"):
        recalibrated(TABLE, np.full(300, 1.5))
