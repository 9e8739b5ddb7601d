"""A year of windows through the whole strategy against three minutes, and flat as days grow.

The windows are made: five strikes, trades on both sides of three of them every ten seconds from a
quarter of an hour before the fixing on, the index in steps, each window's shifted by a few seconds.
A year of seven fixings a day for two symbols is 3,500 of them, played on two processes, written to
disk and read back. A quarter of a year is played beside it: the cost of a window is the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from kalshi_alpha.research.backtest.days import Job, fingerprint_of, run_days
from kalshi_alpha.research.backtest.settings import Settings
from tests.made_parameters import made_parameters, made_part
from tests.made_tapes import quiet, tape_of

Pairs = list[tuple[float, float]]
YEAR, QUARTER, LIMIT_S, CORES = 3500, 875, 180.0, 2
SERIES, KINDS = ("KXINXU", "KXNASDAQ100U"), 7


def measure() -> list[tuple[str, str, Pairs]]:
    """Return a year against its limit, and a window of a year against one of a quarter."""
    before, year, after = (_played(count) for count in (QUARTER, YEAR, QUARTER))
    per_window = year / YEAR
    return [
        (f"backtest of {YEAR} windows on {CORES} processes / its limit", "s", [(year, LIMIT_S)]),
        (
            f"a window among {YEAR} / among {QUARTER}",
            "ms",
            [(1e3 * per_window, 1e3 * each / QUARTER) for each in (before, after)],
        ),
    ]


def _played(count: int) -> float:
    """Return the seconds that so many windows take, from the first to the last file read back."""
    jobs = list(_jobs(count))
    with TemporaryDirectory() as folder:
        start = time.perf_counter()
        days = run_days(jobs, Path(folder), fingerprint_of(count), workers=CORES)
        taken = time.perf_counter() - start
    assert days is not None
    assert len(days) == count
    return taken


def _jobs(count: int) -> Iterator[Job]:
    kinds = [tape_of(quiet(every=10.0, start=900.0 - kind)) for kind in range(KINDS)]
    parameters = made_parameters(made_part(), made_part())
    settings = (("base", Settings()),)
    for k in range(count):
        tape, name = kinds[k % KINDS], f"{SERIES[k % 2]}-{k}"
        played = replace(tape, ladder=replace(tape.ladder, event_ticker=name))
        yield Job(((played, parameters),), settings)
