"""Recorded full-depth books in tables: snapshots, every delta, and the ticker to check them by.

A folder of ``snapshots``, ``deltas`` and ``ticker`` parquet files. Prices are in 1/10000 dollar of
the side's own contract, sizes in 1/100 contract. One connection is one ``segment``, less its hour;
a market's frames count from 1, its snapshot, on.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from kalshi_alpha.markets.units import PRICE_UNIT, price_text, size_text
from kalshi_alpha.research.data.findings import refusal, short_name
from kalshi_alpha.research.market.columns import numbers, read_table, require, truths, words
from kalshi_alpha.research.replay.tape import ASK, BID, Kind, Tape, tape_of
from kalshi_alpha.research.replay.verify import Coverage, TopRow, checked, matched

MS = 1_000_000
_SNAPSHOTS = ("segment", "seq", "recv_ns", "ticker", "is_yes", "price_e4", "qty_e2")
_DELTAS = ("segment", "seq", "recv_ns", "exch_ms", "ticker", "is_yes", "price_e4", "delta_e2")
_TICKER = ("segment", "recv_ns", "exch_ms", "ticker", "bid_e4", "ask_e4")


@dataclass(frozen=True, slots=True)
class RecordedBooks:
    """What a folder held.

    Attributes:
        tapes: one a connection, of the markets that are sound.
        coverage: market-days found and left out.
        met: ticker rows that the replayed book meets, and how many were compared, by connection
            and market.
    """

    tapes: tuple[Tape, ...]
    coverage: Coverage
    met: dict[tuple[str, str], tuple[int, int]]


@dataclass(slots=True)
class _Rows:
    """Rows of one connection, as they are found to be sound."""

    at: list[int] = field(default_factory=list)
    received: list[int] = field(default_factory=list)
    name: list[int] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    side: list[int] = field(default_factory=list)
    price: list[int] = field(default_factory=list)
    size: list[int] = field(default_factory=list)
    ref: list[int] = field(default_factory=list)
    row: list[int] = field(default_factory=list)

    def add(self, *values: int) -> None:
        for column, value in zip(self.columns(), values, strict=True):
            column.append(value)

    def columns(self) -> tuple[list[int], ...]:
        return (
            self.at, self.received, self.name, self.kind, self.side, self.price, self.size,
            self.ref, self.row,
        )  # fmt: skip


def read_books(folder: Path, sessions: Collection[str] | None = None) -> RecordedBooks:
    """Read and verify a folder of recorded books.

    Args:
        folder: of the three tables.
        sessions: the connections wanted; None for all.

    Raises:
        DataError: naming file and row, when a table is missing, or not of this form.
    """
    deltas, snapshots = folder / "deltas.parquet", folder / "snapshots.parquet"
    tables = {
        "delta": _read(deltas, _DELTAS, "delta_e2"),
        "snapshot": _read(snapshots, _SNAPSHOTS, "qty_e2"),
    }
    _require_sizes(snapshots, tables["snapshot"]["size"])
    shown = _shown(folder / "ticker.parquet")
    by_session = _by_session(tables)
    tapes, coverage = [], Coverage()
    met: dict[tuple[str, str], tuple[int, int]] = {}
    digest = hashlib.sha256(deltas.read_bytes() + snapshots.read_bytes()).hexdigest()
    for session, events in sorted(by_session.items()):
        if sessions is not None and session not in sessions:
            continue
        found = Coverage()
        rows, names = _replayed(short_name(deltas), events, found)
        source = {"file": short_name(deltas), "sha256": digest, "session": session}
        columns = dict(zip(_NAMES, rows.columns(), strict=False))
        tape = tape_of(columns, names, source=source)
        tape, later = checked(tape, short_name(deltas), rows=np.array(rows.row, np.int64))
        found.add(later)
        coverage.add(found)
        code = {name: k for k, name in enumerate(tape.names)}
        rest = [TopRow(at, code[t], b, a) for at, t, b, a in shown[session] if t in code]
        met |= {(session, ticker): counts for ticker, counts in matched(tape, rest).items()}
        tapes.append(tape)
    return RecordedBooks(tuple(_without(tape, coverage) for tape in tapes), coverage, met)


_NAMES = ("exch_ns", "recv_ns", "name", "kind", "side", "price", "size", "ref")


def _read(file: Path, columns: tuple[str, ...], size: str) -> dict[str, list[Any]]:
    _, table = read_table(file)
    require(file, table, columns)
    row = np.arange(1, table.num_rows + 1, dtype=np.int64)
    found: dict[str, list[Any]] = {"row": row.tolist()}
    for name in columns:
        if name in ("segment", "ticker"):
            code, different = words(file, name, table[name], row)
            found[name] = [different[k] for k in code.tolist()]
        elif name == "is_yes":
            found[name] = truths(file, name, table[name], row).tolist()
        else:
            found[name] = _whole(file, name, table, row)
    found["size"] = found.pop(size)
    price = np.array(found["price_e4"])
    wrong = (price <= 0) | (price >= PRICE_UNIT)
    if wrong.any():
        k = int(np.argmax(wrong))
        what = f"price_e4 is {price[k]}, not inside a dollar"
        raise refusal(file, "price", what, row=k + 1, count=int(wrong.sum()))
    return found


def _require_sizes(file: Path, sizes: list[int]) -> None:
    """Refuse a snapshot with less than nothing at a price."""
    row = next((k for k, size in enumerate(sizes, start=1) if size < 0), None)
    if row is not None:
        raise refusal(file, "size", f"qty_e2 is {sizes[row - 1]}, less than nothing", row=row)


def _whole(file: Path, name: str, table: pa.Table, row: Any) -> list[int]:
    if not pa.types.is_integer(table[name].type) or table[name].null_count:
        numbers(file, name, table[name], row)
        raise refusal(file, "type", f"{name} is not whole numbers without a gap", row=1)
    whole: list[int] = table[name].to_numpy().astype(np.int64).tolist()
    return whole


def _by_session(tables: dict[str, dict[str, list[Any]]]) -> dict[str, list[tuple[Any, ...]]]:
    """Return (recv, delta?, row, seq, ticker, yes?, price, size, exch) by connection, in order."""
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for kind, table in tables.items():
        exch = table.get("exch_ms", [0] * len(table["row"]))
        keys = ("recv_ns", "row", "seq", "ticker", "is_yes", "price_e4", "size", "segment")
        rows = zip(*(table[key] for key in keys), exch, strict=True)
        for recv, row, seq, ticker, yes, price, size, segment, at in rows:
            event = (recv, kind == "delta", row, seq, ticker, yes, price, size, at * MS)
            found[_session(segment)].append(event)
    for events in found.values():
        events.sort(key=lambda event: event[:3])
    return found


def _session(segment: str) -> str:
    day, _, connection = segment.rpartition("-")
    return f"{day[:10]}-{connection}" if day else segment


def _replayed(
    file: str, events: list[tuple[Any, ...]], coverage: Coverage
) -> tuple[_Rows, tuple[str, ...]]:
    """Return the rows of one connection, levels whole, and its markets; note what is unsound."""
    names = {ticker: k for k, ticker in enumerate(dict.fromkeys(event[4] for event in events))}
    rows, book = _Rows(), dict[tuple[str, int, int], int]()
    last: dict[str, int] = {}
    exchange = _exchange_times(events)
    for (recv, is_delta, row, seq, ticker, yes, price, size, _), at in zip(
        events, exchange, strict=True
    ):
        side = BID if yes else ASK
        price_yes = price if yes else PRICE_UNIT - price
        what = (at, recv, names[ticker])
        if not is_delta:
            if last.get(ticker) != seq:
                rows.add(*what, Kind.CLEAR, 0, 0, 0, seq, row)
                book = {key: value for key, value in book.items() if key[0] != ticker}
            after = size
        else:
            if seq != (due := last.get(ticker, seq - 1) + 1):
                said = f"frame {seq} came where {due} was due"
                coverage.leave_out(file, row, ticker, recv, "gap", said)
            after = book.get((ticker, side, price_yes), 0) + size
            if after < 0:
                said = f"the level at {price_text(price_yes)} falls to {size_text(after)}"
                coverage.leave_out(file, row, ticker, recv, "negative", said)
                after = 0
        last[ticker] = seq
        book[ticker, side, price_yes] = after
        rows.add(*what, Kind.LEVEL, side, price_yes, after, seq, row)
    return rows, tuple(names)


def _exchange_times(events: list[tuple[Any, ...]]) -> list[int]:
    """Return exchange times; a snapshot has none and takes that of its market's next delta."""
    following: dict[str, int] = {}
    found = []
    for recv, is_delta, _, _, ticker, _, _, _, at in reversed(events):
        if is_delta:
            following[ticker] = at
        found.append(following.get(ticker, recv))
    return found[::-1]


def _without(tape: Tape, coverage: Coverage) -> Tape:
    gone = {name for name, _ in coverage.excluded}
    return tape if not gone else tape.only(set(tape.names) - gone)


def _shown(file: Path) -> dict[str, list[tuple[int, str, int, int]]]:
    """Return (exchange time, ticker, bid, ask) by connection, in order of time."""
    table = _ticker(file)
    found: dict[str, list[tuple[int, str, int, int]]] = defaultdict(list)
    keys = ("segment", "exch_ms", "ticker", "bid_e4", "ask_e4")
    for segment, at, ticker, bid, ask in zip(*(table[key] for key in keys), strict=True):
        # The venue writes an empty side as a bid of nothing or an ask of a dollar.
        found[_session(segment)].append((at * MS, ticker, bid, ask % PRICE_UNIT))
    return found


def _ticker(file: Path) -> dict[str, list[Any]]:
    _, table = read_table(file)
    require(file, table, _TICKER)
    row = np.arange(1, table.num_rows + 1, dtype=np.int64)
    found: dict[str, list[Any]] = {}
    for name in _TICKER:
        if name in ("segment", "ticker"):
            code, different = words(file, name, table[name], row)
            found[name] = [different[k] for k in code.tolist()]
        else:
            found[name] = _whole(file, name, table, row)
    return found
