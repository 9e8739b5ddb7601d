"""Middles, ages and shares of trades, and that none of them looks ahead."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.momentum.brackets import bracket_set
from kalshi_alpha.research.temperature.panel import (
    NEVER_S,
    Traded,
    brier_of,
    log_of,
    rps_of,
    shares_of,
)
from kalshi_alpha.research.temperature.trades import Event, load
from tests.temperature_days import FIRST, write_days

THREE = bracket_set([("A", Payoff(None, 69)), ("B", Payoff(70, 71)), ("C", Payoff(72, None))])


def made(*trades) -> Event:
    """Return an event of trades (seconds, place, dollars, bought)."""
    at, place, price, bought = (np.array(column) for column in zip(*trades, strict=True))
    return Event(
        "E", "KXHIGHNY", FIRST, 0.0, THREE, 1, at.astype(float), place.astype(np.int64),
        price.astype(float), np.full(len(at), 10.0), bought.astype(bool),
    )  # fmt: skip


def test_a_middle_lies_between_the_last_purchase_and_the_last_sale_of_the_half_hour():
    event = made((0, 0, 0.30, True), (60, 0, 0.26, False), (4000, 0, 0.40, True))
    found = Traded.of(event).at(np.array([30.0, 60.0, 4000.0]))
    assert found.middle[:, 0].tolist() == pytest.approx([0.30, 0.28, 0.40])
    assert found.last[:, 0].tolist() == pytest.approx([0.30, 0.26, 0.40])
    assert found.age[:, 0].tolist() == [30.0, 0.0, 0.0]
    assert found.age[:, 1].tolist() == [NEVER_S] * 3
    assert np.isnan(found.middle[:, 1:]).all()


def test_nothing_is_known_before_the_first_trade():
    found = Traded.of(made((100, 0, 0.30, True))).at(np.array([99.0]))
    assert np.isnan(found.middle).all()
    assert found.shares.tolist() == [pytest.approx([1 / 3] * 3)]


def test_flow_and_counts_are_of_the_seconds_before():
    traded = Traded.of(made((0, 0, 0.3, True), (10, 0, 0.3, False), (12, 1, 0.5, True)))
    assert traded.flow_over(np.array([12.0]), 5.0).tolist() == [[-10.0, 10.0, 0.0]]
    assert traded.flow_over(np.array([12.0]), 60.0).tolist() == [[0.0, 10.0, 0.0]]
    assert traded.count_over(np.array([12.0]), 5.0).tolist() == [2.0]


def test_skew_is_what_the_last_price_lies_above_the_middle():
    traded = Traded.of(made((0, 0, 0.30, True), (60, 0, 0.26, False)))
    assert traded.skew(np.array([60.0])).tolist() == [pytest.approx([-0.02, 0.0, 0.0])]


def test_a_bracket_that_never_traded_gets_what_the_others_leave_and_a_cent_at_least():
    price = np.array([[0.60, 0.30, np.nan], [0.70, 0.40, np.nan]])
    assert shares_of(price).tolist() == [
        pytest.approx([0.6, 0.3, 0.1]),
        pytest.approx([0.7 / 1.11, 0.4 / 1.11, 0.01 / 1.11]),
    ]


@given(
    st.lists(
        st.lists(st.one_of(st.just(np.nan), st.floats(0.0, 1.0)), min_size=4, max_size=4),
        min_size=1,
        max_size=5,
    )
)
def test_shares_sum_to_one_and_none_is_nothing(price):
    found = shares_of(np.array(price))
    assert found.sum(axis=1) == pytest.approx(np.ones(len(found)))
    assert (found > 0.0).all()


def test_cutting_off_the_future_changes_no_price_before_it(tmp_path):
    event = load([write_days(tmp_path, 1)], load_stations()).events[0]
    instants = event.start_s + 3600.0 * np.arange(0.0, 18.0)
    whole = Traded.of(event).at(instants)
    for k, instant in enumerate(instants):
        cut = Traded.of(event.until(instant)).at(instants[: k + 1])
        for name in ("middle", "last", "age", "shares"):
            assert np.array_equal(getattr(cut, name), getattr(whole, name)[: k + 1], equal_nan=True)


def test_scores_of_a_law_are_the_textbook_ones():
    law, winner = np.array([[0.5, 0.3, 0.2]]), np.array([1])
    assert brier_of(law, winner).tolist() == [pytest.approx(0.25 + 0.49 + 0.04)]
    assert rps_of(law, winner).tolist() == [pytest.approx((0.25 + 0.04) / 2)]
    assert log_of(law, winner).tolist() == [pytest.approx(-np.log(0.3))]
