"""The walk-forward scores of macro figures: fair to baselines, blind to what comes later."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.families import gas as gas_family
from kalshi_alpha.research.macro import claims, cpi, gas, ten_year
from kalshi_alpha.research.macro.scoreboard import nowcasts, table
from kalshi_alpha.research.macro.series import load_series
from kalshi_alpha.research.macro.study import Model, Study, scores, smoothed

RANDOM = np.random.default_rng(7)


def made_study(count=400, lag=1, **models):
    outcome = RANDOM.normal(0.0, 2.0, count)
    flat = np.ones(count)
    given = {"ours": Model(np.zeros(count), flat)} | models
    return Study("made", "units", outcome, np.arange(count), given, 100, 50, 1, lag)


def test_a_model_that_is_only_wrong_in_width_earns_the_same():
    study = made_study()
    narrow = Model(study.models["ours"].centre, 0.01 * study.models["ours"].scale)
    ours, other = scores(
        Study("made", "units", study.outcome, study.cluster,
              {"ours": study.models["ours"], "narrow": narrow}, 100, 50, 1)
    )  # fmt: skip

    assert other.crps == pytest.approx(ours.crps, rel=1e-9)
    assert ours.gain.estimate == 0.0
    assert ours.inside.low < 0.8 < ours.inside.high


def test_a_normal_figure_earns_what_theory_says():
    (ours,) = scores(made_study(4_000))

    assert ours.crps == pytest.approx(2.0 / np.sqrt(np.pi), rel=0.04)


def test_a_model_that_knows_more_earns_less_loss():
    study = made_study()
    knowing = Model(0.5 * study.outcome, np.ones(400))
    rows = scores(
        Study("made", "units", study.outcome, study.cluster,
              {"ours": knowing, "blind": study.models["ours"]}, 100, 50, 1)
    )  # fmt: skip

    assert rows[1].gain.estimate == pytest.approx(0.5, abs=0.02)
    assert "50." in table(study, rows) or "49." in table(study, rows)


@pytest.mark.parametrize("lag", [1, 7])
def test_what_settles_later_changes_no_earlier_score(lag):
    study = made_study(lag=lag)
    changed = study.outcome.copy()
    changed[300:] += 50.0
    other = Study("made", "units", changed, study.cluster, study.models, 100, 50, 1, lag)

    first, second = scores(study)[0].pits, scores(other)[0].pits
    assert (first[:200] == second[:200]).all()
    assert (first[250:] != second[250:]).any()


def test_a_study_without_ours_or_without_releases_is_refused():
    bare = made_study(100)
    with pytest.raises(DataError, match="too few releases"):
        scores(bare)
    with pytest.raises(DataError, match="no model of ours"):
        scores(Study("made", "u", np.zeros(200), np.arange(200), {}, 100, 50, 1))


def daily(count, first=date(2015, 1, 1)):
    return [first + timedelta(days=k) for k in range(count)]


def made_gasoline(count=1_300):
    moves, prices = 0.0, [3.0]
    for _ in range(count - 1):
        moves = 0.9 * moves + RANDOM.normal(0.0, 0.002)
        prices.append(prices[-1] + moves)
    days = daily(count)
    crude = dict.fromkeys(days, 70.0)
    return {"AAA_REGULAR_DAILY": dict(zip(days, prices, strict=True)), "DCOILWTICO": crude}


def test_gasoline_that_persists_is_told_from_a_random_walk():
    rows = {row.model: row for row in scores(gas.study(made_gasoline(), 1))}
    walk = rows["random walk"]

    assert walk.gain.low > 0.15


def test_the_state_of_gasoline_is_the_familys():
    series = made_gasoline(260)
    prices = list(series["AAA_REGULAR_DAILY"].values())
    one = gas_family.Horizon(1, 0.0, 0.0, 0.0, 0.0, 1.0)
    settings = gas_family.Parameters(gas.FAST, gas.SLOW, gas.SPREAD, (one,), 5.0)
    state = gas_family.following(prices, settings)
    moves = np.diff(prices)

    assert state.fast == pytest.approx(smoothed(moves, gas.FAST)[-1], rel=1e-9)
    assert state.slow == pytest.approx(smoothed(moves, gas.SLOW)[-1], rel=1e-9)


def test_gasoline_before_a_hole_is_not_looked_at():
    series = made_gasoline()
    recorded = series["AAA_REGULAR_DAILY"]
    del recorded[date(2015, 2, 1)]
    whole = gas.study(series, 1)
    for day in list(recorded)[:31]:
        recorded[day] = 99.0

    again = gas.study(series, 1)
    assert (again.outcome == whole.outcome).all()
    assert (again.models["ours"].centre == whole.models["ours"].centre).all()


def made_months(count=420, first=1985):
    months = [date(first + k // 12, k % 12 + 1, 1) for k in range(count)]
    weeks = [date(first, 1, 7) + timedelta(weeks=k) for k in range(int(count * 4.3))]
    price, prices = 1.0, []
    for _ in weeks:
        price *= 1.0 + RANDOM.normal(0.0, 0.02)
        prices.append(price)
    gasoline = dict(zip(weeks, prices, strict=True))
    moved = cpi.gasoline_changes(gasoline)
    level, index = 100.0, {}
    for month in months:
        change = 0.2 + 0.03 * moved.get(month, 0.0) + RANDOM.normal(0.0, 0.05)
        level *= 1.0 + change / 100.0
        index[month] = level
    return {"CPIAUCSL": index, "GASREGW": gasoline}


def test_prices_that_follow_gasoline_are_told_from_an_autoregression():
    rows = {row.model: row for row in scores(cpi.study(made_months(), "CPIAUCSL", "made"))}

    assert rows["AR(1)"].gain.low > 0.1
    assert rows["last month"].gain.low > 0.1


def test_a_month_never_published_takes_its_neighbours_with_it():
    series = made_months()
    whole = cpi.study(series, "CPIAUCSL", "made")
    del series["CPIAUCSL"][date(2010, 10, 1)]
    moved = cpi.changes(series["CPIAUCSL"])

    assert date(2010, 10, 1) not in moved
    assert date(2010, 11, 1) not in moved
    assert len(cpi.study(series, "CPIAUCSL", "made").outcome) < len(whole.outcome)


def test_an_unrecorded_series_is_named():
    for make in (lambda: gas.study({}, 1), lambda: claims.study({}), lambda: ten_year.study({})):
        with pytest.raises(DataError, match="is not recorded"):
            make()


def test_a_folder_without_series_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        load_series(tmp_path)


@pytest.mark.shared_data
def test_the_recorded_gasoline_beats_a_random_walk_by_a_seventh_and_more(shared_data):
    series = load_series(shared_data / "macro")
    for days in (1, 7):
        rows = {row.model: row for row in scores(gas.study(series, days))}
        assert rows["random walk"].gain.low > 0.15
        assert 0.75 < rows["ours"].inside.estimate < 0.85


@pytest.mark.shared_data
def test_the_recorded_prices_beat_every_baseline(shared_data):
    series = load_series(shared_data / "macro")
    rows = scores(cpi.study(series, "CPIAUCSL", "made"))
    assert all(row.gain.low > 0.3 for row in rows if row.model != "ours")
    assert len(nowcasts(shared_data / "macro")) > 100


@pytest.mark.shared_data
def test_recorded_claims_outside_the_pandemic_beat_last_week_and_an_autoregression(
    shared_data,
):
    series = load_series(shared_data / "macro")
    pandemic = date(2020, 3, 14), date(2021, 7, 3)
    rows = {row.model: row for row in scores(claims.study(series, without=pandemic))}
    assert rows["last week"].gain.low > 0.0
    assert rows["AR(1)"].gain.low > 0.0


@pytest.mark.shared_data
def test_recorded_claims_lose_less_than_the_baselines_with_the_pandemic_in(shared_data):
    series = load_series(shared_data / "macro")
    rows = {row.model: row for row in scores(claims.study(series))}
    assert rows["last week"].gain.estimate > 0.05
    assert rows["AR(1)"].gain.estimate > 0.03
    assert rows["AR(1)"].brier_gain.low > 0.0


@pytest.mark.shared_data
def test_the_recorded_change_over_twelve_months_beats_the_last_print(shared_data):
    series = load_series(shared_data / "macro")
    rows = scores(cpi.over_twelve_months(series, "CPIAUCNS", "made"))
    assert all(row.gain.low > 0.5 for row in rows if row.model != "ours")
    assert 0.75 < rows[0].inside.estimate < 0.85


@pytest.mark.shared_data
def test_a_nowcast_is_scored_over_a_month_and_over_a_year(shared_data):
    series, recorded = load_series(shared_data / "macro"), nowcasts(shared_data / "macro")
    month, year = (cpi.with_nowcast(series, recorded, span=span) for span in (1, 12))
    told = {value for labelled in recorded.values() for value in labelled.values()}

    assert len(month.outcome) == len(year.outcome) > 100
    nearest = [min(told, key=lambda v: abs(v - one)) for one in year.models["nowcast alone"].centre]
    assert year.models["nowcast alone"].centre == pytest.approx(nearest, abs=1e-9)
    assert abs(month.models["nowcast alone"].centre).mean() < 1.0
