"""A stretch of a journal as a parquet file: the only place that knows its columns.

One row a line. ``facts`` is JSON, the very text that was sealed; what a line moved is one column
an account, in cash units. The digests make the file its own proof: see ``trading.journal``.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kalshi_alpha.errors import DataError
from kalshi_alpha.trading.accounts import Account, Entry, Kind
from kalshi_alpha.trading.journal import Line, collector_paused, facts_text, stored_line

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
        "facts": [facts_text(line.entry.facts) for line in lines],
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
        whole = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
        table = whole.select(SCHEMA.names).cast(SCHEMA)
        empty = [column for column in table.column_names if table.column(column).null_count]
        if empty:
            raise DataError(f"{name} is no journal of ours: a line has no {empty[0]}")
        with collector_paused():
            return [line for batch in table.to_batches(_AT_ONCE) for line in _lines(batch)]
    except (pa.ArrowException, KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{name} is no journal of ours: {error}") from error


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AT_ONCE = 50_000  # lines; what is held besides them while they are read
_ACCOUNTS = sorted(account.value for account in Account)
_KINDS = {kind.value: kind for kind in Kind}


def _lines(batch: pa.RecordBatch) -> Iterator[Line]:
    """Yield the lines of a batch; all of its JSON is read at once, many times faster."""
    stored = _stored(batch).to_pylist()
    parsed = json.loads(f"[{','.join(stored)}]")
    rows = zip(
        batch.column("line").to_pylist(),
        _shared(batch.column("kind")),
        batch.column("key").to_pylist(),
        _shared(batch.column("window_id")),
        _shared(batch.column("ticker")),
        batch.column("at").cast(pa.int64()).to_pylist(),  # as integers: far faster than as times
        parsed[::2],
        parsed[1::2],
        batch.column("previous").to_pylist(),
        batch.column("digest").to_pylist(),
        stored,
        strict=True,
    )
    for number, kind, key, window_id, ticker, micros, facts, moved, previous, digest, text in rows:
        at = _EPOCH + timedelta(microseconds=micros)
        entry = Entry(key, _KINDS[kind], at, window_id, ticker, facts)
        yield stored_line(number, entry, moved, previous, digest, text)


def _shared(texts: pa.Array) -> list[str]:
    """Return a column of few different texts, each of them held once."""
    found = texts.dictionary_encode()
    values = found.dictionary.to_pylist()
    return [values[place] for place in found.indices.to_pylist()]


def _stored(batch: pa.RecordBatch) -> pa.Array:
    """Return each line's ``content_text``: its facts as they stand, and what it moved."""
    moved = pc.binary_join_element_wise(
        *(_named(name, batch.column(name)) for name in _ACCOUNTS), ""
    )
    moved = pc.utf8_rtrim(moved, ",")
    return pc.binary_join_element_wise(batch.column("facts"), ",{", moved, "}", "")


def _named(account: str, amounts: pa.Array) -> pa.Array:
    """Return ``"account":amount,`` as JSON writes it, empty where nothing was moved."""
    text = pc.binary_join_element_wise(f'"{account}":', amounts.cast(pa.string()), ",", "")
    return pc.if_else(pc.equal(amounts, 0), "", text)
