"""A sweep gives the same bytes, whoever plays it, in how many parts, and however it stops."""

from __future__ import annotations

import signal
from multiprocessing import get_context

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from kalshi_alpha.errors import ConfigurationError, DataError, InvariantBroken
from kalshi_alpha.research.backtest import running as backtests
from kalshi_alpha.research.backtest.loading import Sources
from kalshi_alpha.research.sweep.merging import merge
from kalshi_alpha.research.sweep.playing import Bench
from kalshi_alpha.research.sweep.report import files_of
from tests.sweeps import (
    PARAMETERS,
    REGISTRY,
    RESULTS,
    TRADES,
    killed_after,
    made_ready,
    sweep_file,
)


def unit_bytes(ready):
    units = sorted(ready.shelf.done(ready.manifest.sweep_id))
    return ready.shelf.read_units(ready.manifest.sweep_id, units)


def merged(ready, *others):
    shelves = [ready.shelf, *(other.shelf for other in others)]
    return files_of(merge(ready.manifest, shelves, REGISTRY))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One process, all units in order."""
    ready = made_ready(tmp_path_factory.mktemp("sweep"), "whole")
    assert (ready.run().units, ready.run().played) == (8, 0)
    return ready


def test_two_processes_leave_the_bytes_of_one(whole, tmp_path):
    pool = made_ready(tmp_path, "pool")

    assert pool.run(workers=2).played == 8

    assert unit_bytes(pool) == unit_bytes(whole)
    assert merged(pool) == merged(whole)


def test_shards_on_machines_of_their_own_in_any_order_leave_the_bytes_of_one(whole, tmp_path):
    machines = [made_ready(tmp_path, f"machine{k}") for k in range(3)]
    for k in (2, 0, 1):
        machines[k].run(k, 3)
        assert 0 < len(unit_bytes(machines[k])) < 8

    assert merged(machines[1], machines[2], machines[0]) == merged(whole)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_that_is_killed_goes_on_and_leaves_the_bytes_of_one(whole, tmp_path, workers):
    killed = made_ready(tmp_path, "killed")

    def dies(done, _total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed.run(workers=workers, progress=dies)
    kept = unit_bytes(killed)
    assert len(kept) == 3
    with pytest.raises(ConfigurationError, match="5 of 8 units"):
        merged(killed)

    seen = []
    assert killed.run(progress=lambda done, total: seen.append((done, total))).played == 5

    assert seen == [(k, 8) for k in range(3, 9)]
    assert merged(killed) == merged(whole)


def test_a_process_that_is_killed_outright_leaves_whole_units_and_is_taken_up(whole, tmp_path):
    process = get_context("spawn").Process(target=killed_after, args=(tmp_path, "killed", 3))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    killed = made_ready(tmp_path, "killed")
    assert len(unit_bytes(killed)) == 3

    assert killed.run().played == 5
    assert merged(killed) == merged(whole)


def test_a_sweep_of_one_setting_says_what_a_backtest_of_it_says(whole):
    document = merge(whole.manifest, [whole.shelf], REGISTRY)
    days = [day for chunk in whole.manifest.chunks for day in chunk]
    sources = Sources((TRADES,), "KXINXU", (), RESULTS, PARAMETERS, days[0], days[-1])
    for row in document["rows"]:
        settings = whole.manifest.settings(0, row["setting"], REGISTRY)
        request = backtests.Request(sources, settings, sensitivity=False)
        folder = whole.shelf.store._root / f"backtest{row['setting']}"
        one = backtests.run(request, REGISTRY, folder).document["all"]

        for name in ("days", "windows", "quotes", "fills", "days_with_fills"):
            assert row[name] == one[name]
        for name in ("ev_claimed", "realised", "realised_low", "realised_high", "diff_low"):
            assert row[name] == pytest.approx(one[name], abs=2e-6)


def test_a_damaged_unit_is_named_and_played_again_when_it_is_removed(tmp_path):
    ready = made_ready(tmp_path, "s", sweep_file(tmp_path, "lots = [1]"))
    ready.run()
    before = merged(ready)
    unit = min(ready.shelf.done(ready.manifest.sweep_id))
    (file,) = (tmp_path / "s").rglob(f"{unit}.json")
    file.write_bytes(file.read_bytes()[:-9])

    with pytest.raises(DataError, match=f"the unit {unit} is damaged"):
        merged(ready)
    file.unlink()
    assert ready.run().played == 1
    assert merged(ready) == before


def test_two_machines_that_disagree_on_one_unit_are_found_out(tmp_path):
    file = sweep_file(tmp_path, "lots = [1]")
    one, other = made_ready(tmp_path, "one", file), made_ready(tmp_path, "other", file)
    one.run()
    other.run()
    unit = min(other.shelf.done(other.manifest.sweep_id))
    (kept,) = (tmp_path / "other").rglob(f"{unit}.json")
    kept.write_text(kept.read_text().replace('"days":[["2026', '"days":[["2025'))

    with pytest.raises(InvariantBroken, match="came out differently"):
        merged(one, other)


def test_days_without_trades_are_counted_and_a_chunk_of_them_is_a_unit_all_the_same(tmp_path):
    ready = made_ready(tmp_path, "s", sweep_file(tmp_path, "lots = [1]", last="2026-01-30"))
    assert ready.run().units == 4

    document = merge(ready.manifest, [ready.shelf], REGISTRY)

    assert document["days"] == 20
    assert document["missing"] == {"KXINXU": {"no-trades": 10}}
    assert (document["rows"][0]["days"], document["rows"][0]["days_missing"]) == (10, 10)


def test_a_file_cut_by_days_gives_the_figures_of_the_whole_file(tmp_path):
    table = pq.read_table(TRADES)
    days = sorted(set(table["event_day"].to_pylist()))
    for k, part in enumerate((days[:5], days[5:])):
        keep = pc.is_in(table["event_day"], pa.array(part, table["event_day"].type))
        pq.write_table(table.filter(keep), tmp_path / f"part{k}.parquet")
    text = sweep_file(tmp_path, "lots = [1]").read_text()
    cut = tmp_path / "cut.toml"
    cut.write_text(text.replace(f'"{TRADES}"', '"part0.parquet", "part1.parquet"'))
    parts = made_ready(tmp_path, "b", cut)
    single = made_ready(tmp_path, "a", tmp_path / "s.toml")
    single.run()
    parts.run()

    ours, theirs = (merge(r.manifest, [r.shelf], REGISTRY)["rows"] for r in (parts, single))
    assert ours == theirs


def test_a_chunk_is_laid_out_once_for_all_its_settings(tmp_path, monkeypatch):
    ready = made_ready(tmp_path, "s")
    laid = []
    real = Bench._laid_out
    monkeypatch.setattr(
        Bench, "_laid_out", lambda self, *words: laid.append(words[1]) or real(self, *words)
    )

    ready.run()

    assert laid == list(ready.manifest.chunks)


def test_a_file_that_is_not_there_is_named(tmp_path):
    text = sweep_file(tmp_path).read_text().replace(str(TRADES), "gone.parquet")
    (tmp_path / "gone.toml").write_text(text)

    with pytest.raises(ConfigurationError, match="data of KXINXU: there is no file"):
        made_ready(tmp_path, "s", tmp_path / "gone.toml")
