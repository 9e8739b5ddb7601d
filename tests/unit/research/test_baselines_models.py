"""The plain models: by hand or against oracles, and blind to the future."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pytest
from arch import arch_model

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.baselines.garch import fit_garch, garch_t
from kalshi_alpha.research.baselines.har import har, session_volatilities
from kalshi_alpha.research.baselines.history import DailySeries, SessionHistory
from kalshi_alpha.research.baselines.models import MODELS, baseline_forecasts
from kalshi_alpha.research.baselines.seasonal import shares, sqrt_time, tod60
from kalshi_alpha.research.data.panel import read_panels
from kalshi_alpha.research.model.cases import lay_out
from kalshi_alpha.research.model.measured import measure
from kalshi_alpha.research.scores.clusters import DayBootstrap
from kalshi_alpha.research.scores.forecasts import Forecasts
from kalshi_alpha.research.scores.shapes import Normal, StudentT

STEP, BARS = 30, 13


@dataclass(frozen=True)
class Grid:
    day: np.ndarray
    start: np.ndarray
    end: np.ndarray


def simulated(sessions, seed=1, step=STEP):
    """Return sessions of lasting volatility, livelier at the open and the close."""
    random = np.random.default_rng(seed)
    bars = 390 // step
    shape = 1.0 + 6.0 * np.abs(np.linspace(-1.0, 1.0, bars)) ** 3
    volatility = np.empty(sessions)
    state = 0.0
    for k in range(sessions):
        state = 0.95 * state + random.normal(0.0, 0.2)
        volatility[k] = 0.008 * np.exp(state)
    moves = random.normal(size=(sessions, bars)) * np.sqrt(shape / shape.sum())
    moves *= volatility[:, None]
    gaps = random.normal(size=sessions) * 0.4 * volatility
    opens = np.log(6_000.0) + np.cumsum(gaps + np.concatenate([[0.0], moves.sum(axis=1)[:-1]]))
    logs = opens[:, None] + np.pad(np.cumsum(moves, axis=1), ((0, 0), (1, 0)))
    days = tuple(date(2020, 1, 1) + timedelta(days=k) for k in range(sessions))
    return SessionHistory(days, step, logs)


def all_cases(history, first):
    day = np.arange(first, len(history.days))
    ends = np.array([60, 120, 240, 390])
    return Grid(np.repeat(day, 4), np.tile(ends - 30, len(day)), np.tile(ends, len(day)))


def with_longer_series(history):
    """Return the history with daily series that begin 300 days earlier and have more days."""
    longer = simulated(len(history.days) + 300, seed=9)
    days = tuple(history.days[0] + timedelta(days=k - 300) for k in range(len(longer.days)))
    closes = np.concatenate([longer.logs[:300, -1], history.logs[:, -1]])
    realised = np.concatenate([longer.own.values[:300], history.own.values])
    return replace(history, closes=DailySeries(days, closes), realised=DailySeries(days, realised))


def test_square_root_of_time_is_the_mean_session_over_390():
    history = simulated(90)
    found = sqrt_time(history, Grid(np.array([80]), np.array([330]), np.array([390])))
    expected = history.own.values[20:80].mean() * 60 / 390
    assert found.scale[0] == pytest.approx(np.sqrt(expected), rel=1e-12)
    assert found.shapes == (Normal(),)
    assert found.location[0] == 0.0


def test_the_time_of_day_model_adds_the_mean_squares_of_the_interval():
    history = simulated(90)
    found = tod60(history, Grid(np.array([80, 25]), np.array([300, 0]), np.array([390, 60])))
    late = history.squares[20:80, 10:13].mean(axis=0).sum()
    early = history.squares[:25, 0:2].mean(axis=0).sum()
    np.testing.assert_allclose(found.scale, np.sqrt([late, early]), rtol=1e-12)


def test_every_session_weighs_alike_in_the_shares_and_they_add_to_1():
    history = simulated(60)
    grid = Grid(np.array([50, 50]), np.array([0, 360]), np.array([390, 390]))
    whole, last = shares(history, grid, "har")
    each = history.squares[:50, -1] / history.squares[:50].sum(axis=1)
    assert (whole, last) == pytest.approx((1.0, each.mean()))


def test_the_regression_is_least_squares_on_all_sessions_before():
    variances = simulated(120).own.values
    volatility = np.sqrt(variances)
    found = session_volatilities(variances)
    assert np.isnan(found[:40]).all()
    assert len(found) == 121
    for k in (40, 77, 120):
        rows = [
            [1.0, *(np.sqrt(variances[j - lag : j].mean()) for lag in (1, 5, 22))]
            for j in range(22, k + 1)
        ]
        slopes = np.linalg.lstsq(np.array(rows[:-1]), volatility[22:k], rcond=None)[0]
        expected = np.clip(rows[-1] @ slopes, volatility[:k].min(), volatility[:k].max())
        assert found[k] == pytest.approx(expected, rel=1e-9)


def test_a_forecast_outside_all_that_was_seen_is_drawn_to_its_bounds():
    variances = simulated(120).own.values.copy()
    variances[110] = 50.0 * variances.max()  # the session after it is forecast beyond all others
    found = session_volatilities(variances)
    highest = np.sqrt(np.maximum.accumulate(variances))
    assert np.all(found[40:] <= highest[39:] * (1.0 + 1e-12))


def test_the_filter_between_fits_is_the_one_of_the_fitting_library():
    random = np.random.default_rng(4)
    returns = 0.01 * random.standard_t(6.0, 1_500)
    fitted = fit_garch(returns)
    oracle = arch_model(returns * 100.0, mean="Constant", vol="GARCH", p=1, q=1, dist="t")
    fixed = oracle.fix([fitted.mean, fitted.omega, fitted.alpha, fitted.beta, fitted.freedom])
    ours = fitted.variances(returns)
    np.testing.assert_allclose(ours[1_000:-1], (fixed.conditional_volatility[1_000:] / 100) ** 2)
    ahead = fixed.forecast(horizon=1).variance.to_numpy()[-1, 0]
    assert ours[-1] * 1e4 == pytest.approx(ahead)


def test_a_known_garch_is_recovered():
    random = np.random.default_rng(5)
    count = 6_000
    noise = random.standard_t(6.0, count) * np.sqrt(4.0 / 6.0)
    variance, returns = 1.0, np.empty(count)
    for k in range(count):
        returns[k] = np.sqrt(variance) * noise[k] / 100.0
        variance = 0.02 + 0.10 * (returns[k] * 100.0) ** 2 + 0.88 * variance
    fitted = fit_garch(returns)
    assert fitted.alpha == pytest.approx(0.10, abs=0.03)
    assert fitted.beta == pytest.approx(0.88, abs=0.03)
    assert fitted.freedom == pytest.approx(6.0, abs=1.0)


def test_garch_has_a_students_law_refitted_every_fifth_session():
    history = with_longer_series(simulated(60))
    grid = Grid(np.arange(44, 52), np.full(8, 30), np.full(8, 60))
    found = garch_t(history, grid)
    assert found.shape.tolist() == [0, 1, 1, 1, 1, 1, 2, 2]
    assert all(isinstance(shape, StudentT) for shape in found.shapes)
    assert len({shape.freedom for shape in found.shapes}) == 3


def test_garch_is_scaled_to_what_the_sessions_measure():
    history = with_longer_series(simulated(60, seed=3))
    realised = history.realised
    livelier = replace(history, realised=DailySeries(realised.days, 4.0 * realised.values))
    grid = all_cases(history, 50)
    twice = garch_t(livelier, grid).scale
    np.testing.assert_allclose(twice, 2.0 * garch_t(history, grid).scale, rtol=1e-12)


@pytest.mark.parametrize("series", [with_longer_series, lambda history: history])
def test_forecasts_see_nothing_of_their_own_day_nor_of_later_ones(series):
    history = series(simulated(75))
    cut = 63
    grid = Grid(np.repeat(np.arange(55, cut), 2), np.tile([30, 330], 8), np.tile([60, 390], 8))
    whole = baseline_forecasts(history, grid)

    def known(daily, until):
        if daily is None:
            return None
        keep = int(daily.known_before((until,))[0])
        return DailySeries(daily.days[:keep], daily.values[:keep])

    for last in (cut, 59):
        mine = grid.day < last
        # The last forecast day's own bars are there, but other ones.
        logs = history.logs[:last].copy()
        logs[-1] = logs[-1, 0] + 3.0 * (logs[-1] - logs[-1, 0]) + 0.001 * np.arange(BARS + 1)
        until = history.days[last - 1]
        short = SessionHistory(
            history.days[:last],
            STEP,
            logs,
            known(history.closes, until),
            known(history.realised, until),
        )
        found = baseline_forecasts(short, Grid(grid.day[mine], grid.start[mine], grid.end[mine]))
        for name, forecasts in found.items():
            np.testing.assert_array_equal(forecasts.scale, whole[name].scale[mine], err_msg=name)
            used = [forecasts.shapes[k] for k in forecasts.shape]
            assert used == [whole[name].shapes[k] for k in whole[name].shape[mine]], name


def test_a_longer_series_of_variances_reaches_the_regression():
    history = simulated(70)
    grid = Grid(np.array([60]), np.array([30]), np.array([60]))
    assert har(history, grid).scale[0] != har(with_longer_series(history), grid).scale[0]


def test_where_volatility_lasts_the_models_rank_as_they_should():
    history = with_longer_series(simulated(400, seed=6))
    grid = all_cases(history, 60)
    found = baseline_forecasts(history, grid)
    assert list(found) == ["sqrt_time", "tod60", "garch_t", "har"] == list(MODELS)
    moved = history.logs[grid.day, grid.end // STEP] - history.logs[grid.day, grid.start // STEP]
    mean = {name: forecasts.crps(moved).mean() for name, forecasts in found.items()}
    assert mean["har"] < mean["tod60"] < mean["sqrt_time"]


@pytest.mark.parametrize(
    ("model", "first", "sentence"),
    [
        ("sqrt_time", 19, "sqrt_time needs 20 days before 2020-01-20 and has 19"),
        ("tod60", 19, "tod60 needs 20 days before 2020-01-20 and has 19"),
        ("har", 39, "har needs 40 days before 2020-02-09 and has 39"),
        ("garch_t", 29, "garch_t needs 31 days before 2020-01-26 and has 25"),
    ],
)
def test_too_little_history_is_a_sentence(model, first, sentence):
    history = simulated(45)
    with pytest.raises(DataError, match=sentence):
        MODELS[model](history, all_cases(history, first))


def test_forty_sessions_are_enough_for_every_model():
    history = simulated(44)
    found = baseline_forecasts(history, all_cases(history, 40))
    assert all(np.isfinite(forecasts.scale).all() for forecasts in found.values())


def test_a_daily_series_that_stopped_is_a_sentence():
    history = simulated(80)
    stopped = DailySeries(history.days[:50], history.logs[:50, -1])
    with pytest.raises(DataError, match=r"2020-03-11 from a daily series that stops on 2020-02-19"):
        garch_t(replace(history, closes=stopped), all_cases(history, 70))


def test_no_case_asks_for_nothing():
    nothing = np.zeros(0, dtype=np.int64)
    for forecasts in baseline_forecasts(simulated(50), Grid(nothing, nothing, nothing)).values():
        assert len(forecasts) == 0


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda h: replace(h, logs=h.logs[:, :-1]), "a row is the open and the bars"),
        (lambda h: replace(h, step=7), "7-minute bars"),
        (lambda h: replace(h, days=h.days[::-1]), "must ascend"),
        (lambda h: replace(h, logs=np.full_like(h.logs, 8.7)), "2020-01-01 stands still all day"),
        (lambda h: replace(h, logs=np.where(h.logs == h.logs[3, 4], np.nan, h.logs)), "2020-01-04"),
    ],
)
def test_sessions_that_are_not_whole_are_refused(spoil, sentence):
    with pytest.raises(DataError, match=sentence):
        spoil(simulated(5))


def test_a_daily_series_needs_as_many_numbers_as_days():
    with pytest.raises(DataError, match=r"1 days and \(2,\) numbers"):
        DailySeries((date(2025, 1, 2),), np.zeros(2))


def recorded(shared_data):
    """Return five-minute sessions of the index with longer daily series, and all cases."""
    files = [shared_data / folder / "bars.parquet" for folder in ("spx_5m", "spx_30m")]
    panels = read_panels(files, "SPX", last=date(2026, 2, 9))
    fine, coarse = measure(panels[5]), measure(panels[30])
    long = SessionHistory(coarse.days, coarse.step, coarse.logs)
    history = SessionHistory(fine.days, fine.step, fine.logs, long.daily, long.own)
    return history, lay_out(fine, first=60)


@pytest.mark.shared_data
def test_on_five_minute_bars_of_the_index_each_model_earns_its_place(shared_data):
    history, cases = recorded(shared_data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = baseline_forecasts(history, cases)
    bootstrap = DayBootstrap(cases.day)
    reference = found["tod60"].crps(cases.moved)
    skill = {
        name: bootstrap.skill(forecasts.crps(cases.moved), reference)
        for name, forecasts in found.items()
    }
    assert skill["sqrt_time"].high < 0.0 < min(skill["har"].low, skill["garch_t"].low)


@pytest.mark.shared_data
def test_the_forms_taken_score_better_on_the_first_half_than_those_left(shared_data):
    history, cases = recorded(shared_data)
    early = cases.where(cases.day < len(history.days) // 2)
    whole = np.array(
        [
            np.mean((history.logs[day - 60 : day, end] - history.logs[day - 60 : day, start]) ** 2)
            for day, start, end in zip(early.day, early.start // 5, early.end // 5, strict=True)
        ]
    )
    by_moves = Forecasts.of_one_shape(np.sqrt(whole), Normal())
    by_bars = tod60(history, early)
    assert by_bars.crps(early.moved).mean() < by_moves.crps(early.moved).mean()
    assert by_bars.log_score(early.moved).mean() > by_moves.log_score(early.moved).mean()

    # The squared volatility forecast is below the mean variance; putting that right is worse.
    series = history.variances
    ratios = series.values / session_volatilities(series.values)[:-1] ** 2
    known = series.known_before(history.days)[early.day]
    excess = np.array([np.mean(ratios[40:k]) for k in known])
    roots = har(history, early)
    mean_variance = Forecasts.of_one_shape(roots.scale * np.sqrt(excess), Normal())
    assert np.all(excess > 1.0)
    assert roots.crps(early.moved).mean() < mean_variance.crps(early.moved).mean()
