"""GARCH(1,1) with Student errors on daily closes, spread by the time of day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from arch import arch_model
from scipy import signal

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.baselines.history import CaseGrid, SessionHistory
from kalshi_alpha.research.baselines.seasonal import CURVE_SESSIONS, shares
from kalshi_alpha.research.scores.forecasts import Forecasts
from kalshi_alpha.research.scores.shapes import Floats, Ints, StudentT

RETURNS = 2_500  # daily returns a fit sees: some ten years
REFIT = 5  # sessions between fits
FEWEST = 30  # returns: poor, but what a file of two months has
_PERCENT = 100.0  # the likelihood's search is stable for returns near 1


@dataclass(frozen=True, slots=True)
class Garch:
    """One fit: h' = omega + alpha e^2 + beta h, returns in per cent."""

    mean: float
    omega: float
    alpha: float
    beta: float
    freedom: float
    begin: float  # variance before the first return, that of all the fit saw

    def variances(self, returns: Floats) -> Floats:
        """Return the variance of each return as forecast before it, and of the next one."""
        squares = (returns * _PERCENT - self.mean) ** 2
        pushed = self.omega + self.alpha * squares
        found = signal.lfilter([1.0], [1.0, -self.beta], pushed, zi=[self.beta * self.begin])[0]
        return np.concatenate([[self.begin], found]) / _PERCENT**2


def fit_garch(returns: Floats) -> Garch:
    """Fit by maximum likelihood.

    Raises:
        DataError: when the search ends nowhere.
    """
    model = arch_model(
        returns * _PERCENT, mean="Constant", vol="GARCH", p=1, q=1, dist="t", rescale=False
    )
    found = model.fit(disp="off", show_warning=False).params.to_numpy()
    if not np.isfinite(found).all():
        raise DataError(
            f"no GARCH fits {len(returns)} daily returns: give a longer history of closes"
        )
    mean, omega, alpha, beta, freedom = (float(x) for x in found)
    begin = float(np.mean((returns * _PERCENT - mean) ** 2))
    return Garch(mean, omega, alpha, beta, freedom, begin)


def garch_t(history: SessionHistory, cases: CaseGrid) -> Forecasts:
    """Return the day's variance by its open-to-close part and the interval's share of it.

    Fitted on up to 2,500 returns between closes, anew every fifth session; between fits the
    parameters stand and the variance goes on. The open-to-close part is the mean ratio of realised
    to forecast variance over the last 250 sessions. The shape is the fitted Student law.

    Raises:
        DataError: with fewer than 30 daily returns before a case, 20 sessions, or no fit.
    """
    part = shares(history, cases, "garch_t")
    closes, realised = history.daily, history.variances
    history.known(closes, cases.day - cases.day % REFIT, FEWEST + 1, "garch_t")
    history.known(realised, cases.day, 1, "garch_t")
    wanted, place = np.unique(cases.day, return_inverse=True)
    fits, fit_of = np.unique(wanted - wanted % REFIT, return_inverse=True)
    variance, shapes = np.empty(len(wanted)), []
    for k, begin in enumerate(fits):
        until = closes.known_before((history.days[begin],))[0]
        returns = np.diff(closes.values[max(0, until - RETURNS - 1) : until])
        fitted = fit_garch(returns)
        shapes.append(StudentT(fitted.freedom))
        days = wanted[fit_of == k]
        variance[fit_of == k] = _sessions(fitted, history, days, int(until - len(returns) - 1))
    scale = np.sqrt(variance[place] * part)
    return Forecasts(np.zeros_like(scale), scale, tuple(shapes), fit_of[place])


def _sessions(fitted: Garch, history: SessionHistory, days: Ints, begin: int) -> Floats:
    """Return the variance from open to close of some sessions, with one fit.

    Args:
        fitted: made on the closes from ``begin`` on.
        history: the sessions.
        days: their places.
        begin: the first close used.
    """
    closes, realised = history.daily, history.variances
    wanted = tuple(history.days[day] for day in days)
    known, seen = closes.known_before(wanted), realised.known_before(wanted)
    daily = fitted.variances(np.diff(closes.values[begin : int(known.max())]))
    # The forecast for a day follows the return into the last close before it.
    at = closes.known_before(realised.days) - 1 - begin
    found = np.empty(len(days))
    for k in range(len(days)):
        window = slice(max(0, int(seen[k]) - CURVE_SESSIONS), int(seen[k]))
        usable = at[window] > 0
        ratios = realised.values[window][usable] / daily[at[window][usable]]
        found[k] = daily[known[k] - 1 - begin] * ratios.mean()
    return found
