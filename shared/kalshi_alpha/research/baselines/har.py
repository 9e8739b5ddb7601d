"""The heterogeneous autoregression of realised volatility, spread by the time of day.

Corsi, Journal of Financial Econometrics 7 (2009): the volatility of a session is regressed on the
volatility of the last day, of the last week and of the last month.
"""

from __future__ import annotations

import numpy as np

from kalshi_alpha.research.baselines.history import CaseGrid, SessionHistory
from kalshi_alpha.research.baselines.seasonal import shares
from kalshi_alpha.research.scores.forecasts import Forecasts
from kalshi_alpha.research.scores.shapes import Floats, Normal

LAGS = (1, 5, 22)  # sessions: a day, a week, a month
FEWEST = 40  # sessions: a month before the first regression, and 18 of them for four numbers
_UNIT = 1e4  # basis points: the regressors are then of the constant's kind of size


def har(history: SessionHistory, cases: CaseGrid) -> Forecasts:
    """Return the session's volatility, forecast anew each morning, by the root of the share.

    The regression is of volatilities, the roots of realised variances, on all sessions before; its
    forecast is the scale. A forecast outside all volatilities seen is drawn to their bounds.

    Raises:
        DataError: with fewer than 40 sessions before a case.
    """
    series = history.variances
    known = history.known(series, cases.day, FEWEST, "har")
    volatility = session_volatilities(series.values)[known]
    return Forecasts.of_one_shape(volatility * np.sqrt(shares(history, cases, "har")), Normal())


def session_volatilities(variances: Floats) -> Floats:
    """Return the volatility of session k as forecast from those before it; [sessions + 1].

    Ordinary least squares over all earlier sessions, refitted for each k; NaN for the first 40.
    """
    count = len(variances)
    sums = np.concatenate([[0.0], np.cumsum(variances)]) * _UNIT**2
    place = np.arange(LAGS[-1], count + 1)
    means = [np.sqrt((sums[place] - sums[place - lag]) / lag) for lag in LAGS]
    design = np.column_stack([np.ones(len(place)), *means])
    volatility = np.sqrt(variances) * _UNIT
    past, target = design[:-1], volatility[LAGS[-1] :]
    squares = np.cumsum(past[:, :, None] * past[:, None, :], axis=0)
    products = np.cumsum(past * target[:, None], axis=0)
    # Row j of the sums holds sessions up to LAGS[-1] + j: it forecasts the one after.
    first = FEWEST - LAGS[-1] - 1
    slopes = np.linalg.solve(squares[first:], products[first:, :, None])[:, :, 0]
    raw = np.sum(design[first + 1 :] * slopes, axis=1)
    lowest = np.minimum.accumulate(volatility)[FEWEST - 1 :]
    highest = np.maximum.accumulate(volatility)[FEWEST - 1 :]
    found = np.full(count + 1, np.nan)
    found[FEWEST:] = np.clip(raw, lowest, highest) / _UNIT
    return found
