"""Faults of a recording that no single row shows: values that stand still, and lone bad ticks."""

from __future__ import annotations

import numpy as np

from kalshi_alpha.research.data.findings import Bools, Floats, Ints

# A bad tick goes away and comes back by more than this many robust standard deviations of its
# day. The worst real whipsaw in a year of five-minute bars (2025-04-07, a false report denied
# within minutes) makes 21 by the whole file's measure and fewer by its own day's.
TICK_SCALES = 20.0
TICK_FLOOR = 0.003  # smaller ones are not told from news
_RETURNS_TO_CHECK = 8  # fewer in a day give no scale to measure by
_COMES_BACK = 0.2  # what may be left of the excursion, as a share of it
_TO_SIGMA = 1.4826  # median absolute deviation to standard deviation, for a normal law


def frozen_stretches(times_s: Ints | Floats, values: Floats, limit_s: float) -> Ints:
    """Find where a column stands still.

    Args:
        times_s: when each value was seen, in seconds, ascending; shape [n].
        values: what was seen; NaN equals nothing, so it ends a stretch; shape [n].
        limit_s: how long a value may be repeated, in seconds.

    Returns:
        One row a stretch, [start, stop): the same value at every place, seen for ``limit_s`` or
        longer from its first place to its last. The value at ``start`` was news when it came.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.size == 0:
        return np.empty((0, 2), dtype=np.int64)
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    starts = np.concatenate(([0], changes))
    stops = np.concatenate((changes, [values.size]))
    times = np.asarray(times_s, dtype=np.float64)
    still = (times[stops - 1] - times[starts] >= limit_s) & (stops - starts > 1)
    return np.column_stack((starts[still], stops[still])).astype(np.int64)


def robust_scales(logs: Floats) -> Floats:
    """Return each day's robust standard deviation of its returns; infinite where too few moved.

    ``logs`` is [days, points]; NaN where unknown.
    """
    moves = np.abs(np.diff(logs, axis=1))
    moves[moves == 0] = np.nan
    enough = np.isfinite(moves).sum(axis=1) >= _RETURNS_TO_CHECK
    scales = np.full(len(logs), np.inf)
    if enough.any():
        scales[enough] = _TO_SIGMA * np.nanmedian(moves[enough], axis=1)
    return scales


def bad_ticks(logs: Floats, scales: Floats) -> Bools:
    """Find points that leap away from both neighbours by the same amount.

    A move that stays, however large, is news and is not found; nor is a first or last point.

    Args:
        logs: log prices, [days, points]; NaN where unknown.
        scales: each day's standard deviation of one step, [days].

    Returns:
        True at each bad point, [days, points].
    """
    found = np.zeros(logs.shape, dtype=np.bool_)
    away, back = logs[:, 1:-1] - logs[:, :-2], logs[:, 2:] - logs[:, 1:-1]
    limit = np.maximum(TICK_SCALES * scales, TICK_FLOOR)[:, None]
    large = np.minimum(np.abs(away), np.abs(back)) > limit
    left = np.abs(away + back) <= _COMES_BACK * np.maximum(np.abs(away), np.abs(back))
    found[:, 1:-1] = large & left
    return found
