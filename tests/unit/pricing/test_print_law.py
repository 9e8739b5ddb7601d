"""The law of a print: exact at the edges of its rounding, and refused in another unit."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from kalshi_alpha.errors import ContractError, DataError
from kalshi_alpha.markets.strikes import Payoff
from kalshi_alpha.pricing.ladder import probabilities
from kalshi_alpha.pricing.print_law import (
    Nearest,
    PercentOfIndex,
    PrintLaw,
    require_same_unit,
    student,
)
from kalshi_alpha.pricing.table import normal_table

NORMAL = normal_table()
TENTHS = PrintLaw(NORMAL, 0.35, 0.1, Nearest(1, 10))


def test_more_than_three_tenths_is_the_figure_at_or_above_035():
    above_three = Payoff(4, None)  # more than 0.3 in tenths

    assert TENTHS.mass(above_three, 10) == pytest.approx(0.5, abs=1e-12)
    assert TENTHS.at_least(4) == pytest.approx(0.5, abs=1e-12)
    assert TENTHS.at_least(5) == pytest.approx(0.5 * math.erfc(1 / math.sqrt(2)), rel=1e-7)
    assert TENTHS.sf(0.4) != pytest.approx(0.5, abs=0.1)  # the edge is not at 0.4


def test_negative_prints_are_rounded_like_the_others():
    law = replace(TENTHS, centre=-0.35)

    assert law.at_least(-3) == pytest.approx(0.5, abs=1e-12)
    assert law.mass(Payoff(-3, -3), 10) == pytest.approx(0.3413447, rel=1e-5)


def test_a_finer_strike_between_two_prints_pays_like_the_next_print():
    # A strike of 0.34 on a grid of hundredths: no print lies between 0.3 and 0.4.
    by_print = TENTHS.mass(Payoff(4, None), 10)

    for hundredths in (31, 34, 35, 39, 40):
        assert TENTHS.mass(Payoff(hundredths, None), 100) == by_print
    assert TENTHS.mass(Payoff(41, None), 100) == TENTHS.at_least(5)


def test_a_grid_coarser_than_the_print_is_refused():
    law = PrintLaw(NORMAL, 4.2, 0.05, Nearest(1, 100))
    with pytest.raises(DataError, match="cannot hold every print of 1/100"):
        law.mass(Payoff(42, None), 10)


def test_claims_of_at_least_225000_begin_half_a_thousand_below():
    law = PrintLaw(NORMAL, 224_500.0, 8_000.0, Nearest(1000, 1))

    assert law.mass(Payoff(225_000, None), 1) == pytest.approx(0.5, abs=1e-12)
    assert law.mass(Payoff(224_001, None), 1) == law.mass(Payoff(225_000, None), 1)
    assert law.mass(Payoff(224_000, None), 1) > 0.54


@pytest.mark.parametrize(
    ("base", "index", "print_tenths"),
    [
        (332_813, 334_131, 4),  # +0.396 %
        (332_813, 333_977, 3),  # +0.34975 %
        (332_813, 333_978, 4),  # +0.35005 %
        (200_000, 200_700, 4),  # +0.35 % exactly: halves go up
        (200_000, 199_300, -3),  # -0.35 % exactly
        (200_000, 199_299, -4),
        (200_000, 200_000, 0),
    ],
)
def test_the_change_of_two_published_indexes_prints_as_the_agency_prints_it(
    base, index, print_tenths
):
    rounding = PercentOfIndex(base)
    figure = index / 1000

    assert rounding.edge(print_tenths) <= figure < rounding.edge(print_tenths + 1)


def test_the_index_is_rounded_before_its_change_is():
    rounding = PercentOfIndex(332_813)

    assert rounding.edge(4) == 333.9775  # 333.978 is the lowest index that prints 0.4
    plain = 332.813 * 1.0035
    assert rounding.edge(4) != pytest.approx(plain, abs=1e-5)


def test_the_masses_of_all_prints_are_one():
    masses = TENTHS.masses(-20, 30)

    assert len(masses) == 51
    assert math.fsum(masses) == pytest.approx(1.0, abs=1e-12)
    assert masses[23] == pytest.approx(TENTHS.mass(Payoff(3, 3), 10))


def test_a_law_of_prints_prices_a_ladder_like_any_other():
    payoffs = [Payoff(None, 2), Payoff(3, 3), Payoff(4, 4), Payoff(5, None)]

    assert math.fsum(probabilities(TENTHS, payoffs, 10)) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    "changes", [{"centre": math.nan}, {"scale": 0.0}, {"scale": math.inf}, {"scale": -1.0}]
)
def test_numbers_that_make_no_law_are_refused(changes):
    with pytest.raises(DataError, match="finite"):
        replace(TENTHS, **changes)


@pytest.mark.parametrize("made", [lambda: Nearest(0, 1), lambda: PercentOfIndex(0)])
def test_a_grid_that_is_none_is_refused(made):
    with pytest.raises(DataError):
        made()


def test_prints_that_are_no_range_are_refused():
    with pytest.raises(DataError, match="no range"):
        TENTHS.masses(3, 3)


def test_a_ladder_in_thousands_is_not_one_of_persons():
    claims = PrintLaw(student(5.0), 215_000.0, 9_000.0, Nearest(1000, 1))
    persons = [Payoff(200_000 + 5_000 * k, None) for k in range(11)]
    thousands = [Payoff(200 + 5 * k, None) for k in range(11)]

    require_same_unit(claims, persons, 1)
    with pytest.raises(ContractError, match="another unit") as refused:
        require_same_unit(claims, thousands, 1)
    assert refused.value.code == "another_unit"


def test_one_far_strike_does_not_condemn_a_ladder():
    require_same_unit(TENTHS, [Payoff(4, None), Payoff(400, None)], 10)
