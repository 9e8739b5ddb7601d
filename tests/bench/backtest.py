"""Windows played through the whole strategy: a year of them against three minutes, and flat.

The windows are made: five strikes, trades on both sides of three of them every ten seconds, the
index in steps. A year of seven fixings a day for two symbols is 3,500 windows; two cores share it.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from kalshi_alpha.research.backtest.days import Job, fingerprint_of, run_days
from kalshi_alpha.research.backtest.settings import Settings
from tests.made_parameters import made_parameters, made_part
from tests.made_tapes import quiet, tape_of

Pairs = list[tuple[float, float]]
YEAR, LIMIT_S, CORES = 3500, 180.0, 2
FEW, MANY, ROUNDS = 20, 200, 3


def measure() -> list[tuple[str, str, Pairs]]:
    """Return a year against its limit, and a window among many against one among few."""
    pairs = [(_per_window(MANY), _per_window(FEW)) for _ in range(ROUNDS)]
    year = [(many * YEAR / CORES, LIMIT_S) for many, _ in pairs]
    return [
        (f"backtest of {YEAR} windows on {CORES} cores / its limit", "s", year),
        (f"a window among {MANY} / among {FEW}", "ms", [(1e3 * m, 1e3 * f) for m, f in pairs]),
    ]


def _per_window(count: int) -> float:
    """Return the seconds a window takes among so many, written to disk and read back."""
    tape = tape_of(quiet(every=10.0, start=900.0))
    parameters = made_parameters(made_part(), made_part())
    settings = (("base", Settings()),)
    jobs = [
        Job(
            replace(tape, ladder=replace(tape.ladder, event_ticker=f"KXINXU-{k}")),
            parameters,
            settings,
        )
        for k in range(count)
    ]
    with TemporaryDirectory() as folder:
        start = time.perf_counter()
        run_days(jobs, Path(folder), fingerprint_of(count))
        return (time.perf_counter() - start) / count
