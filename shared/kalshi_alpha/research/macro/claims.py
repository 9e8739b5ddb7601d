"""Initial claims a week ahead, against last week, an AR(1) and the week a year ago.

The recorded figures are those after revision, of the week that is forecast and of the weeks before
alike. Each week the settings of ``families.claims`` are used that fitted best before that year. The
spring of 2020 is scored like any other; it is also told without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from kalshi_alpha.families.claims import Parameters, followed
from kalshi_alpha.research.macro.series import Dated, wanted
from kalshi_alpha.research.macro.study import Ladder, Model, Study, least_squares
from kalshi_alpha.research.scores.shapes import Floats

_FIRST = date(1990, 1, 6)
_YEAR = 52
START = 208  # weeks before the first forecast that is kept
SPREAD, WIDEST, SETTLING, VINTAGE = 0.06, 4.0, 26, 0.01
LEVELS = (0.3, 0.45, 0.6, 0.75, 0.9)
SEASONS = (0.0, 0.1, 0.2)


def weeks_of(series: Mapping[str, Dated]) -> tuple[Sequence[date], Floats]:
    """Return the recorded weeks since 1990 and their claims.

    Raises:
        DataError: when claims are not recorded.
    """
    recorded = [(day, n) for day, n in wanted(series, "ICSA").items() if day >= _FIRST]
    return [day for day, _ in recorded], np.array([n for _, n in recorded])


def study(series: Mapping[str, Dated], *, without: tuple[date, date] | None = None) -> Study:
    """Return the study of the weeks since 1994, ``without`` those between two days if given.

    Raises:
        DataError: when claims are not recorded.
    """
    days, claims = weeks_of(series)
    logs = np.log(claims)
    newest = np.concatenate([logs[:1], logs[:-1]])
    expected, spread = _best(days, logs)
    centres = {
        "last week": newest,
        "AR(1)": _autoregressive(logs),
        "a year ago": np.concatenate([logs[:_YEAR], logs[:-_YEAR]]),
    }
    left = [not (without and without[0] <= day <= without[1]) for day in days]
    keep = np.flatnonzero(np.array(left) & (np.arange(len(logs)) >= START))
    laws = {"ours": (expected, spread)}
    laws |= {name: (centre, _spread(logs - centre)) for name, centre in centres.items()}
    models = {
        name: Model(np.exp(centre)[keep], (np.exp(centre) * width)[keep])
        for name, (centre, width) in laws.items()
    }
    return Study(
        name="initial claims" + (", without March 2020 to June 2021" if without else ""),
        unit="persons",
        outcome=claims[keep],
        cluster=np.arange(len(keep)),
        models=models,
        warm_up=104,
        refit=_YEAR,
        block=8,
        ladder=Ladder(np.exp(newest)[keep], 5_000.0, 5, -500.0),
    )


def best_before(logs: Floats, week: int) -> Parameters:
    """Return the settings that fitted the weeks before ``week`` best."""
    return min(
        (settings(level, season) for level in LEVELS for season in SEASONS),
        key=lambda one: float(_losses(logs, one)[:week].sum()),
    )


def settings(level: float, season: float) -> Parameters:
    """Return a family's settings with these two, and what was set by hand."""
    return Parameters(level, season, SPREAD, WIDEST, SETTLING, 1.0, 1.0, VINTAGE, 5.0)


def followed_by(logs: Floats, one: Parameters) -> tuple[Floats, Floats]:
    """Return what the family expects of each week, and its spread."""
    centres, variances = followed(logs.tolist(), one)
    return np.array(centres[:-1]), np.sqrt(np.array(variances[:-1]))


def _losses(logs: Floats, one: Parameters) -> Floats:
    found: Floats = np.minimum(np.abs(logs - followed_by(logs, one)[0]), 0.25)
    return found


def _best(days: Sequence[date], logs: Floats) -> tuple[Floats, Floats]:
    """Return each week's expectation and spread by the settings best before its year."""
    tried = [settings(level, season) for level in LEVELS for season in SEASONS]
    told = [followed_by(logs, one) for one in tried]
    losses = [np.cumsum(_losses(logs, one)) for one in tried]
    years = np.array([day.year for day in days])
    centres, spreads = np.empty(len(logs)), np.empty(len(logs))
    for year in np.unique(years):
        now = years == year
        first = int(np.argmax(now))
        best = min(range(len(tried)), key=lambda k: float(losses[k][first - 1]) if first else 0.0)
        centres[now], spreads[now] = told[best][0][now], told[best][1][now]
    return centres, spreads


def _autoregressive(logs: Floats) -> Floats:
    """Return the forecasts of an AR(1), refitted every quarter on the past."""
    found = np.concatenate([logs[:1], logs[:-1]])
    rows = np.column_stack([np.ones(len(logs) - 1), logs[:-1]])
    for start in range(_YEAR, len(logs), 13):
        past = slice(0, start - 1)
        weights = least_squares(rows[past], logs[1:start], np.ones(start - 1), np.zeros(2))
        here = slice(start, start + 13)
        found[here] = rows[start - 1 : start + 12] @ weights
    return found


def _spread(errors: Floats) -> Floats:
    """Return each week's spread from the errors before it, wild ones cut."""
    found, variance = np.empty(len(errors)), 0.04**2
    for k, error in enumerate(errors):
        found[k] = np.sqrt(variance)
        counted = min(error * error, WIDEST**2 * variance)
        variance += SPREAD * (counted - variance)
    return found
