"""What a station reports between its daily reports, in the whole degrees it was measured in.

The thermometers work in whole degrees Fahrenheit. A report in tenths of Celsius gives that degree
back; one in whole Celsius leaves one or two of them open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from kalshi_alpha.errors import DataError

Kind = Literal["now", "six_hours", "day"]


@dataclass(frozen=True, slots=True)
class Observation:
    """A temperature of a station, of one moment or the highest of some hours.

    Attributes:
        station: the thermometer.
        at: when it was measured, or the end of the hours, aware, in UTC.
        kind: of the moment, or the highest of six hours or of the day before.
        low: lowest whole degree Fahrenheit it may stand for.
        high: highest.
        degrees: Fahrenheit as reported, not rounded.
    """

    station: str
    at: datetime
    kind: Kind
    low: int
    high: int
    degrees: float

    @property
    def since(self) -> datetime:
        """Return the beginning of what it covers."""
        hours = {"now": 0, "six_hours": 6, "day": 24}[self.kind]
        return self.at - timedelta(hours=hours)

    @property
    def exact(self) -> bool:
        """Say whether it stands for one degree alone."""
        return self.low == self.high


@dataclass(frozen=True, slots=True)
class IssuedForecast:
    """A forecast of a climate day's maximum.

    Attributes:
        station: the thermometer.
        day: the climate day.
        high: degrees Fahrenheit.
        issued_at: when the office made it, aware; never when it was served.
        hours: how many hours of the climate day it speaks of.
    """

    station: str
    day: date
    high: float
    issued_at: datetime
    hours: int


def from_tenths(tenths: int) -> int:
    """Return the whole degree Fahrenheit of a temperature in tenths of Celsius, halves upwards."""
    return (18 * tenths + 3250) // 100


def from_whole(celsius: int) -> tuple[int, int]:
    """Return the lowest and the highest whole Fahrenheit that round to a whole Celsius."""
    middle = (18 * celsius + 320) // 10
    fitting = [f for f in range(middle - 2, middle + 3) if _celsius(f) == celsius]
    return fitting[0], fitting[-1]


def observed_celsius(
    station: str, at: datetime, kind: Kind, tenths: int, *, whole: bool
) -> Observation:
    """Return the observation of a report in Celsius.

    Args:
        station: the thermometer.
        at: aware.
        kind: of the moment, or the highest of some hours.
        tenths: of a degree Celsius.
        whole: whether it was reported in whole degrees.

    Raises:
        DataError: when whole degrees have tenths.
    """
    if whole and tenths % 10:
        raise DataError(f"{tenths / 10} is no whole degree Celsius")
    low, high = from_whole(tenths // 10) if whole else (from_tenths(tenths),) * 2
    return Observation(station, at, kind, low, high, tenths * 0.18 + 32.0)


def _celsius(fahrenheit: int) -> int:
    """Return a whole Fahrenheit in whole Celsius; no half can occur, as 9 does not divide it."""
    return (10 * (fahrenheit - 32) + 9) // 18
