"""One ladder of 400 strikes: our law against the same probabilities from scipy.stats.

Warm, both start from the strikes, the level and the scale, as a scan must; the peer's strikes are
an array already. Cold, each is a fresh process that imports what it needs and prices one ladder,
which is what a function pays.
"""

from __future__ import annotations

import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import scipy.stats

from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.pricing.ladder import probabilities
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.table import student_table

STRIKES, ROUNDS, REPEATS, COLD_ROUNDS = 400, 9, 40, 5
LEVEL, SCALE, FREEDOM = 25_000.0, 0.002, 4.0
_OURS = """
from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.pricing.ladder import probabilities
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.parameters import load_parameters, shipped_parameters
from datetime import date
on = date(2025, 11, 4)
found = load_parameters(shipped_parameters(on), on=on)["NDX"]
table = found.part(at_close=False).shape(10.0).table
payoffs = [Payoff(2_300_000 + 1000 * i, None) for i in range(400)]
probabilities(TerminalLaw(table, 25_000.0, 0.0, 0.002), payoffs, 100)
"""
_PEER = """
import numpy as np
import scipy.stats
strikes = 23_000 + 10.0 * np.arange(400)
scipy.stats.t.sf(np.log(strikes / 25_000.0), 4.0, scale=0.0014)
"""


def measure() -> list[tuple[str, str, list[tuple[float, float]]]]:
    """Return microseconds warm and CPU milliseconds cold; both must agree before it is timed."""
    low = int(LEVEL * 100) - STRIKES // 2 * 1000
    payoffs = [Payoff(low + 1000 * i, None) for i in range(STRIKES)]
    law = TerminalLaw(student_table(FREEDOM), LEVEL, 0.0, SCALE)
    # student_table is standardised to unit variance, scipy's t is not.
    scale = SCALE / math.sqrt(FREEDOM / (FREEDOM - 2))
    strikes = np.array([(p.low - 0.5) / 100 for p in payoffs if p.low is not None])

    def ours() -> list[float]:
        return list(probabilities(law, payoffs, 100))

    def peer() -> list[float]:
        return list(scipy.stats.t.sf(np.log(strikes / LEVEL), FREEDOM, scale=scale).tolist())

    worst = max(abs(a - b) for a, b in zip(ours(), peer(), strict=True))
    if worst > 1e-4:
        raise SystemExit(f"the two ladders differ by {worst:.2g}: timing them means nothing")
    warm = [(_microseconds(ours), _microseconds(peer)) for _ in range(ROUNDS)]
    cold = [(_cpu(_OURS), _cpu(_PEER)) for _ in range(COLD_ROUNDS)]
    return [
        ("400 strikes, warm / scipy.stats", "us", warm),
        ("400 strikes in a fresh process / scipy.stats", "ms CPU", cold),
    ]


def _microseconds(job: Callable[[], list[float]]) -> float:
    start = time.perf_counter()
    for _ in range(REPEATS):
        job()
    return 1e6 * (time.perf_counter() - start) / REPEATS


def _cpu(code: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return 1000 * used
