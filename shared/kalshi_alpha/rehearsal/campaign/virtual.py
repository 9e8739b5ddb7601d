"""Virtual time for a process of many threads: one of them runs, and time moves when none can.

Whoever runs holds the baton. Who waits hands it to the next who can go on, in the order in which
they became able to; when nobody can and no event loop has anything to do, the time of the next
waking has come. So nothing depends on the machine's own scheduling, and the same seed plays the
same window. Nothing is measured in such time; it decides only what happens before what.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import selectors
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from kalshi_alpha.clock import require_aware
from kalshi_alpha.errors import InvariantBroken

_MICROSECOND = timedelta(microseconds=1)


class SimulatedDeath(BaseException):
    """The process this thread belongs to is gone: nothing may catch this and go on."""


@dataclass(eq=False, slots=True)
class Sleeper:
    """A thread that waits for the baton; ``woken`` once it may have it."""

    gate: threading.Lock = field(default_factory=threading.Lock)
    woken: bool = False

    def __post_init__(self) -> None:
        """Close the gate."""
        self.gate.acquire()


@dataclass(eq=False, slots=True)
class Timer:
    """Something that happens at an instant, unless it is cancelled before."""

    fire: Callable[[], object]
    cancelled: bool = False


class VirtualClock:
    """A ``Clock`` that jumps to the next waking when all who take part wait.

    The thread that makes it holds the baton first. ``patience`` is how many real seconds it waits
    for the others before it says that they are stuck.
    """

    def __init__(self, start: datetime, patience: float = 120.0) -> None:
        self._now = require_aware(start)
        self._patience, self._maker = patience, threading.get_ident()
        self._timers: list[tuple[datetime, int, Timer]] = []
        self._count = itertools.count()
        self._ready: deque[Sleeper] = deque()
        self._parked: set[Sleeper] = set()
        self._loops: list[LoopSelector] = []
        self.stopped = False

    # --- the seam ----------------------------------------------------------------------------

    def now(self) -> datetime:
        """Return the virtual time."""
        return self._now

    def monotonic(self) -> float:
        """Return virtual seconds from the Unix epoch."""
        return self._now.replace(tzinfo=UTC).timestamp()

    def sleep(self, seconds: float) -> None:
        """Block until ``seconds`` of virtual time have passed."""
        self.sleep_until(self._now + timedelta(seconds=max(0.0, seconds)))

    def sleep_until(self, instant: datetime) -> None:
        """Block until it is ``instant``."""
        if require_aware(instant) > self._now:
            self.block([], instant)

    async def wait(self, seconds: float) -> None:
        """Let other tasks run until ``seconds`` of virtual time have passed."""
        # the loop's own time is this clock's, which knows nothing shorter than a microsecond
        await asyncio.sleep(max(1e-6, seconds) if seconds > 0 else 0)

    # --- the baton ---------------------------------------------------------------------------

    def at(self, instant: datetime, fire: Callable[[], object]) -> Timer:
        """Do something, which must not wait, at an instant."""
        timer = Timer(fire)
        heapq.heappush(self._timers, (instant, next(self._count), timer))
        return timer

    def block(self, waiters: list[Sleeper], until: datetime | None) -> None:
        """Wait to be woken from ``waiters``, at the longest ``until``.

        Raises:
            SimulatedDeath: when the clock has been stopped meanwhile.
        """
        sleeper = Sleeper()
        waiters.append(sleeper)
        timer = None if until is None else self.at(until, lambda: self.wake(sleeper))
        self.hand_over(sleeper)
        if sleeper in waiters:
            waiters.remove(sleeper)
        if timer is not None:
            timer.cancelled = True

    def wake(self, sleeper: Sleeper) -> None:
        """Let a sleeper have the baton when its turn comes."""
        if not sleeper.woken:
            sleeper.woken = True
            self._ready.append(sleeper)

    def wake_all(self, waiters: list[Sleeper]) -> None:
        """Wake everybody in ``waiters``."""
        leaving, waiters[:] = list(waiters), []
        for sleeper in leaving:
            self.wake(sleeper)

    def hand_over(self, mine: Sleeper | None) -> None:
        """Give the baton to whoever is next, and wait to have it again; not with None."""
        if self.stopped:
            if mine is not None:
                raise SimulatedDeath
            return
        following = self._next()
        if following is mine:
            return
        if following is not None:
            following.gate.release()
        if mine is not None:
            self.come_in(mine)

    def come_in(self, mine: Sleeper) -> None:
        """Wait for the baton."""
        self._parked.add(mine)
        here = threading.get_ident() == self._maker
        if not mine.gate.acquire(timeout=self._patience if here else -1):
            raise InvariantBroken(f"nothing has moved for {self._patience:g} s: {self.state()}")
        self._parked.discard(mine)
        if self.stopped:
            raise SimulatedDeath

    def _next(self) -> Sleeper | None:
        while True:
            if self._ready:
                return self._ready.popleft()
            for loop in self._loops:
                if loop.sleeper is not None and not loop.sleeper.woken and loop.pending():
                    loop.sleeper.woken = True
                    return loop.sleeper
            if not self._timers:
                return None
            at, _, timer = heapq.heappop(self._timers)
            if not timer.cancelled:
                self._now = max(self._now, at)
                timer.fire()

    def stop(self) -> None:
        """End time: every thread that waits dies where it waits."""
        self.stopped = True
        for sleeper in list(self._parked):
            sleeper.gate.release()

    def state(self) -> str:
        """Say who waits."""
        return (
            f"it is {self._now}; {len(self._parked)} wait, {len(self._ready)} could go on, "
            f"{len(self._timers)} timers, {len(self._loops)} loops"
        )

    # --- event loops -------------------------------------------------------------------------

    def joined(self, loop: LoopSelector) -> None:
        """Count an event loop in."""
        self._loops.append(loop)

    def left(self, loop: LoopSelector) -> None:
        """Count an event loop out."""
        if loop in self._loops:
            self._loops.remove(loop)


class LoopSelector(selectors.DefaultSelector):
    """A selector that hands the baton over when its loop has nothing to do."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock
        self.sleeper: Sleeper | None = None
        self.ready: Callable[[], bool] = lambda: False
        clock.joined(self)

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def select(self, timeout: float | None = None) -> Any:
        """Wait for events, for ``timeout`` virtual seconds at the longest."""
        found = super().select(0)
        if found or (timeout is not None and timeout <= 0):
            return found
        self.sleeper = sleeper = Sleeper()
        timer = None
        if timeout is not None:
            until = self._clock.now() + timedelta(seconds=timeout) + _MICROSECOND
            timer = self._clock.at(until, lambda: self._clock.wake(sleeper))
        try:
            self._clock.hand_over(sleeper)
        finally:
            self.sleeper = None
            if timer is not None:
                timer.cancelled = True
        return super().select(0)

    def pending(self) -> bool:
        """Say whether its loop has something to do; asked by whoever holds the baton."""
        return self.ready() or bool(super().select(0))

    def close(self) -> None:
        """Close it and leave the clock."""
        self._clock.left(self)
        super().close()


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is a virtual clock's."""

    def __init__(self, clock: VirtualClock) -> None:
        self._virtual, self._start = clock, clock.now()
        selector = LoopSelector(clock)
        super().__init__(selector)
        selector.ready = lambda: bool(self._ready)  # type: ignore[attr-defined]
        self._clock_resolution = 1e-6  # the clock's own: what is due within it is due

    def time(self) -> float:
        """Return virtual seconds."""
        return (self._virtual.now() - self._start).total_seconds()

    async def shutdown_default_executor(
        self,
        timeout: float | None = None,  # noqa: ASYNC109 - asyncio's own
    ) -> None:
        """Do nothing: the threads of a pool end by themselves here."""
