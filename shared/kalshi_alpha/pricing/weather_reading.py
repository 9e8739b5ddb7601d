"""What is known of one station's climate day at one moment."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

from kalshi_alpha.clock import iso, require_aware
from kalshi_alpha.errors import DataError, StaleDataError
from kalshi_alpha.markets.climate_day import ClimateDay
from kalshi_alpha.markets.climate_report import ClimateReport
from kalshi_alpha.markets.observed import Observation

COLDEST, HOTTEST = -60.0, 135.0  # degrees Fahrenheit that are believed
_LONGEST_LEAD = 240.0  # hours; beyond ten days a forecast of a day's high says nothing
_CLOCK_APART = timedelta(seconds=60)
_WIDEST = 4  # whole degrees that one observation may leave open

Source = Literal["report", "groups", "hourly"]


@dataclass(frozen=True, slots=True)
class RunningHigh:
    """The highest whole degree Fahrenheit reported since the climate day began.

    A report in tenths, or in whole Fahrenheit, leaves one degree; one in whole Celsius leaves two.

    Args:
        low: lowest degree it may stand for.
        high: highest.
        observed_at: end of what it covers, aware.
        source: the office's own ``report`` of the day so far; hourly reports with the ``groups``
            that hold the highest of six hours; or ``hourly`` reports alone, between which the
            temperature may have been higher.

    Raises:
        DataError: when the degrees are not in order, not believable, or too many.
    """

    low: int
    high: int
    observed_at: datetime
    source: Source = "groups"

    def __post_init__(self) -> None:
        if not self.low <= self.high < self.low + _WIDEST:
            raise DataError(f"a running high of {self.low} to {self.high} is none: give one or two")
        believable("the running high", self.low)
        believable("the running high", self.high)
        require_aware(self.observed_at)


@dataclass(frozen=True, slots=True)
class Measured:
    """A temperature of the station in degrees Fahrenheit, and when it was measured."""

    degrees: float
    at: datetime

    def __post_init__(self) -> None:
        believable("the temperature", self.degrees)
        require_aware(self.at)


@dataclass(frozen=True, slots=True)
class Forecast:
    """An issued forecast of the day's maximum in degrees Fahrenheit; ``issued_at`` is aware."""

    high: float
    issued_at: datetime

    def __post_init__(self) -> None:
        believable("the forecast", self.high)
        require_aware(self.issued_at)


@dataclass(frozen=True, slots=True)
class PastHigh:
    """The official high of a day before."""

    day: date
    degrees: int

    def __post_init__(self) -> None:
        believable("the past high", self.degrees)


@dataclass(frozen=True, slots=True)
class WeatherReading:
    """One look at a station. Whatever is not known is None.

    Args:
        station: the thermometer, ``KNYC``.
        day: the climate day that settles.
        as_of: the moment of looking, aware.
        running: the high so far.
        temperature: the newest temperature.
        forecast: the newest forecast.
        past: the newest official high of a day before.

    Raises:
        StaleDataError: when something was measured or issued after ``as_of``: a clock is behind.
        DataError: when something was measured outside the climate day, the past high is not past,
            or the forecast is of another week.
    """

    station: str
    day: ClimateDay
    as_of: datetime
    running: RunningHigh | None = None
    temperature: Measured | None = None
    forecast: Forecast | None = None
    past: PastHigh | None = None

    def __post_init__(self) -> None:
        require_aware(self.as_of)
        for what, at in self._seen():
            self._require_seen(what, at)
            # What ends with the day still speaks of it.
            if not self.day.start <= at <= self.day.end:
                raise DataError(
                    f"{what} of {self.station} is of {iso(at)}, outside the climate day "
                    f"{self.day.date} from {iso(self.day.start)} to {iso(self.day.end)}"
                )
        if self.forecast is not None:
            self._require_seen("the forecast", self.forecast.issued_at)
            lead = self.lead_hours or 0.0
            if lead > _LONGEST_LEAD:
                raise DataError(
                    f"the forecast of {self.station} was issued {lead:.0f} hours before the day's "
                    f"end; after {_LONGEST_LEAD:.0f} it is not used"
                )
        if self.past is not None and self.past.day >= self.day.date:
            raise DataError(f"a past high of {self.past.day} is not past on {self.day.date}")

    @property
    def lead_hours(self) -> float | None:
        """Return the hours from the forecast's issue to the day's end, at least 0."""
        if self.forecast is None:
            return None
        ahead = self.day.end - require_aware(self.forecast.issued_at)
        return max(0.0, ahead.total_seconds() / 3600.0)

    @property
    def seen_until(self) -> datetime | None:
        """Return the moment up to which the day has been seen, None when nothing of it was.

        A law stands at this moment and not at ``as_of``: what is old leaves more of the day open.
        Of two it is the earlier, as only up to there both are known.
        """
        return min((at for _, at in self._seen()), default=None)

    def _seen(self) -> tuple[tuple[str, datetime], ...]:
        running, now = self.running, self.temperature
        return (
            *(() if running is None else (("the running high", running.observed_at),)),
            *(() if now is None else (("the temperature", now.at),)),
        )

    def _require_seen(self, what: str, at: datetime) -> None:
        if at - self.as_of > _CLOCK_APART:
            raise StaleDataError(
                f"{what} of {self.station} is of {iso(at)} and the clock says {iso(self.as_of)}: "
                "the clock is behind, or the report is of another day"
            )


def believable(what: str, degrees: float) -> None:
    """Refuse a temperature that is none.

    Raises:
        DataError: when it is not finite, or outside -60 to 135 degrees Fahrenheit.
    """
    if not (math.isfinite(degrees) and COLDEST <= degrees <= HOTTEST):
        raise DataError(
            f"{what} is {degrees} degrees Fahrenheit; only {COLDEST:.0f} to {HOTTEST:.0f} is "
            "believed"
        )


@dataclass(frozen=True, slots=True)
class Unused:
    """An observation that does not count for the high so far: ``code`` and ``reason``.

    ``straddles`` reaches back before the day began; ``another_day`` lies outside it; ``later`` was
    measured after the moment of looking.
    """

    observation: Observation
    code: str
    reason: str


def high_so_far(
    observations: Iterable[Observation], station: str, day: ClimateDay, as_of: datetime
) -> tuple[RunningHigh | None, Measured | None, tuple[Unused, ...]]:
    """Return the high so far and the newest temperature out of a station's observations.

    The high lies between the largest of the lowest and the largest of the highest degrees that
    the observations leave open. Unless the hours since the last six-hour group stayed a degree
    below that group's high, the temperature may have been higher between them: ``hourly``.

    Raises:
        DataError: when an observation is of another station.
    """
    kept: list[Observation] = []
    unused: list[Unused] = []
    for one in observations:
        if one.station != station:
            raise DataError(f"an observation of {one.station} was given for {station}")
        code = _unused(one, day, as_of)
        if code:
            name = f"the temperature of {station} at {iso(one.at)}"
            unused.append(Unused(one, code, f"{name} does not count: {code}"))
        else:
            kept.append(one)
    if not kept:
        return None, None, tuple(unused)
    low, high = max(one.low for one in kept), max(one.high for one in kept)
    end = max(one.at for one in kept)
    running = RunningHigh(low, high, end, _source(kept, high))
    now = max((one for one in kept if one.kind == "now"), key=lambda one: one.at, default=None)
    measured = None if now is None else Measured(now.degrees, now.at)
    return running, measured, tuple(unused)


def with_report(running: RunningHigh | None, report: ClimateReport) -> RunningHigh | None:
    """Return the high so far with what the office's report of the unfinished day says of it.

    Up to the time it is valid as of, the report decides; what was observed later can only raise it.
    """
    if report.maximum is None or report.valid_until is None:
        return running
    told = RunningHigh(report.maximum, report.maximum, report.valid_until, "report")
    if running is None or running.observed_at <= told.observed_at:
        return told
    if running.high <= told.low:
        return replace(told, observed_at=running.observed_at)
    return replace(running, low=max(running.low, told.low))


def _unused(one: Observation, day: ClimateDay, as_of: datetime) -> str:
    if one.at > as_of:
        return "later"
    if not day.start <= one.at <= day.end or (one.kind == "now" and one.at == day.end):
        return "another_day"
    return "straddles" if one.since < day.start else ""


def _source(kept: Sequence[Observation], high: int) -> Source:
    groups = [one for one in kept if one.kind != "now"]
    if not groups:
        return "hourly"
    last = max(one.at for one in groups)
    top = max(one.high for one in groups)
    since = [one.high for one in kept if one.kind == "now" and one.at > last]
    settled = top == high and all(degree < top for degree in since)
    return "groups" if settled else "hourly"
