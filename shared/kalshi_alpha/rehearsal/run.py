"""Rehearse a recorded day: the real state machine and handlers against the twin.

Order of things: the twin's process starts; an AWS account opens in this process with the tables of
``cloud.layout``, the secrets and an open kill-switch; then, window by window, the clock is laid
anew, the sentry starts, the start function is called as the schedule would call it, and the state
machine runs until it ends. Time runs fast up to the last minute and at 1x across the pull.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import subprocess
import sys
import threading
import time as real_time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from datetime import time as wall_time
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import boto3
import httpx

from kalshi_alpha.clock import NEW_YORK, Clock
from kalshi_alpha.cloud.layout import LEDGER, STATE
from kalshi_alpha.cloud.services import client
from kalshi_alpha.errors import ConfigurationError, InvariantBroken
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.markets.windows import Window, windows_on
from kalshi_alpha.pricing.parameters import parameters_checksum, shipped_parameters
from kalshi_alpha.rehearsal.clock import ScaledClock, Segment, Timeline
from kalshi_alpha.rehearsal.closing import close_the_day
from kalshi_alpha.rehearsal.machine import (
    REGION,
    Execution,
    create_machine,
    create_table,
    execution_arn,
    function_arn,
    local_aws,
    local_machine,
)
from kalshi_alpha.rehearsal.world import WorldPlan
from kalshi_alpha.reports.summary import PATH_NOTE
from kalshi_alpha.steps import runtime as runtime_module
from kalshi_alpha.steps.runtime import Runtime, Settings
from kalshi_alpha.steps.watch import watch
from kalshi_alpha.trading.kept import PARTS

FUNCTIONS = ("start", "preflight", "scan", "quote", "cancel", "reconcile")
# The two windows a rehearsal plays: noon above/below, and the close's ranges.
PLAYED = (("index-hourly", wall_time(12)), ("index-close", wall_time(16)))

_LEAD = timedelta(seconds=30)  # the sentry is up before PREP
_TRADING, _FEED = "rehearsal/trading", "rehearsal/feed"  # the secrets' names
_AWS = {
    "AWS_ACCESS_KEY_ID": "rehearsal",
    "AWS_SECRET_ACCESS_KEY": "rehearsal",
    "AWS_DEFAULT_REGION": REGION,
    "POWERTOOLS_SERVICE_NAME": "kalshi-alpha",
    "POWERTOOLS_METRICS_NAMESPACE": "KalshiAlpha",
}

Progress = Callable[["WindowProgress"], None]
Handler = Callable[[dict[str, Any], Any], Any]


@dataclass(frozen=True, slots=True)
class WindowProgress:
    """Where one window is, for the display."""

    window_id: str
    phase: str
    seconds_to_fixing: float
    states: tuple[str, ...] = ()
    ended: str = ""


@dataclass(slots=True)
class WindowRun:
    """What one execution of the state machine left behind."""

    window: Window
    status: str
    visited: list[str]
    failure: str
    real_seconds: float


@dataclass(slots=True)
class RehearsalResult:
    """Everything a rehearsal left: executions, the stores' contents, the twin's own books."""

    day: date
    seed: int
    runs: list[WindowRun] = field(default_factory=list)
    entries: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    parts: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    books: dict[str, Any] = field(default_factory=dict)
    parameters: str = ""  # their checksum


def played_windows(day: date) -> tuple[Window, ...]:
    """Return the windows a rehearsal of ``day`` plays; raise ``WindowClosed`` on a closed day."""
    registry, sessions = load_registry(), load_sessions()
    windows = [
        window
        for window in windows_on(day, registry, sessions)
        if (window.group, window.fixing.astimezone(NEW_YORK).time()) in PLAYED
    ]
    return tuple(windows)


def timeline(window: Window, anchor_wall: float) -> Timeline:
    """Return the clock of one window, from shortly before PREP.

    Slow enough around each step that a real millisecond stays well inside the limits on lag and
    age, fast between them, and exactly 1x from T-6 s until the pull is over. An index value that
    does not change is not published again, so in the last minute 2.5 s of silence pull everything
    where 2 s are nothing unusual: at 2x that leaves a quarter of a second for this machine.
    """
    steps = (
        (window.prep_at, 30.0),
        (window.prep_at + timedelta(seconds=20), 10.0),
        (window.make_at - timedelta(seconds=15), 300.0),
        (window.make_at, 30.0),
        (window.strict_at - timedelta(seconds=5), 25.0),
        (window.fixing - timedelta(seconds=6), 2.0),
        (window.fixing + timedelta(seconds=0.5), 1.0),
        (window.fixing + timedelta(hours=1), 300.0),
    )
    segments = tuple(Segment(until, speed) for until, speed in steps)
    return Timeline(anchor_wall, window.prep_at - _LEAD, segments)


class Rehearsal:
    """One rehearsed day; ``folder`` receives the artifacts the functions write."""

    stalled_after = 180.0  # real seconds without an end: something is stuck
    note = PATH_NOTE
    data_labels: Mapping[str, str] = MappingProxyType(
        {
            "SPX and NDX minutes": "recorded",
            "path inside a minute": "simulated, seeded bridge",
            "other traders": "simulated, sizes and spreads calibrated to recorded KXINXU trades; "
            "eight times as many takers as recorded, so that one rehearsal shows fills",
            "settlement values": "simulated: the path at the fixing plus a seeded basis",
            "profit and loss": "no proof of anything: the other traders are made up",
        }
    )

    def __init__(
        self,
        day: date,
        folder: Path,
        *,
        seed: int,
        progress: Progress,
        windows: tuple[Window, ...] = (),
    ) -> None:
        self._day, self._folder, self._seed, self._progress = day, folder, seed, progress
        self._windows = windows or played_windows(day)

    def run(self) -> RehearsalResult:
        """Play every window and return what they left."""
        first = self._first(real_time.time())
        clock = ScaledClock(first)
        result = RehearsalResult(self._day, self._seed)
        with environment(), world(self._plan(first)) as twin, local_aws():
            settings, machine = self._furnish(twin, clock)
            with contextlib.closing(runtime_module.current()) as runtime:
                self._prepare(twin, clock)
                with local_machine(step_handlers(), clock):
                    for window in self._windows:
                        gc.freeze()  # collecting the emulator's half a million objects takes 0.3 s
                        self._relay(twin, clock, window)
                        result.runs.append(self._play(window, settings, clock, machine))
                self._collect(result)
                result.parameters = self._parameters()
                close_the_day(runtime, self._day, self._folder.parent, self._paid())
            result.books = httpx.get(control_url(twin, "books")).raise_for_status().json()
        return result

    def timeline(self, window: Window, anchor_wall: float) -> Timeline:
        """Return the clock of a window."""
        return timeline(window, anchor_wall)

    def _first(self, anchor_wall: float) -> Timeline:
        """Return 1x and shortly before everything, for while twin and account are set up."""
        return Timeline(anchor_wall, self._windows[0].prep_at - timedelta(minutes=10))

    def _plan(self, first: Timeline) -> WorldPlan:
        fixings = tuple((s, w.fixing) for w in self._windows for s in w.series)
        return WorldPlan(self._day, self._seed, first, fixings)

    def _furnish(
        self, twin: Mapping[str, Any], clock: Clock, broker: str = "twin"
    ) -> tuple[Settings, str]:
        client.cache_clear()
        names = {spec.name: f"rehearsal-{spec.name}" for spec in (STATE, LEDGER)}
        for spec in (STATE, LEDGER):
            create_table(spec, names[spec.name])
        secrets = boto3.client("secretsmanager", region_name=REGION)
        key = {"key_id": twin["exchange"]["key_id"], "pem": twin["exchange"]["pem"]}
        for name, value in ((_TRADING, key), (_FEED, {"api_key": twin.get("feed", {}).get("key")})):
            secrets.create_secret(Name=name, SecretString=json.dumps(value))
        functions = {f"{n.capitalize()}Function": function_arn(n) for n in FUNCTIONS[1:]}
        machine = create_machine(window_asl(), functions)
        settings = Settings(
            stage="paper",
            broker=broker,
            state_table=names[STATE.name],
            ledger_table=names[LEDGER.name],
            artifacts=str(self._folder),
            venue_url=twin["exchange"]["rest"],
            venue_ws_url=twin["exchange"]["ws"],
            secret=_TRADING,
            read_secret=_TRADING,
            feed_secret=_FEED,
            state_machine=machine,
            **self._feed(twin),
        )
        runtime = Runtime(settings, clock)
        runtime_module.install(runtime)
        runtime.state.set_kill_switch(
            on=False, reason="rehearsal", by="rehearsal", at=self._windows[0].prep_at
        )
        return settings, machine

    def _paid(self) -> date:
        """Return the New York day on which the last window's books were closed."""
        return self._windows[-1].reconcile_at.astimezone(NEW_YORK).date()

    def _parameters(self) -> str:
        return parameters_checksum(shipped_parameters(self._day))

    def _feed(self, twin: Mapping[str, Any]) -> dict[str, str]:
        """Return the settings of what is read beside the venue."""
        return {"feed_url": twin["feed"]["rest"], "feed_ws_url": twin["feed"]["ws"]}

    def _prepare(self, twin: Mapping[str, Any], clock: Clock) -> None:
        """Do what is done before the first window; nothing for an index."""

    def _request(self, window: Window) -> dict[str, str]:
        """Return what the schedule tells the start function."""
        return {"group": window.group, "fixing": f"{window.fixing.astimezone(NEW_YORK):%H:%M}"}

    @contextlib.contextmanager
    def _watched(self, settings: Settings, clock: Clock, window: Window) -> Iterator[None]:
        """Run the sentry while a window is played."""
        watcher = Runtime(settings, clock)
        with contextlib.closing(watcher), sentry(watcher, window):
            yield

    def _relay(self, twin: Mapping[str, Any], clock: ScaledClock, window: Window) -> None:
        fresh = self.timeline(window, real_time.time())
        reply = httpx.post(control_url(twin, "clock"), json=fresh.to_json())
        reply.raise_for_status()
        clock.relay(fresh)
        httpx.post(control_url(twin, "list")).raise_for_status()

    def _play(self, window: Window, settings: Settings, clock: Clock, machine: str) -> WindowRun:
        started = real_time.monotonic()
        with self._watched(settings, clock, window):
            clock.sleep_until(window.prep_at)
            answer = step_handlers()["start"](self._request(window), None)
            if not answer["started"]:
                raise InvariantBroken(f"the rehearsal could not start: {answer['reason']}")
            execution = Execution(execution_arn(machine, window.window_id))
            while (status := execution.status()) == "RUNNING":
                self._report(window, clock, execution.visited())
                real_time.sleep(0.2)
                if real_time.monotonic() - started > self.stalled_after:
                    visited = execution.visited()
                    raise InvariantBroken(
                        f"{window.window_id} has not ended after {self.stalled_after:.0f} s; "
                        f"its last state is {visited[-1] if visited else 'none'}"
                    )
        visited = execution.visited()
        self._report(window, clock, visited, status)
        return WindowRun(
            window, status, visited, execution.failure(), real_time.monotonic() - started
        )

    def _report(
        self, window: Window, clock: Clock, visited: Sequence[str], ended: str = ""
    ) -> None:
        left = (window.fixing - clock.now()).total_seconds()
        phase = visited[-1] if visited else "Start"
        self._progress(WindowProgress(window.window_id, phase, left, tuple(visited), ended))

    def _collect(self, result: RehearsalResult) -> None:
        runtime = runtime_module.current()
        for window in self._windows:
            name = window.window_id
            result.entries[name] = list(runtime.ledger.entries(name))
            result.parts[name] = {part: runtime.state.part(name, part) for part in PARTS} | {
                "RECORD": runtime.state.window(name) or {}
            }


def window_asl() -> str:
    """Return the state machine's text: beside the stacks in a checkout, else shipped inside."""
    checkout = Path(__file__).resolve().parents[3] / "stacks" / "window.asl.json"
    if not checkout.is_file():
        raise ConfigurationError(
            f"{checkout} is missing: the rehearsal runs from a checkout of the project"
        )
    return checkout.read_text(encoding="utf-8")


def step_handlers() -> dict[str, Handler]:
    """Return the deployed handlers of the window's steps by name."""
    return {name: handler_of(name) for name in FUNCTIONS}


def handler_of(name: str) -> Handler:
    """Return a deployed function's handler."""
    root = str(files("kalshi_alpha").joinpath("..", ".."))
    checkout = str(Path(root).resolve())
    if checkout not in sys.path:
        sys.path.insert(0, checkout)
    handler: Handler = import_module(f"functions.{name}.handler").handler
    return handler


def control_url(twin: Mapping[str, Any], what: str) -> str:
    """Return the address of one of the twin's own paths."""
    return str(twin["exchange"]["rest"]).split("/trade-api", maxsplit=1)[0] + f"/twin/{what}"


@contextlib.contextmanager
def environment() -> Iterator[None]:
    """Set throw-away AWS credentials, so that no real ones can be used."""
    before = {name: os.environ.get(name) for name in _AWS}
    os.environ.update(_AWS)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def world(plan: WorldPlan) -> Iterator[dict[str, Any]]:
    """Run the twin in a process of its own; yields its addresses and throw-away keys."""
    command = [sys.executable, "-m", "kalshi_alpha.rehearsal.world", plan.to_json()]
    with subprocess.Popen(  # noqa: S603 - our own module, our own interpreter
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise InvariantBroken("the twin's process has no pipes")
        line = process.stdout.readline()
        if not line:
            raise InvariantBroken("the twin's process ended before it was ready; see its message")
        try:
            yield json.loads(line)
        finally:
            process.stdin.close()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


@contextlib.contextmanager
def sentry(runtime: Runtime, window: Window) -> Iterator[None]:
    """Run the sentry's coroutine in a thread of its own for as long as the window is played."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def body() -> None:
        try:
            asyncio.run(watch(runtime, (window,), stopped=stop.is_set))
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for it
            failures.append(error)

    thread = threading.Thread(target=body, name="sentry", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=15)
    if failures:
        raise InvariantBroken(f"the sentry failed: {failures[0]!r}") from failures[0]
