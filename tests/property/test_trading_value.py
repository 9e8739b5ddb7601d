from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.pricing.fees import fee_terms
from kalshi_alpha.trading.edge import edge
from kalshi_alpha.trading.sizing import Budget, kelly_fraction_of, size_quote
from kalshi_alpha.trading.thresholds import threshold_grid

probabilities = st.floats(0, 1)
prices = st.integers(1, 9_999)
sides = st.sampled_from(Side)
fees = st.sampled_from(
    ["quadratic", "quadratic_with_maker_fees", "quadratic_with_combo_maker_fees"]
).map(lambda fee_type: fee_terms(fee_type, Decimal(1)))
edges = st.builds(edge, st.just("K"), sides, prices, probabilities, fees)
cash = st.integers(-(10**7), 10**9)
budgets = st.builds(
    Budget,
    bankroll=st.integers(0, 10**9),
    max_size=st.integers(-100, 10_000),
    strike_left=cash,
    window_left=cash,
    day_left=cash,
    week_left=cash,
)


@given(prices, probabilities, fees)
def test_both_sides_at_one_price_together_earn_minus_their_fees(price, probability, terms):
    bid = edge("K", Side.BID, price, probability, terms)
    ask = edge("K", Side.ASK, price, probability, terms)

    assert abs(bid.ev + ask.ev + (bid.fee + ask.fee) / 1_000_000) < 1e-12


@given(prices, probabilities, fees)
def test_a_bid_on_yes_is_an_ask_on_its_mirror(price, probability, terms):
    bid = edge("K", Side.BID, price, probability, terms)
    mirror = edge("K", Side.ASK, 10_000 - price, 1 - probability, terms)

    assert abs(bid.ev - mirror.ev) < 1e-12
    assert bid.worst_loss == mirror.worst_loss


@given(st.integers(1, 9_998), probabilities, sides)
def test_a_more_aggressive_price_never_earns_more_where_makers_pay_nothing(price, p, side):
    terms = fee_terms("quadratic", Decimal(1))
    low, high = (edge("K", side, at, p, terms).ev_cash for at in (price, price + 1))
    assert (low - high) * side.sign > 0


@given(edges)
def test_kelly_stays_within_the_bankroll_and_stakes_only_on_an_edge(found):
    fraction = kelly_fraction_of(found)

    assert 0.0 <= fraction <= 1.0
    if found.ev <= -1e-9:
        assert fraction == 0.0


@given(edges, st.floats(0, 1), budgets)
def test_a_size_is_whole_contracts_inside_every_cap(found, tempering, budget):
    sized = size_quote(found, tempering, budget)

    assert sized.size >= 0
    assert sized.size % 100 == 0
    if sized.size:
        risk = found.worst_loss * sized.size // 100
        assert sized.size <= budget.max_size
        assert risk <= min(
            budget.bankroll,
            budget.strike_left,
            budget.window_left,
            budget.day_left,
            budget.week_left,
        )


@given(edges, st.floats(0, 1), budgets)
def test_one_contract_more_would_break_the_cap_that_is_named(found, tempering, budget):
    sized = size_quote(found, tempering, budget)
    more = sized.size // 100 + 1
    limits = {
        "kelly": round(kelly_fraction_of(found) * tempering * budget.bankroll),
        "max-size": budget.max_size * found.worst_loss // 100,
        "strike": budget.strike_left,
        "window": budget.window_left,
        "day": budget.day_left,
        "week": budget.week_left,
    }
    assert more * found.worst_loss > limits[sized.bound_by]


@given(st.lists(st.floats(-1, 1), max_size=50), st.lists(st.integers(0, 2_000), max_size=10))
def test_a_higher_threshold_never_lets_more_pass(evs, thresholds):
    rows = threshold_grid(evs, thresholds)

    assert all(row.passed + row.refused == len(evs) for row in rows)
    assert [row.passed for row in rows] == sorted((row.passed for row in rows), reverse=True)
