import math

import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.pricing.ladder import probabilities
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.table import normal_table, student_table
from kalshi_alpha.trading.risk_cells import (
    Bins,
    Holding,
    adverse_by_bin,
    bins_of,
    cash_by_bin,
    edges_of,
    joint_masses,
)

SPX = TerminalLaw(student_table(4.5), 6800.0, 1e-4, 0.0020)
ABOVE, RANGE, UNDER = Payoff(680_000, None), Payoff(679_500, 680_499), Payoff(None, 679_999)


def bins_at(*scores):
    """Return bins whose edges lie at these normal scores."""
    below = [0.5 * math.erfc(-x / math.sqrt(2.0)) for x in scores]
    ends = [0.0, *below, 1.0]
    masses = tuple(ends[k + 1] - ends[k] for k in range(len(ends) - 1))
    return Bins(tuple(range(1, len(scores) + 1)), masses, scores)


def test_edges_are_where_a_payoff_begins_and_where_it_has_ended():
    held = [Holding(payoff, Side.BID, 100, 0) for payoff in (ABOVE, RANGE, UNDER)]
    assert edges_of(held) == (679_500, 680_000, 680_500)
    assert edges_of([Holding(Payoff(None, None), Side.BID, 100, 0)]) == ()


def test_bins_have_the_probabilities_that_the_ladder_is_quoted_from():
    bins = bins_of(SPX, (679_500, 680_000, 680_500), 100)

    under, inside, above = probabilities(SPX, [Payoff(None, 679_499), RANGE, ABOVE], 100)
    assert bins.masses[0] == pytest.approx(under, rel=1e-13)
    assert bins.masses[1] + bins.masses[2] == pytest.approx(inside, rel=1e-13)
    assert bins.masses[2] + bins.masses[3] == pytest.approx(above, rel=1e-13)


def test_without_an_edge_there_is_one_bin():
    assert bins_of(SPX, (), 100).masses == (1.0,)


def test_scores_are_accurate_in_both_tails():
    law = TerminalLaw(normal_table(), 6800.0, 0.0, 0.001)
    z = 5.0
    ticks = tuple(round(680_000 * math.exp(0.001 * x) + 0.5) for x in (-z, z))

    for tick, score in zip(ticks, bins_of(law, ticks, 100).scores, strict=True):
        assert score == pytest.approx(math.log((tick - 0.5) / 680_000) / 0.001, abs=1e-6)


def test_what_is_held_earns_its_payout_less_its_cost_in_each_bin():
    held = [
        Holding(ABOVE, Side.BID, 100, 450_000),
        Holding(RANGE, Side.ASK, 200, 1_300_000),
        Holding(UNDER, Side.BID, 100, 520_000),
    ]
    # three costs are 2.27; below 679500 NO and UNDER pay, then UNDER, then ABOVE, then ABOVE and NO
    assert cash_by_bin(edges_of(held), held) == [730_000, -1_270_000, -1_270_000, 730_000]


def test_orders_fill_against_us_where_they_lose_and_nowhere_else():
    resting = [Holding(ABOVE, Side.BID, 100, 450_000), Holding(RANGE, Side.ASK, 100, 650_000)]

    found = adverse_by_bin((679_500, 680_000, 680_500), resting)

    assert found == [-450_000, -1_100_000, -650_000, 0]


def test_an_order_that_costs_more_than_it_can_pay_loses_everywhere():
    dear = [Holding(ABOVE, Side.BID, 100, 1_010_000)]
    assert adverse_by_bin((680_000,), dear) == [-1_010_000, -10_000]


def test_a_holding_that_cuts_a_bin_is_refused():
    with pytest.raises(DataError, match="cuts a bin: make the bins with this payoff"):
        cash_by_bin((679_999,), [Holding(ABOVE, Side.BID, 100, 0)])


def test_edges_at_the_median_have_the_known_quadrants():
    masses = joint_masses(bins_at(0.0), bins_at(0.0), 0.5)

    quadrant = 0.25 + math.asin(0.5) / (2 * math.pi)
    assert masses[0][0] == pytest.approx(quadrant, abs=1e-14)
    assert masses[0][1] == pytest.approx(0.5 - quadrant, abs=1e-14)


def test_fully_correlated_they_are_overlaps_and_fully_opposed_they_are_mirrored():
    low = 0.5 * math.erfc(1.0 / math.sqrt(2.0))

    together = joint_masses(bins_at(-1.0), bins_at(1.0), 1.0)
    opposed = joint_masses(bins_at(-1.0), bins_at(1.0), -1.0)

    assert [list(row) for row in together] == [
        pytest.approx([low, 0.0], abs=1e-15),
        pytest.approx([1.0 - 2.0 * low, low], abs=1e-15),
    ]
    assert [list(row) for row in opposed] == [
        pytest.approx([0.0, low], abs=1e-15),
        pytest.approx([1.0 - low, 0.0], abs=1e-15),
    ]


@pytest.mark.parametrize("rho", [1.1, 0.9995, -0.9999, math.nan])
def test_a_correlation_outside_its_domain_is_refused(rho):
    with pytest.raises(DataError, match=r"is not within -0\.999 to 0\.999, nor 1 or -1"):
        joint_masses(bins_at(0.0), bins_at(0.0), rho)
