"""A Student law whose two sides have different widths, standardised, as a table.

The side below the mode is narrowed by ``1 / skew`` and the one above widened by ``skew``, and the
whole is shifted and scaled to mean 0 and variance 1 (Fernandez and Steel, Journal of the American
Statistical Association 93, 1998). With a skew of 1 it is Student's law.
"""

from __future__ import annotations

import functools
import math

from kalshi_alpha.errors import ParameterError
from kalshi_alpha.pricing.table import StandardTable, student_sf

_REACH = 1e5  # standard units of the outermost knots
_STEP = 0.1  # between knots, in asinh(z)
_WIDEST = 5.0


def moments(freedom: float, skew: float) -> tuple[float, float]:
    """Return the mean and the standard deviation of the law around its mode, before shifting.

    Raises:
        ParameterError: when the freedom is not above 2, or the skew not from 1/5 to 5.
    """
    if not 2.0 < freedom < math.inf:
        raise ParameterError(f"a law of variance 1 needs above 2 degrees of freedom, not {freedom}")
    if not 1.0 / _WIDEST <= skew <= _WIDEST:
        raise ParameterError(f"a skew of {skew} is outside 1/{_WIDEST:.0f} to {_WIDEST:.0f}")
    low, high = 1.0 / skew, skew
    gammas = math.lgamma(0.5 * (freedom + 1.0)) - math.lgamma(0.5 * freedom)
    size = 2.0 * math.sqrt(freedom / math.pi) * math.exp(gammas) / (freedom - 1.0)
    mean = size * (high - low)
    square = (low * low - low * high + high * high) * freedom / (freedom - 2.0)
    return mean, math.sqrt(square - mean * mean)


@functools.cache
def skewed_student(freedom: float, skew: float) -> StandardTable:
    """Return the table of the law, made once.

    Raises:
        ParameterError: as ``moments``.
    """
    mean, spread = moments(freedom, skew)
    low, high = 1.0 / skew, skew
    reach = math.asinh(_REACH)
    count = round(reach / _STEP)
    knots = tuple(reach * k / count for k in range(-count, count + 1))
    odds = []
    for u in knots:
        x = mean + spread * math.sinh(u)
        width, share = (low, low / (low + high)) if x < 0 else (high, high / (low + high))
        tail = 2.0 * share * student_sf(abs(x) / width, freedom)
        odds.append((1.0 if x >= 0 else -1.0) * (math.log1p(-tail) - math.log(tail)))
    return StandardTable(knots, tuple(odds))
