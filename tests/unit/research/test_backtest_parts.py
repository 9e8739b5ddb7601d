"""Parts of a backtest played apart, as an array of jobs plays them, and united again."""

from __future__ import annotations

import pytest
from test_backtest_command import FILES

DAYS = ("--from", "2026-01-05", "--to", "2026-01-08", "--no-sensitivity")
WRITTEN = ("backtest.json", "backtest.html", "backtest.md", "trades.csv", "trades.parquet")


def part(run, out, *more):
    return run("backtest", "--series", "KXINXU", *FILES, *DAYS, "--out", out, *more)


@pytest.mark.xdist_group("backtest")
def test_parts_played_apart_unite_into_the_very_bytes_of_one_run(run, tmp_path):
    assert part(run, "whole", "--workers", 1).code == 0
    for k in range(3):
        assert part(run, f"part{k}", "--shard", f"{k}/3").code == 0
        assert not (tmp_path / f"part{k}" / "backtest.json").exists()
    played = {p.stat().st_mtime_ns for p in (tmp_path / "part0" / "days").rglob("*.json")}

    said = part(run, "united", "--merge", "part0", "part1", "part2")

    assert said.code == 0, said.err
    for name in WRITTEN:
        assert (tmp_path / "united" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert {p.stat().st_mtime_ns for p in (tmp_path / "part0" / "days").rglob("*.json")} == played


def test_an_array_job_names_its_own_part(run, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_BATCH_JOB_ARRAY_INDEX", "1")
    monkeypatch.setenv("AWS_BATCH_JOB_ARRAY_SIZE", "4")

    assert part(run, "o", "--shard", "/").code == 0

    (kept,) = (tmp_path / "o" / "days").rglob("*.json")
    assert kept.stem == "KXINXU-26JAN06H1600"


def test_days_of_another_run_are_not_taken(run, tmp_path):
    assert part(run, "other", "--part", "0/4", "--ev-threshold", "0.04").code == 0

    said = part(run, "o", "--merge", "other")

    assert said.code == 2
    assert "holds no day of this run" in said.err.replace("\n", " ")
    assert not (tmp_path / "o" / "backtest.json").exists()


def test_outside_an_array_a_bare_stroke_is_refused(run, monkeypatch):
    monkeypatch.delenv("AWS_BATCH_JOB_ARRAY_INDEX", raising=False)

    assert part(run, "o", "--part", "/").code == 2
