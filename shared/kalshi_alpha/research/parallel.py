"""Work on several processes, its answers in the order of what was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

J = TypeVar("J")
A = TypeVar("A")


def mapped(
    work: Callable[[J], A], jobs: Sequence[J], workers: int, *, chunk: int = 1
) -> Iterator[A]:
    """Yield what each job gives, in their order.

    Args:
        work: a function of a module, which a new process can import.
        jobs: what it is given.
        workers: processes; 1 works in this one.
        chunk: jobs that are handed over together.
    """
    if workers <= 1 or len(jobs) <= 1:
        yield from map(work, jobs)
        return
    # Spawned and not forked: a fork copies whatever threads the parent has half-way.
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, jobs, chunksize=chunk)
