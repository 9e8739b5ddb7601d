"""Scores on trades small enough to work out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.market.blending import Walked
from kalshi_alpha.research.market.cases import MarketCases, require_both_outcomes
from kalshi_alpha.research.market.compare import (
    INDEX_BUCKETS,
    Compared,
    briers,
    price_rows,
    time_rows,
)

MINUTES = np.array([0.5, 0.5, 10.0, 100.0])


def compared(ours=(0.8, 0.8, 0.4, 0.1), day=(1, 1, 2, 2)):
    cases = MarketCases(
        day=np.array(day),
        event=np.array(day),
        side=np.array([1, 1, 2, 3]),
        minutes=MINUTES,
        price=np.array([0.5, 0.7, 0.2, 0.3]),
        happened=np.array([1.0, 1.0, 0.0, 0.0]),
        ours=np.array(ours, dtype=float),
    )
    walked = Walked(np.array([0.6, 0.8, 0.1, 0.2]), np.array([0.7, 0.9, 0.2, 0.1]), ())
    return Compared.of(cases, walked)


def row_of(rows, low, high):
    (found,) = [row for row in rows if (row["minutes_from"], row["minutes_to"]) == (low, high)]
    return found


def test_brier_and_log_scores_are_those_worked_out_by_hand():
    row = row_of(time_rows(compared(), INDEX_BUCKETS), "all", "all")

    assert (row["n"], row["days"], row["sides"]) == (4, 2, 3)
    assert row["brier_ours"] == pytest.approx((0.04 + 0.04 + 0.16 + 0.01) / 4)
    assert row["brier_market"] == pytest.approx((0.25 + 0.09 + 0.04 + 0.09) / 4)
    assert row["brier_sharp"] == pytest.approx((0.16 + 0.04 + 0.01 + 0.04) / 4)
    assert row["brier_blend"] == pytest.approx((0.09 + 0.01 + 0.04 + 0.01) / 4)
    assert row["log_ours"] == pytest.approx((2 * math.log(0.8) + math.log(0.6) + math.log(0.9)) / 4)
    assert row["diff"] == pytest.approx((0.25 - 0.47) / 4)
    assert row["diff_blend"] == pytest.approx((0.15 - 0.47) / 4)
    assert row["diff_blend_sharp"] == pytest.approx((0.15 - 0.25) / 4)
    # Day 1 has a mean difference of -0.13, day 2 of +0.02: draws reach from one to the other.
    assert row["low"] == pytest.approx(-0.13)
    assert row["high"] == pytest.approx(0.02)


def test_each_time_to_the_fixing_has_its_row_and_the_last_quarter_hour_one_more():
    rows = time_rows(compared(), INDEX_BUCKETS)

    assert [(row["minutes_from"], row["minutes_to"], row["n"]) for row in rows] == [
        ("all", "all", 4),
        (0, 15, 3),
        (0, 1, 2),
        (5, 15, 1),
        (60, 120, 1),
    ]
    assert row_of(rows, 0, 15)["brier_market"] == pytest.approx(0.38 / 3)


def test_one_day_has_a_difference_and_no_interval():
    row = row_of(time_rows(compared(), INDEX_BUCKETS), 0, 1)

    assert row["diff"] == pytest.approx(0.04 - 0.17)
    assert row["low"] is None
    assert row["high"] is None


def test_every_market_side_counts_once():
    row = row_of(time_rows(compared(), INDEX_BUCKETS, by_side=True), "all", "all")

    assert row["brier_market"] == pytest.approx((0.17 + 0.04 + 0.09) / 3)
    assert row["brier_ours"] == pytest.approx((0.04 + 0.16 + 0.01) / 3)


def test_without_a_law_ours_and_the_blend_are_null():
    row = time_rows(compared(ours=(np.nan,) * 4), INDEX_BUCKETS)[0]

    for name in ("brier_ours", "brier_blend", "log_ours", "diff", "low", "high", "diff_blend"):
        assert row[name] is None, name
    assert row["brier_market"] == pytest.approx(0.1175)
    assert row["diff_sharp_market"] == pytest.approx((0.25 - 0.47) / 4)


def test_a_certain_and_wrong_forecast_costs_a_tenth_of_a_cents_odds():
    row = time_rows(compared(ours=(0.0, 1.0, 0.0, 0.0)), INDEX_BUCKETS)[0]

    assert row["log_ours"] == pytest.approx((math.log(0.001) + 3 * math.log(0.999)) / 4)


def test_price_bands_say_how_often_yes_won():
    rows = price_rows(compared())

    assert [(row["price_from"], row["price_to"], row["n"], row["won"]) for row in rows] == [
        (0.10, 0.25, 1, 0.0),
        (0.25, 0.50, 2, 0.5),
        (0.50, 0.75, 1, 1.0),
    ]
    assert rows[1]["mean_market"] == pytest.approx(0.4)
    assert rows[1]["mean_ours"] == pytest.approx(0.45)


def test_other_outcomes_give_other_scores():
    where = np.array([True, False, True, False])

    row = briers(compared(), where, np.zeros(4))

    assert row["n"] == 2
    assert row["brier_market"] == pytest.approx((0.25 + 0.04) / 2)


def survivors(price, won, *, events=12):
    event = np.arange(events)
    require_both_outcomes(
        "trades", event, event, np.full(events, price), np.full(events, won, dtype=float)
    )


def test_a_file_without_its_winners_is_refused():
    with pytest.raises(DataError, match=r"not one of its 12 markets won.* about 6 events"):
        survivors(0.5, won=0)


def test_a_file_without_its_losers_is_refused():
    with pytest.raises(DataError, match="not one of its 12 markets lost"):
        survivors(0.5, won=1)


def test_few_or_cheap_losers_are_no_proof():
    survivors(0.5, won=0, events=9)
    survivors(0.1, won=0, events=40)
    survivors(0.9, won=1, events=40)


def test_a_whole_ladder_that_lost_at_once_is_one_surprise():
    market = np.arange(30)

    require_both_outcomes("trades", np.zeros(30, int), market, np.full(30, 0.5), np.zeros(30))
