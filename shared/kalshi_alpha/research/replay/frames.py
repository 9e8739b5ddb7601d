"""The venue's own frames, one JSON object a line, as they came over its socket.

Read are ``orderbook_snapshot``, ``orderbook_delta`` and ``trade``; other types are counted. A line
may carry ``recv_ns`` beside the venue's keys: when it was received, in nanoseconds since 1970.
Where numba is installed, plain deltas are read by ``scanner`` and all else is decoded; without it
every line is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.units import PRICE_UNIT, price_from_text, price_text, size_from_text
from kalshi_alpha.research.data.findings import Bools, Ints, refusal
from kalshi_alpha.research.replay.tape import ASK, BID, Kind

MS = 1_000_000
_SIDES = {"yes": BID, "no": ASK}
_TAKERS = {"bid": ASK, "ask": BID, "yes": ASK, "no": BID}  # who rested, by who took
_UNKNOWN = -1
_BEYOND = 1 << 63
_COLUMNS = (
    "line", "exch_ns", "recv_ns", "market", "kind", "side", "price", "size", "sets", "seq", "sid",
)  # fmt: skip
NO_DELTAS: Ints = np.empty((0, len(_COLUMNS)), np.int64)


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


class Said(msgspec.Struct):
    """A frame as the decoder gives it."""

    type: str = ""
    sid: int = _UNKNOWN
    seq: int = _UNKNOWN
    recv_ns: int = _UNKNOWN
    msg: dict[str, Any] = {}


_decode = msgspec.json.Decoder(Said).decode


@dataclass(slots=True)
class Gathered:
    """Rows of decoded lines, in order."""

    names: dict[str, int] = field(default_factory=dict)
    rows: list[tuple[int, ...]] = field(default_factory=list)
    seen: list[tuple[int, int, int]] = field(default_factory=list)
    types: Counter[str] = field(default_factory=Counter)
    cut: int | None = None

    def market(self, msg: Mapping[str, Any]) -> int:
        """Return the number of a message's market."""
        ticker = msg["market_ticker"]
        if not isinstance(ticker, str) or not ticker:
            raise DataError(f"the market {str(ticker)[:40]!r} is no name")
        return self.names.setdefault(ticker, len(self.names))

    def take(self, line: int, text: bytes) -> None:
        """Take one line; raise what msgspec and the units raise."""
        self.frame(line, _decode(text))

    def frame(self, line: int, said: Said) -> None:
        """Take one decoded frame."""
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
        self, line: int, said: Said, kind: Kind, side: int, price: Any, size: int, sets: int = 0
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
    gathered = Gathered()
    if plain or find_spec("numba") is None:
        lines = data.splitlines()
        for number, text in enumerate(lines, start=1):
            _take(file, gathered, number, text, last=number == len(lines))
        return frames_of(gathered, NO_DELTAS)
    from kalshi_alpha.research.replay.scanning import scanned  # noqa: PLC0415 - numba is an extra

    deltas, rest = scanned(data, gathered.names)
    last = len(data.rstrip())
    for number, begin, end in rest:
        _take(file, gathered, number, data[begin:end], last=end >= last)
    if len(deltas):
        gathered.types["orderbook_delta"] += len(deltas)
    return frames_of(gathered, deltas)


def _take(file: Path, gathered: Gathered, number: int, text: bytes, *, last: bool) -> None:
    if not text.strip():
        return
    try:
        gathered.take(number, text)
    except (
        msgspec.MsgspecError, DataError, KeyError, TypeError, ValueError, RecursionError,
    ) as error:  # fmt: skip
        if last and isinstance(error, msgspec.DecodeError):
            gathered.cut = number
            return
        what = f"the frame cannot be read: {type(error).__name__}: {str(error)[:120]}"
        raise refusal(file, "frame", what, row=number) from None


def _whole(rows: Sequence[tuple[int, ...]], columns: int) -> Ints:
    """Return rows of whole numbers, the first of each its line."""
    try:
        return np.array(rows, np.int64).reshape(-1, columns)
    except OverflowError:
        line = next(row[0] for row in rows if not all(-_BEYOND <= each < _BEYOND for each in row))
        raise DataError(f"line {line} holds a number that does not fit into 64 bits") from None


def frames_of(gathered: Gathered, deltas: Ints) -> Frames:
    """Return what was gathered, with rows of plain deltas that were read apart."""
    own = _whole(gathered.rows, len(_COLUMNS))
    rows = np.concatenate([deltas, own]) if len(own) else deltas
    if len(own) and len(deltas):
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
    numbered = deltas[(deltas[:, 10] >= 0) & (deltas[:, 9] >= 0)][:, [0, 10, 9]]
    seen = np.concatenate([numbered, _whole(gathered.seen, 3)])
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
