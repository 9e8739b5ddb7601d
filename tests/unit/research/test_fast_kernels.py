import math

import numpy as np
import pytest
from scipy import special

from kalshi_alpha.errors import DataError
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.table import student_table
from kalshi_alpha.research import fast
from kalshi_alpha.research.fast import grid_of, normal_grid, time_of_day_variance
from kalshi_alpha.research.scores.shapes import TableShape


def windows(count=40):
    random = np.random.default_rng(3)
    return math.log(6000.0) + random.normal(0.0, 0.003, count), random.uniform(1e-4, 0.02, count)


def test_a_curve_is_the_mean_squared_return_of_each_minute():
    closes = np.exp([[[0.00, 0.01, 0.04], [1.00, 0.97, 0.97]]])

    assert time_of_day_variance(closes)[0] == pytest.approx([(1e-4 + 9e-4) / 2, 9e-4 / 2])


def test_a_return_counts_where_both_its_ends_are_known():
    closes = np.exp([[[0.00, 0.01, np.nan, 0.04], [1.00, 0.97, np.nan, 0.97]]])
    closes[0, 1, 0] = np.nan

    found = time_of_day_variance(closes)[0]

    assert found[0] == pytest.approx(1e-4)
    assert np.isnan(found[1:]).all()


def test_many_days_give_the_same_as_all_returns_at_once():
    random = np.random.default_rng(1)
    closes = 100.0 * np.exp(np.cumsum(random.normal(0.0, 1e-3, (2, 150, 40)), axis=2))
    closes[1, 100, 7] = np.nan

    with np.errstate(invalid="ignore"):
        plain = np.nanmean(np.diff(np.log(closes), axis=2) ** 2, axis=1)
    np.testing.assert_allclose(time_of_day_variance(closes), plain, rtol=1e-13)


@pytest.mark.parametrize("price", [0.0, -5.0])
def test_a_price_that_is_none_is_refused(price):
    closes = np.full((1, 2, 3), 100.0)
    closes[0, 1, 1] = price

    with pytest.raises(DataError, match=rf"a close is {price}: prices have to be above 0"):
        time_of_day_variance(closes)


@pytest.mark.parametrize("form", [(2, 390), (1, 2, 1)])
def test_closes_of_another_form_are_refused(form):
    with pytest.raises(DataError, match="are no \\[symbols, days, minutes\\]"):
        time_of_day_variance(np.full(form, 100.0))


def test_the_normal_grid_equals_the_normal_law():
    centre, scale = windows()
    logs = np.log(np.linspace(5000.0, 7000.0, 301))

    found = normal_grid().cdf(logs, centre, scale)

    exact = special.ndtr((logs - centre[:, None]) / scale[:, None])
    assert np.abs(found - exact).max() < 1e-12


@pytest.mark.parametrize("freedom", [2.5, 4.0, 60.0])
def test_a_fitted_laws_grid_equals_the_law_at_knots_and_in_the_tails_too(freedom):
    table = student_table(freedom)
    centre, scale = windows(3)
    own = np.sinh(np.array(table.knots[50:-50]))
    logs = centre[:, None] + scale[:, None] * np.sort(np.concatenate([own, own + 1e-5, own * 1.1]))

    found = grid_of(table).cdf(logs, centre, scale)

    exact = TableShape(table).cdf((logs - centre[:, None]) / scale[:, None])
    assert np.abs(found - exact).max() < 1e-12


def test_a_grid_gives_what_the_live_law_gives():
    table = student_table(4.0)
    law = TerminalLaw(table, 6800.0, 1e-4, 0.003)
    points = np.linspace(6600.0, 7000.0, 41)

    centre = np.array([math.log(6800.0) + 1e-4])
    found = grid_of(table).cdf(np.log(points), centre, np.array([0.003]))

    assert np.abs(found[0] - [law.cdf(x) for x in points]).max() < 1e-12


def test_the_compiled_reading_is_the_written_one():
    centre, scale = windows(4)
    logs = np.log(np.linspace(5900.0, 6100.0, 7))
    grid = normal_grid()
    plain = np.empty((4, 7))

    fast._fill(logs[None, :], centre, scale, grid.cubics, fast.REACH, plain)

    np.testing.assert_allclose(grid.cdf(logs, centre, scale), plain, atol=1e-15)


def test_a_strike_of_nothing_and_one_without_end_are_certain():
    found = normal_grid().cdf(np.array([-np.inf, np.inf]), np.array([8.7]), np.array([0.01]))

    assert found.tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize(
    ("logs", "centre", "scale", "sentence"),
    [
        ([8.7], [8.7, 8.7], [0.01], "do not fit"),
        ([[8.7], [8.7], [8.7]], [8.7, 8.7], [0.01, 0.01], "do not fit"),
        ([np.nan], [8.7], [0.01], "strikes that are numbers"),
        ([8.7], [np.inf], [0.01], "needs a level"),
        ([8.7], [8.7], [0.0], "a scale above 0"),
        ([8.7], [8.7], [np.nan], "a scale above 0"),
    ],
)
def test_what_is_no_law_or_no_strike_is_refused(logs, centre, scale, sentence):
    with pytest.raises(DataError, match=sentence):
        normal_grid().cdf(np.array(logs), np.array(centre), np.array(scale))
