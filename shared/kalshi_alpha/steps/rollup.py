"""The day's windows, orders, fills and decisions as parquet that a query service reads.

Made anew each evening from the tables and the artifacts, so that running it twice leaves the same
files. A window that did not run is a row that says so. Not for a hot function: it needs pyarrow.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kalshi_alpha.clock import from_iso
from kalshi_alpha.cloud.rollup import TABLES, key
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.steps.runtime import Runtime

_TYPES = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}
Row = Mapping[str, Any]


def roll_up(runtime: Runtime, day: date) -> dict[str, int]:
    """Write the day's part of every table to the artifact store; return rows by table."""
    windows = runtime.windows_on(day)
    rows: dict[str, list[Row]] = {
        "windows": [_window(runtime, window) for window in windows],
        "orders": [row for window in windows for row in _orders(runtime, window)],
        "fills": [row for window in windows for row in _fills(runtime, window)],
        "decisions": [row for window in windows for row in _decisions(runtime, window)],
    }
    for name, found in rows.items():
        runtime.artifacts.write(key(name, day), _parquet(name, found))
    return {name: len(found) for name, found in rows.items()}


def schema(table: str) -> pa.Schema:
    """Return the parquet schema of a daily table."""
    return pa.schema([(name, _TYPES[kind]) for name, kind in TABLES[table].items()])


def _parquet(table: str, rows: Iterable[Row]) -> bytes:
    wanted = TABLES[table]
    columns: dict[str, list[Any]] = {name: [] for name in wanted}
    for row in rows:
        for name, kind in wanted.items():
            value = row.get(name)
            if kind == "timestamp" and isinstance(value, str):
                value = from_iso(value)
            columns[name].append(value)
    data = io.BytesIO()
    pq.write_table(pa.Table.from_pydict(columns, schema=schema(table)), data, compression="zstd")
    return data.getvalue()


def _window(runtime: Runtime, window: Window) -> Row:
    record = runtime.state.window(window.window_id) or {}
    pull = runtime.state.part(window.window_id, "PULL-armed")
    summary = _summary(runtime, window)
    reasons = record.get("reasons", []) if record else ["the window never started"]
    return {
        "window_id": window.window_id,
        "window_group": window.group,
        "fixing": window.fixing,
        "go": bool(record.get("go", False)),
        "reasons": "; ".join(reasons),
        "pull_confirmed_s": pull.get("confirmed_s"),
        "resting_after": pull.get("resting_after"),
        **{name: summary.get(name) for name in ("fills", "fees", "pnl", "cash_difference")},
    }


def _summary(runtime: Runtime, window: Window) -> dict[str, Any]:
    try:
        data = runtime.artifacts.read(f"windows/{window.window_id}/summary.json")
    except DataError:
        return {}
    found: dict[str, Any] = json.loads(data)
    return found


def _orders(runtime: Runtime, window: Window) -> Iterator[Row]:
    for doc in runtime.ledger.orders(window.window_id):
        events = doc.get("events", [])
        yield doc | {
            "window_id": window.window_id,
            "intended_at": events[0]["at"] if events else None,
            "events": len(events),
        }


def _fills(runtime: Runtime, window: Window) -> Iterator[Row]:
    for fill in runtime.ledger.fills(window.window_id):
        yield {
            "window_id": window.window_id,
            "fill_id": fill.fill_id,
            "order_id": fill.order_id,
            "ticker": fill.ticker,
            "side": fill.side.value,
            "price": fill.price,
            "size": fill.size,
            "is_taker": fill.is_taker,
            "fee": fill.fee,
            "at": fill.at,
        }


def _decisions(runtime: Runtime, window: Window) -> Iterator[Row]:
    for name in runtime.artifacts.keys(f"windows/{window.window_id}/why/"):
        for line in runtime.artifacts.read(name).splitlines():
            row: dict[str, Any] = json.loads(line)
            yield row
