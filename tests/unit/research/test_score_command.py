"""The score: literal windows, paired rows, no look-ahead, and files of any form."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pytest

from kalshi_alpha.pricing.parameters import load_parameters
from kalshi_alpha.research.data.panel import read_panels
from kalshi_alpha.research.model.cases import lay_out
from kalshi_alpha.research.model.laws import law_forecasts
from kalshi_alpha.research.score import Fixed, daily_closes, rows_of, score
from kalshi_alpha.research.walk import Walk
from tests.command import Command
from tests.walked_bars import sessions_from, write_bars

DAYS = sessions_from(date(2025, 3, 3), 75)
FIRST, LAST = DAYS[60], DAYS[-1]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bars")
    return {
        "five": write_bars(folder / "five" / "bars.parquet", DAYS),
        "cut": write_bars(folder / "cut" / "bars.parquet", DAYS[:68]),
        "minutes": write_bars(folder / "one" / "bars.parquet", DAYS[30:], step=1),
        "half hours": write_bars(folder / "half" / "bars.parquet", DAYS, step=30),
    }


@pytest.fixture(scope="module")
def scored(files):
    panels = read_panels([files["five"], files["minutes"]], "SPX")
    walk = Walk(panels, first=FIRST, last=LAST)
    return score(panels, walk, first=FIRST, last=LAST, strike_step=5.0)


def test_every_horizon_the_bars_allow_is_scored(scored):
    rows = [row for row in rows_of(scored) if "metric" not in row]

    counts = {(row["minutes_before"], row["model"]): row["n"] for row in rows}
    # Thirty minutes before 10:00 is the open: nothing was seen, so there are six fixings of it.
    assert counts[30, "law"] == 15 * 6
    assert {counts[minutes, "law"] for minutes in (15, 10, 5, 2, 1)} == {15 * 7}
    assert counts["all", "law"] == 15 * (6 + 5 * 7)
    assert {model for _, model in counts} == {"law", "sqrt_time", "tod60", "garch_t", "har"}
    assert {row["days"] for row in rows} == {15}


def test_a_row_has_what_readers_of_the_file_look_for(scored):
    row = rows_of(scored)[0]

    assert set(row) >= {
        "symbol", "minutes_before", "model", "n", "days", "crps", "rps", "brier", "log_score",
        "pit_p", "cover_50", "cover_80", "cover_95", "cover_99",
    }  # fmt: skip
    assert 0 < row["cover_50"] < row["cover_80"] < row["cover_95"] <= row["cover_99"] <= 1


def test_paired_rows_are_the_law_less_the_baseline(scored):
    rows = rows_of(scored)
    means = {
        (row["minutes_before"], row["model"]): row["crps"] for row in rows if "metric" not in row
    }

    for row in rows:
        if row.get("metric") == "crps":
            ours, theirs = (means[row["minutes_before"], m] for m in ("law", row["baseline"]))
            assert row["diff"] == pytest.approx(ours - theirs, abs=1e-12)
            assert row["skill"] == pytest.approx(1 - ours / theirs, abs=1e-12)
            assert row["low"] <= row["diff"] <= row["high"]


def test_each_outcome_is_the_move_from_decision_to_fixing(files, scored):
    """Ten minutes before noon of a day, by hand from the file's own bars."""
    panel = read_panels([files["five"]], "SPX")[5]
    day = panel.days.index(DAYS[61])
    group = scored.groups[0]
    cases = group.cases
    at = (cases.hour == 12) & (cases.minutes == 10)
    at &= cases.day == group.sessions.days.index(DAYS[61])

    # The bar that ends at 11:50 is the 28th, that at 12:00 the 30th.
    expected = np.log(panel.close[day, 29]) - np.log(panel.close[day, 27])
    assert cases.moved[at].tolist() == [pytest.approx(expected, abs=1e-14)]


def test_a_file_that_ends_earlier_gives_the_same_forecasts(files):
    """Cut the input at a day, run again, compare bit for bit."""
    forecasts = []
    for name in ("five", "cut"):
        panels = read_panels([files[name]], "SPX")
        walk = Walk(panels, first=FIRST, last=DAYS[67])
        cases = lay_out(walk.unit.first(68), first=60)
        forecasts.append(law_forecasts(walk, walk.unit.first(68), cases))
    whole, cut = forecasts

    assert np.array_equal(whole.scale, cut.scale)
    assert np.array_equal(whole.shape, cut.shape)
    assert [one.table for one in whole.shapes] == [one.table for one in cut.shapes]


def test_bars_after_the_decision_change_nothing(files):
    """Every later bar of the day is swapped for another; the forecast stays bit for bit."""
    panels = read_panels([files["five"]], "SPX")
    walk = Walk(panels, first=FIRST, last=LAST)
    sessions = walk.unit
    cases = lay_out(sessions, hours=(12,), minutes_before=(10,), first=60)
    before = law_forecasts(walk, sessions, cases)
    bars = sessions.bars.copy()
    bars[60:, 28:] *= 7.0
    changed = type(sessions)(
        sessions.symbol, sessions.step, sessions.days, sessions.logs, bars, sessions.left_out
    )

    assert np.array_equal(law_forecasts(walk, changed, cases).scale, before.scale)


def test_days_without_history_are_said_not_scored(files):
    panels = read_panels([files["five"]], "SPX")
    walk = Walk(panels, first=DAYS[0], last=LAST)

    found = score(panels, walk, first=DAYS[0], last=LAST, strike_step=5.0)

    assert len(found.too_early) == 40
    assert found.too_early[-1] == DAYS[39]
    assert len(np.unique(found.day)) == 35


def test_half_hours_alone_are_scored_as_far_as_they_go(files):
    panels = read_panels([files["half hours"]], "SPX")
    walk = Walk(panels, first=FIRST, last=LAST)

    found = score(panels, walk, first=FIRST, last=LAST, strike_step=5.0)

    assert set(found.minutes) == {30}
    assert len(found.day) == 15 * 6


def test_a_daily_close_comes_from_the_finest_bars(files):
    panels = read_panels([files["five"], files["minutes"], files["half hours"]], "SPX")
    closes = daily_closes(panels, DAYS[0])

    last = closes.days.index(DAYS[-1])
    assert closes.values[last] == np.log(panels[1].close[-1, -1])
    assert closes.days == tuple(DAYS)


def test_days_before_a_long_gap_are_no_history(tmp_path):
    """Two sessions of long ago do not count as the fortieth and the forty-first."""
    old = sessions_from(date(2024, 6, 3), 2)
    files = [
        write_bars(tmp_path / "old" / "bars.parquet", old),
        write_bars(tmp_path / "new" / "bars.parquet", DAYS),
    ]
    panels = read_panels(files, "SPX")
    walk = Walk(panels, first=DAYS[30], last=LAST)

    found = score(panels, walk, first=DAYS[30], last=LAST, strike_step=5.0)

    assert found.too_early == tuple(DAYS[30:40])
    assert len(np.unique(found.day)) == 35


def test_the_command_writes_the_json_last_and_the_page_beside_it(run: Command, files, tmp_path):
    said = run(
        "score", "--refit", "--bars", files["five"], files["minutes"], "--symbol", "SPX",
        "--from", FIRST, "--to", LAST, "--out", tmp_path / "score",
    )  # fmt: skip

    assert said.code == 0, said.err
    assert "60-day time of day" in said.out
    document = json.loads((tmp_path / "score" / "score.json").read_text())
    assert document["schema"] == "kalshi-alpha/score/1"
    assert "--bars five/bars.parquet one/bars.parquet" in document["provenance"]["Command"]
    page = (tmp_path / "score" / "score.html").read_text()
    assert page.count("<svg") == 5
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "| all, HAR |" in (tmp_path / "score" / "score.md").read_text()


def test_a_parameter_file_is_scored_on_later_days_only(run: Command, files, tmp_path):
    out = tmp_path / "p.json"
    for kind in ("hourly", "close"):
        run(
            "calibrate", kind, "--symbol", "SPX", "--bars", files["five"], "--out", out,
            "--through", DAYS[59],
        )  # fmt: skip
    words = ["score", "--params", out, "--bars", files["five"], "--symbol", "SPX", "--to", LAST]

    good = run(*words, "--from", FIRST, "--out", tmp_path / "good")
    early = run(*words, "--from", DAYS[58], "--out", tmp_path / "early")

    assert good.code == 0, good.err
    assert early.code == 4
    assert f"know data to {DAYS[59]}" in early.err
    assert not (tmp_path / "early" / "score.json").exists()
    held = load_parameters(out.read_bytes(), LAST, expired_too=True)["SPX"]
    with pytest.raises(Exception, match="look ahead"):
        Fixed(held).parameters_on(DAYS[59])


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ([], 2, "either --params FILE or --refit"),
        (["--refit", "--params", "p.json"], 2, "one of them, not both"),
        (["--params", "nowhere.json"], 2, "nowhere.json cannot be read"),
        (["--refit", "--from", "2025-03-04", "--to", "2025-03-20"], 4, "complete ones before it"),
        (["--refit", "--from", "yesterday"], 2, "is not YYYY-MM-DD"),
    ],
)
def test_what_cannot_be_scored_is_a_sentence(run: Command, files, tmp_path, words, code, sentence):
    said = run(
        "score", *words, "--bars", files["five"], "--symbol", "SPX", "--out", tmp_path / "out"
    )

    assert said.code == code
    assert sentence in " ".join(said.err.split())
    assert "Traceback" not in said.err
    assert not (tmp_path / "out" / "score.json").exists()
