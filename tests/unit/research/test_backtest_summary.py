"""What a backtest came to: intervals by days, and a verdict that names no edge too early."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kalshi_alpha.research.backtest.records import FillRow
from kalshi_alpha.research.backtest.settings import Settings
from kalshi_alpha.research.backtest.summary import (
    EDGE,
    FEW_DAYS,
    LOSS,
    NO_FILLS,
    NOT_SHOWN,
    ONE_OF_MANY,
    Sample,
    by_day,
    by_minute,
    days_needed,
    drawdown_of,
    drift_of,
    interval_of,
    row_of,
)
from kalshi_alpha.research.backtest.when import Stretch, choose_when, stretches
from kalshi_alpha.research.scores.clusters import Interval

ROW = FillRow(
    day="2026-01-05", window_id="w", ticker="M", bin=1, side="bid", price=4500, size=100,
    at="2026-01-05T20:56:00Z", placed_s=3.0, seconds_to_fixing=240.0, is_taker=False,
    probability=0.5, ev_claimed=0.05, fee=0, evidence="trade_through", markout_1s=0.02,
    markout_5s=0.01, markout_30s=None, settled=True, realised=0.55,
)  # fmt: skip
DAYS = tuple(f"2026-01-{day:02d}" for day in range(5, 15))


def sample(realised, days=DAYS, **changed):
    fills = tuple(
        replace(ROW, day=day, ticker=f"M{k}", realised=value, **changed)
        for k, (day, value) in enumerate(zip(days, realised, strict=False))
    )
    return Sample(tuple(days), fills, (), 40)


def test_an_interval_that_holds_zero_is_no_edge():
    row = row_of(sample([0.5, -0.45] * 5), 10, one_of_many=False)

    assert row["verdict"] == NOT_SHOWN
    assert row["realised"] == pytest.approx(0.025)
    assert row["realised_low"] < 0 < row["realised_high"]
    assert "no edge is established" in row["verdict_sentence"]


def test_an_interval_above_zero_is_an_edge_only_where_it_is_the_one_question_asked():
    good = sample([0.10, 0.12] * 5)

    assert row_of(good, 10, one_of_many=False)["verdict"] == EDGE
    assert row_of(good, 10)["verdict"] == ONE_OF_MANY
    assert row_of(sample([-0.10, -0.12] * 5), 10)["verdict"] == LOSS


def test_few_days_and_no_fills_are_no_verdict():
    assert row_of(sample([0.1] * 4), 10, one_of_many=False)["verdict"] == FEW_DAYS
    nothing = row_of(Sample(DAYS, (), (), 0), 10)
    assert nothing["verdict"] == NO_FILLS
    assert nothing["realised"] is None
    assert nothing["fills_by_evidence"] == {
        "queue_cleared": 0, "trade_through": 0, "crossed": 0, "touched": 0,
    }  # fmt: skip


def test_touches_are_counted_and_earn_nothing():
    touched = replace(ROW, evidence="touched", realised=99.0)
    one = replace(sample([0.1] * 10), touches=(touched,))

    row = row_of(one, 10)

    assert row["fills_by_evidence"]["touched"] == 1
    assert row["realised"] == pytest.approx(0.1)
    assert row["fills"] == 10


def test_days_without_a_fill_are_days_that_are_drawn():
    few = Sample(DAYS, sample([0.5, -0.4, 0.5, -0.4, 0.5]).fills, (), 0)

    alone = Sample(DAYS[:5], few.fills, (), 0)

    wide, narrow = (interval_of(s, [r.realised for r in s.fills]) for s in (few, alone))
    assert wide is not None
    assert narrow is not None
    assert wide.estimate == narrow.estimate
    assert wide.high - wide.low > narrow.high - narrow.low


def test_means_weigh_contracts():
    fills = (replace(ROW, realised=0.1), replace(ROW, realised=0.4, size=300))

    row = row_of(Sample(DAYS, fills, (), 0), 10)

    assert row["realised"] == pytest.approx(0.325)
    assert row["profit"] == pytest.approx(1.3)
    assert row["contracts"] == 4


def test_days_needed_grow_with_the_square_of_the_noise():
    found = Interval(0.05, -0.048, 0.148)  # a standard error of 5 cents on 20 days

    assert days_needed(found, 20) == 157
    assert days_needed(found, 20, assumed=0.10) == 40
    assert days_needed(Interval(-0.01, -0.1, 0.08), 20) is None


def test_slippage_that_grows_worse_shows_as_a_change_with_its_interval():
    early = sample([0.0] * 10, markout_5s=0.04)
    after = [0.04 + 0.001 * k if k < 5 else -0.02 - 0.001 * k for k in range(10)]
    fills = (replace(row, markout_5s=x) for row, x in zip(early.fills, after, strict=True))
    late = replace(early, fills=tuple(fills))

    rows = {row["after"]: row for row in drift_of(late)}

    five = rows["markout_5s"]
    assert five["earlier"] == pytest.approx(0.042 - 0.05)
    assert five["later"] == pytest.approx(-0.027 - 0.05)
    assert five["change_low"] < five["change"] < five["change_high"] < 0
    assert rows["markout_30s"]["change"] is None  # never known
    assert rows["realised"]["change"] == pytest.approx(0.0)


def test_the_deepest_fall_is_from_the_best_so_far():
    rows = by_day(sample([0.5, -0.3, -0.4, 0.9]))

    assert [round(row["total"], 6) for row in rows[:4]] == [0.5, 0.2, -0.2, 0.7]
    assert drawdown_of(rows) == pytest.approx(0.7)


def test_a_minute_holds_its_end_and_not_its_begin():
    fills = tuple(replace(ROW, seconds_to_fixing=s) for s in (60.0, 60.5, 120.0))

    rows = by_minute(Sample(DAYS, fills, (), 0), 10)

    assert [(row["minutes_from"], row["fills"]) for row in rows] == [(0.0, 1), (1.0, 2)]


def test_when_to_quote_is_chosen_on_earlier_days_and_judged_on_later_ones():
    good, bad = Stretch(300.0, 60.0), Stretch(60.0, 2.25)
    early, late = DAYS[:5], DAYS[5:]
    played = {
        good: _stretch(early, 0.20, late, -0.10),
        bad: _stretch(early, -0.20, late, 0.30),
    }

    found = choose_when(played, 10)

    assert found["chosen"] == {"start_s": 300.0, "stop_s": 60.0}
    assert found["later"]["realised"] == pytest.approx(-0.10)
    assert found["act"] is False
    assert found["tried"] == 2


def test_no_stretch_is_chosen_on_few_fills():
    found = choose_when({Stretch(300.0, 60.0): sample([0.3] * 10)}, 10)

    assert found["chosen"] is None
    assert found["act"] is False


def test_of_several_fills_on_one_side_of_a_market_the_first_counts():
    first = _stretch(DAYS[:5], 0.2, DAYS[5:], 0.1)
    again = tuple(replace(row, realised=-5.0) for row in first.fills)
    played = {Stretch(300.0, 60.0): replace(first, fills=(*first.fills, *again))}

    assert choose_when(played, 10)["later"]["realised"] == pytest.approx(0.1)


def test_stretches_hold_at_least_one_scan():
    for stretch in stretches(Settings()):
        assert stretch.start_s - stretch.stop_s >= 20.0


def _stretch(early, before, late, after):
    fills = [
        replace(ROW, day=day, ticker=f"{day} {k}", realised=value)
        for days, value in ((early, before), (late, after))
        for day in days
        for k in range(4)
    ]
    return Sample(DAYS, tuple(fills), (), 0)
