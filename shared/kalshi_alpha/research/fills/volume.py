"""What traded in a recorded book that has no trades: as much as its ticker's volume proves.

The ticker tells, about once a second, the volume so far and the price of the last trade. A trade
takes from the best level of a side, so what traded between two rows of the ticker came out of
levels that shrank while they were best. A level is given what the others together cannot explain:

    traded(level) >= volume - sum of what the other best levels lost, and >= 0

That is a least figure. The last trade's price alone is known too; where it has no such figure it
stands as a trade of one contract, which may go through a quote and says little of a queue.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kalshi_alpha.markets.units import SIZE_UNIT
from kalshi_alpha.research.data.findings import refusal
from kalshi_alpha.research.market.columns import numbers, read_table, require, words
from kalshi_alpha.research.replay.tape import BID, COLUMNS, Kind, Tape

MS = 1_000_000
_TICKER = ("recv_ns", "exch_ms", "ticker", "last_e4", "volume_e2")


@dataclass(frozen=True, slots=True)
class Told:
    """One row of the ticker: exchange time, last price and volume so far (1/100 contract)."""

    at_ns: int
    last: int
    volume: int


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A level that lost ``size`` at ``row`` of a tape while it was the best of its side."""

    row: int
    side: int
    price: int
    size: int


@dataclass(frozen=True, slots=True)
class Attributed:
    """How much of a ticker's volume found its level.

    Attributes:
        volume: 1/100 contract told.
        placed: of it, what a level provably lost to trades.
        bare: last trades of which nothing but the price is known.
    """

    volume: int = 0
    placed: int = 0
    bare: int = 0

    def __add__(self, other: Attributed) -> Attributed:
        return Attributed(
            self.volume + other.volume, self.placed + other.placed, self.bare + other.bare
        )


def read_told(file: Path) -> dict[str, list[Told]]:
    """Return the ticker's rows by market, in order of exchange time.

    Raises:
        DataError: naming file and row, for a missing column, a cell that is no whole number, or a
            volume that falls.
    """
    _, table = read_table(file)
    require(file, table, _TICKER)
    row = np.arange(1, table.num_rows + 1, dtype=np.int64)
    code, names = words(file, "ticker", table["ticker"], row)
    at, last, volume = (
        numbers(file, name, table[name], row).astype(np.int64).tolist()
        for name in ("exch_ms", "last_e4", "volume_e2")
    )
    found: dict[str, list[Told]] = defaultdict(list)
    for k in np.argsort(at, kind="stable").tolist():
        told = found[names[code[k]]]
        if told and volume[k] < told[-1].volume:
            what = f"the volume of {names[code[k]]} falls from {told[-1].volume} to {volume[k]}"
            raise refusal(file, "volume", what, row=k + 1)
        told.append(Told(at[k] * MS, last[k], volume[k]))
    return dict(found)


def with_trades(tape: Tape, told: Mapping[str, Sequence[Told]]) -> tuple[Tape, Attributed]:
    """Return the tape with a trade before each loss that trades explain, and how much that was.

    Args:
        tape: levels alone.
        told: the ticker by market.
    """
    inserts: list[tuple[int, int, int, int]] = []  # before row, side, price, size
    total = Attributed()
    lost = _shrunk(tape)
    at = tape.exch_ns.tolist()
    for market, name in enumerate(tape.names):
        mine = lost[market]
        times = [at[one.row] for one in mine]
        rows = told.get(name, ())
        for before, after in itertools.pairwise(rows):
            low, high = (bisect_right(times, one.at_ns) for one in (before, after))
            if before.at_ns >= at[0] and after.at_ns <= at[-1] and after.volume > before.volume:
                found, sums = _placed(mine[low:high], after, after.volume - before.volume)
                inserts += found
                total += sums
    return _inserted(tape, sorted(inserts)), total


def _shrunk(tape: Tape) -> list[list[Shrunk]]:
    """Return by market the losses of levels that were best, in order."""
    found: list[list[Shrunk]] = [[] for _ in tape.names]
    books: list[tuple[dict[int, int], dict[int, int]]] = [({}, {}) for _ in tape.names]
    columns = (tape.name, tape.kind, tape.side, tape.price, tape.size)
    for row, (name, kind, side, price, size) in enumerate(
        zip(*(each.tolist() for each in columns), strict=True)
    ):
        if kind == Kind.CLEAR:
            books[name] = ({}, {})
        elif kind == Kind.LEVEL:
            book = books[name][side]
            less = book.get(price, 0) - size
            if less > 0 and price == (max(book) if side == BID else min(book)):
                found[name].append(Shrunk(row, side, price, less))
            if size:
                book[price] = size
            else:
                book.pop(price, None)
    return found


def _placed(
    lost: Sequence[Shrunk], told: Told, volume: int
) -> tuple[list[tuple[int, int, int, int]], Attributed]:
    """Return the trades of one stretch between two rows of the ticker."""
    levels: Counter[tuple[int, int]] = Counter()
    for one in lost:
        levels[one.side, one.price] += one.size
    whole = levels.total()
    sure = {key: max(0, min(size, volume - (whole - size))) for key, size in levels.items()}
    found, placed = [], sum(sure.values())
    bare = 0
    at_last = [key for key in levels if key[1] == told.last]
    if len(at_last) == 1 and not sure[at_last[0]]:
        sure[at_last[0]], bare = min(SIZE_UNIT, levels[at_last[0]]), 1
    for one in lost:
        size = min(one.size, sure[one.side, one.price])
        if size:
            sure[one.side, one.price] -= size
            found.append((one.row, one.side, one.price, size))
    return found, Attributed(volume, placed, bare)


def _inserted(tape: Tape, trades: Sequence[tuple[int, int, int, int]]) -> Tape:
    """Return the tape with trades put before the rows they took from."""
    if not trades:
        return tape
    row, side, price, size = (np.array(column) for column in zip(*trades, strict=True))
    new = {"kind": np.full(len(row), int(Kind.TRADE)), "side": side, "price": price, "size": size}
    columns: dict[str, Any] = {}
    for key, kind in COLUMNS.items():
        old = getattr(tape, key)
        columns[key] = np.insert(old, row, new.get(key, old[row])).astype(kind)
    return replace(tape, **columns)
