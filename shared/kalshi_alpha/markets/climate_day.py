"""The climate day: midnight to midnight of local *standard* time, all the year round.

A station's offset is a number of hours and never a zone with summer time: the day always has 24
hours, even when the wall clock of that date shows 23 or 25, and in summer it runs from 01:00 to
01:00 on the wall. A high at 00:40 summer time belongs to the climate day before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from kalshi_alpha.clock import require_aware
from kalshi_alpha.errors import DataError

_DAY = timedelta(days=1)
_WEST, _EAST = -12, 14  # hours; no place on land keeps another standard time


@dataclass(frozen=True, slots=True)
class ClimateDay:
    """One day of a station.

    Args:
        date: the day's name.
        offset: hours from UTC of the station's standard time; New York -5.

    Raises:
        DataError: when there is no such offset.
    """

    date: date
    offset: int

    def __post_init__(self) -> None:
        if not _WEST <= self.offset <= _EAST:
            raise DataError(f"a standard time of UTC{self.offset:+d} is none: give {_WEST} to 14")

    @property
    def start(self) -> datetime:
        """Return its first instant, in UTC."""
        midnight = datetime(self.date.year, self.date.month, self.date.day, tzinfo=UTC)
        return midnight - timedelta(hours=self.offset)

    @property
    def end(self) -> datetime:
        """Return the first instant after it, in UTC: when its markets close."""
        return self.start + _DAY

    def contains(self, instant: datetime) -> bool:
        """Say whether an instant lies in it; the end does not."""
        return self.start <= instant < self.end

    def hour(self, instant: datetime) -> float:
        """Return standard time of an instant as hours after the day's midnight, unbounded."""
        return (require_aware(instant) - self.start).total_seconds() / 3600.0

    def hours_left(self, instant: datetime) -> float:
        """Return the hours from an instant to the end, from 24 before the day to 0 after it."""
        return min(24.0, max(0.0, 24.0 - self.hour(instant)))

    def wall_hours(self, zone: ZoneInfo) -> int:
        """Return how many hours the *civil* day of this name has: 23 and 25 twice a year."""
        days = (self.date, self.date + _DAY)
        first, last = (datetime(d.year, d.month, d.day, tzinfo=zone).astimezone(UTC) for d in days)
        return round((last - first).total_seconds() / 3600.0)

    def wall(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return its first instant and the first after it on a wall clock."""
        return self.start.astimezone(zone), self.end.astimezone(zone)


def climate_day(instant: datetime, offset: int) -> ClimateDay:
    """Return the climate day in which an instant lies.

    Raises:
        ValueError: when the instant carries no zone.
    """
    local = require_aware(instant) + timedelta(hours=offset)
    return ClimateDay(local.date(), offset)
