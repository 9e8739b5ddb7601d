"""What a momentum process left, as parquet, and questions to it in SQL.

The process writes lines, for its image holds neither pyarrow nor a database; here they become one
parquet file a kind, which DuckDB asks on a laptop, and daily tables, which Athena asks on AWS.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kalshi_alpha.cloud.artifacts import ArtifactStore
from kalshi_alpha.cloud.rollup import TABLES_OF_TEMPERATURE, key
from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.markets.temperature import event_of
from kalshi_alpha.momentum.settled import SettledDay, settled_key
from kalshi_alpha.research.temperature.record import (
    FEATURES,
    LEANS,
    TABLE_OF,
    read_lines,
    series_in,
)
from kalshi_alpha.steps.runtime import Runtime

KINDS = (FEATURES, LEANS, "orders", "fills", "trades")
_CALLED = {"seconds": "at"}  # since 1970 UTC; AT is a word of SQL
_TYPES = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
}
_FEATURES, _LEANS = (
    {name: _TYPES[kind] for name, kind in TABLES_OF_TEMPERATURE[table].items()}
    for table in TABLE_OF.values()
)
_LEANS |= dict.fromkeys(("pros", "cons"), pa.list_(pa.string()))
_LINES = {**TABLE_OF, "trades": "temperature_trades"}  # tables by kind of line
_FILLED = "temperature_fills"
DAYS_BACK = 4  # a long weekend without an evening's job
_ORDERS = {
    **dict.fromkeys(
        ("window_id", "client_order_id", "order_id", "ticker", "side", "status", "expires_at"),
        pa.string(),
    ),
    **dict.fromkeys(("price", "size", "filled_size", "remaining_size"), pa.int64()),
}
_FILLS = {
    "seconds": pa.float64(),
    **dict.fromkeys(("ticker", "side", "order_id", "evidence"), pa.string()),
    **dict.fromkeys(("price", "size", "fee", "result"), pa.int64()),
}
_TRADES = {
    "seconds": pa.float64(),
    **dict.fromkeys(("time", "ticker", "taker"), pa.string()),
    **dict.fromkeys(("price", "size"), pa.int64()),
}
SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    FEATURES: _FEATURES,
    LEANS: _LEANS,
    "orders": _ORDERS,
    "fills": _FILLS,
    "trades": _TRADES,
}


def roll_up(runtime: Runtime, today: date) -> dict[str, int]:
    """Write the daily tables of the climate days that were over before ``today``; safe to repeat.

    Returns:
        rows by table; a day without a process leaves no file.

    Raises:
        DataError: naming the file, when what a process left cannot be read.
        ConfigurationError: when a group of the deployed cities is none of the table's.
    """
    store, counts = runtime.artifacts, dict.fromkeys(TABLES_OF_TEMPERATURE, 0)
    for back in range(1, DAYS_BACK + 1):
        day = today - timedelta(days=back)
        events = [event_of(series, day) for series in series_in(runtime.settings.cities)]
        found = {
            table: [row for event in events for row in read_lines(store, event, kind)]
            for kind, table in _LINES.items()
        }
        found[_FILLED] = [row for event in events for row in _settled(store, event)]
        for table, rows in found.items():
            if rows:
                wanted = TABLES_OF_TEMPERATURE[table]
                schema = pa.schema([(name, _TYPES[how]) for name, how in wanted.items()])
                packed = io.BytesIO()
                pq.write_table(_table(rows, schema), packed, compression="zstd")
                store.write(key(table, day), packed.getvalue())
                counts[table] += len(rows)
    return counts


def _settled(store: ArtifactStore, event: str) -> Iterator[dict[str, Any]]:
    """Yield an event's fills with what they came to, none before it is settled."""
    name = settled_key(event)
    if name not in store.keys(name):
        return
    try:
        day = SettledDay.from_bytes(store.read(name))
    except DataError as error:
        raise DataError(f"{name}: {error}") from None
    for one in day.fills:
        fill = one.fill
        yield {
            "at": fill.at.timestamp(),
            "event": event,
            "window_id": one.window_id,
            "order_id": fill.order_id,
            "ticker": fill.ticker,
            "side": fill.side.value,
            "price": fill.price,
            "size": fill.size,
            "fee": fill.fee,
            "result": one.result,
        }


def write_tables(folder: Path, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Path]:
    """Write each kind of row as ``<kind>.parquet``; a column that a row lacks is null in it."""
    written = []
    for kind, rows in tables.items():
        path = folder / f"{kind}.parquet"
        table = _table(rows, pa.schema(list(SCHEMAS[kind].items())))
        pq.write_table(table, path, compression="zstd")
        written.append(path)
    return written


def ask(folder: Path, question: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Ask the tables of a folder in SQL; return the names of the columns, and the rows.

    Nothing can be written and no other file be read.

    Raises:
        ConfigurationError: when the folder holds no table.
        DataError: when the question is not understood.
    """
    import duckdb  # noqa: PLC0415 - for questions alone

    present = [kind for kind in KINDS if (folder / f"{kind}.parquet").is_file()]
    if not present:
        raise ConfigurationError(
            f"{folder} holds no table of a momentum day: rehearse one, or give its folder"
        )
    with duckdb.connect(":memory:") as connection:
        for kind in present:
            path = str(folder / f"{kind}.parquet").replace("'", "''")
            connection.execute(f"CREATE TABLE {kind} AS SELECT * FROM read_parquet('{path}')")  # noqa: S608 - our own names
        connection.execute("SET enable_external_access = false")
        try:
            answer = connection.execute(question)
            return [column[0] for column in answer.description or ()], answer.fetchall()
        except duckdb.Error as error:
            said = str(error).splitlines()[0][:300]
            known = ", ".join(present)
            raise DataError(
                f"the question cannot be answered: {said}; there are: {known}"
            ) from None


def _table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    columns = {name: [row.get(_CALLED.get(name, name)) for row in rows] for name in schema.names}
    return pa.table(columns, schema=schema)
