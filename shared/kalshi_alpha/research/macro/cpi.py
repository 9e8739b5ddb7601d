"""Consumer prices, one month's change, against last month, last year, an AR(1) and a nowcast.

Known before a month's release: the indexes to the month before and the month's own gasoline. The
adjusted indexes are recorded as revised since, which favours every model alike; those that are not
adjusted are never revised. Months beside the one that was never published are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np

from kalshi_alpha.families.cpi import months_before
from kalshi_alpha.research.macro.series import Dated, wanted
from kalshi_alpha.research.macro.study import Model, Study, least_squares
from kalshi_alpha.research.scores.shapes import Floats

_YEAR = 12
_FIRST = date(1992, 1, 1)
_FIRST_FIT = 60
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


def study(series: Mapping[str, Dated], index: str, name: str) -> Study:
    """Return the study of an index's one-month change.

    Raises:
        DataError: when a series is not recorded.
    """
    moved = changes(wanted(series, index))
    gasoline = gasoline_changes(wanted(series, "GASREGW"))
    months = _months(moved, gasoline)
    outcome = np.array([moved[month] for month in months])
    newest = np.array([moved[months_before(month, 1)] for month in months])
    one = np.ones(len(months))
    rows = np.column_stack([
        one,
        [np.mean([moved[months_before(m, b)] for b in range(1, _YEAR + 1)]) for m in months],
        newest,
        [gasoline[m] for m in months],
        [gasoline.get(months_before(m, 1), 0.0) for m in months],
        [[m.month == k for k in range(1, _YEAR + 1)] for m in months],
    ]).astype(np.float64)  # fmt: skip
    ridge = np.zeros(rows.shape[1])
    ridge[-_YEAR:] = _HABIT
    year_ago = np.array([moved[months_before(month, _YEAR)] for month in months])
    middles = {
        "ours": _walk(rows, outcome, ridge),
        "last month": newest,
        "a year ago": year_ago,
        "AR(1)": _walk(np.column_stack([one, newest]), outcome, np.zeros(2)),
    }
    keep = slice(_FIRST_FIT, None)
    return Study(
        name=name,
        unit="percent",
        outcome=outcome[keep],
        cluster=np.arange(len(months) - _FIRST_FIT),
        models={k: Model(v[keep], one[keep]) for k, v in middles.items()},
        warm_up=60,
        refit=_YEAR,
        block=3,
    )


def with_nowcast(series: Mapping[str, Dated], nowcasts: Mapping[date, Dated]) -> Study:
    """Return the study of the unadjusted index over the months that have a nowcast.

    ``nowcasts`` holds, by target month, the nowcast of the change over twelve months by day. The
    one used is the last labelled before the tenth of the month after, and one day older: before
    any release. As a one-month change it is what the index must then be over the one before it.
    """
    index = wanted(series, "CPIAUCNS")
    whole = study(series, "CPIAUCNS", "consumer prices, unadjusted, months with a nowcast")
    moved, gasoline = changes(index), gasoline_changes(wanted(series, "GASREGW"))
    months = _months(moved, gasoline)[_FIRST_FIT:]
    known = [_last_known(nowcasts.get(month, {}), month) for month in months]
    keep = [k for k, value in enumerate(known) if value is not None]
    implied = np.array([
        100.0 * (
            index[months_before(months[k], _YEAR)] * (1.0 + (known[k] or 0.0) / 100.0)
            / index[months_before(months[k], 1)] - 1.0
        )
        for k in keep
    ])  # fmt: skip
    outcome = whole.outcome[keep]
    alone = {name: model.centre[keep] for name, model in whole.models.items()}
    one = np.ones(len(keep))
    middles = {**alone, "ours without it": alone["ours"], "nowcast alone": implied}
    middles["ours"] = _mixed(alone["ours"], implied, outcome)
    return Study(
        name=whole.name,
        unit=whole.unit,
        outcome=outcome,
        cluster=np.arange(len(keep)),
        models={name: Model(middle, one) for name, middle in middles.items()},
        warm_up=36,
        refit=_YEAR,
        block=3,
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


def _last_known(labelled: Dated, month: date) -> float | None:
    end = months_before(month, -1).replace(day=10) - timedelta(days=1)
    days = [day for day in labelled if day < end]
    return labelled[max(days)] if days else None


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


def _walk(rows: Floats, outcome: Floats, ridge: Floats) -> Floats:
    found = np.zeros(len(outcome))
    for k in range(_FIRST_FIT, len(outcome)):
        weight = 0.5 ** (np.arange(k)[::-1] / _MEMORY)
        found[k] = rows[k] @ least_squares(rows[:k], outcome[:k], weight, ridge)
    return found
