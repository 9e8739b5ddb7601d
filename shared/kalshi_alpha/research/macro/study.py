"""One figure's releases, several forecasts of them, and their walk-forward scores.

Each model gives a middle and a scale for every release, from what was known before it. The law
around them is fitted alike for all models, from each one's own past errors only: a Student law and
a factor on the scale, refitted every so many releases. So a baseline is never beaten by being given
a poor width.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.scores.clusters import DayBootstrap, Interval
from kalshi_alpha.research.scores.shapes import Floats, Ints, StudentT

FREEDOMS = (3.0, 4.0, 6.0, 10.0, 30.0)
_STRETCHES = (0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25)
LEVELS = (0.5, 0.8, 0.95)
_CUT = 9.0  # past errors count to so many typical ones, as one wild release is no law


@dataclass(frozen=True, slots=True)
class Model:
    """A middle and a scale above 0 for each release; both [releases]."""

    centre: Floats
    scale: Floats


@dataclass(frozen=True, slots=True)
class Ladder:
    """Strikes around what was last known, as a venue lists them; no recorded listing is needed.

    Attributes:
        anchor: the figure the ladder is drawn around; [releases].
        step: between two strikes, in the figure's unit.
        each_side: strikes below and above the middle one.
        half: from a strike to the lowest figure before rounding that pays: half a print's step
            above it for "more than", below it for "at least".
    """

    anchor: Floats
    step: float
    each_side: int
    half: float

    def lowest_paid(self) -> Floats:
        """Return the lowest figure that pays on each strike; [releases, strikes]."""
        middles = np.round(self.anchor / self.step) * self.step
        places = np.arange(-self.each_side, self.each_side + 1) * self.step
        found: Floats = middles[:, None] + places[None, :] + self.half
        return found


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
        ladder: strikes on which probabilities are scored, None for none.
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
    ladder: Ladder | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """What a model earned.

    Attributes:
        model: its name.
        crps: mean, in the figure's unit.
        gain: share of its CRPS that ours does without, with its 95 % interval.
        covers: share of outcomes inside the central interval of each of ``LEVELS``.
        below: share of outcomes below the law's middle.
        pits: probability of at most the outcome; [scored releases].
        brier: mean over the strikes of the ladder; None without one.
        brier_gain: share of it that ours does without.
    """

    model: str
    crps: float
    gain: Interval
    covers: Mapping[float, Interval]
    below: Interval
    pits: Floats
    brier: float | None
    brier_gain: Interval | None

    @property
    def inside(self) -> Interval:
        """Return the share inside the central 80 %."""
        return self.covers[0.8]

    @property
    def tenths(self) -> Floats:
        """Return the share of outcomes in each tenth of the law; a true one has 0.1 in each."""
        found: Floats = np.histogram(self.pits, bins=10, range=(0.0, 1.0))[0] / len(self.pits)
        return found


@dataclass(frozen=True, slots=True)
class _Walked:
    """Per scored release: CRPS, PIT, and the Brier score over its strikes; NaN without them."""

    crps: Floats
    pits: Floats
    brier: Floats


def scores(study: Study) -> tuple[Scored, ...]:
    """Score every model on the same releases, ours against each.

    Raises:
        DataError: when there is no model ``ours``, or nothing is left after the warm-up.
    """
    if "ours" not in study.models or len(study.outcome) <= study.warm_up:
        raise DataError(f"the study of {study.name} has no model of ours, or too few releases")
    draws = DayBootstrap(study.cluster[study.warm_up :], block=study.block)
    found = {name: _walked(study, model) for name, model in study.models.items()}
    return tuple(_scored(name, one, found["ours"], draws, study) for name, one in found.items())


def _scored(name: str, one: _Walked, ours: _Walked, draws: DayBootstrap, study: Study) -> Scored:
    off = np.abs(one.pits - 0.5)
    return Scored(
        model=name,
        crps=float(one.crps.mean()),
        gain=draws.skill(ours.crps, one.crps),
        covers={level: draws.mean((off <= level / 2).astype(np.float64)) for level in LEVELS},
        below=draws.mean((one.pits < 0.5).astype(np.float64)),
        pits=one.pits,
        brier=None if study.ladder is None else float(one.brier.mean()),
        brier_gain=None if study.ladder is None else draws.skill(ours.brier, one.brier),
    )


def _walked(study: Study, model: Model) -> _Walked:
    """Score each release by a law fitted on those before."""
    z = (study.outcome - model.centre) / model.scale
    paid = None if study.ladder is None else study.ladder.lowest_paid()
    crps, pits, brier = (np.full(len(z), np.nan) for _ in range(3))
    for start in range(study.warm_up, len(z), study.refit):
        shape, stretch = fitted(z[: start - study.lag + 1])
        now = slice(start, start + study.refit)
        scale: Floats = model.scale[now] * stretch
        scaled: Floats = z[now] / stretch
        crps[now] = scale * shape.crps(scaled)
        pits[now] = shape.cdf(scaled)
        if paid is not None:
            chance = shape.sf((paid[now] - model.centre[now, None]) / scale[:, None])
            pays = study.outcome[now, None] >= paid[now]
            brier[now] = ((chance - pays) ** 2).mean(axis=1)
    first = study.warm_up
    return _Walked(crps[first:], pits[first:], brier[first:])


def fitted(past: Floats, freedoms: Sequence[float] = FREEDOMS) -> tuple[StudentT, float]:
    """Return the law and the factor with the lowest CRPS on past standardised errors.

    Raises:
        DataError: when all of them are 0: such a record is not believed.
    """
    cut = _CUT * float(np.median(np.abs(past))) or np.inf
    spread = float(np.sqrt(np.mean(np.clip(past, -cut, cut) ** 2)))
    if not spread > 0:
        raise DataError("every past forecast was right to the last digit: no law can be fitted")
    laws = _laws(spread, freedoms)
    return min(laws, key=lambda one: one[1] * float(one[0].crps(past / one[1]).mean()))


def _laws(spread: float, freedoms: Sequence[float]) -> Iterator[tuple[StudentT, float]]:
    for freedom in freedoms:
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
