"""The learned pool as it runs live: what was fitted on past days, applied to one moment.

The filter's probabilities, the middles' shares and the neighbours' are weighed on log scales, with
weights that ``kalshi-alpha temperature study`` fits and keeps in ``pool.json``. The study applies
the same formula to whole arrays; a test holds the two equal. docs/math/momentum.md has it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from kalshi_alpha.errors import DataError, ParameterError
from kalshi_alpha.momentum.filter import softmax
from kalshi_alpha.momentum.fitted import newest, proven

SCHEMA = "kalshi-alpha/temperature-pool/1"
PHASES = (9.0, 12.0, 14.0, 16.0)  # hours of standard time at which the power changes
NEAR = 0.01  # share that is added to the neighbours' before the log is taken
LEAST = 0.005  # dollars: half of the smallest price; nothing counts as worth less
FAINTEST = 1e-9  # probability below which no log is taken


@dataclass(frozen=True, slots=True)
class PoolWeights:
    """What was fitted.

    Attributes:
        powers: on the filter's log probabilities, one more than ``PHASES``.
        middles: on the log of what the middles say over what the filter says.
        neighbours: on the log of what the brackets beside have over what the bracket has.

    Raises:
        ParameterError: for another number of powers, or a number that is not finite.
    """

    powers: tuple[float, ...]
    middles: float
    neighbours: float

    def __post_init__(self) -> None:
        finite = all(map(math.isfinite, (*self.powers, self.middles, self.neighbours)))
        if len(self.powers) != len(PHASES) + 1 or not finite:
            raise ParameterError(
                f"a pool has {len(self.powers)} powers, or one that is not finite; it needs "
                f"{len(PHASES) + 1}"
            )


def pooled(
    beliefs: Sequence[float], middles: Sequence[float | None], hour: float, weights: PoolWeights
) -> tuple[float, ...]:
    """Return the pool's probabilities; they sum to one.

    Args:
        beliefs: the filter's probabilities of the brackets, from below.
        middles: dollars, None for a bracket that has none.
        hour: of standard time after the climate day's midnight; below 0 the day before.
        weights: fitted on days before.

    Raises:
        DataError: when beliefs and middles do not pair.
    """
    if len(beliefs) != len(middles):
        raise DataError(f"{len(beliefs)} probabilities and {len(middles)} middles do not pair")
    power = weights.powers[bisect_right(PHASES, hour)]
    by_middle, by_near = weights.middles, weights.neighbours
    own = power - by_middle - by_near
    log, scores, below, last = math.log, [], 0.0, len(beliefs) - 1
    for k, (p, share) in enumerate(zip(beliefs, shares(middles), strict=True)):
        near = below + (beliefs[k + 1] if k < last else 0.0) + NEAR
        held = log(max(FAINTEST, p))
        scores.append(own * held + by_middle * log(share) + by_near * log(near))
        below = p
    return tuple(softmax(scores))


def shares(middles: Sequence[float | None]) -> list[float]:
    """Return middles as shares of one, none below ``LEAST`` before.

    A bracket without one gets an even part of what the others leave of a dollar, a cent at least.
    """
    known = [m for m in middles if m is not None]
    missing = len(middles) - len(known)
    if missing:
        part = max((1.0 - sum(known)) / missing, 2.0 * LEAST)
        known = [part if m is None else m for m in middles]
    filled = [max(LEAST, m) for m in known]
    total = sum(filled)
    return [one / total for one in filled]


def pool_from_json(data: bytes, on: date) -> PoolWeights:
    """Return the weights that a study fitted last before a day.

    Args:
        data: ``pool.json``.
        on: the climate day they are to be used on.

    Raises:
        ParameterError: when it is not JSON, of another schema, does not match its checksum, lacks
            a number, or was fitted only after ``on``, or longer ago than ``LIFETIME``.
    """
    return weights_of(newest(proven(data, SCHEMA, "pool"), on, "pool").get("weights"))


def weights_of(doc: Any) -> PoolWeights:
    """Read the weights of one window; raise ``ParameterError`` for anything else."""
    try:
        powers = tuple(float(doc[f"power@{k}"]) for k in range(len(PHASES) + 1))
        return PoolWeights(powers, float(doc["middles"]), float(doc["neighbours"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ParameterError(f"the pool lacks or garbles a weight: {error!r}") from None
