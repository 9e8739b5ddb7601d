"""``kalshi-alpha backtest`` and ``look-ahead`` on the shipped days and on small bad files."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kalshi_alpha
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.research.backtest import lookahead
from kalshi_alpha.research.backtest.loading import Sources
from kalshi_alpha.research.backtest.sample import COLUMNS, RESULTS, TRADES
from kalshi_alpha.research.backtest.settings import Settings
from kalshi_alpha.research.backtest.tape import Levels
from tests.market_files import second, trades_file

HOME = Path(kalshi_alpha.__file__).parent
SAMPLE = HOME / "research" / "sample"
PARAMETERS = HOME / "pricing" / "parameters" / "index-2025-11-03.json"
FILES = (
    "--data", SAMPLE / TRADES, "--results", SAMPLE / RESULTS, "--params", PARAMETERS,
)  # fmt: skip
KEYS = {
    "days", "windows", "quotes", "fills", "fills_by_evidence", "ev_claimed", "realised",
    "diff_low", "diff_high", "fees", "markout_5s", "coverage", "verdict",
}  # fmt: skip
DAY = date(2026, 1, 5)


def backtest(run, *more):
    return run("backtest", "--series", "KXINXU", *FILES, "--out", "o", *more)


@pytest.mark.xdist_group("backtest")
def test_the_shipped_days_give_every_file_and_every_key(run, tmp_path):
    said = backtest(run, "--from", "2026-01-05", "--to", "2026-01-09", "--no-sensitivity")

    assert said.code == 0, said.err
    found = json.loads((tmp_path / "o" / "backtest.json").read_text())
    assert found["all"].keys() >= KEYS
    assert all(row.keys() >= KEYS for row in found["bins"])
    assert found["all"]["days"] == 5
    assert found["all"]["coverage"]["days_loaded"] == 5
    assert found["all"]["verdict"] in ("not-established", "too-few-days", "no-fills")
    assert found["nulls"][2]["name"] == "never"
    assert found["nulls"][2]["fills"] == 0
    assert "read off the traded ladder" in found["level"]
    trades = pq.read_table(tmp_path / "o" / "trades.parquet").to_pylist()
    with (tmp_path / "o" / "trades.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(trades)
    counted = found["all"]["fills_by_evidence"]
    assert len(trades) == counted["trade_through"] + counted["touched"]
    page = (tmp_path / "o" / "backtest.html").read_text()
    assert "<script" not in page
    assert found["all"]["verdict_sentence"] in (tmp_path / "o" / "backtest.md").read_text()


def test_a_run_goes_on_where_it_stopped_and_parts_make_a_whole(run, tmp_path):
    days = ("--from", "2026-01-05", "--to", "2026-01-07", "--no-sensitivity")
    assert backtest(run, *days, "--part", "0/2").code == 0
    kept = sorted((tmp_path / "o" / "days").rglob("*.json"))
    assert len(kept) == 2
    assert not (tmp_path / "o" / "backtest.json").exists()
    before = [file.stat().st_mtime_ns for file in kept]
    kept[0].write_text("cut o")

    assert backtest(run, *days).code == 0

    assert len(list((tmp_path / "o" / "days").rglob("*.json"))) == 3
    assert kept[1].stat().st_mtime_ns == before[1]
    assert json.loads(kept[0].read_text())["event"] == kept[0].stem
    first = (tmp_path / "o" / "trades.csv").read_bytes()
    assert backtest(run, *days).code == 0
    assert (tmp_path / "o" / "trades.csv").read_bytes() == first


def test_workers_change_nothing(run, tmp_path):
    days = ("--from", "2026-01-05", "--to", "2026-01-06", "--no-sensitivity")
    assert backtest(run, *days).code == 0
    alone = json.loads((tmp_path / "o" / "backtest.json").read_text())
    other = run("backtest", "--series", "KXINXU", *FILES, "--out", "p", *days, "--workers", 2)
    assert other.code == 0
    pool = json.loads((tmp_path / "p" / "backtest.json").read_text())

    assert pool | {"provenance": 0} == alone | {"provenance": 0}


def test_the_sample_ships_nothing_that_is_not_ours_to_ship():
    names = pq.read_schema(SAMPLE / TRADES).names

    assert tuple(names) == COLUMNS
    assert not {"spx", "vix", "spy"} & set(names)
    assert sum(file.stat().st_size for file in SAMPLE.iterdir()) < 300_000
    assert "MIT" in (SAMPLE / "README.md").read_text()


def seconds_of(day=DAY, **changed):
    rows = []
    for k in range(30):
        clock = f"15:{50 + k // 6:02d}:{k % 6 * 10:02d}"
        row = second(day, clock, 6899.9999, sold=0.4, bought=0.6)
        rows.append(row | {"sell_qty": 5, "buy_qty": 5} | changed)
    return rows


def results_file(folder, rows):
    file = folder / "results.parquet"
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file


def test_a_bad_size_is_refused_with_file_and_row(run, tmp_path):
    rows = seconds_of()
    rows[7]["sell_qty"] = 0
    file = trades_file(tmp_path, rows)

    said = run(
        "backtest", "--series", "KXINXU", "--data", file, "--results", SAMPLE / RESULTS,
        "--params", PARAMETERS, "--out", "o",
    )  # fmt: skip

    assert said.code == 4
    assert "row 8" in said.err.replace("\n", " ")
    assert "a trade has a size" in said.err.replace("\n", " ")


def test_a_missing_column_is_named(run, tmp_path):
    rows = [{k: v for k, v in row.items() if k != "buy_qty"} for row in seconds_of()]

    said = run(
        "backtest", "--series", "KXINXU", "--data", trades_file(tmp_path, rows),
        "--results", SAMPLE / RESULTS, "--params", PARAMETERS, "--out", "o",
    )  # fmt: skip

    assert said.code == 4
    assert "buy_qty" in said.err


def spoilt(tmp_path, **cell):
    """Return the shipped trades with one cell of one day changed, and that row's number."""
    table = pq.read_table(SAMPLE / TRADES)
    days = table["event_day"].to_pylist()
    row = days.index(date(2026, 1, 6)) + 5
    for name, value in cell.items():
        values = table[name].to_pylist()
        values[row] = value if not callable(value) else value(values, row)
        column = pa.array(values, table[name].type)
        table = table.set_column(table.schema.get_field_index(name), name, column)
    pq.write_table(table, tmp_path / "spoilt.parquet")
    return tmp_path / "spoilt.parquet", row + 1


@pytest.mark.parametrize(
    ("cell", "rule", "words"),
    [
        ({"sell_px": 0.4, "sell_qty": 0.0}, "size", "a trade has a size"),
        ({"sell_px": 1.4, "sell_qty": 1.0}, "price", "not strictly between 0 and 1"),
        ({"ts_utc": lambda column, row: column[row - 4]}, "order", "earlier than the one before"),
        ({"strike": 1.0}, "ticker", "strike is 1.0"),
    ],
)
def test_a_day_with_a_bad_row_is_left_out_named_and_counted(run, tmp_path, cell, rule, words):
    file, row = spoilt(tmp_path, **cell)

    said = run(
        "backtest", "--series", "KXINXU", "--data", file, "--results", SAMPLE / RESULTS,
        "--params", PARAMETERS, "--from", "2026-01-05", "--to", "2026-01-07", "--out", "o",
        "--no-sensitivity",
    )  # fmt: skip

    assert said.code == 0, said.err
    found = json.loads((tmp_path / "o" / "backtest.json").read_text())
    assert found["all"]["coverage"]["missing"] == {rule: 1}
    assert found["all"]["coverage"]["days_loaded"] == 2
    (missing,) = found["missing"]
    assert missing["day"] == "2026-01-06"
    assert f"spoilt.parquet, row {row}: " in missing["sentence"]
    assert words in missing["sentence"]
    assert f"row {row}: " in said.err.replace("\n", " ")


def test_schemas_of_two_kinds_in_one_file_are_refused(run, tmp_path):
    rows = [row | {"count": 1, "yes_price": 40, "taker_yes": True} for row in seconds_of()]
    rows = [{k: v for k, v in row.items() if k != "sell_px"} for row in rows]

    said = run(
        "backtest", "--series", "KXINXU", "--data", trades_file(tmp_path, rows),
        "--results", SAMPLE / RESULTS, "--params", PARAMETERS, "--out", "o",
    )  # fmt: skip

    assert said.code == 4
    assert "[rule " in said.err.replace("\n", " ")
    assert not (tmp_path / "o").exists()


def test_a_file_that_breaks_off_is_refused_by_name(run, tmp_path):
    whole = (SAMPLE / TRADES).read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])

    said = run(
        "backtest", "--series", "KXINXU", "--data", "cut.parquet", "--results", SAMPLE / RESULTS,
        "--params", PARAMETERS, "--out", "o",
    )  # fmt: skip

    assert said.code == 4
    assert "cut.parquet" in said.err


def test_a_day_without_a_settlement_is_left_out_and_counted(run, tmp_path):
    results = pq.read_table(SAMPLE / RESULTS)
    keep = [not name.startswith("KXINXU-26JAN06") for name in results["ticker"].to_pylist()]
    pq.write_table(results.filter(pa.array(keep)), tmp_path / "results.parquet")

    said = run(
        "backtest", "--series", "KXINXU", "--data", SAMPLE / TRADES, "--results",
        "results.parquet", "--params", PARAMETERS, "--from", "2026-01-05", "--to", "2026-01-07",
        "--out", "o", "--no-sensitivity",
    )  # fmt: skip

    assert said.code == 0, said.err
    found = json.loads((tmp_path / "o" / "backtest.json").read_text())
    assert found["all"]["coverage"]["missing"] == {"no-settlement": 1}
    assert found["missing"][0]["day"] == "2026-01-06"


def test_a_day_without_trades_is_left_out_and_counted(run, tmp_path):
    said = backtest(run, "--from", "2026-01-14", "--to", "2026-01-16", "--no-sensitivity")

    assert said.code == 0, said.err
    coverage = json.loads((tmp_path / "o" / "backtest.json").read_text())["all"]["coverage"]
    assert (coverage["days_requested"], coverage["days_loaded"]) == (3, 2)
    assert coverage["missing"] == {"no-trades": 1}
    assert "2026-01-16" in said.err


def test_days_that_the_parameters_know_are_not_played(run):
    newer = HOME / "pricing" / "parameters" / "index-2026-02-09.json"

    said = run(
        "backtest", "--series", "KXINXU", "--data", SAMPLE / TRADES, "--results",
        SAMPLE / RESULTS, "--params", newer, "--out", "o",
    )  # fmt: skip

    assert said.code == 4
    assert "looking ahead" in said.err


def test_without_bars_results_and_parameters_are_asked_for(run):
    said = run("backtest", "--series", "KXINXU", "--data", SAMPLE / TRADES, "--out", "o")

    assert said.code == 2
    assert "--results and --params" in said.err.replace("\n", " ")


def test_an_unknown_mode_and_a_bad_part_are_refused(run):
    assert backtest(run, "--mode", "taker").code == 2
    assert backtest(run, "--part", "2").code == 2
    assert backtest(run, "--part", "4/4").code == 2


@pytest.mark.shared_data
def test_a_recording_without_its_winners_is_refused(run, shared_data):
    bars = [shared_data / name / "bars.parquet" for name in ("spx_1m", "spx_5m")]
    file = shared_data / "kalshi_inx_trades" / "range_losers_only_1s.parquet"

    said = run(
        "backtest", "--series", "KXINX", "--data", file, "--bars", *bars, "--out", "o",
        "--from", "2026-01-02",
    )  # fmt: skip

    assert said.code == 4
    assert "rule survivors" in said.err.replace("\n", " ")


def sources(last):
    return Sources((SAMPLE / TRADES,), "KXINXU", (), SAMPLE / RESULTS, PARAMETERS, DAY, last)


def test_no_decision_depends_on_what_came_after_it(run):
    said = run(
        "look-ahead", "--series", "KXINXU", *FILES, "--from", "2026-01-05", "--to", "2026-01-06",
        "--every", 1, "--rule", "offset", "--max-bins", 6, "--json",
    )  # fmt: skip

    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert found["cuts"] == 6
    assert found["decisions"] > 80
    assert found["parted"] == 0


@pytest.mark.shared_data
def test_a_level_that_is_read_too_early_is_found(monkeypatch, shared_data):
    bars = tuple(shared_data / name / "bars.parquet" for name in ("spx_1m", "spx_5m"))
    trades = (shared_data / "kalshi_inx_trades" / "above_1s.parquet",)
    wanted = Sources(trades, "KXINXU", bars, None, None, DAY, DAY)
    honest = lookahead.look_ahead(wanted, Settings(), load_registry())
    assert honest["parted"] == 0

    real = Levels._of_seconds

    def peeks(self, opened):
        return [(known - 30.0, as_of - 30.0, value) for known, as_of, value in real(self, opened)]

    monkeypatch.setattr(Levels, "_of_seconds", peeks)

    assert lookahead.look_ahead(wanted, Settings(), load_registry())["parted"] > 0
