"""Time the hot jobs against their peers and write ``out/bench.json``.

Ours and the peer's are measured in turn, in one process, round by round; the ratio is the peer's
time over ours, so larger is better; ``low`` and ``high`` are the spread over the rounds.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

from tests.bench import (
    backtest,
    drift,
    frames,
    imports,
    ladder,
    ledger,
    momentum,
    pages,
    pull,
    replay,
    research,
    scoring,
)

OUT = Path("out") / "bench.json"
# Rows of (what, unit, rounds of ours and the peer's).
Job: TypeAlias = Callable[[], list[tuple[str, str, list[tuple[float, float]]]]]


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison; ``ours`` and ``peer`` are medians in ``unit``, ``p99`` is of ours."""

    name: str
    ratio: float
    low: float
    high: float
    ours: float
    p99: float
    peer: float
    unit: str


def row(name: str, unit: str, pairs: Iterable[tuple[float, float]]) -> Row:
    """Summarise rounds of (ours, peer)."""
    measured = list(pairs)
    ratios = sorted(peer / ours for ours, peer in measured)
    return Row(
        name=name,
        ratio=round(statistics.median(ratios), 3),
        low=round(ratios[0], 3),
        high=round(ratios[-1], 3),
        ours=round(statistics.median(ours for ours, _ in measured), 4),
        p99=round(_p99([ours for ours, _ in measured]), 4),
        peer=round(statistics.median(peer for _, peer in measured), 4),
        unit=unit,
    )


def _p99(values: list[float]) -> float:
    """Return the smallest value that 99 of 100 do not pass: the largest of fewer than a hundred."""
    return sorted(values)[-(-99 * len(values) // 100) - 1]


def show(jobs: Iterable[Job]) -> list[Row]:
    """Run benches and print their table, row by row."""
    rows = []
    head = f"{'ratio':>7} {'low':>7} {'high':>7} {'ours':>10} {'p99':>10} {'peer':>10}"
    print(f"{'job':<60} {head}")
    for job in jobs:
        for name, unit, pairs in job():
            done = row(name, unit, pairs)
            rows.append(done)
            print(
                f"{done.name:<60} {done.ratio:>7.2f} {done.low:>7.2f} {done.high:>7.2f} "
                f"{done.ours:>10.4g} {done.p99:>10.4g} {done.peer:>10.4g} {done.unit}"
            )
            sys.stdout.flush()
    return rows


def main() -> None:
    """Run every bench, print the table, write the file."""
    jobs: list[Job] = [
        ladder.measure,
        pull.measure,
        drift.measure,
        frames.measure,
        imports.measure,
        scoring.measure,
        replay.measure,
        backtest.measure,
        research.measure,
        ledger.measure,
        pages.measure,
        momentum.measure,
    ]
    rows = show(jobs)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps([asdict(r) for r in rows], indent=1) + "\n")
    print(f"written to {OUT}")


if __name__ == "__main__":
    main()
