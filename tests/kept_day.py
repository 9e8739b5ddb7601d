"""A small day in a folder, as the functions leave it: one window that went well, one NO-GO."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from kalshi_alpha.clock import iso
from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.markets.windows import Window, window_from_id
from kalshi_alpha.pricing.table import normal_table
from kalshi_alpha.trading.kept import kept_document, kept_key

DAY = date(2025, 11, 4)
NOON, CLOSE = "20251104-1200-index-hourly", "20251104-1600-index-close"
EVENT = "KXINXU-25NOV04H1200"
LOW, EVEN, HIGH = (f"{EVENT}-T{strike}" for strike in ("6794.9999", "6799.9999", "6804.9999"))
NEVER = f"{EVENT}-T6899.9999"
BANNER = "FORCED RUN (PAPER): a recorded day, nothing was placed"
TRICKY = "the book's <best> & only price is | odd"


def leave_day(folder: Path, *, banner: str = "") -> FolderStore:
    """Write both windows below ``folder`` and return the store."""
    store = FolderStore(folder)
    noon, close = (window_from_id(n, load_registry(), load_sessions()) for n in (NOON, CLOSE))
    _keep(store, noon, banner, record=_go(noon), entries=_entries(noon), parts=_parts(noon))
    for revision, seconds in enumerate((300, 240, 180), 1):
        _scan(store, noon, revision, seconds)
    _write(store, f"windows/{NOON}/summary.json", _summary())
    refused = {"go": False, "reasons": ["the kill-switch is on: practice"], "series": {}}
    _keep(store, close, banner, record=refused, entries=[], parts={})
    return store


def _keep(store: FolderStore, window: Window, banner: str, **left: Any) -> None:
    document = kept_document(
        window, broker="twin", status="SUCCEEDED", visited=("Preflight", "Scan"), banner=banner,
        levels={"SPX": [(_at(window, s), 6800 + s / 100) for s in range(300, 0, -5)]}, **left,
    )  # fmt: skip
    _write(store, kept_key(window.window_id), document)


def _write(store: FolderStore, key: str, document: Any) -> None:
    store.write(key, json.dumps(document).encode())


def _at(window: Window, before: float) -> str:
    return iso(window.fixing - timedelta(seconds=before))


def _go(window: Window) -> dict[str, Any]:
    one = {"go": True, "reasons": [], "markets_listed": 41, "fee_type": "quadratic"}
    one["fee_multiplier"] = "0.5"
    return {"go": True, "reasons": [], "series": dict.fromkeys(window.series, one)}


def _parts(window: Window) -> dict[str, Any]:
    table = normal_table(step=0.5)
    law = {
        "at": _at(window, 300), "level": 6803.0, "drift": 0.0, "scale": 0.0008,
        "knots": list(table.knots), "log_odds": list(table.log_odds),
    }  # fmt: skip
    return {
        "LAW": {"SPX": {"first": law, "last": law | {"at": _at(window, 180)}}},
        "PULL-armed": {
            "started_at": _at(window, 2.25), "confirmed_at": _at(window, 2.2), "found": 1,
            "canceled": 1, "resting_after": 0, "started_s": -2.25, "confirmed_s": -2.2,
        },
    }  # fmt: skip


def _entries(window: Window) -> list[dict[str, Any]]:
    filled = _order(window, "a", LOW, "bid", 8500, ("resting", "filled"))
    pulled = _order(window, "b", HIGH, "ask", 4600, ("resting", "canceled"))
    crossed = _order(window, "c", EVEN, "bid", 7000, ("rejected",)) | {"why": "post only cross"}
    fill = {
        "sk": "FILL#f", "fill_id": "f", "order_id": "a", "ticker": LOW, "side": "bid",
        "price": 8500, "size": 100, "fee": 0, "is_taker": False, "at": _at(window, 200),
    }  # fmt: skip
    settled = {"sk": f"SETTLEMENT#{LOW}", "ticker": LOW, "result": "yes", "revenue": 1_000_000}
    return [filled, pulled, crossed, fill, settled]


def _order(
    window: Window, name: str, ticker: str, side: str, price: int, life: tuple[str, ...]
) -> dict[str, Any]:
    events: list[dict[str, Any]] = [{"at": _at(window, 290), "status": "intended"}]
    for n, status in enumerate(life):
        extra = {"price": price} if status == "resting" else {}
        events.append({"at": _at(window, 280 - 80 * n), "status": status} | extra)
    return {
        "sk": f"ORDER#{name}", "order_id": name, "ticker": ticker, "side": side, "price": price,
        "size": 100, "status": life[-1], "events": events,
    }  # fmt: skip


def _scan(store: FolderStore, window: Window, revision: int, before: float) -> None:
    rungs = [
        {"ticker": LOW, "low": 679500, "high": None, "probability": 0.92, "bid": 8300, "ask": 8700},
        {"ticker": EVEN, "low": 680000, "high": None, "probability": 0.7, "bid": 6800, "ask": 7100},
        {"ticker": HIGH, "low": 680500, "high": None, "probability": 0.4, "bid": 3800, "ask": 4500},
    ]
    targets = [{"ticker": LOW, "side": "bid", "price": 8500}]
    spx = {"value": 6803.0, "ladder": rungs, "best_evs": [0.07, 0.01, -0.02]}
    scan = {"at": _at(window, before), "plan": {"targets": targets}, "series": {"KXINXU": spx}}
    scan["risk"] = _risk(window, before, revision)
    _write(store, f"windows/{NOON}/scan/{revision:04d}.json", scan)
    whys = [
        _why(window, before, LOW, "bid", "quote", ev=0.07, price=8500, size=100),
        _why(window, before, EVEN, "ask", "refuse", ev=0.01, code="edge-below-threshold"),
        _why(window, before, "", "", "refuse", series="KXNASDAQ100U", code="heartbeat-missing"),
    ]
    lines = "".join(json.dumps(why) + "\n" for why in whys)
    store.write(f"windows/{NOON}/why/{revision:04d}.jsonl", lines.encode())


def _risk(window: Window, before: float, revision: int) -> dict[str, Any]:
    """What a scan leaves of its fixing's risk, each a dollar worse than the one before."""
    held = {"ticker": LOW, "low": 679500, "high": None, "side": "bid", "size": 100, "cost": 850_000}
    wanted = held | {"ticker": HIGH, "low": 680500, "side": "ask", "size": 250}
    spx = {"ticks_per_point": 100, "law": None, "held": [held], "resting": [wanted]}
    lost = 1_000_000 * revision
    fixing = {"level": 0.99, "var": lost - 1_500_000, "shortfall": lost, "worst": lost + 850_000}
    return {
        "schema": "kalshi-alpha/risk/1", "at": _at(window, before), "claims": [], "markets": {},
        "symbols": {"SPX": spx}, "fixing": fixing | {"correlation": None},
    }  # fmt: skip


def _why(
    window: Window, before: float, ticker: str, side: str, decision: str, **told: Any
) -> dict[str, Any]:
    blank = dict.fromkeys(("price", "size", "ev", "probability", "bid", "ask"))
    row: dict[str, Any] = blank | {
        "window_id": NOON, "series": "KXINXU", "ticker": ticker, "side": side, "code": "",
        "decision": decision, "at": _at(window, before), "reason": "", "evidence": {},
    }  # fmt: skip
    if side:
        row |= {"probability": 0.92, "bid": 8300, "ask": 8700}
    if decision == "refuse":
        row["reason"] = TRICKY
    return row | told | {"best_ev": told.get("ev")}


def _summary() -> dict[str, Any]:
    spx = {"settlement_value": 6802.57, "feed_value": 6802.51, "basis": 0.06, "pnl": 150_000}
    ndx = {"settlement_value": None, "feed_value": None, "basis": None, "pnl": 0}
    return {
        "series": {
            "KXINXU": spx | {"fees": 0, "fills": 1},
            "KXNASDAQ100U": ndx | {"fees": 0, "fills": 0},
        }
    }
