"""Variance by the clock: even over the session, or as the last sessions spread it."""

from __future__ import annotations

import numpy as np

from kalshi_alpha.pricing.variance import SESSION_MINUTES
from kalshi_alpha.research.baselines.history import CaseGrid, SessionHistory
from kalshi_alpha.research.scores.forecasts import Forecasts
from kalshi_alpha.research.scores.shapes import Floats, Ints, Normal

TRAILING = 60  # sessions a typical one is the mean of
CURVE_SESSIONS = 250  # sessions the time-of-day curve is the mean of
FEWEST = 20  # sessions for either


def sqrt_time(history: SessionHistory, cases: CaseGrid) -> Forecasts:
    """Return a constant variance a minute: the mean session's of the last 60, over 390.

    Raises:
        DataError: with fewer than 20 sessions before a case.
    """
    day = _enough(history, cases, "sqrt_time")
    mean = _trailing_means(history.squares.sum(axis=1, keepdims=True), TRAILING)[day, 0]
    variance = mean * (cases.end - cases.start) / SESSION_MINUTES
    return Forecasts.of_one_shape(np.sqrt(variance), Normal())


def tod60(history: SessionHistory, cases: CaseGrid) -> Forecasts:
    """Return the mean squared return of each bar of the interval on the last 60 sessions, summed.

    Raises:
        DataError: with fewer than 20 sessions before a case, or an interval nothing moved in.
    """
    variance = _over_intervals(history.squares, TRAILING, history, cases, "tod60")
    return Forecasts.of_one_shape(np.sqrt(variance), Normal())


def shares(history: SessionHistory, cases: CaseGrid, model: str) -> Floats:
    """Return what part of a session's variance falls into each case's interval; [cases].

    Every one of the last 250 sessions weighs alike, whatever its own variance.

    Raises:
        DataError: with fewer than 20 sessions before a case.
    """
    each = history.squares / history.squares.sum(axis=1, keepdims=True)
    return _over_intervals(each, CURVE_SESSIONS, history, cases, model)


def _over_intervals(
    bars: Floats, window: int, history: SessionHistory, cases: CaseGrid, model: str
) -> Floats:
    """Return the trailing means of bars, summed from each case's start to its end."""
    day = _enough(history, cases, model)
    sums = np.pad(np.cumsum(_trailing_means(bars, window), axis=1), ((0, 0), (1, 0)))
    found: Floats = sums[day, cases.end // history.step] - sums[day, cases.start // history.step]
    return found


def _enough(history: SessionHistory, cases: CaseGrid, model: str) -> Ints:
    history.known(history.own, cases.day, FEWEST, model)
    return cases.day


def _trailing_means(rows: Floats, window: int) -> Floats:
    """Return the mean of up to ``window`` rows before each one; the first has none and is 0."""
    sums = np.pad(np.cumsum(rows, axis=0), ((1, 0), (0, 0)))
    place = np.arange(len(rows))
    begin = np.maximum(place - window, 0)
    found: Floats = (sums[place] - sums[begin]) / np.maximum(place - begin, 1)[:, None]
    return found
