"""Federal holidays by their rules, for weeks that the shipped calendar does not reach."""

from __future__ import annotations

import functools
from datetime import date, timedelta

_SATURDAY, _SUNDAY = 5, 6
_MONDAY, _THURSDAY = 0, 3
_JUNETEENTH, _KING = 2021, 1986  # first years
# (month, which of it, weekday); -1 is the last.
_MOVING = ((1, 3, _MONDAY), (2, 3, _MONDAY), (5, -1, _MONDAY), (9, 1, _MONDAY), (10, 2, _MONDAY),
           (11, 4, _THURSDAY))  # fmt: skip
_FIXED = ((1, 1), (6, 19), (7, 4), (11, 11), (12, 25))
_DAY = timedelta(days=1)


@functools.cache
def federal_holidays(year: int) -> frozenset[date]:
    """Return the days on which federal offices of a year are closed by rule.

    Title 5 of the United States Code, section 6103. One on a weekend is kept on the weekday beside
    it, so that New Year may be kept on the last day of the year before and is not listed then.
    """
    moving = {_nth(year, *one) for one in _MOVING if one[0] != 1 or year >= _KING}
    fixed = {date(year, *one) for one in _FIXED if one != (6, 19) or year >= _JUNETEENTH}
    return frozenset(moving | {_kept(day) for day in fixed})


def in_holiday_week(saturday: date) -> bool:
    """Say whether the week that ends on a Saturday holds a federal holiday."""
    days = (saturday - k * _DAY for k in range(7))
    return any(day in federal_holidays(day.year) for day in days)


def _kept(day: date) -> date:
    if day.weekday() == _SATURDAY:
        return day - _DAY
    return day + _DAY if day.weekday() == _SUNDAY else day


def _nth(year: int, month: int, count: int, weekday: int) -> date:
    if count < 0:
        end = date(year + month // 12, month % 12 + 1, 1) - _DAY
        return end - ((end.weekday() - weekday) % 7) * _DAY
    first = date(year, month, 1)
    return first + ((weekday - first.weekday()) % 7 + 7 * (count - 1)) * _DAY
