from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from moto import mock_aws

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.cloud.layout import LEDGER, STATE
from kalshi_alpha.cloud.services import client
from kalshi_alpha.jobs.momentum_tables import roll_up
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.rehearsal.machine import create_table
from kalshi_alpha.rehearsal.recorded_temperature import shipped_pool
from kalshi_alpha.research.appraisal import DIGEST, READINESS, digest_of
from kalshi_alpha.steps.runtime import Runtime, Settings
from kalshi_alpha.trading import honesty
from kalshi_alpha.trading.standing import Standing, StandingRecord
from tests import climate_days
from tests.command import Command
from tests.left_windows import DAY, leave_window

EVENING = datetime(2025, 11, 4, 22, tzinfo=UTC)


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Command]:
    with mock_aws():
        client.cache_clear()
        for spec in (STATE, LEDGER):
            create_table(spec, spec.name)
        monkeypatch.setenv("KALSHI_ALPHA_STATE_TABLE", STATE.name)
        monkeypatch.setenv("KALSHI_ALPHA_LEDGER_TABLE", LEDGER.name)
        monkeypatch.setenv("KALSHI_ALPHA_ARTIFACTS", str(tmp_path / "store"))
        monkeypatch.setenv("COLUMNS", "250")
        (tmp_path / "store").mkdir()
        yield Command(monkeypatch, capsys)
        client.cache_clear()


@pytest.fixture(autouse=True)
def _evening(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make it the evening of the day for every command."""
    made = Runtime.__init__

    def dated(self: Runtime, settings: Settings) -> None:
        made(self, settings, ManualClock(EVENING))

    monkeypatch.setattr(Runtime, "__init__", dated)


def played(root: Path, *days: date) -> Path:
    for day in days or (DAY,):
        leave_window(root / f"rehearsal/{day}/artifacts", day, broker="twin")
    return root


def switch_off(run: Command) -> None:
    assert run("kill", "off", "--reason", "evening").code == 0


def go_bundle(folder: Path, **over: str) -> Path:
    """Write a bundle that says GO, as a year of paper would."""
    folder.mkdir()
    readiness = json.dumps({"verdict": "GO"}).encode()
    (folder / READINESS).write_bytes(readiness)
    cover = {
        "at": "2025-11-04T21:00:00Z",
        "verdict": "GO",
        "source": "paper",
        "standing": "paper",
        "config_hash": load_registry().hash,
        "files": {READINESS: hashlib.sha256(readiness).hexdigest()},
    } | over
    (folder / DIGEST).write_text(json.dumps(cover | {"digest": digest_of(cover)}))
    return folder


def test_a_rehearsals_readiness_says_how_many_fills_are_missing(run, tmp_path):
    said = run("readiness", "--out", played(tmp_path))

    assert said.code == 3
    assert "INSUFFICIENT" in said.out
    assert "299 of 300 are missing" in said.out
    assert "promote nothing" in said.out


def test_readiness_in_json_is_one_document(run, tmp_path):
    doc = json.loads(run("readiness", "--out", played(tmp_path), "--json").out)

    assert (doc["verdict"], doc["source"], len(doc["criteria"])) == ("INSUFFICIENT", "twin", 12)


def climate_day(root: Path, *, source: str = "twin") -> Path:
    """Leave a climate day below a folder, with a fill and its pool."""
    store, bought = FolderStore(root), climate_days.a_fill()
    settled = climate_days.a_settled_day(
        climate_days.DAY, climate_days.NEW_YORK, bought, source=source
    )
    climate_days.leave(store, settled, climate_days.leans(bought), climate_days.looks())
    store.write("parameters/temperature-pool.json", shipped_pool())
    return root


def test_a_rehearsed_climate_day_is_judged_by_its_own_criteria(run, tmp_path):
    climate_day(tmp_path / "rehearsal/2024-12-03/artifacts")
    said = run("readiness", "--family", "temperature", "--out", tmp_path)
    doc = json.loads(run("readiness", "--family", "temperature", "--out", tmp_path, "--json").out)

    assert said.code == 3
    assert "temperature: INSUFFICIENT (twin, 1 day to 2024-12-03)" in said.out
    assert "1 clean day of 1 on record: 29 of 30 are missing." in said.out
    assert "promote nothing" in said.out
    assert (doc["verdict"], doc["family"], len(doc["criteria"])) == (
        "INSUFFICIENT", "temperature", 14,
    )  # fmt: skip


def test_the_climate_days_of_a_stage_are_judged_from_its_daily_tables(run, tmp_path, monkeypatch):
    monkeypatch.setenv("KALSHI_ALPHA_CITIES", "east")
    store = climate_day(tmp_path / "store", source="paper")
    roll_up(Runtime(Settings.from_environment(os.environ)), date(2024, 12, 4))
    switch_off(run)
    doc = json.loads(run("readiness", "--family", "temperature", "--json").out)
    verdicts = {one["name"]: one["verdict"] for one in doc["criteria"]}

    assert (doc["source"], doc["days"], doc["last_day"]) == ("paper", 1, "2024-12-03")
    assert verdicts["kill-switch"] == "GO"
    assert verdicts["parameters"] == "NO-GO"  # a year later
    (store / "momentum/KXHIGHNY-24DEC03/settled.json").write_text("{")
    garbled = run("readiness", "--family", "temperature")
    assert garbled.code == 4
    assert "momentum/KXHIGHNY-24DEC03/settled.json: a settled day cannot be read" in garbled.err


def test_no_climate_day_and_no_such_family_are_sentences(run, tmp_path):
    stage = run("readiness", "--family", "temperature")
    nowhere = run("readiness", "--family", "temperature", "--out", tmp_path)
    unknown = run("readiness", "--family", "macro", "--out", played(tmp_path))

    assert (stage.code, nowhere.code, unknown.code) == (4, 4, 2)
    assert "no climate day has run yet: there is nothing on record" in stage.err
    assert "run kalshi-alpha rehearse --family temperature first" in nowhere.err
    assert "no readiness of the family 'macro': there is index, temperature" in unknown.err


def test_the_index_is_what_is_judged_when_no_family_is_named(run, tmp_path):
    out = played(tmp_path)
    said, named = (
        run("readiness", "--out", out),
        run("readiness", "--out", out, "--family", "index"),
    )

    assert said.out.splitlines()[0].startswith("INSUFFICIENT (twin, 1 day to 2025-11-04)")
    assert said.out == named.out


def test_a_stage_is_judged_with_its_own_switch_and_standing(run, tmp_path):
    leave_window(tmp_path / "store")
    doc = json.loads(run("readiness", "--json").out)
    switch = next(c for c in doc["criteria"] if c["name"] == "kill-switch")

    assert doc["verdict"] == "NO-GO"
    assert "has never been set" in switch["sentence"]
    switch_off(run)
    assert json.loads(run("readiness", "--json").out)["verdict"] == "INSUFFICIENT"


def test_nothing_on_record_is_a_sentence(run, tmp_path):
    said = run("readiness")
    nowhere = run("scoreboard", "--out", tmp_path / "nowhere")

    assert said.code == 4
    assert "no window has run yet" in said.err
    assert nowhere.code == 4
    assert "run kalshi-alpha rehearse first" in nowhere.err


def test_the_scoreboard_has_a_row_a_series_and_one_for_the_family(run, tmp_path):
    said = run("scoreboard", "--out", played(tmp_path))

    assert said.code == 0
    assert "KXNASDAQ100U" in said.out
    assert "all index" in said.out
    assert "+55.0 c" in said.out


def test_an_unknown_series_and_an_unknown_span_are_refused(run, tmp_path):
    out = played(tmp_path)
    series = run("scoreboard", "--out", out, "--series", "KXFOO")
    span = run("scoreboard", "--out", out, "--span", "90 days")

    assert series.code == 2
    assert "the series KXFOO is not in the registry" in series.err
    assert span.code == 2


def test_honesty_is_fitted_shown_and_refused_under_another_configuration(run, tmp_path):
    out = played(tmp_path)
    fitted = run("honesty", "fit", "--run", out, "--out", tmp_path / "h.json")
    shown = run("honesty", "show", "--run", out, "--file", tmp_path / "h.json")
    document = json.loads((tmp_path / "h.json").read_text())
    other = tmp_path / "other.json"
    document["config_hash"] = "d" * 64
    document["checksum"] = honesty._checksum(document)
    other.write_text(json.dumps(document))
    refused = run("honesty", "show", "--run", out, "--file", other)

    assert (fitted.code, shown.code, refused.code) == (0, 0, 4)
    assert "index|above|p40-60|m4+|bid" in shown.out
    assert "was made under the configuration dddddddddddd" in refused.err


def test_honesty_without_a_file_is_kept_beside_the_record(run, tmp_path):
    leave_window(tmp_path / "store")

    assert run("honesty", "fit").code == 0
    assert (tmp_path / "store/honesty/index.json").is_file()
    assert run("honesty", "show").code == 0
    missing = run("honesty", "show", "--file", tmp_path / "none.json")
    assert missing.code == 4
    assert "there is no honesty artifact" in missing.err


def test_a_day_is_graded_and_its_files_are_kept(run, tmp_path):
    leave_window(tmp_path / "store")
    switch_off(run)
    said = run("grade", "--day", "2025-11-04")

    assert said.code == 0
    store = tmp_path / "store"
    files = (path for path in store.rglob("*.json") if "windows" not in path.parts)
    kept = sorted(path.relative_to(store).as_posix() for path in files)
    assert kept == [
        "daily/grades/2025-11-04.json", "honesty/2025-11-04.json", "honesty/index.json",
        "readiness/2025-11-04.json", "readiness/index.json", "scoreboard/2025-11-04.json",
        "scoreboard/index.json",
    ]  # fmt: skip
    none = run("grade", "--day", "2025-11-05")
    assert none.code == 4
    assert "no window ran on 2025-11-05" in none.err


def test_a_bundle_of_a_rehearsal_promotes_nothing(run, tmp_path):
    made = run("pilot", "bundle", "--out", played(tmp_path), "--to", tmp_path / "b", "--json")
    switch_off(run)
    said = run("pilot", "arm", "--bundle", tmp_path / "b")

    assert made.code == 0
    assert json.loads(made.out)["verdict"] == "INSUFFICIENT"
    assert said.code == 2
    assert "fills are from twin, and pilot needs paper fills" in said.err
    again = run("pilot", "bundle", "--out", tmp_path, "--to", tmp_path / "b")
    assert "is not empty" in again.err


def test_a_bundle_that_says_go_makes_a_pilot_and_arms_it(run, tmp_path):
    switch_off(run)
    armed = run("pilot", "arm", "--bundle", go_bundle(tmp_path / "b"), "--hours", "8", "--json")
    status = json.loads(run("pilot", "status", "--json").out)

    assert json.loads(armed.out) == {"standing": "pilot", "armed_until": "2025-11-05T06:00:00Z"}
    assert (status["standing"], status["armed"], status["fixings"]) == ("pilot", True, "noon")
    assert [move["standing"] for move in status["history"]] == ["pilot"]
    assert run("pilot", "widen").code == 0
    assert json.loads(run("pilot", "status", "--json").out)["fixings"] == "all"


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ({"config_hash": "d" * 64}, "the bundle is of the configuration dddddddddddd"),
        ({"source": "twin"}, "from twin, and pilot needs paper fills"),
        ({"source": "live"}, "from live, and pilot needs paper fills"),
        ({"standing": "research"}, "was made at research, and the strategy stands at paper"),
        ({"at": "2025-11-03T21:00:00Z"}, "not in the last 24 hours"),
        ({"at": "2025-11-04T23:00:00Z"}, "not in the last 24 hours"),
    ],
)
def test_a_bundle_that_is_not_of_here_and_now_is_refused(run, tmp_path, over, message):
    switch_off(run)
    said = run("pilot", "arm", "--bundle", go_bundle(tmp_path / "b", **over))

    assert said.code == 2
    assert message in said.err
    assert json.loads(run("pilot", "status", "--json").out)["standing"] == "paper"


def test_nothing_is_armed_without_a_pilot_under_the_switch_or_for_long(run, tmp_path):
    bare = run("pilot", "arm")
    switched = run("pilot", "arm", "--bundle", go_bundle(tmp_path / "b"))
    long = run("pilot", "arm", "--hours", "25")

    assert (bare.code, switched.code, long.code) == (2, 3, 2)
    assert "a pilot needs --bundle" in bare.err
    assert "the kill-switch is on" in switched.err
    assert "25 hours of arming are over 24" in long.err
    assert not json.loads(run("pilot", "status", "--json").out)["armed"]


def test_disarming_ends_the_arming_and_the_pilot(run, tmp_path):
    switch_off(run)
    run("pilot", "arm", "--bundle", go_bundle(tmp_path / "b"))
    empty = run("pilot", "disarm", "--reason", " ")
    said = run("pilot", "disarm", "--reason", "fills look wrong")
    status = json.loads(run("pilot", "status", "--json").out)

    assert empty.code == 2
    assert said.code == 0
    assert (status["standing"], status["armed"]) == ("paper", False)
    assert status["reason"] == "fills look wrong"


def test_a_step_cannot_be_left_out(run, tmp_path):
    said = run("pilot", "promote", "scaled", "--bundle", go_bundle(tmp_path / "b", source="live"))
    missing = run("pilot", "promote", "pilot")

    assert said.code == 2
    assert "the next step is pilot, and scaled was asked for" in said.err
    assert "pilot needs --bundle" in missing.err


def test_a_pilot_is_scaled_on_live_fills_alone(run, tmp_path):
    state = Runtime(Settings.from_environment(os.environ)).state
    record = StandingRecord(Standing.PILOT, "all", DAY, "ann", "r", "2025-11-03T22:00:00Z", "d")
    state.move_standing(record.to_json(), EVENING - timedelta(days=1))
    paper = run("pilot", "promote", "scaled", "--bundle",
                go_bundle(tmp_path / "a", standing="pilot"))  # fmt: skip
    live = run("pilot", "promote", "scaled", "--bundle",
               go_bundle(tmp_path / "b", standing="pilot", source="live"))  # fmt: skip

    assert "scaled needs live fills" in paper.err
    assert live.code == 0
    status = json.loads(run("pilot", "status", "--json").out)
    assert (status["standing"], status["fixings"]) == ("scaled", "all")
