"""Units played in this process or a pool of them, each kept as it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from kalshi_alpha.markets.registry import Registry, load_registry
from kalshi_alpha.research.sweep.manifest import Manifest, Unit
from kalshi_alpha.research.sweep.playing import Bench
from kalshi_alpha.research.sweep.shelf import Shelf

Progress = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Show nothing."""
    del done, total


@dataclass(frozen=True, slots=True)
class Ran:
    """How many units a share has, and how many of them were played now."""

    units: int
    played: int


def run_units(
    manifest: Manifest,
    files: Mapping[str, Path],
    shelf: Shelf,
    units: Sequence[Unit],
    registry: Registry,
    *,
    workers: int = 1,
    progress: Progress = silent,
) -> Ran:
    """Play every unit that is not kept yet, and keep it.

    Args:
        manifest: the sweep.
        files: on this machine, by hash.
        shelf: where units are kept.
        units: a share of the sweep's, or all of them.
        registry: the one the sweep was made with.
        workers: processes; 1 plays in this one.
        progress: told how many are done, and of how many.

    Raises:
        ConfigurationError: on other code or another registry than the sweep was made with.
        DataError: for a file that cannot be used.
    """
    manifest.require_here(registry)
    sweep_id = manifest.sweep_id
    kept = shelf.done(sweep_id)
    left = [unit for unit in units if unit.name not in kept]
    done = len(units) - len(left)
    progress(done, len(units))
    for unit, data in _played(manifest, files, left, registry, workers):
        shelf.write_unit(sweep_id, unit.name, data)
        done += 1
        progress(done, len(units))
    return Ran(len(units), len(left))


def _played(
    manifest: Manifest,
    files: Mapping[str, Path],
    units: Sequence[Unit],
    registry: Registry,
    workers: int,
) -> Iterator[tuple[Unit, bytes]]:
    if workers <= 1 or len(units) <= 1:
        bench = Bench(manifest, files, registry)
        for unit in units:
            yield unit, bench.play(unit)
        return
    # Spawned and not forked: a fork copies whatever threads the parent has half-way.
    pool = ProcessPoolExecutor(
        min(workers, len(units)),
        mp_context=get_context("spawn"),
        initializer=_sit_down,
        initargs=(manifest.as_bytes(), dict(files)),
    )
    try:
        running: dict[Future[bytes], Unit] = {pool.submit(_play, unit): unit for unit in units}
        for one in as_completed(running):
            yield running.pop(one), one.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_benches: list[Bench] = []  # of a worker process: the one it sits at


def _sit_down(manifest: bytes, files: Mapping[str, Path]) -> None:
    _benches[:] = [Bench(Manifest.from_bytes(manifest), files, load_registry())]


def _play(unit: Unit) -> bytes:
    return _benches[0].play(unit)
