"""Small files of bars, trades and results, written as recordings are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kalshi_alpha.clock import NEW_YORK

MINUTES = 390


def bars_file(folder: Path, days: dict[date, Sequence[float]], name: str = "bars.parquet") -> Path:
    """Write one-minute bars of SPX: each day's 391 levels, at the open and each minute's end.

    A 392nd level is the official close, after the bell.
    """
    columns: dict[str, list[Any]] = {
        key: [] for key in ("ts_utc", "open", "high", "low", "close", "symbol")
    }
    for day, levels in days.items():
        begin = datetime(day.year, day.month, day.day, 9, 30, tzinfo=NEW_YORK).astimezone(UTC)
        for k, (opened, closed) in enumerate(pairwise(levels)):
            columns["ts_utc"].append(begin + timedelta(minutes=k))
            columns["open"].append(opened)
            columns["high"].append(max(opened, closed) + 0.05)
            columns["low"].append(min(opened, closed) - 0.05)
            columns["close"].append(closed)
            columns["symbol"].append("SPX")
    file = folder / name
    table = pa.table(
        columns | {"ts_utc": pa.array(columns["ts_utc"], pa.timestamp("us", tz="UTC"))}
    )
    pq.write_table(table, file)
    return file


def walked_levels(seed: int, start: float = 6900.0) -> list[float]:
    """Return 391 levels of a walk of about a point a minute."""
    steps = np.random.default_rng(seed).normal(0.0, 1.0, MINUTES)
    return [round(float(x), 2) for x in start + np.concatenate(([0.0], np.cumsum(steps)))]


def second(
    day: date,
    clock: str,
    strike: float,
    *,
    sold: float | None = None,
    bought: float | None = None,
    spx: float = 6900.0,
) -> dict[str, Any]:
    """Return one second of trades on a 16:00 threshold; ``clock`` is New York's."""
    hour, minute, sec = (int(part) for part in clock.split(":"))
    at = datetime(day.year, day.month, day.day, hour, minute, sec, tzinfo=NEW_YORK)
    return {
        "ts_utc": at.astimezone(UTC),
        "ticker": f"KXINXU-{day:%y%b%d}H1600-T{strike:.4f}".upper(),
        "series": "KXINXU",
        "event_day": day,
        "expiry_et": "16:00",
        "strike_kind": "T",
        "strike": strike,
        "sell_px": sold,
        "buy_px": bought,
        "spx": spx,
    }


def trades_file(folder: Path, rows: Sequence[dict[str, Any]], name: str = "trades.parquet") -> Path:
    """Write seconds of trades."""
    file = folder / name
    table = pa.Table.from_pylist(list(rows))
    for price in ("sell_px", "buy_px"):
        if price in table.column_names and pa.types.is_null(table[price].type):
            place = table.column_names.index(price)
            table = table.set_column(place, price, table[price].cast(pa.float64()))
    pq.write_table(table, file)
    return file
