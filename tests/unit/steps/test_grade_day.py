from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from unittest.mock import Mock

import pytest
from moto import mock_aws

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.cloud.layout import LEDGER, STATE
from kalshi_alpha.cloud.services import client
from kalshi_alpha.errors import DataError
from kalshi_alpha.rehearsal.machine import create_table
from kalshi_alpha.steps import grade_day
from kalshi_alpha.steps.runtime import Runtime, Settings
from kalshi_alpha.trading.standing import Standing, StandingRecord

NOW = datetime(2025, 11, 4, 22, tzinfo=UTC)
DAY = {"day": "2025-11-04"}


@pytest.fixture
def runtime(tmp_path, monkeypatch) -> Iterator[Runtime]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client.cache_clear()
        for spec in (STATE, LEDGER):
            create_table(spec, spec.name)
        settings = Settings(
            state_table=STATE.name, ledger_table=LEDGER.name, artifacts=str(tmp_path)
        )
        yield Runtime(settings, ManualClock(NOW))
        client.cache_clear()


def standing(runtime: Runtime, now: Standing) -> None:
    record = StandingRecord(now, since=date(2025, 11, 3), by="ann", at="2025-11-03T22:00:00Z")
    runtime.state.move_standing(record.to_json(), datetime(2025, 11, 3, 22, tzinfo=UTC))


def well(asked):
    assert asked.day == date(2025, 11, 4)
    return {"scoreboard/index.json": b"{}"}, "", {"FillsHad": 3}


def badly(asked):
    del asked
    return {"scoreboard/index.json": b"{}"}, "A loss is proven.", {}


def not_at_all(asked):
    raise DataError(f"what the windows of {asked.day} left is garbled")


def test_a_day_is_kept_and_counted(runtime, tmp_path):
    answer = grade_day.run(DAY, runtime, well)

    assert answer == {
        "day": "2025-11-04",
        "standing": "paper",
        "demoted": "",
        "files": ["scoreboard/index.json"],
        "metrics": {"FillsHad": 3, "Demoted": 0},
    }
    assert FolderStore(tmp_path).read("scoreboard/index.json") == b"{}"


def test_the_day_is_new_yorks_when_none_is_named(runtime):
    assert grade_day.run({}, runtime, well)["day"] == "2025-11-04"


def test_a_day_that_is_none_is_a_sentence(runtime):
    with pytest.raises(DataError, match="'4 November' is no day; write one as 2025-11-04"):
        grade_day.run({"day": "4 November"}, runtime, well)


@pytest.mark.parametrize("was", [Standing.PILOT, Standing.SCALED])
def test_what_is_proven_bad_takes_real_orders_away_and_says_why(runtime, was):
    standing(runtime, was)
    answer = grade_day.run(DAY, runtime, badly)

    assert (answer["standing"], answer["demoted"]) == ("paper", "A loss is proven.")
    assert answer["metrics"]["Demoted"] == 1
    assert runtime.standing.standing is Standing.PAPER
    assert runtime.standing.reason == "A loss is proven."
    assert [move["standing"] for move in runtime.state.standing_history()] == [was.value, "paper"]


def test_paper_has_nothing_to_lose(runtime):
    assert grade_day.run(DAY, runtime, badly)["demoted"] == ""
    assert runtime.state.standing_history() == []


def test_it_never_promotes(runtime):
    standing(runtime, Standing.PILOT)
    grade_day.run(DAY, runtime, well)

    assert runtime.standing.standing is Standing.PILOT
    assert len(runtime.state.standing_history()) == 1


def test_a_day_that_cannot_be_appraised_takes_real_orders_away_too(runtime):
    standing(runtime, Standing.PILOT)

    with pytest.raises(DataError, match="garbled"):
        grade_day.run(DAY, runtime, not_at_all)
    assert runtime.standing.standing is Standing.PAPER
    assert runtime.standing.reason.startswith("2025-11-04 could not be appraised: what the windows")


def test_a_closed_day_without_a_window_demotes_nobody(runtime):
    standing(runtime, Standing.PILOT)

    with pytest.raises(DataError):
        grade_day.run({"day": "2025-11-08"}, runtime, not_at_all)  # a Saturday
    assert runtime.standing.standing is Standing.PILOT


def test_a_demotion_comes_before_anything_is_written(runtime, monkeypatch):
    standing(runtime, Standing.PILOT)

    monkeypatch.setattr(FolderStore, "write", Mock(side_effect=OSError("no space left")))
    with pytest.raises(OSError, match="no space left"):
        grade_day.run(DAY, runtime, badly)
    assert runtime.standing.standing is Standing.PAPER


def test_two_moves_of_one_instant_are_both_kept(runtime):
    for where in (Standing.PILOT, Standing.SCALED):
        standing(runtime, where)

    assert [m["standing"] for m in runtime.state.standing_history()] == ["pilot", "scaled"]
    assert runtime.standing.standing is Standing.SCALED
