"""The bootstrap draws whole days, and its intervals hold what they say."""

from __future__ import annotations

import numpy as np
import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.scores.clusters import DayBootstrap

DAY = np.repeat(np.arange(40), 7)


def clustered(random, days=40, cases=7):
    """Return scores with mean 1 that mostly hang on the day."""
    return (1.0 + random.normal(size=(days, 1)) + 0.3 * random.normal(size=(days, cases))).ravel()


def test_the_estimate_is_the_plain_mean_over_cases():
    scores, day = np.array([1.0, 2.0, 6.0]), np.array([3, 3, 9])
    assert DayBootstrap(day).mean(scores).estimate == pytest.approx(3.0)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    random = np.random.default_rng(8)
    bootstrap = DayBootstrap(DAY)
    held = 0
    for _ in range(400):
        found = bootstrap.mean(clustered(random))
        held += found.low <= 1.0 <= found.high
    assert 0.90 <= held / 400 <= 0.97


def test_cases_taken_as_independent_would_be_far_too_sure():
    scores = clustered(np.random.default_rng(8))
    by_day = DayBootstrap(DAY).mean(scores)
    by_case = DayBootstrap(np.arange(len(DAY))).mean(scores)
    assert by_day.high - by_day.low > 2.0 * (by_case.high - by_case.low)


def test_the_interval_is_as_wide_as_the_formula_for_a_mean():
    random = np.random.default_rng(2)
    days = random.normal(size=300)
    found = DayBootstrap(np.arange(300), draws=20_000).mean(days)
    assert found.high - found.low == pytest.approx(2 * 1.96 * days.std() / np.sqrt(300), rel=0.03)


def test_blocks_of_days_see_what_lasts_from_day_to_day():
    random = np.random.default_rng(3)
    week = np.repeat(random.normal(size=60), 5)
    days = np.arange(300)
    plain, blocks = (DayBootstrap(days, block=n).mean(week) for n in (1, 5))
    assert blocks.high - blocks.low > 1.5 * (plain.high - plain.low)


def test_a_paired_difference_is_surer_than_its_parts():
    random = np.random.default_rng(4)
    theirs = clustered(random)
    ours = theirs - 0.02 + 0.01 * random.normal(size=len(theirs))
    bootstrap = DayBootstrap(DAY)
    found = bootstrap.difference(ours, theirs)
    assert found.estimate == pytest.approx((ours - theirs).mean())
    assert found.low < -0.02 < found.high < 0.0
    assert bootstrap.mean(ours).low < bootstrap.mean(theirs).estimate < bootstrap.mean(ours).high


def test_skill_is_one_less_the_ratio_of_means():
    theirs = np.random.default_rng(6).uniform(1.0, 3.0, len(DAY))
    found = DayBootstrap(DAY).skill(0.9 * theirs, theirs)
    assert (found.estimate, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))


def test_skill_on_days_of_unequal_weight_is_inside_its_interval():
    random = np.random.default_rng(7)
    theirs = np.exp(random.normal(0.0, 1.0, len(DAY)))
    ours = theirs * random.uniform(0.8, 1.0, len(DAY))
    found = DayBootstrap(DAY).skill(ours, theirs)
    assert found.estimate == pytest.approx(1.0 - ours.mean() / theirs.mean())
    assert found.low < found.estimate < found.high


def test_the_same_seed_gives_the_same_interval_and_another_one_nearly():
    scores = clustered(np.random.default_rng(9))
    one, again, other = (DayBootstrap(DAY, seed=s).mean(scores) for s in (1, 1, 2))
    assert one == again
    assert one != other
    assert one.low == pytest.approx(other.low, abs=0.1)


def test_weights_choose_cases():
    scores = np.arange(6.0)
    found = DayBootstrap(np.array([0, 0, 1, 1, 2, 2])).mean(scores, np.array([1.0, 0, 1, 0, 1, 0]))
    assert found.estimate == pytest.approx(2.0)
    assert (found.low, found.high) == pytest.approx((0.0, 4.0))


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda: DayBootstrap(np.zeros(5, dtype=np.int64)), "two of them or more, not 1"),
        (lambda: DayBootstrap(DAY, block=0), "1 to 40 days long here, not 0"),
        (lambda: DayBootstrap(DAY, block=41), "1 to 40 days long here, not 41"),
        (lambda: DayBootstrap(DAY).mean(np.ones(3)), "280 cases: one each"),
        (lambda: DayBootstrap(DAY).mean(np.full(280, np.nan)), "score of case 0 is nan"),
    ],
)
def test_what_cannot_be_drawn_is_refused(ask, sentence):
    with pytest.raises(DataError, match=sentence):
        ask()
