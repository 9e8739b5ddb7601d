"""Write the recorded days the backtest ships: trades of a few events, and what markets paid.

Run ``python -m kalshi_alpha.research.backtest.sample --data DIR`` on the folder of recordings. Only
columns whose licence allows it are taken, and the same input gives the same bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.research.backtest.loading import Sources, load
from kalshi_alpha.research.data.store import parquet_bytes, sha256_of, write_atomically
from kalshi_alpha.research.shipping import run_writer

COMMAND = "python -m kalshi_alpha.research.backtest.sample --data DIR"
SERIES = "KXINXU"
FIRST, LAST = date(2026, 1, 2), date(2026, 1, 15)
FOLDER = Path(__file__).resolve().parents[1] / "sample"
TRADES, RESULTS = "kxinxu-trades.parquet", "kxinxu-results.parquet"
# The index, its volatility and its fund came with the recording from a vendor: they stay behind.
COLUMNS = (
    "ts_utc", "ticker", "series", "event_day", "expiry_et", "strike_kind", "strike",
    "sell_px", "sell_qty", "buy_px", "buy_qty",
)  # fmt: skip

_README = """\
# Recorded trades

Trades of the S&P 500 above/below markets of Kalshi (KXINXU) at 16:00 New York time, second by
second, for the backtest that comes with the code: {days} event days, {first} to {last}.

- Author: `chris-mulligan-50`, who recorded them for a study of market making on Kalshi.
- Licence: MIT. The text is that of the project's LICENSE with the author's name in place of ours.
- Columns: begin of the second in UTC; the market; the lowest price at which takers sold yes in it
  and the highest at which they bought, dollars, with the contracts traded; empty where none.
- The index, its volatility and its fund stood beside each second at the origin. They are the
  property of others and are not here: a backtest on this sample reads the level off the ladder.
- `{results}` says what each market paid. It was worked out from the index's value at the fixing,
  which is not here either.
- Written by `{command}`; not edited by hand.

| file | rows | SHA-256 |
| --- | --- | --- |
{rows}
"""


def sample_trades(file: Path, first: date, last: date) -> pa.Table:
    """Return the trades of the event days ``first`` to ``last``, without what is not ours to ship.

    Raises:
        DataError: when none is there.
    """
    table = pq.read_table(file)
    day = table["event_day"]
    keep = pc.and_(pc.greater_equal(day, first), pc.less_equal(day, last))
    found = table.filter(keep).select(COLUMNS)
    if not found.num_rows:
        raise DataError(f"{file} has no event from {first} to {last}")
    return found


def sample_results(trades: Path, bars: Sequence[Path], first: date, last: date) -> pa.Table:
    """Return what each market paid, by the bar that ends at the fixing."""
    loaded = load(Sources((trades,), SERIES, tuple(bars), first=first, last=last), load_registry())
    rows = [
        {
            "ticker": contract.ticker,
            "result": "yes" if paid else "no",
            "close_time": datetime.combine(tape.window.day, time(16), NEW_YORK),
        }
        for tape in loaded.tapes
        for contract, paid in zip(tape.ladder.contracts, tape.paid, strict=True)
    ]
    schema = pa.schema(
        [
            ("ticker", pa.string()),
            ("result", pa.string()),
            ("close_time", pa.timestamp("ms", "UTC")),
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)


def write_sample(data: Path, folder: Path = FOLDER) -> tuple[Path, ...]:
    """Write both files and the README into ``folder``; return the files."""
    trades = data / "kalshi_inx_trades" / "above_1s.parquet"
    bars = [data / name / "bars.parquet" for name in ("spx_1m", "spx_5m")]
    found = {
        TRADES: sample_trades(trades, FIRST, LAST),
        RESULTS: sample_results(trades, bars, FIRST, LAST),
    }
    rows = []
    for name, table in found.items():
        write_atomically(folder / name, parquet_bytes(table))
        rows.append(f"| {name} | {table.num_rows} | `{sha256_of(folder / name)}` |")
    days = len(pc.unique(found[TRADES]["event_day"]))
    readme = _README.format(
        days=days, first=FIRST, last=LAST, results=RESULTS, command=COMMAND, rows="\n".join(rows)
    )
    write_atomically(folder / "README.md", readme.encode())
    return tuple(folder / name for name in found)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return run_writer(COMMAND, __doc__, FOLDER, write_sample, arguments)


if __name__ == "__main__":
    sys.exit(main())
