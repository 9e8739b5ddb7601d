import math
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.registry import DriftLimits, load_registry
from kalshi_alpha.pricing.table import student_table
from kalshi_alpha.research.scores.shapes import TableShape
from kalshi_alpha.trading.drift import Fit, LawOutcome, fit_of, judge_drift
from kalshi_alpha.trading.gates import Allow, Refuse

TODAY = date(2026, 2, 6)
FITTED = date(2026, 2, 2)
LIMITS = DriftLimits(
    days=28,
    fewest_days=4,
    fewest_laws=8,
    sigmas=3.0,
    refuse_ratio=1.5,
    refuse_sigmas=5.0,
    fresh_days=10,
    oldest_days=14,
    least_share=0.1,
)


def laws(days=20, *, size=1.0, pit=0.5, lean=0.0, last=TODAY):
    """Return two laws a day whose moves are ``size`` deviations, a little more every other day."""
    found = []
    for back in range(days):
        odd = 1.0 if back % 2 else -1.0
        for sign in (1.0, -1.0):
            at = pit + lean + 0.01 * odd + sign * (0.25 + 0.01 * odd)
            move = 1e-3 * size * math.sqrt(1.0 + 0.1 * odd) * sign
            found.append(LawOutcome(last - timedelta(days=back), 1e-3, move, at))
    return found


def judged(outcomes, *, as_of=FITTED, today=TODAY, limits=LIMITS):
    return judge_drift("SPX", outcomes, as_of, today, limits)


def test_laws_that_fit_are_quoted_whole():
    assert judged(laws()) == Allow()


def test_few_days_prove_nothing():
    assert judged(laws(3, size=10.0)) == Allow()
    assert fit_of(laws(3), LIMITS) is None
    assert fit_of(laws(5), replace(LIMITS, fewest_laws=11)) is None


def test_what_came_out_is_counted_by_day():
    fit = fit_of(laws(20, size=2.0), LIMITS)

    # Days of 1.1 and of 0.9 times four: the mean is 4 and the error 0.4 / sqrt(19).
    reach = math.exp(3.0 * 0.4 / math.sqrt(19) / 4.0)
    assert (fit.laws, fit.days) == (40, 20)
    assert fit.ratio == pytest.approx(4.0)
    assert (fit.ratio_low, fit.ratio_high) == pytest.approx((4.0 / reach, 4.0 * reach))
    assert fit.middle_z == pytest.approx(0.0, abs=1e-9)


def test_doubling_every_record_of_a_day_proves_nothing_more():
    once, twice = fit_of(laws(20, size=1.3), LIMITS), fit_of(laws(20, size=1.3) * 2, LIMITS)

    assert twice.laws == 2 * once.laws
    assert replace(twice, laws=once.laws).evidence() == once.evidence()


@pytest.mark.parametrize("size", [1.15, 1 / 1.15])
def test_a_variance_proven_wrong_shrinks_by_what_is_proven(size):
    fit = fit_of(laws(size=size), LIMITS)
    found = judged(laws(size=size))

    proven = fit.ratio_low if size > 1 else 1 / fit.ratio_high
    assert isinstance(found, Allow)
    assert found.size_share == pytest.approx(1 / proven)
    assert found.reason.startswith(f"SPX moves {fit.ratio:.2f} times the variance its law says")
    assert found.evidence == {"age_days": 4} | fit.evidence()


@pytest.mark.parametrize("size", [1.5, 0.6])
def test_a_variance_proven_far_off_refuses(size):
    found = judged(laws(size=size), as_of=date(2026, 1, 26))

    assert isinstance(found, Refuse)
    assert found.code == "drift-variance"
    assert "calibrate again" in found.reason
    assert found.evidence["limit"] == 1.5
    assert found.evidence["ratio"] == pytest.approx(size**2, rel=0.01)
    assert found.evidence["days"] == 11


def test_an_index_that_never_moves_refuses():
    assert judged(laws(size=0.0), as_of=date(2026, 1, 26)).code == "drift-variance"


def test_only_laws_after_the_parameters_refuse():
    """A refused symbol makes no new laws: those that new parameters were fitted on must not."""
    refused = judged(laws(last=date(2026, 2, 2), size=2.0), as_of=date(2026, 1, 26))
    anew = judged(laws(last=date(2026, 2, 2), size=2.0), as_of=date(2026, 2, 3))

    assert isinstance(refused, Refuse)
    assert isinstance(anew, Allow)
    assert anew.size_share < 0.5


@pytest.mark.parametrize("lean", [0.007, -0.007])
def test_settlements_on_one_side_shrink(lean):
    fit = fit_of(laws(lean=lean), LIMITS)
    found = judged(laws(lean=lean))

    assert math.copysign(1.0, fit.middle_z) == math.copysign(1.0, lean)
    assert found.size_share == pytest.approx(3.0 / abs(fit.middle_z))
    assert "fall 3.1 errors from where its law puts them" in found.reason


def test_settlements_far_on_one_side_refuse():
    found = judged(laws(lean=0.05), as_of=date(2026, 1, 26))

    assert (found.code, found.evidence["limit"]) == ("drift-pit", 5.0)


def test_settlements_always_in_the_same_place_are_no_accident():
    outcomes = [LawOutcome(TODAY - timedelta(days=k), 1.0, (-1.0) ** k, 0.9) for k in range(20)]

    assert fit_of(outcomes, LIMITS).middle_z == 50.0
    assert judged(outcomes, as_of=date(2026, 1, 16), today=TODAY).code == "drift-pit"


def test_old_parameters_shrink_and_then_refuse():
    assert judged([], as_of=TODAY - timedelta(days=10)) == Allow()
    shrunk = judged([], as_of=TODAY - timedelta(days=14))
    refused = judged([], as_of=TODAY - timedelta(days=15))

    assert shrunk == Allow(
        10 / 14, "the parameters of SPX know nothing of the last 14 days", {"age_days": 14}
    )
    assert (refused.code, refused.evidence) == ("drift-age", {"value": 15, "limit": 14})


def test_the_worst_reason_sets_the_share_and_something_is_left():
    found = judged(laws(size=6.0, last=FITTED))

    assert found.size_share == 0.1
    assert "times the variance" in found.reason


def test_laws_of_long_ago_and_of_tomorrow_do_not_count():
    long_ago = laws(20, size=3.0, last=TODAY - timedelta(days=29))
    tomorrow = laws(1, size=50.0, last=TODAY + timedelta(days=1))

    assert judged(long_ago + tomorrow + laws(8)) == judged(laws(8)) == Allow()


@pytest.mark.parametrize(
    "changes",
    [{"implied_sd": 0.0}, {"implied_sd": math.inf}, {"move": math.nan}, {"pit": 1.01}, {"pit": -1}],
)
def test_a_record_that_cannot_have_been_is_refused(changes):
    with pytest.raises(DataError, match="cannot have been"):
        replace(laws(1)[0], **changes)


def simulated(random, days, ratio, lean):
    """Return the laws of so many days whose true variance is ``ratio`` times what they say.

    Fourteen moves a day of Student's law with six degrees, days livelier or calmer by 40 %.
    """
    shape = TableShape(student_table(6.0))
    lively = np.exp(random.normal(0.0, 0.4, days) - 0.08)
    z = random.standard_t(6, (days, 14)) * math.sqrt(4 / 6) * np.sqrt(ratio * lively)[:, None]
    z += lean
    ranks = shape.cdf(z)
    return [
        LawOutcome(TODAY - timedelta(days=k), 1.0, float(z[k, j]), float(ranks[k, j]))
        for k in range(days)
        for j in range(14)
    ]


@pytest.mark.parametrize(
    ("ratio", "lean", "shrunk", "refused"),
    # Out of 200 months of twenty sessions; these are the figures of docs/math/drift.md.
    [
        (1.0, 0.0, 6, 0),
        (1.5, 0.0, 43, 5),
        (2.0, 0.0, 114, 64),
        (3.0, 0.0, 9, 191),
        (0.5, 0.0, 64, 133),
        (1.0, 0.2, 73, 38),
        (1.0, 0.4, 13, 187),
    ],
)
def test_how_often_a_law_is_suspected(ratio, lean, shrunk, refused):
    random = np.random.default_rng(20)
    limits = load_registry().drift
    as_of = TODAY - timedelta(days=20)
    found = []
    for _ in range(200):
        outcomes = simulated(random, 20, ratio, lean)
        told = judge_drift(
            "SPX", outcomes, as_of, TODAY, replace(limits, fresh_days=30, oldest_days=31)
        )
        found.append("refused" if isinstance(told, Refuse) else told.size_share < 1.0)

    assert found.count(True) == pytest.approx(shrunk, abs=5)
    assert found.count("refused") == pytest.approx(refused, abs=5)


def test_evidence_names_every_number():
    assert Fit(1, 2, 3.0, 4.0, 5.0, 6.0, 7.0).evidence() == {
        "laws": 1,
        "days": 2,
        "ratio": 3.0,
        "ratio_low": 4.0,
        "ratio_high": 5.0,
        "middle_z": 6.0,
        "spread_z": 7.0,
    }
