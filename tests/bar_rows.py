"""Made-up bars in the documented form, for tests that break them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.markets.sessions import load_sessions

Row = dict[str, Any]

# Tuesday to Friday of a plain week, then a half day.
DAYS = (date(2025, 11, 4), date(2025, 11, 5), date(2025, 11, 6), date(2025, 11, 7))
HALF_DAY = date(2025, 11, 28)
PRICES = ("open", "high", "low", "close")


def row(day: date, minute: int, prices: Sequence[float], symbol: str = "SPX") -> Row:
    midnight = datetime.combine(day, time(0), NEW_YORK)
    start = (midnight + timedelta(minutes=minute)).astimezone(UTC)
    return {
        "ts_utc": start,
        "et_date": day,
        "et_min": minute,
        **dict(zip(PRICES, prices, strict=True)),
        "symbol": symbol,
    }


def made_day(
    day: date, *, step: int = 5, level: float = 6800.0, symbol: str = "SPX", seed: int = 1
) -> list[Row]:
    """A whole session that wanders, and one print after it, which is its official close."""
    session = load_sessions().on(day)
    minutes = session.minutes if session else 390
    rng = Random(f"{day}/{step}/{symbol}/{seed}")
    rows = []
    for start in range(570, 570 + minutes, step):
        move = round(rng.choice((-1, 1)) * rng.uniform(0.2, 3.0), 2)
        first, last = level, round(level + move, 2)
        rows.append(
            row(day, start, (first, max(first, last) + 0.5, min(first, last) - 0.5, last), symbol)
        )
        level = last
    rows.append(row(day, 570 + minutes, (level, level + 0.3, level - 0.1, level + 0.2), symbol))
    return rows


def made(days: Iterable[date] = DAYS, **how: Any) -> list[Row]:
    return [each for day in days for each in made_day(day, **how)]


def parquet(file: Path, rows: Sequence[Row]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    columns = {name: [each[name] for each in rows] for name in rows[0]}
    table = pa.table(columns)
    if "ts_utc" in columns:
        table = table.set_column(
            table.column_names.index("ts_utc"),
            "ts_utc",
            pa.array(columns["ts_utc"], pa.timestamp("ms", "UTC")),
        )
    pq.write_table(table, file)
    return file


def comma_separated(file: Path, rows: Sequence[Row]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, list(rows[0]))
        writer.writeheader()
        for each in rows:
            at = each.get("ts_utc")
            shown = at.isoformat().replace("+00:00", "Z") if isinstance(at, datetime) else at
            writer.writerow(each | ({"ts_utc": shown} if "ts_utc" in each else {}))
    return file
