"""The daily climate report of a station, and which of a day's reports the venue settles on.

The first official report that holds a maximum counts. What came in the afternoon is preliminary
and never does; a final without a maximum is passed over; what comes later is looked at and counted,
for a difference is what an exchange may call a material error. Codes of what did not count:

====================  ==========================================================================
``preliminary``       issued for a day that was not over
``no_maximum``        a final whose maximum is missing
``repeated``          a later final with the same maximum
``differs``           a later final with another one
``another_day``       a report of another day
====================  ==========================================================================
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.climate_day import ClimateDay

Status = Literal["preliminary", "final"]


@dataclass(frozen=True, slots=True)
class ClimateReport:
    """One issue of a report.

    Attributes:
        cli: the report's name, ``CLINYC``.
        day: the climate day it speaks of.
        status: whether the day was over for the office.
        issued_at: aware, in UTC.
        maximum: whole degrees Fahrenheit, None where it says that it is missing.
        maximum_at: when it was reached, by the station's standard time.
        record: whether it set or tied one.
        valid_until: up to when a preliminary one speaks, aware; None for a final.
        correction: ``CCA`` and the like, ``CORRECTED``, or empty.
    """

    cli: str
    day: date
    status: Status
    issued_at: datetime
    maximum: int | None
    maximum_at: time | None = None
    record: bool = False
    valid_until: datetime | None = None
    correction: str = ""

    @property
    def counts(self) -> bool:
        """Say whether it is final and holds a maximum."""
        return self.status == "final" and self.maximum is not None


@dataclass(frozen=True, slots=True)
class Passed:
    """A report that did not count: ``code`` to count, ``reason`` to read."""

    report: ClimateReport
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class DaySettlement:
    """What a day's reports come to.

    Attributes:
        day: the climate day.
        report: the one that counts, None while there is none.
        passed: the others.
    """

    day: date
    report: ClimateReport | None
    passed: tuple[Passed, ...]

    @property
    def maximum(self) -> int | None:
        """Return what it settles on, None while nothing counts."""
        return None if self.report is None else self.report.maximum

    @property
    def disputed(self) -> bool:
        """Say whether a later final, or an earlier and higher preliminary one, contradicts it.

        The venue may then wait, or take the other.
        """
        if self.maximum is None or self.report is None:
            return False
        return any(
            one.code == "differs"
            or (
                one.code == "preliminary"
                and one.report.maximum is not None
                and one.report.maximum > self.maximum
            )
            for one in self.passed
        )

    @property
    def counts(self) -> Mapping[str, int]:
        """Return how often each code occurs."""
        return Counter(one.code for one in self.passed)


def settle(reports: Iterable[ClimateReport], day: ClimateDay, cli: str) -> DaySettlement:
    """Return what a day settles on out of all its reports, in whatever order they are given.

    Raises:
        DataError: when a report of another station is among them: none is left out silently.
    """
    ordered = sorted(reports, key=lambda one: (one.issued_at, one.correction))
    stray = next((one for one in ordered if one.cli != cli), None)
    if stray is not None:
        raise DataError(
            f"a report {stray.cli} of {stray.day} was given for {cli}: it is of another station"
        )
    found: ClimateReport | None = None
    passed = []
    for report in ordered:
        code, reason = _judged(report, day, found)
        if code:
            passed.append(Passed(report, code, reason))
        else:
            found = report
    return DaySettlement(day.date, found, tuple(passed))


def _judged(report: ClimateReport, day: ClimateDay, found: ClimateReport | None) -> tuple[str, str]:
    """Return why a report does not count; nothing when it does."""
    name = f"{report.cli} of {report.day}, issued {report.issued_at}"
    if report.day != day.date:
        return "another_day", f"{name}, is not of {day.date}"
    if report.status == "preliminary":
        return "preliminary", f"{name}, is preliminary: it speaks of a day that was not over"
    if report.maximum is None:
        return "no_maximum", f"{name}, has no maximum: the next one is waited for"
    if found is None:
        return "", ""
    if report.maximum == found.maximum:
        return "repeated", f"{name}, repeats {found.maximum}"
    said = f"{name}, says {report.maximum} after {found.maximum} had counted"
    return "differs", f"{said}: the exchange may find a material error"
