"""Frames as a tape: every level whole, and what does not hold together left out by name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kalshi_alpha.markets.units import PRICE_UNIT, price_text
from kalshi_alpha.research.data.findings import Ints, refusal, short_name
from kalshi_alpha.research.replay.frames import Frames, read_frames
from kalshi_alpha.research.replay.tape import ASK, Kind, Tape, tape_of
from kalshi_alpha.research.replay.verify import Coverage, checked


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
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    source = {"file": short_name(file), "sha256": digest}
    return tape_of_frames(file, frames, Coverage(), source, yes_prices=yes_prices)


def tape_of_frames(
    file: Path,
    frames: Frames,
    coverage: Coverage,
    source: Mapping[str, Any],
    *,
    yes_prices: bool = True,
) -> tuple[Tape, Coverage]:
    """Return frames as a verified tape; see ``frames_tape``.

    Args:
        file: where they are from.
        frames: as they were read.
        coverage: what is left out already; it is added to.
        source: what the tape says of where it is from.
        yes_prices: NO levels are in YES prices.
    """
    name = short_name(file)
    if not len(frames.line):
        raise refusal(file, "empty", "it has no frame of a book or a trade")
    recv = _filled(file, frames, np.where(frames.recv_ns >= 0, frames.recv_ns, frames.exch_ns))
    exch = _filled(file, frames, frames.exch_ns) if (frames.exch_ns >= 0).any() else recv
    price = frames.price
    if not yes_prices:
        no = (frames.side == ASK) & (frames.kind == Kind.LEVEL)
        price = np.where(no, PRICE_UNIT - price, price)
    _leave_out_gaps(name, frames, recv, coverage)
    size = _whole_sizes(name, frames, price, recv, coverage)
    columns = {
        "exch_ns": exch, "recv_ns": recv, "name": frames.market, "kind": frames.kind,
        "side": frames.side, "price": price, "size": np.maximum(size, 0), "ref": frames.seq,
    }  # fmt: skip
    tape = tape_of(columns, frames.names, source={**source, "types": dict(frames.types)})
    return checked(tape, name, rows=frames.line, known=coverage)


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
    mine = frames.kind != Kind.INDEX if sid is None else frames.sid == sid
    for market in np.unique(frames.market[mine]).tolist():
        coverage.leave_out(file, line, frames.names[market], int(recv[place]), rule, what)


def _whole_sizes(file: str, frames: Frames, price: Ints, recv: Ints, coverage: Coverage) -> Ints:
    """Return what rests at each level after its row; nothing where it would be below that."""
    size = frames.size.copy()
    books: list[dict[tuple[int, int], int]] = [{} for _ in frames.names]
    broken: set[int] = set()
    level = np.flatnonzero((frames.kind == Kind.LEVEL) | (frames.kind == Kind.CLEAR))
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
