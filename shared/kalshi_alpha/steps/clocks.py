"""Is our wall clock right? Watched against steady time and against the index vendor's stamps.

A message never arrives before it was sent, so the least lag of a minute bounds our error: below
zero we are behind by at least that much. Above zero it is the way here or a clock ahead, and the
limit on lag rules both.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime

# How long a lag counts, and how far off is wrong: far above a time server's corrections, and small
# against the two seconds between the pull and the fixing.
MEMORY_SECONDS, LIMIT_SECONDS = 60.0, 0.25


class ClockWatch:
    """The evidence of the last minute."""

    def __init__(self) -> None:
        self._least: deque[tuple[float, float]] = deque()  # (steady second, least lag in it)
        self._last: tuple[datetime, float] | None = None
        self._stepped: tuple[float, float] | None = None  # (seconds, steady time of it)

    def stamp(self, lag_s: float, monotonic: float) -> None:
        """Take one message's receive time less its sender's stamp, in seconds."""
        second = float(int(monotonic))
        if self._least and self._least[-1][0] == second:
            self._least[-1] = (second, min(lag_s, self._least[-1][1]))
        else:
            self._least.append((second, lag_s))
        self._forget(monotonic)

    def tick(self, now: datetime, monotonic: float) -> float:
        """Look at both clocks; return by how much the wall clock stepped since the last look."""
        before, self._last = self._last, (now, monotonic)
        if before is None:
            return 0.0
        step = (now - before[0]).total_seconds() - (monotonic - before[1])
        if abs(step) <= LIMIT_SECONDS:
            return 0.0
        self._stepped = (step, monotonic)
        self._least.clear()  # what was measured before says nothing of the clock as it is now
        return step

    def offset(self, monotonic: float) -> float | None:
        """Return the least lag of the last minute in seconds, None when nothing was heard."""
        self._forget(monotonic)
        return min((lag for _, lag in self._least), default=None)

    def broken(self, monotonic: float) -> str:
        """Return what is wrong with our clock, or an empty text."""
        if self._stepped is not None and monotonic - self._stepped[1] <= MEMORY_SECONDS:
            return f"our clock stepped by {self._stepped[0]:+.3f} s"
        offset = self.offset(monotonic)
        if offset is not None and offset < -LIMIT_SECONDS:
            return f"our clock is {-offset:.3f} s or more behind, over {LIMIT_SECONDS} s"
        return ""

    def _forget(self, monotonic: float) -> None:
        while self._least and self._least[0][0] < monotonic - MEMORY_SECONDS:
            self._least.popleft()
