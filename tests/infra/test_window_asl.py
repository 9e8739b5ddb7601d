"""The window's state machine: its file walked as a graph, and what is synthesized from it run.

The runs take the definition and the functions it calls from the written template, not from the
source file, so that nothing can be lost on the way into a deployment.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import boto3
import pytest

from kalshi_alpha.clock import NEW_YORK, iso
from kalshi_alpha.errors import AlreadyStarted, VenueUnavailable, WindowClosed
from kalshi_alpha.markets.macro import TABLE, registry_tables
from kalshi_alpha.markets.registry import Group, parse_registry
from kalshi_alpha.markets.windows import release_window
from kalshi_alpha.rehearsal.clock import ScaledClock, Segment
from kalshi_alpha.rehearsal.machine import (
    Execution,
    create_machine,
    function_arn,
    local_aws,
    local_machine,
)
from kalshi_alpha.steps import reconcile
from stacks.bundling import LIBRARY
from stacks.windows import ASL

DEFINITION = json.loads(ASL.read_text(encoding="utf-8"))
CALLED = ("preflight", "scan", "quote", "cancel", "reconcile")
WINDOW = "20251104-1200-index-hourly"
# When trading ended, by group of releases, in New York.
CLOSES = {
    "cpi": datetime(2026, 1, 13, 8, 25, tzinfo=NEW_YORK),
    "claims": datetime(2026, 1, 8, 8, 25, tzinfo=NEW_YORK),
    "ten-year": datetime(2026, 1, 12, 15, 30, tzinfo=NEW_YORK),
    "gasoline": datetime(2026, 1, 12, 23, 59, tzinfo=NEW_YORK),
}


# --- as a graph ------------------------------------------------------------------------------


def _machines(machine: dict) -> Iterator[dict]:
    yield machine
    for state in machine["States"].values():
        for branch in state.get("Branches", ()):
            yield from _machines(branch)


def _tasks() -> dict[str, dict]:
    return {
        name: state
        for machine in _machines(DEFINITION)
        for name, state in machine["States"].items()
        if state["Type"] == "Task"
    }


def _calls(state: dict) -> str:
    found = re.fullmatch(r"\$\{(\w+)Function\}", state["Parameters"]["FunctionName"])
    return found[1].lower() if found else ""


def _after_failure(machine: dict, name: str, *, seen: tuple[str, ...] = ()) -> Iterator[tuple]:
    """Yield every way from the Catch of a state to the end of its machine, as (state, ...)."""
    for catch in machine["States"][name].get("Catch", ()):
        yield from _ways(machine, catch["Next"], seen)


def _ways(machine: dict, name: str, seen: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    state, way = machine["States"][name], (*seen, name)
    following = {state.get("Next"), state.get("Default")}
    following |= {c["Next"] for c in (*state.get("Choices", ()), *state.get("Catch", ()))}
    onward = {n for n in following if n and n not in seen}
    if not onward:
        yield way
    for following_name in sorted(onward):
        yield from _ways(machine, following_name, way)


def test_every_task_gives_up_in_time_and_calls_a_function_we_have():
    tasks = _tasks()
    assert len(tasks) == 9
    for state in tasks.values():
        assert state["Resource"] == "arn:aws:states:::lambda:invoke"
        assert state["TimeoutSeconds"] <= 120
        assert _calls(state) in CALLED
        payload = state["Parameters"]["Payload"]
        assert payload["window_id.$"] == "$.window_id"
        assert payload["execution.$"] == "$$.Execution.Id"


def test_every_result_has_a_place_of_its_own():
    paths = [state["ResultPath"] for state in _tasks().values()]
    assert len(set(paths) - {"$.pull_now"}) == len(paths) - 2  # two routes that exclude each other
    assert "$" not in paths


def test_the_machine_outlives_the_longest_window_of_any_family():
    texts = [(LIBRARY / "markets" / name).read_text("utf-8") for name in ("registry.toml", TABLE)]
    groups = parse_registry(texts[0], registry_tables(texts[1])).groups
    needed = {name: _longest(group) for name, group in groups.items()}
    assert {name for name, group in groups.items() if group.release} == CLOSES.keys()
    # Gasoline: prepared at 23:29, told of at 05:00, its books given up at 11:15.
    assert needed["gasoline"] == max(needed.values()) == timedelta(hours=11, minutes=46)
    assert timedelta(seconds=DEFINITION["TimeoutSeconds"]) > needed["gasoline"] + timedelta(hours=1)


def _longest(group: Group) -> timedelta:
    """Return how long a window takes from its preparation until its books are given up."""
    if group.release:
        window = release_window(group, CLOSES[group.name])
        return window.reconcile_at - window.prep_at + reconcile.RELEASE_GIVE_UP_AFTER
    seconds = timedelta(seconds=group.phases.prep + group.phases.reconcile_after)
    return seconds + reconcile.GIVE_UP_AFTER


def test_quote_and_scan_are_never_retried():
    tasks = _tasks()
    assert "Retry" not in tasks["Quote"]
    assert "Retry" not in tasks["Scan"]


def test_cancel_is_retried_fast_and_flat():
    cancels = [s for s in _tasks().values() if _calls(s) == "cancel"]
    assert len(cancels) == 5
    for state in cancels:
        (retry,) = state["Retry"]
        assert retry["ErrorEquals"] == ["States.ALL"]
        assert (retry["IntervalSeconds"], retry["BackoffRate"]) == (1, 1)
        assert retry["MaxAttempts"] >= 2


def test_only_the_armed_cancel_sleeps():
    modes = {
        name: state["Parameters"]["Payload"]["mode"]
        for name, state in _tasks().items()
        if _calls(state) == "cancel"
    }
    assert modes.pop("Cancel") == "armed"
    assert set(modes.values()) == {"now"}


@pytest.mark.parametrize("step", ["Scan", "Quote"])
def test_every_way_from_a_failure_of_the_making_leads_through_a_cancel(step):
    make = DEFINITION["States"]["Trade"]["Branches"][0]
    ways = list(_after_failure(make, step))
    assert ways
    for way in ways:
        assert _calls(make["States"][way[0]]) == "cancel"
        # ... and it ends inside its branch, so the armed cancel of the other one lives on.
        assert way[-1] == "MakeDone"


def test_a_failure_of_the_whole_parallel_part_leads_through_a_cancel_to_the_books():
    ways = list(_after_failure(DEFINITION, "Trade"))
    assert ways
    for way in ways:
        assert way[0] == "PullNow"
        assert "Reconcile" in way


def test_a_cancel_that_failed_is_followed_by_another():
    pull = DEFINITION["States"]["Trade"]["Branches"][1]
    for way in _after_failure(pull, "Cancel"):
        assert way[0] == "CancelAgain"


def test_quoting_and_the_armed_cancel_run_side_by_side():
    make, pull = DEFINITION["States"]["Trade"]["Branches"]
    assert pull["StartAt"] == "WaitToArm"
    assert [n for n, s in pull["States"].items() if s["Type"] == "Wait"] == ["WaitToArm"]
    assert not any(_calls(s) == "quote" for s in pull["States"].values() if s["Type"] == "Task")
    assert "Quote" in make["States"]


# --- as it runs ------------------------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def synthesized(paper) -> None:
    """Have every run take the state machine of the template."""
    (machine,) = paper.resources("AWS::StepFunctions::StateMachine").values()
    aliases = paper.resources("AWS::Lambda::Alias", "Windows")
    functions = paper.resources("AWS::Lambda::Function", "Windows")

    def called(reference: dict[str, str]) -> str:
        alias = aliases[f"Windows/{reference['Ref']}"]["Properties"]
        function = functions[f"Windows/{alias['FunctionName']['Ref']}"]["Properties"]
        return function_arn(function["FunctionName"].removeprefix("kalshi-alpha-paper-"))

    World.definition = machine["Properties"]["DefinitionString"]
    World.functions = {
        placeholder: called(reference)
        for placeholder, reference in machine["Properties"]["DefinitionSubstitutions"].items()
    }


def test_the_template_holds_the_file_and_each_placeholder_is_its_own_function():
    assert json.loads(World.definition) == DEFINITION
    assert World.functions == {f"{name.title()}Function": function_arn(name) for name in CALLED}


class World:
    """Handlers that answer as told and remember when they were called, in virtual seconds to T."""

    definition = ""
    functions: ClassVar[dict[str, str]] = {}

    def __init__(self, **failures: list[Exception | None]) -> None:
        self.fixing = datetime(2025, 11, 4, 17, tzinfo=UTC)
        self.failures = {name: list(found) for name, found in failures.items()}
        self.calls: list[tuple[str, str]] = []
        self.at: list[tuple[str, float]] = []
        self.go = True
        self.scans = 2
        self.settles_after = 2
        self.clock = ScaledClock.starting(
            self.fixing - timedelta(minutes=12),
            [Segment(self.fixing + timedelta(hours=2), 600.0)],
        )

    def handlers(self):
        return {name: self._handler(name) for name in CALLED}

    def _handler(self, name):
        def handle(event, context):
            del context
            assert event["window_id"] == WINDOW
            assert event["execution"].endswith(f":{WINDOW}")
            self.calls.append((name, event.get("mode", "")))
            self.at.append((name, (self.clock.now() - self.fixing).total_seconds()))
            planned = self.failures.get(name, [])
            if planned and (failure := planned.pop(0)):
                raise failure
            return getattr(self, name)(event)

        return handle

    def preflight(self, event):
        del event
        return {
            "go": self.go,
            "make_at": iso(self.fixing - timedelta(seconds=300)),
            "arm_at": iso(self.fixing - timedelta(seconds=25)),
            "reconcile_at": iso(self.fixing + timedelta(seconds=60)),
        }

    def scan(self, event):
        del event
        return {"plan": {"revision": self._count("scan")}}

    def quote(self, event):
        assert event["plan"] == {"revision": self._count("scan")}
        return {"again": self._count("quote") < self.scans, "pause_seconds": 20}

    def cancel(self, event):
        return {"mode": event["mode"], "resting_after": 0}

    def reconcile(self, event):
        del event
        return {"again": self._count("reconcile") < self.settles_after, "pause_seconds": 30}

    def _count(self, name):
        return sum(called == name for called, _ in self.calls)

    def run(self) -> tuple[str, list[str], str]:
        """Return the execution's status, the states it visited, and its failure."""
        logging.getLogger("moto").setLevel(logging.CRITICAL)
        with local_aws(), local_machine(self.handlers(), self.clock):
            arn = create_machine(self.definition, self.functions)
            started = boto3.client("stepfunctions", region_name="us-east-1").start_execution(
                stateMachineArn=arn, name=WINDOW, input=json.dumps({"window_id": WINDOW})
            )
            execution = Execution(started["executionArn"])
            give_up = self.clock.monotonic() + 4 * 3600
            while (status := execution.status()) == "RUNNING":
                assert self.clock.monotonic() < give_up, execution.visited()
                self.clock.sleep(5)
            return status, execution.visited(), execution.failure()

    def names(self, but=""):
        names = [f"{name} {mode}".strip() for name, mode in self.calls]
        return [name for name in names if name != but]


def test_a_good_window_makes_twice_pulls_once_and_closes_its_books():
    world = World()
    status, visited, failure = world.run()
    assert (status, failure) == ("SUCCEEDED", "")
    assert world.names(but="cancel armed") == [
        "preflight",
        *("scan", "quote") * 2,
        "reconcile",
        "reconcile",
    ]
    assert world.names().count("cancel armed") == 1
    assert visited.index("Cancel") < visited.index("Reconcile")
    assert visited[-1] == "Done"


def test_nothing_is_called_before_its_time():
    world = World()
    world.run()
    first = dict(reversed(world.at))
    assert first["scan"] >= -300
    assert first["cancel"] >= -25
    assert first["reconcile"] >= 60


def test_a_window_that_may_not_trade_goes_straight_to_the_books():
    world = World()
    world.go, world.settles_after = False, 1
    status, visited, _ = world.run()
    assert status == "SUCCEEDED"
    assert world.names() == ["preflight", "reconcile"]
    assert visited == ["Preflight", "IsGo?", "Reconcile", "Settled?", "Done"]


@pytest.mark.parametrize(
    ("step", "tried"),
    [("scan", ["scan"]), ("quote", ["scan", "quote"])],
)
def test_a_failure_of_the_making_pulls_at_once_and_the_armed_cancel_still_runs(step, tried):
    world = World(**{step: [VenueUnavailable("no answer")]})
    status, visited, failure = world.run()
    assert world.names(but="cancel armed") == [
        "preflight",
        *tried,
        "cancel now",
        "reconcile",
        "reconcile",
    ]
    assert world.names().count("cancel armed") == 1
    assert visited.index("Cancel") < visited.index("Reconcile")
    # The books are closed, and the failure is still told.
    assert status == "FAILED"
    assert failure.startswith("WindowFailed")


def test_an_armed_cancel_that_keeps_failing_is_followed_by_one_that_does_not_wait():
    broken = [VenueUnavailable("no answer")] * 3
    world = World(cancel=broken)
    status, visited, _ = world.run()
    cancels = [name for name in world.names() if name.startswith("cancel")]
    assert cancels == ["cancel armed"] * 3 + ["cancel now"]
    assert "CancelAgain" in visited
    assert status == "FAILED"


def test_when_no_cancel_works_the_books_are_closed_all_the_same():
    world = World(cancel=[VenueUnavailable("no answer")] * 99)
    status, visited, _ = world.run()
    assert visited[-1] == "WindowFailed"
    assert "Reconcile" in visited
    assert status == "FAILED"


def test_a_window_that_runs_elsewhere_is_left_alone():
    world = World(preflight=[AlreadyStarted("the window has been started already")])
    status, visited, failure = world.run()
    assert world.names() == ["preflight"]
    assert visited == ["Preflight", "Refused"]
    assert status == "FAILED"
    assert failure.startswith("AlreadyStarted")


def test_a_start_outside_its_window_is_refused_with_its_reason():
    world = World(preflight=[WindowClosed("it is too late to start")])
    status, visited, failure = world.run()
    assert (status, visited) == ("FAILED", ["Preflight", "Refused"])
    assert "it is too late to start" in failure


def test_a_preflight_that_breaks_pulls_and_goes_to_the_books_without_its_times():
    world = World(preflight=[RuntimeError("broken")])
    status, visited, _ = world.run()
    assert world.names() == ["preflight", "cancel now", "reconcile", "reconcile"]
    assert visited[-1] == "WindowFailed"
    assert status == "FAILED"


def test_books_that_cannot_be_closed_end_in_a_failure_with_its_runbook():
    world = World(reconcile=[VenueUnavailable("no answer")] * 99)
    status, visited, failure = world.run()
    assert world.names().count("reconcile") == 5
    assert visited[-1] == "NotReconciled"
    assert status == "FAILED"
    assert "docs/runbooks/alarms.md#books-not-closed" in failure


def test_books_that_close_at_the_second_try_are_closed():
    world = World(reconcile=[VenueUnavailable("no answer"), None])
    status, visited, _ = world.run()
    assert (status, visited[-1]) == ("SUCCEEDED", "Done")


def test_a_quote_that_says_nothing_about_going_on_ends_the_making():
    world = World()
    world.quote = lambda _: {}
    status, _, _ = world.run()
    assert world.names().count("quote") == 1
    assert status == "SUCCEEDED"
