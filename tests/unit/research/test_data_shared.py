"""The data room on the recorded data: what it keeps, what it finds, and that it is quick."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from kalshi_alpha.research.data.panel import Panel, read_panels

pytestmark = pytest.mark.shared_data


def panel_of(data: Path, folder: str, symbol: str) -> Panel:
    (panel,) = read_panels([data / folder / "bars.parquet"], symbol).values()
    return panel


@pytest.mark.parametrize(
    ("folder", "symbol", "source", "step", "sessions", "whole"),
    [
        ("spx_1m", "SPX", "SPX", 1, 55, 45),
        ("spx_5m", "SPX", "SPX", 5, 242, 242),
        ("spx_30m", "SPX", "SPX", 30, 1290, 1288),
        ("spx_1h", "SPX", "SPX", 60, 602, 593),
        ("etf_1m", "SPX", "SPY", 1, 424, 401),
        ("etf_1m", "NDX", "QQQ", 1, 182, 131),
        ("etf_5m", "NDX", "QQQ", 5, 188, 188),
        ("qqq_30m", "NDX", "QQQ", 30, 778, 778),
        ("ndx_1m", "NDX", "NDX", 1, 12, 2),
        ("mnq_1m", "NDX", "MNQ_ADJ", 1, 26, 26),
        ("futures_5m", "SPX", "ES", 5, 62, 62),
        ("futures_30m", "SPX", "ES", 30, 528, 528),
    ],
)
def test_every_recorded_file_is_read(
    shared_data: Path, folder: str, symbol: str, source: str, step: int, sessions: int, whole: int
) -> None:
    panel = panel_of(shared_data, folder, symbol)

    assert (panel.symbol, panel.source, panel.step) == (symbol, source, step)
    assert (len(panel.days), int(panel.complete.sum())) == (sessions, whole)
    assert not {f.rule for f in panel.findings} & {"frozen", "frozen-day", "bad-tick", "order"}


def test_five_recorded_sessions_keep_another_clock_and_are_left_out(shared_data: Path) -> None:
    panel = panel_of(shared_data, "spx_1m", "SPX")
    (found,) = [finding for finding in panel.findings if finding.rule == "off-clock"]
    half_hours = {
        (each["et_date"], each["et_min"]): each["close"]
        for each in pq.read_table(shared_data / "spx_30m" / "bars.parquet").to_pylist()
    }
    minutes = pq.read_table(shared_data / "spx_1m" / "bars.parquet").to_pylist()
    shifted = [each for each in minutes if each["et_date"] <= date(2023, 7, 3)]

    assert found.count == 5
    assert panel.days[0] == date(2024, 4, 19)
    # The proof that it is the clock: an hour later they are the half-hour bars to the cent.
    apart = [
        each["close"] - half_hours[each["et_date"], each["et_min"] + 60 - 29]
        for each in shifted
        if each["et_min"] % 30 == 29 and each["et_min"] < 900
    ]
    assert len(apart) == 4 * 13 + 7
    assert set(apart) == {0.0}


def test_the_official_close_is_that_of_the_daily_file(shared_data: Path) -> None:
    daily = {
        each["date"]: each["close"]
        for each in pq.read_table(shared_data / "index_daily" / "daily.parquet").to_pylist()
        if each["symbol"] == "SPX"
    }
    for folder in ("spx_1m", "spx_5m", "spx_30m"):
        panel = panel_of(shared_data, folder, "SPX")
        off = np.abs([o - daily[d] for d, o in zip(panel.days, panel.official, strict=True)])
        assert np.median(off) < 0.001
        assert (off < 0.1).mean() > 0.99


def test_the_largest_real_moves_stay(shared_data: Path) -> None:
    panel = panel_of(shared_data, "spx_5m", "SPX")
    moves = np.diff(panel.logs, axis=1)
    false_report, pause = (panel.days.index(date(2025, 4, day)) for day in (7, 9))

    assert panel.complete[[false_report, pause]].all()
    assert np.nanmax(moves) == moves[false_report].max() == pytest.approx(0.03755, abs=1e-5)
    assert 570 + 5 * int(moves[false_report].argmax()) == 10 * 60 + 10
    assert moves[pause].max() == pytest.approx(0.02195, abs=1e-5)


def test_two_files_of_the_same_sessions_tell_the_same_levels(shared_data: Path) -> None:
    one, five = (panel_of(shared_data, folder, "SPX") for folder in ("spx_1m", "spx_5m"))
    one = one.only(one.complete)
    both = [day for day in one.days if day in five.days]
    fine = one.logs[[one.days.index(day) for day in both]][:, 5::5]
    coarse = five.logs[[five.days.index(day) for day in both]][:, 1:]

    assert len(both) == 45
    assert np.nanmax(np.abs(fine - coarse)) < 1e-4
