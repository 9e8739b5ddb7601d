from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.graded import SCHEMA, DayGrade, SeriesGrade, WindowGrade
from kalshi_alpha.research.honesty import (
    RULES,
    Gap,
    Pooled,
    cusum_of,
    fit_honesty,
    gap_of,
    gaps_of,
    pooled_gap,
    rolling,
    rows_of,
    shrink,
    weigh,
)
from tests.fills_world import FIRST, World, made_fill

CONFIG = "c" * 64
TODAY = FIRST + timedelta(days=20)


def a_day(day, fills, *, config=CONFIG, source="paper"):
    series = SeriesGrade(
        "KXINXU", "index", True, (), tuple(fills), (), (), 10, 0, 0, 1.0, None, 0, 0
    )
    window = WindowGrade(f"{day:%Y%m%d}-1200-index-hourly", (series,), (), ())
    return DayGrade(SCHEMA, day, source, config, day, (window,), True)


def days_of(fills):
    found = sorted({fill.day for fill in fills})
    return [a_day(day, [f for f in fills if f.day == day]) for day in found]


def gap(**fields):
    given = {"claimed": 0.05, "gap": 0.0, "error": 0.01, "n": 100, "days": 20, "cusum": 0.0}
    return Gap(**(given | fields))


ALL_BINS = Pooled(0.0, 0.01, 0.02)


def test_a_gap_is_earned_less_claimed_and_never_surer_than_its_outcomes_allow():
    fills = [made_fill(FIRST + timedelta(days=k), paid=1.0, number=k) for k in range(4)]
    found = gap_of(fills)

    # Everything paid, so the days agree perfectly; the error is that of four even bets.
    assert found.claimed == pytest.approx(0.05)
    assert found.gap == pytest.approx(0.45)
    assert found.error == pytest.approx((0.55 * 0.45) ** 0.5 / 2.0)
    assert (found.n, found.days) == (4, 4)


def test_fills_of_one_fixing_are_one_bet_however_many():
    once = gap_of([made_fill(FIRST, number=0)])
    often = gap_of([made_fill(FIRST, number=k) for k in range(50)])

    assert often.error == pytest.approx(once.error)


def test_a_bin_without_a_fill_has_no_gap():
    with pytest.raises(DataError, match="a bin without a fill"):
        gap_of([])


def test_a_bin_of_little_evidence_goes_where_all_bins_lie():
    unsure = shrink(gap(gap=-0.2, error=1.0), ALL_BINS)
    sure = shrink(gap(gap=-0.2, error=0.001), ALL_BINS)

    assert abs(unsure.gap) < 0.001
    assert sure.gap == pytest.approx(-0.2, abs=0.001)
    assert sure.error < unsure.error


def test_shrinking_is_the_normal_laws_own():
    found = shrink(gap(gap=-0.03, error=0.02), Pooled(0.01, 0.0, 0.02))

    assert found.gap == pytest.approx(-0.01)
    assert found.error == pytest.approx(0.02 / 2**0.5)


def test_bins_that_part_beyond_their_errors_are_pooled_less():
    alike = pooled_gap([gap(gap=0.0), gap(gap=0.001), gap(gap=-0.001)])
    apart = pooled_gap([gap(gap=0.2), gap(gap=-0.2), gap(gap=0.0)])

    assert alike.spread == RULES.prior_spread
    assert apart.spread == pytest.approx(0.2, abs=0.01)
    assert pooled_gap([]) == Pooled(0.0, RULES.prior_spread, RULES.prior_spread)


@pytest.mark.parametrize(
    ("shift", "weight", "word"),
    [
        (0.01, 1.0, ""),
        (0.0, 1.0, ""),
        (-0.02, 0.6, "of 5.0 cents claimed 3.0 are believed (100 fills on 20 days)"),
        (-0.04, 0.0, "under a share of 0.25"),
        (-0.09, 0.0, "of 5.0 cents claimed -4.0 are believed"),
    ],
)
def test_a_weight_is_the_share_of_the_claim_that_is_left(shift, weight, word):
    found = weigh(gap(), replace(shrink(gap(), ALL_BINS), gap=shift))

    assert found.weight == pytest.approx(weight)
    assert word in found.reason
    assert found.cap is None
    assert found.low < found.realised < found.high


def test_few_days_hold_a_bin_to_one_contract():
    found = weigh(gap(days=4, n=3), shrink(gap(), ALL_BINS))

    assert (found.weight, found.cap) == (1.0, 100)
    assert found.reason.startswith("its fills are of 4 days, and until 5 one contract")


def test_a_running_sum_at_its_alarm_switches_a_bin_off():
    found = weigh(gap(cusum=5.2), shrink(gap(), ALL_BINS))

    assert found.weight == 0.0
    assert "has run down 5.2 deviations, alarm at 5" in found.reason


def test_a_claim_of_nothing_has_no_weight():
    assert weigh(gap(claimed=0.0), shrink(gap(), ALL_BINS)).weight == 0.0


def test_the_running_sum_rises_with_losses_in_a_row_and_forgets_with_gains():
    def row(*paid):
        return [made_fill(FIRST + timedelta(days=k), paid=p, number=k) for k, p in enumerate(paid)]

    # A loss is 0.55 below its claim, over a deviation of 0.4975, less a quarter of slack.
    each = 0.55 / (0.55 * 0.45) ** 0.5 - 0.25
    assert cusum_of(row(0.0)) == pytest.approx(each)
    assert cusum_of(row(0.0, 0.0, 0.0)) == pytest.approx(3 * each)
    assert cusum_of(row(0.0, 0.0, 1.0, 1.0)) == 0.0
    assert cusum_of(row(1.0, 1.0, 1.0, 0.0)) == pytest.approx(each)


def test_an_artifact_tells_bins_apart_and_names_what_it_rests_on():
    good = [f for f in World(edge=0.05).fills(20, 1) if f.fill.price >= 5000]
    bad = [
        replace(made_fill(FIRST + timedelta(days=d), price=3000, paid=0.0, number=k + 900),
                window_id=f"{d}-{k}")
        for d in range(20) for k in range(6)
    ]  # fmt: skip
    found = fit_honesty(days_of([*good, *bad]), config_hash=CONFIG, today=TODAY)

    assert found.of("index|above|p15-40|m2-4|bid").weight == 0.0
    assert found.of("index|above|p60-85|m2-4|bid").weight > 0.5
    assert found.provenance["fills"] == len(good) + len(bad)
    assert found.as_of == FIRST + timedelta(days=19)
    assert found.valid_until == TODAY + timedelta(days=7)
    assert rows_of(found)[0]["n"] == max(b.n for b in found.bins.values())


def test_old_days_and_other_configurations_are_left_out():
    fills = World(edge=0.0).fills(5, 2)
    late = a_day(TODAY, [made_fill(TODAY)])
    other = a_day(TODAY - timedelta(days=1), [made_fill(TODAY)], config="d" * 64)
    ancient = [a_day(one.day - timedelta(days=90), one.fills) for one in days_of(fills)]
    found = fit_honesty([late, other, *ancient], config_hash=CONFIG, today=TODAY)

    assert (found.provenance["fills"], found.provenance["other_configurations"]) == (1, 1)


def test_without_a_day_of_this_configuration_there_is_no_artifact():
    with pytest.raises(DataError, match="1 ran under others, and honesty is of one configuration"):
        fit_honesty([a_day(TODAY, [])], config_hash="d" * 64, today=TODAY)


def test_a_bin_nobody_has_filled_in_is_held_to_one_contract_and_to_what_others_leave():
    none = fit_honesty([a_day(TODAY, [])], config_hash=CONFIG, today=TODAY)
    losing = fit_honesty(days_of(World(edge=-0.1).fills(20, 3)), config_hash=CONFIG, today=TODAY)

    assert (none.others.weight, none.others.cap) == (1.0, 100)
    assert losing.others.weight < 1.0
    assert losing.others.cap == 100


def test_fills_that_do_not_count_change_nothing():
    fills = World(edge=0.0).fills(10, 4)
    open_ones = [replace(fill, realised=None) for fill in fills]
    one = fit_honesty(days_of(fills), config_hash=CONFIG, today=TODAY)
    other = fit_honesty(days_of([*fills, *open_ones]), config_hash=CONFIG, today=TODAY)

    assert one == other


def test_rolling_windows_forget_what_is_older():
    day = FIRST + timedelta(days=40)
    found = rolling([a_day(FIRST, [made_fill(FIRST)]), a_day(day, [made_fill(day)])])

    assert [sum(g.n for g in found[span].values()) for span in ("7 days", "30 days", "all")] == [
        1, 1, 2,
    ]  # fmt: skip
    assert rolling([]) == {}


def test_an_interval_of_95_in_100_covers_the_truth_about_as_often():
    covered = []
    for seed in range(60):
        fills = World(edge=0.02, claimed=0.05, luck=0.0).fills(20, seed)
        gaps = gaps_of(fills)
        pooled = pooled_gap(gaps.values())
        for one in gaps.values():
            found = weigh(one, shrink(one, pooled))
            assert found.low is not None
            assert found.high is not None
            covered.append(found.low <= 0.02 <= found.high)

    assert np.mean(covered) > 0.9


def test_the_day_of_an_artifact_is_a_date():
    assert isinstance(fit_honesty([a_day(TODAY, [])], config_hash=CONFIG, today=TODAY).as_of, date)
