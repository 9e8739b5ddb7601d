"""What the state machine and the schedule hand to the handlers, spoiled.

Behind the handlers stands a wall: the stores refuse, with an error of ours, whatever gets as far
as them. So it is the reading of the event alone that is looked at.
"""

from __future__ import annotations

import importlib.util
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.cloud.state import KillSwitch
from kalshi_alpha.errors import KalshiAlphaError
from kalshi_alpha.steps import observe
from kalshi_alpha.steps import runtime as runtime_module
from kalshi_alpha.steps.runtime import Runtime, Settings
from kalshi_alpha.trading.plan import QuotePlan
from tests.fuzz.judging import judged, sentence

ROOT = Path(__file__).resolve().parents[2]
STEPS = ("start", "rollcall", "preflight", "scan", "quote", "cancel", "reconcile")
NOW = datetime(2025, 11, 4, 16, 56, 5, tzinfo=UTC)


class BehindTheWall(KalshiAlphaError):
    """An event was read well enough to ask a store something."""


class Wall:
    """A store that lets nothing through, but for the kill-switch, which is off."""

    def kill_switch(self) -> KillSwitch:
        return KillSwitch(on=False, reason="")

    def __getattr__(self, name: str) -> Any:
        raise BehindTheWall(f"the event was read as far as {name}")


class Walled(Runtime):
    """A runtime without any store or venue."""

    def __init__(self) -> None:
        super().__init__(Settings(state_machine="machine"), ManualClock(NOW))
        walls = ("state", "ledger", "artifacts", "reader", "viewer", "puller")
        self.__dict__.update({name: Wall() for name in walls})


@contextmanager
def walled() -> Iterator[None]:
    """Install the wall, and let the log lines go nowhere."""
    before = list(runtime_module._installed)
    runtime_module.install(Walled())
    observe.send_to(io.StringIO())
    try:
        yield
    finally:
        observe.send_to(None)
        runtime_module._installed[:] = before


@cache
def handler(step: str) -> Callable[[Any, Any], dict[str, Any]]:
    """Return the handler of a function's own file."""
    path = ROOT / "functions" / step / "handler.py"
    spec = importlib.util.spec_from_file_location(f"fuzzed_{step}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[[Any, Any], dict[str, Any]] = module.handler
    return found


def called(body: bytes) -> None:
    """Hand the event to every handler."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return
    with walled():
        for step in STEPS:
            try:
                answer = handler(step)(event, None)
            except KalshiAlphaError as error:
                sentence(error)
            else:
                # Only the schedule's doors answer without a store: nothing was due.
                assert step in {"start", "rollcall"}
                assert answer.get("started", answer.get("missing")) is False
                assert answer["reason"]


def plan(body: bytes) -> None:
    """Read the plan that scan hands to quote through the state machine."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return
    if not isinstance(event, dict) or "plan" not in event:
        return
    found = judged(lambda: QuotePlan.from_json(event["plan"]))
    for target in found.targets if found else ():
        assert 0 < target.price < 10_000
        assert target.size > 0
        assert 0 <= target.probability_ppm <= 1_000_000


TARGETS: dict[str, tuple[str, Callable[[bytes], None]]] = {
    "handlers": ("events_of_handlers.json", called),
    "plan": ("events_of_handlers.json", plan),
}
