"""Consumer prices: one month's change and twelve months', as printed to a tenth of a percent.

What is unknown is the published index. Its change over the month before is expected from its own
past year, from gasoline, from the month's own habit and, when there is one, from a nowcast; the
print is then the change of one published index over another. Months pair by calendar, so a month
that was never published leaves no change. docs/math/macro.md has the formulas and figures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.releases import Release
from kalshi_alpha.pricing.macro_reading import MacroReading, Point
from kalshi_alpha.pricing.print_law import PercentOfIndex, PrintLaw, student

INDEX_GRID = 1000  # the agency publishes three decimals
_YEAR = 12
_FEWEST_CHANGES = 6  # of the year before, for the trend to mean anything


@dataclass(frozen=True, slots=True)
class Parameters:
    """What the change of the index over one month is expected to be. Percent of the month before.

    Attributes:
        span: whether the print is the change over one month or over twelve.
        constant: of the expected change.
        trend: weight of the mean change of the year before.
        newest: weight of the change of the month before; where that month has none, the mean of
            the year before stands for it, for without it every change would be expected too low.
        gasoline: change for each percent that gasoline moved, ``gasoline_change`` of the reading.
        gasoline_before: the same for the month before, ``gasoline_change_before``.
        months: January's habit to December's.
        nowcast: weight of the nowcast against all of that, in [0, 1].
        spread: standard deviation, > 0.
        nowcast_spread: the same once a nowcast is in, > 0.
        freedom: degrees of freedom of the law, above 2.
    """

    span: Literal[1, 12]
    constant: float
    trend: float
    newest: float
    gasoline: float
    gasoline_before: float
    months: Annotated[tuple[float, ...], msgspec.Meta(min_length=_YEAR, max_length=_YEAR)]
    nowcast: Annotated[float, msgspec.Meta(ge=0, le=1)]
    spread: Annotated[float, msgspec.Meta(gt=0)]
    nowcast_spread: Annotated[float, msgspec.Meta(gt=0)]
    freedom: Annotated[float, msgspec.Meta(gt=2)]


def terminal_law(
    reading: MacroReading, parameters: Parameters, release: Release, now: datetime
) -> PrintLaw:
    """Return the law of the print of ``release.period`` as seen at ``now``.

    The reading's history is the published index. Of its features ``gasoline_change`` (percent, the
    month's average over that of the month before), ``gasoline_change_before`` and ``nowcast``
    (percent, one month) are used.

    Raises:
        DataError: when the release has passed, the month is known already, or the month before or
            the base has no figure.
    """
    if now >= release.at:
        raise DataError(f"the release at {release.at} has passed: it is {now}")
    if reading.last[0] >= release.period:
        raise DataError(f"{reading.series} already has {reading.last[0]}: nothing is left to price")
    before = reading.at(months_before(release.period, 1))
    base = reading.at(months_before(release.period, parameters.span))
    for name, level in (("month before", before), ("base", base)):
        if level <= 0:
            raise DataError(f"{reading.series} has {level} for the {name}: an index is above 0")
    expected = expected_change(reading, parameters, release.period)
    nowcast, spread = reading.beside.get("nowcast"), parameters.spread
    if nowcast is not None:
        expected += parameters.nowcast * (nowcast - expected)
        spread = parameters.nowcast_spread
    return PrintLaw(
        student(parameters.freedom),
        before * (1.0 + expected / 100.0),
        before * spread / 100.0,
        PercentOfIndex(round(base * INDEX_GRID), INDEX_GRID),
    )


def expected_change(reading: MacroReading, parameters: Parameters, month: date) -> float:
    """Return the expected change over the month before in percent, without a nowcast.

    Raises:
        DataError: when fewer than six changes of the year before are known.
    """
    changes = changes_before(reading.history, month)
    average = math.fsum(changes.values()) / len(changes)
    newest = changes.get(months_before(month, 1), average)
    return (
        parameters.constant
        + parameters.trend * average
        + parameters.newest * newest
        + parameters.gasoline * reading.beside.get("gasoline_change", 0.0)
        + parameters.gasoline_before * reading.beside.get("gasoline_change_before", 0.0)
        + parameters.months[month.month - 1]
    )


def changes_before(history: tuple[Point, ...], month: date) -> dict[date, float]:
    """Return the one-month changes, in percent, that are known of the twelve months before.

    Raises:
        DataError: when fewer than six are known.
    """
    recent = dict(history[-_YEAR - 2 :])
    changes = {}
    for back in range(1, _YEAR + 1):
        one, other = months_before(month, back), months_before(month, back + 1)
        if one in recent and other in recent:
            changes[one] = 100.0 * (recent[one] / recent[other] - 1.0)
    if len(changes) < _FEWEST_CHANGES:
        raise DataError(
            f"{len(changes)} changes are known of the year before {month}, and "
            f"{_FEWEST_CHANGES} are needed"
        )
    return changes


def months_before(month: date, count: int) -> date:
    """Return the first day of the month ``count`` months before."""
    whole = month.year * _YEAR + month.month - 1 - count
    return date(whole // _YEAR, whole % _YEAR + 1, 1)
