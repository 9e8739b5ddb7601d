"""The store: bars by symbol and step in the one form that is read, raw payloads by their hash.

::

    manifest.json              what came in, when, from where, and which raw payloads it was
    raw/<sha256>.<suffix>      payloads and files byte for byte
    SPX/1m/bars.parquet        one-minute bars, in the form of docs/data.md
    SPX/daily.parquet          official closes

Each file is written beside its place and then moved there, so that what is cut off leaves the
file as it was.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kalshi_alpha.clock import Clock, iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.research.data.bars import PRICES, Bars
from kalshi_alpha.research.data.findings import Floats, Ints

MANIFEST = "manifest.json"
SCHEMA = 1
BARS = "bars.parquet"
DAILY = "daily.parquet"
_OVERLAP_LIMIT = 5e-4  # closes further apart than this, relatively, are worth a word

_LABEL = pa.dictionary(pa.int16(), pa.string())
FORM = pa.schema(
    [
        ("ts_utc", pa.timestamp("ms", "UTC")),
        ("et_date", pa.date32()),
        ("et_min", pa.int16()),
        *((name, pa.float64()) for name in PRICES),
        ("symbol", _LABEL),
        ("source", _LABEL),
    ]
)


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def write_atomically(file: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(opened.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def parquet_bytes(table: pa.Table) -> bytes:
    """Return a table as a parquet file; the same table gives the same bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


class Store:
    """A folder of bars; every change of it is one move of a file."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder, self._clock = folder, clock

    def bars_file(self, symbol: str, step: int) -> Path:
        """Return where the bars of a symbol and step lie, whether they are there or not."""
        return self.folder / symbol / f"{step}m" / BARS

    def daily_file(self, symbol: str) -> Path:
        """Return where the official closes of a symbol lie, whether they are there or not."""
        return self.folder / symbol / DAILY

    def keep_raw(self, data: bytes, suffix: str) -> str:
        """Keep a payload or file byte for byte; return its SHA-256. Keeping it twice is once."""
        sha256 = hashlib.sha256(data).hexdigest()
        file = self.folder / "raw" / f"{sha256}{suffix}"
        if not file.is_file():
            write_atomically(file, data)
        return sha256

    def manifest(self) -> dict[str, Any]:
        """Return what came in; raise ``DataError`` when it is damaged or of another schema."""
        file = self.folder / MANIFEST
        if not file.is_file():
            return {"schema": SCHEMA, "entries": []}
        try:
            found: dict[str, Any] = json.loads(file.read_bytes())
            schema, entries = found["schema"], found["entries"]
        except (ValueError, KeyError, TypeError):
            raise DataError(f"{file} is damaged: move it away and import again") from None
        if schema != SCHEMA or not isinstance(entries, list):
            raise DataError(f"{file} has the schema {schema!r}, this code reads {SCHEMA}")
        return found

    def write_bars(
        self, bars: Bars, symbol: str, step: int, origin: str, *, renew: bool
    ) -> dict[str, Any]:
        """Merge rows of one symbol and step into the store.

        Args:
            bars: the rows, checked.
            symbol: their symbol.
            step: minutes a bar.
            origin: what the ``source`` column says of them.
            renew: whether they replace all older rows of their days; otherwise an older row stays
                where both have the bar.

        Returns:
            What happened, as plain JSON values: ``rows`` added or replaced, ``rows_in_file``,
            ``differing`` (older rows whose close is more than 5 basis points away), the
            ``file_sha256`` of the file now, and its name.
        """
        new = form_of(bars, symbol, origin)
        return self._write(self.bars_file(symbol, step), new, "ts_utc", renew=renew)

    def write_daily(self, closes: pa.Table, symbol: str) -> dict[str, Any]:
        """Merge daily closes into the store, older ones staying; return as ``write_bars``."""
        return self._write(self.daily_file(symbol), closes, "date", renew=False)

    def _write(self, file: Path, new: pa.Table, key: str, *, renew: bool) -> dict[str, Any]:
        there = file.is_file()
        old = pq.read_table(file, schema=new.schema) if there else new.schema.empty_table()
        differing = _differing(old, new, key)
        if renew:
            renewed = pc.is_in(old["et_date"], pc.unique(new["et_date"]))
            old = old.filter(pc.invert(renewed))
        merged = _merged(old, new, key)
        data = parquet_bytes(merged)
        write_atomically(file, data)
        return {
            "file": file.relative_to(self.folder).as_posix(),
            "rows": merged.num_rows - old.num_rows,
            "rows_in_file": merged.num_rows,
            "differing": differing,
            "file_sha256": hashlib.sha256(data).hexdigest(),
        }

    def note(self, entry: Mapping[str, Any]) -> None:
        """Add an entry to the manifest, with the time."""
        manifest = self.manifest()
        manifest["entries"].append({"at": iso(self._clock.now()), **entry})
        text = json.dumps(manifest, indent=1) + "\n"
        write_atomically(self.folder / MANIFEST, text.encode())


def form_of(bars: Bars, symbol: str, origin: str) -> pa.Table:
    """Return rows in the form that is read, in order of time and each bar once."""
    _, first = np.unique(bars.start, return_index=True)
    bars = bars.at(first)
    size = bars.row.size
    columns = [
        pa.array(bars.start * 1000, pa.int64()).cast(pa.timestamp("ms", "UTC")),
        pa.array(bars.day, pa.int32()).cast(pa.date32()),
        pa.array(bars.minute, pa.int16()),
        *(pa.array(getattr(bars, name)) for name in PRICES),
        *(pa.array([label] * size, pa.string()).cast(_LABEL) for label in (symbol, origin)),
    ]
    return pa.Table.from_arrays(columns, schema=FORM)


def _merged(old: pa.Table, new: pa.Table, key: str) -> pa.Table:
    """Return both, in order of time; of the same bar or day the old one stays."""
    both = pa.concat_tables([old, new]).unify_dictionaries()
    _, first = np.unique(_times(both, key), return_index=True)  # the first of equals, ascending
    return both.take(pa.array(first)).combine_chunks()


def _differing(old: pa.Table, new: pa.Table, key: str) -> int:
    _, there, here = np.intersect1d(_times(old, key), _times(new, key), return_indices=True)
    was: Floats = old["close"].to_numpy()[there]
    now: Floats = new["close"].to_numpy()[here]
    return int((np.abs(np.log(now / was)) > _OVERLAP_LIMIT).sum())


def _times(table: pa.Table, key: str) -> Ints:
    column = table[key]
    if pa.types.is_date(column.type):
        column = column.cast(pa.int32())
    return np.asarray(column.cast(pa.int64()).to_numpy(), dtype=np.int64)
