"""The monthly climate table (CF6): one row a day, preliminary, written anew every day.

``M`` is a missing value and ``T`` a trace. The maximum is the second column. Rows of today are not
over and make no figure.
"""

from __future__ import annotations

import re
from datetime import date

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.stations import Station
from kalshi_alpha.venues.macro.figures import Collecting, Parsed, day, text_of

_LONGEST = 60_000  # characters; a table has about six thousand
_NAME = re.compile(r"^CF6([A-Z]{3})$", re.MULTILINE)
_FIELD = re.compile(r"\b(STATION|MONTH|YEAR): +(.+?) *$", re.MULTILINE)
_WORD = re.compile(r"[A-Z]{4,}", re.ASCII)
_RULE = re.compile(r"^=+$")
_HEAD = ("DY", "MAX", "MIN", "AVG")
_MISSING = "M"


def series_of(station: Station) -> str:
    """Return the name of the maxima's series, ``cf6-nyc``."""
    return f"cf6-{station.cli[3:].lower()}"


def parse_table(payload: bytes, station: Station, today: date) -> Parsed:
    """Read a month's maxima.

    Args:
        payload: the text.
        station: whose it must be.
        today: the climate day of reading; it and later days are left out as ``future``.

    Raises:
        DataError: when it is of another station, has no head, or no maximum.
    """
    text = text_of(payload, "the climate table")
    if len(text) > _LONGEST:
        raise DataError(f"the climate table has {len(text)} characters: it is another document")
    month = _month(text, station)
    collecting = Collecting(date.fromordinal(today.toordinal() - 1))
    for line in _rows(text):
        cells = line.split()
        try:
            period = day(f"{month:%Y-%m}-{int(cells[0]):02}")
        except (ValueError, DataError):
            collecting.leave("unreadable", f"the table has the row {line.strip()[:30]!r}")
            continue
        if len(cells) < len(_HEAD):
            collecting.leave("unreadable", f"the table's row of {period} has {len(cells)} cells")
            continue
        value = None if cells[1] == _MISSING else cells[1].removesuffix("R")
        collecting.add(series_of(station), period, value)
    return collecting.parsed(f"the climate table of {station.cli}")


def _month(text: str, station: Station) -> date:
    names = set(_NAME.findall(text))
    if names != {station.cli[3:]}:
        said = ", ".join(sorted(names)) or "none"
        raise DataError(f"the climate table is of {said}, another station than {station.cli[3:]}")
    fields = dict(_FIELD.findall(text))
    # Tables and reports spell a place differently: one word in common is asked for.
    words = set(_WORD.findall(fields.get("STATION", "").upper()))
    if not words & set(_WORD.findall(f"{station.place} {station.city}".upper())):
        raise DataError(
            f"the climate table is of {fields.get('STATION', 'no station')!r}, which is another "
            f"station than {station.place}"
        )
    return day(f"{fields.get('MONTH', '').title()} {fields.get('YEAR', '')}", "%B %Y")


def _rows(text: str) -> list[str]:
    """Return the lines between the rule below the head and the next rule."""
    lines = text.splitlines()
    heads = [k for k, line in enumerate(lines) if tuple(line.split()[:4]) == _HEAD]
    if len(heads) != 1:
        raise DataError(f"the climate table has {len(heads)} heads of columns, not one")
    rules = [k for k, line in enumerate(lines) if _RULE.match(line.strip()) and k > heads[0]]
    if len(rules) < 2:
        raise DataError("the climate table does not end: its last rule is missing")
    return [line for line in lines[rules[0] + 1 : rules[1]] if line.strip()]
