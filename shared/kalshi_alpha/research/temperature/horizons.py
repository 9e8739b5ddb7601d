"""Short horizons walked forward: does anything foretell where a share goes within a minute?

Each window of days is told by models fitted on the days before it. Settings are searched by
seeded trials on those days: fitted on all but the last week of them, judged on that week. The map
to a direction is fitted and chosen on the last two weeks by a model that has not seen them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kalshi_alpha.errors import DataError
from kalshi_alpha.momentum.horizon import HorizonWeights
from kalshi_alpha.research.data.findings import Bools, Floats, Ints
from kalshi_alpha.research.parallel import mapped
from kalshi_alpha.research.scores.clusters import DayBootstrap, Interval
from kalshi_alpha.research.temperature.direction import Direction, choose_direction
from kalshi_alpha.research.temperature.features import HORIZONS_S, Samples
from kalshi_alpha.research.temperature.filtering import Progress
from kalshi_alpha.research.temperature.predictors import (
    RIDGE,
    TREES,
    VARX,
    Linear,
    Predictor,
    Squares,
    TreeSettings,
    fit_boosted,
)
from kalshi_alpha.research.temperature.walking import windows_of

MODELS = (RIDGE, VARX, TREES)
MOVE = 0.005  # a share that moves by less has not moved: half a cent
_LINEAR_TRIALS, _TREE_TRIALS = 8, 5
_SEARCHED = len(HORIZONS_S) - 1  # the horizon at which settings are searched


@dataclass(frozen=True, slots=True)
class Plan:
    """Days of a window, and how much is learned from.

    Attributes:
        train: calendar days to learn from.
        test: calendar days that are told.
        judged: last days with an event on which settings are judged.
        held: last days with an event on which directions are fitted and chosen, half each.
        fewest: days with an event that there must be, more than ``held``.
        most: samples that trees learn from at most.
        searched: samples that a trial learns from at most.
        seed: of draws and trials.
    """

    train: int = 42
    test: int = 7
    judged: int = 6
    held: int = 12
    fewest: int = 21
    most: int = 10_000
    searched: int = 3_000
    seed: int = 20_241_209


@dataclass(frozen=True, slots=True)
class Fitted:
    """One window's models.

    Attributes:
        first: its first day, a number.
        last_known: the last day they learned from.
        settings: what the trials chose.
        models: by name.
        directions: by name, one a horizon.
    """

    first: int
    last_known: int
    settings: Mapping[str, Any]
    models: Mapping[str, Predictor]
    directions: Mapping[str, tuple[Direction, ...]]

    def live(self, by: str) -> HorizonWeights:
        """Return what runs live: the ridge at the longest horizon, told by ``by``."""
        ridge, direction = self.models[RIDGE], self.directions[RIDGE][_SEARCHED]
        assert isinstance(ridge, Linear)
        return HorizonWeights(
            by=by,
            mean=tuple(ridge.mean.tolist()),
            scale=tuple(ridge.scale.tolist()),
            weights=tuple(ridge.weights[:, _SEARCHED].tolist()),
            kind=direction.kind,
            unit=direction.scale,
            numbers=direction.numbers,
            knots=direction.knots,
        )

    def to_json(self) -> dict[str, Any]:
        """Return everything that was fitted."""
        return {
            "first": self.first,
            "last_known": self.last_known,
            "settings": dict(self.settings),
            "models": {name: one.to_json() for name, one in self.models.items()},
            "directions": {
                name: [one.to_json() for one in found] for name, found in self.directions.items()
            },
        }


@dataclass(frozen=True, slots=True)
class Told:
    """What the models said of the samples that are scored.

    Attributes:
        samples: those.
        expected: change of the share by model; [samples, brackets, horizons].
        up: probability of up, if it moves, by model; likewise.
        windows: the fits, in order.
    """

    samples: Samples
    expected: Mapping[str, Floats]
    up: Mapping[str, Floats]
    windows: tuple[Fitted, ...]

    def since(self, first: int | None) -> Told:
        """Return what was said of the days that count; the windows stay.

        Raises:
            DataError: when no day that counts was told.
        """
        keep = self.samples.day >= (first or 0)
        if not keep.any():
            raise DataError("no day that counts has enough days of events before it: give more")
        return Told(
            self.samples.where(keep),
            {name: one[keep] for name, one in self.expected.items()},
            {name: one[keep] for name, one in self.up.items()},
            self.windows,
        )


def tell(
    samples: Samples,
    plan: Plan,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> Told:
    """Fit and tell, window by window.

    Args:
        samples: in order of days.
        plan: of the windows.
        workers: processes; 1 works in this one.
        progress: told how many windows of how many are done.

    Raises:
        DataError: when no window has enough days before it.
    """
    spans = windows_of(samples.day, train=plan.train, test=plan.test, fewest=plan.fewest)
    jobs = [(samples.where(past), samples.where(now), plan) for past, now in spans]
    if not jobs:
        raise DataError(
            f"no day has {plan.fewest} days of events among the {plan.train} before it: give more"
        )
    found = []
    for k, one in enumerate(mapped(_window, jobs, workers)):
        found.append(one)
        if progress is not None:
            progress(k + 1, len(jobs))
    told = [now for _, now, _ in jobs]

    def joined(which: Callable[[_Window], Mapping[str, Floats]]) -> dict[str, Floats]:
        return {name: np.concatenate([which(one)[name] for one in found]) for name in MODELS}

    return Told(
        Samples(*(np.concatenate([getattr(one, k) for one in told]) for k in Samples.__slots__)),
        joined(lambda one: one.expected),
        joined(lambda one: one.up),
        tuple(one.fitted for one in found),
    )


@dataclass(frozen=True, slots=True)
class _Window:
    fitted: Fitted
    expected: Mapping[str, Floats]
    up: Mapping[str, Floats]


def _window(job: tuple[Samples, Samples, Plan]) -> _Window:
    past, now, plan = job
    fitted = fit_window(past, plan, int(now.day.min()))
    expected = {name: model.predict(now) for name, model in fitted.models.items()}
    up = {
        name: np.stack(
            [one.up(expected[name][:, :, k]) for k, one in enumerate(fitted.directions[name])],
            axis=2,
        )
        for name in MODELS
    }
    return _Window(fitted, expected, up)


def fit_window(past: Samples, plan: Plan, first: int) -> Fitted:
    """Fit everything on past days.

    Args:
        past: samples of those days.
        plan: how.
        first: number of the day from which it may be used.
    """
    days = np.unique(past.day)
    seed = plan.seed + first
    settings = _searched(past, plan, int(days[-plan.judged - 1]), seed)
    models = {name: _fit(name, past, settings[name], plan.most, seed) for name in MODELS}
    begin, middle = days[-plan.held], days[-plan.held // 2]
    unseen = past.where(past.day < begin)
    held = (
        past.where((past.day >= begin) & (past.day < middle)),
        past.where(past.day >= middle),
    )
    directions = {}
    for name in MODELS:
        blind = _fit(name, unseen, settings[name], plan.most, seed)
        said = [blind.predict(one) for one in held]
        directions[name] = tuple(_direction(said, held, k) for k in range(len(HORIZONS_S)))
    shown = {
        name: one if isinstance(one, float) else {k: getattr(one, k) for k in one.__slots__}
        for name, one in settings.items()
    }
    return Fitted(first, int(days[-1]), shown, models, directions)


def _direction(said: Sequence[Floats], held: Sequence[Samples], k: int) -> Direction:
    moved = [np.abs(one.moved[:, :, k]) >= MOVE for one in held]
    predicted = [one[:, :, k][went] for one, went in zip(said, moved, strict=True)]
    up = [one.moved[:, :, k][went] > 0.0 for one, went in zip(held, moved, strict=True)]
    return choose_direction((predicted[0], predicted[1]), (up[0], up[1]))


def _fit(name: str, samples: Samples, settings: Any, most: int, seed: int) -> Predictor:
    if name == TREES:
        return fit_boosted(drawn(samples, most, seed), settings, seed)
    return Squares.of(samples, across=name == VARX).fit(settings)


def drawn(samples: Samples, most: int, seed: int) -> Samples:
    """Return ``most`` of the samples at random, in their order; all when there are fewer."""
    if len(samples) <= most:
        return samples
    keep = np.zeros(len(samples), dtype=np.bool_)
    keep[np.random.default_rng(seed).choice(len(samples), most, replace=False)] = True
    return samples.where(keep)


def _searched(past: Samples, plan: Plan, split: int, seed: int) -> dict[str, Any]:
    """Return each model's settings, searched by trials on the last days of the past."""
    import optuna  # noqa: PLC0415 - slow to import, and nobody else needs it

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    earlier = past.where(past.day <= split)
    later = drawn(past.where(past.day > split), plan.searched, seed)
    few = drawn(earlier, plan.searched, seed)

    def error(model: Predictor) -> float:
        off = model.predict(later)[:, :, _SEARCHED] - later.moved[:, :, _SEARCHED]
        return float(np.mean(off**2))

    def best(objective: Callable[[optuna.Trial], float], trials: int) -> dict[str, Any]:
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
        study.optimize(objective, n_trials=trials)
        return study.best_params

    def ridge(*, across: bool) -> float:
        squares = Squares.of(earlier, across=across)

        def judged(trial: optuna.Trial) -> float:
            return error(squares.fit(trial.suggest_float("ridge", 1e-4, 3.0, log=True)))

        return float(best(judged, _LINEAR_TRIALS)["ridge"])

    trees = best(
        lambda trial: error(fit_boosted(few, _suggested(trial), seed, (_SEARCHED,))), _TREE_TRIALS
    )
    return {RIDGE: ridge(across=False), VARX: ridge(across=True), TREES: TreeSettings(**trees)}


def _suggested(trial: Any) -> TreeSettings:
    return TreeSettings(
        rate=trial.suggest_float("rate", 0.02, 0.2, log=True),
        leaves=trial.suggest_int("leaves", 4, 31),
        least_in_leaf=trial.suggest_int("least_in_leaf", 50, 1000, log=True),
        ridge=trial.suggest_float("ridge", 1e-3, 100.0, log=True),
    )


@dataclass(frozen=True, slots=True)
class Foretold:
    """How well one model told one horizon.

    Attributes:
        model: its name.
        horizon_s: seconds.
        gain: share of the squared error of "no change" that it does without, by days.
        moves: how many changes there were.
        right: share of moves whose direction was the likelier one, by days.
        brier: Brier score of the direction less that of even odds, by days.
    """

    model: str
    horizon_s: float
    gain: Interval
    moves: int
    right: Interval
    brier: Interval


def foretold(told: Told) -> tuple[Foretold, ...]:
    """Return how well each model told each horizon."""
    samples = told.samples
    by_sample = DayBootstrap(samples.day)
    days = np.broadcast_to(samples.day[:, None], samples.share.shape)
    found = []
    for name in MODELS:
        for k, seconds in enumerate(HORIZONS_S):
            moved = samples.moved[:, :, k]
            error = ((told.expected[name][:, :, k] - moved) ** 2).sum(axis=1)
            gain = by_sample.skill(error, (moved**2).sum(axis=1))
            went: Bools = np.abs(moved) >= MOVE
            right, brier = _directions(days[went], told.up[name][:, :, k][went], moved[went] > 0)
            found.append(Foretold(name, seconds, gain, int(went.sum()), right, brier))
    return tuple(found)


def _directions(day: Ints, chance: Floats, up: Bools) -> tuple[Interval, Interval]:
    by_move = DayBootstrap(day)
    right = ((chance > 0.5) == up).astype(np.float64)
    return by_move.mean(right), by_move.mean((chance - up) ** 2 - 0.25)
