"""What a window leaves for whoever reads it later, as one document beside its why-records.

Reconcile writes it from the stores, the rehearsal from its own; every page and every explanation
is made from it and from the artifacts beside it, wherever the window ran.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kalshi_alpha.clock import iso
from kalshi_alpha.markets.windows import Window

SCHEMA = "kalshi-alpha/kept/1"
PARTS = ("PULL-armed", "PULL-now", "PULL-sentry", "MAKING", "LAW", "RISK")


def kept_key(window_id: str) -> str:
    """Return the artifact's key."""
    return f"windows/{window_id}/kept.json"


def kept_document(
    window: Window,
    *,
    broker: str,
    record: Mapping[str, Any],
    parts: Mapping[str, Mapping[str, Any]],
    entries: Sequence[Mapping[str, Any]],
    status: str = "",
    failure: str = "",
    visited: Sequence[str] = (),
    levels: Mapping[str, Sequence[tuple[str, float]]] | None = None,
    banner: str = "",
) -> dict[str, Any]:
    """Return the document.

    Args:
        window: the window.
        broker: who took the orders: ``paper``, ``twin`` or ``live``.
        record: the window's record, with GO and reasons.
        parts: the parts of ``PARTS`` that there are, by name.
        entries: its entries in the ledger.
        status: how the state machine's execution ended; empty where nobody asked.
        failure: why it failed; empty when it did not.
        visited: states of the state machine in the order entered.
        levels: instant (UTC text) and index level by symbol; without them a reader takes the
            values of the scans.
        banner: a warning every page of the window must lead with, or empty.
    """
    return {
        "schema": SCHEMA,
        "window_id": window.window_id,
        "fixing": iso(window.fixing),
        "broker": broker,
        "record": dict(record),
        "parts": {name: dict(part) for name, part in parts.items() if part},
        "entries": [dict(entry) for entry in entries],
        "status": status,
        "failure": failure,
        "visited": list(visited),
        "banner": banner,
        "levels": {s: [list(point) for point in points] for s, points in (levels or {}).items()},
    }
