"""Fits of the fill model, and the checks of it: product-limit curves, calibration, markouts."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.data.findings import Bools, Floats
from kalshi_alpha.research.fills.spells import HORIZON_S, Spells
from kalshi_alpha.research.scores.clusters import DayBootstrap
from kalshi_alpha.trading.fills import (
    FEATURES,
    FURTHEST_S,
    LEAST_CHANCE,
    LEAST_OFFSET,
    LONGEST_QUEUE,
    LONGEST_SPREAD,
    LOSS_FEATURES,
    MOST_OFFSET,
    PATIENCE_S,
    SOONEST_S,
    FillModel,
)

STEP_S = 5.0
PRIOR_SD = 2.0  # of each weight of features of order one: keeps a thin feature from running off
FEWEST_FILLS = 50
_ROUNDS = 50


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fill model with what it rests on.

    Attributes:
        model: to be read by ``trading.fills``.
        errors: standard errors of the hazard's weights, days drawn whole.
        loss_errors: of the loss's weights.
    """

    model: FillModel
    errors: Floats
    loss_errors: Floats


def untold_of(spells: Spells) -> tuple[str, ...]:
    """Return the features of which no spell says anything: their weights cannot be fitted."""
    known = {"queue": spells.ahead, "imbalance": spells.imbalance}
    return tuple(name for name, values in known.items() if not np.isfinite(values).any())


def fit(spells: Spells, *, evidence: str = "trade_through") -> Fitted:
    """Fit hazard and loss; ``evidence`` is what counted as a fill.

    A spell counts for the steps it was there for, and the step in which it filled: what was
    censored says that it had not filled yet and no more. Every spell counts alike: to give each
    market-side one vote would weigh a fill by how few others its side had, and a side that is run
    over has many. That spells of one day hang together is in the errors.

    Raises:
        DataError: with fewer than fifty fills.
    """
    count = int(spells.filled.sum())
    if count < FEWEST_FILLS:
        raise DataError(f"{count} quotes filled; a fit needs {FEWEST_FILLS}: add days of trades")
    rows, steps, event = _steps(spells)
    x = features_at(spells, rows, steps * STEP_S)
    told = np.array([name not in untold_of(spells) for name in FEATURES])
    hazard, errors = np.zeros(len(FEATURES)), np.zeros(len(FEATURES))
    hazard[told], errors[told] = _logistic(x[:, told], event, spells.day[rows])
    known = spells.filled & np.isfinite(spells.markout_30s)
    lost = (spells.edge - spells.markout_30s)[known]
    own = features_at(spells, np.flatnonzero(known), np.zeros(int(known.sum())))[:, [0, 1, 3]]
    loss, loss_errors = _linear(own, lost, spells.day[known])
    model = FillModel(
        evidence=evidence,
        step_s=STEP_S,
        hazard=tuple(round(float(w), 6) for w in hazard),
        loss=tuple(round(float(w), 6) for w in loss),
        untold=untold_of(spells),
    )
    return Fitted(model, errors, loss_errors)


def predicted(model: FillModel, spells: Spells, horizon_s: float = HORIZON_S) -> Floats:
    """Return the model's chance of a fill within ``horizon_s`` for each spell; [spells].

    The same sums as ``trading.fills.FillModel.probability``, many at once.
    """
    every = np.arange(len(spells))
    survival: Floats = np.ones(len(spells))
    left = np.minimum(horizon_s, spells.seconds)
    for k in range(int(np.ceil(horizon_s / model.step_s))):
        share = np.clip((left - k * model.step_s) / model.step_s, 0.0, 1.0)
        odds = features_at(spells, every, np.full(len(every), k * model.step_s)) @ model.hazard
        survival *= (1.0 / (1.0 + np.exp(odds))) ** share
    return 1.0 - survival


def product_limit(spells: Spells, times: Floats) -> Floats:
    """Return the Kaplan-Meier chance of a fill by each of ``times``, seconds; [times].

    Kaplan and Meier, J. Am. Stat. Assoc. 53 (1958).
    """
    if not len(spells):
        return np.full(len(times), np.nan)
    order = np.argsort(spells.lasted, kind="stable")
    lasted, filled = spells.lasted[order], spells.filled[order]
    moments, begin = np.unique(lasted, return_index=True)
    at_risk = len(lasted) - begin
    fills = np.add.reduceat(filled.astype(np.float64), begin)
    survival = np.cumprod(1.0 - fills / at_risk)
    place = np.searchsorted(moments, times, side="right")
    found: Floats = 1.0 - np.concatenate(([1.0], survival))[place]
    return found


def curve_rows(spells: Spells, times: Floats) -> list[dict[str, Any]]:
    """Return, by offset, the chance of a fill by each time, with an interval by days for the last.

    The interval leaves out one day at a time (Efron and Stein's jackknife): a product limit is no
    mean that days could be drawn for.
    """
    rows = []
    for low, high in ((-2, 0), (0, 1), (1, 2), (2, 3), (3, 4), (4, 6), (6, 11)):
        part = spells.where((spells.offset > low) & (spells.offset <= high))
        if len(part) and part.filled.any():
            found = product_limit(part, times)
            error = _jackknife(part, float(times[-1]))
            rows.append(
                {
                    "offset_from": low,
                    "offset_to": high,
                    "quotes": len(part),
                    "market_sides": len(np.unique(part.side)),
                    "fills": int(part.filled.sum()),
                    "censored": float(1.0 - part.filled.mean()),
                    "by": {f"{t:g}": float(p) for t, p in zip(times, found, strict=True)},
                    "error": error,
                }
            )
    return rows


def calibration_rows(model: FillModel, spells: Spells) -> list[dict[str, Any]]:
    """Return predicted against observed by fifths of the prediction, on spells it has not seen."""
    said = predicted(model, spells)
    edges = np.unique(np.quantile(said, np.linspace(0.0, 1.0, 6)))
    rows = []
    for low, high in itertools.pairwise(edges):
        inside = (said >= low) & ((said < high) | (high == edges[-1]))
        part = spells.where(inside)
        if len(part):
            observed = product_limit(part, np.array([HORIZON_S]))[0]
            error = _jackknife(part, HORIZON_S)
            rows.append(
                {
                    "quotes": len(part),
                    "predicted": float(said[inside].mean()),
                    "observed": float(observed),
                    "error": error,
                }
            )
    return rows


def markout_rows(spells: Spells) -> list[dict[str, Any]]:
    """Return what fills were worth by offset: claimed, 5 and 30 s later, at settlement."""
    rows = []
    known = np.isfinite(spells.settled) | np.isfinite(spells.markout_30s)
    filled = spells.where(spells.filled & known)
    for low, high in ((-2, 0), (0, 2), (2, 4), (4, 6), (6, 11), (-2, 11)):
        part = filled.where((filled.offset > low) & (filled.offset <= high))
        if len(part):
            row: dict[str, Any] = {"offset_from": low, "offset_to": high, "fills": len(part)}
            row["market_sides"] = len(np.unique(part.side))
            row["claimed"] = float(part.edge.mean())
            for name in ("markout_5s", "markout_30s", "settled"):
                row |= _mean(name, getattr(part, name), part)
            rows.append(row)
    return rows


def spread_rows(spells: Spells) -> list[dict[str, Any]]:
    """Return the spread of the last trades' two sides by minutes to the fixing, cents."""
    rows = []
    at_even = spells.where(np.isfinite(spells.spread))
    for low, high in ((0, 1), (1, 2), (2, 5), (5, 10), (10, 15)):
        part = at_even.where((at_even.seconds > 60 * low) & (at_even.seconds <= 60 * high))
        if len(part):
            rows.append(
                {
                    "minutes_from": low,
                    "minutes_to": high,
                    "median": float(np.median(part.spread)),
                    "quarter": float(np.quantile(part.spread, 0.25)),
                    "three_quarters": float(np.quantile(part.spread, 0.75)),
                }
            )
    return rows


def gain_over_constant(model: FillModel, base: float, spells: Spells) -> dict[str, float | None]:
    """Return the log score of a fill in the horizon over one chance for all, nats a quote.

    Only quotes whose whole horizon was seen, or that filled, are scored; less than zero is worse.
    """
    seen = spells.filled | (spells.lasted >= HORIZON_S - 1.0)
    part = spells.where(seen)
    said = np.clip(predicted(model, part), 1e-6, 1.0 - 1e-6)
    happened = part.filled
    constant = np.clip(base, 1e-6, 1.0 - 1e-6)
    ours = np.log(np.where(happened, said, 1.0 - said))
    theirs = np.log(np.where(happened, constant, 1.0 - constant))
    if len(np.unique(part.day)) < 2:
        return {"gain": float((ours - theirs).mean()), "low": None, "high": None}
    found = DayBootstrap(part.day).mean(ours - theirs)
    return {"gain": found.estimate, "low": found.low, "high": found.high}


def _mean(name: str, values: Floats, part: Spells) -> dict[str, float | None]:
    known = np.isfinite(values)
    inside = part.where(known)
    if not known.any():
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    if len(np.unique(inside.day)) < 2:
        return {name: float(values[known].mean()), f"{name}_low": None, f"{name}_high": None}
    found = DayBootstrap(inside.day).mean(values[known])
    return {name: found.estimate, f"{name}_low": found.low, f"{name}_high": found.high}


def _steps(spells: Spells) -> tuple[Any, Floats, Floats]:
    """Return spell, step and event of every step a spell was there for."""
    most = int(np.ceil(HORIZON_S / STEP_S))
    whole = np.floor(spells.lasted / STEP_S).astype(np.int64)
    # A censored spell counts for its whole steps, a filled one also for the step it filled in.
    count = np.clip(np.where(spells.filled, whole + 1, whole), 0, most)
    rows = np.repeat(np.arange(len(spells)), count)
    place = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    event = spells.filled[rows] & (place == count[rows] - 1)
    return rows, place.astype(np.float64), event.astype(np.float64)


def features_at(spells: Spells, rows: Any, later: Floats | float = 0.0) -> Floats:
    """Return the features of some spells when they began, or ``later`` seconds on, by ``FEATURES``.

    The same numbers as ``trading.fills.features_of``; [rows, features].
    """
    later = np.broadcast_to(later, len(rows))
    offset = np.clip(spells.offset[rows], LEAST_OFFSET, MOST_OFFSET) / 10.0
    seconds = np.clip(spells.seconds[rows] - later, SOONEST_S, FURTHEST_S)
    spread = np.where(np.isfinite(spells.spread[rows]), spells.spread[rows], LONGEST_SPREAD)
    chance = np.clip(spells.probability[rows], LEAST_CHANCE, 1.0 - LEAST_CHANCE)
    ahead = np.where(np.isfinite(spells.ahead[rows]), spells.ahead[rows], LONGEST_QUEUE)
    found: Floats = np.column_stack(
        [
            np.ones(len(rows)),
            offset,
            offset**2,
            np.log(seconds / 60.0),
            np.log(4.0 * chance * (1.0 - chance)),
            np.clip(spread, 0.0, LONGEST_SPREAD) / 10.0,
            np.log1p(np.clip(ahead, 0.0, LONGEST_QUEUE)) / 5.0,
            np.clip(np.nan_to_num(spells.imbalance[rows], nan=0.0), -1.0, 1.0),
            np.log1p(later / PATIENCE_S),
        ]
    )
    assert found.shape[1] == len(FEATURES)  # the same list as the pure reader's
    return found


def _logistic(x: Floats, y: Floats, day: Any) -> tuple[Floats, Floats]:
    """Return penalised weights by Newton's steps, and errors clustered by day."""
    prior = np.full(x.shape[1], PRIOR_SD**-2)
    prior[0] = 0.0
    found: Floats = np.zeros(x.shape[1])
    found[0] = np.log(max(1e-9, float(y.mean())))
    bread: Floats = np.eye(x.shape[1])
    for _ in range(_ROUNDS):
        p = 1.0 / (1.0 + np.exp(-(x @ found)))
        slope = x.T @ (y - p) - prior * found
        bread = _inverse((x * (p * (1.0 - p))[:, None]).T @ x + np.diag(prior))
        move = bread @ slope
        found += np.clip(move, -2.0, 2.0)
        if np.abs(move).max() < 1e-10:
            break
    p = 1.0 / (1.0 + np.exp(-(x @ found)))
    return found, _clustered(x * (y - p)[:, None], bread, day)


def _linear(x: Floats, y: Floats, day: Any) -> tuple[Floats, Floats]:
    """Return least squares, and errors clustered by day."""
    if len(y) < len(LOSS_FEATURES):
        raise DataError(f"{len(y)} fills have a markout after 30 s: no loss can be fitted")
    bread = _inverse(x.T @ x)
    found: Floats = bread @ (x.T @ y)
    return found, _clustered(x * (y - x @ found)[:, None], bread, day)


def _inverse(square: Floats) -> Floats:
    return np.asarray(np.linalg.pinv(square), dtype=np.float64)


def _clustered(scores: Floats, bread: Floats, day: Any) -> Floats:
    _, place = np.unique(day, return_inverse=True)
    sums = np.zeros((int(place.max()) + 1, scores.shape[1]))
    np.add.at(sums, place, scores)
    found: Floats = np.sqrt(np.maximum(np.diag(bread @ (sums.T @ sums) @ bread), 0.0))
    return found


def _jackknife(spells: Spells, time: float) -> float | None:
    days = np.unique(spells.day)
    if len(days) < 2:
        return None
    at = np.array([time])
    left: Bools
    found = []
    for day in days:
        left = spells.day != day
        found.append(product_limit(spells.where(left), at)[0])
    count = len(days)
    spread = np.array(found) - np.mean(found)
    return float(np.sqrt((count - 1) / count * np.sum(spread**2)))
