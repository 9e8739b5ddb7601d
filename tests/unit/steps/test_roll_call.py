"""The roll call: a window that never began is noticed from outside, on the days that owe one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from types import ModuleType

import pytest
from moto import mock_aws

from kalshi_alpha.clock import NEW_YORK, ManualClock
from kalshi_alpha.cloud.layout import STATE
from kalshi_alpha.cloud.services import client
from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.rehearsal.machine import create_table
from kalshi_alpha.steps import rollcall, start
from kalshi_alpha.steps.runtime import Runtime, Settings

NOON = {"group": "index-hourly", "fixing": "12:00"}
ASKED = datetime(2026, 10, 6, 11, 52, 20, tzinfo=NEW_YORK)


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    with mock_aws():
        client.cache_clear()
        create_table(STATE, STATE.name)
        yield Runtime(Settings(state_table=STATE.name), ManualClock(ASKED))
        client.cache_clear()


def test_a_window_that_has_begun_is_present(runtime: Runtime) -> None:
    runtime.state.claim_window("20261006-1200-index-hourly", "execution", ASKED)

    assert rollcall.run(NOON, runtime) == {
        "window_id": "20261006-1200-index-hourly",
        "missing": False,
        "reason": "",
        "metrics": {"WindowMissing": 0},
    }


def test_a_window_that_has_not_is_missing_and_by_how_much(runtime: Runtime) -> None:
    answer = rollcall.run(NOON, runtime)

    assert answer["metrics"] == {"WindowMissing": 1}
    assert answer["reason"] == (
        "20261006-1200-index-hourly has not begun 140 s after its preparation was due"
    )


def test_another_window_of_the_day_does_not_stand_in(runtime: Runtime) -> None:
    runtime.state.claim_window("20261006-1100-index-hourly", "execution", ASKED)

    assert rollcall.run(NOON, runtime)["missing"] is True


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (datetime(2026, 11, 26, 11, 52, tzinfo=NEW_YORK), "Thanksgiving"),
        (datetime(2026, 10, 4, 11, 52, tzinfo=NEW_YORK), "2026-10-04"),
    ],
)
def test_a_closed_day_owes_no_window(runtime: Runtime, at: datetime, said: str) -> None:
    answer = rollcall.run(NOON, Runtime(runtime.settings, ManualClock(at)))

    assert (answer["missing"], answer["metrics"]) == (False, {"WindowMissing": 0})
    assert said in answer["reason"]


def test_a_fixing_that_is_no_time_is_the_stacks_mistake(runtime: Runtime) -> None:
    with pytest.raises(ConfigurationError, match="is not HH:MM"):
        rollcall.run({"group": "index-hourly", "fixing": "noon"}, runtime)


@pytest.mark.parametrize("step", [start, rollcall])
@pytest.mark.parametrize(
    "request_of_no_group",
    [{"fixing": "12:00"}, NOON | {"group": ""}, NOON | {"group": "index-hurly"}],
)
def test_a_group_that_nobody_registered_is_the_stacks_mistake(
    runtime: Runtime, step: ModuleType, request_of_no_group: dict[str, str]
) -> None:
    with pytest.raises(ConfigurationError, match=r"is none of the registry's \(.*index-hourly"):
        step.run(request_of_no_group, runtime)
