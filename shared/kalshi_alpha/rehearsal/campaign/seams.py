"""Where things are made to go wrong: around each call to the venue and each call to AWS.

An invocation is one run of a function or of the sentry. It can be killed at its k-th seam, before
or after the call has had its effect, or by its time-out; from then on nothing of it gets through.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from types import MappingProxyType
from typing import Any, Protocol

import httpx
from botocore.exceptions import ClientError

from kalshi_alpha.cloud.table import StoreError
from kalshi_alpha.errors import DataError
from kalshi_alpha.rehearsal.campaign.virtual import SimulatedDeath, VirtualClock

# What a call costs in virtual seconds, there and back: a venue near by, and AWS in its own region.
VENUE_TRIP, AWS_TRIP = 0.015, 0.004
_ONCE = "attribute_not_exists(pk)"
# What the product's HTTP client waits for an answer.
VENUE_PATIENCE = 3.0


@dataclass(eq=False)
class Invocation:
    """One run of one function; ``kill_at`` is the seam it dies at, counted from 1, 0 for none.

    An odd seam lies before a call, the even one after it behind its effect.
    """

    function: str
    clock: VirtualClock
    deadline: datetime | None = None
    kill_at: int = 0
    seams: int = 0
    dead: bool = False

    def pass_seam(self) -> None:
        """Count a seam; die here if this is where it dies, or if it is dead already."""
        self.seams += 1
        if self.seams == self.kill_at:
            self.dead = True
        if self.deadline is not None and self.clock.now() >= self.deadline:
            self.dead = True
        if self.dead:
            raise SimulatedDeath(self.function)


running: contextvars.ContextVar[Invocation | None] = contextvars.ContextVar("running", default=None)


def at_seam() -> None:
    """Pass a seam of whatever runs here."""
    invocation = running.get()
    if invocation is not None:
        invocation.pass_seam()


class Actor(Protocol):
    """Something that goes wrong with a request to the venue."""

    def __call__(self, wire: Wire, request: httpx.Request) -> httpx.Response:
        """Answer it, or raise what httpx would."""
        ...


@dataclass(slots=True)
class Spell:
    """For how long something goes wrong, and for which requests."""

    begins: datetime
    ends: datetime
    act: Actor
    share: float = 1.0
    method: str = ""
    path: str = ""

    def strikes(self, request: httpx.Request, now: datetime, rng: Random) -> bool:
        """Say whether it strikes this request."""
        return (
            self.begins <= now < self.ends
            and self.method in {"", request.method}
            and self.path in request.url.path
            and rng.random() < self.share
        )


@dataclass
class Wire:
    """The way to the venue, for every client of one window."""

    clock: VirtualClock
    rng: Random
    venue: Callable[[httpx.Request], httpx.Response]
    spells: list[Spell] = field(default_factory=list)
    struck: int = 0
    reached: list[tuple[datetime, str, str]] = field(default_factory=list)

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Carry a request there and its answer back, as far as they get."""
        at_seam()
        now = self.clock.now()
        spell = next((s for s in self.spells if s.strikes(request, now, self.rng)), None)
        if spell is None:
            response = self.carry(request)
        else:
            self.struck += 1
            response = spell.act(self, request)
        at_seam()
        return response

    def carry(self, request: httpx.Request) -> httpx.Response:
        """Carry a request there and its answer back."""
        self.clock.sleep(VENUE_TRIP / 2)
        response = self.at_the_venue(request)
        self.clock.sleep(VENUE_TRIP / 2)
        return response

    def at_the_venue(self, request: httpx.Request) -> httpx.Response:
        """Have the venue answer a request that has arrived."""
        self.reached.append((self.clock.now(), request.method, request.url.path))
        return self.venue(request)

    def send_later(self, request: httpx.Request, seconds: float, thread: Any) -> None:
        """Have a request arrive later, when nobody waits for its answer any more."""

        def arrive() -> None:
            self.clock.sleep(seconds)
            self.at_the_venue(request)

        thread(target=arrive, daemon=True).start()


class FaultyTransport(httpx.BaseTransport):
    """An HTTP transport over a wire."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request over the wire."""
        request.read()
        return self._wire.handle(request)


@dataclass(slots=True)
class AwsSpell:
    """A time in which calls to a service of AWS fail: before their effect, or ``after`` it."""

    begins: datetime
    ends: datetime
    service: str
    error: Callable[[str], Exception]
    share: float = 1.0
    operation: str = ""
    after: bool = False
    delay_s: float = 0.0
    once_only: bool = False  # only writes on the condition that nothing is there yet

    def strikes(
        self, service: str, operation: str, arguments: Mapping[str, Any], now: datetime, rng: Random
    ) -> bool:
        """Say whether it strikes this call."""
        return (
            self.begins <= now < self.ends
            and self.service == service
            and operation.startswith(self.operation)
            and (not self.once_only or arguments.get("ConditionExpression") == _ONCE)
            and rng.random() < self.share
        )


@dataclass
class Cloud:
    """AWS as the functions of one window meet it."""

    clock: VirtualClock
    rng: Random
    spells: list[AwsSpell] = field(default_factory=list)
    struck: int = 0

    def call(
        self,
        service: str,
        operation: str,
        action: Callable[[], Any],
        arguments: Mapping[str, Any] = MappingProxyType({}),
    ) -> Any:
        """Make a call, as far as it gets."""
        if running.get() is None:  # the campaign's own hand
            return action()
        at_seam()
        now, rng = self.clock.now(), self.rng
        strike = (s for s in self.spells if s.strikes(service, operation, arguments, now, rng))
        spell = next(strike, None)
        self.clock.sleep(AWS_TRIP)
        if spell is not None:
            self.struck += 1
            self.clock.sleep(spell.delay_s)
            if spell.after:
                with contextlib.suppress(ClientError):  # a write that would not have happened
                    action()
            at_seam()
            raise spell.error(operation)
        result = action()
        at_seam()
        return result


class FaultyClient:
    """A client of an AWS service, each of whose calls goes through ``Cloud``."""

    def __init__(self, cloud: Cloud, service: str, inner: Any) -> None:
        self._cloud, self._service, self._inner = cloud, service, inner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found
        return lambda **arguments: self._cloud.call(
            self._service, name, lambda: found(**arguments), arguments
        )


class FaultyStore:
    """An artifact store in memory, each of whose calls goes through ``Cloud``."""

    def __init__(self, cloud: Cloud, files: dict[str, bytes]) -> None:
        self._cloud, self._files = cloud, files

    def read(self, key: str) -> bytes:
        """Return the bytes; raise ``DataError`` when there are none, as the bucket's store does."""
        try:
            found = self._cloud.call("s3", "get_object", lambda: self._files.get(key))
        except StoreError as error:
            raise DataError(f"the artifact {key} cannot be read from the bucket") from error
        if found is None:
            raise DataError(f"there is no artifact {key}")
        return bytes(found)

    def write(self, key: str, data: bytes) -> None:
        """Keep the bytes; raise ``StoreError`` when the bucket does not take them."""
        self._cloud.call("s3", "put_object", lambda: self._files.__setitem__(key, data))

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys that start with ``prefix``, sorted."""
        return sorted(k for k in self._files if k.startswith(prefix))


@dataclass
class SkewedClock:
    """A clock that shows the wrong time and runs at the right speed; ``steps`` correct or spoil it.

    ``steps`` holds (true instant, seconds): from then on so much is added.
    """

    base: VirtualClock
    offset_s: float = 0.0
    steps: tuple[tuple[datetime, float], ...] = ()

    def now(self) -> datetime:
        """Return the time as this machine sees it."""
        true = self.base.now()
        wrong = self.offset_s + sum(by for at, by in self.steps if true >= at)
        return true + timedelta(seconds=wrong)

    def monotonic(self) -> float:
        """Return steady seconds, which no step moves."""
        return self.base.monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleep, as far as the function's time-out allows."""
        invocation = running.get()
        target = self.base.now() + timedelta(seconds=max(0.0, seconds))
        deadline = invocation.deadline if invocation else None
        self.base.sleep_until(target if deadline is None else min(target, deadline))
        if invocation is not None and (invocation.dead or (deadline and target >= deadline)):
            invocation.dead = True
            raise SimulatedDeath(invocation.function)

    async def wait(self, seconds: float) -> None:
        """Let other tasks run."""
        await self.base.wait(seconds)

    def sleep_until(self, instant: datetime) -> None:
        """Sleep until this machine's clock should show ``instant``, as it stands now."""
        self.sleep((instant - self.now()).total_seconds())
