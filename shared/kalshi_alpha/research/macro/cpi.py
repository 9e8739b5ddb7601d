"""Consumer prices over one month and twelve, against the last print, an AR(1) and a nowcast.

Known before a month's release: the indexes to the month before and the month's own gasoline. The
adjusted indexes are recorded as revised since, which favours every model alike; those that are not
adjusted are never revised. Months beside the one that was never published are left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from kalshi_alpha.families.cpi import months_before
from kalshi_alpha.research.macro.series import Dated, wanted
from kalshi_alpha.research.macro.study import Ladder, Model, Study, least_squares
from kalshi_alpha.research.scores.shapes import Floats

_YEAR = 12
_FIRST = date(1992, 1, 1)
FIRST_FIT = 60  # months
_FIXED = 5  # coefficients before the months' habits
_HABIT = 3.0  # pull of the months' habits towards none
_MEMORY = 180.0  # months after which a month counts half


def changes(index: Dated) -> Dated:
    """Return the percent change over the calendar month before, where both are published."""
    found = {}
    for month, level in index.items():
        before = index.get(months_before(month, 1))
        if before is not None:
            found[month] = 100.0 * (level / before - 1.0)
    return found


def gasoline_changes(weekly: Dated) -> Dated:
    """Return the percent change of the months' averages of a weekly price."""
    sums: dict[date, list[float]] = {}
    for day, price in weekly.items():
        sums.setdefault(day.replace(day=1), []).append(price)
    return changes({month: sum(prices) / len(prices) for month, prices in sums.items()})


@dataclass(frozen=True, slots=True)
class Design:
    """The months of an index that can be forecast, and what is known before each.

    Attributes:
        index: published levels by month.
        months: whose change, year before and gasoline are all known, ascending.
        rows: constant, mean of the year before, newest, gasoline, gasoline before, twelve habits.
        outcome: the months' changes, percent.
        newest: the change of the month before.
        year_ago: that of the same month a year before.
    """

    index: Dated
    months: Sequence[date]
    rows: Floats
    outcome: Floats
    newest: Floats
    year_ago: Floats

    def levels(self, before: int) -> Floats:
        """Return the index so many months before each month; NaN where it was not published."""
        return np.array(
            [self.index.get(months_before(month, before), np.nan) for month in self.months]
        )


def design(series: Mapping[str, Dated], index: str) -> Design:
    """Return the design of an index.

    Raises:
        DataError: when it or gasoline is not recorded.
    """
    levels = wanted(series, index)
    moved, gasoline = changes(levels), gasoline_changes(wanted(series, "GASREGW"))
    months = _months(moved, gasoline)
    newest = np.array([moved[months_before(month, 1)] for month in months])
    rows = np.column_stack([
        np.ones(len(months)),
        [np.mean([moved[months_before(m, b)] for b in range(1, _YEAR + 1)]) for m in months],
        newest,
        [gasoline[m] for m in months],
        [gasoline.get(months_before(m, 1), 0.0) for m in months],
        [[m.month == k for k in range(1, _YEAR + 1)] for m in months],
    ]).astype(np.float64)  # fmt: skip
    return Design(
        levels,
        months,
        rows,
        np.array([moved[month] for month in months]),
        newest,
        np.array([moved[months_before(month, _YEAR)] for month in months]),
    )


def weights(rows: Floats, outcome: Floats) -> Floats:
    """Return the coefficients fitted to months in time, the newest counting most."""
    ridge = np.zeros(rows.shape[1])
    ridge[_FIXED:] = _HABIT
    memory = 0.5 ** (np.arange(len(outcome))[::-1] / _MEMORY)
    return least_squares(rows, outcome, memory, ridge)


def walk(rows: Floats, outcome: Floats) -> Floats:
    """Return what was expected of each month by coefficients of the months before; 0 at first."""
    found = np.zeros(len(outcome))
    for k in range(FIRST_FIT, len(outcome)):
        found[k] = rows[k] @ weights(rows[:k], outcome[:k])
    return found


def study(series: Mapping[str, Dated], index: str, name: str) -> Study:
    """Return the study of an index's one-month change.

    Raises:
        DataError: when a series is not recorded.
    """
    made = design(series, index)
    one = np.ones(len(made.months))
    middles = {
        "ours": walk(made.rows, made.outcome),
        "last month": made.newest,
        "a year ago": made.year_ago,
        "AR(1)": walk(np.column_stack([one, made.newest]), made.outcome),
    }
    keep = slice(FIRST_FIT, None)
    anchor = np.round(made.rows[keep, 1], 1)  # of the year before
    return _study(name, made.outcome[keep], {k: v[keep] for k, v in middles.items()}, anchor)


def over_twelve_months(series: Mapping[str, Dated], index: str, name: str) -> Study:
    """Return the study of an index's change over twelve months.

    What is not known of it is the change of the last of them; a print like the last one is also
    what the same month's change of the year before would give.

    Raises:
        DataError: when a series is not recorded.
    """
    made = design(series, index)
    growth = made.levels(1) / made.levels(_YEAR)
    outcome = 100.0 * ((1.0 + made.outcome / 100.0) * growth - 1.0)
    last = 100.0 * (made.levels(1) / made.levels(_YEAR + 1) - 1.0)
    keep = np.flatnonzero(np.isfinite(outcome) & np.isfinite(last))
    keep = keep[keep >= FIRST_FIT]
    ours = 100.0 * ((1.0 + walk(made.rows, made.outcome) / 100.0) * growth - 1.0)
    two = np.column_stack([np.ones(len(last)), last])
    middles = {"ours": ours, "last print": last, "AR(1)": walk(two, outcome)}
    return _study(name, outcome[keep], {k: v[keep] for k, v in middles.items()}, last[keep])


def with_nowcast(
    series: Mapping[str, Dated], nowcasts: Mapping[date, Dated], *, span: int = 1
) -> Study:
    """Return the study of the unadjusted index over the months that have a nowcast.

    ``nowcasts`` holds, by target month, the nowcast of the change over twelve months by day. The
    one used is the last labelled before the tenth of the month after, and one day older: before
    any release. As a one-month change it is what the index must then be over the one before it.
    ``span`` is 1 for the change over a month or 12 for that over a year.
    """
    made = design(series, "CPIAUCNS")
    growth = made.levels(1) / made.levels(_YEAR)
    known = np.array([_last_known(nowcasts.get(month, {}), month) for month in made.months])
    keep = np.flatnonzero(np.isfinite(known) & np.isfinite(growth))
    keep = keep[keep >= FIRST_FIT]
    months = {
        "ours without it": walk(made.rows, made.outcome)[keep],
        "nowcast alone": 100.0 * ((1.0 + known / 100.0) / growth - 1.0)[keep],
        "last month": made.newest[keep],
    }
    outcome = made.outcome[keep]
    ours = _mixed(months["ours without it"], months["nowcast alone"], outcome)
    middles = {"ours": ours} | months
    anchor = np.round(made.rows[keep, 1], 1)
    if span == _YEAR:
        year = growth[keep]
        outcome, anchor, *rest = (
            100.0 * ((1.0 + change / 100.0) * year - 1.0)
            for change in (outcome, made.year_ago[keep], *middles.values())
        )
        middles = dict(zip(middles, rest, strict=True))
    what = "one month" if span == 1 else "twelve months"
    name = f"consumer prices, unadjusted, {what}, months with a nowcast"
    return _study(name, outcome, middles, anchor, warm_up=36)


def _study(
    name: str,
    outcome: Floats,
    middles: Mapping[str, Floats],
    anchor: Floats,
    warm_up: int = 60,
) -> Study:
    one = np.ones(len(outcome))
    return Study(
        name=name,
        unit="percent",
        outcome=outcome,
        cluster=np.arange(len(outcome)),
        models={k: Model(v, one) for k, v in middles.items()},
        warm_up=warm_up,
        refit=_YEAR,
        block=3,
        ladder=Ladder(anchor, 0.1, 5, 0.05),
    )


def _months(moved: Dated, gasoline: Dated) -> list[date]:
    """Return the months whose change, year before and gasoline are all known."""
    return [
        month
        for month in moved
        if month >= _FIRST
        and month in gasoline
        and all(months_before(month, back) in moved for back in range(1, _YEAR + 1))
    ]


def _last_known(labelled: Dated, month: date) -> float:
    end = months_before(month, -1).replace(day=10) - timedelta(days=1)
    days = [day for day in labelled if day < end]
    return labelled[max(days)] if days else math.nan


def _mixed(ours: Floats, other: Floats, outcome: Floats) -> Floats:
    """Return ours moved towards the other by the weight that past releases ask for.

    Two years of releases are laid beside them in which the weight was none.
    """
    found = ours.copy()
    for k in range(12, len(ours)):
        apart = (other - ours)[:k]
        square = float(apart @ apart)
        weight = float(apart @ (outcome - ours)[:k]) / (square * (1.0 + 24.0 / k))
        found[k] += min(max(weight, 0.0), 1.0) * (other[k] - ours[k])
    return found
