"""One file of bars: its columns read, dated in New York, and cut off before anything is checked.

The form is that of docs/data.md: ``ts_utc`` (start of the bar, with its zone), ``open``, ``high``,
``low``, ``close``, ``symbol``, and, where the file has them, ``et_date`` and ``et_min``, which
must then be the New York date and minute of ``ts_utc``. Other columns are not looked at.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from kalshi_alpha.clock import NEW_YORK, iso
from kalshi_alpha.research.data.findings import (
    Bools,
    Floats,
    Ints,
    day_of,
    number_of,
    refusal,
)

PRICES = ("open", "high", "low", "close")
NEEDED = ("ts_utc", *PRICES, "symbol")
_ALSO = ("et_date", "et_min")
_ARRAYS = ("row", "start", "day", "minute", *PRICES, "symbol")
_PARQUET_MAGIC = b"PAR1"
_MINUTE_US = 60_000_000
_FIRST_US = round(datetime(1900, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
_LAST_US = round(datetime(2200, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000


@dataclass(frozen=True, slots=True)
class Bars:
    """The rows of a file up to the last day asked for, in the file's order; all arrays are [rows].

    Attributes:
        file: as it was given.
        sha256: of the whole file's bytes, in hexadecimal.
        row: the number of the row in the file, 1 for the first row of data.
        start: the bar's start in seconds since 1970-01-01 UTC.
        day: New York day of the bar's start, in days since 1970-01-01.
        minute: minutes after New York midnight of the bar's start.
        open: first value of the bar; so on for ``high``, ``low`` and ``close``; NaN where empty.
        symbol: place of the row's symbol in ``symbols``.
        symbols: the symbols of the whole file.
    """

    file: Path
    sha256: str
    row: Ints
    start: Ints
    day: Ints
    minute: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    symbol: Ints
    symbols: tuple[str, ...]

    def at(self, where: Bools | Ints) -> Bars:
        """Return the rows at ``where``, a mask or places."""
        arrays = {name: getattr(self, name)[where] for name in _ARRAYS}
        return replace(self, **arrays)

    def of(self, symbol: str) -> Bars:
        """Return the rows of one symbol."""
        if symbol not in self.symbols:
            return self.at(np.zeros(self.row.size, dtype=np.bool_))
        return self.at(self.symbol == self.symbols.index(symbol))


def read_bars(file: Path, *, first: date | None = None, last: date | None = None) -> Bars:
    """Read a parquet or CSV file of bars.

    Rows before ``first`` and after ``last`` are dropped before anything else is looked at.

    Raises:
        FileRefused: (a ``DataError``) naming file, row and rule: a file that is not there, not of
            the form, or whose times and dates contradict each other.
    """
    data = _bytes(file)
    table = _table(file, data)
    lacking = [name for name in NEEDED if name not in table.column_names]
    if lacking:
        raise refusal(
            file,
            "columns",
            f"the column{'s' if len(lacking) > 1 else ''} {', '.join(lacking)} "
            f"{'are' if len(lacking) > 1 else 'is'} missing; bars need {', '.join(NEEDED)}",
        )
    if table.num_rows == 0:
        raise refusal(file, "empty", "the file has columns and no rows")
    row = np.arange(1, table.num_rows + 1, dtype=np.int64)
    stamps = _stamps(file, table["ts_utc"])
    _check_century(file, stamps)
    day, minute = new_york(stamps // 1_000_000)
    codes, names = _symbols(file, table["symbol"])
    keep = _wanted(day, table, first, last)
    if not keep.all():
        table, row, stamps = table.filter(pa.array(keep)), row[keep], stamps[keep]
        day, minute, codes = day[keep], minute[keep], codes[keep]
    _check_whole_minutes(file, row, stamps)
    _check_zone(file, table, row, stamps, day, minute)
    unnamed = np.flatnonzero(codes < 0)
    if unnamed.size:
        first_row, count = int(row[unnamed[0]]), int(unnamed.size)
        raise refusal(file, "columns", "the symbol is empty", row=first_row, count=count)
    return Bars(
        file=file,
        sha256=hashlib.sha256(data).hexdigest(),
        row=row,
        start=stamps // 1_000_000,
        day=day,
        minute=minute,
        **{name: _prices(file, name, table[name], row) for name in PRICES},
        symbol=codes,
        symbols=names,
    )


def _bytes(file: Path) -> bytes:
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise refusal(file, "file", "there is no such file; give a parquet or CSV file") from None
    except OSError as error:
        raise refusal(file, "file", f"it cannot be read: {error.strerror}") from None
    if not data:
        raise refusal(file, "empty", "the file is empty")
    return data


def _table(file: Path, data: bytes) -> pa.Table:
    """Return the columns that are looked at, as the file types them."""
    buffer = pa.BufferReader(data)
    try:
        if data.startswith(_PARQUET_MAGIC):
            there = _each_once(file, pq.read_schema(pa.BufferReader(data)).names)
            return pq.read_table(buffer, columns=[c for c in (*NEEDED, *_ALSO) if c in there])
        if file.suffix.lower() == ".csv":
            empty_is_null = pa_csv.ConvertOptions(strings_can_be_null=True)
            table = pa_csv.read_csv(buffer, convert_options=empty_is_null)
            _each_once(file, table.column_names)
            return table
    except UnicodeDecodeError:
        raise refusal(file, "form", "its names or texts are not UTF-8") from None
    except pa.ArrowException as error:
        said = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise refusal(file, "form", f"it cannot be read as a table: {said}") from None
    except OSError:
        raise refusal(file, "form", "the parquet file is cut off or damaged") from None
    raise refusal(file, "form", "it is neither a parquet file nor named .csv")


def _each_once(file: Path, names: list[str]) -> list[str]:
    twice = [name for name in (*NEEDED, *_ALSO) if names.count(name) > 1]
    if twice:
        raise refusal(file, "columns", f"the column {twice[0]} is there more than once")
    return names


def _check_century(file: Path, stamps: Ints) -> None:
    odd = np.flatnonzero((stamps < _FIRST_US) | (stamps >= _LAST_US))
    if odd.size:
        row, count = int(odd[0]) + 1, int(odd.size)
        raise refusal(file, "time", "ts_utc is not of 1900 to 2199", row=row, count=count)


def _stamps(file: Path, column: pa.ChunkedArray) -> Ints:
    """Return the starts of the bars in microseconds since 1970; refuse those without a zone."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _parsed_stamps(file, column)
    if column.null_count:
        row = 1 + int(np.flatnonzero(column.is_null().to_numpy())[0])
        raise refusal(file, "time", "ts_utc is empty", row=row, count=column.null_count)
    if not pa.types.is_timestamp(kind):
        raise refusal(file, "time", f"ts_utc is {kind}, not a time with its zone", row=1)
    if kind.tz is None:
        raise refusal(
            file,
            "naive-time",
            "ts_utc has no time zone, so its hour may be anybody's; write it in UTC with a Z",
            row=1,
        )
    utc = column.cast(pa.timestamp("us", "UTC"), safe=False)
    return np.asarray(utc.cast(pa.int64()).to_numpy(), dtype=np.int64)


def _parsed_stamps(file: Path, column: pa.ChunkedArray) -> Ints:
    found = np.empty(len(column), dtype=np.int64)
    for place, text in enumerate(column.to_pylist()):
        try:
            at = datetime.fromisoformat(text or "")
        except ValueError:
            what = f"ts_utc is {str(text)[:40]!r}, not a time as 2025-11-04T14:30:00Z"
            raise refusal(file, "time", what, row=place + 1) from None
        if at.tzinfo is None:
            what = f"ts_utc {str(text)[:40]!r} has no time zone, so its hour may be anybody's"
            raise refusal(file, "naive-time", f"{what}; write it in UTC with a Z", row=place + 1)
        found[place] = round(at.timestamp() * 1_000_000)
    return found


def new_york(start: Ints) -> tuple[Ints, Ints]:
    """Return New York's day, in days since 1970-01-01, and minute after midnight.

    ``start`` is in seconds since 1970 UTC. The zone's changes of the clock fall on whole hours of
    UTC, so one look an hour is enough.
    """
    hours, place = np.unique(start // 3600, return_inverse=True)
    offsets = [_offset_minutes(int(hour)) for hour in hours]
    local = start // 60 + np.asarray(offsets, dtype=np.int64)[place]
    return local // 1440, local % 1440


def _offset_minutes(hour: int) -> int:
    offset = datetime.fromtimestamp(hour * 3600, UTC).astimezone(NEW_YORK).utcoffset()
    assert offset is not None
    return round(offset.total_seconds() / 60)


def _wanted(day: Ints, table: pa.Table, first: date | None, last: date | None) -> Bools:
    keep = np.ones(day.size, dtype=np.bool_)
    if first is not None:
        keep &= day >= number_of(first)
    if last is not None:
        keep &= day <= number_of(last)
        if "et_date" in table.column_names and pa.types.is_date(table["et_date"].type):
            said = pc.less_equal(table["et_date"].cast(pa.date32()), pa.scalar(last, pa.date32()))
            keep &= np.asarray(said.fill_null(True).to_numpy(), dtype=np.bool_)
    return keep


def _check_whole_minutes(file: Path, row: Ints, stamps: Ints) -> None:
    odd = np.flatnonzero(stamps % _MINUTE_US)
    if odd.size:
        at = datetime.fromtimestamp(stamps[odd[0]] / 1e6, UTC)
        what = f"the bar starts at {iso(at)}, inside a minute; bars start on whole minutes"
        raise refusal(file, "grid", what, row=int(row[odd[0]]), count=int(odd.size))


def _check_zone(
    file: Path, table: pa.Table, row: Ints, stamps: Ints, day: Ints, minute: Ints
) -> None:
    """Refuse ``et_date`` and ``et_min`` that are not New York's reading of ``ts_utc``."""
    wrong = np.zeros(row.size, dtype=np.bool_)
    said: dict[str, Any] = {}
    for name, truth in (("et_date", day), ("et_min", minute)):
        if name in table.column_names:
            said[name] = _whole_numbers(file, name, table[name], row)
            wrong |= said[name] != truth
    places = np.flatnonzero(wrong)
    if not places.size:
        return
    k = int(places[0])
    at = datetime.fromtimestamp(stamps[k] / 1e6, UTC)
    there = at.astimezone(NEW_YORK)
    claimed = " ".join(
        f"et_date {day_of(values[k])}" if name == "et_date" else f"et_min {values[k]}"
        for name, values in said.items()
    )
    what = (
        f"it says {claimed} where ts_utc {iso(at)} is {there:%Y-%m-%d %H:%M} in New York "
        f"(et_min {minute[k]}): the time zone is wrong"
    )
    raise refusal(
        file, "time-zone", what, row=int(row[k]), day=day_of(day[k]), count=int(places.size)
    )


def _whole_numbers(file: Path, name: str, column: pa.ChunkedArray, row: Ints) -> Ints:
    """Return a column of days or minutes as numbers; an empty or odd one is refused."""
    try:
        if name == "et_date":
            column = column.cast(pa.date32())
            column = column.cast(pa.int32())
        column = column.cast(pa.int64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        form = "a date as 2025-11-04" if name == "et_date" else "a whole number of minutes"
        first = None if not row.size else int(row[0])
        raise refusal(file, "columns", f"{name} is {column.type}, not {form}", row=first) from None
    if column.null_count:
        k = int(np.flatnonzero(column.is_null().to_numpy())[0])
        raise refusal(file, "time", f"{name} is empty", row=int(row[k]), count=column.null_count)
    return np.asarray(column.to_numpy(), dtype=np.int64)


def _symbols(file: Path, column: pa.ChunkedArray) -> tuple[Ints, tuple[str, ...]]:
    """Return each row's place among the symbols of the file, -1 where it is empty."""
    if not pa.types.is_dictionary(column.type):
        try:
            column = column.cast(pa.string()).dictionary_encode()
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise refusal(file, "columns", f"symbol is {column.type}, not text") from None
    whole = column.unify_dictionaries().combine_chunks()
    codes = np.asarray(whole.indices.fill_null(-1).to_numpy(), dtype=np.int64)
    return codes, tuple(str(name) for name in whole.dictionary.to_pylist())


def _prices(file: Path, name: str, column: pa.ChunkedArray, row: Ints) -> Floats:
    try:
        return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        for k, text in enumerate(column.to_pylist()):
            try:
                float(text if text is not None else "nan")
            except (TypeError, ValueError):
                what = f"{name} is {str(text)[:40]!r}, not a number"
                raise refusal(file, "price", what, row=int(row[k])) from None
    raise refusal(file, "price", f"{name} is {column.type}, not numbers")
