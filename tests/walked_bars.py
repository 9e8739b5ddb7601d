"""Files of bars in the documented form, made from a seeded walk with a course over the day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.markets.sessions import load_sessions

STEPS = 30  # prices behind each bar


def sessions_from(first: date, count: int) -> list[date]:
    """Return the first whole sessions from a day on."""
    found: list[date] = []
    day = first
    while len(found) < count:
        session = load_sessions().on(day)
        if session is not None and session.minutes == 390:
            found.append(day)
        day += timedelta(days=1)
    return found


def bar_table(days: Sequence[date], *, step: int = 5, seed: int = 1, symbol: str = "SPX"):
    """Return bars of whole sessions; a day's bars depend on the seed and the day alone."""
    parts = [_day(day, step, seed) for day in days]
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    count = len(rows["close"])
    return pa.table(
        {
            "ts_utc": pa.array(rows.pop("ts_utc"), pa.timestamp("ms", "UTC")),
            "et_date": pa.array(rows.pop("et_date"), pa.date32()),
            "et_min": pa.array(rows.pop("et_min"), pa.int16()),
            **{name: pa.array(values) for name, values in rows.items()},
            "symbol": pa.array([symbol] * count),
            "source": pa.array(["made"] * count),
        }
    )


def write_bars(file: Path, days: Sequence[date], **options) -> Path:
    """Write such bars as parquet; return the file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(bar_table(days, **options), file)
    return file


def _day(day: date, step: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng([seed, day.toordinal()])
    bars = 390 // step
    place = (np.arange(bars) + 0.5) / bars
    # A session has its own liveliness, and within it a regime that lasts.
    lively = np.exp(0.5 * rng.standard_normal() + np.cumsum(0.1 * rng.standard_normal(bars)))
    variance = 5e-5 / bars * (0.6 + 4.8 * (place - 0.5) ** 2) * lively
    steps = rng.standard_normal((bars, STEPS)) * np.sqrt(variance / STEPS)[:, None]
    logs = np.log(6000.0) + np.cumsum(steps.ravel()).reshape(bars, STEPS)
    before = np.concatenate([[np.log(6000.0)], logs[:-1, -1]])
    whole = np.concatenate([before[:, None], logs], axis=1)
    opened = datetime(day.year, day.month, day.day, 9, 30, tzinfo=NEW_YORK).astimezone(UTC)
    stamps = [opened + timedelta(minutes=step * k) for k in range(bars)]
    return {
        "ts_utc": np.array([stamp.replace(tzinfo=None) for stamp in stamps], "datetime64[ms]"),
        "et_date": np.array([day] * bars, "datetime64[D]"),
        "et_min": 570 + step * np.arange(bars),
        "open": np.exp(whole[:, 0]).round(4),
        "high": np.exp(whole.max(axis=1)).round(4),
        "low": np.exp(whole.min(axis=1)).round(4),
        "close": np.exp(whole[:, -1]).round(4),
    }
