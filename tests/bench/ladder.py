"""One ladder of 400 strikes: our law against the same probabilities from scipy.stats."""

from __future__ import annotations

import math
import time

import scipy.stats

from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.pricing.ladder import probabilities
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.table import student_table

STRIKES, ROUNDS, REPEATS = 400, 9, 40
LEVEL, SCALE, FREEDOM = 25_000.0, 0.002, 4.0


def measure() -> list[tuple[str, str, list[tuple[float, float]]]]:
    """Return microseconds a ladder; the two must agree before anything is timed."""
    low = int(LEVEL * 100) - STRIKES // 2 * 1000
    payoffs = [Payoff(low + 1000 * i, None) for i in range(STRIKES)]
    law = TerminalLaw(student_table(FREEDOM), LEVEL, 0.0, SCALE)
    # student_table is standardised to unit variance, scipy's t is not.
    scale = SCALE / math.sqrt(FREEDOM / (FREEDOM - 2))
    frozen = scipy.stats.t(FREEDOM, scale=scale)
    logs = [math.log((p.low - 0.5) / 100 / LEVEL) for p in payoffs if p.low is not None]

    def ours() -> list[float]:
        return list(probabilities(law, payoffs, 100))

    def peer() -> list[float]:
        return list(frozen.sf(logs))

    worst = max(abs(a - b) for a, b in zip(ours(), peer(), strict=True))
    if worst > 1e-4:
        raise SystemExit(f"the two ladders differ by {worst:.2g}: timing them means nothing")
    return [
        ("400 strikes priced / scipy.stats.t", "us", [(_t(ours), _t(peer)) for _ in range(ROUNDS)])
    ]


def _t(job: object) -> float:
    start = time.perf_counter()
    for _ in range(REPEATS):
        job()  # type: ignore[operator]
    return 1e6 * (time.perf_counter() - start) / REPEATS
