"""The 10-year yield a day ahead, against a GARCH(1,1) with Student's law and a plain mean.

The recorded yields are the curve's own. The variance is that of ``families.ten_year``; the factor
of release days is fitted each year on the days before, where the dates of decisions and of price
releases are known. The first Friday of a month stands for the jobs report, as it nearly always was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
from arch import arch_model

from kalshi_alpha.markets.events import load_events
from kalshi_alpha.research.macro.series import Dated, wanted
from kalshi_alpha.research.macro.study import Model, Study, smoothed
from kalshi_alpha.research.scores.shapes import Floats

_FIRST = date(1995, 1, 3)
_START = 1000  # days before the first forecast that is kept
FAST, SLOW, FAST_SHARE = 0.06, 0.012, 0.5
_BP = 100.0  # in one percent point: GARCH is fitted in basis points


def study(series: Mapping[str, Dated]) -> Study:
    """Return the study of daily yields since 1999.

    Raises:
        DataError: when yields are not recorded.
    """
    recorded = [(day, y) for day, y in wanted(series, "DGS10").items() if day >= _FIRST]
    days = [day for day, _ in recorded][1:]
    level = np.array([y for _, y in recorded])
    moved = np.diff(level)
    start = float(np.mean(moved[:60] ** 2))
    fast = FAST_SHARE * smoothed(moved**2, FAST, start)
    variance = fast + (1.0 - FAST_SHARE) * smoothed(moved**2, SLOW, start)
    quiet = np.concatenate([[start], variance[:-1]])
    keep = slice(_START, None)
    one_year = np.concatenate([[start], smoothed(moved**2, 2.0 / 251.0, start)[:-1]])
    widths = {
        "ours": np.sqrt(quiet * _release_factor(days, moved, quiet)),
        "ours without releases": np.sqrt(quiet),
        "GARCH(1,1)-t": np.sqrt(_garch(days, moved)),
        "a year's variance": np.sqrt(one_year),
    }
    return Study(
        name="10-year par yield a day ahead",
        unit="percent points",
        outcome=level[1:][keep],
        cluster=np.array([day.toordinal() // 7 for day in days[_START:]], dtype=np.int64),
        models={k: Model(level[:-1][keep], w[keep]) for k, w in widths.items()},
        warm_up=500,
        refit=250,
        block=4,
    )


def _release_factor(days: Sequence[date], moved: Floats, quiet: Floats) -> Floats:
    """Return the factor on each day's variance, 1 on days without a release."""
    events = load_events().values()
    listed = np.array([
        any(day in one for one in events) or (day.weekday() == 4 and day.day <= 7) for day in days
    ])  # fmt: skip
    years = np.array([day.year for day in days])
    squared = np.minimum(moved**2 / quiet, 25.0)
    found = np.ones(len(days))
    for year in np.unique(years)[4:]:
        past = years < year
        factor = squared[past & listed].mean() / squared[past & ~listed].mean()
        found[(years == year) & listed] = max(1.0, factor)
    return found


def _garch(days: Sequence[date], moved: Floats) -> Floats:
    """Return each day's variance by a GARCH(1,1)-t fitted on the years before its own."""
    years = np.array([day.year for day in days])
    points = moved * _BP
    found = np.full(len(points), float(np.mean(points[:60] ** 2)))
    for year in np.unique(years)[3:]:
        first = int(np.argmax(years == year))
        model = arch_model(points[:first], mean="Zero", vol="GARCH", p=1, q=1, dist="t")
        fitted = model.fit(disp="off", show_warning=False)
        omega, alpha, beta = (float(fitted.params[k]) for k in ("omega", "alpha[1]", "beta[1]"))
        variance = float(fitted.conditional_volatility[-1]) ** 2
        for k in range(first, len(points)):
            variance = omega + alpha * points[k - 1] ** 2 + beta * variance
            if years[k] != year:
                break
            found[k] = variance
    return found / _BP**2
