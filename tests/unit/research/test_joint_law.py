import math
from datetime import date, timedelta

import numpy as np
import pytest
from scipy import special

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.pricing.ladder import probabilities
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.table import student_table
from kalshi_alpha.research.joint import (
    Bins,
    bins_of,
    cash_by_bin,
    joint_masses,
    joint_tail_risk,
    measured_correlation,
    standardised_moves,
    tail_risk,
)
from kalshi_alpha.research.model.measured import Measured
from kalshi_alpha.trading.risk import Holding, TailRisk

SPX = TerminalLaw(student_table(4.5), 6800.0, 1e-4, 0.0020)
NDX = TerminalLaw(student_table(4.0), 25_000.0, 0.0, 0.0026)
NESTED = [Payoff(k, None) for k in range(677_000, 683_001, 500)]
RANGES = [Payoff(k, k + 4_999) for k in range(2_480_000, 2_520_000, 5_000)]


def bins_at(*scores):
    """Return bins whose edges lie at these normal scores."""
    below = special.ndtr(np.array(scores))
    masses = np.diff(np.concatenate([[0.0], below, [1.0]]))
    return Bins(tuple(range(1, len(scores) + 1)), masses, below, np.array(scores))


def test_bins_are_the_ladders_own_probabilities():
    bins = bins_of(NDX, RANGES, 100)

    assert bins.edges == tuple(range(2_480_000, 2_520_001, 5_000))
    assert bins.masses[1:-1] == pytest.approx(probabilities(NDX, RANGES, 100), rel=1e-13)
    assert bins.masses.sum() == pytest.approx(1.0, abs=1e-14)


def test_scores_are_accurate_in_both_tails():
    wide = [Payoff(600_000, None), Payoff(760_000, None)]
    low, high = bins_of(TerminalLaw(SPX.table, 6800.0, 0.0, 0.0020), wide, 100).scores

    law = TerminalLaw(SPX.table, 6800.0, 0.0, 0.0020)
    assert low == pytest.approx(special.ndtri(law.cdf(5999.995)), rel=1e-12)
    assert high == pytest.approx(-special.ndtri(law.sf(7599.995)), rel=1e-12)


@pytest.mark.parametrize("rho", [-1.0, -0.7, 0.0, 0.5, 0.93, 0.999999, 1.0])
def test_joint_probabilities_keep_both_ladders(rho):
    one, other = bins_of(SPX, NESTED, 100), bins_of(NDX, RANGES, 100)

    masses = joint_masses(one, other, rho)

    assert (masses >= 0.0).all()
    np.testing.assert_allclose(masses.sum(axis=1), one.masses, atol=1e-13)
    np.testing.assert_allclose(masses.sum(axis=0), other.masses, atol=1e-13)


def test_without_correlation_they_are_products():
    one, other = bins_of(SPX, NESTED, 100), bins_of(NDX, RANGES, 100)

    np.testing.assert_allclose(
        joint_masses(one, other, 0.0), np.outer(one.masses, other.masses), atol=1e-15
    )


@pytest.mark.parametrize("rho", [1.0, 1.0 - 1e-12])
def test_fully_correlated_they_are_overlaps_of_the_same_probabilities(rho):
    one, other = bins_of(SPX, NESTED, 100), bins_of(NDX, RANGES, 100)
    ends = [np.concatenate([[0.0], each.below, [1.0]]) for each in (one, other)]

    left = np.maximum(ends[0][:-1, None], ends[1][:-1])
    right = np.minimum(ends[0][1:, None], ends[1][1:])
    np.testing.assert_allclose(
        joint_masses(one, other, rho), np.maximum(right - left, 0.0), atol=1e-6
    )


def test_fully_opposed_the_highest_bin_meets_the_lowest():
    masses = joint_masses(bins_at(-1.0), bins_at(1.0), -1.0)

    tail = special.ndtr(-1.0)
    np.testing.assert_allclose(masses, [[0.0, tail], [1.0 - tail, 0.0]], atol=1e-15)


def test_edges_at_the_median_have_the_known_quadrants():
    masses = joint_masses(bins_at(0.0), bins_at(0.0), 0.5)

    assert masses[0, 0] == pytest.approx(0.25 + math.asin(0.5) / (2 * math.pi), abs=1e-15)


@pytest.mark.parametrize("rho", [-0.4, 0.6, 0.95])
def test_they_are_the_integrals_of_conditional_normal_laws(rho):
    edges, others = (-1.7, -0.3, 0.0, 0.8), (-0.9, 0.0, 0.1, 2.2)
    nodes, weights = np.polynomial.legendre.leggauss(60)
    ends = np.concatenate([[-9.0], edges, [9.0]])
    tops = np.concatenate([[-np.inf], others, [np.inf]])
    found = np.empty((5, 5))
    for i in range(5):
        cuts = np.linspace(ends[i], ends[i + 1], 9)
        half = np.diff(cuts)[:, None] / 2.0
        x = (cuts[:-1, None] + half * (1.0 + nodes)).ravel()
        density = (half * weights).ravel() * np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
        under = special.ndtr((tops[:, None] - rho * x) / math.sqrt(1 - rho * rho))
        found[i] = np.diff(under, axis=0) @ density

    np.testing.assert_allclose(
        joint_masses(bins_at(*edges), bins_at(*others), rho), found, atol=1e-13
    )


def test_a_correlation_outside_its_domain_is_refused():
    with pytest.raises(DataError, match=r"a correlation of 1\.1 is outside -1 to 1"):
        joint_masses(bins_at(0.0), bins_at(0.0), 1.1)


def test_payoffs_without_an_edge_make_no_bins():
    with pytest.raises(DataError, match="no payoff has an edge"):
        bins_of(SPX, [Payoff(None, None)], 100)


def test_cash_of_each_bin_is_what_its_settlement_values_pay():
    held = [
        Holding(RANGES[2], Side.BID, 100, 300_000),
        Holding(RANGES[5], Side.ASK, 200, 1_700_000),
        Holding(Payoff(2_500_000, None), Side.BID, 50, 260_000),
        Holding(Payoff(None, 2_489_999), Side.ASK, 100, 900_000),
    ]
    bins = bins_of(NDX, RANGES, 100)

    found = cash_by_bin(bins, held)

    for tick, cash in zip((2_479_999, *bins.edges), found, strict=True):
        pays = [h.payoff.contains(tick) == (h.side is Side.BID) for h in held]
        worth = sum(10_000 * h.size for h, p in zip(held, pays, strict=True) if p)
        assert cash == worth - 3_160_000
    assert found.dtype == np.int64


def test_a_holding_that_cuts_a_bin_is_refused():
    bins = bins_of(NDX, RANGES, 100)

    with pytest.raises(DataError, match="cuts a bin: make the bins with this payoff"):
        cash_by_bin(bins, [Holding(Payoff(2_480_001, None), Side.BID, 100, 0)])


def test_tail_risk_of_four_outcomes_by_hand():
    masses = np.array([0.90, 0.06, 0.03, 0.01])
    cash = np.array([500, -100, -1_000, -7_000])

    # The worst 5 % are the 1 % and the 3 % whole, and 1 % of those that lose 100.
    assert tail_risk(masses, cash, 0.95) == TailRisk(0.95, 100, 2_020)
    assert tail_risk(masses, cash, 0.99) == TailRisk(0.99, 1_000, 7_000)
    assert tail_risk(masses, cash, 0.5) == TailRisk(0.5, -500, -188)


@pytest.mark.parametrize(("cash", "level"), [([1, 2], 0.9), ([1], 1.0), ([1], 0.0)])
def test_outcomes_without_probabilities_or_a_level_are_refused(cash, level):
    with pytest.raises(DataError, match="the forms must agree"):
        tail_risk(np.array([1.0]), np.array(cash), level)


def test_the_risk_of_two_ladders_is_inside_the_error_of_a_simulation():
    random = np.random.default_rng(11)
    ladders = (NESTED, RANGES)
    bins = (bins_of(SPX, NESTED, 100), bins_of(NDX, RANGES, 100))
    held = tuple(
        [Holding(p, (Side.BID, Side.ASK)[k % 2], 100 + 13 * k, 37_001 * k) for k, p in enumerate(x)]
        for x in ladders
    )
    exact = joint_tail_risk(bins[0], bins[1], 0.9, (held[0], held[1]), 0.95)

    shortfalls, values = [], []
    for _ in range(8):
        first = random.standard_normal(100_000)
        second = 0.9 * first + math.sqrt(0.19) * random.standard_normal(100_000)
        earned = sum(
            cash_by_bin(b, h)[np.searchsorted(b.scores, drawn)]
            for b, h, drawn in zip(bins, held, (first, second), strict=True)
        )
        worst = np.sort(-earned)[95_000:]
        values.append(worst[0])
        shortfalls.append(worst.mean())
    error = np.std(shortfalls, ddof=1) / math.sqrt(8)
    assert abs(exact.shortfall - np.mean(shortfalls)) < 4.0 * error
    assert min(values) <= exact.var <= max(values)


def test_a_known_correlation_is_measured_whatever_the_tails():
    random = np.random.default_rng(5)
    first = random.standard_normal((60, 72))
    second = 0.9 * first + math.sqrt(0.19) * random.standard_normal((60, 72))

    found = measured_correlation(np.sinh(3.0 * first), special.ndtr(second) ** 3)

    assert found.low < 0.9 < found.high
    assert found.high - found.low < 0.02


def test_moves_that_only_one_index_has_do_not_count():
    random = np.random.default_rng(5)
    first = random.standard_normal((30, 10))
    second = first.copy()
    second[:, 3], first[4, :] = np.nan, np.nan

    assert measured_correlation(first, second).estimate == pytest.approx(1.0)


def test_moves_at_other_times_are_refused():
    with pytest.raises(DataError, match="are not simultaneous"):
        measured_correlation(np.zeros((3, 4)), np.zeros((3, 5)))


def sessions(factor):
    """Return ten sessions whose bars all have the variance of their return, some days livelier."""
    random = np.random.default_rng(2)
    days = tuple(date(2026, 1, 5) + timedelta(days=k) for k in range(10))
    moves = factor * random.choice([-1.0, 1.0], (10, 78)) * (1 + np.arange(10) % 3)[:, None]
    logs = np.concatenate([np.zeros((10, 1)), np.cumsum(moves, axis=1)], axis=1)
    return Measured("SPX", 5, days, logs, moves**2, 0)


def test_a_move_is_measured_by_its_hour_and_by_the_half_hour_before():
    found = standardised_moves(sessions(1e-3), sessions(1e-3).days[2:4])

    assert found.shape == (2, 72)
    np.testing.assert_allclose(np.abs(found), 1.0)


def test_a_half_hour_that_stood_still_measures_nothing():
    some = sessions(1e-3)
    some.bars[0, 10:16] = 0.0

    assert np.isnan(standardised_moves(some, some.days[:1])[0, 10])


def test_a_day_without_a_session_is_refused():
    with pytest.raises(DataError, match="SPX has no session of 2026-02-01"):
        standardised_moves(sessions(1e-3), [date(2026, 2, 1)])
