"""Fit one part of an index's parameters on measured sessions; nothing later is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

import numpy as np
from scipy import interpolate, optimize, stats

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.events import load_events
from kalshi_alpha.pricing.parameters import Drift, IndexParameters, Shape
from kalshi_alpha.pricing.table import StandardTable, student_table
from kalshi_alpha.pricing.variance import HALF_HOURS, RegimeMix, VarianceCurve
from kalshi_alpha.research.data.panel import Panel
from kalshi_alpha.research.model.cases import CLOSE_HOUR, HOURS, Cases, lay_out
from kalshi_alpha.research.model.forecast import elapsed_shares, log_ratios, scales
from kalshi_alpha.research.model.measured import (
    Floats,
    Ints,
    Measured,
    minute_ratio,
    minute_sessions,
    unit_sessions,
)
from kalshi_alpha.research.model.recalibrate import FEWEST_OUTCOMES, recalibrated
from kalshi_alpha.research.scores.calibration import uniformity
from kalshi_alpha.research.scores.shapes import TableShape

Kind = Literal["hourly", "close"]

LEVEL_SESSIONS = 60  # a typical session is the mean of these
FEWEST_LEVEL_SESSIONS = 20
FEWEST_SESSIONS = 40
CURVE_SESSIONS = 250
CURVE_SMOOTHING = 16.0  # of the spline through the logs of five-minute shares: about two bars wide
PRIOR_MINUTES = 1.0
LOWEST, HIGHEST = 0.02, 200.0  # 9 April 2025 went beyond 50 times its trailing level
HORIZONS = (30, 25, 20, 15, 10, 5)
SHORT_HORIZONS = (2, 1)
FEWEST_MINUTE_SESSIONS = 20
BUCKETS = (2.0, 7.5, 12.5, 22.5, 60.0)  # minutes a shape reaches to
FREEDOM = (2.5, 60.0)
# Where the weights lie when the data say little: the fit on SPY of March 2024 to April 2025, which
# none of the scores is made on. The pull is a quarter of a typical session's information.
PRIOR_WEIGHTS = (0.3, 0.5, 0.2)
PULL = 1e-3
# What one-minute bars measure over what five-minute ones do, where nothing was measured: of the S&P
# 500 on 44 sessions, and of the Nasdaq-100 over five minutes of its fund on two.
ASSUMED_MINUTE_RATIO = 0.74
ASSUMED_STAND_IN_RATIO = 0.56
ERRORS_AWAY = 2.0  # what stands nearer to the usual, in standard errors, counts as usual
_MEDIAN_ERROR = 1.2533  # of a median, over a mean's
FEWEST_EVENT_DAYS = 3
TABLE_REACH, TABLE_STEP = 1000.0, 0.15


@dataclass(frozen=True, slots=True)
class Fit:
    """One fitted part and what it rests on."""

    parameters: IndexParameters
    evidence: dict[str, Any]


def fit_part(
    panels: Mapping[int, Panel],
    kind: Kind,
    *,
    basis: float,
    through: date | None = None,
    bend: bool = False,
) -> Fit:
    """Fit one part on every session up to and including ``through``.

    The regime's weights are those of all fixings, since they say how variance lasts within a day;
    what multiplies the forecast, and the law of what is left, belong to the kind alone.

    Args:
        panels: bars by their minutes.
        kind: ``hourly``, or ``close`` for the fixing at 16:00.
        basis: standard deviation between the venue's print and our feed, points.
        through: last day used; all when None.
        bend: whether the shapes are bent to where outcomes fell in them.

    Raises:
        DataError: when there are fewer than 40 complete sessions.
    """
    if through is not None:
        panels = {step: panel.until(through) for step, panel in panels.items()}
    return fit_sessions(
        unit_sessions(panels),
        minute_sessions(panels),
        kind,
        basis=basis,
        ratio=minute_ratio(panels),
        bend=bend,
    )


def fit_sessions(
    unit: Measured,
    minutes: Measured | None,
    kind: Kind,
    *,
    basis: float,
    ratio: float | None,
    horizons: Sequence[int] = HORIZONS,
    bend: bool = False,
) -> Fit:
    """Fit one part on measured sessions.

    Args:
        unit: the sessions the law is fitted on.
        minutes: those of one-minute bars, for horizons of one and two minutes, or None.
        kind: ``hourly`` or ``close``.
        basis: standard deviation between the venue's print and our feed, points.
        ratio: what one-minute bars measure over what ``unit`` does; None when it is not known.
        horizons: minutes before a fixing.
        bend: whether the shapes are bent to where outcomes fell in them.

    Raises:
        DataError: when there are fewer than 40 sessions.
    """
    if len(unit.days) < FEWEST_SESSIONS:
        raise DataError(
            f"{unit.symbol} has {len(unit.days)} complete sessions; a fit needs "
            f"{FEWEST_SESSIONS}: add --bars files of earlier days"
        )
    levels = trailing_levels(unit.bars.sum(axis=1))
    level = float(unit.bars[-LEVEL_SESSIONS:].sum(axis=1).mean())
    curve = fit_curve(unit.bars[-CURVE_SESSIONS:], unit.step)
    events, event_days = fit_events(unit, levels, curve)
    first = IndexParameters(
        level=rounded(level),
        minute_ratio=ASSUMED_MINUTE_RATIO if ratio is None else rounded(ratio),
        curve=curve,
        events=events,
        mix=RegimeMix(1.0, *PRIOR_WEIGHTS, PRIOR_MINUTES, LOWEST, HIGHEST),
        shapes=(Shape(BUCKETS[-1], 1.0, student_table(6.0, reach=50.0, step=0.5)),),
        basis=basis,
        drift=Drift(momentum=0.0, max_sd=0.25),
    )
    cases = lay_out(unit, minutes_before=horizons, first=FEWEST_LEVEL_SESSIONS)
    mix = fit_mix(first, unit, cases, levels)
    mixed = replace(first, mix=mix)
    every = standardised(mixed, unit, cases, levels)
    mine = (cases.hour == CLOSE_HOUR) == (kind == "close")
    own, z = cases.where(mine), every[mine]
    short = _short_cases(mixed, minutes, kind)
    usual = spread_of(every, cases.day)
    shapes, freedoms = fit_shapes(own, z, short, usual.scale)
    if bend:
        shapes = bent(shapes, own, z)
    slope, error = momentum(unit, own, z, mixed, levels)
    evidence = {
        "sessions": len(unit.days),
        "first_session": unit.days[0].isoformat(),
        "last_session": unit.days[-1].isoformat(),
        "left_out_sessions": unit.left_out,
        "minutes_a_bar": unit.step,
        "minute_sessions": 0 if minutes is None else len(minutes.days),
        "cases": len(own),
        "short_cases": 0 if short is None else len(short[0]),
        "event_days": event_days,
        "freedom": freedoms,
        "mean_square": round(float(np.mean(z**2)), 3),
        "momentum": round(slope, 4),
        "momentum_error": round(error, 4),
    }
    return Fit(replace(mixed, shapes=shapes), evidence)


def trailing_levels(daily: Floats) -> Floats:
    """Return each session's typical variance: the mean of up to 60 before it, NaN under 20."""
    sums = np.concatenate([[0.0], np.cumsum(daily)])
    place = np.arange(len(daily))
    begin = np.maximum(place - LEVEL_SESSIONS, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = (sums[place] - sums[begin]) / (place - begin)
    found[:FEWEST_LEVEL_SESSIONS] = np.nan
    return found


def fit_curve(bars: Floats, step: int) -> VarianceCurve:
    """Return the minute shares: each session weighs alike, neighbours are smoothed in logs.

    The first and the last two bars stay as measured: the open and the closing auction are no
    neighbours of anything. Within a bar the minutes share evenly.
    """
    shares = (bars / bars.sum(axis=1, keepdims=True)).mean(axis=0)
    if len(shares) > 2 * HALF_HOURS:
        place = np.arange(2.0, len(shares) - 2.0)
        spline = interpolate.make_smoothing_spline(place, np.log(shares[2:-2]), lam=CURVE_SMOOTHING)
        shares[2:-2] = np.exp(spline(place))
    minutes = np.repeat(shares / step, step)
    even = np.round(minutes / minutes.sum(), 8)
    return VarianceCurve(tuple(float(x) for x in even / even.sum()))


def fit_events(
    unit: Measured, levels: Floats, curve: VarianceCurve
) -> tuple[dict[str, tuple[float, ...]], dict[str, int]]:
    """Return the half-hour factors of event days, and how many days each event had.

    A factor is the median of the days' logs against that of the other days, drawn back towards
    none; fewer than three days of an event say nothing.
    """
    halves = unit.bars.reshape(len(unit.days), HALF_HOURS, -1).sum(axis=2)
    shares = np.array(curve.shares).reshape(HALF_HOURS, -1).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.log(halves / (levels[:, None] * shares))
    known = np.isfinite(relative).all(axis=1)
    factors: dict[str, tuple[float, ...]] = {}
    counts: dict[str, int] = {}
    for name, events in load_events().items():
        on = np.array([day in events for day in unit.days], dtype=np.bool_) & known
        counts[name] = count = int(on.sum())
        if count < FEWEST_EVENT_DAYS:
            continue
        away = np.median(relative[on], axis=0) - np.median(relative[known & ~on], axis=0)
        error = _MEDIAN_ERROR * relative[known].std(axis=0) / np.sqrt(count)
        factor = np.exp(drawn_back(away, error))
        if (factor != 1.0).any():
            factors[name] = tuple(round(float(x), 3) for x in factor)
    return factors, counts


def fit_mix(parameters: IndexParameters, unit: Measured, cases: Cases, levels: Floats) -> RegimeMix:
    """Return the mix with the least QLIKE of the moves, log v + x^2 / v."""
    base, logs = _base(parameters, unit, cases, levels)
    square = cases.moved**2
    prior = np.array(PRIOR_WEIGHTS)

    def loss(beta: Floats) -> tuple[float, Floats]:
        log_v = base + beta[0] + beta[1:] @ logs
        share = square * np.exp(-log_v)
        pull = beta[1:] - prior
        slope = np.concatenate([[np.mean(1.0 - share)], logs @ (1.0 - share) / len(share)])
        slope[1:] += 2.0 * PULL * pull
        return float(np.mean(log_v + share) + PULL * np.sum(pull**2)), slope

    start = np.concatenate([[np.log(np.mean(square * np.exp(-base)))], prior])
    bounds = [(np.log(LOWEST), np.log(HIGHEST)), *[(0.0, 2.0)] * 3]
    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    typical, since_open, last_30, last_10 = (float(x) for x in found.x)
    return RegimeMix(
        typical=rounded(float(np.exp(typical))),
        since_open=round(since_open, 4),
        last_30=round(last_30, 4),
        last_10=round(last_10, 4),
        prior_minutes=PRIOR_MINUTES,
        lowest=LOWEST,
        highest=HIGHEST,
    )


def standardised(
    parameters: IndexParameters, unit: Measured, cases: Cases, levels: Floats
) -> Floats:
    """Return each move over the root of its forecast, made with the level known that day."""
    base, logs = _base(parameters, unit, cases, levels)
    mix = parameters.mix
    weights = np.array([mix.since_open, mix.last_30, mix.last_10])
    regime = np.clip(mix.typical * np.exp(weights @ logs), mix.lowest, mix.highest)
    found: Floats = cases.moved / np.sqrt(np.exp(base) * regime)
    return found


@dataclass(frozen=True, slots=True)
class Spread:
    """Root mean square of standardised moves, and the standard error of its log by session."""

    scale: float
    error: float


def spread_of(z: Floats, day: Ints) -> Spread:
    """Return how wide standardised moves are; those of a session may be alike."""
    square = z**2
    mean = float(square.mean())
    by_day = np.bincount(day, weights=square - mean)
    return Spread(float(np.sqrt(mean)), float(np.sqrt(np.sum(by_day**2))) / (len(z) * mean) / 2.0)


def drawn_back(away: Floats, error: Floats) -> Floats:
    """Return estimates drawn towards 0: those within two standard errors of it become 0.

    The positive-part rule of James and Stein with twice the error; far estimates stay as they are.
    """
    ratio = ERRORS_AWAY * error / np.maximum(np.abs(away), 1e-12)
    found: Floats = away * np.maximum(0.0, 1.0 - ratio**2)
    return found


def fit_shapes(
    cases: Cases, z: Floats, short: tuple[Floats, Ints] | None, usual: float
) -> tuple[tuple[Shape, ...], dict[str, float]]:
    """Return a Student law for each bucket of horizons, stretched to what was left over.

    The degrees of freedom are those of all buckets together, for tails are rare; horizons of one
    and two minutes have their own where one-minute bars were seen. A bucket's stretch is drawn
    towards ``usual``, that of all fixings and horizons.
    """
    freedom = fit_freedom(z)
    shapes: list[Shape] = []
    freedoms = {"all": freedom}
    if short is not None:
        freedoms["short"] = fit_freedom(short[0])
        shapes.append(_shape(BUCKETS[0], *short, freedoms["short"], usual))
    low = BUCKETS[0]
    for high in BUCKETS[1:]:
        inside = (cases.minutes > low) & (cases.minutes <= high)
        if inside.any():
            shapes.append(_shape(high, z[inside], cases.day[inside], freedom, usual))
            low = high
    return tuple(shapes), freedoms


def bent(shapes: tuple[Shape, ...], cases: Cases, z: Floats) -> tuple[Shape, ...]:
    """Return the shapes bent to where all horizons' outcomes fell in them.

    One and two minutes, which have a law of their own, are left as they are.
    """
    longer = [shape for shape in shapes if shape.up_to > BUCKETS[0]]
    ends = np.array([shape.up_to for shape in longer])
    place = np.minimum(np.searchsorted(ends, cases.minutes), len(ends) - 1)
    scaled = z / np.array([shape.stretch for shape in longer])[place]
    pits = TableShape(longer[0].table).cdf(scaled)
    if len(pits) < FEWEST_OUTCOMES:
        return shapes
    table = recalibrated(longer[0].table, pits, uniformity(pits, cases.day).design_effect)
    return tuple(
        replace(shape, table=table) if shape.up_to > BUCKETS[0] else shape for shape in shapes
    )


def fit_freedom(z: Floats) -> float:
    """Return the degrees of freedom of the likeliest Student law of any scale."""

    def loss(freedom: float) -> float:
        scale = _student_scale(z, freedom)
        return float(-stats.t.logpdf(z, freedom, scale=scale).mean())

    found = optimize.minimize_scalar(
        loss, bounds=FREEDOM, method="bounded", options={"xatol": 0.01}
    )
    return round(float(found.x), 2)


def momentum(
    unit: Measured, cases: Cases, z: Floats, parameters: IndexParameters, levels: Floats
) -> tuple[float, float]:
    """Return the share of the last ten minutes' move that goes on, and its error by session."""
    base, _ = _base(parameters, unit, cases, levels)
    begin = np.maximum(cases.start - 10, 0) // unit.step
    recent = unit.logs[cases.day, cases.start // unit.step] - unit.logs[cases.day, begin]
    regressor = recent / np.exp(base / 2.0)
    response = z
    information = float(np.sum(regressor**2))
    slope = float(np.sum(regressor * response)) / information
    scores = np.bincount(cases.day, weights=regressor * (response - slope * regressor))
    return slope, float(np.sqrt(np.sum(scores**2))) / information


def _base(
    parameters: IndexParameters, unit: Measured, cases: Cases, levels: Floats
) -> tuple[Floats, Floats]:
    """Return the log of each case's typical variance, and its three log ratios."""
    upto = elapsed_shares(parameters, unit.days)
    level = levels[cases.day]
    logs = log_ratios(
        upto,
        unit.bars,
        level,
        cases.day,
        cases.start // unit.step,
        unit.step,
        parameters.mix.prior_minutes,
    )
    base = np.log(level * (upto[cases.day, cases.end] - upto[cases.day, cases.start]))
    return base, logs


def _short_cases(
    parameters: IndexParameters, minutes: Measured | None, kind: Kind
) -> tuple[Floats, Ints] | None:
    """Return the standardised moves of one and two minutes and their sessions, if there are any."""
    if minutes is None or len(minutes.days) < FEWEST_MINUTE_SESSIONS:
        return None
    hours = (CLOSE_HOUR,) if kind == "close" else tuple(h for h in HOURS if h != CLOSE_HOUR)
    cases = lay_out(minutes, hours=hours, minutes_before=SHORT_HORIZONS)
    start, end = cases.start.astype(np.float64), cases.end.astype(np.float64)
    scale = scales(parameters, minutes, cases.day, start, end)
    return cases.moved / scale, cases.day


def _shape(up_to: float, z: Floats, day: Ints, freedom: float, usual: float) -> Shape:
    own = _student_scale(z, freedom) * np.sqrt(freedom / (freedom - 2.0))
    away = drawn_back(np.log(own / usual), np.array(spread_of(z, day).error))
    table = student_table(freedom, reach=TABLE_REACH, step=TABLE_STEP)
    short = StandardTable(
        tuple(round(x, 6) for x in table.knots), tuple(round(x, 6) for x in table.log_odds)
    )
    return Shape(up_to, round(float(usual * np.exp(away)), 4), short)


def _student_scale(z: Floats, freedom: float) -> float:
    """Return the likeliest scale of a Student law, by its fixed point."""
    square = z**2
    scale = float(np.sqrt(np.mean(square)))
    for _ in range(30):
        scale = float(np.sqrt(np.mean((freedom + 1.0) * square / (freedom + square / scale**2))))
    return scale


def rounded(number: float) -> float:
    """Return a number with six digits, as files hold it."""
    return float(f"{number:.6g}")
