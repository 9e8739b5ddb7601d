"""Write the recorded days the rehearsal ships: SPX and NDX minutes of two days, and their notice.

Run ``python -m kalshi_alpha.research.recorded --data DIR`` on the folder of recorded bars. Only
rows whose licence allows it are taken, and the same input gives the same bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from kalshi_alpha.clock import iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.pricing.variance import SESSION_MINUTES
from kalshi_alpha.research.data.store import sha256_of
from kalshi_alpha.research.model.cases import OPEN_MINUTE
from kalshi_alpha.research.shipping import run_writer

CLOSE_MINUTE = OPEN_MINUTE + SESSION_MINUTES
COMMAND = "python -m kalshi_alpha.research.recorded --data DIR"
DAYS = (date(2025, 10, 31), date(2025, 11, 4))
SYMBOLS = ("SPX", "NDX")
SOURCE = "polygon"  # the rows of the MIT repository; the other sources state no licence
FOLDER = Path(__file__).resolve().parents[1] / "rehearsal" / "data"

_COLUMNS = ("ts_utc", "et_min", "open", "high", "low", "close")
_README = """\
# Recorded days

One-minute values of the S&P 500 (SPX) and the Nasdaq-100 (NDX), for the rehearsal. A test fixture
of two days, not a feed; no more days are shipped.

- Author: repository `MateoBodon/kalshi-sys`, who recorded them from Polygon.io (now Massive).
- Licence: MIT, Copyright (c) 2025 Kalshi Alpha. The text is that of the project's LICENSE with
  this line in place of ours.
- Index levels remain the property of S&P Dow Jones Indices and Nasdaq whatever a repository's
  licence says.
- Columns: start of the minute in UTC (the minute excludes its end), open, high, low, close, in
  index points with 2 decimals. Some days go on for minutes after 16:00 New York time.
- Written by `{command}`; not edited by hand.

| file | minutes | SHA-256 |
| --- | --- | --- |
{rows}
"""


def table_text(data: Path, symbol: str, day: date) -> str:
    """Return the CSV of one symbol and day.

    Raises:
        DataError: when the file is not there or the day's regular session is not complete.
    """
    name = data / f"{symbol.lower()}_1m" / "bars.parquet"
    if not name.is_file():
        raise DataError(f"there is no {name}: point --data at the folder of recorded bars")
    table = pq.read_table(name)
    wanted = pc.and_(pc.equal(table["et_date"], day), pc.equal(table["symbol"], symbol))
    table = table.filter(pc.and_(wanted, pc.equal(table["source"], SOURCE)))
    rows = table.select(_COLUMNS).sort_by("ts_utc").to_pylist()
    lacking = set(range(OPEN_MINUTE, CLOSE_MINUTE)) - {row["et_min"] for row in rows}
    if lacking:
        raise DataError(f"{name} lacks {len(lacking)} minutes of {symbol}'s session on {day}")
    lines = [
        ",".join((iso(row["ts_utc"]), *(f"{row[name]:.2f}" for name in _COLUMNS[2:])))
        for row in rows
    ]
    return "\n".join(("start,open,high,low,close", *lines)) + "\n"


def write_recorded(data: Path, folder: Path = FOLDER) -> tuple[Path, ...]:
    """Write every day's table and the README into ``folder``; return the tables."""
    folder.mkdir(parents=True, exist_ok=True)
    written, rows = [], []
    for symbol in SYMBOLS:
        for day in DAYS:
            file = folder / f"{symbol}-{day.isoformat()}.csv"
            text = table_text(data, symbol, day)
            file.write_bytes(text.encode())
            written.append(file)
            rows.append(f"| {file.name} | {text.count(chr(10)) - 1} | `{sha256_of(file)}` |")
    readme = _README.format(command=COMMAND, rows="\n".join(rows))
    (folder / "README.md").write_bytes(readme.encode())
    return tuple(written)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return run_writer(COMMAND, __doc__, FOLDER, write_recorded, arguments)


if __name__ == "__main__":
    sys.exit(main())
