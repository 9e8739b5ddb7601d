"""The live law's variance for many decisions at once; equal to ``pricing.variance.forecast``."""

from __future__ import annotations

from datetime import date

import numpy as np

from kalshi_alpha.pricing.parameters import IndexParameters
from kalshi_alpha.pricing.reading import RECENT, SHORT
from kalshi_alpha.pricing.variance import SESSION_MINUTES, RegimeMix
from kalshi_alpha.research.model.measured import MINUTE, Floats, Ints, Measured
from kalshi_alpha.research.scores.shapes import TableShape

WINDOWS = (SESSION_MINUTES, RECENT, SHORT)


def elapsed_shares(parameters: IndexParameters, days: tuple[date, ...]) -> Floats:
    """Return the share of variance up to each minute: [days, 391], event days with their own."""
    usual = _upto(parameters, None)
    rows = np.broadcast_to(usual, (len(days), SESSION_MINUTES + 1)).copy()
    for k, day in enumerate(days):
        if parameters.curve_on(day) is not parameters.curve:
            rows[k] = _upto(parameters, day)
    return rows


def log_ratios(
    upto: Floats, bars: Floats, level: Floats, day: Ints, seen: Ints, step: int, prior: float
) -> Floats:
    """Return the logs of realised over expected variance, drawn towards 0: [3, cases].

    Args:
        upto: share of variance up to each minute, [days, 391].
        bars: variance of each bar, [days, bars].
        level: variance of a typical session as these bars measure it, one a case.
        day: row of each case.
        seen: bars complete at the decision.
        step: minutes a bar.
        prior: typical minutes a ratio is drawn to 1 by.
    """
    sums = np.pad(np.cumsum(bars, axis=1), ((0, 0), (1, 0)))
    found = []
    for window in WINDOWS:
        width = np.minimum(max(1, window // step), seen)
        begin = seen - width
        realised = sums[day, seen] - sums[day, begin]
        share = upto[day, seen * step] - upto[day, begin * step]
        minutes = width * step
        trust = minutes / (minutes + prior)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(minutes > 0, realised / (level * share), 1.0)
        found.append(np.log1p(trust * (ratio - 1.0)))
    return np.array(found)


def regimes(mix: RegimeMix, logs: Floats) -> Floats:
    """Return the regime of each case from its log ratios."""
    weights = np.array([mix.since_open, mix.last_30, mix.last_10])
    found: Floats = np.clip(mix.typical * np.exp(weights @ logs), mix.lowest, mix.highest)
    return found


def scales(
    parameters: IndexParameters, sessions: Measured, day: Ints, start: Floats, end: Floats
) -> Floats:
    """Return the standard deviation of each log move, settlement basis left out.

    Args:
        parameters: the part for that kind of fixing.
        sessions: what is known; of a case's own day only bars complete at its start are used.
        day: place of each case's session.
        start: decision, minutes since the open; parts of a minute count.
        end: fixing, minutes since the open.
    """
    upto = elapsed_shares(parameters, sessions.days)
    ratio = parameters.minute_ratio if sessions.step == MINUTE else 1.0
    level = np.full(len(day), parameters.level * ratio)
    start, end = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    seen = np.floor(start / sessions.step + 1e-9).astype(np.int64)
    logs = log_ratios(
        upto, sessions.bars, level, day, seen, sessions.step, parameters.mix.prior_minutes
    )
    ahead = parameters.level * (_at(upto, day, end) - _at(upto, day, start))
    found: Floats = np.sqrt(ahead * regimes(parameters.mix, logs)) * stretches(
        parameters, end - start
    )
    return found


def probabilities_above(
    parameters: IndexParameters,
    sessions: Measured,
    day: int,
    start: Floats,
    end: float,
    level: Floats,
    strike: Floats,
    *,
    basis: float = 0.0,
) -> Floats:
    """Return the probability of settling above each strike, as the live law gives it.

    Args:
        parameters: the part for that kind of fixing.
        sessions: what is known; of the day only bars complete at ``start`` are used.
        day: place of the session.
        start: decisions, minutes since the open.
        end: the fixing, minutes since the open.
        level: the index at each decision, points.
        strike: points; the settlement value is taken as continuous.
        basis: standard deviation between the venue's print and the feed, points.
    """
    start = np.asarray(start, dtype=np.float64)
    ends = np.full(len(start), float(end))
    scale = scales(parameters, sessions, np.full(len(start), day), start, ends)
    scale = np.sqrt(scale**2 + (basis / level) ** 2)
    z = np.log(strike / level) / scale
    found = np.empty(len(z))
    which = shape_of(parameters, ends - start)
    for k in np.unique(which):
        here = which == k
        found[here] = TableShape(parameters.shapes[k].table).sf(z[here])
    return found


def shape_of(parameters: IndexParameters, minutes: Floats) -> Ints:
    """Return which shape each horizon has."""
    ends = np.array([shape.up_to for shape in parameters.shapes])
    found: Ints = np.minimum(np.searchsorted(ends, minutes - 1e-9), len(ends) - 1).astype(np.int64)
    return found


def stretches(parameters: IndexParameters, minutes: Floats) -> Floats:
    """Return the stretch of each horizon's shape."""
    each = np.array([shape.stretch for shape in parameters.shapes])
    found: Floats = each[shape_of(parameters, minutes)]
    return found


def _upto(parameters: IndexParameters, day: date | None) -> Floats:
    curve = parameters.curve if day is None else parameters.curve_on(day)
    return np.concatenate([[0.0], np.cumsum(np.array(curve.shares))])


def _at(upto: Floats, day: Ints, minute: Floats) -> Floats:
    whole = np.clip(np.floor(minute).astype(np.int64), 0, SESSION_MINUTES - 1)
    part = np.clip(minute - whole, 0.0, 1.0)
    left = upto[day, whole]
    found: Floats = left + part * (upto[day, whole + 1] - left)
    return found
