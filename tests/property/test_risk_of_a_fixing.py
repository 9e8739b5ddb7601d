"""Risk is never understated: against every outcome, every set of fills, and every way to fill."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from hypothesis import assume, given
from hypothesis import strategies as st

from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.pricing.ladder import probabilities
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.table import student_table
from kalshi_alpha.trading.risk import (
    Cells,
    Filling,
    FixingBook,
    Holding,
    SymbolBook,
    added_up,
    risk_of,
)
from kalshi_alpha.trading.risk_cells import bins_of, cash_by_bin, edges_of, joint_masses

LAWS = {
    "NDX": TerminalLaw(student_table(4.0), 250.0, 0.0, 0.0026),
    "SPX": TerminalLaw(student_table(4.5), 68.0, 1e-4, 0.0040),
}
MIDDLE = {"NDX": 25_000, "SPX": 6_800}
PAIR = ("NDX", "SPX")


@st.composite
def payoffs(draw, middle=6_800):
    low = middle + draw(st.integers(-40, 40))
    kind = draw(st.sampled_from(("above", "range", "below")))
    if kind == "above":
        return Payoff(low, None)
    if kind == "below":
        return Payoff(None, low)
    return Payoff(low, low + draw(st.integers(0, 30)))


@st.composite
def holdings(draw, middle=6_800):
    size = 100 * draw(st.integers(1, 4))
    return Holding(
        draw(payoffs(middle)),
        draw(st.sampled_from(Side)),
        size,
        size * draw(st.integers(100, 10_050)),  # with a fee it may cost more than it can pay
    )


@st.composite
def books(draw, most=3):
    symbols = {
        name: SymbolBook(
            LAWS[name],
            tuple(draw(st.lists(holdings(MIDDLE[name]), max_size=most))),
            tuple(draw(st.lists(holdings(MIDDLE[name]), max_size=most))),
        )
        for name in PAIR
    }
    return FixingBook(symbols, {PAIR: (0.9, 0.922)})


def ticks_of(book, name):
    """Return a settlement value inside each bin of a symbol."""
    edges = edges_of((*book.symbols[name].held, *book.symbols[name].resting))
    return [(edges[0] - 1), *edges] if edges else [MIDDLE[name]]


def losses_of(book, ticks, filled):
    """Return the loss at one settlement value a symbol when the orders fill in these shares."""
    loss, shares = 0.0, iter(filled)
    for name in PAIR:
        one = book.symbols[name]
        loss -= sum(held.earns(held.payoff.contains(ticks[name])) for held in one.held)
        loss -= sum(
            next(shares) * held.earns(held.payoff.contains(ticks[name])) for held in one.resting
        )
    return loss


@given(books(2))
def test_the_worst_case_is_the_worst_of_every_outcome_and_every_set_of_fills(book):
    count = sum(len(one.resting) for one in book.symbols.values())
    every = [
        losses_of(book, dict(zip(PAIR, ticks, strict=True)), filled)
        for ticks in product(*(ticks_of(book, name) for name in PAIR))
        for filled in product((0, 1), repeat=count)
    ]

    assert risk_of(book, 0.99).worst == max(every)


@given(books(2), st.data())
def test_no_way_of_filling_has_more_shortfall_or_value_at_risk(book, data):
    """However the fills depend on the outcome, and however partial they are."""
    count = sum(len(one.resting) for one in book.symbols.values())
    shares = st.lists(st.floats(0, 1), min_size=count, max_size=count)
    bins = [
        bins_of(LAWS[n], edges_of((*book.symbols[n].held, *book.symbols[n].resting)), 100)
        for n in PAIR
    ]
    found = []
    masses = joint_masses(*bins, 0.922)
    for i, j in product(range(len(masses)), range(len(masses[0]))):
        ticks = {"NDX": ticks_of(book, "NDX")[i], "SPX": ticks_of(book, "SPX")[j]}
        found.append((losses_of(book, ticks, data.draw(shares)), masses[i][j]))
    risk = risk_of(replace(book, correlations={PAIR: (0.922,)}), 0.95)

    found.sort(reverse=True)
    left, total, value = 0.05, 0.0, None
    for loss, mass in found:
        taken = min(left, mass)
        total, left = total + taken * loss, left - taken
        if left <= 1e-13 and value is None:
            value = loss
    assert total / 0.05 <= risk.tail.shortfall + 1.0
    assert value is None or value <= risk.tail.var + 1.0


@given(books(), st.floats(0.55, 0.999))
def test_the_shortfall_is_between_the_value_at_risk_and_the_worst_case(book, level):
    risk = risk_of(book, level)

    assert risk.tail.var <= risk.tail.shortfall <= risk.worst + 1


@given(books(), holdings(6_800), st.integers(1, 5))
def test_a_larger_order_never_has_less_risk(book, order, times):
    larger = replace(order, size=order.size * times, cost=order.cost * times)
    one, other = (risk_of(book.resting_too("SPX", (x,)), 0.97) for x in (order, larger))

    assert risk_of(book, 0.97).tail.shortfall <= one.tail.shortfall + 1
    assert one.tail.shortfall <= other.tail.shortfall + 1
    assert one.tail.var <= other.tail.var
    assert one.worst <= other.worst


@given(books(), st.integers(2, 7))
def test_all_of_it_so_many_times_is_so_many_times_the_risk(book, times):
    def grown(held):
        return tuple(replace(h, size=h.size * times, cost=h.cost * times) for h in held)

    larger = replace(
        book,
        symbols={
            name: replace(one, held=grown(one.held), resting=grown(one.resting))
            for name, one in book.symbols.items()
        },
    )
    one, other = risk_of(book, 0.99), risk_of(larger, 0.99)

    assert other.worst == times * one.worst
    assert other.tail.var == times * one.tail.var
    assert abs(other.tail.shortfall - times * one.tail.shortfall) <= times + 1


@given(
    st.integers(-30, 20), st.integers(1, 20), st.sampled_from(Side), st.integers(1, 9_000),
    st.integers(1, 900), books(),
)  # fmt: skip
def test_a_range_is_the_difference_of_two_thresholds(low, width, side, cost, more, book):
    """Held as one range, or as above its low end and not above its high one: the same risk."""
    first, after = 6_800 + low, 6_800 + low + width
    as_range = Holding(Payoff(first, after - 1), side, 100, 100 * cost)
    # two YES pay a dollar whatever happens, beside what the range pays; two NO do not
    certain = 10_000 if side is Side.BID else 0
    as_two = (
        Holding(Payoff(first, None), side, 100, 100 * (cost + more)),
        Holding(Payoff(after, None), side.other, 100, 100 * (certain - more)),
    )
    one = book.holding_too("SPX", (as_range,))
    other = book.holding_too("SPX", as_two)
    ranged, split = risk_of(one, 0.99), risk_of(other, 0.99)

    assert ranged.worst == split.worst
    assert ranged.tail.var == split.tail.var
    assert abs(ranged.tail.shortfall - split.tail.shortfall) <= 1


@given(books())
def test_two_symbols_together_risk_no_more_than_added_up_and_no_less_than_with_hedges(book):
    alone = [risk_of(FixingBook({name: one}), 0.99) for name, one in book.symbols.items()]
    whole = risk_of(book, 0.99)
    unmeasured = risk_of(replace(book, correlations={}), 0.99)
    bound = added_up(alone, 0.99)

    assert whole.tail.shortfall <= bound.tail.shortfall + 2
    assert whole.worst == bound.worst == unmeasured.worst
    assert unmeasured.tail.shortfall <= bound.tail.shortfall
    assert whole.tail.shortfall <= unmeasured.tail.shortfall + 2


@given(books(), st.sampled_from(Filling))
def test_the_law_of_losses_adds_to_one_and_has_the_mean_of_its_parts(book, filling):
    assume(all(one.held or one.resting for one in book.symbols.values()))
    law = Cells(book).risk(book, 0.99, filling).law

    assert abs(sum(law.chances) - 1.0) < 1e-9
    assert list(law.losses) == sorted(set(law.losses))
    if filling is not Filling.ADVERSE:
        expected = 0.0
        for one in book.symbols.values():
            taken = (*one.held, *(one.resting if filling is Filling.ALL else ()))
            chances = probabilities(one.law, [held.payoff for held in taken], 100)
            for held, p in zip(taken, chances, strict=True):
                expected -= p * held.earns(pays=True) + (1 - p) * held.earns(pays=False)
        assert abs(law.mean - expected) < 1.0


@given(st.lists(holdings(), max_size=6))
def test_cash_of_a_bin_is_what_its_settlement_values_pay(held):
    edges = edges_of(held)
    ticks = [edges[0] - 1, *edges] if edges else [6_800]

    assert cash_by_bin(edges, held) == [
        sum(one.earns(one.payoff.contains(tick)) for one in held) for tick in ticks
    ]
