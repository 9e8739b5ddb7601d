"""When the exchange pauses trading by its own timetable.

Every Thursday from 03:00 to 05:00 New York time trading pauses: nothing may be placed or amended,
and sessions may drop. Further maintenance is announced in the exchange's schedule.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

from kalshi_alpha.clock import NEW_YORK, from_iso, iso
from kalshi_alpha.errors import DataError

_THURSDAY = 3
_PAUSE_FROM, _PAUSE_TO = time(3), time(5)


def weekly_pause(start: datetime, end: datetime) -> str:
    """Say which weekly pause falls into ``start`` to ``end``, or an empty text."""
    day = start.astimezone(NEW_YORK).date()
    while day <= end.astimezone(NEW_YORK).date():
        if day.weekday() == _THURSDAY:
            begins = datetime.combine(day, _PAUSE_FROM, NEW_YORK)
            ends = datetime.combine(day, _PAUSE_TO, NEW_YORK)
            if begins < end and start < ends:
                return f"the weekly pause of Thursday {day}, 03:00 to 05:00 New York time"
        day += timedelta(days=1)
    return ""


def announced_pause(schedule: Mapping[str, Any], start: datetime, end: datetime) -> str:
    """Say which announced maintenance falls into ``start`` to ``end``, or an empty text.

    ``schedule`` is the exchange's own; raise ``DataError`` when it cannot be read.
    """
    try:
        windows = schedule.get("maintenance_windows") or []
        spans = [(from_iso(w["start_datetime"]), from_iso(w["end_datetime"])) for w in windows]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise DataError("the exchange's maintenance windows cannot be read") from None
    for begins, ends in spans:
        if begins < end and start < ends:
            return f"maintenance announced from {iso(begins)} to {iso(ends)}"
    return ""
