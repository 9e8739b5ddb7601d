"""The one form of a recording: rows in the order they arrived, whole numbers in every column.

=============  =====  ==============================================================================
column         type   what
=============  =====  ==============================================================================
``exch_ns``    i64    nanoseconds since 1970 UTC at the exchange; where it gave none, ``recv_ns``
``recv_ns``    i64    the same when it reached us
``name``       dict   market ticker, or the index's symbol for ``INDEX`` rows
``kind``       i8     one of ``Kind``
``side``       i8     0 bid, 1 ask of the YES book; of a trade, the side that was resting
``price``      i32    YES price in 1/10000 dollar; 0 where the kind has none
``size``       i64    1/100 contract; of a ``LEVEL`` what rests after it, of an ``INDEX`` its
                      value in 1/10000 point
``ref``        i64    the sender's sequence number, or our own order's number
=============  =====  ==============================================================================

Both times are non-decreasing: one connection keeps its order, and a clock that stepped back is
held still until it has caught up. So the book as seen here is the exchange's book of an earlier
row, and a trade's row stands before the level it took from. Wherever a level is said, its whole
size is: a reader may begin at any ``CLEAR``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.units import CENT, PRICE_UNIT
from kalshi_alpha.research.data.findings import Bools, Ints, refusal
from kalshi_alpha.research.market.columns import read_table, require

SCHEMA_VERSION = 1
INDEX_UNIT = 10_000  # one index point in the ``size`` of an INDEX row
BID, ASK = 0, 1
_META = b"kalshi_alpha.tape"


class Kind(IntEnum):
    """What a row says."""

    LEVEL = 0  # so much rests at a price now
    TRADE = 1
    CLEAR = 2  # the book is empty: a snapshot follows
    INDEX = 3
    OWN_NEW = 4  # of our own orders: sent,
    OWN_AMEND = 5
    OWN_CANCEL = 6
    OWN_RESTS = 7  # and what became of them
    OWN_FILL = 8
    OWN_GONE = 9


COLUMNS: Mapping[str, Any] = {
    "exch_ns": np.int64,
    "recv_ns": np.int64,
    "name": np.int32,
    "kind": np.int8,
    "side": np.int8,
    "price": np.int32,
    "size": np.int64,
    "ref": np.int64,
}


@dataclass(frozen=True, slots=True)
class Tape:
    """A recording; arrays are [rows], ``name`` is a place in ``names``.

    Attributes:
        results: of markets whose outcome is known: ``yes`` or ``no``.
        source: file, SHA-256 and whatever else says where it came from.
    """

    exch_ns: Ints
    recv_ns: Ints
    name: NDArray[np.int32]
    kind: NDArray[np.int8]
    side: NDArray[np.int8]
    price: NDArray[np.int32]
    size: Ints
    ref: Ints
    names: tuple[str, ...]
    results: Mapping[str, str] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.kind)

    def where(self, keep: Bools) -> Tape:
        """Return the rows where ``keep`` holds; names stay as they are."""
        return replace(self, **{key: getattr(self, key)[keep] for key in COLUMNS})

    def only(self, names: Iterable[str]) -> Tape:
        """Return the rows of some markets and symbols alone."""
        wanted = set(names)
        chosen = np.array([each in wanted for each in self.names], dtype=np.bool_)
        places = np.cumsum(chosen) - 1
        kept = self.where(chosen[self.name] if len(self.names) else np.zeros(0, np.bool_))
        return replace(
            kept,
            name=places[kept.name].astype(np.int32),
            names=tuple(each for each in self.names if each in wanted),
            results={k: v for k, v in self.results.items() if k in wanted},
        )

    @property
    def tick(self) -> int:
        """Return the widest grid, in price units, that holds every price: 100 is a cent."""
        prices = np.unique(self.price[self.kind <= Kind.TRADE])
        found = CENT
        for price in prices.tolist():
            found = gcd(found, price)
        return found


def tape_of(
    columns: Mapping[str, Any],
    names: Sequence[str],
    *,
    results: Mapping[str, str] | None = None,
    source: Mapping[str, Any] | None = None,
) -> Tape:
    """Return a tape of columns in arrival order; ``side``, ``ref`` and ``exch_ns`` may be absent.

    Times that step back are held: ``source["held"]`` counts them.

    Raises:
        DataError: when the columns are of different lengths, or hold what does not fit into them.
    """
    rows = len(columns["recv_ns"])
    full = {"exch_ns": columns["recv_ns"], "side": np.zeros(rows), "ref": np.zeros(rows), **columns}
    try:
        arrays = {key: np.ascontiguousarray(full[key], dtype=kind) for key, kind in COLUMNS.items()}
    except OverflowError:
        raise DataError("a tape's columns hold a number that does not fit into 64 bits") from None
    if len({len(each) for each in arrays.values()}) > 1:
        raise DataError("a tape's columns are of different lengths")
    held = 0
    for key in ("exch_ns", "recv_ns"):
        steady = np.maximum.accumulate(arrays[key]) if rows else arrays[key]
        held += int((steady != arrays[key]).sum())
        arrays[key] = steady
    said = dict(source or {}) | ({"held": held} if held else {})
    return Tape(**arrays, names=tuple(names), results=dict(results or {}), source=said)


def merged(tapes: Sequence[Tape]) -> Tape:
    """Return several recordings on one clock, in order of arrival; equal times keep their order.

    Raises:
        DataError: when there is none, or a market is in two of them with different outcomes.
    """
    if not tapes:
        raise DataError("there is no recording to merge")
    names = tuple(dict.fromkeys(each for tape in tapes for each in tape.names))
    place = {each: k for k, each in enumerate(names)}
    results: dict[str, str] = {}
    for tape in tapes:
        for ticker, result in tape.results.items():
            if results.setdefault(ticker, result) != result:
                raise DataError(f"{ticker} is settled yes in one recording and no in another")
    columns = {key: np.concatenate([getattr(tape, key) for tape in tapes]) for key in COLUMNS}
    moved = [np.array([place[each] for each in tape.names], np.int32) for tape in tapes]
    columns["name"] = np.concatenate([m[t.name] for m, t in zip(moved, tapes, strict=True)])
    order = np.argsort(columns["recv_ns"], kind="stable")
    columns = {key: each[order] for key, each in columns.items()}
    source = {"merged": [dict(tape.source) for tape in tapes]}
    return tape_of(columns, names, results=results, source=source)


def write_tape(tape: Tape, file: Path) -> Path:
    """Write a recording as parquet (zstd), its names as a dictionary."""
    arrays = {key: pa.array(getattr(tape, key)) for key in COLUMNS if key != "name"}
    arrays["name"] = pa.DictionaryArray.from_arrays(
        pa.array(tape.name), pa.array(tape.names, pa.string())
    )
    said = {"schema": SCHEMA_VERSION, "results": dict(tape.results), "source": dict(tape.source)}
    table = pa.table({key: arrays[key] for key in COLUMNS})
    table = table.replace_schema_metadata({_META: json.dumps(said, sort_keys=True).encode()})
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, file, compression="zstd")
    return file


def read_tape(file: Path) -> Tape:
    """Read a recording that ``write_tape`` wrote, checking what a row may say.

    Raises:
        DataError: naming file, row and rule.
    """
    _, table = read_table(file)
    require(file, table, COLUMNS)
    said = json.loads((table.schema.metadata or {}).get(_META, b"{}"))
    if said.get("schema") != SCHEMA_VERSION:
        what = f"it is a recording of schema {said.get('schema')}; this reads {SCHEMA_VERSION}"
        raise refusal(file, "schema", what)
    columns: dict[str, Any] = {}
    for key, kind in COLUMNS.items():
        column = table[key]
        if column.null_count:
            row = int(np.argmax(column.is_null().to_numpy())) + 1
            raise refusal(file, "empty-cell", f"{key} is empty", row=row, count=column.null_count)
        if key == "name":
            whole = column.cast(pa.string()).dictionary_encode().combine_chunks()
            columns[key] = whole.indices.to_numpy(zero_copy_only=False).astype(kind)
            names = tuple(whole.dictionary.to_pylist())
        elif not pa.types.is_integer(column.type):
            raise refusal(file, "type", f"{key} is {column.type}, not whole numbers", row=1)
        else:
            columns[key] = column.to_numpy().astype(kind)
    _require_rows(file, columns)
    return tape_of(columns, names, results=said["results"], source=said["source"])


def _require_rows(file: Path, columns: Mapping[str, Any]) -> None:
    kind, price, size = columns["kind"], columns["price"], columns["size"]
    book = kind <= Kind.TRADE
    rules = {
        "kind": ((kind < 0) | (kind > max(Kind)), "kind is none of this schema's"),
        "side": (~np.isin(columns["side"], (BID, ASK)), "side is neither 0 (bid) nor 1 (ask)"),
        "price": (book & ((price <= 0) | (price >= PRICE_UNIT)), "price is not inside a dollar"),
        "negative": (size < 0, "size is below nothing"),
        "trade": ((kind == Kind.TRADE) & (size == 0), "a trade of nothing"),
        "order": (np.append(False, np.diff(columns["recv_ns"]) < 0), "recv_ns goes back in time"),
    }
    for rule, (wrong, what) in rules.items():
        if wrong.any():
            row = int(np.argmax(wrong)) + 1
            raise refusal(file, rule, what, row=row, count=int(wrong.sum()))
