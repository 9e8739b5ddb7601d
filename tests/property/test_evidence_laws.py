from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kalshi_alpha.trading.evidence import (
    fall_of_risk,
    fortune,
    least_return,
    mean_by_days,
    sharpe,
    student_cdf,
    student_quantile,
    won_share,
    worst_fall,
)

FIRST = date(2026, 1, 5)
RETURNS = st.lists(st.floats(-1.0, 3.0), max_size=40)
FILLS = st.lists(
    st.tuples(st.integers(0, 9), st.floats(-1.0, 1.0), st.floats(0.5, 3.0)), min_size=1, max_size=40
)


@given(RETURNS)
def test_a_fortune_is_never_below_nothing_and_ignores_the_order_of_days(returns):
    assert fortune(returns) >= 0.0
    assert abs(fortune(returns) - fortune(sorted(returns))) <= 1e-6 * (1.0 + fortune(returns))


@given(st.floats(0.01, 1.0), st.floats(0.01, 1.0))
def test_a_fair_day_is_expected_to_leave_the_fortune_as_it_is(loss, gain):
    # A bet of that loss and that gain is fair when it wins loss / (loss + gain) of the time.
    wins = loss / (loss + gain)
    expected = wins * fortune([gain]) + (1.0 - wins) * fortune([-loss])

    assert abs(expected - 1.0) < 1e-9


@given(RETURNS, st.floats(0.0, 0.5), st.floats(0.0, 0.5))
def test_a_larger_claim_is_harder_to_beat(returns, one, other):
    low, high = sorted((one, other))

    assert fortune(returns, high) <= fortune(returns, low) * (1.0 + 1e-9)


@given(RETURNS)
def test_a_worse_day_never_raises_the_bound(returns):
    assert least_return([*returns, -0.5]) <= least_return([*returns, 0.5]) + 1e-9


@given(FILLS)
def test_a_mean_lies_among_its_values_and_its_interval_around_it(rows):
    values = [(FIRST + timedelta(days=day), value, weight) for day, value, weight in rows]
    found = mean_by_days(values)

    assert min(v for _, v, _ in rows) - 1e-9 <= found.estimate <= max(v for _, v, _ in rows) + 1e-9
    ends = found.interval()
    assert ends is None or ends[0] <= found.estimate <= ends[1]


@given(st.floats(0.001, 0.999), st.integers(1, 60))
def test_students_quantile_undoes_its_distribution(probability, freedom):
    assert abs(student_cdf(student_quantile(probability, freedom), freedom) - probability) < 1e-7


@given(st.lists(st.floats(-10.0, 10.0), max_size=30))
def test_a_fall_is_at_least_the_worst_day_and_at_most_all_losses(profits):
    fall = worst_fall(profits)

    assert fall >= max([0.0, *(-p for p in profits)]) - 1e-9
    assert fall <= sum(-p for p in profits if p < 0.0) + 1e-6


PROFITS = st.lists(st.floats(-10.0, 10.0).map(lambda one: round(one, 4)), min_size=2, max_size=40)


@given(PROFITS, st.floats(0.01, 100.0))
def test_a_sharpe_ratio_does_not_know_how_large_the_bets_were_and_turns_with_them(profits, scale):
    found = sharpe(profits)
    assume(found is not None)

    assert sharpe([scale * one for one in profits]) == pytest.approx(found, rel=1e-6, abs=1e-9)
    assert sharpe([-one for one in profits]) == pytest.approx(-found, rel=1e-9, abs=1e-12)


@given(st.floats(-10.0, 10.0), st.integers(0, 40))
def test_days_that_do_not_differ_have_no_sharpe_ratio(profit, count):
    assert sharpe([profit] * count) is None


@given(PROFITS, st.floats(0.01, 100.0))
def test_a_fall_of_the_risk_does_not_know_how_large_the_bets_were(profits, scale):
    at_risk = [abs(one) for one in profits]
    found = fall_of_risk(profits, at_risk)
    scaled = fall_of_risk([scale * one for one in profits], [scale * one for one in at_risk])

    assert (found is None) == (not any(at_risk))
    assert scaled == (None if found is None else pytest.approx(found))


@given(PROFITS)
def test_what_was_won_and_what_was_not_is_everything(profits):
    lost = won_share([-one for one in profits])
    even = sum(one == 0.0 for one in profits) / len(profits)

    assert won_share(profits) + lost + even == pytest.approx(1.0)
    assert won_share([]) is None
