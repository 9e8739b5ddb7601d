"""A blending provider's five-minute rows, pinned to one station. A feature, never a settlement.

The provider mixes stations unless it is told not to, and fills slots in which the station did not
report with copies of the last one. So a row counts only when its station list is exactly the pinned
one and it is an observation; a row equal in everything to the one before is a copy; and a station
that is mostly copies is refused. Codes of what is left out:

====================  ========================================================================
``another_station``   a station list other than the pinned one
``not_observed``      a forecast, a mixture, or a row that does not say
``missing``           no temperature
``sentinel``          the provider's number for none, -77.9
``range``             outside -60 to 135 degrees
``copy``              equal in every element to the row before
``another_day``       outside the climate day
``unreadable``        no time, or a temperature that is no number
====================  ========================================================================
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.climate_day import ClimateDay
from kalshi_alpha.markets.stations import Station
from kalshi_alpha.venues.decoding import decode
from kalshi_alpha.venues.macro.figures import LeftOut, require_json
from kalshi_alpha.venues.weather.observations import RowLeftOut

PATH = "/VisualCrossingWebServices/rest/services/timeline/{location}/{first}/{last}"
ELEMENTS = ("datetimeEpoch", "temp", "dew", "humidity", "windspeed", "stations", "source")
MOST_COPIES = 0.5  # share of a day's rows; Central Park has been seen at 0.82
_COMPARED = ("temp", "dew", "humidity", "windspeed")
_SENTINEL = -77.9
_COLDEST, _HOTTEST = -60.0, 135.0
_FEWEST_JUDGED = 24  # rows, two hours: with fewer a share says nothing
_LAST_EPOCH = 4_102_444_800  # the year 2100


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """A temperature of the pinned station: when, aware, and degrees Fahrenheit as given."""

    at: datetime
    degrees: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """What a climate day's rows come to.

    Attributes:
        rows: in time, each reported by the station itself.
        copies: share of filled copies among the station's rows.
        left_out: the others.
    """

    rows: tuple[TimelineRow, ...]
    copies: float
    left_out: tuple[LeftOut, ...]

    @property
    def counts(self) -> Mapping[str, int]:
        """Return how often each code occurs."""
        return Counter(one.code for one in self.left_out)


def query(key: str) -> Sequence[tuple[str, str]]:
    """Return the query that pins one station and asks for its five-minute rows."""
    return (
        ("key", key),
        ("unitGroup", "us"),
        ("contentType", "json"),
        ("include", "minutes,obs"),
        ("options", "minuteinterval_5"),
        ("maxStations", "1"),
        ("maxDistance", "0"),
        ("elements", ",".join(ELEMENTS)),
    )


def path(station: Station, day: ClimateDay) -> str:
    """Return the path for the civil days in which a climate day lies."""
    first, last = day.wall(station.zone)
    return PATH.format(location=station.pinned, first=first.date(), last=last.date())


def parse_timeline(payload: bytes, station: Station, day: ClimateDay) -> Timeline:
    """Read the rows of one climate day.

    Raises:
        DataError: when it is a page or no such JSON, when the provider blended other stations
            into the whole of it, or when copies pass their limit.
    """
    require_json(payload, "the timeline")
    answer = decode(payload)
    if not isinstance(answer, dict) or not isinstance(answer.get("days"), list):
        raise DataError("the timeline answered without days: an error, or the plan's limit")
    rows: list[TimelineRow] = []
    left_out: list[LeftOut] = []
    before: tuple[Any, ...] | None = None
    for minute in _minutes(answer["days"]):
        try:
            row = _read(minute, station, day)
        except RowLeftOut as reason:
            left_out.append(LeftOut(reason.code, str(reason)))
            continue
        now = tuple(minute.get(name) for name in _COMPARED)
        if now == before:
            left_out.append(
                LeftOut("copy", f"{station.station} at {row.at} repeats the row before")
            )
        else:
            rows.append(row)
        before = now
    found = Timeline(tuple(rows), _share(rows, left_out), tuple(left_out))
    _require_own(found, station, day)
    return found


def _require_own(found: Timeline, station: Station, day: ClimateDay) -> None:
    counts = found.counts
    if not found.rows:
        why = f": {found.left_out[0].reason}" if found.left_out else ""
        raise DataError(f"the timeline has no row of {station.station} on {day.date}{why}")
    if len(found.rows) + counts["copy"] >= _FEWEST_JUDGED and found.copies > MOST_COPIES:
        raise DataError(
            f"{found.copies:.0%} of the timeline's rows of {station.station} on {day.date} are "
            f"filled copies; above {MOST_COPIES:.0%} the station is refused"
        )


def _share(rows: Sequence[TimelineRow], left_out: Sequence[LeftOut]) -> float:
    copies = sum(one.code == "copy" for one in left_out)
    return copies / max(1, copies + len(rows))


def _minutes(days: Sequence[object]) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of the nested days and hours in time; whatever is no row is passed over."""
    found = [
        minute
        for each in days
        if isinstance(each, dict)
        for hour in each.get("hours") or ()
        if isinstance(hour, dict)
        for minute in hour.get("minutes") or ()
        if isinstance(minute, dict)
    ]
    yield from sorted(found, key=_epoch)


def _epoch(minute: Mapping[str, Any]) -> float:
    found = minute.get("datetimeEpoch")
    if isinstance(found, bool) or not isinstance(found, int | float):
        return math.inf
    return float(found) if 0 <= found <= _LAST_EPOCH else math.inf


def _read(minute: Mapping[str, Any], station: Station, day: ClimateDay) -> TimelineRow:
    """Return the row; raise ``RowLeftOut`` with the reason for which it is none."""
    epoch, name = _epoch(minute), station.station
    if not math.isfinite(epoch):
        raise RowLeftOut("unreadable", f"a row of {name} has no time")
    at = datetime.fromtimestamp(epoch, UTC)
    if not day.contains(at):
        raise RowLeftOut("another_day", f"{name} at {at} is outside {day.date}")
    listed, source = minute.get("stations"), minute.get("source")
    if listed != [name]:
        raise RowLeftOut("another_station", f"{name} at {at} is of {str(listed)[:60]}")
    if source != "obs":
        raise RowLeftOut("not_observed", f"{name} at {at} is {str(source)[:10]!r}, not observed")
    return TimelineRow(at, _degrees(minute.get("temp"), f"{name} at {at}"))


def _degrees(temp: object, where: str) -> float:
    if temp is None:
        raise RowLeftOut("missing", f"{where} has no temperature")
    if isinstance(temp, bool) or not isinstance(temp, int | float):
        raise RowLeftOut("unreadable", f"{where} has {str(temp)[:20]!r} degrees")
    if temp == _SENTINEL:
        raise RowLeftOut("sentinel", f"{where} has the provider's number for none")
    if not _COLDEST <= temp <= _HOTTEST:
        raise RowLeftOut("range", f"{where} has {temp} degrees")
    return float(temp)
