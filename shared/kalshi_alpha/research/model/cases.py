"""Every forecast there is to make of some sessions: one for each fixing and time before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from kalshi_alpha.pricing.variance import SESSION_MINUTES
from kalshi_alpha.research.model.measured import Bools, Floats, Ints, Measured

OPEN_MINUTE = 570  # New York minutes after midnight
HOURS = tuple(range(10, 17))  # New York hours of the fixings
CLOSE_HOUR = 16
MINUTES_BEFORE = (30, 15, 10, 5, 2, 1)


@dataclass(frozen=True, slots=True)
class Cases:
    """Forecasts as arrays of one length.

    Attributes:
        day: place of the session among the measured ones.
        hour: New York hour of the fixing.
        minutes: from the decision to the fixing.
        start: decision, minutes since the open.
        end: fixing, minutes since the open.
        moved: log move from decision to fixing.
    """

    day: Ints
    hour: Ints
    minutes: Ints
    start: Ints
    end: Ints
    moved: Floats

    def __len__(self) -> int:
        return len(self.day)

    def where(self, keep: Bools) -> Cases:
        """Return the cases where ``keep`` holds."""
        return Cases(*(getattr(self, each.name)[keep] for each in fields(self)))


def lay_out(
    sessions: Measured,
    *,
    hours: Sequence[int] = HOURS,
    minutes_before: Sequence[int] = MINUTES_BEFORE,
    first: int = 0,
) -> Cases:
    """Return the cases of all sessions from place ``first`` on, as far as the bars allow.

    A decision must fall on a bar's end, and after at least one bar of its session.
    """
    step, count = sessions.step, len(sessions.days)
    pairs = [
        (hour, before)
        for hour in hours
        for before in minutes_before
        if (end := hour * 60 - OPEN_MINUTE) <= SESSION_MINUTES
        and end % step == 0
        and before % step == 0
        and end - before >= step
    ]
    day = np.repeat(np.arange(first, count), len(pairs))
    hour, before = (
        np.tile(np.array([pair[k] for pair in pairs], dtype=np.int64), max(0, count - first))
        for k in (0, 1)
    )
    ends: Ints = hour * 60 - OPEN_MINUTE
    start = ends - before
    moved = sessions.logs[day, ends // step] - sessions.logs[day, start // step]
    return Cases(day, hour, before, start, ends, moved)
