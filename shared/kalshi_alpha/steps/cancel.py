"""Cancel: be out of the book before T-2 s. Listing and cancelling is all this step can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kalshi_alpha.cloud.table import StoreError
from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.steps.pull import Pull
from kalshi_alpha.steps.runtime import Runtime

ARMED, NOW = "armed", "now"


def run(request: Mapping[str, Any], runtime: Runtime) -> dict[str, Any]:
    """Pull the window of ``{"window_id", "mode"}``: ``armed`` sleeps to the deadline, ``now`` not.

    Safe to repeat. After a pull in mode ``now`` the window is frozen, so nothing is quoted again.
    Returns the pull's report; ``resting_after`` above 0 means that the venue closed first, and -1
    that nothing could be listed. Tables that do not answer are troubles in it and hold up nothing.
    """
    mode = str(request.get("mode", NOW))
    if mode not in {ARMED, NOW}:
        raise ConfigurationError(f"the cancel mode {mode!r} is neither {ARMED!r} nor {NOW!r}")
    window = runtime.window(str(request["window_id"]))
    troubles: list[str] = []
    group_id, known = _from_our_books(runtime, window, troubles)
    pull = Pull(runtime.puller, window, runtime.clock, group_id, known)
    if mode == ARMED:
        report = pull.at_deadline()
    else:
        _freeze(runtime, window, troubles)
        report = pull.now()
    result = report.to_json(window)
    result["troubles"] = [*troubles, *result["troubles"]]
    try:
        runtime.state.put_part(window.window_id, f"PULL-{mode}", result)
    except StoreError as error:
        result["troubles"].append(str(error))
    lateness = {"PullLateness": result["confirmed_s"]} if report.confirmed_at else {}
    return result | {
        "metrics": {"RestingAfterPull": report.may_rest, "PullAttempts": report.attempts} | lateness
    }


def _from_our_books(
    runtime: Runtime, window: Window, troubles: list[str]
) -> tuple[str, tuple[str, ...]]:
    """Return the window's order group and the order ids we know; without our books, neither.

    The pull needs neither: it lists. A store that does not answer must not keep it from doing so.
    """
    try:
        group_id = str(runtime.state.part(window.window_id, "GROUP").get("group_id", ""))
    except StoreError as error:
        troubles.append(str(error))
        group_id = ""
    try:
        docs = runtime.ledger.orders(window.window_id)
    except StoreError as error:
        troubles.append(str(error))
        docs = []
    return group_id, tuple(str(doc["order_id"]) for doc in docs if doc.get("order_id"))


def _freeze(runtime: Runtime, window: Window, troubles: list[str]) -> None:
    try:
        runtime.state.freeze(
            window.window_id, "pulled after a failure of the window", runtime.clock.now()
        )
    except StoreError as error:
        troubles.append(str(error))
