"""Measure how others trade an index ladder, for the crowd of the rehearsal.

    python -m kalshi_alpha.research.participants --trades FILE --out FILE

Reads recorded trades by second and market (columns ``COLUMNS``; index levels are not read) and
writes sizes, rates and spreads as JSON. The recording holds 16:00 events of KXINXU only, whose
thresholds then stood 25 points apart: other hours and series are an extrapolation. The same file
gives the same bytes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.errors import DataError
from kalshi_alpha.research.data.findings import Floats
from kalshi_alpha.research.data.store import sha256_of

SCHEMA = 1
COLUMNS = (
    "ts_utc", "ticker", "event_day", "strike", "sell_px", "sell_qty", "buy_px", "buy_qty"
)  # fmt: skip
SERIES, FIXING = "KXINXU", time(16, 0)

LEVELS = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
MINUTES = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 390.0)  # to the fixing
PRICES = (0.0, 0.03, 0.1, 0.25, 0.75, 0.9, 0.97, 1.0)  # dollars
PAIRED_WITHIN_S = 3.0  # a purchase and a sale this close in time show the spread
TICK = 0.01

SOURCE = {
    "repository": (
        "chris-mulligan-50/FINM-33150-Quantitative-Trading-Strategies-"
        "Final-Project-Kalshi-Market-Making-"
    ),
    "author": "chris-mulligan-50 (George Lord, Chris Mulligan, Max Zhalilo)",
    "copyright": "Copyright (c) 2026 George Lord, Chris Mulligan, Max Zhalilo",
    "licence": "MIT",
}
LIMITATIONS = (
    "Only 16:00 events of KXINXU were recorded, with thresholds 25 points apart. "
    "A row is a second in which a market traded, so rates count such seconds and not matches. "
    "Spreads come from purchases and sales within seconds of each other, so from busy moments, "
    "and are never under one tick; the books themselves were not recorded. "
    "Columns of index levels were not read."
)


@dataclass(frozen=True, slots=True)
class Trades:
    """The trades of one market in its last session, ascending in time.

    Attributes:
        ticker: the market.
        seconds: to the fixing, > 0, descending.
        sold: lowest price at which takers sold in that second, NaN without one.
        bought: highest price at which takers bought, NaN without one.
        sold_size: contracts sold.
        bought_size: contracts bought.
    """

    ticker: str
    seconds: Floats
    sold: Floats
    bought: Floats
    sold_size: Floats
    bought_size: Floats

    @property
    def prices(self) -> Floats:
        """Return one price a row: the mean of both sides where both traded."""
        both = (self.sold + self.bought) / 2
        return np.where(np.isnan(self.sold), self.bought, np.where(np.isnan(both), self.sold, both))


def read_trades(file: Path) -> tuple[list[Trades], dict[str, Any]]:
    """Return the markets' trades and what was read, for the record.

    Raises:
        DataError: when the file is not there, lacks a column or holds no trade of the session.
    """
    if not file.is_file():
        raise DataError(f"there is no {file}: point --trades at the recorded trades")
    missing = set(COLUMNS) - set(pq.read_schema(file).names)
    if missing:
        raise DataError(f"{file.name} lacks the columns {', '.join(sorted(missing))}")
    rows = pq.read_table(file, columns=list(COLUMNS)).to_pylist()
    rows = [row for row in rows if row["ticker"].startswith(f"{SERIES}-")]
    by_ticker: dict[str, list[tuple[float, dict[str, Any]]]] = {}
    for row in rows:
        fixing = datetime.combine(row["event_day"], FIXING, NEW_YORK)
        left = (fixing - row["ts_utc"]).total_seconds()
        if 0 < left <= MINUTES[-1] * 60:
            by_ticker.setdefault(row["ticker"], []).append((left, row))
    if not by_ticker:
        raise DataError(f"{file.name} holds no trade of {SERIES} within a session")
    days = sorted({row["event_day"] for row in rows})
    strikes: dict[Any, set[float]] = {}
    for row in rows:
        strikes.setdefault(row["event_day"], set()).add(row["strike"])
    gaps = [gap for each in strikes.values() for gap in np.diff(sorted(each))]
    read = SOURCE | {
        "file": file.name,
        "sha256": sha256_of(file),
        "rows": sum(map(len, by_ticker.values())),
        "days": len(days),
        "first_day": days[0].isoformat(),
        "last_day": days[-1].isoformat(),
        "markets": len(by_ticker),
        "strike_step": float(np.median(gaps)) if gaps else 0.0,
        "strike_median": round(float(np.median([row["strike"] for row in rows])), 2),
    }
    return [_market(ticker, by_ticker[ticker]) for ticker in sorted(by_ticker)], read


def _market(ticker: str, rows: list[tuple[float, dict[str, Any]]]) -> Trades:
    rows.sort(key=lambda pair: -pair[0])

    def column(name: str) -> Floats:
        return np.array([_float(row[name]) for _, row in rows])

    left = np.array([seconds for seconds, _ in rows])
    names = ("sell_px", "buy_px", "sell_qty", "buy_qty")
    sold, bought, sold_size, bought_size = map(column, names)
    return Trades(ticker, left, sold, bought, sold_size, bought_size)


def _float(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def sizes(markets: Sequence[Trades]) -> list[float]:
    """Return the quantiles at ``LEVELS`` of contracts traded by one side in one second."""
    amounts = np.concatenate([np.concatenate([m.sold_size, m.bought_size]) for m in markets])
    return _quantiles(amounts[amounts > 0])


def rates(markets: Sequence[Trades]) -> list[list[float]]:
    """Return trades a minute in one market, by ``MINUTES`` (rows) and ``PRICES`` (columns).

    A market counts with the price of its last trade until the next one.
    """
    shape = (len(MINUTES) - 1, len(PRICES) - 1)
    count, exposure = np.zeros(shape), np.zeros(shape)
    for market in markets:
        columns = _band(market.prices)
        np.add.at(count, (_row(market.seconds), columns), 1.0)
        ends = np.append(market.seconds[1:], 0.0)
        for begin, end, column in zip(market.seconds / 60, ends / 60, columns, strict=True):
            exposure[:, column] += _overlap(end, begin)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where(exposure > 0, count / exposure, 0.0)
    return [[round(float(rate), 4) for rate in row] for row in found]


def spreads(markets: Sequence[Trades]) -> tuple[list[list[float]], list[int]]:
    """Return the quantiles at ``LEVELS`` of the spread in dollars by ``PRICES``, and the counts."""
    found: list[list[float]] = [[] for _ in PRICES[1:]]
    for market in markets:
        for sold, bought in _pairs(market):
            middle = np.array([(sold + bought) / 2])
            found[int(_band(middle)[0])].append(max(TICK, round(bought - sold, 4)))
    return [_quantiles(np.array(each)) for each in found], [len(each) for each in found]


def _pairs(market: Trades) -> Iterator[tuple[float, float]]:
    """Yield every sale's price with that of the nearest purchase in time, if near enough."""
    bought = np.flatnonzero(~np.isnan(market.bought))
    if not len(bought):
        return
    for row in np.flatnonzero(~np.isnan(market.sold)):
        apart = np.abs(market.seconds[bought] - market.seconds[row])
        nearest = int(np.argmin(apart))
        if apart[nearest] <= PAIRED_WITHIN_S:
            yield float(market.sold[row]), float(market.bought[bought[nearest]])


def _row(seconds: Floats) -> NDArray[np.int64]:
    return np.searchsorted(MINUTES, seconds / 60, side="left") - 1


def _band(prices: Floats) -> NDArray[np.int64]:
    return np.clip(np.searchsorted(PRICES, prices, side="left") - 1, 0, len(PRICES) - 2)


def _overlap(start: float, end: float) -> Floats:
    edges = np.array(MINUTES)
    inside: Floats = np.minimum(edges[1:], end) - np.maximum(edges[:-1], start)
    return np.maximum(inside, 0.0)


def _quantiles(values: Floats) -> list[float]:
    if not len(values):
        return []
    found = np.quantile(values, LEVELS, method="inverted_cdf")
    return [round(float(value), 4) for value in found]


def calibrate(trades: Path, out_name: str) -> bytes:
    """Return the calibration file's bytes."""
    markets, read = read_trades(trades)
    spread, counts = spreads(markets)
    command = f"python -m kalshi_alpha.research.participants --trades FILE --out {out_name}"
    content = {
        "schema": SCHEMA,
        "provenance": read | {"command": command, "limitations": LIMITATIONS},
        "levels": LEVELS,
        "minutes": MINUTES,
        "prices": PRICES,
        "sizes": sizes(markets),
        "rates": rates(markets),
        "spreads": spread,
        "spread_counts": counts,
    }
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trades", type=Path, required=True, help="recorded trades (Parquet)")
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    chosen = parser.parse_args(arguments)
    content = calibrate(chosen.trades, chosen.out.name)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_bytes(content)
    print(f"wrote {chosen.out} ({len(content)} bytes)")  # noqa: T201 - says where it went


if __name__ == "__main__":
    main()
