"""Looking often finds something: an edge is one that stands out among all looks."""

from __future__ import annotations

import numpy as np
import pytest

from kalshi_alpha.research.sweep.judging import CHANCE, Look, chances_of, judge
from kalshi_alpha.research.sweep.merging import said_of
from kalshi_alpha.research.sweep.playing import FIGURES

FIRST = 739_000
CENTS = 10_000  # of cash: a contract at a cent


def look(profits, *, series=0, point=0, days=None, size=100):
    """A contract a day, with these profits in 1/1000000 dollar."""
    figures = np.zeros((len(profits), len(FIGURES)), dtype=np.int64)
    columns = {"windows": 1, "quotes": 3, "fills": 1, "size": size, "claimed": 5 * CENTS}
    for name, value in columns.items():
        figures[:, FIGURES.index(name)] = value
    figures[:, FIGURES.index("realised")] = profits
    ordinals = np.arange(FIRST, FIRST + len(profits)) if days is None else np.array(days)
    return Look(series, point, ordinals.astype(np.int64), figures, 0)


def noise(count, days, seed, mean=0):
    random = np.random.default_rng(seed)
    return [look(random.integers(-40, 41, days) * CENTS + mean) for _ in range(count)]


def test_of_many_settings_that_know_nothing_some_lie_above_zero_and_none_is_an_edge():
    rows = judge(noise(200, 60, seed=3), draws=500)
    words = [row["verdict"] for row in rows]

    assert words.count("one-of-many") >= 2
    assert "edge" not in words


def test_alone_among_looks_a_false_edge_is_as_rare_as_it_is_said_to_be():
    smallest = [min(chances_of(noise(20, 40, seed=seed), draws=400)) for seed in range(100)]

    # 2.5 expected; nine or more would be one chance in a thousand.
    assert sum(chance <= CHANCE for chance in smallest) < 9
    assert sum(chance <= 0.5 for chance in smallest) > 30  # and it is not merely never said


def test_an_edge_that_is_there_stands_out_among_many():
    looks = [*noise(200, 250, seed=5), *noise(1, 250, seed=6, mean=10 * CENTS)]

    rows = judge(looks, draws=500)

    assert [k for k, row in enumerate(rows) if row["verdict"] == "edge"] == [200]
    assert (
        "1 stand out among all"
        in said_of([row | {"series": "KXINXU", "name": "x"} for row in rows])["sentence"]
    )


def test_the_same_setting_looked_at_twice_costs_nothing():
    (one,) = noise(1, 60, seed=8, mean=6 * CENTS)
    alone = chances_of([one])[0]

    assert chances_of([one] * 50) == [alone] * 50


def test_what_a_row_says_is_cash_over_contracts():
    row = judge([look([10 * CENTS, -4 * CENTS, 3 * CENTS], size=300)])[0]

    assert row["realised"] == 0.01
    assert row["ev_claimed"] == pytest.approx(0.05 / 3)
    assert row["contracts"] == 9.0
    assert row["profit"] == 0.09
    assert row["verdict"] == "too-few-days"


def test_nothing_filled_and_one_day_have_no_interval_and_no_chance():
    empty = look([0] * 10, size=0)
    empty.figures[:, FIGURES.index("fills")] = 0
    single = look([5 * CENTS])

    for row, word in zip(
        judge([empty]) + judge([single]), ("no-fills", "too-few-days"), strict=True
    ):
        assert row["verdict"] == word
        assert row["realised_low"] is None
        assert row["chance"] is None
    assert judge([]) == []


def test_a_loss_is_called_one():
    assert judge(noise(1, 60, seed=9, mean=-20 * CENTS))[0]["verdict"] == "loss"


def test_the_figures_do_not_depend_on_the_order_of_the_looks():
    looks = noise(30, 50, seed=12)

    assert judge(looks[::-1], draws=300)[::-1] == judge(looks, draws=300)


def test_a_series_that_missed_days_counts_them_as_days_on_which_it_did_nothing():
    full = look([5 * CENTS, -CENTS, 4 * CENTS, 2 * CENTS] * 10)
    part = look([5 * CENTS, -CENTS] * 10, series=1, days=range(FIRST, FIRST + 20))
    padded = look([5 * CENTS, -CENTS] * 10 + [0] * 20)

    assert chances_of([full, part]) == chances_of([full, padded])


def test_one_setting_with_an_interval_above_zero_may_be_called_an_edge():
    row = judge(noise(1, 60, seed=6, mean=20 * CENTS))[0]

    assert row["verdict"] == "edge"
    assert row["chance"] <= CHANCE
