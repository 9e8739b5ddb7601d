"""One step of an unscented Kalman filter, compiled for a given movement and measurement.

Sigma points after van der Merwe (thesis, Oregon Health and Science University, 2004); they are
drawn anew from what was predicted before the measurement is looked at. The matrices are a few
numbers wide, so plain loops beat calls into a library. With ``bracket_middles`` as measurement it
follows log ratios through the middles of all brackets, in dollars, unlike the trading filter, which
takes their logs: a second opinion on how much that costs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
# In place, from a point to another: both one-dimensional arrays.
Mapped: TypeAlias = Callable[[Any, Any], None]
# (mean, covariance, measured, noise of movement, noise of measurement, spread, prior, scale):
# mean and covariance are replaced by those after the step.
Step: TypeAlias = Callable[[Floats, Floats, Floats, Floats, Floats, float, float, float], None]


def unscented_step(movement: Mapped, measurement: Mapped) -> Step:
    """Compile a step.

    Args:
        movement: ``movement(state, moved)``, compiled by numba, fills ``moved``.
        measurement: ``measurement(state, seen)``, the same, fills ``seen``.

    Returns:
        ``step(mean, covariance, seen, Q, R, alpha, beta, kappa)``, which replaces the first two by
        what is believed after it; mean [n], covariance and Q [n, n], seen [m], R [m, m].
    """

    @njit(nogil=True)
    def step(
        mean: Any, spread: Any, seen: Any, moving: Any, seeing: Any,
        alpha: float, beta: float, kappa: float,
    ) -> None:  # fmt: skip
        n, m = len(mean), len(seen)
        width = alpha * alpha * (n + kappa)
        first = 1.0 - n / width
        first_spread = first + 1.0 - alpha * alpha + beta
        other = 0.5 / width
        points, moved = np.empty((2 * n + 1, n)), np.empty((2 * n + 1, n))
        shown = np.empty((2 * n + 1, m))
        root = np.empty((n, n))

        _sigma_points(mean, spread, width, root, points)
        for k in range(2 * n + 1):
            movement(points[k], moved[k])
        _moments(moved, first, first_spread, other, mean, spread)
        for a in range(n):
            for b in range(n):
                spread[a, b] += moving[a, b]

        _sigma_points(mean, spread, width, root, points)
        for k in range(2 * n + 1):
            measurement(points[k], shown[k])
        expected, surprise = np.empty(m), np.empty((m, m))
        _moments(shown, first, first_spread, other, expected, surprise)
        for a in range(m):
            for b in range(m):
                surprise[a, b] += seeing[a, b]
        crossed = np.empty((n, m))
        _cross(points, shown, first_spread, other, mean, expected, crossed)
        _learn(mean, spread, seen, expected, surprise, crossed)

    return step


def bracket_middles(ratios: Any, middles: Any) -> None:
    """Fill the probabilities of brackets from the log ratios to the last one."""
    highest = 0.0
    for k in range(len(ratios)):
        highest = max(highest, ratios[k])
    last = len(ratios)
    middles[last] = math.exp(-highest)
    total = middles[last]
    for k in range(last):
        middles[k] = math.exp(ratios[k] - highest)
        total += middles[k]
    for k in range(last + 1):
        middles[k] /= total


def stays(state: Any, moved: Any) -> None:
    """Fill what a random walk is expected to do: nothing."""
    for k in range(len(state)):
        moved[k] = state[k]


@njit(nogil=True, cache=True)
def _root(matrix: Any, scale: float, root: Any) -> None:
    """Fill the lower triangle whose square is ``scale`` times a matrix (Cholesky)."""
    for i in range(len(matrix)):
        for j in range(i + 1):
            left = scale * matrix[i, j]
            for k in range(j):
                left -= root[i, k] * root[j, k]
            root[i, j] = math.sqrt(left) if i == j else left / root[j, j]


@njit(nogil=True, cache=True)
def _sigma_points(mean: Any, spread: Any, width: float, root: Any, points: Any) -> None:
    n = len(mean)
    _root(spread, width, root)
    for a in range(n):
        points[0, a] = mean[a]
    for k in range(n):
        for a in range(n):
            by = root[a, k] if a >= k else 0.0
            points[1 + k, a] = mean[a] + by
            points[1 + n + k, a] = mean[a] - by


@njit(nogil=True, cache=True)
def _moments(
    points: Any, first: float, first_spread: float, other: float, mean: Any, spread: Any
) -> None:
    many, size = points.shape
    for a in range(size):
        total = 0.0
        for k in range(1, many):
            total += points[k, a]
        mean[a] = first * points[0, a] + other * total
    for a in range(size):
        for b in range(a + 1):
            total = 0.0
            for k in range(1, many):
                total += (points[k, a] - mean[a]) * (points[k, b] - mean[b])
            centre = (points[0, a] - mean[a]) * (points[0, b] - mean[b])
            spread[a, b] = spread[b, a] = first_spread * centre + other * total


@njit(nogil=True, cache=True)
def _cross(
    points: Any, shown: Any, first: float, other: float, mean: Any, expected: Any, crossed: Any
) -> None:
    for a in range(len(mean)):
        for b in range(len(expected)):
            total = 0.0
            for k in range(1, len(points)):
                total += (points[k, a] - mean[a]) * (shown[k, b] - expected[b])
            centre = (points[0, a] - mean[a]) * (shown[0, b] - expected[b])
            crossed[a, b] = first * centre + other * total


@njit(nogil=True, cache=True)
def _learn(mean: Any, spread: Any, seen: Any, expected: Any, surprise: Any, crossed: Any) -> None:
    """Add what the measurement says: gains are crossed by the inverse of the surprise."""
    n, m = crossed.shape
    root = np.empty((m, m))
    _root(surprise, 1.0, root)
    # With L L' = surprise, W = crossed L'^-1: the mean moves by W L^-1 gap, the spread by -W W'.
    gap = np.empty(m)
    for i in range(m):
        left = seen[i] - expected[i]
        for k in range(i):
            left -= root[i, k] * gap[k]
        gap[i] = left / root[i, i]
    for a in range(n):
        for i in range(m):
            left = crossed[a, i]
            for k in range(i):
                left -= root[i, k] * crossed[a, k]
            crossed[a, i] = left / root[i, i]
            mean[a] += crossed[a, i] * gap[i]
    for a in range(n):
        for b in range(a + 1):
            total = 0.0
            for i in range(m):
                total += crossed[a, i] * crossed[b, i]
            spread[a, b] -= total
            spread[b, a] = spread[a, b]
