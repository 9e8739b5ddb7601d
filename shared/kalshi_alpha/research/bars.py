"""Recorded bars as arrays of log prices on a complete session grid."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kalshi_alpha.errors import DataError

Floats = NDArray[np.float64]

DAILY = "index_daily/daily.parquet"
OPEN_MINUTE, CLOSE_MINUTE = 570, 960  # New York minutes after midnight


@dataclass(frozen=True, slots=True)
class Paths:
    """Complete regular sessions of one symbol.

    Attributes:
        symbol: as in the file.
        step: minutes a bar.
        days: the sessions, ascending.
        logs: log price at the open and at each bar's end; one row a session.
        file: what was read: name, SHA-256, rows of this symbol up to the last day.
    """

    symbol: str
    step: int
    days: tuple[date, ...]
    logs: Floats
    file: dict[str, Any]

    @property
    def squares(self) -> Floats:
        """Return the squared log returns of the bars, one row a session."""
        return np.diff(self.logs, axis=1) ** 2

    def on(self, days: frozenset[date]) -> Paths:
        """Return the sessions that are among ``days``."""
        keep = [k for k, day in enumerate(self.days) if day in days]
        kept = tuple(self.days[k] for k in keep)
        return Paths(self.symbol, self.step, kept, self.logs[keep], self.file)


def read_paths(data: Path, folder: str, symbol: str, step: int, through: date) -> Paths:
    """Read the complete regular sessions up to and including ``through``.

    A session counts when none of its bars from 09:30 to 16:00 is missing, which leaves half days
    out. Nothing after ``through`` is kept.

    Raises:
        DataError: when the file is not there or holds no complete session.
    """
    name = data / folder / "bars.parquet"
    if not name.is_file():
        raise DataError(f"there is no {name}: point --data at the folder of recorded bars")
    table = pq.read_table(name, columns=["et_date", "et_min", "open", "close", "symbol"])
    wanted = pc.and_(
        pc.equal(table["symbol"], symbol), pc.less_equal(table["et_date"], pa.scalar(through))
    )
    table = table.filter(wanted)
    sessions: dict[date, dict[int, tuple[float, float]]] = {}
    columns = (table[c].to_pylist() for c in ("et_date", "et_min", "open", "close"))
    for day, minute, first, last in zip(*columns, strict=True):
        sessions.setdefault(day, {})[minute] = (first, last)
    grid = range(OPEN_MINUTE, CLOSE_MINUTE, step)
    days = tuple(day for day in sorted(sessions) if all(m in sessions[day] for m in grid))
    if not days:
        raise DataError(f"{name} holds no complete session of {symbol} up to {through}")
    prices = [[sessions[d][OPEN_MINUTE][0], *(sessions[d][m][1] for m in grid)] for d in days]
    file = {
        "file": f"{folder}/bars.parquet",
        "symbol": symbol,
        "sha256": sha256_of(name),
        "rows": table.num_rows,
        "sessions": len(days),
        "first_day": days[0].isoformat(),
        "last_day": days[-1].isoformat(),
    }
    return Paths(symbol, step, days, np.log(np.asarray(prices, dtype=np.float64)), file)


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def read_daily_closes(data: Path, symbol: str, days: Sequence[date]) -> dict[date, float]:
    """Return the official closes of an index on those of ``days`` that are known."""
    table = pq.read_table(data / DAILY)
    table = table.filter(pc.equal(table["symbol"], symbol))
    wanted = frozenset(days)
    closes = zip(table["date"].to_pylist(), table["close"].to_pylist(), strict=True)
    return {day: close for day, close in closes if day in wanted}
