from __future__ import annotations

import json
from datetime import date

import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.data.panel import read_panels
from kalshi_alpha.research.pairs import moves_together
from tests.command import Command
from tests.walked_bars import sessions_from, write_bars

DAYS = sessions_from(date(2025, 9, 2), 40)


@pytest.fixture
def run(monkeypatch, capsys):
    return Command(monkeypatch, capsys)


@pytest.fixture
def files(tmp_path):
    """Return files of one index, and of another that moves alike or has nothing to do with it."""
    return {
        name: write_bars(tmp_path / f"{name}.parquet", DAYS, seed=seed, symbol=symbol)
        for name, seed, symbol in (("spx", 1, "SPX"), ("alike", 1, "NDX"), ("apart", 2, "NDX"))
    }


def test_what_moves_alike_is_wholly_correlated_in_every_tail(files):
    found = moves_together(read_panels([files["spx"]], "SPX"), read_panels([files["alike"]], "NDX"))

    assert [row.days for row in found[:3]] == [40, 20, 20]
    assert [row.moves for row in found[:3]] == [2880, 1440, 1440]
    assert [row.value for row in found[:3]] == pytest.approx([1.0] * 3)
    assert [row.value for row in found[3:]] == pytest.approx([1.0] * 6, abs=0.03)
    assert [row.copula for row in found[3:]] == pytest.approx([1.0] * 6)


def test_what_moves_apart_is_together_by_chance_alone(files):
    found = moves_together(read_panels([files["spx"]], "SPX"), read_panels([files["apart"]], "NDX"))

    assert found[0].low < 0.0 < found[0].high
    tenth = next(row for row in found if row.what == "both in the lowest 10%")
    assert tenth.low < 0.1 < tenth.high
    assert tenth.copula == pytest.approx(0.1, abs=0.03)


def test_the_command_says_it_as_a_table_and_as_json(run, files):
    words = ("correlation", "--bars", files["spx"], "--other-bars", files["alike"])

    table, document = run(*words), run(*words, "--to", DAYS[29], "--json")

    assert (table.code, document.code) == (0, 0)
    assert "both in the highest 5%" in table.out
    rows = json.loads(document.out)["rows"]
    assert (len(rows), rows[0]["days"], rows[0]["what"]) == (9, 30, f"{DAYS[0]} to {DAYS[29]}")


def test_too_few_common_days_are_a_sentence(run, files):
    said = run(
        "correlation", "--bars", files["spx"], "--other-bars", files["apart"], "--to", DAYS[9]
    )

    assert said.code == 4
    assert "SPX and NDX share 10 whole sessions: 20 are needed" in " ".join(said.err.split())


def test_bars_of_another_length_are_refused(files, tmp_path):
    coarse = write_bars(tmp_path / "coarse.parquet", DAYS, step=30, symbol="NDX")

    with pytest.raises(DataError, match="bars of 5 and of 30 minutes cannot be compared"):
        moves_together(read_panels([files["spx"]], "SPX"), read_panels([coarse], "NDX"))


@pytest.mark.shared_data
def test_the_recorded_funds_move_as_the_page_says(run, shared_data):
    said = run("correlation", "--bars", shared_data / "etf_5m" / "bars.parquet", "--json")

    rows = {row["what"]: row for row in json.loads(said.out)["rows"]}
    assert rows["2025-05-12 to 2026-02-09"]["value"] == pytest.approx(0.922, abs=5e-4)
    assert rows["both in the lowest 5%"]["value"] == pytest.approx(0.712, abs=5e-4)
