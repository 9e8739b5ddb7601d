from dataclasses import replace
from decimal import Decimal

import pytest

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.pricing.fees import fee_terms
from kalshi_alpha.trading.edge import edge
from kalshi_alpha.trading.sizing import Budget, Sizing, kelly_fraction_of, shrunk, size_quote

FREE = fee_terms("quadratic", Decimal(1))
PLENTY = Budget(
    bankroll=10**12,
    max_size=10**9,
    strike_left=10**12,
    window_left=10**12,
    day_left=10**12,
    week_left=10**12,
)


def bid(price, probability):
    return edge("K", Side.BID, price, probability, FREE)


def ask(price, probability):
    return edge("K", Side.ASK, price, probability, FREE)


def test_kelly_is_edge_over_what_can_be_won():
    assert kelly_fraction_of(bid(5000, 0.60)) == pytest.approx(0.10 / 0.50)
    assert kelly_fraction_of(ask(5000, 0.40)) == pytest.approx(0.10 / 0.50)
    assert kelly_fraction_of(bid(9000, 0.95)) == pytest.approx(0.05 / 0.10)


def test_kelly_stakes_nothing_without_an_edge_and_at_most_everything():
    assert kelly_fraction_of(bid(5000, 0.50)) == 0.0
    assert kelly_fraction_of(bid(5000, 0.30)) == 0.0
    assert kelly_fraction_of(bid(5000, 1.0)) == 1.0


def test_kelly_is_tempered_and_floored_to_whole_contracts():
    # 0.2 of $100, a quarter of that is $5, at 50 cents each: 10 contracts
    found = size_quote(bid(5000, 0.60), 0.25, replace(PLENTY, bankroll=100_000_000))
    assert (found.size, found.bound_by) == (1000, "kelly")

    found = size_quote(bid(5000, 0.60), 0.25, replace(PLENTY, bankroll=99_000_000))
    assert found.size == 900


@pytest.mark.parametrize(
    ("changes", "size", "bound_by"),
    [
        ({"max_size": 100}, 100, "max-size"),
        ({"max_size": 199}, 100, "max-size"),
        ({"strike_left": 1_600_000}, 300, "strike"),
        ({"window_left": 1_000_000}, 200, "window"),
        ({"day_left": 500_000}, 100, "day"),
        ({"week_left": 499_999}, 0, "week"),
        ({"window_left": -5_000_000}, 0, "window"),
        ({"bankroll": 0}, 0, "kelly"),
        ({"strike_left": 500_000, "day_left": 500_000}, 100, "strike"),
    ],
)
def test_the_tightest_cap_sets_the_size_and_is_named(changes, size, bound_by):
    found = size_quote(bid(5000, 0.60), 0.25, replace(PLENTY, **changes))
    assert (found.size, found.bound_by) == (size, bound_by)


def test_an_ask_risks_one_dollar_less_its_price():
    found = size_quote(ask(9000, 0.80), 1.0, replace(PLENTY, strike_left=300_000))
    assert found.size == 300


@pytest.mark.parametrize(
    ("size", "share", "left"),
    [(500, 1.0, 500), (500, 0.99, 400), (500, 0.6, 300), (500, 0.1, 0), (100, 0.9, 0)],
)
def test_a_shrunk_size_is_whole_contracts_rounded_down(size, share, left):
    found = shrunk(Sizing(size, "kelly", 0.2), share)

    assert (found.size, found.kelly) == (left, 0.2)
    assert found.bound_by == ("kelly" if left == size else "drift")


def test_a_size_never_grows():
    assert shrunk(Sizing(300, "max-size", 0.2), 5.0) == Sizing(300, "max-size", 0.2)
    assert shrunk(Sizing(300, "max-size", 0.2), -1.0).size == 0
