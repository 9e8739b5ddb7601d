"""What the fit is made of: forecasts laid out as cases, the curve, the mix and the tails."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from kalshi_alpha.pricing.variance import RegimeMix
from kalshi_alpha.research.bars import OPEN_MINUTE, Floats, Paths

TRAILING = 60  # sessions a typical one is the mean of
HORIZONS = (30, 25, 20, 15, 10, 5)  # minutes before a fixing; bars of five allow no less
FIXINGS = tuple(range(10, 17))  # New York hours
PRIORS = (2.0, 5.0, 10.0, 20.0)  # candidates for the mix's prior minutes
LOWEST, HIGHEST = 0.05, 50.0  # April 2025 reached 35 times its trailing level
FREEDOM = (2.1, 60.0)
STEP = 5


@dataclass(frozen=True, slots=True)
class History:
    """One symbol's sessions: fine bars, and the typical variance known before each of them."""

    fine: Paths
    coarse: Paths
    variance: Floats  # of every session with either kind of bar, ascending
    levels: Floats  # mean variance of the sixty sessions before each fine one
    level: float  # of the last sixty


@dataclass(frozen=True, slots=True)
class Cases:
    """One case for each session, fixing and horizon. Arrays of the same length."""

    moved: Floats  # log move to the fixing
    minutes: Floats  # length of it
    typical: Floats  # variance a typical session has in them
    level: Floats
    ratios: Floats  # realised over expected: since the open, last 30, last 10; one row each
    seen: Floats  # minutes behind each ratio


def fit_curve(fine: Floats, coarse: Floats) -> Floats:
    """Return the minute shares of variance, adding to 1.

    Half hours from years of 30-minute squared returns, five minutes within them from the fewer
    5-minute ones. Each session is divided by its own variance first, so that no crash draws the
    curve. Neighbouring 5-minute shares are smoothed, but for those at the open and the close.
    """
    within = (fine / fine.sum(axis=1, keepdims=True)).mean(axis=0)
    smooth = np.convolve(within, (0.25, 0.5, 0.25), mode="same")
    smooth[:3], smooth[-3:] = within[:3], within[-3:]
    halves = (coarse / coarse.sum(axis=1, keepdims=True)).mean(axis=0)
    blocks = smooth.reshape(len(halves), -1)
    shares = (blocks / blocks.sum(axis=1, keepdims=True) * halves[:, None]).ravel()
    minutes = np.repeat(shares / STEP, STEP)
    rounded: Floats = np.round(minutes / minutes.sum(), 8)
    return rounded


def make_cases(history: History, curve: Floats, rows: slice) -> Cases:
    """Lay out every forecast of the chosen sessions."""
    logs, squares, levels = (
        history.fine.logs[rows],
        history.fine.squares[rows],
        history.levels[rows],
    )
    upto = np.concatenate([[0.0], np.cumsum(curve)])[::STEP]
    columns: list[Floats] = []
    for hour in FIXINGS:
        end = (hour * 60 - OPEN_MINUTE) // STEP
        for horizon in HORIZONS:
            start = end - horizon // STEP
            if start < 1:
                continue
            spans = [start, min(30 // STEP, start), min(10 // STEP, start)]
            ratios = [
                squares[:, start - n : start].sum(axis=1) / levels / (upto[start] - upto[start - n])
                for n in spans
            ]
            typical = levels * (upto[end] - upto[start])
            constants = [
                np.full(len(levels), float(x)) for x in (horizon, *(STEP * n for n in spans))
            ]
            moved = logs[:, end] - logs[:, start]
            columns.append(np.array([moved, typical, levels, *ratios, *constants]))
    moved, typical, level, open_, half, ten, horizon_, *seen = np.concatenate(columns, axis=1)
    return Cases(moved, horizon_, typical, level, np.array([open_, half, ten]), np.array(seen))


def forecasts(cases: Cases, mix: RegimeMix) -> Floats:
    """Return the variance forecast of each case, as ``pricing.variance.forecast`` makes it."""
    trusted = 1.0 + cases.seen / (cases.seen + mix.prior_minutes) * (cases.ratios - 1.0)
    regime = mix.baseline + np.array([mix.since_open, mix.last_30, mix.last_10]) @ trusted
    found: Floats = cases.typical * np.clip(regime, mix.lowest, mix.highest)
    return found


def qlike(moved: Floats, variance: Floats) -> float:
    """Return the mean quasi-likelihood loss log v + x^2 / v; smaller is better."""
    return float(np.mean(np.log(variance) + moved**2 / variance))


def fit_mix(cases: Cases) -> RegimeMix:
    """Return the mix with the least QLIKE: weights of 0 or more that add to 1, and the prior."""
    best: tuple[float, RegimeMix] | None = None
    for prior in PRIORS:

        def loss(weights: Floats, prior: float = prior) -> float:
            return qlike(cases.moved, forecasts(cases, _mix(weights, prior)))

        found = optimize.minimize(
            loss,
            np.array([0.4, 0.3, 0.1]),
            method="SLSQP",
            bounds=[(0.0, 1.0)] * 3,
            constraints={"type": "ineq", "fun": lambda w: 1.0 - w.sum()},
        )
        mix = _mix(found.x, prior)
        score = qlike(cases.moved, forecasts(cases, mix))
        if best is None or score < best[0]:
            best = score, mix
    assert best is not None
    return best[1]


def fit_freedom(cases: Cases, mix: RegimeMix) -> float:
    """Return the degrees of freedom of the likeliest unit-variance Student law."""
    z = cases.moved / np.sqrt(forecasts(cases, mix))
    found = optimize.minimize_scalar(
        lambda freedom: -student_log_density(z, freedom).mean(), bounds=FREEDOM, method="bounded"
    )
    return round(float(found.x), 3)


def normal_log_density(moved: Floats, variance: Floats) -> Floats:
    """Return the log density of each move under the normal law."""
    density: Floats = stats.norm.logpdf(moved, scale=np.sqrt(variance))
    return density


def student_log_density(z: Floats, freedom: float) -> Floats:
    """Return the log density of each standardised move under unit-variance Student."""
    density: Floats = stats.t.logpdf(z, freedom, scale=np.sqrt((freedom - 2.0) / freedom))
    return density


def _mix(weights: Floats, prior: float) -> RegimeMix:
    since_open, last_30, last_10 = (round(min(max(float(w), 0.0), 1.0), 4) for w in weights)
    baseline = max(0.0, round(1.0 - since_open - last_30 - last_10, 4))
    return RegimeMix(baseline, since_open, last_30, last_10, prior, LOWEST, HIGHEST)
