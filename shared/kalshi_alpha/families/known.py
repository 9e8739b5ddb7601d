"""From series as they are known to the reading a family prices: history, and what stands beside it.

A month's gasoline is the mean of its Mondays, and a month that still lacks one has no mean: the
mean of the others would be that of another month. A figure that was due is waited for, not left
out, because a law that stands on the one before would be too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.errors import DataError, StaleDataError
from kalshi_alpha.families.cpi import months_before
from kalshi_alpha.markets.macro import MacroSeries
from kalshi_alpha.markets.releases import Release, Releases, load_releases
from kalshi_alpha.pricing.macro_reading import MacroReading, Point

GASOLINE = "eia-regular"
_MOST = 600  # periods; no family looks back further
_MONDAY = 0
_LOOKS_BACK = timedelta(days=75)  # over the longest wait between two figures, a lapse included
_LEAD = timedelta(days=14)  # the first releases of a calendar are of periods before it
# From a release until every source has it, by kind.
_SPREAD_WITHIN: Mapping[str, timedelta] = {
    "par_yield": timedelta(hours=5),  # quotes of 15:30, published towards the evening
    "aaa": timedelta(hours=8),
    "eia": timedelta(hours=24),
}
_USUALLY = timedelta(hours=2)
_NOWCASTS: Mapping[str, str] = {"cpi-sa": "cpi", "core-cpi-sa": "core-cpi"}


def needed(series: MacroSeries, release: Release, *, nowcast: bool = False) -> tuple[str, ...]:
    """Return the names of the series of figures that a law needs, the one it settles on first.

    ``nowcast`` asks for the one-month nowcast too, where one of that figure exists.
    """
    names = [series.figure]
    if series.family == "cpi":
        names.append(GASOLINE)
        if nowcast and series.figure in _NOWCASTS:
            names.append(f"nowcast-month-{_NOWCASTS[series.figure]}-{release.period:%Y-%m}")
    return tuple(names)


def reading_of(
    series: MacroSeries,
    release: Release,
    known: Mapping[str, Sequence[Point]],
    now: datetime,
    calendar: Releases | None = None,
) -> MacroReading:
    """Return the reading of a figure before its release.

    Args:
        series: whose figure it is.
        release: what is to be priced.
        known: what ``needed`` names, by name: points known at ``now``, ascending.
        now: aware.
        calendar: of releases; the shipped one by default.

    Raises:
        StaleDataError: when a figure has come out since that is not known.
        DataError: when nothing is known, or a month of gasoline is not whole.
    """
    history = tuple(known[series.figure][-_MOST:])
    reading = MacroReading(series.figure, history, now)
    due = newest_due(series.release, now, calendar or load_releases())
    if due is not None and reading.last[0] < due.period:
        raise StaleDataError(
            f"{series.figure} ends with {reading.last[0]}, and that of {due.period} came out on "
            f"{due.at.astimezone(NEW_YORK):%Y-%m-%d %H:%M}: it has not been read"
        )
    return replace(reading, beside=_beside(release, known, now))


def newest_due(kind: str, now: datetime, calendar: Releases) -> Release | None:
    """Return the newest release of a kind that every source must have by ``now``; None before any.

    Raises:
        DataError: when the calendar does not speak of today.
    """
    began = datetime.combine(calendar.first + _LEAD, time(), NEW_YORK)
    until = now - _SPREAD_WITHIN.get(kind, _USUALLY)
    found = calendar.between(kind, max(began, until - _LOOKS_BACK), until)
    return max(found, key=lambda release: release.period, default=None)


def gasoline_change(weekly: Sequence[Point], month: date) -> float:
    """Return by how many percent a month's mean of a weekly price stands over the month before.

    Raises:
        DataError: when one of the two lacks a Monday, or has a price that is not above 0.
    """
    prices = dict(weekly)
    now, before = (_mean_of_month(prices, one) for one in (month, months_before(month, 1)))
    return 100.0 * (now / before - 1.0)


def _mean_of_month(prices: Mapping[date, float], month: date) -> float:
    last = months_before(month, -1)
    days = (month + timedelta(days=k) for k in range((last - month).days))
    mondays = [day for day in days if day.weekday() == _MONDAY]
    lacking = [day for day in mondays if not prices.get(day, 0.0) > 0]
    if lacking:
        raise DataError(
            f"the gasoline survey has no price above 0 for {lacking[0]}, so {month:%Y-%m} has no "
            "mean yet: price it once the survey is whole"
        )
    return math.fsum(prices[day] for day in mondays) / len(mondays)


def _beside(
    release: Release, known: Mapping[str, Sequence[Point]], now: datetime
) -> dict[str, float]:
    found = {}
    if GASOLINE in known:
        before = months_before(release.period, 1)
        found["gasoline_change"] = gasoline_change(known[GASOLINE], release.period)
        found["gasoline_change_before"] = gasoline_change(known[GASOLINE], before)
    today = now.astimezone(NEW_YORK).date()
    for name, points in known.items():
        # A value labelled with a day counts as known from the next.
        labelled = [value for day, value in points if day < today]
        if name.startswith("nowcast-") and labelled:
            found["nowcast"] = labelled[-1]
    return found
