"""A standardised distribution as a monotone table, accurate in relative terms in both tails.

The table holds the log odds of the distribution function, log(F / (1 - F)), at knots of
u = asinh(z). In these coordinates a Student law is close to two straight lines, so a few dozen
knots hold the middle and straight lines beyond the last ones are power tails. Between knots a
cubic is laid whose slopes are limited so that it never falls (Fritsch and Carlson, SIAM Journal
on Numerical Analysis 17, 1980).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from kalshi_alpha.errors import DataError, ParameterError

LOG_ODDS_LIMIT = 700.0  # exp() of more overflows; odds beyond e**700 mean nothing
_FEWEST_KNOTS = 4
_STENCIL = 5  # knots a slope is estimated from
_FRACTION_TERMS = 60

# start, c0, c1, c2, c3: a cubic in u - start
_Piece = tuple[float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class StandardTable:
    """The law of the standardised move.

    Args:
        knots: u = asinh(z), strictly increasing, at least four.
        log_odds: log(F / (1 - F)) there, strictly increasing, within +-700. Their slopes at both
            ends are the powers of the tails, which must be above 1.

    Raises:
        ParameterError: when the knots are not such.
    """

    knots: tuple[float, ...]
    log_odds: tuple[float, ...]
    _pieces: tuple[_Piece, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check(self.knots, self.log_odds)
        pieces = tuple(_pieces(self.knots, self.log_odds))
        power = min(pieces[0][2], pieces[-1][2])
        if not power > 1.0:
            raise ParameterError(
                f"the table's tails fall with power {power:.3g}; a law with a mean needs above 1"
            )
        object.__setattr__(self, "_pieces", pieces)

    @property
    def pieces(self) -> tuple[_Piece, ...]:
        """Return (start, c0, c1, c2, c3) of each cubic in asinh(z) - start, tails at both ends."""
        return self._pieces

    def log_odds_at(self, zs: Iterable[float]) -> list[float]:
        """Return log(F / (1 - F)) at each z, in one pass; within +-700."""
        knots, pieces, find = self.knots, self._pieces, bisect_right
        found = [
            ((c3 * (v := u - start) + c2) * v + c1) * v + c0
            for u in map(math.asinh, zs)
            for start, c0, c1, c2, c3 in (pieces[find(knots, u)],)
        ]
        if found and not -LOG_ODDS_LIMIT <= min(found) <= max(found) <= LOG_ODDS_LIMIT:
            return [min(max(x, -LOG_ODDS_LIMIT), LOG_ODDS_LIMIT) for x in found]
        return found

    def cdf(self, z: float) -> float:
        """Return the probability of a move of at most ``z`` standard units."""
        return below(self.log_odds_at((z,))[0])

    def sf(self, z: float) -> float:
        """Return the probability of a move above ``z``; never taken as 1 - cdf."""
        return above(self.log_odds_at((z,))[0])

    def quantile(self, p: float) -> float:
        """Return the z with cdf(z) = ``p``.

        Raises:
            DataError: when p is not strictly between 0 and 1.
        """
        if not 0.0 < p < 1.0:
            raise DataError(f"a quantile needs a probability strictly between 0 and 1, not {p}")
        return math.sinh(self._knot_at(math.log(p) - math.log1p(-p)))

    def _knot_at(self, log_odds: float) -> float:
        piece = bisect_right(self.log_odds, log_odds)
        start, c0, c1, c2, c3 = self._pieces[piece]
        if piece in (0, len(self.knots)):
            return start + (log_odds - c0) / c1
        low, high = 0.0, self.knots[piece] - start
        while True:  # bisection: sixty-odd halvings reach the last bit
            middle = 0.5 * (low + high)
            if middle in (low, high):
                return start + middle
            if ((c3 * middle + c2) * middle + c1) * middle + c0 < log_odds:
                low = middle
            else:
                high = middle


def below(log_odds: float) -> float:
    """Return the probability with these log odds, within +-700 or infinite."""
    return 1.0 / (1.0 + math.exp(-log_odds))


def above(log_odds: float) -> float:
    """Return one minus the probability with these log odds, without subtracting."""
    return 1.0 / (1.0 + math.exp(log_odds))


def normal_table(reach: float = 9.0, step: float = 0.02) -> StandardTable:
    """Return the standard normal law, exact at knots ``step`` apart in asinh(z) to z = ``reach``.

    Beyond ``reach`` the tails are powers, heavier than the normal law's.
    """
    return _symmetric_table(lambda z: 0.5 * math.erfc(z / math.sqrt(2.0)), math.asinh(reach), step)


def student_table(freedom: float, reach: float = 1e5, step: float = 0.1) -> StandardTable:
    """Return Student's law with ``freedom`` > 2 degrees, scaled to variance 1.

    Raises:
        ParameterError: when ``freedom`` is not above 2, where there is no variance.
    """
    if not 2.0 < freedom < math.inf:
        raise ParameterError(f"Student's law has a variance above 2 degrees, not at {freedom}")
    stretch = math.sqrt(freedom / (freedom - 2.0))
    return _symmetric_table(lambda z: student_sf(z * stretch, freedom), math.asinh(reach), step)


def student_sf(t: float, freedom: float) -> float:
    """Return the probability that a Student variable exceeds ``t`` >= 0.

    Half the regularised incomplete beta function, Abramowitz and Stegun 26.7.1.
    """
    square = t * t
    if square < freedom:
        return 0.5 - 0.5 * _beta_share(0.5, 0.5 * freedom, square / (freedom + square))
    return 0.5 * _beta_share(0.5 * freedom, 0.5, freedom / (freedom + square))


def _beta_share(a: float, b: float, x: float) -> float:
    """Return I_x(a, b) by its continued fraction from the far end, Abramowitz and Stegun 26.5.8."""
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - _beta_share(b, a, 1.0 - x)
    if x == 0.0:
        return 0.0
    fraction = 0.0
    for m in range(_FRACTION_TERMS, -1, -1):
        n = a + 2 * m
        odd = -(a + m) * (a + b + m) * x / (n * (n + 1.0))
        fraction = odd / (1.0 + fraction)
        if m:
            even = m * (b - m) * x / ((n - 1.0) * n)
            fraction = even / (1.0 + fraction)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(scale + a * math.log(x) + b * math.log1p(-x)) / (a * (1.0 + fraction))


def _symmetric_table(sf: Callable[[float], float], reach: float, step: float) -> StandardTable:
    count = max(2, round(reach / step))
    half = [reach * k / count for k in range(1, count + 1)]
    odds = []
    for u in half:
        tail = sf(math.sinh(u))
        odds.append(math.log1p(-tail) - math.log(tail))
    knots = (*(-u for u in reversed(half)), 0.0, *half)
    return StandardTable(knots, (*(-x for x in reversed(odds)), 0.0, *odds))


def _check(knots: Sequence[float], log_odds: Sequence[float]) -> None:
    if len(knots) != len(log_odds) or len(knots) < _FEWEST_KNOTS:
        raise ParameterError(
            f"a table of {len(knots)} knots and {len(log_odds)} values needs as many of one as of "
            f"the other, and at least {_FEWEST_KNOTS}"
        )
    for name, numbers in (("knots", knots), ("log odds", log_odds)):
        if not all(math.isfinite(x) and abs(x) <= LOG_ODDS_LIMIT for x in numbers):
            raise ParameterError(f"the table's {name} leave +-{LOG_ODDS_LIMIT:.0f}: refit it")
        for left, right in pairwise(numbers):
            if not left < right:
                raise ParameterError(f"the table's {name} fall from {left} to {right}: refit it")


def _monotone_slopes(xs: Sequence[float], ys: Sequence[float]) -> list[float]:
    """Return slopes at the knots with which no cubic piece falls."""
    secants = [(ys[k + 1] - ys[k]) / (xs[k + 1] - xs[k]) for k in range(len(xs) - 1)]
    slopes = [max(0.0, _local_slope(xs, ys, k)) for k in range(len(xs))]
    # The tails need a rise of their own: with none the law would never reach 0 and 1.
    slopes[0], slopes[-1] = slopes[0] or secants[0], slopes[-1] or secants[-1]
    for k, secant in enumerate(secants):
        radius = math.hypot(slopes[k], slopes[k + 1]) / secant
        if radius > 3.0:
            slopes[k] *= 3.0 / radius
            slopes[k + 1] *= 3.0 / radius
    return slopes


def _local_slope(xs: Sequence[float], ys: Sequence[float], k: int) -> float:
    """Return the slope at knot ``k`` of the polynomial through the nearest knots."""
    start = max(0, min(k - _STENCIL // 2, len(xs) - _STENCIL))
    near = range(start, min(start + _STENCIL, len(xs)))
    slope = 0.0
    for j in near:
        if j == k:
            continue
        weight = 1.0 / (xs[j] - xs[k])
        for m in near:
            if m not in (j, k):
                weight *= (xs[k] - xs[m]) / (xs[j] - xs[m])
        slope += weight * (ys[j] - ys[k])
    return slope


def _pieces(xs: Sequence[float], ys: Sequence[float]) -> Iterable[_Piece]:
    """Yield the lower tail, the cubic after each knot but the last, and the upper tail."""
    slopes = _monotone_slopes(xs, ys)
    yield xs[0], ys[0], slopes[0], 0.0, 0.0
    for k in range(len(xs) - 1):
        width = xs[k + 1] - xs[k]
        secant = (ys[k + 1] - ys[k]) / width
        c2 = (3.0 * secant - 2.0 * slopes[k] - slopes[k + 1]) / width
        c3 = (slopes[k] + slopes[k + 1] - 2.0 * secant) / (width * width)
        yield xs[k], ys[k], slopes[k], c2, c3
    yield xs[-1], ys[-1], slopes[-1], 0.0, 0.0
