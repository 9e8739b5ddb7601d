"""``kalshi-alpha backtest`` with what claims are worth, and with several series at a fixing."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import kalshi_alpha
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.research.backtest.sample import RESULTS, TRADES
from kalshi_alpha.trading.honesty import BinWeight, Honesty, dump_honesty

HOME = Path(kalshi_alpha.__file__).parent
SAMPLE = HOME / "research" / "sample"
PARAMETERS = HOME / "pricing" / "parameters" / "index-2025-11-03.json"
DAYS = ("--from", "2026-01-05", "--to", "2026-01-06", "--no-sensitivity")
COMMON = ("--params", PARAMETERS, "--out", "o", *DAYS)
OURS = ("--data", SAMPLE / TRADES, "--results", SAMPLE / RESULTS, *COMMON)


def artifact(folder, weight=0.0, **changed):
    made = Honesty(
        {}, load_registry().hash, date(2026, 1, 2), date(2026, 2, 2), {},
        BinWeight(weight, reason="its fills lost"),
    )  # fmt: skip
    file = folder / "honesty.json"
    file.write_bytes(dump_honesty(made))
    if changed:
        file.write_text(json.dumps(json.loads(file.read_text()) | changed))
    return file


def renamed(folder):
    """Write the shipped days as those of another series, and what both paid."""
    trades, results = pq.read_table(SAMPLE / TRADES), pq.read_table(SAMPLE / RESULTS)
    other = {}
    for name in ("ticker", "series"):
        text = trades[name].cast(pa.string())
        other[name] = pc.replace_substring(text, "KXINXU", "KXNASDAQ100U")
    for name, column in other.items():
        trades = trades.set_column(trades.schema.get_field_index(name), name, column)
    ticker = pc.replace_substring(results["ticker"], "KXINXU", "KXNASDAQ100U")
    both = pa.concat_tables([results, results.set_column(0, "ticker", ticker)])
    pq.write_table(trades, folder / "other.parquet")
    pq.write_table(both, folder / "paid.parquet")
    return folder / "other.parquet", folder / "paid.parquet"


def document(folder):
    return json.loads((folder / "o" / "backtest.json").read_text())


@pytest.mark.xdist_group("backtest")
def test_honesty_is_off_unless_a_file_is_given_and_the_page_says_which(run, tmp_path):
    assert run("backtest", "--series", "KXINXU", *OURS).code == 0
    plain = document(tmp_path)
    file = artifact(tmp_path)
    said = run("backtest", "--series", "KXINXU", *OURS, "--honesty", file)

    assert said.code == 0, said.err
    found = document(tmp_path)
    assert plain["provenance"]["Honesty"] == "none: every claim is believed whole"
    checksum = json.loads(file.read_text())["checksum"]
    assert found["provenance"]["Honesty"] == f"fills to 2026-01-02, checksum {checksum}"
    assert plain["all"]["fills"] > 0 == found["all"]["fills"]
    assert found["refusals"]["honesty"] > 0
    assert found["settings"]["honesty"] == checksum


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"config_hash": "0" * 64}, "does not match its checksum"),
        ({"schema": "x"}, "is of schema"),
    ],
)
def test_an_artifact_that_is_not_proven_is_refused(run, tmp_path, changed, said):
    file = artifact(tmp_path, **changed)

    found = run("backtest", "--series", "KXINXU", *OURS, "--honesty", file)

    assert found.code != 0
    assert said in found.err.replace("\n", " ")


def test_an_artifact_needs_a_first_day_that_it_does_not_know(run, tmp_path):
    file = artifact(tmp_path)
    undated = tuple(word for word in OURS if word not in DAYS)

    unsaid = run("backtest", "--series", "KXINXU", *undated, "--honesty", file)
    late = (*undated, "--from", "2026-01-02", "--to", "2026-01-05")
    known = run("backtest", "--series", "KXINXU", *late, "--honesty", file)
    gone = run("backtest", "--series", "KXINXU", *OURS, "--honesty", tmp_path / "none.json")

    assert "--honesty needs --from" in unsaid.err.replace("\n", " ")
    assert "looking ahead" in known.err.replace("\n", " ")
    assert "cannot be read" in gone.err.replace("\n", " ")
    assert unsaid.code == gone.code == 2
    assert known.code != 0


@pytest.mark.xdist_group("backtest")
def test_two_series_are_played_together_and_told_as_one(run, tmp_path):
    other, paid = renamed(tmp_path)
    files = ("--data", SAMPLE / TRADES, other, "--results", paid, *COMMON)

    said = run("backtest", "--series", "KXINXU", "KXNASDAQ100U", *files)

    assert said.code == 0, said.err
    found = document(tmp_path)
    assert found["series"] == "KXINXU, KXNASDAQ100U"
    assert found["all"]["windows"] == 4
    assert (found["all"]["days"], found["all"]["coverage"]["days_loaded"]) == (2, 2)
    days = sorted(path.stem for path in (tmp_path / "o" / "days").rglob("*.json"))
    assert days == [
        "KXINXU-26JAN05H1600+KXNASDAQ100U-26JAN05H1600",
        "KXINXU-26JAN06H1600+KXNASDAQ100U-26JAN06H1600",
    ]
    rows = pq.read_table(tmp_path / "o" / "trades.parquet").to_pylist()
    assert {row["ticker"].partition("-")[0] for row in rows} <= {"KXINXU", "KXNASDAQ100U"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--series", "KXINXU", "KXINXU"), "names one twice"),
        (("--series", "KXINXU", "KXINX"), "no file of --data holds it"),
        (("--series", "KXINXU", "KXINX", "--learn", "t.json"), "--learn is of one series"),
    ],
)
def test_series_that_cannot_be_played_together_are_refused(run, words, said):
    found = run("backtest", *words, *OURS)

    assert found.code != 0
    assert said in found.err.replace("\n", " ")
