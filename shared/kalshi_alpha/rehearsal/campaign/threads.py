"""What ``threading`` and thread pools offer, on a virtual clock."""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from kalshi_alpha.rehearsal.campaign.virtual import SimulatedDeath, Sleeper, VirtualClock


class Threads:
    """A stand-in for the module ``threading``, for whatever starts threads and waits."""

    def __init__(self, clock: VirtualClock) -> None:
        self.Lock, self.RLock, self.Condition = threading.Lock, threading.RLock, threading.Condition
        self.current_thread = threading.current_thread

        class Event:
            """An event that is waited for in virtual time."""

            def __init__(self) -> None:
                self._set = False
                self._waiters: list[Sleeper] = []

            def is_set(self) -> bool:
                return self._set

            def set(self) -> None:
                self._set = True
                clock.wake_all(self._waiters)

            def wait(self, timeout: float | None = None) -> bool:
                if not self._set:
                    seconds = None if timeout is None else timedelta(seconds=timeout)
                    clock.block(self._waiters, None if seconds is None else clock.now() + seconds)
                return self._set

        class Thread(threading.Thread):
            """A thread that runs when it has the baton."""

            def start(self) -> None:
                self._over = Event()
                self._context = contextvars.copy_context()
                self._first = Sleeper()
                clock.wake(self._first)
                super().start()

            def run(self) -> None:
                with contextlib.suppress(SimulatedDeath):
                    try:
                        clock.come_in(self._first)
                        self._context.run(super().run)
                    finally:
                        self._over.set()
                        clock.hand_over(None)

            def join(self, timeout: float | None = None) -> None:
                self._over.wait(timeout)

            def is_alive(self) -> bool:
                return not self._over.is_set()

        self.Event, self.Thread = Event, Thread


class _Line:
    """What a pool has to do, and how many of its threads are at it."""

    def __init__(self, threads: Threads, most: int) -> None:
        self._threads, self._most, self._running = threads, most, 0
        self._work: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._idle: list[Any] = []

    def take(self, future: Future[Any], call: Callable[[], Any]) -> None:
        """Do a call in a thread, when one is free."""
        self._work.append((future, call))
        if self._running < self._most:
            self._running += 1
            self._threads.Thread(target=self._go, daemon=True).start()

    def wait(self) -> None:
        """Wait until nothing is left to do."""
        if self._running:
            idle = self._threads.Event()
            self._idle.append(idle)
            idle.wait()

    def _go(self) -> None:
        try:
            while self._work:
                self._do(*self._work.popleft())
        finally:
            self._running -= 1
            if not self._running:
                for idle in self._idle:
                    idle.set()

    def _do(self, future: Future[Any], call: Callable[[], Any]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = call()
        except SimulatedDeath as death:
            future.set_exception(death)
            raise
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            future.set_exception(error)
        else:
            future.set_result(result)


@contextlib.contextmanager
def pools_on(threads: Threads) -> Iterator[None]:
    """Let every thread pool work on the clock of ``threads``."""
    lines: dict[ThreadPoolExecutor, _Line] = {}

    def submit(self: ThreadPoolExecutor, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        context = contextvars.copy_context()
        future: Future[Any] = Future()
        if self not in lines:
            lines[self] = _Line(threads, self._max_workers)
        lines[self].take(future, lambda: context.run(fn, *args, **kwargs))
        return future

    def shutdown(self: ThreadPoolExecutor, wait: bool = True, **_: Any) -> None:
        if wait and self in lines:
            lines[self].wait()

    changed = {"submit": submit, "shutdown": shutdown}
    originals = {name: getattr(ThreadPoolExecutor, name) for name in changed}
    for name, function in changed.items():
        setattr(ThreadPoolExecutor, name, function)
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(ThreadPoolExecutor, name, original)
