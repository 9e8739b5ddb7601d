from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from scipy import stats

from kalshi_alpha.errors import DataError
from kalshi_alpha.families.index import terminal_law
from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.parameters import load_parameters, shipped_parameters
from kalshi_alpha.pricing.reading import Reading, Realised
from kalshi_alpha.pricing.table import student_table
from kalshi_alpha.research.joint import bins_of, joint_masses
from kalshi_alpha.research.paths import Course, course, sample_paths
from kalshi_alpha.research.scores.shapes import TableShape

DAY = date(2025, 11, 4)
NOW = datetime(2025, 11, 4, 16, 30, tzinfo=UTC)  # 11:30 New York
FIXINGS = [datetime(2025, 11, 4, hour, tzinfo=UTC) for hour in (17, 18, 19, 20, 21)]
COUNT = 40_000


def day_of(symbol="SPX", level=6800.0):
    session = load_sessions().on(DAY)
    assert session is not None
    parameters = load_parameters(shipped_parameters(DAY), on=DAY)[symbol]
    reading = Reading(symbol, level, NOW, 0.1, 0.5, Realised(120, 1.2e-5, 2e-6, 7e-7))
    return course(reading, parameters, FIXINGS, NOW, session), (reading, parameters, session)


def ranks(one, values):
    """Return where each path lies in its law, as a probability: [count, instants]."""
    found = []
    for law, column in zip(one.laws, values.T, strict=True):
        z = (np.log(column / law.level) - law.drift) / law.scale
        found.append(TableShape(law.table).cdf(z))
    return np.array(found).T


def test_every_fixing_has_the_live_law_of_its_own():
    through, (reading, parameters, session) = day_of()

    assert through.laws == tuple(
        terminal_law(reading, parameters, fixing, NOW, session) for fixing in FIXINGS
    )
    for where in ranks(through, sample_paths([through], 0.0, COUNT, seed=1)[0]).T:
        assert stats.kstest(where, "uniform").pvalue > 0.001


def test_what_lies_between_two_fixings_is_the_clocks_increment():
    through, _ = day_of()
    scores = stats.norm.ppf(ranks(through, sample_paths([through], 0.0, COUNT, seed=2)[0]))
    walked = scores * [law.scale for law in through.laws]

    steps = np.diff(walked, axis=1, prepend=0.0)
    together = np.corrcoef(steps.T)
    # A fixing's basis is in the step to it and, the other way round, in the step after it.
    basis = [law.scale**2 - own for law, own in zip(through.laws, through.variance, strict=True)]
    own = np.diff(through.variance, prepend=0.0)
    expected = own + basis + [0.0, *basis[:-1]]
    np.testing.assert_allclose(steps.var(axis=0), expected, rtol=0.03)
    far = together[np.triu_indices(5, k=2)]
    assert np.abs(far).max() < 0.02


def test_two_indices_at_one_fixing_follow_the_joint_law():
    spx, ndx = day_of()[0], day_of("NDX", 25_000.0)[0]
    first = [Course(each.laws[:1], each.variance[:1]) for each in (spx, ndx)]

    values = sample_paths(first, 0.9, COUNT, seed=3)[:, :, 0]

    edges = ([6780.0, 6800.0, 6815.0], [24_900.0, 24_980.0, 25_050.0])
    bins = [
        bins_of(one.laws[0], [Payoff(round(100 * x), None) for x in cuts], 100)
        for one, cuts in zip(first, edges, strict=True)
    ]
    place = [np.searchsorted(cuts, row) for cuts, row in zip(edges, values, strict=True)]
    counted = np.bincount(4 * place[0] + place[1], minlength=16)
    expected = joint_masses(bins[0], bins[1], 0.9).ravel()
    some = expected * COUNT > 5
    found = counted[some]
    assert stats.chisquare(found, expected[some] * found.sum() / expected[some].sum()).pvalue > 1e-3


def test_two_indices_move_together_over_every_hour():
    courses = [day_of()[0], day_of("NDX", 25_000.0)[0]]
    values = sample_paths(courses, 0.9, COUNT, seed=4)

    scores = [stats.norm.ppf(ranks(one, row)) for one, row in zip(courses, values, strict=True)]
    for k in range(len(FIXINGS)):
        assert np.corrcoef(scores[0][:, k], scores[1][:, k])[0, 1] == pytest.approx(0.9, abs=0.01)


def test_the_same_seed_gives_the_same_paths():
    through, _ = day_of()

    again = sample_paths([through], 0.0, 10, seed=7)
    np.testing.assert_array_equal(sample_paths([through], 0.0, 10, seed=7), again)
    assert not np.array_equal(sample_paths([through], 0.0, 10, seed=8), again)


LAW = TerminalLaw(student_table(4.0), 100.0, 0.0, 0.01)


@pytest.mark.parametrize(
    ("laws", "variance", "sentence"),
    [
        ((), (), "0 laws and 0 variances"),
        ((LAW,), (5e-5, 1e-4), "1 laws and 2 variances"),
        ((LAW, LAW), (1e-4, 1e-4), "do not ascend"),
        ((LAW,), (0.0,), "do not ascend"),
        ((LAW,), (1.1e-4,), "above its law's own"),
    ],
)
def test_what_is_no_course_is_refused(laws, variance, sentence):
    with pytest.raises(DataError, match=sentence):
        Course(laws, variance)


@pytest.mark.parametrize(
    ("courses", "rho", "count", "sentence"),
    [
        ([], 0.0, 1, "0 courses"),
        ([Course((LAW,), (1e-4,))] * 3, 0.0, 1, "3 courses"),
        ([Course((LAW,), (1e-4,))], 0.0, 0, "0 paths"),
        ([Course((LAW,), (1e-4,)), Course((LAW, LAW), (5e-5, 1e-4))], 0.0, 1, r"\[1, 2\] instants"),
        ([Course((LAW,), (1e-4,))], -1.5, 1, "a correlation of -1.5"),
    ],
)
def test_paths_of_what_does_not_fit_are_refused(courses, rho, count, sentence):
    with pytest.raises(DataError, match=sentence):
        sample_paths(courses, rho, count, seed=1)


def test_a_fixing_before_now_has_no_course():
    _, (reading, parameters, session) = day_of()

    with pytest.raises(DataError, match="has passed"):
        course(reading, parameters, [NOW - timedelta(minutes=1)], NOW, session)
