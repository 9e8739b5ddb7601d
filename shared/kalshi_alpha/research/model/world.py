"""A world whose law is known, to see whether fitting finds it again.

Every five minutes the variance is what the law itself says from the session so far; the move is a
Student variable of that variance, and the range measures the variance with a gamma error of its
own. So the truth of each parameter is a number, and a fit at the horizon of one bar must come back
to it within its sampling error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from kalshi_alpha.pricing.parameters import Drift, IndexParameters, Shape
from kalshi_alpha.pricing.table import student_table
from kalshi_alpha.pricing.variance import SESSION_MINUTES, RegimeMix, VarianceCurve
from kalshi_alpha.research.model.fit import HIGHEST, LOWEST, PRIOR_MINUTES, Fit, fit_sessions
from kalshi_alpha.research.model.forecast import WINDOWS
from kalshi_alpha.research.model.measured import UNIT, Floats, Measured

FIRST_DAY = date(2015, 1, 5)  # before any listed event
BARS = SESSION_MINUTES // UNIT
RANGE_SHAPE = (
    4.0  # of the gamma law a bar's range measures its variance with: a fair share of noise
)


@dataclass(frozen=True, slots=True)
class Truth:
    """What the world is made of."""

    level: float = 4e-5
    typical: float = 1.4
    since_open: float = 0.25
    last_30: float = 0.30
    last_10: float = 0.25
    freedom: float = 6.0

    def parameters(self) -> IndexParameters:
        """Return it as the parameters that a fit should find."""
        mix = RegimeMix(
            self.typical,
            self.since_open,
            self.last_30,
            self.last_10,
            PRIOR_MINUTES,
            LOWEST,
            HIGHEST,
        )
        table = student_table(self.freedom, reach=1000.0, step=0.15)
        return IndexParameters(
            level=self.level,
            minute_ratio=1.0,
            curve=smile(),
            events={},
            mix=mix,
            shapes=(Shape(60.0, 1.0, table),),
            basis=0.0,
            drift=Drift(0.0, 0.25),
        )


def smile() -> VarianceCurve:
    """Return a smooth course of variance, three times as lively at the ends as in the middle."""
    minute = (np.arange(SESSION_MINUTES) + 0.5) / SESSION_MINUTES
    shares = 1.0 + 8.0 * (minute - 0.5) ** 2
    five = np.repeat(shares.reshape(BARS, UNIT).mean(axis=1), UNIT)
    return VarianceCurve(tuple(float(x) for x in five / five.sum()))


def simulate(truth: Truth, sessions: int, seed: int) -> Measured:
    """Return sessions of that world; the same for the same seed."""
    rng = np.random.default_rng(seed)
    shares = np.array(smile().shares).reshape(BARS, UNIT).sum(axis=1)
    expected = np.concatenate([[0.0], np.cumsum(shares)]) * truth.level
    weights = (truth.since_open, truth.last_30, truth.last_10)
    bars = np.empty((sessions, BARS))
    moves = np.empty((sessions, BARS))
    sums = np.zeros((sessions, BARS + 1))
    unit = math.sqrt((truth.freedom - 2.0) / truth.freedom)
    for k in range(BARS):
        log_regime = np.full(sessions, math.log(truth.typical))
        for weight, window in zip(weights, WINDOWS, strict=True):
            width = min(max(1, window // UNIT), k)
            if width:
                ratio = (sums[:, k] - sums[:, k - width]) / (expected[k] - expected[k - width])
                trust = width * UNIT / (width * UNIT + PRIOR_MINUTES)
                log_regime += weight * np.log1p(trust * (ratio - 1.0))
        # Ranges run low by what `typical` makes up for, as those of a real index do.
        variance = truth.level * shares[k] * np.exp(log_regime)
        noise = rng.gamma(RANGE_SHAPE, 1.0 / RANGE_SHAPE, sessions)
        bars[:, k] = variance / truth.typical * noise
        moves[:, k] = np.sqrt(variance) * unit * rng.standard_t(truth.freedom, sessions)
        sums[:, k + 1] = sums[:, k] + bars[:, k]
    logs = np.concatenate([np.zeros((sessions, 1)), np.cumsum(moves, axis=1)], axis=1)
    days = tuple(FIRST_DAY + timedelta(days=k) for k in range(sessions))
    return Measured("SPX", UNIT, days, logs + math.log(6000.0), bars, 0)


def refit(world: Measured) -> Fit:
    """Fit the world's hourly part at the horizon of one bar, where its truth is the law itself."""
    return fit_sessions(world, None, "hourly", basis=0.0, ratio=1.0, horizons=(UNIT,))


@dataclass(frozen=True, slots=True)
class Recovery:
    """One parameter over many worlds: its truth, the mean of what was found, and the spread."""

    name: str
    truth: float
    mean: float
    spread: float
    worlds: int

    @property
    def off(self) -> float:
        """Return how many standard errors of the mean lie between the mean and the truth."""
        return (self.mean - self.truth) / max(self.spread / math.sqrt(self.worlds), 1e-12)


def recover(truth: Truth, *, sessions: int, worlds: int, seed: int) -> tuple[Recovery, ...]:
    """Fit ``worlds`` simulated worlds and return what became of each parameter."""
    found = [_found(refit(simulate(truth, sessions, seed + k))) for k in range(worlds)]
    # What a session measures on the whole follows from the law, by no formula: a long run tells it.
    long = simulate(truth, 20_000, seed=987_654).bars
    usual = {
        "level": float(long.sum(axis=1).mean()),
        "typical": truth.typical,
        "since_open": truth.since_open,
        "last_30": truth.last_30,
        "last_10": truth.last_10,
        "freedom": truth.freedom,
        "open share": float(_shares(long)[:6].sum()),
    }
    return tuple(
        Recovery(
            name,
            usual[name],
            float(np.mean([one[name] for one in found])),
            float(np.std([one[name] for one in found], ddof=1)),
            worlds,
        )
        for name in usual
    )


def _found(fitted: Fit) -> dict[str, float]:
    part = fitted.parameters
    return {
        "level": part.level,
        "typical": part.mix.typical * part.shapes[0].stretch ** 2,
        "since_open": part.mix.since_open,
        "last_30": part.mix.last_30,
        "last_10": part.mix.last_10,
        "freedom": fitted.evidence["freedom"]["all"],
        "open share": _open_share(part.curve),
    }


def _open_share(curve: VarianceCurve) -> float:
    return sum(curve.shares[:30])


def _shares(bars: Floats) -> Floats:
    found: Floats = (bars / bars.sum(axis=1, keepdims=True)).mean(axis=0)
    return found
