import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.table import normal_table
from kalshi_alpha.trading.risk import (
    Cells,
    Filling,
    FixingBook,
    FixingRisk,
    Holding,
    LossLaw,
    SymbolBook,
    TailRisk,
    added_up,
    risk_of,
    together,
)

# Settles at 6800.005 or above, or below, with even odds: the edge is half a tick under the level.
EVEN = TerminalLaw(normal_table(), 6799.995, 0.0, 0.001)
OTHER = TerminalLaw(normal_table(), 24_999.995, 0.0, 0.001)
ABOVE, NASDAQ = Payoff(680_000, None), Payoff(2_500_000, None)
PAIR = ("NDX", "SPX")


def yes(payoff, price, size=100):
    return Holding(payoff, Side.BID, size, price * size)


def no(payoff, price, size=100):
    return Holding(payoff, Side.ASK, size, price * size)


def spx(held=(), resting=()):
    return FixingBook({"SPX": SymbolBook(EVEN, tuple(held), tuple(resting))})


def both(one, other, *correlations):
    return FixingBook(
        {"SPX": SymbolBook(EVEN, tuple(one)), "NDX": SymbolBook(OTHER, tuple(other))},
        {PAIR: correlations},
    )


def test_one_contract_loses_its_cost_half_of_the_time():
    risk = risk_of(spx([yes(ABOVE, 4_500)]), 0.99)

    assert risk.tail == TailRisk(0.99, 450_000, 450_000)
    assert risk.worst == 450_000
    assert risk.law.losses == (-550_000, 450_000)
    assert risk.law.chances == pytest.approx((0.5, 0.5), abs=1e-12)
    assert risk.law.mean == pytest.approx(-50_000)
    assert risk.law.loss_probability == pytest.approx(0.5)


def test_the_shortfall_at_a_level_below_the_loss_mixes_both_outcomes():
    # The worst 80 % are the half that loses 0.45 and three tenths that win 0.55.
    tail = LossLaw((-550_000, 450_000), (0.5, 0.5)).tail(0.2)
    assert tail == TailRisk(0.2, -550_000, 75_000)


def test_a_tail_of_four_outcomes_by_hand():
    law = LossLaw((-500, 100, 1_000, 7_000), (0.90, 0.06, 0.03, 0.01))

    assert law.tail(0.95) == TailRisk(0.95, 100, 2_020)
    assert law.tail(0.99) == TailRisk(0.99, 1_000, 7_000)
    assert law.tail(0.5) == TailRisk(0.5, -500, -188)


@pytest.mark.parametrize("level", [0.0, 1.0, 1.5])
def test_a_level_outside_its_domain_is_refused(level):
    with pytest.raises(DataError, match="is not strictly between 0 and 1"):
        LossLaw((0,), (1.0,)).tail(level)


def test_a_resting_order_counts_where_it_loses_and_never_hedges():
    held, hedge = yes(ABOVE, 4_500), no(ABOVE, 4_000)

    filled = risk_of(spx([held, hedge]), 0.99)
    resting = risk_of(spx([held], [hedge]), 0.99)

    assert filled.worst == -150_000  # a dollar for 0.85: a sure gain
    # The hedge would lose above 6800, where what is held earns 0.55, and that still is a gain.
    assert resting.worst == 450_000
    assert resting.law.losses == (-150_000, 450_000)
    assert resting.tail.shortfall == 450_000


def test_three_ways_of_filling_are_told_apart():
    book = spx([yes(ABOVE, 4_500)], [yes(ABOVE, 4_000, 200)])
    cells = Cells(book)

    assert cells.risk(book, 0.99, Filling.NONE).tail.shortfall == 450_000
    assert cells.risk(book, 0.99, Filling.ALL).tail.shortfall == 1_250_000
    assert cells.risk(book, 0.99, Filling.ALL).law.losses == (-1_750_000, 1_250_000)
    assert cells.risk(book, 0.99, Filling.ADVERSE).law.losses == (-550_000, 1_250_000)


def test_stress_at_one_is_the_worse_when_both_indices_lean_the_same_way():
    book = both([yes(ABOVE, 5_000)], [yes(NASDAQ, 5_000)], 0.0)

    risk = risk_of(book, 0.7)

    # Apart both lose a quarter of the time; together they do half of the time.
    assert risk.correlation == 1.0
    assert risk.tail == TailRisk(0.7, 1_000_000, 1_000_000)
    assert risk.law.chances == pytest.approx((0.5, 0.5), abs=1e-12)


def test_the_lower_correlation_is_the_worse_when_they_lean_against_each_other():
    book = both([yes(ABOVE, 5_000)], [no(NASDAQ, 5_000)], 0.9, 0.5)

    risk = risk_of(book, 0.7)

    assert risk.correlation == 0.5
    assert risk.law.losses == (-1_000_000, 0, 1_000_000)
    assert risk.law.chances == pytest.approx((1 / 6, 2 / 3, 1 / 6), abs=1e-12)
    assert risk.tail.shortfall == 555_556  # a sixth of 0.3 loses a dollar, the rest nothing


def test_a_pair_that_nobody_measured_is_added_up():
    book = both([yes(ABOVE, 5_000)], [no(NASDAQ, 5_000)])

    risk = risk_of(book, 0.7)

    assert risk == FixingRisk(TailRisk(0.7, 1_000_000, 1_000_000), 1_000_000)


def test_a_symbol_without_a_law_counts_with_its_worst_case():
    priced = both([yes(ABOVE, 5_000)], [no(NASDAQ, 3_000)], 0.9)
    book = FixingBook(
        {**priced.symbols, "NDX": SymbolBook(None, (no(NASDAQ, 3_000),))}, priced.correlations
    )

    risk = risk_of(book, 0.99)

    assert risk.tail == TailRisk(0.99, 800_000, 800_000)
    assert risk.law.losses == (-200_000, 800_000)


def test_several_fixings_add_up():
    one = risk_of(spx([yes(ABOVE, 4_500)]), 0.4)
    assert one.tail == TailRisk(0.4, -550_000, 283_334)

    assert added_up([one], 0.4).tail == one.tail
    assert added_up([one, one], 0.4) == FixingRisk(TailRisk(0.4, 566_668, 566_668), 900_000)
    assert added_up([], 0.4) == FixingRisk(TailRisk(0.4, 0, 0), 0)


def test_an_empty_book_loses_nothing():
    assert spx().empty
    assert risk_of(spx(), 0.99) == FixingRisk(TailRisk(0.99, 0, 0), 0)


def test_books_come_together_by_symbol_and_the_first_law_counts():
    one = {"SPX": SymbolBook(None, (yes(ABOVE, 1_000),), ticks_per_point=10)}
    other = {"SPX": SymbolBook(EVEN, (), (no(ABOVE, 2_000),)), "NDX": SymbolBook(OTHER)}
    third = {"SPX": SymbolBook(OTHER)}

    found = together([one, other, third])

    assert found["SPX"] == SymbolBook(EVEN, (yes(ABOVE, 1_000),), (no(ABOVE, 2_000),))
    assert found["NDX"] == SymbolBook(OTHER)


def test_cells_weigh_no_book_with_another_edge():
    cells = Cells(spx([yes(ABOVE, 4_500)]))
    with pytest.raises(DataError, match="cuts a bin"):
        cells.risk(spx([yes(Payoff(680_100, None), 4_500)]), 0.99)
