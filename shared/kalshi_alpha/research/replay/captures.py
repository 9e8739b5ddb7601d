"""The live capture as tapes: books, index values, our own orders and fills, as they were heard.

A folder of capture objects, at any depth; one tape a writer, since two processes of one time keep
books of their own. The book of a capture holds our own orders too: the venue shows all that rests.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.capture import INDEX, NOTE, SUFFIX, VENUE, Heard, read
from kalshi_alpha.markets.orders import OrderStatus, Side
from kalshi_alpha.research.data.findings import FileRefused, refusal, short_name
from kalshi_alpha.research.replay.frame_books import tape_of_frames
from kalshi_alpha.research.replay.frames import NO_DELTAS, Gathered, Said, frames_of
from kalshi_alpha.research.replay.tape import ASK, BID, INDEX_UNIT, Kind, Tape
from kalshi_alpha.research.replay.verify import Coverage
from kalshi_alpha.venues.kalshi import wire

MS = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SUBSCRIPTIONS = 1000  # numbers set aside for one connection
_BECAME = {
    OrderStatus.RESTING: Kind.OWN_RESTS,
    OrderStatus.CANCELED: Kind.OWN_GONE,
    OrderStatus.EXECUTED: Kind.OWN_GONE,
}


@dataclass(slots=True)
class _Listener:
    """Lines of one writer, in the order in which they were heard."""

    gathered: Gathered = field(default_factory=Gathered)
    connection: int = 0
    orders: dict[str, int] = field(default_factory=dict)
    unsound: list[tuple[int, int, str, str, tuple[str, ...]]] = field(default_factory=list)

    def take(self, line: int, heard: Heard) -> None:
        """Take one line; raise what the units and the venue's words raise."""
        at = (heard.at - _EPOCH) // timedelta(microseconds=1) * 1000
        if heard.kind == INDEX:
            self._index(line, at, heard.body)
        elif heard.kind == VENUE:
            self._venue(line, at, heard.body)
        elif heard.kind == NOTE:
            self._note(line, at, heard.body)

    def _index(self, line: int, at: int, body: Mapping[str, Any]) -> None:
        value, said = float(body["value"]), body.get("t")
        if not 0.0 < value < 1e9:
            raise DataError(f"the index value {value} is none")
        exch = said * MS if isinstance(said, int) else at
        size = round(value * INDEX_UNIT)
        self._put(line, exch, at, body["symbol"], Kind.INDEX, BID, 0, size, 0)

    def _venue(self, line: int, at: int, body: Mapping[str, Any]) -> None:
        said = msgspec.convert(body, Said)
        said.recv_ns = at
        if said.sid >= 0:
            said.sid += self.connection * _SUBSCRIPTIONS
        self.gathered.frame(line, said)
        if said.type == "user_order":
            order = wire.order_from(said.msg)
            kind, when = _BECAME.get(order.status), said.msg.get("last_updated_ts_ms")
            exch = when * MS if isinstance(when, int) else at
            if kind is not None:
                left = order.remaining_size if kind is Kind.OWN_RESTS else 0
                ref = self._number(order.order_id)
                side = _side(order.side)
                self._put(line, exch, at, order.ticker, kind, side, order.price, left, ref)
        elif said.type == "fill":
            fill = wire.fill_from(said.msg)
            when = said.msg.get("ts_ms")
            exch = when * MS if isinstance(when, int) else at
            ref, side = self._number(fill.order_id), _side(fill.side)
            self._put(line, exch, at, fill.ticker, Kind.OWN_FILL, side, fill.price, fill.size, ref)

    def _note(self, line: int, at: int, body: Mapping[str, Any]) -> None:
        what = body.get("what")
        if what == "venue socket open":
            self.connection += 1
        elif what == "books stale":
            tickers = tuple(str(each) for each in body.get("tickers") or ())
            said = f"the book went stale: {str(body.get('reason'))[:120]}"
            self.unsound.append((line, at, "stale", said, tickers))
        elif what == "lines lost so far":
            self.unsound.append((line, at, "lost", "lines of the capture were given up", ()))

    def _put(self, line: int, exch: int, at: int, name: str, *rest: int) -> None:
        """Put a row that is no frame of a book: kind, side, price, size, number."""
        kind, side, price, size, ref = rest
        market = self.gathered.names.setdefault(name, len(self.gathered.names))
        row = (line, exch, at, market, int(kind), side, price, size, 0, ref, -1)
        self.gathered.rows.append(row)

    def _number(self, order_id: str) -> int:
        return self.orders.setdefault(order_id, len(self.orders))


def read_captures(folder: Path) -> tuple[tuple[Tape, ...], Coverage]:
    """Read and verify a folder of captures.

    A market-day is left out where its capture cannot be read to the end (``cut``), where lines were
    given up (``lost``), its book went stale (``stale``), or for what ``frame_books`` leaves out.

    Returns:
        One tape a writer, its own orders' ids in ``source["orders"]`` by their numbers, and
        coverage.

    Raises:
        DataError: when there is no capture, or a line is not what its kind should be.
    """
    by_writer: dict[str, list[Path]] = defaultdict(list)
    for file in sorted(folder.rglob(f"*{SUFFIX}"), key=lambda each: (each.parent.name, each.name)):
        by_writer[_writer(file)].append(file)
    if not by_writer:
        raise refusal(folder, "form", f"the folder has neither deltas.parquet nor any *{SUFFIX}")
    tapes, coverage = [], Coverage()
    for _, files in sorted(by_writer.items()):
        tape, found = _read_writer(folder, files)
        if tape is not None:
            tapes.append(tape)
        coverage.add(found)
    return tuple(tapes), coverage


def _writer(file: Path) -> str:
    """Return who wrote a capture, from its key: begun-writer-number."""
    parts = file.name.removesuffix(SUFFIX).split("-")
    return parts[1] if len(parts) > 1 else ""


def _read_writer(folder: Path, files: list[Path]) -> tuple[Tape | None, Coverage]:
    listener, begins, digest = _Listener(), list[int](), hashlib.sha256()
    line = last = 0
    for file in files:
        begins.append(line)
        data = file.read_bytes()
        digest.update(data)
        try:
            for heard in read(data):
                line += 1
                last = (heard.at - _EPOCH) // timedelta(microseconds=1) * 1000
                _take(file, line - begins[-1], listener, line, heard)
        except FileRefused:
            raise
        except DataError as error:
            line += 1
            listener.unsound.append((line, last, "cut", str(error), ()))

    def place(number: int) -> tuple[str, int]:
        k = bisect_right(begins, number - 1) - 1
        return short_name(files[k]), number - begins[k]

    coverage = Coverage(place=place)
    frames = frames_of(listener.gathered, NO_DELTAS)
    if not len(frames.line):
        return None, coverage
    symbols = {frames.names[k] for k in frames.market[frames.kind == Kind.INDEX].tolist()}
    for number, at, rule, what, tickers in listener.unsound:
        for name in tickers or [each for each in frames.names if each not in symbols]:
            coverage.leave_out("", number, name, at, rule, what)
    source = {
        "file": f"{folder.name}/{_writer(files[0])}",
        "sha256": digest.hexdigest(),
        "orders": list(listener.orders),
    }
    return tape_of_frames(folder, frames, coverage, source)


def _take(file: Path, row: int, listener: _Listener, line: int, heard: Heard) -> None:
    try:
        listener.take(line, heard)
    except (msgspec.MsgspecError, DataError, KeyError, TypeError, ValueError, AttributeError) as e:
        what = f"a line of kind {heard.kind} cannot be read: {type(e).__name__}: {str(e)[:120]}"
        raise refusal(file, "line", what, row=row) from None


def _side(side: Side) -> int:
    return BID if side is Side.BID else ASK
