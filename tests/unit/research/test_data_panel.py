"""Panels: what is left out of good files, what is noted, and what each day knows."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.research.data.findings import Finding
from kalshi_alpha.research.data.panel import Panel, read_panels
from tests.bar_rows import (
    DAYS,
    HALF_DAY,
    PRICES,
    Row,
    comma_separated,
    made,
    made_day,
    parquet,
    row,
)


def panel_of(folder: Path, rows: list[Row], symbol: str = "SPX", step: int = 5) -> Panel:
    return read_panels([parquet(folder / "bars.parquet", rows)], symbol)[step]


def rules(panel: Panel) -> dict[str, Finding]:
    return {finding.rule: finding for finding in panel.findings}


def same(one: Panel, other: Panel) -> bool:
    return one.days == other.days and all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True)
        for name in (*PRICES, "minutes", "official", "previous", "fomc", "cpi", "complete")
    )


def test_a_panel_has_a_row_a_session_and_a_column_a_bar(tmp_path: Path) -> None:
    rows = made()
    panel = panel_of(tmp_path, rows)

    assert (panel.symbol, panel.source, panel.step, panel.days) == ("SPX", "SPX", 5, DAYS)
    assert panel.close.shape == (4, 78)
    assert panel.close[1, 2] == rows[79 + 2]["close"]
    assert panel.high[3, 77] == rows[3 * 79 + 77]["high"]
    assert panel.official.tolist() == [rows[79 * k + 78]["close"] for k in range(4)]
    assert panel.minutes.tolist() == [390] * 4
    assert panel.complete.all()
    assert panel.findings == ()
    assert [(note.symbol, note.rows, note.first, note.last) for note in panel.files] == [
        ("SPX", 316, DAYS[0], DAYS[3])
    ]


def test_logs_gaps_and_realised_variance_follow_from_the_prices(tmp_path: Path) -> None:
    rows = made(DAYS[:2])
    panel = panel_of(tmp_path, rows)
    first = rows[79]

    assert panel.logs.shape == (2, 79)
    assert panel.logs[1, 0] == math.log(first["open"])
    assert panel.logs[1, 1] == math.log(first["close"])
    assert math.isnan(panel.previous[0])
    assert panel.previous[1] == rows[78]["close"]
    assert panel.gaps[1] == pytest.approx(math.log(first["open"] / rows[78]["close"]), abs=1e-15)
    assert panel.realised[1, 0] == pytest.approx(
        math.log(first["close"] / first["open"]) ** 2, rel=1e-12
    )
    assert (np.diff(panel.realised, axis=1) >= 0).all()


def test_the_price_before_is_unknown_after_a_missing_session_or_a_cut_one(tmp_path: Path) -> None:
    cut = [each for each in made((DAYS[1],)) if each["et_min"] < 900]
    panel = panel_of(tmp_path, [*made_day(DAYS[0]), *cut, *made_day(DAYS[2])])
    gap = panel_of(tmp_path, [*made_day(DAYS[0]), *made_day(DAYS[2])])

    assert np.isfinite(panel.previous).tolist() == [False, True, False]
    assert np.isfinite(gap.previous).tolist() == [False, False]


def test_without_an_official_close_the_last_bar_is_the_price_before(tmp_path: Path) -> None:
    rows = [each for each in made(DAYS[:2]) if each["et_min"] < 960]
    panel = panel_of(tmp_path, rows)

    assert np.isnan(panel.official).all()
    assert panel.previous[1] == rows[77]["close"]


def test_the_last_print_after_the_bell_is_the_official_close(tmp_path: Path) -> None:
    rows = made_day(DAYS[0], step=1)
    rows += [
        row(DAYS[0], 961, (6801.0, 6801.5, 6800.5, 6801.25)),
        row(DAYS[0], 989, (6801.25, 6801.5, 6801.0, 6801.5)),
        row(DAYS[0], 990, (6900.0, 6900.0, 6900.0, 6900.0)),  # too late to be the close
    ]
    panel = panel_of(tmp_path, rows, step=1)

    assert panel.official.tolist() == [6801.5]
    assert rules(panel)["outside-session"].count == 1


def test_what_stands_in_for_an_index_has_no_official_close(tmp_path: Path) -> None:
    panel = panel_of(tmp_path, made(DAYS[:2], symbol="SPY"))

    assert panel.source == "SPY"
    assert np.isnan(panel.official).all()
    assert panel.previous[1] == panel.close[0, 77]


def test_a_half_day_is_whole_with_its_42_bars(tmp_path: Path) -> None:
    rows = made_day(HALF_DAY)
    rows.append(row(HALF_DAY, 900, (6800.0, 6800.0, 6800.0, 6800.0)))
    panel = panel_of(tmp_path, rows)

    assert panel.minutes.tolist() == [210]
    assert panel.half.tolist() == [True]
    assert panel.complete.tolist() == [True]
    assert np.isfinite(panel.close[0]).sum() == 42
    assert panel.official[0] == rows[42]["close"]
    assert rules(panel)["outside-session"].count == 1


def test_holes_are_kept_as_holes_and_counted(tmp_path: Path) -> None:
    rows = made()
    del rows[100], rows[90:93], rows[10]
    panel = panel_of(tmp_path, rows)
    hole = rules(panel)["hole"]

    assert panel.complete.tolist() == [False, False, True, True]
    assert np.argwhere(np.isnan(panel.close)).tolist() == [
        [0, 10], [1, 11], [1, 12], [1, 13], [1, 21],
    ]  # fmt: skip
    assert (hole.action, hole.count, hole.day) == ("note", 5, DAYS[0])
    assert "2 days lack 5 bars and are kept with holes (2025-11-04, 2025-11-05)" in hole.sentence
    assert np.isnan(panel.realised[1, 11:]).all()


def test_a_day_with_one_bar_is_left_out(tmp_path: Path) -> None:
    rows = [*made_day(DAYS[0]), made_day(DAYS[1])[5], *made_day(DAYS[2])]
    panel = panel_of(tmp_path, rows)
    lone = rules(panel)["one-bar"]

    assert panel.days == (DAYS[0], DAYS[2])
    assert (lone.action, lone.count, lone.day) == ("exclude", 1, DAYS[1])
    assert math.isnan(panel.previous[1])


def test_a_file_of_lone_bars_leaves_nothing_and_says_so(tmp_path: Path) -> None:
    file = parquet(tmp_path / "bars.parquet", [made_day(day)[3] for day in DAYS])

    with pytest.raises(DataError, match=r"left no session of SPX.*4 days have fewer than two bars"):
        read_panels([file], "SPX")


def test_days_without_a_session_are_left_out_and_counted(tmp_path: Path) -> None:
    christmas, saturday = date(2025, 12, 25), date(2025, 11, 8)
    old = date(2018, 12, 31)
    panel = panel_of(tmp_path, made((old, *DAYS, saturday, christmas)))
    found = rules(panel)

    assert panel.days == DAYS
    assert (found["no-session"].action, found["no-session"].count) == ("exclude", 2 * 79)
    assert "(2025-11-08, 2025-12-25)" in found["no-session"].sentence
    assert (found["outside-calendar"].day, found["outside-calendar"].count) == (old, 79)


def test_rows_out_of_order_and_repeated_are_put_right_and_counted(tmp_path: Path) -> None:
    rows = made()
    disorder = [*rows[200:], *rows[:200], rows[3], rows[3]]
    panel = panel_of(tmp_path, disorder)
    found = rules(panel)

    assert same(panel, panel_of(tmp_path, rows))
    assert (found["order"].action, found["order"].row, found["order"].count) == ("note", 117, 2)
    assert (found["duplicate"].row, found["duplicate"].count) == (317, 2)


def test_a_level_that_stands_still_is_left_out_after_its_first_bar(tmp_path: Path) -> None:
    rows = made(step=1)
    for each in rows[100:130]:
        each.update(dict.fromkeys(PRICES, rows[99]["close"]))
    panel = panel_of(tmp_path, rows, step=1)
    frozen = rules(panel)["frozen"]

    assert np.isnan(panel.close[0]).sum() == 29
    assert np.isfinite(panel.close[0, 100])
    assert np.isnan(panel.close[0, 101:130]).all()
    assert (frozen.action, frozen.count, frozen.row, frozen.day) == ("exclude", 29, 102, DAYS[0])


def test_a_quiet_market_is_not_taken_for_a_frozen_one(tmp_path: Path) -> None:
    rows = made(step=1)
    for each in rows[100:110]:  # ten minutes of one level, from its first minute to its tenth
        each.update(dict.fromkeys(PRICES, rows[99]["close"]))
    for each in rows[200:230]:  # closes that are equal around moves
        each.update(open=6800.0, high=6801.0, low=6799.0, close=6800.0)

    assert "frozen" not in rules(panel_of(tmp_path, rows, step=1))


def test_a_day_frozen_from_end_to_end_is_left_out(tmp_path: Path) -> None:
    rows = made(step=1)
    for each in rows[391 : 2 * 391]:
        each.update(dict.fromkeys(PRICES, 6800.0))
    panel = panel_of(tmp_path, rows, step=1)
    dead = rules(panel)["frozen-day"]

    assert panel.days == (DAYS[0], DAYS[2], DAYS[3])
    assert (dead.action, dead.count, dead.day) == ("exclude", 1, DAYS[1])


def test_a_bad_tick_is_left_out_and_a_real_move_stays(tmp_path: Path) -> None:
    rows = made()
    rows[40].update(close=7140.0, high=7140.0)
    rows[41].update(open=7140.0, high=7140.0)
    for each in rows[2 * 79 + 50 : 3 * 79]:  # 3.8 % in one bar, and there it stays
        each.update({name: each[name] * 1.038 for name in PRICES})
    panel = panel_of(tmp_path, rows)
    tick = rules(panel)["bad-tick"]

    assert np.argwhere(np.isnan(panel.close)).tolist() == [[0, 40]]
    assert (tick.action, tick.count, tick.row, tick.day) == ("exclude", 1, 41, DAYS[0])
    assert abs(panel.logs[2, 51] - panel.logs[2, 50]) > 0.03


def test_a_bad_first_price_is_seen_against_the_session_before(tmp_path: Path) -> None:
    rows = made()
    rows[79].update(open=6000.0, low=6000.0)
    panel = panel_of(tmp_path, rows)

    assert np.argwhere(np.isnan(panel.open)).tolist() == [[1, 0]]


def test_a_session_on_another_clock_is_left_out_when_others_are_right(tmp_path: Path) -> None:
    central = [
        row(DAYS[1], each["et_min"] - 60, [each[name] for name in PRICES])
        for each in made_day(DAYS[1])
    ]
    panel = panel_of(tmp_path, [*made_day(DAYS[0]), *central, *made_day(DAYS[2])])
    wrong = rules(panel)["off-clock"]

    assert panel.days == (DAYS[0], DAYS[2])
    assert (wrong.action, wrong.count, wrong.day) == ("exclude", 1, DAYS[1])


def test_a_future_that_trades_all_night_keeps_the_right_clock(tmp_path: Path) -> None:
    night = [row(DAYS[1], m, (6800, 6801, 6799, 6800.5), "ES") for m in range(0, 570, 5)]
    rows = [*made_day(DAYS[0], symbol="ES"), *night, *made_day(DAYS[1], symbol="ES")]
    panel = panel_of(tmp_path, rows)

    assert panel.source == "ES"
    assert panel.days == DAYS[:2]
    assert rules(panel)["outside-session"].count == len(night) + 2  # and the bars at 16:00


def test_files_of_one_step_are_merged_and_the_first_one_counts(tmp_path: Path) -> None:
    rows = made()
    one = [each for each in rows if each["et_date"] != DAYS[3]]
    del one[5]
    other = [dict(each) for each in rows]
    differs = other[80]["close"] + 10.0
    other[80].update(close=differs, high=differs)
    other[81].update(close=other[81]["close"] + 0.01, high=other[81]["high"] + 0.01)
    first = parquet(tmp_path / "one" / "bars.parquet", one)
    second = comma_separated(tmp_path / "other.csv", other)

    panel = read_panels([first, second], "SPX")[5]
    overlap = rules(panel)["overlap"]

    assert panel.days == DAYS
    assert panel.close[1, 1] == rows[80]["close"]
    assert panel.close[0, 5] == rows[5]["close"]
    assert panel.complete.all()
    assert [note.name for note in panel.files] == [
        "one/bars.parquet",
        f"{tmp_path.name}/other.csv",
    ]
    assert (overlap.action, overlap.count, overlap.day) == ("note", 1, DAYS[1])
    assert read_panels([second, first], "SPX")[5].close[1, 1] == differs


@pytest.mark.parametrize("kept", [(0, 2), (1, 2), (0, 3)])
def test_holes_do_not_hide_the_step(tmp_path: Path, kept: tuple[int, int]) -> None:
    first, every = kept
    thin = made(DAYS[:1], step=30)[first:13:every]
    panels = read_panels(
        [parquet(tmp_path / "bars.parquet", [*made(DAYS[1:2], step=30), *thin])], "SPX"
    )

    assert list(panels) == [30]
    assert np.isfinite(panels[30].close[0]).sum() == len(thin)


def test_a_file_of_odd_steps_is_refused(tmp_path: Path) -> None:
    file = parquet(tmp_path / "bars.parquet", made(step=7))

    with pytest.raises(DataError, match=r"its bars are 7 minutes apart; known are 1, 2, 3, 5, 6"):
        read_panels([file], "SPX")


def test_steps_are_kept_apart(tmp_path: Path) -> None:
    files = [
        parquet(tmp_path / f"{step}.parquet", made(DAYS[:2], step=step)) for step in (30, 1, 5)
    ]
    panels = read_panels(files, "SPX")

    assert list(panels) == [1, 5, 30]
    assert [panel.close.shape for panel in panels.values()] == [(2, 390), (2, 78), (2, 13)]


def test_levels_of_an_index_and_its_stand_in_are_never_mixed(tmp_path: Path) -> None:
    index = parquet(tmp_path / "index.parquet", made(DAYS[:1]))
    fund = parquet(tmp_path / "fund.parquet", made(DAYS[1:], symbol="SPY", level=680.0))

    panel = read_panels([index, fund], "SPX")[5]
    left = rules(panel)["source"]
    chosen = read_panels([index], "SPX", source="SPX")[5]

    assert (panel.source, panel.days) == ("SPY", DAYS[1:])
    assert (left.file, left.count) == (f"{tmp_path.name}/index.parquet", 1)
    assert (chosen.source, chosen.days) == ("SPX", DAYS[:1])
    with pytest.raises(ConfigurationError, match="'QQQ' does not stand in for SPX"):
        read_panels([fund], "SPX", source="QQQ")


def test_the_index_comes_first_once_it_has_twenty_whole_sessions(tmp_path: Path) -> None:
    month = [date(2025, 10, day) for day in (*range(1, 4), *range(6, 11), *range(13, 18))]
    month += [date(2025, 10, day) for day in (*range(20, 25), 27, 28)]
    index = parquet(tmp_path / "index.parquet", made(month, step=30))
    fund = parquet(tmp_path / "fund.parquet", made((*month, *DAYS), symbol="SPY", step=30))

    assert len(month) == 20
    assert read_panels([fund, index], "SPX")[30].source == "SPX"
    assert read_panels([fund, index], "SPX", last=month[18])[30].source == "SPY"


def test_the_first_and_last_day_bound_a_panel_that_knows_the_price_before(tmp_path: Path) -> None:
    rows = made()
    file = parquet(tmp_path / "bars.parquet", rows)
    panel = read_panels([file], "SPX", first=DAYS[1], last=DAYS[2])[5]

    assert panel.days == DAYS[1:3]
    assert panel.previous[0] == rows[78]["close"]
    with pytest.raises(DataError, match="the first day, 2025-11-07, comes after the last"):
        read_panels([file], "SPX", first=DAYS[3], last=DAYS[0])
    with pytest.raises(DataError, match="left no session of SPX from 2025-12-01 to the end"):
        read_panels([file], "SPX", first=date(2025, 12, 1))


def test_a_panel_can_be_cut_to_days(tmp_path: Path) -> None:
    panel = panel_of(tmp_path, made())

    assert panel.until(DAYS[1]).days == DAYS[:2]
    assert panel.until(DAYS[1]).close.shape == (2, 78)
    some = panel.only(np.asarray([True, False, False, True]))
    assert some.days == (DAYS[0], DAYS[3])
    assert some.official.tolist() == panel.official[[0, 3]].tolist()


def test_event_days_are_flagged(tmp_path: Path) -> None:
    days = (date(2025, 10, 24), date(2025, 10, 29), date(2025, 10, 30))
    panel = panel_of(tmp_path, made(days))

    assert panel.cpi.tolist() == [True, False, False]
    assert panel.fomc.tolist() == [False, True, False]
