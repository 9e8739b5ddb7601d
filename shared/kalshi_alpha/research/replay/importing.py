"""Whatever was recorded, read by its form and written as one: see ``tape`` for that one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.replay.captures import read_captures
from kalshi_alpha.research.replay.frame_books import frames_tape
from kalshi_alpha.research.replay.recorded_books import read_books
from kalshi_alpha.research.replay.recorded_trades import read_recorded
from kalshi_alpha.research.replay.tape import Tape, write_tape
from kalshi_alpha.research.replay.verify import Coverage

FRAMES = (".ndjson", ".jsonl")


@dataclass(frozen=True, slots=True)
class Imported:
    """What one source held; ``met`` is of ticker rows, (met, compared), where there are any."""

    source: Path
    tapes: tuple[Tape, ...]
    coverage: Coverage
    met: tuple[int, int] = (0, 0)


def read_source(
    source: Path,
    *,
    results: Mapping[str, str] | None = None,
    yes_prices: bool = True,
    needs_settlement: bool = False,
) -> Imported:
    """Read one source: a folder of recorded books or of captures, a file of frames, or a table.

    Raises:
        DataError: naming file and row, when it is of none of these forms or cannot be used.
    """
    if source.is_dir() and (source / "deltas.parquet").is_file():
        books = read_books(source)
        met = tuple(sum(each[k] for each in books.met.values()) for k in (0, 1))
        return Imported(source, books.tapes, books.coverage, (met[0], met[1]))
    if source.is_dir():
        return Imported(source, *read_captures(source))
    if source.suffix.lower() in FRAMES:
        tape, coverage = frames_tape(source, yes_prices=yes_prices)
    else:
        tape, coverage = read_recorded(source, results=results, needs_settlement=needs_settlement)
    return Imported(source, (tape,), coverage)


def write_source(imported: Imported, folder: Path) -> tuple[Path, ...]:
    """Write the tapes of a source that hold anything, one file each.

    Raises:
        DataError: when nothing is left to write.
    """
    kept = [tape for tape in imported.tapes if len(tape)]
    if not kept:
        raise DataError(f"{imported.source}: nothing is left of it: {imported.coverage.sentence()}")
    stem = imported.source.stem
    names = [f"{stem}-{k}" if len(kept) > 1 else stem for k in range(len(kept))]
    return tuple(
        write_tape(tape, folder / f"{name}.tape.parquet")
        for name, tape in zip(names, kept, strict=True)
    )


def total(coverages: Sequence[Coverage]) -> Coverage:
    """Return the coverage of several sources together."""
    found = Coverage()
    for each in coverages:
        found.add(each)
    return found
