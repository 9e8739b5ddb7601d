"""The terminal law: values on the tick grid, coherence, and what it refuses."""

from __future__ import annotations

import math

import pytest
import scipy.stats

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.pricing.ladder import probabilities
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.table import normal_table

LAW = TerminalLaw(normal_table(), level=6_800.0, drift=0.0, scale=0.001)


def test_above_the_level_is_even_odds():
    assert LAW.sf(6_800.0) == 0.5
    assert LAW.cdf(6_800.0) == 0.5


def test_one_scale_away_is_the_normal_sixteen_per_cent():
    assert LAW.sf(6_800.0 * math.exp(0.001)) == pytest.approx(0.158655, abs=1e-6)


def test_drift_moves_the_middle():
    law = TerminalLaw(normal_table(), 6_800.0, 0.0002, 0.001)

    assert law.quantile(0.5) == pytest.approx(6_801.360, abs=1e-3)


def test_a_print_stands_for_half_a_tick_on_either_side():
    # "6805 or above" begins to be printed at 6804.995.
    exact = scipy.stats.norm.sf(math.log(6_804.995 / 6_800.0) / 0.001)

    assert LAW.mass(Payoff(680_500, None), 100) == pytest.approx(exact, rel=1e-7)
    assert LAW.mass(Payoff(None, 680_499), 100) == pytest.approx(1.0 - exact, rel=1e-7)


def test_a_coarser_grid_has_wider_half_ticks():
    exact = scipy.stats.norm.sf(math.log(6_804.5 / 6_800.0) / 0.001)

    assert LAW.mass(Payoff(6_805, None), 1) == pytest.approx(exact, rel=1e-7)


def test_far_ranges_keep_their_relative_precision():
    high = LAW.mass(Payoff(685_000, 685_499), 100)
    low = LAW.mass(Payoff(674_500, 674_999), 100)
    edges = [math.log(x / 6_800.0) / 0.001 for x in (6_849.995, 6_854.995, 6_744.995, 6_749.995)]
    z = [scipy.stats.norm.sf(edges[0]) - scipy.stats.norm.sf(edges[1])]
    z.append(scipy.stats.norm.cdf(edges[3]) - scipy.stats.norm.cdf(edges[2]))

    assert high == pytest.approx(z[0], rel=1e-5)
    assert low == pytest.approx(z[1], rel=1e-5)
    assert high < 2e-12


def test_everything_is_certain_and_nothing_below_zero():
    assert LAW.mass(Payoff(None, None), 100) == 1.0
    assert LAW.mass(Payoff(0, None), 100) == 1.0
    assert LAW.mass(Payoff(None, -5), 100) < 1e-300
    assert LAW.cdf(0.0) == 0.0
    assert LAW.sf(-3.0) == 1.0


def test_the_batch_prices_what_single_masses_do():
    payoffs = [
        Payoff(None, 677_499),
        *(Payoff(677_500 + 2_500 * k, 679_999 + 2_500 * k) for k in range(5)),
        Payoff(690_000, None),
    ]

    found = probabilities(LAW, payoffs, 100)

    assert found == pytest.approx([LAW.mass(payoff, 100) for payoff in payoffs], rel=1e-12)
    assert sum(found) == pytest.approx(1.0, abs=1e-14)


def test_a_nested_ladder_is_priced_in_its_own_order():
    payoffs = [Payoff(tick, None) for tick in (681_000, 679_000, 680_000)]

    assert probabilities(LAW, payoffs, 100) == pytest.approx(
        [LAW.mass(payoff, 100) for payoff in payoffs], rel=1e-14
    )


def test_an_empty_ladder_has_no_probabilities():
    assert probabilities(LAW, [], 100) == ()


@pytest.mark.parametrize(
    ("level", "drift", "scale"),
    [
        (0.0, 0.0, 0.001),
        (-1.0, 0.0, 0.001),
        (math.nan, 0.0, 0.001),
        (6_800.0, math.inf, 0.001),
        (6_800.0, 0.0, 0.0),
        (6_800.0, 0.0, math.nan),
    ],
)
def test_a_law_of_impossible_numbers_is_refused(level, drift, scale):
    with pytest.raises(DataError, match="law's"):
        TerminalLaw(normal_table(), level, drift, scale)
