"""The one place where time comes from: everything else is handed a ``Clock``."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")

_LONGEST_STAMP = 64  # characters of RFC 3339, any number of fractional digits included
# time.sleep overshoots by up to a few ms; the rest of the way is spun.
_SPIN_SECONDS = 0.003


class Clock(Protocol):
    """Wall time, steady time and waiting, as one seam."""

    def now(self) -> datetime:
        """Return the wall time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return steady seconds from an arbitrary origin; a wall-clock step does not move it."""
        ...

    def sleep(self, seconds: float) -> None:
        """Block for ``seconds`` (negative counts as 0)."""
        ...

    async def wait(self, seconds: float) -> None:
        """Let other tasks run for ``seconds`` (negative counts as 0)."""
        ...

    def sleep_until(self, instant: datetime) -> None:
        """Block until ``instant``, to about a millisecond; return at once when it has passed."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the machine's wall time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the machine's steady seconds."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Block the thread for ``seconds``."""
        time.sleep(max(0.0, seconds))

    async def wait(self, seconds: float) -> None:
        """Yield to the event loop for ``seconds``."""
        import asyncio  # noqa: PLC0415 - the functions never wait like this, and start without it

        await asyncio.sleep(max(0.0, seconds))

    def sleep_until(self, instant: datetime) -> None:
        """Sleep to just before ``instant``, then spin the last 3 ms."""
        target = time.monotonic() + (instant - self.now()).total_seconds()
        time.sleep(max(0.0, target - time.monotonic() - _SPIN_SECONDS))
        while time.monotonic() < target:
            pass


class ManualClock:
    """A clock that moves only when told to; sleeping moves it. For tests and dry runs."""

    def __init__(self, start: datetime) -> None:
        self._now = require_aware(start)
        self._monotonic = 0.0

    def now(self) -> datetime:
        """Return the time it was last set to."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds it was moved by ``advance``; ``step`` does not count."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass on both clocks."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds

    def step(self, seconds: float) -> None:
        """Correct the wall clock by ``seconds``, as a time server would, without time passing."""
        self._now += timedelta(seconds=seconds)

    def sleep(self, seconds: float) -> None:
        """Advance by ``seconds``."""
        self.advance(max(0.0, seconds))

    async def wait(self, seconds: float) -> None:
        """Advance by ``seconds`` and let other tasks run once."""
        import asyncio  # noqa: PLC0415 - as in ``SystemClock.wait``

        self.advance(max(0.0, seconds))
        await asyncio.sleep(0)

    def sleep_until(self, instant: datetime) -> None:
        """Advance to ``instant`` when it lies ahead."""
        self.advance(max(0.0, (instant - self._now).total_seconds()))


def require_aware(instant: datetime) -> datetime:
    """Return ``instant`` in UTC; raise ``ValueError`` when it carries no time zone."""
    if instant.tzinfo is None:
        raise ValueError(f"the time {instant.isoformat()} carries no time zone")
    return instant.astimezone(UTC)


def iso(instant: datetime) -> str:
    """Return ``instant`` as RFC 3339 in UTC with a Z, with microseconds only when there are any."""
    return require_aware(instant).isoformat().replace("+00:00", "Z")


def from_iso(text: str) -> datetime:
    """Parse RFC 3339 text with any number of fractional digits.

    Raises:
        ValueError: when it is something else, naive, or outside the calendar once in UTC.
    """
    if len(text) > _LONGEST_STAMP:
        raise ValueError(f"a time of {len(text)} characters")
    head, dot, tail = text.partition(".")
    if dot:  # the venue trims trailing zeros, so fractions come in any length
        digits = len(tail) - len(tail.lstrip("0123456789"))
        text = f"{head}.{tail[:digits][:6].ljust(6, '0')}{tail[digits:]}"
    try:
        return require_aware(datetime.fromisoformat(text))
    except OverflowError:
        raise ValueError(f"the time {text[:40]!r} is outside the calendar") from None
