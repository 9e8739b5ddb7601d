"""Made days of temperature ladders, in the form of the recorded ones."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FIRST = date(2024, 9, 1)
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
OFFSETS = {"KXHIGHNY": 5, "KXHIGHCHI": 6}
TRADE = ("event_day", "ticker", "ts_utc", "count", "yes_price", "taker_yes")


def event_name(series: str, day: date) -> str:
    """Return the ticker of a day's event."""
    return f"{series}-{day.year % 100}{MONTHS[day.month - 1]}{day.day:02d}"


def market_rows(series: str, day: date, winner: int, low: int = 70) -> list[dict[str, Any]]:
    """Return six markets: below ``low``, four of two degrees, and above; ``winner`` paid."""
    name = event_name(series, day)
    strikes: list[tuple[str, str, float | None, float | None]] = [
        (f"T{low}", "less", None, float(low)),
        *(
            (f"B{low + 2 * k}.5", "between", float(low + 2 * k), float(low + 2 * k + 1))
            for k in range(4)
        ),
        (f"T{low + 7}", "greater", float(low + 7), None),
    ]
    return [
        {
            "ticker": f"{name}-{strike}",
            "event_ticker": name,
            "strike_type": kind,
            "floor_strike": floor,
            "cap_strike": cap,
            "result": "yes" if k == winner else "no",
        }
        for k, (strike, kind, floor, cap) in enumerate(strikes)
    ]


def trade_row(
    market: dict[str, Any], day: date, at: datetime, price: int, count: int, *, bought: bool
) -> dict[str, Any]:
    """Return one trade."""
    return dict(zip(TRADE, (day, market["ticker"], at, count, price, bought), strict=True))


def trade_rows(
    series: str, day: date, markets: list[dict[str, Any]], winner: int, seed: int, trades: int
) -> list[dict[str, Any]]:
    """Return trades of a day whose prices come to know the winner by the evening."""
    random = np.random.default_rng(seed)
    begin = datetime(day.year, day.month, day.day, OFFSETS[series], tzinfo=UTC)
    hours = np.sort(random.uniform(-5.0, 18.5, trades))
    found = []
    for hour in hours.tolist():
        place = int(random.integers(len(markets)))
        known = max(0.0, min(1.0, hour / 18.0))
        fair = known * (place == winner) + (1.0 - known) / len(markets)
        bought = bool(random.random() < 0.5)
        cents = round(100 * fair + (2 if bought else -2) + random.normal(0.0, 3.0))
        at = begin + timedelta(hours=hour)
        price = min(max(cents, 1), 99)
        found.append(trade_row(markets[place], day, at, price, 5, bought=bought))
    return found


def write_days(folder: Path, days: int, *, trades: int = 80, first: date = FIRST) -> Path:
    """Write made days of two cities as ``kalshi_high`` in a folder, and return the folder."""
    home = folder / "kalshi_high"
    home.mkdir(parents=True)
    every: list[dict[str, Any]] = []
    for series, offset in OFFSETS.items():
        rows: list[dict[str, Any]] = []
        for k in range(days):
            day = first + timedelta(days=k)
            random = np.random.default_rng(7 * day.toordinal() + len(series))
            winner = int(random.integers(6))
            markets = market_rows(series, day, winner)
            every += markets
            seed = day.toordinal() * 10 + offset
            rows += trade_rows(series, day, markets, winner, seed, trades)
        write_rows(home / f"trades_{series.lower()}.parquet", rows)
    write_rows(home / "markets.parquet", every)
    return folder


def write_rows(file: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows as parquet."""
    pq.write_table(pa.Table.from_pylist(rows), file)
