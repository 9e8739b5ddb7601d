"""One window of the campaign: the real state machine and handlers, and what is broken in it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import time as real_time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import import_module
from random import Random
from typing import Any

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.cloud.layout import LEDGER, STATE
from kalshi_alpha.errors import InvariantBroken
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.rehearsal.campaign.interpreter import interpreting
from kalshi_alpha.rehearsal.campaign.runtimes import CampaignRuntime
from kalshi_alpha.rehearsal.campaign.seams import (
    Cloud,
    Invocation,
    SkewedClock,
    Wire,
    running,
)
from kalshi_alpha.rehearsal.campaign.threads import Threads
from kalshi_alpha.rehearsal.campaign.virtual import SimulatedDeath, VirtualClock, VirtualLoop
from kalshi_alpha.rehearsal.campaign.witness import LAST_SECOND, Witness
from kalshi_alpha.rehearsal.campaign.world import World
from kalshi_alpha.rehearsal.exchange.server import MEMBER
from kalshi_alpha.rehearsal.exchange.views import books_view
from kalshi_alpha.rehearsal.machine import (
    ACCOUNT,
    LambdaContext,
    execution_arn,
    filled,
    function_arn,
)
from kalshi_alpha.rehearsal.run import FUNCTIONS, window_asl
from kalshi_alpha.steps import observe
from kalshi_alpha.steps.runtime import Settings
from kalshi_alpha.steps.watch import watch

SENTRY = "sentry"
LEAD = timedelta(seconds=40)  # the world begins so long before PREP
# How long each function may run, as the stacks have it.
TIME_OUTS = {"start": 20, "preflight": 45, "scan": 30, "quote": 20, "cancel": 75, "reconcile": 100}
_COLD_START = 0.3
_SCHEDULE_RETRY = timedelta(seconds=20)
_LONGEST = timedelta(hours=2)  # of virtual time, without an end
_TRADING, _FEED = "trading", "feed"


@dataclass
class SentryPlan:
    """When a sentry starts, when it is killed, and whether it is started again."""

    starts: datetime
    dies: datetime | None = None
    again: bool = True


@dataclass
class Kill:
    """The ``nth`` run of a function dies at its seam ``at``."""

    function: str
    nth: int
    at: int


@dataclass
class Failure:
    """A function is not run at all and the platform answers an error, ``times`` times."""

    function: str
    error: str
    times: int
    after: int = 0  # runs that go well before


@dataclass
class Trial:
    """One window about to be played. Faults change it before ``play``."""

    name: str
    window: Window
    registry: Registry
    seed: int
    clock: VirtualClock = field(init=False)
    rng: Random = field(init=False)
    files: dict[str, bytes] = field(default_factory=dict)
    skews: dict[str, tuple[float, tuple[tuple[datetime, float], ...]]] = field(default_factory=dict)
    sentries: list[SentryPlan] = field(default_factory=list)
    kills: list[Kill] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    kill_switch_at: datetime | None = None

    def __post_init__(self) -> None:
        """Set up what faults change."""
        start = self.window.prep_at - LEAD
        self.clock = VirtualClock(start)
        self.rng = Random(f"trial-{self.seed}")
        self.threads = Threads(self.clock)
        self.world = World(self.clock, self.threads, self.window, self.seed)
        self.wire = Wire(self.clock, Random(f"wire-{self.seed}"), self.world.answer)
        self.cloud = Cloud(self.clock, Random(f"cloud-{self.seed}"))
        self.sentries = [SentryPlan(start + timedelta(seconds=1))]
        self.witness = Witness(
            self.window,
            max(self.registry.series[s].caps.max_size for s in self.window.series),
            self.clock.now,
        )
        self.runs: dict[str, int] = {}
        self.deaths: list[str] = []
        self.seams: dict[str, int] = {}
        self.told: list[str] = []
        self._runtimes: dict[str, CampaignRuntime] = {}
        self._settings = Settings()
        self._ended = self.threads.Event()
        self._began = False
        self._over = False
        self.machine = ""
        self.log = io.StringIO()
        self.secrets: dict[str, str] = {}
        self.problem = ""
        self.calm = False

    # --- playing -----------------------------------------------------------------------------

    def play(self, client: Callable[[str], Any]) -> Played:
        """Play the window and return what it left; ``client`` gives AWS clients in this process."""
        started = real_time.perf_counter()
        self.world.engine.listeners.append(self.witness)
        self.world.start()
        try:
            self.clock.at(self.window.fixing - LAST_SECOND, self._look)
            with self._on_virtual_time(client):
                self._furnish(client)
                self._schedule()
                if not self._ended.wait(_LONGEST.total_seconds()):
                    raise InvariantBroken(f"{self.name} has not ended: {self.clock.state()}")
                self._over = True
                self._close_books()
                return self._played(client, real_time.perf_counter() - started)
        finally:
            self._over = True
            self.world.stop()
            self.clock.stop()
            self._forget(client)

    @contextlib.contextmanager
    def _on_virtual_time(self, client: Callable[[str], Any]) -> Iterator[None]:
        handlers = {name: self._handler(name) for name in FUNCTIONS}
        observe.send_to(self.log)
        try:
            with interpreting(self, handlers, client):
                yield
        finally:
            observe.send_to(None)

    def _look(self) -> None:
        self.world.engine.advance()
        self.witness.look()

    def _furnish(self, client: Callable[[str], Any]) -> None:
        ready, feed = self.world.exchange.ready(), self.world.feed.ready()
        names = {spec.name: f"{self.name}-{spec.name}" for spec in (STATE, LEDGER)}
        key = {"key_id": ready["key_id"], "pem": ready["pem"]}
        self.secrets = {"the key's id": ready["key_id"], "the key": ready["pem"]}
        self.secrets["the feed's key"] = feed["key"]
        for name, value in ((_TRADING, key), (_FEED, {"api_key": feed["key"]})):
            client("secretsmanager").create_secret(
                Name=f"{self.name}-{name}", SecretString=json.dumps(value)
            )
        functions = {f"{n.capitalize()}Function": function_arn(n) for n in FUNCTIONS[1:]}
        made = client("stepfunctions").create_state_machine(
            name=self.name,
            definition=filled(window_asl(), functions),
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/window",
        )
        self.machine = str(made["stateMachineArn"])
        self._settings = Settings(
            stage="paper",
            broker="twin",
            state_table=names[STATE.name],
            ledger_table=names[LEDGER.name],
            artifacts="memory",
            venue_url=ready["rest"],
            venue_ws_url=ready["ws"],
            feed_url=feed["rest"],
            feed_ws_url=feed["ws"],
            secret=f"{self.name}-{_TRADING}",
            read_secret=f"{self.name}-{_TRADING}",
            feed_secret=f"{self.name}-{_FEED}",
            state_machine=self.machine,
        )

    def _forget(self, client: Callable[[str], Any]) -> None:
        client("dynamodb").forget(f"{self.name}-")

    def _schedule(self) -> None:
        """Start what acts by itself: the schedule, the sentries, the operator."""
        self.threads.Thread(target=self._start_window, daemon=True).start()
        for number, plan in enumerate(self.sentries):
            thread = self.threads.Thread(target=self._run_sentry, args=(plan, number), daemon=True)
            thread.start()
        self.threads.Thread(target=self._operate, daemon=True).start()

    def _start_window(self) -> None:
        hour = f"{self.window.fixing.astimezone(NEW_YORK):%H:%M}"
        for attempt in range(2):
            self.clock.sleep_until(self.window.prep_at + attempt * _SCHEDULE_RETRY)
            if self._began:
                return
            with contextlib.suppress(Exception):
                self._handler("start")({"group": self.window.group, "fixing": hour}, None)
                break
        self.clock.sleep_until(self.window.fixing + timedelta(seconds=30))
        if not self._began:
            self._ended.set()  # it never started: nothing will end by itself

    def _operate(self) -> None:
        state = self.runtime("operator").state
        state.set_kill_switch(on=False, reason="campaign", by="campaign", at=self.clock.now())
        if self.kill_switch_at is not None:
            self.clock.sleep_until(self.kill_switch_at)
            state.set_kill_switch(on=True, reason="drill", by="campaign", at=self.clock.now())
            self.witness.killed_at = self.clock.now()
            if not self.witness.live:
                self.witness.empty_after_kill_s = 0.0

    def _run_sentry(self, plan: SentryPlan, number: int) -> None:
        """Run the sentry as its container would: when it ends before its time, start it again."""
        self.clock.sleep_until(plan.starts)
        end = self.window.fixing + timedelta(seconds=5)
        dies = plan.dies
        while not self._over and self.clock.now() < end:
            try:
                self._one_sentry(f"{SENTRY}-{number}", dies)
            except SimulatedDeath:
                self.deaths.append(SENTRY)
            except Exception as error:  # noqa: BLE001 - the container restarts whatever happened
                self.told.append(f"sentry: {type(error).__name__}: {error}")
            else:
                return
            if not plan.again:
                return
            dies = None
            self.clock.sleep(20.0)  # until Fargate has started another one

    def _one_sentry(self, name: str, dies: datetime | None) -> None:
        invocation = Invocation(SENTRY, self.clock)
        runtime = self.runtime(name)

        async def body() -> None:
            running.set(invocation)
            watching = asyncio.ensure_future(
                watch(runtime, (self.window,), stopped=lambda: self._over, tell=self._hear)
            )
            if dies is not None:

                def die() -> None:
                    invocation.dead = True
                    watching.cancel()

                self.clock.at(dies, die)
            try:
                await watching
            except asyncio.CancelledError:
                raise SimulatedDeath(SENTRY) from None

        try:
            with asyncio.Runner(loop_factory=lambda: VirtualLoop(self.clock)) as runner:
                runner.run(body())
        finally:
            self._runtimes.pop(name, None)

    def _hear(self, sentence: str) -> None:
        self.told.append(
            f"{(self.clock.now() - self.window.fixing).total_seconds():+.2f} {sentence}"
        )
        self.log.write(sentence + "\n")

    # --- functions ---------------------------------------------------------------------------

    def runtime(self, name: str) -> CampaignRuntime:
        """Return the runtime of a function, as its warm environment keeps it."""
        if name not in self._runtimes:
            offset, steps = self.skews.get(name.partition("-")[0], self.skews.get("", (0.0, ())))
            clock = SkewedClock(self.clock, offset, steps)
            self._runtimes[name] = CampaignRuntime(self._settings, clock, self)
        return self._runtimes[name]

    def current(self) -> CampaignRuntime:
        """Return the runtime of whatever function runs here."""
        invocation = running.get()
        if invocation is None:
            raise InvariantBroken("a handler was called outside of an invocation")
        return self.runtime(invocation.function)

    def _handler(self, name: str) -> Callable[[dict[str, Any], Any], Any]:
        """Return the function as Lambda runs it: timed, and now and then not."""
        handler = import_module(f"functions.{name}.handler").handler

        def call(event: dict[str, Any], context: Any) -> Any:
            nth = self.runs[name] = self.runs.get(name, 0) + 1
            for failure in () if self.calm else self.failures:
                if failure.function == name and failure.times > 0 and nth > failure.after:
                    failure.times -= 1
                    raise type(failure.error, (Exception,), {})("the platform did not run it")
            kill = next((k.at for k in self.kills if (k.function, k.nth) == (name, nth)), 0)
            cold = name not in self._runtimes
            invocation = Invocation(
                name,
                self.clock,
                self.clock.now() + timedelta(seconds=TIME_OUTS[name]),
                0 if self.calm else kill,
            )
            token = running.set(invocation)
            try:
                self.clock.sleep(_COLD_START if cold else 0.002)
                return handler(event, context or LambdaContext(name))
            except SimulatedDeath:
                self.deaths.append(f"{name} {nth} at {invocation.seams}")
                self._runtimes.pop(name, None)
                raise type("Runtime.ExitError", (Exception,), {})("the process exited") from None
            finally:
                running.reset(token)
                self.seams[name] = max(self.seams.get(name, 0), invocation.seams)

        return call

    def began(self) -> None:
        """Take note that the execution has begun."""
        self._began = True

    def ended(self) -> None:
        """Take note that the execution has ended."""
        self._ended.set()

    # --- afterwards --------------------------------------------------------------------------

    def _close_books(self) -> None:
        """Reconcile once more with nothing broken, as an operator would after an alarm."""
        self.calm = True
        self.wire.spells.clear()
        self.cloud.spells.clear()
        self.skews.clear()
        self._runtimes.pop("reconcile", None)
        self.clock.sleep_until(self.window.fixing + timedelta(seconds=200))
        try:
            for _ in range(20):
                request = {"window_id": self.window.window_id}
                if not self._handler("reconcile")(request, None)["again"]:
                    break
                self.clock.sleep(30.0)
        except Exception as error:  # noqa: BLE001 - told in the outcome
            self.problem = f"{type(error).__name__}: {error}"

    def _played(self, client: Callable[[str], Any], seconds: float) -> Played:
        runtime, name = self.runtime("operator"), self.window.window_id
        status, visited, history = "NONE", [], ""
        if self._began:
            arn = execution_arn(self.machine, name)
            machine = client("stepfunctions")
            status = machine.describe_execution(executionArn=arn)["status"]
            events = machine.get_execution_history(executionArn=arn, maxResults=1000)["events"]
            visited = [
                e["stateEnteredEventDetails"]["name"]
                for e in events
                if "stateEnteredEventDetails" in e
            ]
            history = json.dumps(events, default=str)
        account = self.world.engine.accounts[MEMBER]
        books = books_view(account)
        entries = list(runtime.ledger.entries(name))
        parts = {
            part: runtime.state.part(name, part)
            for part in ("PULL-armed", "PULL-now", "PULL-sentry")
        }
        record = runtime.state.window(name) or {}
        written = [*self.files.values(), self.log.getvalue().encode(), history.encode()]
        written += [json.dumps(entries).encode(), json.dumps([parts, record], default=str).encode()]
        return Played(
            trial=self,
            status=status,
            visited=visited,
            books=books,
            entries=entries,
            parts=parts,
            record=record,
            written=written,
            real_seconds=seconds,
        )


@dataclass
class Played:
    """What a window left: by the exchange's books, and by ours."""

    trial: Trial
    status: str
    visited: list[str]
    books: dict[str, Any]
    entries: list[dict[str, Any]]
    parts: dict[str, dict[str, Any]]
    record: dict[str, Any]
    written: list[bytes]
    real_seconds: float
