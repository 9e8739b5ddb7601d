"""Fitting the macro families: only what was known, and what comes out can be read back."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.families.macro import load_family, load_parameter_file, shipped_parameters
from kalshi_alpha.markets.macro import load_macro
from kalshi_alpha.markets.releases import load_releases
from kalshi_alpha.markets.traded import MACRO, trade
from kalshi_alpha.research.macro.advance import advance_table, advances
from kalshi_alpha.research.macro.fit import fit, known_by
from kalshi_alpha.research.macro.holidays import federal_holidays, in_holiday_week
from kalshi_alpha.research.macro.recorded import FOLDER, known_from, main, write_recorded
from kalshi_alpha.research.macro.series import load_saves
from kalshi_alpha.research.macro.study import Ladder, Model, Study, fitted, scores

DAY = timedelta(days=1)
AS_OF = date(2025, 12, 31)


@pytest.fixture
def macro_on():
    trade(MACRO)
    yield load_macro()
    trade()


def monthly(first, last):
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    return [date(first.year + k // 12, k % 12 + 1, 1) for k in range(count)]


def daily(first, last, step=1):
    return [first + k * DAY for k in range(0, (last - first).days + 1, step)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Made figures in the form of the recorded ones, with one save of claims."""
    random = np.random.default_rng(11)
    made = {}
    for name in ("CPIAUCSL", "CPIAUCNS", "CPILFESL"):
        months = monthly(date(1991, 1, 1), date(2026, 3, 1))
        steps = 0.002 + 0.001 * random.standard_normal(len(months))
        made[name] = dict(zip(months, 100.0 * np.exp(np.cumsum(steps)), strict=True))
        del made[name][date(2025, 10, 1)]
    mondays = daily(date(1990, 12, 31), date(2026, 3, 30), 7)
    made["GASREGW"] = dict(zip(mondays, 3.0 + 0.1 * np.sin(np.arange(len(mondays))), strict=True))
    weeks = daily(date(1990, 1, 6), date(2026, 3, 28), 7)
    logs = 12.3 + 0.03 * random.standard_normal(len(weeks))
    made["ICSA"] = dict(zip(weeks, np.round(np.exp(logs), -3), strict=True))
    days = [day for day in daily(date(1995, 1, 3), date(2026, 3, 30)) if day.weekday() < 5]
    moved = 0.05 * random.standard_normal(len(days))
    made["DGS10"] = dict(zip(days, np.round(20.0 + np.cumsum(moved), 2), strict=True))
    pump = daily(date(2018, 1, 1), date(2026, 3, 30))
    moves = 0.004 * random.standard_normal(len(pump))
    made["AAA_REGULAR_DAILY"] = dict(zip(pump, 3.0 + np.cumsum(moves), strict=True))
    made["DCOILWTICO"] = dict.fromkeys(pump, 70.0)
    target = tmp_path_factory.mktemp("macro")
    rows = [(name, day, float(v)) for name, values in made.items() for day, v in values.items()]
    columns = [list(column) for column in zip(*rows, strict=True)]
    pq.write_table(pa.table(columns, ["series", "date", "value"]), target / "series.parquet")
    saved = [(day, float(v) + 1_000.0) for day, v in made["ICSA"].items() if day < AS_OF]
    dates, values = (list(column) for column in zip(*saved, strict=True))
    save = [["ICSA"] * len(saved), dates, values, ["made_2026-01-03"] * len(saved)]
    names = ["series", "date", "value", "source"]
    pq.write_table(pa.table(save, names), target / "vintages.parquet")
    return target


def test_what_came_out_after_the_day_is_not_known(folder):
    known = known_by(folder, AS_OF)

    assert max(known["CPIAUCSL"]) == date(2025, 11, 1)
    assert max(known["ICSA"]) == date(2025, 12, 27)
    assert max(known["DGS10"]) == date(2025, 12, 31)
    assert max(known["GASREGW"]) == date(2025, 12, 29)
    assert max(known_by(folder, date(2025, 12, 30))["ICSA"]) == date(2025, 12, 20)


def test_figures_stand_as_at_the_first_save_after_the_day(folder):
    later = known_by(folder, date(2026, 3, 1))["ICSA"]
    known = known_by(folder, AS_OF)["ICSA"]

    assert known[date(2025, 12, 27)] == later[date(2025, 12, 27)] + 1_000.0


def test_what_comes_later_changes_nothing(folder, tmp_path):
    table = pq.read_table(folder / "series.parquet")
    rows = [
        row | {"value": row["value"] * (3.0 if row["date"] > AS_OF else 1.0)}
        for row in table.to_pylist()
    ]
    pq.write_table(pa.Table.from_pylist(rows, table.schema), tmp_path / "series.parquet")
    (tmp_path / "vintages.parquet").write_bytes((folder / "vintages.parquet").read_bytes())

    assert fit(tmp_path, AS_OF).parts == fit(folder, AS_OF).parts


def test_a_fit_is_a_file_that_every_family_reads(folder, macro_on):
    found = fit(folder, AS_OF)
    file = load_parameter_file(found.text("the command").encode())

    assert (file.as_of, file.valid_until) == (AS_OF, date(2026, 7, 2))
    for series in macro_on.series.values():
        read = load_family(macro_on, series.family).read(file.parts[series.parameters])
        (part,) = (one for one in found.parts if one.name == series.parameters)
        assert read == part.parameters


def test_made_figures_give_back_what_they_were_made_of(folder):
    parts = {part.name: part.parameters for part in fit(folder, AS_OF).parts}

    assert parts["one-month"].spread == pytest.approx(0.1, rel=0.2)
    assert parts["daily"].releases < 1.3
    assert parts["weekly"].level == 0.3
    assert abs(parts["national"].horizons[0].newest) < 0.15
    # a random walk's spread grows with the root of the time
    spreads = {one.days: one.spread for one in parts["national"].horizons}
    assert spreads[28] / spreads[7] == pytest.approx(2.0, rel=0.25)


def test_too_little_to_fit_is_refused(folder):
    with pytest.raises(DataError, match="too few to fit one-month"):
        fit(folder, date(2000, 1, 1))


def test_saves_of_another_form_are_refused(tmp_path):
    with pytest.raises(DataError, match="saved series"):
        load_saves(tmp_path)
    table = pa.table([["ICSA"], [AS_OF], [1.0], ["someday"]], ["series", "date", "value", "source"])
    pq.write_table(table, tmp_path / "vintages.parquet")
    with pytest.raises(DataError, match="saved series"):
        load_saves(tmp_path)


def test_an_advance_figure_is_one_saved_before_its_revision(folder):
    (one,) = advances(folder)

    assert one.week == date(2025, 12, 27)
    assert one.fitted == date(2025, 10, 15)
    assert one.low < one.middle < one.high
    assert "1 weeks, too few to score" in advance_table(folder)


@pytest.mark.parametrize(
    ("day", "closed"),
    [
        (date(2025, 11, 27), True),
        (date(2025, 5, 26), True),
        (date(2021, 7, 5), True),  # the fourth was a Sunday
        (date(2020, 7, 3), True),  # the fourth was a Saturday
        (date(2020, 6, 19), False),  # not yet a holiday
        (date(2022, 6, 20), True),
        (date(1985, 1, 21), False),
        (date(2024, 10, 14), True),
        (date(2025, 11, 28), False),
    ],
)
def test_federal_holidays_by_rule(day, closed):
    assert (day in federal_holidays(day.year)) is closed


def test_holidays_by_rule_are_those_of_the_shipped_calendar():
    declared = {date(2025, 1, 9)}  # for one year only
    known = load_releases().federal_holidays - declared
    by_rule = {day for year in (2025, 2026, 2027) for day in federal_holidays(year)}

    assert known - by_rule == {date(2027, 12, 31)}  # new year of 2028, kept the day before
    assert by_rule <= known


def test_errors_of_which_most_are_none_are_fitted_and_none_at_all_are_not():
    quiet = np.array([0.0] * 9 + [1.0])

    assert fitted(quiet)[1] > 0
    with pytest.raises(DataError, match="right to the last digit"):
        fitted(np.zeros(10))


def test_a_week_holds_the_holidays_of_its_seven_days():
    assert in_holiday_week(date(2025, 11, 29))
    assert not in_holiday_week(date(2025, 12, 6))
    assert in_holiday_week(date(2025, 12, 27))


def test_a_ladder_pays_from_half_a_print_above_its_strikes():
    ladder = Ladder(np.array([0.31, 0.26]), 0.1, 1, 0.05)

    assert ladder.lowest_paid() == pytest.approx(np.array([[0.25, 0.35, 0.45]] * 2))


def test_the_ladders_score_is_that_of_its_strikes():
    random = np.random.default_rng(5)
    outcome = random.standard_normal(600)
    flat, one = np.zeros(600), np.ones(600)
    study = Study(
        "made", "units", outcome, np.arange(600), {"ours": Model(flat, one)}, 100, 50, 1,
        ladder=Ladder(flat, 0.5, 0, 0.0),
    )  # fmt: skip
    (ours,) = scores(study)

    assert ours.brier == pytest.approx(0.25, abs=0.01)  # one strike, at the middle
    assert ours.covers[0.5].low < 0.5 < ours.covers[0.5].high
    assert ours.covers[0.95].estimate > ours.inside.estimate > ours.covers[0.5].estimate
    assert ours.tenths.sum() == pytest.approx(1.0)
    assert math.isclose(ours.below.estimate, float((ours.pits < 0.5).mean()))


@pytest.mark.parametrize(
    ("kind", "period", "at"),
    [
        ("cpi", date(2025, 11, 1), "2025-12-18T13:30:00+00:00"),
        ("cpi", date(2020, 3, 1), "2020-04-14T12:30:00+00:00"),  # by rule, before the calendar
        ("claims", date(2025, 10, 11), "2025-11-20T13:30:00+00:00"),  # in the lapse
        ("claims", date(2025, 12, 27), "2025-12-31T13:30:00+00:00"),
        ("par_yield", date(2025, 12, 10), "2025-12-10T23:00:00+00:00"),
        ("aaa", date(2025, 10, 20), "2025-10-20T09:00:00+00:00"),
    ],
)
def test_since_when_a_figure_could_be_read(kind, period, at):
    assert known_from(kind, period).isoformat() == at


@pytest.mark.shared_data
def test_the_shipped_parameters_are_those_the_command_gives(shared_data):
    for day in (date(2025, 10, 15), date(2025, 12, 31)):
        command = f"kalshi-alpha macro fit --data data/macro --as-of {day}"
        text = fit(shared_data / "macro", day).text(command)
        assert shipped_parameters(day + DAY).decode() == text


@pytest.mark.shared_data
def test_the_shipped_figures_are_those_the_recorder_gives(shared_data, tmp_path, capsys):
    files = write_recorded(shared_data / "macro", tmp_path)
    names = [file.name for file in files] + ["README.md"]

    assert all((tmp_path / n).read_bytes() == (FOLDER / n).read_bytes() for n in names)
    assert main(["--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 4
    assert "cannot be read" in capsys.readouterr().err
    assert main(["--data", str(shared_data / "macro"), "--out", str(tmp_path / "out")]) == 0


@pytest.mark.shared_data
def test_of_claims_two_advance_figures_are_saved(shared_data):
    weeks = [one.week for one in advances(shared_data / "macro")]
    assert weeks == [date(2025, 12, 27), date(2026, 7, 25)]
