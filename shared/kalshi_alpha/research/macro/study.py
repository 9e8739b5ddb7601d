"""One figure's releases, several forecasts of them, and their walk-forward scores.

Each model gives a middle and a scale for every release, from what was known before it. The law
around them is fitted alike for all models, from each one's own past errors only: a Student law and
a factor on the scale, refitted every so many releases. So a baseline is never beaten by being given
a poor width.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.scores.clusters import DayBootstrap, Interval
from kalshi_alpha.research.scores.shapes import Floats, Ints, StudentT

_FREEDOMS = (3.0, 4.0, 6.0, 10.0, 30.0)
_STRETCHES = (0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25)
_CUT = 9.0  # past errors count to so many typical ones, as one wild release is no law


@dataclass(frozen=True, slots=True)
class Model:
    """A middle and a scale above 0 for each release; both [releases]."""

    centre: Floats
    scale: Floats


@dataclass(frozen=True, slots=True)
class Study:
    """The releases of one figure, in time.

    Attributes:
        name: of the figure.
        unit: of its values.
        outcome: what was printed; [releases].
        cluster: releases with one number are one vote; ascending; [releases].
        models: by name, ours under ``ours``.
        warm_up: releases before the first that is scored.
        refit: releases from one fit of the law to the next.
        block: clusters drawn together.
        lag: releases until an outcome is known: 1, or the horizon when releases overlap.
    """

    name: str
    unit: str
    outcome: Floats
    cluster: Ints
    models: Mapping[str, Model]
    warm_up: int
    refit: int
    block: int
    lag: int = 1


@dataclass(frozen=True, slots=True)
class Scored:
    """What a model earned.

    Attributes:
        model: its name.
        crps: mean, in the figure's unit.
        gain: share of its CRPS that ours does without, with its 95 % interval.
        inside: share of outcomes inside the central 80 %, with its interval.
        pits: probability of at most the outcome; [scored releases].
    """

    model: str
    crps: float
    gain: Interval
    inside: Interval
    pits: Floats


def scores(study: Study) -> tuple[Scored, ...]:
    """Score every model on the same releases, ours against each.

    Raises:
        DataError: when there is no model ``ours``, or nothing is left after the warm-up.
    """
    if "ours" not in study.models or len(study.outcome) <= study.warm_up:
        raise DataError(f"the study of {study.name} has no model of ours, or too few releases")
    draws = DayBootstrap(study.cluster[study.warm_up :], block=study.block)
    found = {name: _walked(study, model) for name, model in study.models.items()}
    ours = found["ours"][0]
    return tuple(
        Scored(
            name,
            float(crps.mean()),
            draws.skill(ours, crps),
            draws.mean((np.abs(pits - 0.5) <= 0.4).astype(np.float64)),
            pits,
        )
        for name, (crps, pits) in found.items()
    )


def _walked(study: Study, model: Model) -> tuple[Floats, Floats]:
    """Return the CRPS and the PIT of each scored release, its law fitted on those before."""
    z = (study.outcome - model.centre) / model.scale
    crps, pits = np.empty(len(z)), np.empty(len(z))
    for start in range(study.warm_up, len(z), study.refit):
        shape, stretch = _fitted(z[: start - study.lag + 1])
        now = slice(start, start + study.refit)
        scaled: Floats = z[now] / stretch
        crps[now] = model.scale[now] * stretch * shape.crps(scaled)
        pits[now] = shape.cdf(scaled)
    return crps[study.warm_up :], pits[study.warm_up :]


def _fitted(past: Floats) -> tuple[StudentT, float]:
    """Return the law and the factor with the lowest CRPS on past standardised errors."""
    cut = _CUT * float(np.median(np.abs(past)))
    spread = float(np.sqrt(np.mean(np.clip(past, -cut, cut) ** 2)))
    return min(_laws(spread), key=lambda one: one[1] * float(one[0].crps(past / one[1]).mean()))


def _laws(spread: float) -> Iterator[tuple[StudentT, float]]:
    for freedom in _FREEDOMS:
        shape = StudentT(freedom)
        for factor in _STRETCHES:
            yield shape, spread * factor


def smoothed(values: Floats, weight: float, start: float = 0.0) -> Floats:
    """Return the exponential mean after each value, the newest with ``weight``."""
    found, mean = np.empty(len(values)), start
    for k, value in enumerate(values):
        mean += weight * (value - mean)
        found[k] = mean
    return found


def least_squares(rows: Floats, wanted: Floats, weight: Floats, ridge: Floats) -> Floats:
    """Return the coefficients of a weighted regression; ``ridge`` pulls each towards 0."""
    square: Floats = rows.T @ (rows * weight[:, None]) + np.diag(ridge + 1e-9)
    found: Floats = np.linalg.solve(square, rows.T @ (wanted * weight)).astype(np.float64)
    return found
