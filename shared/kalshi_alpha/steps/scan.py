"""Scan: price the ladders from the index, look at the books, decide, and say why.

Reads only. Every candidate leaves a why-record, quoted or not, and every scan a snapshot of model
against market and a record of all it saw; they go to the artifact store under the window.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from kalshi_alpha.clock import iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.steps.fixing import PART, window_risk
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.steps.scanning import Scan, SeriesScan, snapshot
from kalshi_alpha.steps.sight import Sight
from kalshi_alpha.trading.plan import quote_plan
from kalshi_alpha.trading.why import WhyRecord


def run(request: Mapping[str, Any], runtime: Runtime) -> dict[str, Any]:
    """Scan the window of ``{"window_id"}`` and return its plan as JSON beside some counts.

    A series that may not be quoted now is left out of the plan, so that its orders are cancelled.
    """
    window = runtime.window(str(request["window_id"]))
    now = runtime.clock.now()
    revision = int(runtime.state.part(window.window_id, "MAKING").get("revision", 0)) + 1
    runtime.state.put_part(window.window_id, "MAKING", {"revision": revision, "at": iso(now)})
    sight = Sight(runtime, window, runtime.state.window(window.window_id) or {})
    scan = Scan(window, revision, runtime.registry, runtime.sessions, sight)
    scans = scan.run()
    decisions = [decision for found in scans for decision in found.decisions]
    plan = quote_plan(window.window_id, revision, runtime.clock.now(), decisions)
    records = scan.why_lines(scans, now)
    shown = snapshot(scans, plan, now) | {"risk": _leave_risk(runtime, window, scans, sight)}
    _write(runtime, window, revision, records, shown)
    runtime.artifacts.write(seen_key(window, revision), sight.packed(revision))
    refused = sum(record.decision == "refuse" for record in records)
    return {
        "plan": plan.to_json(),
        "candidates": len(decisions),
        "refused": refused,
        "metrics": {
            "Candidates": len(decisions),
            "Refusals": refused,
            "Targets": len(plan.targets),
        },
    }


def seen_key(window: Window, revision: int) -> str:
    """Return the artifact key of what a scan saw."""
    return f"windows/{window.window_id}/seen/{revision:04d}.json.gz"


def _leave_risk(
    runtime: Runtime, window: Window, scans: Sequence[SeriesScan], sight: Sight
) -> dict[str, Any] | None:
    """Leave the window's risk for whoever else looks at the fixing.

    What could not be read is left as it is, for somebody to look at: the scan quoted nothing.
    """
    try:
        fixing = sight.fixing()
    except DataError:
        return None
    risk = window_risk(scans, fixing, runtime.registry, runtime.clock.now()).to_json()
    runtime.state.put_part(window.window_id, PART, risk)
    return risk


def _write(
    runtime: Runtime,
    window: Window,
    revision: int,
    records: Sequence[WhyRecord],
    shown: Mapping[str, Any],
) -> None:
    folder = f"windows/{window.window_id}"
    lines = "".join(record.to_line() + "\n" for record in records)
    runtime.artifacts.write(f"{folder}/why/{revision:04d}.jsonl", lines.encode())
    runtime.artifacts.write(
        f"{folder}/scan/{revision:04d}.json", json.dumps(shown, sort_keys=True).encode()
    )
