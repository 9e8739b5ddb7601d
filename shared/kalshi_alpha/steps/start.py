"""Start a window's state machine once: the schedules' door.

The execution's name is the window's id, so a schedule that fires twice starts one execution. The
window's record, written by preflight, is the second lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.cloud.services import start_execution
from kalshi_alpha.errors import AlreadyStarted, ConfigurationError
from kalshi_alpha.markets.windows import Window, windows_on
from kalshi_alpha.steps.runtime import Runtime


def run(request: Mapping[str, Any], runtime: Runtime) -> dict[str, Any]:
    """Start the window of ``{"group": "index-hourly", "fixing": "12:00"}`` (New York, today).

    A planned one is named: ``{"window_id": "20260113-0825-cpi"}``.

    Returns ``{"started", "window_id", "reason"}``. A closed day, a half day's missing hour and a
    window that is running already are answers, not errors.
    """
    now = runtime.clock.now()
    window, reason = scheduled_window(request, runtime)
    if window is None:
        return {"started": False, "window_id": "", "reason": reason, "metrics": {"NoWindow": 1}}
    if now < window.opens_at:  # an execution that is refused has used up its window's name
        reason = f"{window.window_id} may start at {window.opens_at:%Y-%m-%d %H:%M:%S} UTC"
        return {"started": False, "window_id": window.window_id, "reason": reason}
    if now >= window.make_at:
        reason = f"it is past {window.make_at:%H:%M:%S} UTC, too late to start {window.window_id}"
        return {"started": False, "window_id": window.window_id, "reason": reason}
    try:
        start_execution(
            runtime.settings.require("state_machine"),
            window.window_id,
            {"window_id": window.window_id},
        )
    except AlreadyStarted as error:
        return {"started": False, "window_id": window.window_id, "reason": str(error)}
    return {"started": True, "window_id": window.window_id, "reason": ""}


def scheduled_window(request: Mapping[str, Any], runtime: Runtime) -> tuple[Window | None, str]:
    """Return today's window of ``{"group", "fixing"}``, or None and why there is none.

    A window of ``{"window_id"}`` that waits for a release is None unless it is planned: what is not
    planned is in nobody's books.

    Raises:
        ConfigurationError: for a fixing that is not ``HH:MM``, or an unknown group.
        DataError: for a name that is no window's.
        WindowClosed: for one that the calendar does not know.
    """
    if "window_id" in request:
        return _named(str(request["window_id"]), runtime)
    group = request.get("group")
    if group not in runtime.registry.groups:
        known = ", ".join(runtime.registry.groups)
        raise ConfigurationError(
            f"the schedule's group {group!r} is none of the registry's ({known}); the stacks write "
            "it from the registry"
        )
    day = runtime.clock.now().astimezone(NEW_YORK).date()
    fixing = _time(str(request.get("fixing", "")))
    window = _find(windows_on(day, runtime.registry, runtime.sessions), request, fixing)
    if window is not None:
        return window, ""
    return None, runtime.sessions.why_closed(day) or (
        f"{day} has no {fixing:%H:%M} fixing of {group}: the session ends before"
    )


def _named(window_id: str, runtime: Runtime) -> tuple[Window | None, str]:
    window = runtime.window(window_id)
    if window.release is None:
        return window, ""
    plan = runtime.plans.of(window_id)
    if plan is None:
        return None, f"{window_id} is not planned; the planner plans what the venue lists"
    if plan.cancelled:
        return None, f"{window_id} is cancelled: {plan.cancelled}"
    return window, ""


def _find(windows: tuple[Window, ...], request: Mapping[str, Any], fixing: time) -> Window | None:
    return next(
        (
            window
            for window in windows
            if window.group == request.get("group")
            and window.fixing.astimezone(NEW_YORK).time() == fixing
        ),
        None,
    )


def _time(text: str) -> time:
    try:
        return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - a wall-clock hour, no date
    except ValueError:
        raise ConfigurationError(
            f"the schedule's fixing {text!r} is not HH:MM; the stacks write it from the registry"
        ) from None
