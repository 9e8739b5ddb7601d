from datetime import date, timedelta
from math import nan

import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.trading.evidence import (
    ENOUGH,
    Bet,
    fortune,
    least_return,
    mean_by_days,
    student_cdf,
    student_quantile,
    worst_fall,
)

MONDAY = date(2026, 1, 5)


def on(day, value, weight=1.0):
    return MONDAY + timedelta(days=day), value, weight


def test_a_mean_by_days_is_weighted_and_its_error_is_that_of_the_days():
    found = mean_by_days([on(0, 1.0), on(0, 3.0), on(1, 0.0, 2.0)])

    assert found.estimate == 1.0
    # Day sums of deviations are 2 and -2, so 2 / (2 - 1) * 8 under the root, over a weight of 4.
    assert found.error == 1.0
    assert (found.n, found.days) == (3, 2)


def test_copying_every_fill_of_a_day_makes_nothing_surer():
    once = mean_by_days([on(0, 1.0), on(1, 0.0), on(2, 0.5)])
    often = mean_by_days([on(0, 1.0), on(1, 0.0), on(2, 0.5)] * 10)

    assert often.t == pytest.approx(once.t)
    assert often.interval() == pytest.approx(once.interval())


def test_one_day_has_no_error_and_two_have_no_interval():
    one = mean_by_days([on(0, 1.0), on(0, 0.0)])
    two = mean_by_days([on(0, 1.0), on(1, 0.0)])

    assert one.error != one.error
    assert one.t != one.t
    assert one.interval() is None
    assert two.interval() is None
    assert mean_by_days([]) is None


@pytest.mark.parametrize(
    ("freedom", "expected"), [(1, 12.706205), (2, 4.302653), (9, 2.262157), (10, 2.228139)]
)
def test_students_quantiles_are_those_of_the_tables(freedom, expected):
    assert student_quantile(0.975, freedom) == pytest.approx(expected, abs=1e-6)
    assert student_quantile(0.025, freedom) == pytest.approx(-expected, abs=1e-6)
    assert student_cdf(expected, freedom) == pytest.approx(0.975, abs=1e-8)


@pytest.mark.parametrize("bad", [0.0, 1.0, nan])
def test_students_law_has_no_quantile_outside_its_domain(bad):
    with pytest.raises(DataError, match="no quantile"):
        student_quantile(bad, 5)


def test_students_law_needs_a_degree_of_freedom():
    with pytest.raises(DataError, match="1 degree of freedom or more, not 0"):
        student_cdf(1.0, 0)


def test_a_bet_wins_what_its_shares_win_and_loses_what_they_lose():
    # Nineteen shares from 0.05 to 0.95 average one half.
    assert Bet().add(1.0) == pytest.approx(1.5)
    assert fortune([-1.0]) == pytest.approx(0.5)
    assert fortune([]) == 1.0


def test_a_day_that_returns_just_what_was_claimed_changes_nothing():
    assert fortune([0.1] * 50, claim=0.1) == pytest.approx(1.0)
    assert fortune([0.2] * 50, claim=0.1) > 1.0
    assert fortune([0.0] * 50, claim=0.1) < 1.0


@pytest.mark.parametrize("impossible", [-1.01, nan])
def test_no_day_loses_more_than_was_at_risk(impossible):
    with pytest.raises(DataError, match="cannot lose more than all"):
        Bet().add(impossible)


def test_no_claim_is_as_low_as_losing_everything_every_day():
    with pytest.raises(DataError, match="no day can return"):
        Bet(-1.0)


def test_the_least_return_is_where_the_bet_against_it_stops_being_won():
    returns = [0.3, -0.1, 0.25, 0.1] * 15
    low = least_return(returns)

    assert 0.0 < low < sum(returns) / len(returns)
    assert fortune(returns, low) >= ENOUGH
    assert fortune(returns, low + 1e-6) < ENOUGH


def test_a_few_days_rule_nothing_out():
    assert least_return([]) == -1.0
    assert least_return([0.5, -0.5]) < 0.0


def test_the_worst_fall_starts_from_the_highest_point_and_from_nothing():
    assert worst_fall([]) == 0.0
    assert worst_fall([-2.0, 1.0]) == 2.0
    assert worst_fall([5.0, -3.0, 1.0, -4.0, 9.0]) == 6.0
