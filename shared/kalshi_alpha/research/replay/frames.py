"""The venue's own frames, one JSON object a line, as they came over its socket.

Read are ``orderbook_snapshot``, ``orderbook_delta`` and ``trade``; other types are counted. A line
may carry ``recv_ns`` beside the venue's keys: when it was received, in nanoseconds since 1970.
Where numba is installed, plain deltas are read by ``scanner`` and all else is decoded; without it
every line is.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.units import PRICE_UNIT, price_from_text, price_text, size_from_text
from kalshi_alpha.research.data.findings import Bools, Ints, refusal, short_name
from kalshi_alpha.research.replay.tape import ASK, BID, Kind, Tape, tape_of
from kalshi_alpha.research.replay.verify import Coverage, checked

MS = 1_000_000
_SIDES = {"yes": BID, "no": ASK}
_TAKERS = {"bid": ASK, "ask": BID, "yes": ASK, "no": BID}  # who rested, by who took
_UNKNOWN = -1
_COLUMNS = (
    "line", "exch_ns", "recv_ns", "market", "kind", "side", "price", "size", "sets", "seq", "sid",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Frames:
    """Rows of frames as they came, levels as they were said: whole where ``sets``, else changes.

    Arrays are [rows]; ``line`` counts from 1, times are -1 where a frame has none. ``seen`` is
    (line, sid, seq) of every numbered frame, ``types`` how many lines of each type there were,
    ``cut`` the line that is no JSON though it is the last.
    """

    line: Ints
    exch_ns: Ints
    recv_ns: Ints
    market: Ints
    kind: Ints
    side: Ints
    price: Ints
    size: Ints
    sets: Bools
    seq: Ints
    sid: Ints
    seen: Ints
    names: tuple[str, ...]
    types: Mapping[str, int]
    cut: int | None


class _Said(msgspec.Struct):
    """A frame as the decoder gives it."""

    type: str = ""
    sid: int = _UNKNOWN
    seq: int = _UNKNOWN
    recv_ns: int = _UNKNOWN
    msg: dict[str, Any] = {}


_decode = msgspec.json.Decoder(_Said).decode


@dataclass(slots=True)
class _Gathered:
    """Rows of decoded lines, in order."""

    names: dict[str, int] = field(default_factory=dict)
    rows: list[tuple[int, ...]] = field(default_factory=list)
    seen: list[tuple[int, int, int]] = field(default_factory=list)
    types: Counter[str] = field(default_factory=Counter)
    cut: int | None = None

    def market(self, msg: Mapping[str, Any]) -> int:
        ticker = msg["market_ticker"]
        if not isinstance(ticker, str) or not ticker:
            raise DataError(f"the market {str(ticker)[:40]!r} is no name")
        return self.names.setdefault(ticker, len(self.names))

    def take(self, line: int, text: bytes) -> None:
        """Take one line; raise what msgspec and the units raise."""
        said = _decode(text)
        self.types[said.type] += 1
        if said.sid >= 0 and said.seq >= 0:
            self.seen.append((line, said.sid, said.seq))
        msg = said.msg
        if said.type == "orderbook_delta":
            change = size_from_text(msg["delta_fp"])
            self._add(line, said, Kind.LEVEL, _SIDES[msg["side"]], msg["price_dollars"], change)
        elif said.type == "orderbook_snapshot":
            self._add(line, said, Kind.CLEAR, BID, None, 0)
            for side, key in ((BID, "yes_dollars_fp"), (ASK, "no_dollars_fp")):
                for price, size in msg.get(key) or ():
                    self._add(line, said, Kind.LEVEL, side, price, size_from_text(size), sets=1)
        elif said.type == "trade":
            taker = msg.get("taker_book_side") or msg.get("taker_outcome_side") or msg["taker_side"]
            size = size_from_text(msg["count_fp"])
            self._add(line, said, Kind.TRADE, _TAKERS[taker], msg["yes_price_dollars"], size)

    def _add(
        self, line: int, said: _Said, kind: Kind, side: int, price: Any, size: int, sets: int = 0
    ) -> None:
        at = said.msg.get("ts_ms")
        exch = at * MS if isinstance(at, int) else _UNKNOWN
        units = 0 if price is None else price_from_text(price)
        if price is not None and not 0 < units < PRICE_UNIT:
            raise DataError(f"the price {price_text(units)} is not inside a dollar")
        self.rows.append(
            (
                line, exch, said.recv_ns, self.market(said.msg), int(kind), side, units, size,
                sets or kind is Kind.CLEAR, said.seq, said.sid,
            )
        )  # fmt: skip


def read_frames(file: Path, *, plain: bool = False) -> Frames:
    """Read a file of frames into columns, unchecked but for their form.

    Args:
        file: one JSON object a line.
        plain: decode every line, also where the scanner could be used.

    Raises:
        DataError: naming file and line, when it is not there, or a line before the last is no
            frame that can be read.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise refusal(file, "file", f"it cannot be read: {error.strerror}") from None
    if not data.strip():
        raise refusal(file, "empty", "the file is empty")
    gathered = _Gathered()
    if plain or find_spec("numba") is None:
        lines = data.splitlines()
        for number, text in enumerate(lines, start=1):
            _take(file, gathered, number, text, last=number == len(lines))
        return _frames(gathered, np.empty((0, 11), np.int64))
    from kalshi_alpha.research.replay.scanning import scanned  # noqa: PLC0415 - numba is an extra

    deltas, rest = scanned(data, gathered.names)
    last = len(data.rstrip())
    for number, begin, end in rest:
        _take(file, gathered, number, data[begin:end], last=end >= last)
    if len(deltas):
        gathered.types["orderbook_delta"] += len(deltas)
    return _frames(gathered, deltas)


def _take(file: Path, gathered: _Gathered, number: int, text: bytes, *, last: bool) -> None:
    if not text.strip():
        return
    try:
        gathered.take(number, text)
    except (msgspec.MsgspecError, DataError, KeyError, TypeError, ValueError) as error:
        if last and isinstance(error, msgspec.DecodeError):
            gathered.cut = number
            return
        what = f"the frame cannot be read: {type(error).__name__}: {str(error)[:120]}"
        raise refusal(file, "frame", what, row=number) from None


def _frames(gathered: _Gathered, deltas: Ints) -> Frames:
    own = np.array(gathered.rows, np.int64).reshape(-1, 11)
    rows = np.concatenate([deltas, own]) if len(own) else deltas
    if len(own) and len(deltas):
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
    numbered = deltas[(deltas[:, 10] >= 0) & (deltas[:, 9] >= 0)][:, [0, 10, 9]]
    seen = np.concatenate([numbered, np.array(gathered.seen, np.int64).reshape(-1, 3)])
    columns: dict[str, Any] = {
        name: np.ascontiguousarray(rows[:, k], np.bool_ if name == "sets" else np.int64)
        for k, name in enumerate(_COLUMNS)
    }
    return Frames(
        **columns,
        seen=seen[np.argsort(seen[:, 0], kind="stable")],
        names=tuple(gathered.names),
        types=dict(gathered.types),
        cut=gathered.cut,
    )


def frames_tape(
    file: Path, *, yes_prices: bool = True, plain: bool = False
) -> tuple[Tape, Coverage]:
    """Read and verify a file of frames.

    A market-day is left out, with a sentence, when a frame of its subscription is missing
    (``gap``), when the file breaks off in a frame (``cut``), when a level falls below nothing
    (``negative``), when its book stands crossed or changes before its snapshot.

    Args:
        file: one JSON object a line.
        yes_prices: the subscription said ``use_yes_price``; else NO levels are in NO prices.
        plain: decode every line.

    Raises:
        DataError: naming file and line; also when frames carry no time at all.
    """
    frames = read_frames(file, plain=plain)
    name = short_name(file)
    if not len(frames.line):
        raise refusal(file, "empty", "it has no frame of a book or a trade")
    recv = _filled(file, frames, np.where(frames.recv_ns >= 0, frames.recv_ns, frames.exch_ns))
    exch = _filled(file, frames, frames.exch_ns) if (frames.exch_ns >= 0).any() else recv
    price = frames.price
    if not yes_prices:
        no = (frames.side == ASK) & (frames.kind == Kind.LEVEL)
        price = np.where(no, PRICE_UNIT - price, price)
    coverage = Coverage()
    _leave_out_gaps(name, frames, recv, coverage)
    size = _whole_sizes(name, frames, price, recv, coverage)
    columns = {
        "exch_ns": exch, "recv_ns": recv, "name": frames.market, "kind": frames.kind,
        "side": frames.side, "price": price, "size": np.maximum(size, 0), "ref": frames.seq,
    }  # fmt: skip
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    source = {"file": name, "sha256": digest, "types": dict(frames.types)}
    tape = tape_of(columns, frames.names, source=source)
    tape, found = checked(tape, name, rows=frames.line, known=coverage)
    return tape, found


def _filled(file: Path, frames: Frames, recv: Ints) -> Ints:
    """Give frames without any time that of the next one: a snapshot precedes its deltas."""
    known = np.flatnonzero(recv >= 0)
    if not len(known):
        raise refusal(file, "time", "no frame has ts_ms or recv_ns", row=int(frames.line[0]))
    following = np.searchsorted(known, np.arange(len(recv)))
    found: Ints = recv[known[np.minimum(following, len(known) - 1)]]
    return np.where(recv >= 0, recv, found)


def _leave_out_gaps(file: str, frames: Frames, recv: Ints, coverage: Coverage) -> None:
    for sid in np.unique(frames.seen[:, 1]).tolist():
        mine = frames.seen[frames.seen[:, 1] == sid]
        seq = mine[:, 2]
        missing = np.flatnonzero((np.diff(seq) != 1) & (seq[1:] != 1))
        for k in missing[:1].tolist():
            what = f"frame {seq[k + 1]} came where {seq[k] + 1} was due"
            _leave_out_all(file, frames, recv, coverage, (int(mine[k + 1, 0]), sid, "gap", what))
    if frames.cut is not None:
        what = "the file breaks off in the middle of a frame"
        _leave_out_all(file, frames, recv, coverage, (frames.cut, None, "cut", what))


def _leave_out_all(
    file: str,
    frames: Frames,
    recv: Ints,
    coverage: Coverage,
    why: tuple[int, int | None, str, str],
) -> None:
    """Leave out every market of a subscription, or of the file, on the day of a line."""
    line, sid, rule, what = why
    place = min(int(np.searchsorted(frames.line, line)), len(recv) - 1)
    mine = np.ones(len(recv), np.bool_) if sid is None else frames.sid == sid
    for market in np.unique(frames.market[mine]).tolist():
        coverage.leave_out(file, line, frames.names[market], int(recv[place]), rule, what)


def _whole_sizes(file: str, frames: Frames, price: Ints, recv: Ints, coverage: Coverage) -> Ints:
    """Return what rests at each level after its row; -1 from where a market fell below nothing."""
    size = frames.size.copy()
    books: list[dict[tuple[int, int], int]] = [{} for _ in frames.names]
    broken: set[int] = set()
    level = np.flatnonzero(frames.kind != Kind.TRADE)
    columns = (frames.market, frames.side, price, frames.size, frames.sets)
    rows = zip(level.tolist(), *(each[level].tolist() for each in columns), strict=True)
    for k, market, side, at, change, sets in rows:
        book = books[market]
        if sets and not at:
            book.clear()
            continue
        after = change if sets else book.get((side, at), 0) + change
        if after < 0 and market not in broken:
            broken.add(market)
            what = f"the level at {price_text(at)} falls below nothing"
            line = int(frames.line[k])
            coverage.leave_out(file, line, frames.names[market], int(recv[k]), "negative", what)
        book[side, at] = size[k] = max(after, 0)
    return size
