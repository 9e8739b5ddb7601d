"""What each possible threshold of expected value would refuse."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kalshi_alpha.markets.units import CASH_UNIT, CENT, SIZE_UNIT

DEFAULT_THRESHOLDS = tuple(range(CENT, 11 * CENT, CENT))  # one to ten cents a contract


@dataclass(frozen=True, slots=True)
class ThresholdRow:
    """One threshold (1/10000 dollar a contract) and what it does to a set of candidates.

    ``passed`` and ``refused`` count candidates; ``ev_passed`` and ``ev_refused`` add up, in dollars
    a contract, the positive expected values on either side of the threshold.
    """

    min_ev: int
    passed: int
    refused: int
    ev_passed: float
    ev_refused: float


def threshold_grid(
    best_evs: Iterable[float], thresholds: Sequence[int] = DEFAULT_THRESHOLDS
) -> tuple[ThresholdRow, ...]:
    """Return one row a threshold, ascending.

    ``best_evs`` holds, for each candidate, the dollars a contract that its best resting price would
    earn; one with no such price is left out, for no threshold could let it pass.
    """
    values = [round(ev * CASH_UNIT) for ev in best_evs]
    return tuple(_row(values, min_ev) for min_ev in sorted(set(thresholds)))


def _row(values: Sequence[int], min_ev: int) -> ThresholdRow:
    passed = [value for value in values if value >= min_ev * SIZE_UNIT]
    refused = [value for value in values if value < min_ev * SIZE_UNIT]
    return ThresholdRow(
        min_ev=min_ev,
        passed=len(passed),
        refused=len(refused),
        ev_passed=sum(passed) / CASH_UNIT,
        ev_refused=sum(value for value in refused if value > 0) / CASH_UNIT,
    )
