"""Calibration from files: what is written, what is kept, what is refused, and no look-ahead."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from kalshi_alpha.pricing.parameters import load_parameters
from kalshi_alpha.research.data.panel import read_panels
from kalshi_alpha.research.model import fit
from kalshi_alpha.research.model.fit import fit_part
from tests.command import Command
from tests.walked_bars import sessions_from, write_bars

DAYS = sessions_from(date(2025, 3, 3), 90)
MADE_AT = "2025-07-31T20:00"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bars")
    return {
        "five": write_bars(folder / "five" / "bars.parquet", DAYS),
        "cut": write_bars(folder / "five_cut" / "bars.parquet", DAYS[:70]),
        "minutes": write_bars(folder / "one" / "bars.parquet", DAYS[60:], step=1, seed=2),
        "half hours": write_bars(folder / "half" / "bars.parquet", DAYS, step=30),
        "few": write_bars(folder / "few" / "bars.parquet", DAYS[:39]),
    }


def fit_both(run: Command, out: Path, *bars: Path, symbol: str = "SPX", **options: str) -> bytes:
    extra = [word for name, value in options.items() for word in (f"--{name}", value)]
    for kind in ("hourly", "close"):
        said = run(
            "calibrate", kind, "--symbol", symbol, "--bars", *map(str, bars), "--out", str(out),
            "--created-at", MADE_AT, *extra,
        )  # fmt: skip
        assert said.code == 0, said.err
    return out.read_bytes()


def test_two_calls_make_one_file_that_proves_itself(run: Command, files, tmp_path):
    data = fit_both(run, tmp_path / "p.json", files["five"], files["minutes"])

    found = load_parameters(data, DAYS[-1])["SPX"]
    assert (found.as_of, found.hourly is None, found.close is None) == (DAYS[-1], False, False)
    provenance = json.loads(data)["provenance"]
    assert sorted(provenance) == ["SPX close", "SPX hourly"]
    made = provenance["SPX hourly"]
    assert made["window"] == [str(DAYS[0]), str(DAYS[-1])]
    assert {note["minutes_a_bar"] for note in made["data"]} == {1, 5}
    assert all(len(made[key]) == 64 for key in ("data_hash", "config_hash"))
    assert (
        "calibrate hourly --symbol SPX --bars five/bars.parquet one/bars.parquet" in made["command"]
    )


def test_the_same_input_gives_the_same_bytes(run: Command, files, tmp_path):
    out = tmp_path / "p.json"
    first = fit_both(run, out, files["five"])
    out.unlink()

    assert fit_both(run, out, files["five"]) == first
    assert fit_both(run, out, files["five"]) == first  # and so does fitting over it


def test_nothing_after_the_last_day_is_looked_at(run: Command, files, tmp_path):
    """The whole file cut by --through, and a file that ends there, give the same bytes."""
    through = str(DAYS[69])
    whole = fit_both(run, tmp_path / "a" / "p.json", files["five"], through=through)
    cut = fit_both(run, tmp_path / "b" / "p.json", files["cut"], through=through)

    bodies = [json.loads(data) for data in (whole, cut)]
    assert bodies[0]["body"] == bodies[1]["body"]
    evidence = [body["provenance"]["SPX hourly"]["data"][0] for body in bodies]
    assert evidence[0]["rows_sha256"] == evidence[1]["rows_sha256"]


def test_a_part_of_other_days_is_not_mixed_in(run: Command, files, tmp_path):
    out = tmp_path / "p.json"
    before = fit_both(run, out, files["five"], through=str(DAYS[69]))

    said = run(
        "calibrate", "close", "--symbol", "SPX", "--bars", str(files["five"]), "--out", str(out)
    )

    assert said.code == 4
    assert f"holds the hourly part of SPX through {DAYS[69]}" in said.err
    assert out.read_bytes() == before


def test_a_broken_file_is_not_written_over(run: Command, files, tmp_path):
    out = tmp_path / "p.json"
    out.write_text("half a file")

    said = run(
        "calibrate", "close", "--symbol", "SPX", "--bars", str(files["five"]), "--out", str(out)
    )

    assert said.code == 4
    assert "not JSON" in said.err
    assert out.read_text() == "half a file"


@pytest.mark.parametrize(
    ("bars", "words"),
    [
        ("few", "SPX has 39 complete sessions; a fit needs 40"),
        ("half hours", "bars of 5 minutes or less, and the shortest given have 30"),
    ],
)
def test_too_little_is_refused(run: Command, files, tmp_path, bars, words):
    out = tmp_path / "p.json"

    said = run(
        "calibrate", "hourly", "--symbol", "SPX", "--bars", str(files[bars]), "--out", str(out)
    )

    assert said.code == 4
    assert words in said.err
    assert not out.exists()


def test_minutes_are_joined_where_there_are_no_longer_bars(files):
    days = read_panels([files["minutes"]], "SPX")
    alone = (
        fit_part({1: days[1].until(DAYS[-1])}, "hourly", basis=0.1)
        if len(days[1].days) >= fit.FEWEST_SESSIONS
        else None
    )
    both = fit_part(read_panels([files["five"], files["minutes"]], "SPX"), "hourly", basis=0.1)

    assert alone is None
    assert both.evidence["minute_sessions"] == 30
    assert both.evidence["sessions"] == 90
    assert both.parameters.shapes[0].up_to == 2.0
    # Thirty prices a minute against thirty in five: the finer bars see more of the range.
    assert both.parameters.minute_ratio != fit.ASSUMED_MINUTE_RATIO


def test_a_stand_in_is_compared_as_the_index_measures(run: Command, tmp_path):
    fund = write_bars(tmp_path / "fund.parquet", DAYS, symbol="QQQ")
    index = write_bars(tmp_path / "index.parquet", DAYS[50:60], step=1, seed=9, symbol="NDX")

    data = fit_both(run, tmp_path / "p.json", fund, index, symbol="NDX")
    unseen = fit_both(run, tmp_path / "q.json", fund, symbol="NDX")

    evidence = json.loads(data)["provenance"]["NDX hourly"]["evidence"]
    assert (evidence["stand_in"], evidence["index_sessions"]) == ("QQQ", 10)
    found, assumed = (load_parameters(each, DAYS[-1])["NDX"].hourly for each in (data, unseen))
    assert assumed.minute_ratio == fit.ASSUMED_STAND_IN_RATIO
    assert replace(found, minute_ratio=1.0) == replace(assumed, minute_ratio=1.0)
    assert found.minute_ratio != assumed.minute_ratio


def a_blend(folder: Path, last: str) -> Path:
    evidence = {
        "trades_sha256": "0" * 64, "days": 20, "first": "2025-03-10", "last": last, "rows": 900,
        "brier_ours": 0.15, "brier_market": 0.15, "brier_sharp": 0.15, "brier_blend": 0.14,
    }  # fmt: skip
    band = {"intercept": 0.0, "market": 0.6, "ours": 0.5, "minutes_from": 0.0, "minutes_to": 15.0}
    file = folder / "market-blend.json"
    file.write_text(json.dumps({"bands": [band | {"evidence": evidence}]}))
    return file


def test_a_blend_is_put_into_the_part_with_its_evidence(run: Command, files, tmp_path):
    out, blend = tmp_path / "p.json", a_blend(tmp_path, "2025-04-30")

    data = fit_both(run, out, files["five"], blend=str(blend))

    part = load_parameters(data, DAYS[-1])["SPX"].close
    assert (part.blend.at(10.0).market, part.blend.at(20.0)) == (0.6, None)
    assert part.blend.evidence[0].days == 20
    assert load_parameters(fit_both(run, out, files["five"]), DAYS[-1])["SPX"].close.blend is None


@pytest.mark.parametrize(
    ("last", "text", "words"),
    [("2025-12-31", None, "looking ahead"), ("2025-04-30", "{}", "lacks or garbles"),
     ("2025-04-30", "no", "not JSON")],
)  # fmt: skip
def test_a_blend_that_cannot_be_used_is_refused(run: Command, files, tmp_path, last, text, words):
    blend = a_blend(tmp_path, last)
    if text is not None:
        blend.write_text(text)

    said = run(
        "calibrate", "close", "--symbol", "SPX", "--bars", files["five"], "--out",
        tmp_path / "p.json", "--blend", blend, "--through", DAYS[-1],
    )  # fmt: skip

    assert said.code == 4
    assert words in " ".join(said.err.split())
    assert not (tmp_path / "p.json").exists()


@pytest.mark.shared_data
def test_the_shipped_parameters_are_what_the_commands_make(run: Command, shared_data, tmp_path):
    from kalshi_alpha.pricing.parameters import shipped_parameters

    through = date(2025, 11, 3)
    shipped = shipped_parameters(date(2025, 11, 4))
    sets = {"SPX": ("spx_1m", "spx_5m"), "NDX": ("etf_1m", "etf_5m", "ndx_1m")}
    out = tmp_path / "index-2025-11-03.json"
    for symbol, folders in sets.items():
        bars = [shared_data / folder / "bars.parquet" for folder in folders]
        made = fit_both(run, out, *bars, symbol=symbol, through=str(through))

    assert json.loads(made)["body"] == json.loads(shipped)["body"]
    for part, provenance in json.loads(made)["provenance"].items():
        assert provenance["data_hash"] == json.loads(shipped)["provenance"][part]["data_hash"]
