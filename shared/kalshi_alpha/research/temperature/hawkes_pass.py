"""The likelihood of a Hawkes process and its gradient in one pass, compiled.

Rows are seconds since the row before, the event's kind, and the power e^(-decay seconds), taken
beforehand for all rows at once. The kind -1 ends a stretch: what is carried is then what has not
decayed yet, so that the compensator needs no sum of its own, and begins anew. Logarithms are taken
of products as long as a float holds them.
"""

from __future__ import annotations

import math
from typing import Any

from numba import njit

_LARGE, _SMALL = 1e200, 1e-200


@njit(cache=True, nogil=True)
def one_kind(gaps: Any, kinds: Any, powers: Any, rates: Any, gradient: Any) -> float:
    """Return the log likelihood of one kind but for its base rate's part; fill its gradient."""
    base, branching, decay = rates
    jump = branching * decay
    past = late = 0.0  # of what is past: the sum of e^-bu, and of u e^-bu
    value, product = 0.0, 1.0
    inverses = weighted = weighted_late = gone = gone_late = 0.0
    count = 0
    for k in range(len(gaps)):
        kept = powers[k]
        late = kept * (late + gaps[k] * past)
        past = kept * past
        if kinds[k] < 0:
            gone += count - past
            gone_late += late
            past = late = 0.0
            count = 0
            continue
        intensity = base + jump * past
        inverse = 1.0 / intensity
        inverses += inverse
        weighted += past * inverse
        weighted_late += late * inverse
        product *= intensity
        if product > _LARGE or product < _SMALL:
            value += math.log(product)
            product = 1.0
        past += 1.0
        count += 1
    gradient[0] = inverses
    gradient[1] = decay * weighted - gone
    gradient[2] = branching * (weighted - decay * weighted_late - gone_late)
    return float(value + math.log(product) - branching * gone)


@njit(cache=True, nogil=True)
def any_kinds(gaps: Any, kinds: Any, powers: Any, rates: Any, gradient: Any, past: Any) -> float:
    """Return the same of any number of kinds; ``past`` is room for [2, kinds], zeros."""
    many = past.shape[1]
    decay = rates[-1]
    last = len(rates) - 1
    value, product, by_decay = 0.0, 1.0, 0.0
    for k in range(len(gaps)):
        kept, kind = powers[k], kinds[k]
        for j in range(many):
            past[1, j] = kept * (past[1, j] + gaps[k] * past[0, j])
            past[0, j] = kept * past[0, j]
        if kind < 0:
            # Every event added one to ``past`` on its way; what is left of it has not decayed.
            for i in range(many):
                for j in range(many):
                    at = many * (i + 1) + j
                    gradient[at] += past[0, j]
                    value += rates[at] * past[0, j]
                    by_decay -= rates[at] * past[1, j]
            past[:] = 0.0
            continue
        row = many * (kind + 1)
        intensity, slope = rates[kind], 0.0
        for j in range(many):
            intensity += rates[row + j] * decay * past[0, j]
            slope += rates[row + j] * (past[0, j] - decay * past[1, j])
        inverse = 1.0 / intensity
        gradient[kind] += inverse
        for j in range(many):
            gradient[row + j] += decay * past[0, j] * inverse
        by_decay += slope * inverse
        product *= intensity
        if product > _LARGE or product < _SMALL:
            value += math.log(product)
            product = 1.0
        past[0, kind] += 1.0
        for i in range(many):
            at = many * (i + 1) + kind
            gradient[at] -= 1.0
            value -= rates[at]
    gradient[last] = by_decay
    return value + math.log(product)
