"""The live risk and the research kernel are two formulas of one law; they agree to rounding."""

import numpy as np
import pytest

from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.table import student_table
from kalshi_alpha.research import joint
from kalshi_alpha.trading import risk_cells
from kalshi_alpha.trading.risk import FixingBook, Holding, SymbolBook, risk_of

SPX = TerminalLaw(student_table(4.5), 6800.0, 1e-4, 0.0020)
NDX = TerminalLaw(student_table(4.0), 25_000.0, 0.0, 0.0026)
NESTED = [Payoff(k, None) for k in range(677_000, 683_001, 500)]
RANGES = [Payoff(k, k + 4_999) for k in range(2_480_000, 2_520_000, 5_000)]


def held(ladder):
    return tuple(
        Holding(p, (Side.BID, Side.ASK)[k % 2], 100 + 13 * k, 37_001 * (k + 1))
        for k, p in enumerate(ladder)
    )


@pytest.mark.parametrize("rho", [-1.0, -0.7, 0.0, 0.5, 0.899, 0.922, 0.99, 0.999, 1.0])
def test_the_cells_of_two_ladders_are_the_same_by_conditional_laws_and_by_owens_function(rho):
    live = [
        risk_cells.bins_of(law, risk_cells.edges_of(held(ladder)), 100)
        for law, ladder in ((SPX, NESTED), (NDX, RANGES))
    ]
    kernel = [joint.bins_of(law, ladder, 100) for law, ladder in ((SPX, NESTED), (NDX, RANGES))]

    np.testing.assert_allclose(live[0].scores, kernel[0].scores, rtol=1e-13)
    np.testing.assert_allclose(
        risk_cells.joint_masses(*live, rho), joint.joint_masses(*kernel, rho), atol=2e-14
    )


@pytest.mark.parametrize("level", [0.9, 0.99, 0.999])
def test_value_at_risk_and_shortfall_of_two_ladders_are_the_same(level):
    kernel = [joint.bins_of(law, ladder, 100) for law, ladder in ((SPX, NESTED), (NDX, RANGES))]
    found = [
        joint.joint_tail_risk(*kernel, rho, (held(NESTED), held(RANGES)), level)
        for rho in (0.899, 0.922, 1.0)
    ]
    book = FixingBook(
        {"NDX": SymbolBook(NDX, held(RANGES)), "SPX": SymbolBook(SPX, held(NESTED))},
        {("NDX", "SPX"): (0.899, 0.922)},
    )

    risk = risk_of(book, level)

    assert risk.tail.var == max(one.var for one in found)
    assert risk.tail.shortfall == pytest.approx(max(one.shortfall for one in found), abs=1)
