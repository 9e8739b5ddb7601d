"""What a replay is fed: captures, raw frames, recorded books, trades and quotes, spoiled.

Files of the machine that wrote them, hours or years ago: cut short, of another version, edited by
hand. What is read is a tape within its form, or a refusal of ours; nothing else.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets import capture
from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.research.replay.captures import read_captures
from kalshi_alpha.research.replay.frame_books import frames_tape
from kalshi_alpha.research.replay.frames import Frames, read_frames
from kalshi_alpha.research.replay.recorded_books import read_books
from kalshi_alpha.research.replay.recorded_trades import read_recorded, read_results
from kalshi_alpha.research.replay.tape import COLUMNS, Kind, Tape
from tests.fuzz.judging import sentence
from tests.fuzz.mutating import written

_TIMES = {"ts_utc": datetime.fromisoformat, "event_day": date.fromisoformat}


def capture_lines(body: bytes) -> None:
    """Read lines that were packed whole, whatever they say; a body is kept as it came."""
    _capture(gzip.compress(_lines(body)))


def capture_bytes(body: bytes) -> None:
    """Read a capture of which the packed bytes were spoiled."""
    _capture(body)


def _capture(packed: bytes) -> None:
    for heard in _refused_or(lambda: list(capture.read(packed))) or ():
        assert heard.at.tzinfo is UTC
        assert isinstance(heard.kind, str)


def captures(body: bytes) -> None:
    """Import a folder with one capture."""
    with _folder() as folder:
        (folder / "150000-aa11bb22-00001.jsonl.gz").write_bytes(gzip.compress(_lines(body)))
        tapes, _ = _refused_or(lambda: read_captures(folder)) or ((), None)
        for tape in tapes:
            within_form(tape)


def frames(body: bytes) -> None:
    """Import raw frames: the scanner and the decoder must read the same, or both refuse."""
    with _folder() as folder:
        file = folder / "frames.ndjson"
        file.write_bytes(_lines(body))
        plain = _refused_or(lambda: read_frames(file, plain=True))
        quick = _refused_or(lambda: read_frames(file))
        assert (plain is None) == (quick is None), "one way reads what the other refuses"
        if plain is not None and quick is not None:
            _same(plain, quick)
            found = _refused_or(lambda: frames_tape(file))
            if found is not None:
                within_form(found[0])


def recorded(body: bytes) -> None:
    """Import a table of trades or quotes."""
    with _folder() as folder:
        file = folder / "table.parquet"
        rows = _rows(body)
        if rows and _write(rows, file):
            found = _refused_or(lambda: read_recorded(file))
            if found is not None:
                within_form(found[0])


def recorded_csv(body: bytes) -> None:
    """Import the same as text, of which any byte may be wrong."""
    with _folder() as folder:
        file = folder / "table.csv"
        file.write_bytes(body)
        found = _refused_or(lambda: read_recorded(file))
        if found is not None:
            within_form(found[0])


def results(body: bytes) -> None:
    """Read who won."""
    with _folder() as folder:
        file = folder / "results.parquet"
        rows = _rows(body)
        if rows and _write(rows, file):
            found = _refused_or(lambda: read_results(file))
            assert set((found or {}).values()) <= {"yes", "no"}


def books(body: bytes) -> None:
    """Import a folder of recorded books."""
    document = _decoded(body)
    if not isinstance(document, dict):
        return
    with _folder() as folder:
        for name in ("deltas", "snapshots", "ticker"):
            rows = document.get(name)
            if _are_rows(rows):
                _write(rows, folder / f"{name}.parquet")
        found = _refused_or(lambda: read_books(folder))
        for tape in found.tapes if found else ():
            within_form(tape)


def within_form(tape: Tape) -> None:
    """Assert that a tape's rows are what ``tape`` says of them."""
    assert len({len(getattr(tape, name)) for name in COLUMNS}) == 1
    known = {int(kind) for kind in Kind}
    assert set(tape.kind.tolist()) <= known
    assert all(0 <= price < PRICE_UNIT for price in tape.price.tolist())
    assert all(size >= 0 for size in tape.size.tolist())
    assert all(0 <= name < len(tape.names) for name in tape.name.tolist())


def _same(one: Frames, other: Frames) -> None:
    for name in ("exch_ns", "recv_ns", "kind", "side", "price", "size", "sets", "seq", "sid"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist(), name
    assert [one.names[k] for k in one.market] == [other.names[k] for k in other.market]
    assert (dict(one.types), one.cut is None) == (dict(other.types), other.cut is None)


def _refused_or(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except DataError as error:  # any other kind would be no refusal of data
        sentence(error)
        return None


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _lines(body: bytes) -> bytes:
    """Return a list's items, one a line; bytes that are no list are taken as they are."""
    document = _decoded(body)
    if not isinstance(document, list):
        return body
    return b"".join(written(item) + b"\n" for item in document)


def _are_rows(rows: Any) -> bool:
    return isinstance(rows, list) and bool(rows) and all(isinstance(row, dict) for row in rows)


def _rows(body: bytes) -> list[dict[str, Any]]:
    document = _decoded(body)
    return document if _are_rows(document) else []


def _write(rows: list[dict[str, Any]], file: Path) -> bool:
    """Write rows as a table; a column of several types is written as texts."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {}
    for name in names:
        values = [_timed(name, row.get(name)) for row in rows]
        try:
            columns[name] = pa.array(values)
        except (pa.ArrowException, OverflowError, ValueError, TypeError):
            columns[name] = pa.array(
                [None if v is None else str(v).encode("utf-8", "replace").decode() for v in values]
            )
    try:
        pq.write_table(pa.table(columns), file)
    except (pa.ArrowException, ValueError, UnicodeEncodeError):
        return False  # no table can be made of it, so none can arrive
    return True


def _timed(name: str, value: Any) -> Any:
    if name not in _TIMES or not isinstance(value, str):
        return value
    try:
        return _TIMES[name](value)
    except ValueError:
        return value


def good_capture() -> bytes:
    from tests.fuzz.mutating import corpus

    return gzip.compress(_lines(written(corpus("replay_capture.json")[0])), mtime=0)


def good_trades_csv() -> bytes:
    return (
        b"ts_utc,ticker,event_day,count,yes_price,taker_yes\n"
        b"2026-01-05T15:00:00Z,KXHIGHNY-26JAN05-B40.5,2026-01-05,1,40,true\n"
        b"2026-01-05T15:00:09Z,KXHIGHNY-26JAN05-B40.5,2026-01-05,5,41,false\n"
    )


TARGETS: dict[str, tuple[str, Callable[[bytes], None]]] = {
    "capture-lines": ("replay_capture.json", capture_lines),
    "captures": ("replay_capture.json", captures),
    "frames": ("replay_frames.json", frames),
    "tables": ("replay_tables.json", recorded),
    "results": ("replay_tables.json", results),
    "books": ("replay_books.json", books),
}
FILES: dict[str, tuple[Callable[[], bytes], Callable[[bytes], None]]] = {
    "capture": (good_capture, capture_bytes),
    "trades-csv": (good_trades_csv, recorded_csv),
}
