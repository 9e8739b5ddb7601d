"""The 10-year yield a day ahead, against a GARCH(1,1) with Student's law and a plain mean.

The recorded yields are the curve's own. The variance is that of ``families.ten_year``; the factor
of release days is fitted each year on the days before, where the dates of decisions and of price
releases are known. The first Friday of a month stands for the jobs report, as it nearly always was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from arch import arch_model
from numpy.typing import NDArray

from kalshi_alpha.markets.events import load_events
from kalshi_alpha.research.macro.series import Dated, wanted
from kalshi_alpha.research.macro.study import Ladder, Model, Study, smoothed
from kalshi_alpha.research.scores.shapes import Floats

_FIRST = date(1995, 1, 3)
START = 1000  # days before the first forecast that is kept
FAST, SLOW, FAST_SHARE = 0.06, 0.012, 0.5
_BP = 100.0  # in one percent point: GARCH is fitted in basis points


@dataclass(frozen=True, slots=True)
class Yields:
    """The recorded days.

    Attributes:
        days: of the curve.
        before: the yield of the day before, percent; [days].
        moved: the change since, percent points; [days].
        quiet: the variance expected of it on a day without releases; [days].
        listed: whether the day is known to have a release; [days].
    """

    days: Sequence[date]
    before: Floats
    moved: Floats
    quiet: Floats
    listed: NDArray[np.bool_]

    def factor(self, until: int) -> float:
        """Return the factor on the variance of listed days, from the days before ``until``."""
        squared = np.minimum(self.moved[:until] ** 2 / self.quiet[:until], 25.0)
        listed = self.listed[:until]
        if not listed.any() or listed.all():
            return 1.0
        return max(1.0, float(squared[listed].mean() / squared[~listed].mean()))


def yields_of(series: Mapping[str, Dated]) -> Yields:
    """Return the recorded days since 1995.

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
    events = load_events().values()
    listed = np.array([
        any(day in one for one in events) or (day.weekday() == 4 and day.day <= 7) for day in days
    ])  # fmt: skip
    return Yields(days, level[:-1], moved, quiet, listed)


def study(series: Mapping[str, Dated]) -> Study:
    """Return the study of daily yields since 1999.

    Raises:
        DataError: when yields are not recorded.
    """
    known = yields_of(series)
    start = float(np.mean(known.moved[:60] ** 2))
    one_year = smoothed(known.moved**2, 2.0 / 251.0, start)[:-1]
    widths = {
        "ours": np.sqrt(known.quiet * _release_factors(known)),
        "ours without releases": np.sqrt(known.quiet),
        "GARCH(1,1)-t": np.sqrt(_garch(known.days, known.moved)),
        "a year's variance": np.sqrt(np.concatenate([[start], one_year])),
    }
    keep = slice(START, None)
    return Study(
        name="10-year par yield a day ahead",
        unit="percent points",
        outcome=(known.before + known.moved)[keep],
        cluster=np.array([day.toordinal() // 7 for day in known.days[keep]], dtype=np.int64),
        models={name: Model(known.before[keep], width[keep]) for name, width in widths.items()},
        warm_up=500,
        refit=250,
        block=4,
        ladder=Ladder(known.before[keep], 0.01, 7, 0.005),
    )


def _release_factors(known: Yields) -> Floats:
    """Return each day's factor, fitted on the years before; 1 on days without a release."""
    years = np.array([day.year for day in known.days])
    found = np.ones(len(years))
    for year in np.unique(years)[4:]:
        now = years == year
        found[now & known.listed] = known.factor(int(np.argmax(now)))
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
