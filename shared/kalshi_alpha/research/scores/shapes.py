"""Standardised laws on arrays: distribution function, density, quantiles and CRPS."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import interpolate, special

from kalshi_alpha.errors import DataError
from kalshi_alpha.pricing.table import LOG_ODDS_LIMIT, StandardTable

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_HALVINGS = 64
_GRID_STEP = 0.01  # of asinh(z): a cubic between such points is off by less than 1e-10
_GRID_REACH = float(np.arcsinh(1e6))
_NODES = 8  # of Gauss and Legendre in each grid step: exact to the last digits


class Shape(Protocol):
    """A law of the standardised move z. Arrays in, arrays of the same form out."""

    def cdf(self, z: Floats) -> Floats:
        """Return the probability of at most z."""

    def sf(self, z: Floats) -> Floats:
        """Return the probability of more than z, never as 1 - cdf."""

    def log_density(self, z: Floats) -> Floats:
        """Return the log of the density, nats."""

    def quantile(self, p: Floats) -> Floats:
        """Return the z with cdf(z) = p, for p strictly between 0 and 1."""

    def crps(self, z: Floats) -> Floats:
        """Return the continuous ranked probability score of the outcome z."""


@dataclass(frozen=True, slots=True)
class Normal:
    """The standard normal law."""

    def cdf(self, z: Floats) -> Floats:
        """Return the probability of at most z."""
        found: Floats = special.ndtr(z)
        return found

    def sf(self, z: Floats) -> Floats:
        """Return the probability of more than z."""
        found: Floats = special.ndtr(-z)
        return found

    def log_density(self, z: Floats) -> Floats:
        """Return the log of the density, nats."""
        found: Floats = -0.5 * (z * z + np.log(2.0 * np.pi))
        return found

    def quantile(self, p: Floats) -> Floats:
        """Return the z with cdf(z) = p."""
        found: Floats = special.ndtri(_probabilities(p))
        return found

    def crps(self, z: Floats) -> Floats:
        """Return z (2F(z) - 1) + 2f(z) - 1/sqrt(pi).

        Gneiting and Raftery, Journal of the American Statistical Association 102 (2007).
        """
        density = np.exp(self.log_density(z))
        found: Floats = z * special.erf(z / np.sqrt(2.0)) + 2.0 * density - 1.0 / np.sqrt(np.pi)
        return found


@dataclass(frozen=True, slots=True)
class StudentT:
    """Student's law scaled to variance 1.

    Args:
        freedom: degrees of freedom, above 2.

    Raises:
        DataError: at 2 or fewer degrees, where there is no variance.
    """

    freedom: float
    _unit: float = field(init=False, repr=False, compare=False)  # standard deviation of Student's t

    def __post_init__(self) -> None:
        if not 2.0 < self.freedom < np.inf:
            raise DataError(
                f"Student's law has a variance above 2 degrees of freedom, not at {self.freedom}"
            )
        object.__setattr__(self, "_unit", float(np.sqrt(self.freedom / (self.freedom - 2.0))))

    def cdf(self, z: Floats) -> Floats:
        """Return the probability of at most z."""
        found: Floats = special.stdtr(self.freedom, z * self._unit)
        return found

    def sf(self, z: Floats) -> Floats:
        """Return the probability of more than z."""
        return self.cdf(-z)

    def log_density(self, z: Floats) -> Floats:
        """Return the log of the density, nats."""
        n = self.freedom
        height = special.gammaln((n + 1.0) / 2.0) - special.gammaln(n / 2.0)
        height += np.log(self._unit) - 0.5 * np.log(n * np.pi)
        found: Floats = height - 0.5 * (n + 1.0) * np.log1p(z * z / (n - 2.0))
        return found

    def quantile(self, p: Floats) -> Floats:
        """Return the z with cdf(z) = p."""
        found: Floats = special.stdtrit(self.freedom, _probabilities(p)) / self._unit
        return found

    def crps(self, z: Floats) -> Floats:
        """Return the score in closed form.

        Jordan, Krueger and Lerch, Journal of Statistical Software 90 (2019), appendix A.
        """
        n = self.freedom
        t = z * self._unit
        density = np.exp(self.log_density(z)) / self._unit
        inner = np.exp(special.betaln(0.5, n - 0.5) - 2.0 * special.betaln(0.5, n / 2.0))
        spread = 2.0 * np.sqrt(n) / (n - 1.0) * inner
        inside = t * (1.0 - 2.0 * special.stdtr(n, -t))
        found: Floats = (inside + 2.0 * density * (n + t * t) / (n - 1.0) - spread) / self._unit
        return found


@dataclass(frozen=True, slots=True)
class TableShape:
    """A ``StandardTable`` on arrays, equal to its scalar code to the last digits.

    Its CRPS is the sum of the integrals of F squared below z and of (1 - F) squared above it,
    added up once on a fine grid of asinh(z) and read between by a cubic whose slopes are exact.
    Beyond z = 1e6 it goes on as a straight line.
    """

    table: StandardTable
    _starts: Floats = field(init=False, repr=False, compare=False)
    _cubics: Floats = field(init=False, repr=False, compare=False)
    _crps: interpolate.CubicHermiteSpline = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        pieces = np.array(self.table.pieces, dtype=np.float64)
        object.__setattr__(self, "_starts", np.ascontiguousarray(pieces[:, 0]))
        object.__setattr__(self, "_cubics", np.ascontiguousarray(pieces[:, 1:].T))
        object.__setattr__(self, "_crps", self._integrated())

    def log_odds(self, z: Floats) -> Floats:
        """Return log(F / (1 - F)), within +-700."""
        value, _ = self._at(np.arcsinh(z))
        found: Floats = np.clip(value, -LOG_ODDS_LIMIT, LOG_ODDS_LIMIT)
        return found

    def cdf(self, z: Floats) -> Floats:
        """Return the probability of at most z."""
        found: Floats = special.expit(self.log_odds(z))
        return found

    def sf(self, z: Floats) -> Floats:
        """Return the probability of more than z."""
        found: Floats = special.expit(-self.log_odds(z))
        return found

    def log_density(self, z: Floats) -> Floats:
        """Return the log of the density, nats; minus infinity where the table is flat."""
        odds, slope = self._at(np.arcsinh(z))
        with np.errstate(divide="ignore"):
            found: Floats = (
                np.log(slope) + special.log_expit(odds) + special.log_expit(-odds)
            ) - 0.5 * np.log1p(z * z)
        return found

    def quantile(self, p: Floats) -> Floats:
        """Return the z with cdf(z) = p, by halving."""
        p = _probabilities(p)
        wanted = np.log(p) - np.log1p(-p)
        knots, odds = np.array(self.table.knots), np.array(self.table.log_odds)
        piece = np.searchsorted(odds, wanted, side="right")
        c0, c1, c2, c3 = self._cubics[:, piece]
        start = self._starts[piece]
        low = np.zeros_like(wanted)
        high = knots[np.clip(piece, 1, len(knots) - 1)] - start
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            short = ((c3 * middle + c2) * middle + c1) * middle + c0 < wanted
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        outside = (piece == 0) | (piece == len(knots))
        found: Floats = np.sinh(start + np.where(outside, (wanted - c0) / c1, 0.5 * (low + high)))
        return found

    def crps(self, z: Floats) -> Floats:
        """Return the score, absolute error below 1e-8."""
        u = np.arcsinh(z)
        inside = np.clip(u, -_GRID_REACH, _GRID_REACH)
        found: Floats = self._crps(inside) + np.abs(z - np.sinh(inside))
        return found

    def _at(self, u: Floats) -> tuple[Floats, Floats]:
        """Return the log odds and their slope at u = asinh(z)."""
        piece = np.searchsorted(np.array(self.table.knots), u, side="right")
        c0, c1, c2, c3 = self._cubics[:, piece]
        v = u - self._starts[piece]
        return ((c3 * v + c2) * v + c1) * v + c0, (3.0 * c3 * v + 2.0 * c2) * v + c1

    def _integrated(self) -> interpolate.CubicHermiteSpline:
        # The knots are grid points too: beyond a knot lies another cubic.
        count = 2 * round(_GRID_REACH / _GRID_STEP) + 1
        within = [knot for knot in self.table.knots if abs(knot) < _GRID_REACH]
        grid = np.unique(np.concatenate([np.linspace(-_GRID_REACH, _GRID_REACH, count), within]))
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        half = np.diff(grid)[:, None] / 2.0
        u = grid[:-1, None] + half * (1.0 + nodes)
        odds = self._at(u)[0]
        measure = half * weights * np.cosh(u)
        below = (special.expit(odds) ** 2 * measure).sum(axis=1)
        above = (special.expit(-odds) ** 2 * measure).sum(axis=1)
        ends = np.sinh(grid)
        first, last = self.cdf(ends[:1])[0], self.sf(ends[-1:])[0]
        powers = self._cubics[1, 0], self._cubics[1, -1]
        # Beyond the grid the tails are powers of z: the integral of the square is in closed form.
        left = first**2 * -ends[0] / (2.0 * powers[0] - 1.0)
        right = last**2 * ends[-1] / (2.0 * powers[1] - 1.0)
        values = np.concatenate([[left], left + np.cumsum(below)])
        values += np.concatenate([np.cumsum(above[::-1])[::-1], [0.0]]) + right
        slopes = np.tanh(self._at(grid)[0] / 2.0) * np.cosh(grid)  # 2F - 1 is tanh of half the odds
        return interpolate.CubicHermiteSpline(grid, values, slopes)


def _probabilities(p: Floats) -> Floats:
    p = np.asarray(p, dtype=np.float64)
    if not np.all((p > 0.0) & (p < 1.0)):
        raise DataError("a quantile needs probabilities strictly between 0 and 1")
    return p
