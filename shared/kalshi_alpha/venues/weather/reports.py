"""The daily climate report as text: one station, one day, a maximum or the word that it is missing.

The words are fixed and the columns are not, so a row is found by its word and its value is what
follows it. Whatever is not understood is refused: a report decides money.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.climate_report import ClimateReport, Status
from kalshi_alpha.markets.stations import Station
from kalshi_alpha.venues.macro.figures import text_of

_LONGEST = 40_000  # characters; a report has about four thousand
_NAMES = (
    "JANUARY",
    "FEBRUARY",
    "MARCH",
    "APRIL",
    "MAY",
    "JUNE",
    "JULY",
    "AUGUST",
    "SEPTEMBER",
    "OCTOBER",
    "NOVEMBER",
    "DECEMBER",
)
_MONTHS = MappingProxyType({name: k for k, name in enumerate(_NAMES, start=1)})
# What a wall clock's name is worth; an office writes no other.
_CLOCKS = MappingProxyType(
    {
        f"{letter}{kind}T": hours + (kind == "D")
        for letter, hours in (("E", -5), ("C", -6), ("M", -7), ("P", -8))
        for kind in "SD"
    }
)
_WMO = re.compile(r"^CDUS4[0-9] K[A-Z]{3} ([0-3][0-9])([0-2][0-9])([0-5][0-9])(?: ([A-Z]{3}))?$")
_NAME = re.compile(r"^CLI[A-Z]{3}$")
_ISSUED = re.compile(
    r"^([0-9]{1,2})([0-5][0-9]) (AM|PM) ([A-Z]{2,4}) [A-Z]{3} ([A-Z]{3}) ([0-9]{1,2}) ([0-9]{4})$"
)
_HEADLINE = re.compile(
    r"\.\.\.THE (.{3,60}?) CLIMATE SUMMARY FOR ([A-Z]+) ([0-9]{1,2}),? ([0-9]{4})\.\.\."
)
_VALID = re.compile(r"VALID (?:TODAY )?AS OF ([0-9]{1,2}):?([0-5][0-9]) (AM|PM)")
_ROW = re.compile(
    r"^ *MAXIMUM(?: TEMPERATURE(?: \(F\))?)? +(MM?|-?[0-9]{1,3})(R?)(?= |$)"
    r"(?: +(?:([0-9]{1,2}):?([0-5][0-9]) (AM|PM)|MM?)(?= |$))?"
)
_SECTIONS = ("TODAY", "YESTERDAY")
_MISSING = ("MM", "M")
_APART = timedelta(hours=2)  # between the two clocks of one report
_COLDEST, _HOTTEST = -60, 135


def parse_report(payload: bytes, station: Station) -> ClimateReport:
    """Read one issue of a station's daily climate report.

    Raises:
        DataError: when it is of another station, or any part of it is missing, twice there or
            contradicts another.
    """
    text = text_of(payload, "the climate report")
    if len(text) > _LONGEST:
        raise DataError(f"the climate report has {len(text)} characters: it is another document")
    lines = [line.rstrip() for line in text.splitlines()]
    name = _one([line for line in lines if _NAME.match(line)], "name of a climate report")
    if name != station.cli:
        raise DataError(
            f"the report {name} is of another station than {station.cli} of {station.series}"
        )
    issued = _issued(lines)
    day = _headline(" ".join(" ".join(lines).split()), station)
    section, row = _maximum(lines)
    valid = _valid(lines, day, station)
    status = _status(name, section, valid)
    if issued < station.day(day).start:
        raise DataError(f"the report {name} of {day} was issued at {issued}, before its day began")
    return ClimateReport(
        cli=name,
        day=day,
        status=status,
        issued_at=issued,
        maximum=_degrees(name, row[1]),
        maximum_at=_clock(row[3], row[4], row[5]) if row[3] else None,
        record=bool(row[2]),
        valid_until=valid,
        correction=_correction(lines),
    )


def _one(found: list[str], what: str) -> str:
    if len(found) != 1:
        raise DataError(f"the climate report holds {len(found)} times a {what} instead of once")
    return found[0]


def _issued(lines: list[str]) -> datetime:
    """Return when it was issued, by its wall clock, and not far from the wire's."""
    wire = _WMO.match(_one([line for line in lines if _WMO.match(line)], "line of the wire"))
    said = _ISSUED.match(_one([line for line in lines if _ISSUED.match(line)], "time of issue"))
    assert wire is not None
    assert said is not None
    hour, minute, half, zone, month, day, year = said.groups()
    months = [name[:3] for name in _MONTHS]
    if zone not in _CLOCKS or month not in months:
        raise DataError(f"the climate report is issued in {zone} of {month}, which is not known")
    wall = _clock(hour, minute, half)
    try:
        on = date(int(year), months.index(month) + 1, int(day))
    except ValueError:
        raise DataError(f"the climate report is issued on {month} {day} {year}: no day") from None
    at = datetime.combine(on, wall, UTC) - timedelta(hours=_CLOCKS[zone])
    if not any(abs(wired - at) <= _APART for wired in _wired(at, *map(int, wire.groups()[:3]))):
        raise DataError(
            f"the climate report says it was issued at {at} and its wire line "
            f"{wire[1]}{wire[2]}{wire[3]}Z: one of the clocks is wrong"
        )
    return at


def _wired(near: datetime, day: int, hour: int, minute: int) -> Iterator[datetime]:
    """Yield the times with that day, hour and minute from the day before to the day after."""
    for days in (-1, 0, 1):
        one = near + timedelta(days=days)
        if one.day == day and hour < 24:
            yield one.replace(hour=hour, minute=minute)


def _headline(text: str, station: Station) -> date:
    found = set(_HEADLINE.findall(text))
    if len(found) != 1:
        raise DataError(f"the climate report has {len(found)} headlines with a day, not one")
    place, month, day, year = found.pop()
    if station.place not in place:
        raise DataError(
            f"the climate report is of {place}, which is another station than {station.place}"
        )
    try:
        return date(int(year), _MONTHS[month], int(day))
    except (KeyError, ValueError):
        raise DataError(f"the climate report is of {month} {day} {year}, which is no day") from None


def _maximum(lines: list[str]) -> tuple[str, re.Match[str]]:
    """Return the section, and the one row of the maximum in the block of temperatures."""
    begin = [k for k, line in enumerate(lines) if line.startswith("TEMPERATURE (F)")]
    if len(begin) != 1:
        raise DataError(f"the climate report has {len(begin)} blocks of temperatures, not one")
    section, rows = "", []
    for line in lines[begin[0] + 1 :]:
        if not line.strip():
            break
        if line.strip() in _SECTIONS:
            section = line.strip()
        elif line.lstrip().startswith("MAXIMUM"):
            row = _ROW.match(line)
            if row is None:
                raise DataError(f"the row {line.strip()[:40]!r} of a climate report is not known")
            rows.append(row)
    if len(rows) != 1:
        raise DataError(f"the climate report has {len(rows)} rows of a maximum, not one")
    if not section:
        raise DataError("the climate report does not say whether it is of today or yesterday")
    return section, rows[0]


def _valid(lines: list[str], day: date, station: Station) -> datetime | None:
    found = {match.groups() for line in lines if (match := _VALID.search(line))}
    if not found:
        return None
    if len(found) > 1:
        raise DataError("the climate report is valid as of two times")
    hour, minute, half = found.pop()
    wall = datetime.combine(day, _clock(hour, minute, half), station.zone)
    return wall.astimezone(UTC)


def _status(name: str, section: str, valid: datetime | None) -> Status:
    if section == "YESTERDAY" and valid is None:
        return "final"
    if section == "YESTERDAY":
        raise DataError(f"the report {name} speaks of yesterday and is valid as of {valid}")
    return "preliminary"


def _degrees(name: str, text: str) -> int | None:
    if text in _MISSING:
        return None
    found = int(text)
    if not _COLDEST <= found <= _HOTTEST:
        raise DataError(f"the report {name} has a maximum of {found} degrees: that is not believed")
    return found


def _clock(hour: str, minute: str, half: str) -> time:
    if not 1 <= int(hour) <= 12:
        raise DataError(f"the climate report has the time {hour}{minute} {half}, which is none")
    return time(int(hour) % 12 + 12 * (half == "PM"), int(minute))


def _correction(lines: list[str]) -> str:
    wire = next(match for line in lines if (match := _WMO.match(line)))
    if wire[4]:
        return str(wire[4])
    head = " ".join(lines[: lines.index(next(x for x in lines if "CLIMATE SUMMARY" in x)) + 1])
    return "CORRECTED" if "CORRECT" in head else ""
