"""What the fit is made of: forecasts laid out as cases, the curve, the mix and the tails."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from kalshi_alpha.pricing.reading import RECENT, SHORT
from kalshi_alpha.pricing.variance import SESSION_MINUTES, RegimeMix
from kalshi_alpha.research.bars import OPEN_MINUTE, Floats, Paths

TRAILING = 60  # sessions a typical one is the mean of
HORIZONS = (30, 25, 20, 15, 10, 5)  # minutes before a fixing; bars of five allow no less
FIXINGS = tuple(range(10, 17))  # New York hours
PRIORS = (2.0, 5.0, 10.0, 20.0)  # candidates for the mix's prior minutes
LOWEST, HIGHEST = 0.05, 100.0  # 9 April 2025 went beyond 50 times its trailing level
FREEDOM = (2.1, 60.0)
WINDOWS = (SESSION_MINUTES, RECENT, SHORT)
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
    level: Floats  # variance of a typical session
    ratios: Floats  # realised over expected: since the open, last 30, last 10; one row each
    seen: Floats  # minutes behind each ratio
    recent: Floats  # log move of the last ten minutes
    session: Floats  # which session, from 0


def fit_curve(fine: Floats, coarse: Floats) -> Floats:
    """Return the minute shares of variance, adding to 1.

    Half hours from years of 30-minute squared returns, five minutes within them from the fewer
    5-minute ones. Neighbouring 5-minute shares are smoothed, but for those at the open and the
    close.
    """
    within, halves = _shares(fine), _shares(coarse)
    smooth = np.convolve(within, (0.25, 0.5, 0.25), mode="same")
    smooth[:3], smooth[-3:] = within[:3], within[-3:]
    blocks = smooth.reshape(len(halves), -1)
    shares = (blocks / blocks.sum(axis=1, keepdims=True) * halves[:, None]).ravel()
    minutes = np.repeat(shares / STEP, STEP)
    rounded: Floats = np.round(minutes / minutes.sum(), 8)
    return rounded


def _shares(squares: Floats) -> Floats:
    """Return the share of each bar where a bar's variance is its share times its session's.

    Each session's liveliness is the mean of its bars, each over its share, so that no crash draws
    the curve and every bar weighs alike in it. Shares and liveliness are found in turns.
    """
    shares = np.full(squares.shape[1], 1.0 / squares.shape[1])
    for _ in range(50):
        lively = (squares / shares).mean(axis=1, keepdims=True)
        shares = (squares / lively).mean(axis=0)
        shares /= shares.sum()
    return shares


def make_cases(history: History, curve: Floats, rows: slice) -> Cases:
    """Lay out every forecast of the chosen sessions."""
    logs, levels = history.fine.logs[rows], history.levels[rows]
    realised = np.pad(np.cumsum(history.fine.squares[rows], axis=1), ((0, 0), (1, 0)))
    upto = np.concatenate([[0.0], np.cumsum(curve)])[::STEP]
    session = np.arange(len(levels), dtype=np.float64)
    columns: list[Floats] = []
    for hour in FIXINGS:
        end = (hour * 60 - OPEN_MINUTE) // STEP
        for horizon in HORIZONS:
            start = end - horizon // STEP
            if start < 1:
                continue
            bars = [min(window // STEP, start) for window in WINDOWS]
            ratios = [
                (realised[:, start] - realised[:, start - n])
                / (levels * (upto[start] - upto[start - n]))
                for n in bars
            ]
            seen = [np.full(len(levels), float(STEP * n)) for n in bars]
            moved, recent = logs[:, end] - logs[:, start], logs[:, start] - logs[:, start - bars[2]]
            typical = levels * (upto[end] - upto[start])
            minutes = np.full(len(levels), float(horizon))
            columns.append(
                np.array([moved, minutes, typical, levels, *ratios, *seen, recent, session])
            )
    table = np.concatenate(columns, axis=1)
    return Cases(
        moved=table[0],
        minutes=table[1],
        typical=table[2],
        level=table[3],
        ratios=table[4:7],
        seen=table[7:10],
        recent=table[10],
        session=table[11],
    )


def forecasts(cases: Cases, mix: RegimeMix) -> Floats:
    """Return the variance forecast of each case, as ``pricing.variance.forecast`` makes it."""
    weights = np.array([mix.baseline, mix.since_open, mix.last_30, mix.last_10])
    return _forecasts(cases, weights, mix.prior_minutes)


def _forecasts(cases: Cases, weights: Floats, prior: float) -> Floats:
    trusted = 1.0 + cases.seen / (cases.seen + prior) * (cases.ratios - 1.0)
    regime = weights[0] + weights[1:] @ trusted
    found: Floats = cases.typical * np.clip(regime, LOWEST, HIGHEST)
    return found


def qlike(moved: Floats, variance: Floats) -> float:
    """Return the mean quasi-likelihood loss log v + x^2 / v; smaller is better."""
    return float(np.mean(np.log(variance) + moved**2 / variance))


def fit_mix(cases: Cases) -> RegimeMix:
    """Return the mix with the least QLIKE: weights of 0 or more that add to 1, and the prior."""
    found = [_fit_weights(cases, prior) for prior in PRIORS]
    best = min(range(len(PRIORS)), key=lambda k: float(found[k].fun))
    weights = np.round(np.clip(found[best].x, 0.0, 1.0), 3)
    weights[np.argmax(weights)] += 1.0 - weights.sum()  # what rounding took or gave
    baseline, since_open, last_30, last_10 = (round(float(w), 3) for w in weights)
    return RegimeMix(baseline, since_open, last_30, last_10, PRIORS[best], LOWEST, HIGHEST)


def _fit_weights(cases: Cases, prior: float) -> optimize.OptimizeResult:
    return optimize.minimize(
        lambda weights: qlike(cases.moved, _forecasts(cases, weights, prior)),
        np.full(4, 0.25),
        method="SLSQP",
        bounds=[(0.0, 1.0)] * 4,
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1.0},
    )


def fit_momentum(cases: Cases, mix: RegimeMix) -> tuple[float, float]:
    """Return the part of the last ten minutes' move that goes on, and its standard error.

    Least squares weighted by the forecast, with errors that may be alike within a session.
    """
    weights = 1.0 / forecasts(cases, mix)
    information = float(np.sum(weights * cases.recent**2))
    slope = float(np.sum(weights * cases.recent * cases.moved)) / information
    scores = weights * cases.recent * (cases.moved - slope * cases.recent)
    by_session = np.bincount(cases.session.astype(np.int64), weights=scores)
    return slope, float(np.sqrt(np.sum(by_session**2))) / information


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
