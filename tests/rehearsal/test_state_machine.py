"""The real state machine file on the local interpreter, with handlers that only take notes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kalshi_alpha.clock import iso
from kalshi_alpha.cloud.services import client, start_execution
from kalshi_alpha.errors import AlreadyStarted
from kalshi_alpha.rehearsal.clock import ScaledClock, Segment, Timeline
from kalshi_alpha.rehearsal.machine import (
    Execution,
    create_machine,
    function_arn,
    local_aws,
    local_machine,
)
from kalshi_alpha.rehearsal.run import FUNCTIONS, window_asl

T = datetime(2025, 11, 4, 17, tzinfo=UTC)
Answer = Mapping[str, Any] | Exception | Callable[[dict[str, Any]], Mapping[str, Any]]
TIMES = {
    "make_at": iso(T - timedelta(minutes=5)),
    "arm_at": iso(T - timedelta(seconds=25)),
    "reconcile_at": iso(T + timedelta(seconds=60)),
}


class Scenario:
    """Runs one execution; each handler gives its answers in turn, the last one for ever."""

    def __init__(self, **answers: list[Answer]) -> None:
        self._answers: dict[str, list[Answer]] = {
            "preflight": [{"go": True, **TIMES}],
            "scan": [{"plan": {"targets": []}}],
            "quote": [{"again": True, "pause_seconds": 20}, {"again": False, "pause_seconds": 0}],
            "cancel": [{"resting_after": 0}],
            "reconcile": [{"again": False, "pause_seconds": 0}],
        } | answers
        self.calls: list[tuple[str, datetime, dict[str, Any]]] = []
        self.status, self.visited, self.failure = "", [], ""

    def run(self) -> Scenario:
        start = T - timedelta(minutes=10)
        fast = (Segment(T + timedelta(hours=2), 300.0),)
        clock = ScaledClock.starting(start)
        handlers = {name: self._handler(name, clock) for name in self._answers}
        client.cache_clear()
        with local_aws(), local_machine(handlers, clock):
            names = {f"{n.capitalize()}Function": function_arn(n) for n in FUNCTIONS[1:]}
            machine = create_machine(window_asl(), names)
            clock.relay(Timeline(time.time(), start, fast))  # setting up took no time
            arn = start_execution(machine, "w1", {"window_id": "w1"})
            with pytest.raises(AlreadyStarted):
                start_execution(machine, "w1", {"window_id": "other"})
            execution = Execution(arn)
            end = time.monotonic() + 60
            while execution.status() == "RUNNING" and time.monotonic() < end:
                time.sleep(0.02)
            self.status, self.visited = execution.status(), execution.visited()
            self.failure = execution.failure()
        client.cache_clear()
        return self

    def names(self) -> list[str]:
        return [name for name, _, _ in self.calls]

    def _handler(self, name: str, clock: ScaledClock) -> Callable[[dict[str, Any], Any], Any]:
        def handler(event: dict[str, Any], context: Any) -> Any:
            del context
            turn = self.names().count(name)
            self.calls.append((name, clock.now(), event))
            answers = self._answers[name]
            answer = answers[min(turn, len(answers) - 1)]
            if isinstance(answer, Exception):
                raise answer
            return answer(event) if callable(answer) else answer

        return handler


def test_a_quiet_window_scans_twice_pulls_and_reconciles() -> None:
    done = Scenario().run()

    assert done.status == "SUCCEEDED"
    # The cancel waits in a branch beside the making: where it falls among it is the clock's affair.
    made = [name for name in done.names() if name != "cancel"]
    assert made == ["preflight", "scan", "quote", "scan", "quote", "reconcile"]
    (cancel,) = (event for name, _, event in done.calls if name == "cancel")
    assert cancel["mode"] == "armed"
    assert done.names()[-1] == "reconcile"


def test_the_waits_follow_the_injected_clock() -> None:
    done = Scenario().run()
    at = {name: instant for name, instant, _ in reversed(done.calls)}

    assert at["scan"] >= T - timedelta(minutes=5)
    assert at["cancel"] >= T - timedelta(seconds=25)
    assert at["reconcile"] >= T + timedelta(seconds=60)


def test_no_go_goes_to_the_books_and_never_near_the_venue() -> None:
    done = Scenario(preflight=[{"go": False, **TIMES}]).run()

    assert done.status == "SUCCEEDED"
    assert done.names() == ["preflight", "reconcile"]


@pytest.mark.parametrize("step", ["scan", "quote"])
def test_a_failing_step_pulls_at_once_and_the_armed_cancel_still_runs(step: str) -> None:
    done = Scenario(**{step: [RuntimeError("boom")]}).run()
    modes = [event["mode"] for name, _, event in done.calls if name == "cancel"]

    assert modes == ["now", "armed"]
    assert done.names()[-1] == "reconcile"
    assert done.names().count(step) == 1
    assert done.status == "FAILED"


def test_a_cancel_that_keeps_failing_is_tried_in_every_way_before_the_books() -> None:
    done = Scenario(cancel=[RuntimeError("down")]).run()
    modes = [event["mode"] for name, _, event in done.calls if name == "cancel"]

    assert modes[:3] == ["armed", "armed", "armed"]
    assert modes.count("now") >= 2
    assert done.names()[-1] == "reconcile"


@pytest.mark.parametrize("refusal", ["AlreadyStarted", "WindowClosed"])
def test_a_window_that_is_not_ours_touches_nothing(refusal: str) -> None:
    done = Scenario(preflight=[type(refusal, (Exception,), {})("not ours")]).run()

    assert done.status == "FAILED"
    assert done.names() == ["preflight"]
    assert refusal in done.failure


def test_a_preflight_that_breaks_pulls_before_the_books() -> None:
    done = Scenario(preflight=[RuntimeError("broken")]).run()

    assert done.names()[-2:] == ["cancel", "reconcile"]


def test_reconcile_is_asked_again_until_the_markets_are_settled() -> None:
    again = {"again": True, "pause_seconds": 30}
    done = Scenario(reconcile=[again, again, {"again": False, "pause_seconds": 0}]).run()

    assert done.names().count("reconcile") == 3
    assert done.status == "SUCCEEDED"
