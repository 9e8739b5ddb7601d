"""Two minutes into a window: has it begun? Asked from outside, for what never ran cannot say so.

A schedule of its own asks for every fixing; that follows holidays, half days and New York time,
which no alarm on a metric's absence does. For planned windows one schedule asks all day long, so
that it does not depend on what the planner scheduled.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.steps.start import scheduled_window

# A schedule fires up to a minute late; the start and the first step take seconds.
GRACE = timedelta(minutes=3)
_DAY_BY_DAY = (timedelta(0), timedelta(hours=1))


def run(request: Mapping[str, Any], runtime: Runtime) -> dict[str, Any]:
    """Say whether the window of ``{"group", "fixing"}`` has begun; ``WindowMissing`` is an alarm.

    A window has begun when its first step has claimed it. A closed day owes no window.
    ``{"planned": true}`` asks after every planned window that is due and not over.
    """
    if request.get("planned"):
        return _planned(runtime)
    window, reason = scheduled_window(request, runtime)
    if window is None:
        return _answer("", reason, missing=False)
    if runtime.state.window(window.window_id) is not None:
        return _answer(window.window_id, "", missing=False)
    late = (runtime.clock.now() - window.prep_at).total_seconds()
    reason = f"{window.window_id} has not begun {late:.0f} s after its preparation was due"
    return _answer(window.window_id, reason, missing=True)


def _planned(runtime: Runtime) -> dict[str, Any]:
    now = runtime.clock.now()
    # One whose trading ends just after midnight is prepared the day before.
    days = sorted({(now + ahead).astimezone(NEW_YORK).date() for ahead in _DAY_BY_DAY})
    due = [
        window
        for day in days
        for window in runtime.windows_on(day)
        if window.release is not None and window.prep_at + GRACE <= now < window.fixing
    ]
    if not due:
        return _answer("", "no planned window is due", missing=False)
    missing = [w.window_id for w in due if runtime.state.window(w.window_id) is None]
    reason = f"not begun, though due: {', '.join(missing)}" if missing else ""
    return _answer(", ".join(missing), reason, missing=bool(missing))


def _answer(window_id: str, reason: str, *, missing: bool) -> dict[str, Any]:
    return {
        "window_id": window_id,
        "missing": missing,
        "reason": reason,
        "metrics": {"WindowMissing": int(missing)},
    }
