"""The first fit: it recovers what was simulated, agrees with live pricing, and looks not ahead."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.sessions import Session
from kalshi_alpha.pricing.parameters import load_parameters, shipped_parameters
from kalshi_alpha.pricing.reading import RealisedMeter
from kalshi_alpha.pricing.variance import RegimeMix, VarianceCurve, forecast
from kalshi_alpha.research import first_fit
from kalshi_alpha.research.bars import Paths, read_paths
from kalshi_alpha.research.variance_fit import (
    Cases,
    History,
    fit_curve,
    fit_freedom,
    fit_mix,
    fit_momentum,
    forecasts,
    make_cases,
    qlike,
)

MIX = RegimeMix(0.1, 0.4, 0.3, 0.2, 5.0, 0.05, 100.0)


def shares(step):
    minutes = np.arange(0, 390, step) + step / 2
    weights = 1.0 + 3.0 * np.exp(-minutes / 40.0) + np.exp((minutes - 390.0) / 20.0)
    return weights / weights.sum()


def simulated(sessions, seed=7, freedom=5.0, step=5):
    """Return sessions whose variance changes from day to day and follows a known curve."""
    random = np.random.default_rng(seed)
    regimes = np.exp(random.normal(0.0, 0.5, sessions))[:, None]
    noise = random.standard_t(freedom, (sessions, 390 // step)) * np.sqrt((freedom - 2) / freedom)
    moves = noise * np.sqrt(4e-5 * regimes * shares(step))
    logs = np.log(6_000.0) + np.pad(np.cumsum(moves, axis=1), ((0, 0), (1, 0)))
    days = tuple(date(2024, 1, 1) + timedelta(days=k) for k in range(sessions))
    return Paths("SPX", step, days, logs, {})


def history(sessions):
    fine = simulated(sessions)
    coarse = Paths("SPX", 30, fine.days, fine.logs[:, ::6], {})
    variance = fine.squares.sum(axis=1)
    return History(fine, coarse, variance, np.full(sessions, 4e-5), 4e-5)


def test_the_curve_of_simulated_sessions_is_recovered():
    known = history(1_500)

    curve = fit_curve(known.fine.squares, known.coarse.squares)

    assert curve.shape == (390,)
    assert curve.sum() == pytest.approx(1.0, abs=1e-6)
    assert np.abs(curve.reshape(13, 30).sum(axis=1) - shares(30)).max() < 0.01


def test_the_tails_of_simulated_moves_are_recovered():
    random = np.random.default_rng(3)
    moved = random.standard_t(4.0, 20_000) / np.sqrt(2.0) * 1e-3
    ones = np.ones(20_000)
    cases = Cases(moved, 10 * ones, 1e-6 * ones, 4e-5 * ones, *np.ones((2, 3, 20_000)), ones, ones)

    assert fit_freedom(cases, MIX) == pytest.approx(4.0, abs=0.3)


def test_the_mix_is_a_set_of_weights_and_beats_the_typical_session():
    known = history(400)
    cases = make_cases(known, np.repeat(shares(5) / 5, 5), slice(None))

    mix = fit_mix(cases)

    weights = (mix.baseline, mix.since_open, mix.last_30, mix.last_10)
    assert min(weights) >= 0.0
    assert sum(weights) == pytest.approx(1.0, abs=1e-9)
    assert mix.since_open > 0.5  # a day's regime is all there is to know here
    assert qlike(cases.moved, forecasts(cases, mix)) < qlike(cases.moved, cases.typical) - 0.03


def test_simulated_moves_have_no_momentum():
    known = history(400)
    cases = make_cases(known, np.repeat(shares(5) / 5, 5), slice(None))

    slope, error = fit_momentum(cases, MIX)

    assert abs(slope) < 3.0 * error


def test_the_fit_forecasts_what_live_pricing_forecasts():
    known = history(3)
    curve = np.repeat(shares(5) / 5, 5)
    cases = make_cases(known, curve, slice(2, 3))
    logs = known.fine.logs[2]
    opens = datetime(2025, 11, 4, 14, 30, tzinfo=UTC)
    session = Session(date(2025, 11, 4), opens, opens + timedelta(minutes=390))
    start = opens + timedelta(minutes=120)  # 11:30, thirty minutes before noon

    class Model:
        level = 4e-5
        curve = VarianceCurve(tuple(np.repeat(shares(5) / 5, 5).tolist()))
        mix = MIX

    # The same bars through the live meter; its minutes lie on straight lines between the bars.
    meter = RealisedMeter(session.open, session.close)
    meter.observe(opens, float(np.exp(logs[0])))
    for k in range(24):
        meter.observe(opens + timedelta(seconds=300 * k + 299), float(np.exp(logs[k + 1])))
    live = forecast(Model, meter.realised(start), session, start, start + timedelta(minutes=30))

    # Six horizons a fixing but the 10:00 one, where half an hour before is the open.
    noon = 5 + 6
    assert cases.minutes[noon] == 30
    assert cases.moved[noon] == pytest.approx(logs[30] - logs[24])
    assert live == pytest.approx(forecasts(cases, MIX)[noon], rel=1e-6)


def write_bars(folder, symbol, step, days, seed):
    random = np.random.default_rng(seed)
    rows = {"et_date": [], "et_min": [], "open": [], "close": [], "symbol": []}
    price = 5_000.0
    for day in days:
        for minute in range(570, 960, step):
            last = price * float(np.exp(random.normal(0.0, 3e-4 * np.sqrt(step / 5))))
            for name, value in zip(rows, (day, minute, price, last, symbol), strict=True):
                rows[name].append(value)
            price = last
    folder.mkdir(parents=True)
    pq.write_table(pa.table(rows), folder / "bars.parquet")


@pytest.fixture
def recorded(tmp_path):
    days = [date(2025, 1, 1) + timedelta(days=k) for k in range(120)]
    for folder, symbol, step, first in (
        ("spx_5m", "SPX", 5, 70),
        ("spx_30m", "SPX", 30, 0),
        ("etf_5m", "QQQ", 5, 70),
        ("qqq_30m", "QQQ", 30, 0),
    ):
        write_bars(tmp_path / folder, symbol, step, days[first:], seed=len(folder))
    closes = [(day, name, close) for day in days for name, close in (("SPX", 6e3), ("NDX", 2.4e4))]
    names = ("date", "symbol", "close")
    (tmp_path / "index_daily").mkdir()
    pq.write_table(
        pa.table(dict(zip(names, map(list, zip(*closes, strict=True)), strict=True))),
        tmp_path / "index_daily" / "daily.parquet",
    )
    return tmp_path


def test_the_command_writes_a_file_that_loads_and_prints_its_scores(recorded, capsys):
    out = recorded / "out" / "fitted.json"
    arguments = ["--data", str(recorded), "--through", "2025-04-25", "--out", str(out)]
    arguments += ["--created-at", "2025-04-26T00:00:00Z"]

    first_fit.main(arguments)

    data = out.read_bytes()
    found = load_parameters(data, date(2025, 4, 26))
    printed = capsys.readouterr().out
    assert found["NDX"].basis.close == pytest.approx(0.8)
    assert printed.count("constant variance, normal") == 2
    assert str(recorded) not in data.decode()
    first_fit.main(arguments)
    assert out.read_bytes() == data


def test_days_after_the_last_one_change_nothing(recorded):
    through = date(2025, 4, 25)
    whole, _ = first_fit.fit(recorded, through, "command", "then")
    for folder in ("spx_5m", "spx_30m", "etf_5m", "qqq_30m"):
        name = recorded / folder / "bars.parquet"
        table = pq.read_table(name)
        kept = [day <= through for day in table["et_date"].to_pylist()]
        pq.write_table(table.filter(pa.array(kept)), name)

    cut, _ = first_fit.fit(recorded, through, "command", "then")

    assert json.loads(cut)["body"] == json.loads(whole)["body"]


def test_a_folder_without_bars_is_refused(tmp_path):
    with pytest.raises(DataError, match="point --data"):
        read_paths(tmp_path, "spx_5m", "SPX", 5, date(2025, 11, 3))


def test_a_day_before_all_bars_is_refused(recorded):
    with pytest.raises(DataError, match="no complete session"):
        read_paths(recorded, "spx_5m", "SPX", 5, date(2020, 1, 1))


def test_too_short_a_history_is_refused(recorded):
    with pytest.raises(DataError, match="fewer than 60 sessions"):
        first_fit.read_history(
            recorded, first_fit.Source("SPX", "spx_5m", "spx_5m"), date(2025, 4, 25)
        )


@pytest.mark.shared_data
def test_the_shipped_file_is_what_the_command_makes_of_the_recorded_bars(shared_data):
    shipped = json.loads(shipped_parameters())
    provenance = shipped["provenance"]

    data, _ = first_fit.fit(
        shared_data, date(2025, 11, 3), provenance["command"], provenance["created_at"]
    )

    again = json.loads(data)
    for symbol, entry in shipped["body"].items():
        assert again["body"][symbol]["curve"] == pytest.approx(entry["curve"], abs=1e-8)
        assert again["body"][symbol]["mix"] == pytest.approx(entry["mix"], abs=0.01)
        assert again["body"][symbol]["table"]["log_odds"] == pytest.approx(
            entry["table"]["log_odds"], rel=0.01
        )
        assert again["body"][symbol]["level"] == entry["level"]
