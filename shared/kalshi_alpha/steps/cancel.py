"""Cancel: be out of the book before T-2 s. Listing and cancelling is all this step can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.steps.pull import Pull
from kalshi_alpha.steps.runtime import Runtime

ARMED, NOW = "armed", "now"


def run(request: Mapping[str, Any], runtime: Runtime) -> dict[str, Any]:
    """Pull the window of ``{"window_id", "mode"}``: ``armed`` sleeps to the deadline, ``now`` not.

    Safe to repeat. After a pull in mode ``now`` the window is frozen, so nothing is quoted again.
    Returns the pull's report; ``resting_after`` above 0 means that the venue closed first.
    """
    mode = str(request.get("mode", NOW))
    if mode not in {ARMED, NOW}:
        raise ConfigurationError(f"the cancel mode {mode!r} is neither {ARMED!r} nor {NOW!r}")
    window = runtime.window(str(request["window_id"]))
    group_id = str(runtime.state.part(window.window_id, "GROUP").get("group_id", ""))
    pull = Pull(runtime.puller, window, runtime.clock, group_id)
    if mode == ARMED:
        report = pull.at_deadline()
    else:
        reason = "pulled after a failure of the window"
        runtime.state.freeze(window.window_id, reason, runtime.clock.now())
        report = pull.now()
    result = report.to_json(window)
    runtime.state.put_part(window.window_id, f"PULL-{mode}", result)
    lateness = {"PullLateness": result["confirmed_s"]} if report.confirmed_at else {}
    return result | {
        "metrics": {"RestingAfterPull": report.resting_after, "PullAttempts": report.attempts}
        | lateness
    }
