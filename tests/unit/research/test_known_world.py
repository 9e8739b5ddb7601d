"""Fits come back to the truth of simulated worlds."""

from __future__ import annotations

import numpy as np
import pytest

from kalshi_alpha.research.model.cases import lay_out
from kalshi_alpha.research.model.forecast import scales
from kalshi_alpha.research.model.world import Truth, recover, refit, simulate
from kalshi_alpha.research.scores.calibration import uniformity
from kalshi_alpha.research.scores.shapes import TableShape
from tests.command import Command


def test_a_fit_of_many_sessions_finds_the_truth_of_each_parameter():
    """Twelve worlds of 1,000 sessions: every mean within four of its standard errors."""
    for found in recover(Truth(), sessions=1_000, worlds=12, seed=3):
        assert abs(found.off) < 4.0, found


@pytest.mark.parametrize(
    "truth",
    [
        Truth(since_open=0.0, last_30=0.0, last_10=0.6),
        Truth(since_open=0.7, last_30=0.0, last_10=0.0),
        Truth(typical=0.8, freedom=4.0),
    ],
)
def test_other_truths_are_told_apart(truth):
    for found in recover(truth, sessions=1_000, worlds=8, seed=11):
        if found.truth:  # a weight of nothing is at its bound, and what noise is left is above it
            assert abs(found.mean - found.truth) < max(0.1 * found.truth, 4.5 * found.spread)
        else:
            assert found.mean < 0.12


def test_the_fitted_law_is_calibrated_on_sessions_it_has_not_seen():
    truth = Truth()
    fitted = refit(simulate(truth, 600, seed=5)).parameters
    fresh = simulate(truth, 400, seed=6)
    cases = lay_out(fresh, hours=(11, 12, 13, 14, 15), minutes_before=(5,))

    scale = scales(fitted, fresh, cases.day, cases.start.astype(float), cases.end.astype(float))
    pits = TableShape(fitted.shape(5).table).cdf(cases.moved / scale)

    assert uniformity(pits, cases.day).p > 0.01
    assert np.mean(np.abs(pits - 0.5) < 0.475) == pytest.approx(0.95, abs=0.015)


def test_the_same_seed_is_the_same_world():
    one, two, other = (simulate(Truth(), 50, seed=s) for s in (1, 1, 2))

    assert np.array_equal(one.logs, two.logs)
    assert not np.array_equal(one.logs, other.logs)


def test_the_command_shows_truth_beside_what_was_found(run: Command):
    said = run("calibrate", "recover", "--sessions", "120", "--worlds", "4")

    assert said.code == 0, said.err
    assert "since_open" in said.out
    assert "0.25" in said.out
