from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.trading.evidence import (
    fortune,
    least_return,
    mean_by_days,
    student_cdf,
    student_quantile,
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
