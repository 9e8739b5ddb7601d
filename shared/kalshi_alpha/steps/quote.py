"""Quote: make the live orders what the plan wants. The only step that can place.

Starting is recovering: what an earlier run left open is looked up before anything new is sent, and
its tracks are found because each intent is in the ledger before its request leaves, under an id
that follows from the plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from kalshi_alpha.errors import DataError, InvariantBroken, VenueError
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.steps.desk import Desk
from kalshi_alpha.steps.exposure import settle_up
from kalshi_alpha.steps.guarded import stop_if_killed
from kalshi_alpha.steps.orders import Orders
from kalshi_alpha.steps.placing import open_budget, open_placer
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.trading.plan import QuotePlan

# A plan this old was made from another market.
_PLAN_AGE = timedelta(seconds=30)

_COUNTED = (
    "created", "amended", "canceled", "kept", "rejected", "unknown", "foreign", "blocked",
    "stale_plans", "over_limit", "repeated", "dropped", "unsynced",
)  # fmt: skip


def run(request: Mapping[str, Any], runtime: Runtime) -> dict[str, Any]:
    """Carry out the plan of ``{"window_id", "plan"}``.

    Returns the counts of what was done, and whether to scan ``again`` after ``pause_seconds``.

    Raises:
        KillSwitchOn: when the switch is on or unreadable, or the window is frozen; the state
            machine then pulls.
        InvariantBroken: when the venue's books contradict ours; the state machine then pulls.
    """
    window = runtime.window(str(request["window_id"]))
    plan = QuotePlan.from_json(request["plan"])
    if plan.window_id != window.window_id:
        raise InvariantBroken(f"the plan of {plan.window_id} was given to {window.window_id}")
    stop_if_killed(runtime, window)
    now = runtime.clock.now()
    counts: Counter[str] = Counter()
    orders = Orders(runtime, window).load()
    if now < window.last_scan_at and now - plan.made_at <= _PLAN_AGE:
        placer = open_placer(runtime, window)
        budget = open_budget(runtime, window)
        counts = Desk(runtime, window, plan, placer, budget, orders).carry_out()
    else:
        counts["stale_plans"] += 1
    _sync(runtime, orders, counts)
    return {
        **{name: counts[name] for name in _COUNTED},
        **_what_next(runtime, window),
        "metrics": {f"Quotes{name.title().replace('_', '')}": counts[name] for name in _COUNTED},
    }


def _sync(runtime: Runtime, orders: Orders, counts: Counter[str]) -> None:
    """Take in what has happened meanwhile; what cannot be read now is read by the next run."""
    try:
        orders.observe(runtime.viewer)
    except (VenueError, DataError):
        counts["unsynced"] += 1
    if orders.contradictions:
        raise InvariantBroken(orders.contradictions[0])
    settle_up(runtime, orders.window)


def _what_next(runtime: Runtime, window: Window) -> dict[str, Any]:
    pause = window.phases.scan_every
    left = (window.last_scan_at - runtime.clock.now()).total_seconds()
    return {"again": left > pause, "pause_seconds": int(pause)}
