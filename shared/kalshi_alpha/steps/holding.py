"""Who watches: one sentry at a time, by a mark in the state table that has to be renewed.

Whatever else may run once only takes a hold of its own ``name``.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from datetime import timedelta

from kalshi_alpha.cloud.table import StoreError
from kalshi_alpha.steps.runtime import Runtime

# How long a sentry that has stopped renewing keeps another from taking its place; how long that
# one waits for it, which is longer, so that one that has died is always followed.
HOLD_SECONDS, PATIENCE_SECONDS = 10.0, 15.0
_ASK_SECONDS = 1.0


class Hold:
    """This process's hold on the watch. A table that does not answer never costs the watch."""

    def __init__(
        self, runtime: Runtime, tell: Callable[[str], object], name: str = "WATCH"
    ) -> None:
        self._runtime, self._tell, self._name = runtime, tell, name
        self._holder, self._renewed_at = uuid.uuid4().hex, 0.0
        self.lost = False

    async def take(self, stopped: Callable[[], bool]) -> bool:
        """Wait for a sentry that has died to lose its hold; a living one keeps it."""
        clock = self._runtime.clock
        until = clock.monotonic() + PATIENCE_SECONDS
        while not await asyncio.to_thread(self.claim):
            if stopped() or clock.monotonic() >= until:
                self._tell("another sentry watches: leaving it to that one")
                return False
            await clock.wait(_ASK_SECONDS)
        return True

    def claim(self) -> bool:
        """Hold for the next ten seconds; return False when another sentry does."""
        clock = self._runtime.clock
        now, self._renewed_at = clock.now(), clock.monotonic()
        try:
            until = now + timedelta(seconds=HOLD_SECONDS)
            return self._runtime.state.hold_watch(self._holder, now, until, self._name)
        except StoreError as error:  # no watch at all would be worse than two
            self._tell(f"whether another sentry watches is not known: {error}")
            return True

    def renew(self) -> bool:
        """Renew the hold when it is due; return False once another sentry has taken over."""
        since = self._runtime.clock.monotonic() - self._renewed_at
        if since >= HOLD_SECONDS / 3 and not self.claim():
            self.lost = True
            self._tell("another sentry has taken over: leaving it to that one")
        return not self.lost

    def release(self) -> None:
        """Let the next sentry in at once."""
        if not self.lost:
            now = self._runtime.clock.now()
            with contextlib.suppress(StoreError):  # it then waits ten seconds
                self._runtime.state.hold_watch(self._holder, now, now, self._name)
