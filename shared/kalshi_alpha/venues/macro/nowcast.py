"""The Cleveland Fed's inflation nowcast: an array of charts, one a target month.

A chart's labels are month and day without a year, and lie in the target month or after it; a label
month smaller than the target's is of the next year. Vertical lines stand among the labels and hold
no value. A value labelled L counts as known from the day after L.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from kalshi_alpha.errors import DataError
from kalshi_alpha.venues.decoding import decode
from kalshi_alpha.venues.macro.figures import Collecting, Parsed, require_json

PATHS: Mapping[str, str] = MappingProxyType(
    {
        "month": "/-/media/files/webcharts/inflationnowcasting/nowcast_month.json",
        "year": "/-/media/files/webcharts/inflationnowcasting/nowcast_year.json",
    }
)
SERIES: Mapping[str, str] = MappingProxyType(
    {
        "CPI Inflation": "cpi",
        "Core CPI Inflation": "core-cpi",
        "Actual CPI Inflation": "cpi-actual",
        "Actual Core CPI Inflation": "core-cpi-actual",
    }
)
_TARGET = re.compile(r"([12][0-9]{3})-(1[0-2]|0?[1-9])", re.ASCII)
_LABEL = re.compile(r"(0?[1-9]|1[0-2])/([0-9]{1,2})", re.ASCII)


def name(kind: str, what: str, target: date) -> str:
    """Return our name of the nowcast of a month, such as ``nowcast-month-cpi-2026-08``."""
    return f"nowcast-{kind}-{what}-{target:%Y-%m}"


def parse(payload: bytes, today: date, kind: str = "month") -> Parsed:
    """Read the file: one series a target month and figure, its periods the labels' days.

    A chart that cannot be read is left out, and noted.

    Raises:
        DataError: for a page instead of JSON, a file that is no array, or no chart with a figure.
    """
    require_json(payload, "the nowcast")
    charts = decode(payload)
    if not isinstance(charts, list):
        raise DataError("the nowcast's file is no array of charts")
    collecting = Collecting(today)
    for one in charts:
        try:
            for series, when, value in _points(one, kind):
                collecting.add(series, when, value)
        except DataError as error:
            collecting.leave("unreadable", str(error))
    return collecting.parsed("the nowcast's file")


def known(parsed: Parsed, series: str, on: date) -> str | None:
    """Return the last value of a series that was known before the day ``on`` began."""
    found = [one for one in parsed.figures if one.series == series and one.period < on]
    return max(found, key=lambda figure: figure.period).value if found else None


def _points(one: Any, kind: str) -> list[tuple[str, date, object]]:
    """Return every (series, day, value) of a chart; all of it is read before any is taken."""
    try:
        subcaption = one["chart"]["subcaption"]
        labels = [c for c in one["categories"][0]["category"] if "vline" not in c]
        rows = {row["seriesname"]: row["data"] for row in one["dataset"]}
    except (KeyError, TypeError, IndexError):
        raise DataError("a chart of the nowcast lacks a part") from None
    target = _target(subcaption)
    days = [_labelled(label, target) for label in labels]
    found: list[tuple[str, date, object]] = []
    for theirs, ours in SERIES.items():
        points = rows.get(theirs, [])
        if not isinstance(points, list) or (points and len(points) != len(days)):
            raise DataError(f"the nowcast of {target:%Y-%m} has not one {theirs} a label")
        values = (p.get("value") if isinstance(p, dict) else None for p in points)
        series = name(kind, ours, target)
        found += [(series, when, value) for when, value in zip(days, values, strict=False)]
    return found


def _target(subcaption: object) -> date:
    found = _TARGET.fullmatch(str(subcaption))
    if found is None:
        raise DataError(f"a nowcast names the month {str(subcaption)[:20]!r}, which is none")
    return date(int(found[1]), int(found[2]), 1)


def _labelled(label: Any, target: date) -> date:
    said = label.get("label") if isinstance(label, dict) else None
    found = _LABEL.fullmatch(str(said))
    try:
        if found is None:
            raise ValueError
        month = int(found[1])
        return date(target.year + (month < target.month), month, int(found[2]))
    except ValueError:
        raise DataError(f"a nowcast has the label {str(said)[:20]!r}, which is no day") from None
