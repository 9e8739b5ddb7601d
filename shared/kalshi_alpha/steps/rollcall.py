"""Two minutes into a window: has it begun? Asked from outside, for what never ran cannot say so.

A schedule of its own asks for every fixing; that follows holidays, half days and New York time,
which no alarm on a metric's absence does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.steps.start import scheduled_window


def run(request: Mapping[str, Any], runtime: Runtime) -> dict[str, Any]:
    """Say whether the window of ``{"group", "fixing"}`` has begun; ``WindowMissing`` is an alarm.

    A window has begun when its first step has claimed it. A closed day owes no window.
    """
    window, reason = scheduled_window(request, runtime)
    if window is None:
        return _answer("", reason, missing=False)
    if runtime.state.window(window.window_id) is not None:
        return _answer(window.window_id, "", missing=False)
    late = (runtime.clock.now() - window.prep_at).total_seconds()
    reason = f"{window.window_id} has not begun {late:.0f} s after its preparation was due"
    return _answer(window.window_id, reason, missing=True)


def _answer(window_id: str, reason: str, *, missing: bool) -> dict[str, Any]:
    return {
        "window_id": window_id,
        "missing": missing,
        "reason": reason,
        "metrics": {"WindowMissing": int(missing)},
    }
