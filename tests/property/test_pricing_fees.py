"""What holds of fees at every price, size and split into fills."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.pricing.fees import (
    DIRECT,
    NON_DIRECT,
    FeeAccumulator,
    fee_terms,
    maker_fee,
    taker_fee,
)

terms = st.builds(
    fee_terms,
    st.sampled_from(["quadratic", "quadratic_with_maker_fees", "quadratic_with_combo_maker_fees"]),
    st.sampled_from(["0", "0.5", "1", "1.25"]),
)
cents = st.integers(1, 99).map(lambda cent: 100 * cent)
prices = st.integers(1, 9_999)
sizes = st.integers(1, 100_000)
sides = st.sampled_from(list(Side))
precisions = st.sampled_from([DIRECT, NON_DIRECT])


@given(terms, cents, sizes, sizes)
def test_a_larger_trade_never_costs_less(terms, price, size, more):
    assert maker_fee(terms, price, size) <= maker_fee(terms, price, size + more)
    assert taker_fee(terms, price, size) <= taker_fee(terms, price, size + more)


@given(terms, prices, st.integers(1, 1_000), st.integers(1, 1_000))
def test_a_larger_model_fee_for_a_larger_trade(terms, price, size, more):
    small = terms.model_fee(price, size, is_taker=True)

    assert small <= terms.model_fee(price, size + more, is_taker=True)


@given(terms, prices, sizes)
def test_yes_and_no_cost_the_same(terms, price, size):
    assert terms.model_fee(price, size, is_taker=True) == terms.model_fee(
        10_000 - price, size, is_taker=True
    )


@given(terms, prices, st.lists(sizes, min_size=1, max_size=30), sides, precisions, st.booleans())
def test_no_fill_pays_a_negative_fee(terms, price, fills, side, precision, taker):
    order = FeeAccumulator(terms, precision)

    assert all(order.fill(side, price, size, is_taker=taker) >= 0 for size in fills)


@given(terms, cents, st.lists(sizes, min_size=1, max_size=30), sides, precisions, st.booleans())
def test_many_fills_cost_about_what_one_would(terms, price, fills, side, precision, taker):
    # Cash on the member's grid: cents times hundredths of a contract, or times whole contracts.
    scale = 1 if precision == DIRECT else 100
    order = FeeAccumulator(terms, precision)
    for size in fills:
        order.fill(side, price, scale * size, is_taker=taker)

    once = FeeAccumulator(terms, precision).fill(side, price, scale * sum(fills), is_taker=taker)

    assert abs(order.charged - once) <= 2 * precision


@given(terms, prices, sizes, sides, precisions)
def test_the_balance_stays_on_its_grid(terms, price, size, side, precision):
    fee = FeeAccumulator(terms, precision).fill(side, price, size, is_taker=True)

    assert (-side.sign * price * size - fee) % precision == 0


@given(terms, prices, sizes)
def test_the_net_fee_is_the_model_fee_and_at_most_one_unit(terms, price, size):
    model = terms.model_fee(price, size, is_taker=False)

    assert model <= maker_fee(terms, price, size) < model + DIRECT + 1
