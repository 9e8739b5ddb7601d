"""Mirrored series from FRED, as CSV without a key or as JSON with one.

``.`` means absent. The date of ICSA is the Saturday its week ended on. Without a real-time period
the values are today's revisions, not what was first printed.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from types import MappingProxyType

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.errors import DataError, VenueThrottled
from kalshi_alpha.venues.decoding import decode
from kalshi_alpha.venues.macro.figures import (
    Collecting,
    Parsed,
    day,
    require_json,
    saturday,
    text_of,
)

CSV_PATH = "/graph/fredgraph.csv"
JSON_PATH = "/fred/series/observations"
SERIES: Mapping[str, str] = MappingProxyType(
    {
        "ICSA": "claims",
        "DGS10": "par-yield-10y",
        "GASREGW": "eia-regular",
        "CPIAUCSL": "cpi-sa",
        "CPIAUCNS": "cpi-nsa",
        "CPILFESL": "core-cpi-sa",
        "CPILFENS": "core-cpi-nsa",
    }
)
_DATES = ("observation_date", "DATE")  # its header changed


def parse_csv(payload: bytes, series_id: str, today: date) -> Parsed:
    """Read the two columns of a graph's data.

    Raises:
        DataError: for a page instead of a table, other columns, or a table without figures.
    """
    text = text_of(payload, "the mirror's table")
    if text.lstrip().startswith("<"):
        raise DataError("the mirror answered with a page instead of a table")
    try:
        rows = list(csv.reader(text.splitlines(), strict=True))
    except csv.Error as error:
        raise DataError(f"the mirror's table cannot be read: {error}") from None
    if not rows or len(rows[0]) != 2 or rows[0][0] not in _DATES or rows[0][1] != series_id:
        raise DataError(f"the mirror's table is not one of dates and {series_id}")
    collecting = Collecting(today)
    for row in rows[1:]:
        if len(row) != 2:
            collecting.leave("unreadable", f"{series_id} has a row of {len(row)} columns")
            continue
        _add(collecting, series_id, row[0], row[1], None)
    return collecting.parsed(f"the mirror's table of {series_id}")


def parse_json(payload: bytes, series_id: str, today: date) -> Parsed:
    """Read observations; each carries the day from which its value held.

    Raises:
        VenueThrottled: when too much was asked in a minute.
        DataError: when the answer is an error, a page, or without figures.
    """
    require_json(payload, "the mirror")
    answer = decode(payload)
    rows = answer.get("observations") if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        code = answer.get("error_code") if isinstance(answer, dict) else None
        if code == 429:
            raise VenueThrottled("the mirror's limit of a minute is reached", status=429)
        raise DataError(f"the mirror has no observations of {series_id}: is the id gone?")
    collecting = Collecting(today)
    for row in rows:
        if not isinstance(row, dict):
            collecting.leave("unreadable", f"{series_id} has a row that is no object")
            continue
        _add(collecting, series_id, row.get("date"), row.get("value"), row.get("realtime_start"))
    return collecting.parsed(f"the mirror's observations of {series_id}")


def _add(
    collecting: Collecting, series_id: str, when: object, value: object, since: object
) -> None:
    try:
        period = saturday(when) if series_id == "ICSA" else day(when)
        began = None if since is None else day(since)
    except DataError as error:
        collecting.leave("unreadable", f"{series_id}: {error}")
        return
    # A mirror names the day alone; its midnight is the earliest the value can have held.
    at = None if began is None else datetime.combine(began, time(), NEW_YORK).astimezone(UTC)
    collecting.add(SERIES[series_id], period, value, at)
