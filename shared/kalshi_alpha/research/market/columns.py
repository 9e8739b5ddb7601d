"""Columns of a table as arrays, each refused with a sentence when it is not what it must be."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from kalshi_alpha.research.data.findings import Bools, Floats, Ints, refusal

_PARQUET_MAGIC = b"PAR1"
_MICROSECONDS = 1_000_000.0


def read_table(file: Path) -> tuple[bytes, pa.Table]:
    """Return the bytes of a parquet or CSV file and its table.

    Raises:
        DataError: when it is not there, empty, cut off, or neither.
    """
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise refusal(file, "file", "there is no such file; give a parquet or CSV file") from None
    except OSError as error:
        raise refusal(file, "file", f"it cannot be read: {error.strerror}") from None
    if not data:
        raise refusal(file, "empty", "the file is empty")
    buffer = pa.BufferReader(data)
    try:
        if data.startswith(_PARQUET_MAGIC):
            table = pq.read_table(buffer)
        elif file.suffix.lower() == ".csv":
            nulls = pa_csv.ConvertOptions(strings_can_be_null=True)
            table = pa_csv.read_csv(buffer, convert_options=nulls)
        else:
            raise refusal(file, "form", "it is neither a parquet file nor named .csv")
        table.column_names  # noqa: B018 - decodes them
    except UnicodeDecodeError:
        raise refusal(file, "form", "the name of a column is not UTF-8") from None
    except pa.ArrowInvalid as error:
        said = str(error).splitlines()[0]
        raise refusal(file, "form", f"it cannot be read as a table: {said}") from None
    except OSError:
        raise refusal(file, "form", "the parquet file is cut off or damaged") from None
    if table.num_rows == 0:
        raise refusal(file, "empty", "the file has columns and no rows")
    return data, table


def require(file: Path, table: pa.Table, needed: Iterable[str]) -> None:
    """Refuse a table that lacks columns."""
    lacking = [name for name in needed if name not in table.column_names]
    if lacking:
        many = len(lacking) > 1
        what = f"the column{'s' if many else ''} {', '.join(lacking)} {'are' if many else 'is'}"
        raise refusal(file, "columns", f"{what} missing; needed are {', '.join(needed)}")


def numbers(file: Path, name: str, column: pa.ChunkedArray, row: Ints) -> Floats:
    """Return a column of numbers; NaN where it is empty."""
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
        raise _wrong(file, name, column, row, "numbers")
    try:
        return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowInvalid:
        raise refusal(file, "number", f"{name} holds a number past 2 to the 53rd") from None


def truths(file: Path, name: str, column: pa.ChunkedArray, row: Ints) -> Bools:
    """Return a column of true and false; an empty one is refused."""
    if not pa.types.is_boolean(column.type):
        raise _wrong(file, name, column, row, "true or false")
    _require_filled(file, name, column, row)
    return np.asarray(column.to_numpy(), dtype=np.bool_)


def days(file: Path, name: str, column: pa.ChunkedArray, row: Ints) -> Ints:
    """Return a column of dates in days since 1970-01-01; an empty one is refused."""
    if not pa.types.is_date(column.type):
        raise _wrong(file, name, column, row, "a date as 2026-01-02")
    _require_filled(file, name, column, row)
    whole = column.cast(pa.date32()).cast(pa.int32())
    return np.asarray(whole.to_numpy(), dtype=np.int64)


def moments(file: Path, name: str, column: pa.ChunkedArray, row: Ints) -> Floats:
    """Return a column of times in seconds since 1970 UTC; one without a zone is refused."""
    if not pa.types.is_timestamp(column.type):
        raise _wrong(file, name, column, row, "a time as 2026-01-02T15:00:00Z")
    if column.type.tz is None:
        what = f"{name} has no time zone, so its hour may be anybody's; write it in UTC"
        raise refusal(file, "naive-time", what, row=int(row[0]))
    _require_filled(file, name, column, row)
    utc = column.cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.int64())
    found: Floats = np.asarray(utc.to_numpy(), dtype=np.float64) / _MICROSECONDS
    return found


def words(
    file: Path, name: str, column: pa.ChunkedArray, row: Ints
) -> tuple[Ints, tuple[str, ...]]:
    """Return a column of text as places among its different words; an empty one is refused."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        # A CSV's times of day are read as times; they are text all the same.
        if not pa.types.is_time(column.type):
            raise _wrong(file, name, column, row, "text")
        column = pc.utf8_slice_codeunits(column.cast(pa.string()), 0, 5)
    _require_filled(file, name, column, row)
    whole = column.dictionary_encode().unify_dictionaries().combine_chunks()
    code = np.asarray(whole.indices.to_numpy(), dtype=np.int64)
    return code, tuple(str(word) for word in whole.dictionary.to_pylist())


def _wrong(file: Path, name: str, column: pa.ChunkedArray, row: Ints, wanted: str) -> Exception:
    first = int(row[0]) if len(row) else None
    return refusal(file, "type", f"{name} is {column.type}, not {wanted}", row=first)


def _require_filled(file: Path, name: str, column: pa.ChunkedArray, row: Ints) -> None:
    if column.null_count:
        k = int(np.argmax(np.asarray(column.is_null().to_numpy(), dtype=np.bool_)))
        what = f"{name} is empty"
        raise refusal(file, "empty-cell", what, row=int(row[k]), count=column.null_count)
