"""The filter's probabilities walked forward: all that is fitted or chosen is of the days before.

What the filter says is pooled: raised to a power by time of day, beside the middles and the
neighbours' shares, with weights fitted on forty-two days for the seven after them. Setting and
ridge are chosen on those days too: fitted on the earlier two thirds, judged on the last third.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from kalshi_alpha.errors import DataError
from kalshi_alpha.momentum.pool import FAINTEST, NEAR, PHASES
from kalshi_alpha.research.data.findings import Bools, Floats, Ints
from kalshi_alpha.research.temperature.filtering import Panel, Setting
from kalshi_alpha.research.temperature.panel import log_of
from kalshi_alpha.research.temperature.pooling import Terms, centred, fit

TRAIN_DAYS, TEST_DAYS, JUDGED_DAYS, FEWEST_DAYS = 42, 7, 14, 21
RIDGES = (3.0, 10.0, 30.0)  # nats a squared unit of weight
MIDDLES, LAST = "middles", "last prices"
ALONE, POWER = "filter alone", "filter, power by hour"
OURS, DRY = "filter, pooled", "filter, pooled, without the weather"
UNFILTERED = "middles, pooled without the filter"
_POWERS, _GAP, _NEAR = "power", "middles", "neighbours"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What one window of days was scored with.

    Attributes:
        first: its first day, a number.
        setting: of the filter inside the pool.
        alone: of the filter by itself.
        ridge: of the pool.
        weights: by term.
    """

    first: int
    setting: Setting
    alone: Setting
    ridge: float
    weights: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Walked:
    """What each model said of the moments that are scored.

    Attributes:
        scored: which moments have a model; [moments].
        said: by model; rows that are not scored hold the middles; [moments, brackets].
        windows: what was chosen, in order.
    """

    scored: Bools
    said: Mapping[str, Floats]
    windows: tuple[Chosen, ...]


def windows_of(
    day: Ints,
    first: int | None = None,
    *,
    train: int = TRAIN_DAYS,
    test: int = TEST_DAYS,
    fewest: int = FEWEST_DAYS,
) -> Iterator[tuple[Bools, Bools]]:
    """Yield which moments each window learns from and which it scores.

    Args:
        day: of each moment, a number.
        first: the first day that may be scored, if later than the data say.
        train: calendar days to learn from.
        test: calendar days that one window scores, the next after them.
        fewest: days with an event that there must be to learn from; else the window scores nothing.
    """
    start = max(int(day.min()) + train, first or 0)
    for begin in range(start, int(day.max()) + 1, test):
        past: Bools = (day >= begin - train) & (day < begin)
        now: Bools = (day >= begin) & (day < begin + test)
        if len(np.unique(day[past])) >= fewest and now.any():
            yield past, now


def walk(panel: Panel, first: int | None = None) -> Walked:
    """Return every model's probabilities, each window's fitted on the days before it.

    Args:
        panel: events at fixed times of day.
        first: number of the first day that counts as scored; earlier ones are told all the same,
            for what is chosen by them later.

    Raises:
        DataError: when no day that counts has enough days before it.
    """
    scored = np.zeros(len(panel), dtype=np.bool_)
    said = {name: panel.share.copy() for name in (ALONE, POWER, UNFILTERED, DRY, OURS)}
    every = {setting: terms_of(panel, setting) for setting in panel.filtered}
    dry = {setting: terms for setting, terms in every.items() if setting.lean is None}
    plain = terms_of(panel, None).only((_POWERS, _NEAR))
    windows = []
    for past, now in windows_of(panel.day):
        fits = _Fits(panel, past, now)
        ours = fits.best(every)
        alone = min(every, key=lambda one: fits.loss(panel.filtered[one]))
        said[OURS][now], said[DRY][now] = ours.said, fits.best(dry).said
        said[ALONE][now] = panel.filtered[alone][now]
        said[POWER][now] = fits.said(every[alone].only((_POWERS,)), ours.chosen.ridge)
        said[UNFILTERED][now] = fits.said(plain, ours.chosen.ridge)
        scored |= now
        windows.append(replace(ours.chosen, alone=alone))
    scored &= panel.day >= (first or 0)
    if not scored.any():
        raise DataError(
            f"no day has {FEWEST_DAYS} days of events among the {TRAIN_DAYS} before it: give more"
        )
    return Walked(scored, {MIDDLES: panel.share, LAST: panel.last, **said}, tuple(windows))


@dataclass(frozen=True, slots=True)
class _Best:
    chosen: Chosen
    said: Floats


@dataclass(frozen=True, slots=True)
class _Fits:
    """What can be fitted on one window's past and said of its days."""

    panel: Panel
    past: Bools
    now: Bools

    def said(self, terms: Terms, ridge: float) -> Floats:
        """Return a pool's law of the window's moments."""
        return terms.where(self.now).probabilities(self.weights(terms, self.past, ridge))

    def weights(self, terms: Terms, rows: Bools, ridge: float) -> Floats:
        """Return the weights fitted on some of the past moments."""
        return fit(terms.where(rows), self.panel.winner[rows], ridge)

    def loss(self, said: Floats) -> float:
        """Return minus the mean log of what won, on the past moments."""
        return float(log_of(said[self.past], self.panel.winner[self.past]).mean())

    def best(self, every: Mapping[Setting, Terms]) -> _Best:
        """Return what setting and ridge were best on the last of the past days, and their law."""
        day = self.panel.day
        split = int(day[self.past].max()) - JUDGED_DAYS + 1
        earlier, later = self.past & (day < split), self.past & (day >= split)
        tried: list[tuple[float, int, Setting, float]] = []
        for setting, terms in every.items():
            for ridge in RIDGES:
                weights = self.weights(terms, earlier, ridge)
                said = terms.where(later).probabilities(weights)
                loss = float(log_of(said, self.panel.winner[later]).mean())
                tried.append((loss, len(tried), setting, ridge))
        _, _, setting, ridge = min(tried)
        terms = every[setting]
        weights = self.weights(terms, self.past, ridge)
        named = dict(zip(terms.names, (round(float(w), 6) for w in weights), strict=True))
        chosen = Chosen(int(day[self.now].min()), setting, setting, ridge, named)
        return _Best(chosen, terms.where(self.now).probabilities(weights))


def terms_of(panel: Panel, setting: Setting | None) -> Terms:
    """Return what the pool weighs: a filter, or the middles themselves for None."""
    base = panel.share if setting is None else panel.filtered[setting]
    there = panel.there
    held = np.log(np.where(there, np.maximum(base, FAINTEST), 1.0))
    middles = np.log(np.where(there, np.maximum(panel.share, FAINTEST), 1.0))
    near = np.zeros_like(base)
    near[:, 1:] += base[:, :-1]
    near[:, :-1] += base[:, 1:]
    beside = np.log(near + NEAR) - held
    phase = np.digitize(panel.hour, PHASES)
    powers = [held * (phase == k)[:, None] for k in range(len(PHASES) + 1)]
    columns = [centred(one, there) for one in (*powers, middles - held, beside)]
    names = (*(f"{_POWERS}@{k}" for k in range(len(powers))), _GAP, _NEAR)
    neutral = np.array([1.0] * len(powers) + [0.0, 0.0])
    return Terms(np.stack(columns, axis=2), there, neutral, names)
