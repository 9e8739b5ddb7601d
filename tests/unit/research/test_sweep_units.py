"""Sweep files, grids, and units that are named by everything they depend on."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest

from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.research.sweep import manifest as manifests
from kalshi_alpha.research.sweep.file import chunks_of, read_sweep
from kalshi_alpha.research.sweep.manifest import Manifest, shard
from kalshi_alpha.research.sweep.settings import name_of, points_of, settings_of
from tests.sweeps import GRID, REGISTRY, made_ready, sweep_file


def test_a_grid_is_every_combination_and_the_last_key_changes_fastest():
    points = points_of({"rule": ["core", "offset"], "lots": 3, "latency_ms": [0, 250]})

    assert [name_of(point) for point in points] == [
        "rule core, lots 3, latency_ms 0",
        "rule core, lots 3, latency_ms 250",
        "rule offset, lots 3, latency_ms 0",
        "rule offset, lots 3, latency_ms 250",
    ]
    assert [name_of(point) for point in points_of({})] == ["as live"]


def test_a_point_changes_what_it_names_and_leaves_the_rest_to_the_registry():
    live = settings_of({}, "KXINXU", REGISTRY, 7)
    series = REGISTRY.series["KXINXU"]
    assert (live.min_ev, live.max_bins) == (series.quoting.min_ev, series.caps.max_bins)
    assert live.seed == 7

    changed = settings_of(
        {"ev_threshold": "0.03", "rule": "offset", "book_s": 60}, "KXINXU", REGISTRY, 7
    )

    assert changed == replace(live, min_ev=300, rule="offset", memory_s=60.0, every_s=10.0)


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ({"threshold": [1]}, "names 'threshold', which is no setting"),
        ({"lots": []}, "one value or more, each once"),
        ({"lots": [1, 1]}, "one value or more, each once"),
    ],
)
def test_a_grid_that_cannot_be_meant_is_refused(grid, words):
    with pytest.raises(ConfigurationError, match=words):
        points_of(grid)


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ({"lots": 1.5}, "give a whole number"),
        ({"latency_ms": "much"}, "give a number"),
        ({"rule": "best"}, "known are core, offset"),
        ({"lots": 0}, "lots is 0"),
        ({"start_s": 1}, "it must be"),
    ],
)
def test_a_value_outside_its_domain_is_refused(point, words):
    with pytest.raises(ConfigurationError, match=words):
        settings_of(point, "KXINXU", REGISTRY, 1)


def test_dollars_off_the_grid_of_prices_are_refused():
    with pytest.raises(DataError):
        settings_of({"ev_threshold": "0.00001"}, "KXINXU", REGISTRY, 1)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"days_a_unit": "7"}, "give a multiple of 5"),
        ({"last": "2026-01-01"}, "comes after the last"),
        ({"first": '"soon"'}, "give a day, as"),
        ({"speed": "3"}, "names 'speed'"),
        ({"block": "0"}, "a whole number above 0"),
    ],
)
def test_a_sweep_file_with_a_mistake_is_refused_by_name(tmp_path, line, words):
    with pytest.raises(ConfigurationError, match=rf"s\.toml.*{words}"):
        read_sweep(sweep_file(tmp_path, **line))


def test_a_sweep_can_be_json_too(tmp_path):
    doc = {
        "first": "2026-01-02", "last": "2026-01-15", "days_a_unit": 5,
        "series": [{"ticker": "KXINXU", "data": "a.parquet"}], "grid": {"lots": [1, 2]},
    }  # fmt: skip
    (tmp_path / "s.json").write_text(json.dumps(doc))

    found = read_sweep(tmp_path / "s.json")

    assert found.series[0].places["data"] == ("a.parquet",)
    assert len(found.points) == 2


def test_days_are_cut_into_sessions_where_a_backtest_would_fit_anew(tmp_path):
    chunks = chunks_of(read_sweep(sweep_file(tmp_path)), load_sessions())

    assert [len(days) for days in chunks] == [5, 5]
    assert chunks[1][0] == date(2026, 1, 9)


def test_a_unit_is_named_by_setting_days_files_registry_and_code(tmp_path):
    base = made_ready(tmp_path, "a").manifest
    names = [unit.name for unit in base.units(REGISTRY)]
    assert len(set(names)) == base.count == 8

    def unit_names(manifest):
        return {unit.name for unit in manifest.units(REGISTRY)}

    (series,) = base.series
    other = replace(series.inputs[0], sha256="0" * 64)
    files = replace(base, series=(replace(series, inputs=(other, *series.inputs[1:])),))
    for changed in (
        files,
        replace(base, registry="0" * 64),
        replace(base, code="0" * 64),
        replace(base, seed=base.seed + 1),
        replace(base, chunks=(base.chunks[0][:-1], base.chunks[1][:-1])),
    ):
        assert unit_names(changed).isdisjoint(names)
        assert changed.sweep_id != base.sweep_id


def test_a_setting_more_leaves_the_units_of_the_others_as_they_are(tmp_path):
    few = made_ready(tmp_path, "a").manifest
    file = sweep_file(tmp_path, GRID.replace("1000]", "1000, 2000]"), name="more.toml")
    more = made_ready(tmp_path, "a", file).manifest

    assert {u.name for u in few.units(REGISTRY)} < {u.name for u in more.units(REGISTRY)}


def test_where_files_lie_and_what_the_sweep_is_called_change_no_name(tmp_path):
    base = made_ready(tmp_path, "a").manifest
    (series,) = base.series
    moved = tuple(replace(one, name="x", key="y") for one in series.inputs)
    other = replace(base, name="other", series=(replace(series, inputs=moved),))

    assert other.sweep_id == base.sweep_id
    assert other.units(REGISTRY) == base.units(REGISTRY)


def test_a_manifest_comes_back_as_it_was_kept_and_a_damaged_one_is_refused(tmp_path):
    base = made_ready(tmp_path, "a").manifest

    assert Manifest.from_bytes(base.as_bytes()) == base
    with pytest.raises(DataError, match="damaged"):
        Manifest.from_bytes(base.as_bytes()[:-20])
    with pytest.raises(DataError, match="has the schema"):
        Manifest.from_bytes(base.as_bytes().replace(b"sweep/1", b"sweep/9"))


@pytest.mark.parametrize("parts", [1, 3, 7, 20])
def test_shards_are_all_units_each_once_and_in_order(parts):
    units = list(range(8))

    assert [unit for k in range(parts) for unit in shard(units, k, parts)] == units
    with pytest.raises(ConfigurationError, match="shards count from 0"):
        shard(units, parts, parts)


def test_other_code_or_another_registry_does_not_play_a_sweep(tmp_path, monkeypatch):
    ready = made_ready(tmp_path, "a")
    monkeypatch.setattr(manifests, "code_hash", lambda: "f" * 64)

    with pytest.raises(ConfigurationError, match="made with the code"):
        ready.run()
    assert ready.shelf.done(ready.manifest.sweep_id) == set()
