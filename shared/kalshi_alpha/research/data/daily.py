"""Daily closes from a file: the form of WRDS/CRSP index files, and files with a plain close.

Read are a day in ``caldt`` or ``date`` and a level in ``spindx`` (CRSP's level of the S&P 500) or
``close``; names in any case. Days are 2025-11-04, 20251104 or CRSP's 04NOV2025. A ``symbol``
column, where there is one, picks the rows; CRSP's return ``sprtrn`` is held against the levels.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from kalshi_alpha.markets.sessions import Sessions
from kalshi_alpha.research.data.findings import Finding, Floats, named, refusal

DAY_COLUMNS = ("caldt", "date")
LEVEL_COLUMNS = ("spindx", "close")
CRSP_INDEX = "SPX"  # what ``spindx`` is the level of
_RETURN = "sprtrn"
_RETURN_LIMIT = 5e-5  # CRSP prints returns to six decimals and levels to two
_PARQUET_MAGIC = b"PAR1"
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


@dataclass(frozen=True, slots=True)
class Daily:
    """The closes of one symbol; days ascend.

    Attributes:
        symbol: whose closes they are.
        days: the days, each once.
        close: the level at each day's close, above zero; [days].
        sha256: of the file's bytes.
        findings: what is worth knowing about the file.
    """

    symbol: str
    days: tuple[date, ...]
    close: Floats
    sha256: str
    findings: tuple[Finding, ...]


def is_daily(file: Path) -> bool:
    """Say whether a file's columns are those of daily closes and not of bars."""
    data = file.read_bytes() if file.is_file() else b""
    if data.startswith(_PARQUET_MAGIC):
        names = {name.lower() for name in pq.read_schema(io.BytesIO(data)).names}
    else:
        head = data.split(b"\n", 1)[0].decode("utf-8", "replace")
        names = {name.strip().strip('"').lower() for name in head.split(",")}
    return "ts_utc" not in names and any(name in names for name in DAY_COLUMNS)


def read_daily(file: Path, symbol: str, sessions: Sessions, *, last: date | None = None) -> Daily:
    """Read the closes of one symbol up to and including ``last``.

    Raises:
        FileRefused: (a ``DataError``) naming file, row and rule.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise refusal(file, "file", f"it cannot be read: {error.strerror}") from None
    table = _table(file, data)
    level_column = _level_column(file, table, symbol)
    day_column = next(name for name in DAY_COLUMNS if name in table.column_names)
    days = [_day(file, value, k) for k, value in enumerate(table[day_column].to_pylist(), 1)]
    symbols = table["symbol"].to_pylist() if "symbol" in table.column_names else None
    levels = table[level_column].to_pylist()
    rows: dict[date, tuple[int, float]] = {}
    repeats = 0
    for k, (day, text) in enumerate(zip(days, levels, strict=True), 1):
        if (symbols is not None and symbols[k - 1] != symbol) or (last is not None and day > last):
            continue
        level = _level(file, level_column, text, k, day)
        if day in rows and rows[day][1] != level:
            what = f"{day} closes at {level:g} here, at {rows[day][1]:g} in row {rows[day][0]}"
            raise refusal(file, "contradiction", what, row=k, day=day)
        repeats += day in rows
        rows.setdefault(day, (k, level))
    if not rows:
        raise refusal(file, "symbol", f"it holds no close of {symbol}")
    ordered = tuple(sorted(rows))
    close = np.asarray([rows[day][1] for day in ordered], dtype=np.float64)
    findings = _findings(file, table, ordered, rows, sessions, repeats)
    return Daily(symbol, ordered, close, hashlib.sha256(data).hexdigest(), findings)


def form_of_daily(daily: Daily, origin: str) -> pa.Table:
    """Return the closes as a table of date, symbol, close and source."""
    label = pa.dictionary(pa.int16(), pa.string())
    size = len(daily.days)
    return pa.table(
        {
            "date": pa.array(daily.days, pa.date32()),
            "symbol": pa.array([daily.symbol] * size).cast(label),
            "close": pa.array(daily.close),
            "source": pa.array([origin] * size).cast(label),
        }
    )


def _table(file: Path, data: bytes) -> pa.Table:
    try:
        if data.startswith(_PARQUET_MAGIC):
            table = pq.read_table(pa.BufferReader(data))
        else:
            # As text: 20251104 is a day here, and an empty level must not become a number.
            names = pa_csv.read_csv(pa.BufferReader(data)).column_names
            as_text = pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
            table = pa_csv.read_csv(pa.BufferReader(data), convert_options=as_text)
    except (pa.ArrowInvalid, OSError) as error:
        said = str(error).splitlines()[0]
        raise refusal(file, "form", f"it cannot be read as a table: {said}") from None
    return table.rename_columns([name.strip().lower() for name in table.column_names])


def _level_column(file: Path, table: pa.Table, symbol: str) -> str:
    names = table.column_names
    allowed = [n for n in LEVEL_COLUMNS if n != "spindx" or symbol == CRSP_INDEX]
    for name in allowed:
        if name in names and any(day in names for day in DAY_COLUMNS):
            return name
    what = (
        f"it needs a day in {' or '.join(DAY_COLUMNS)} and a level in {' or '.join(allowed)}; "
        f"it has {', '.join(names)}"
    )
    raise refusal(file, "columns", what)


def _day(file: Path, value: object, row: int) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = str(value).strip()
    try:
        if crsp := re.fullmatch(r"(\d{1,2})([A-Za-z]{3})(\d{4})", text):
            return date(int(crsp[3]), _MONTHS.index(crsp[2].upper()) + 1, int(crsp[1]))
        return date.fromisoformat(text)  # 2025-11-04 and 20251104
    except ValueError:
        what = f"the day is {value!r}, not 2025-11-04, 20251104 or 04NOV2025"
        raise refusal(file, "time", what, row=row) from None


def _level(file: Path, name: str, value: object, row: int, day: date) -> float:
    try:
        level = float(str(value))
    except ValueError:
        level = float("nan")
    if not 0 < level < float("inf"):
        what = f"on {day} {name} is {value!r}; a level is a number above zero"
        raise refusal(file, "price", what, row=row, day=day)
    return level


def _findings(
    file: Path,
    table: pa.Table,
    days: tuple[date, ...],
    rows: dict[date, tuple[int, float]],
    sessions: Sessions,
    repeats: int,
) -> tuple[Finding, ...]:
    found = []
    order = [row for row, _ in rows.values()]
    if list(rows) != list(days):
        at = next(k for k, (a, b) in enumerate(itertools.pairwise(rows)) if b < a)
        found.append(
            _note(file, "order", "the rows were not in order of days; they were sorted", 1,
                  row=order[at + 1])
        )  # fmt: skip
    if repeats:
        found.append(_note(file, "duplicate", f"{repeats} rows repeat another row", repeats))
    covered = [day for day in days if sessions.first <= day <= sessions.last]
    closed = [day for day in covered if sessions.on(day) is None]
    if closed:
        what = f"{len(closed)} days have no session ({named(closed)})"
        found.append(_note(file, "no-session", what, len(closed), day=closed[0]))
    if _RETURN in table.column_names:
        found += _unlike_returns(file, table, days, rows)
    return tuple(found)


def _unlike_returns(
    file: Path, table: pa.Table, days: tuple[date, ...], rows: dict[date, tuple[int, float]]
) -> list[Finding]:
    said = table[_RETURN].to_pylist()
    unlike = []
    for before, day in itertools.pairwise(days):
        try:
            claimed = float(str(said[rows[day][0] - 1]))
        except ValueError:
            continue  # CRSP marks a return it does not know with a letter
        if abs(rows[day][1] / rows[before][1] - 1 - claimed) > _RETURN_LIMIT:
            unlike.append(day)
    if not unlike:
        return []
    what = f"on {len(unlike)} days {_RETURN} is not the change of the level ({named(unlike)})"
    row = rows[unlike[0]][0]
    return [_note(file, "return", what, len(unlike), row=row, day=unlike[0])]


def _note(
    file: Path, rule: str, what: str, count: int, *, row: int | None = None, day: date | None = None
) -> Finding:
    where = f"{file}" if row is None else f"{file}, row {row}"
    return Finding(str(file), row, day, rule, f"{where}: {what} [rule {rule}]", "note", count)
