"""A stretch of a journal as a parquet file: the only place that knows its columns.

One row a line. ``facts`` is JSON; what a line moved is one column an account, in cash units. The
digests make the file its own proof: see ``trading.journal``.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kalshi_alpha.errors import DataError
from kalshi_alpha.trading.accounts import Account, Entry, Kind
from kalshi_alpha.trading.journal import Line

SCHEMA = pa.schema(
    [
        ("line", pa.int64()),
        ("at", pa.timestamp("us", "UTC")),
        ("kind", pa.string()),
        ("key", pa.string()),
        ("window_id", pa.string()),
        ("ticker", pa.string()),
        ("facts", pa.string()),
        *((account.value, pa.int64()) for account in Account),
        ("previous", pa.string()),
        ("digest", pa.string()),
    ]
)


def write(lines: Sequence[Line], provenance: Mapping[str, Any]) -> bytes:
    """Return the lines as a file; ``provenance`` is kept beside them as JSON."""
    columns: dict[str, list[Any]] = {
        "line": [line.number for line in lines],
        "at": [line.entry.at for line in lines],
        "kind": [line.entry.kind.value for line in lines],
        "key": [line.entry.key for line in lines],
        "window_id": [line.entry.window_id for line in lines],
        "ticker": [line.entry.ticker for line in lines],
        "facts": [json.dumps(line.entry.facts, sort_keys=True) for line in lines],
        "previous": [line.previous for line in lines],
        "digest": [line.digest for line in lines],
    }
    columns |= {a.value: [line.moved.get(a.value, 0) for line in lines] for a in Account}
    about = {"kalshi_alpha": json.dumps(provenance, sort_keys=True)}
    table = pa.table(columns, schema=SCHEMA).replace_schema_metadata(about)
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def read(data: bytes, name: str) -> list[Line]:
    """Return the lines of a file, unproved; raise ``DataError`` when it is no such file."""
    try:
        table = pq.read_table(io.BytesIO(data), schema=SCHEMA)
        at = table.schema.get_field_index("at")  # an integer is read many times faster
        table = table.set_column(at, "at", table.column("at").cast(pa.int64()))
        columns = [column.to_pylist() for column in table.columns]
        with _uncollected():
            return [_line(row) for row in zip(*columns, strict=True)]
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise DataError(f"{name} is no journal of ours: {error}") from error


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector from looking through a growing list again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ACCOUNTS = tuple(account.value for account in Account)
_KINDS = {kind.value: kind for kind in Kind}


def _line(row: Sequence[Any]) -> Line:
    number, micros, kind, key, window_id, ticker, facts, *amounts, previous, digest = row
    at = _EPOCH + timedelta(microseconds=micros)
    entry = Entry(key, _KINDS[kind], at, window_id, ticker, json.loads(facts))
    moved = {name: cash for name, cash in zip(_ACCOUNTS, amounts, strict=True) if cash}
    return Line(number, entry, moved, previous, digest)
