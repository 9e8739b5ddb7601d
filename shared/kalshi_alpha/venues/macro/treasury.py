"""The Treasury's daily par yield curve, from its XML feed or its CSV: the 10-year column.

The feed's times are all one and none is when a curve was published; ours of first reading counts.
A missing tenor is null or simply not there.
"""

from __future__ import annotations

import csv
from datetime import date
from xml.etree import ElementTree as ET

from kalshi_alpha.errors import DataError
from kalshi_alpha.venues.macro.figures import Collecting, Parsed, day, text_of

SERIES = "par-yield-10y"
XML_PATH = "/resource-center/data-chart-center/interest-rates/pages/xml"
CSV_PATH = "/resource-center/data-chart-center/interest-rates/daily-treasury-rates.csv/{year}/all"
KIND = "daily_treasury_yield_curve"
_ATOM = "{http://www.w3.org/2005/Atom}"
_META = "{http://schemas.microsoft.com/ado/2007/08/dataservices/metadata}"
_DATA = "{http://schemas.microsoft.com/ado/2007/08/dataservices}"
_DATE, _TENOR = "NEW_DATE", "BC_10YEAR"


def parse_xml(payload: bytes, today: date) -> Parsed:
    """Read the feed.

    Raises:
        DataError: when it is no such feed, or holds no 10-year yield.
    """
    text = text_of(payload, "the feed of yields")
    if "<!" in text:  # a page, or entities that could grow without end
        raise DataError("the feed of yields has a declaration, which a feed has not: a page?")
    try:
        root = ET.fromstring(text)  # noqa: S314 - see above
    except (ET.ParseError, ValueError, RecursionError):
        raise DataError("the feed of yields cannot be read as XML") from None
    if root.tag != f"{_ATOM}feed":
        raise DataError(f"the feed of yields begins with {root.tag[:60]!r}: it is no feed")
    collecting = Collecting(today)
    for row in root.iter(f"{_META}properties"):
        stamp, tenor = row.find(f"{_DATA}{_DATE}"), row.find(f"{_DATA}{_TENOR}")
        stamped = None if stamp is None or stamp.text is None else stamp.text.partition("T")[0]
        null = tenor is None or tenor.get(f"{_META}null") == "true"
        _add(collecting, stamped, None if null or tenor is None else tenor.text, "%Y-%m-%d")
    return collecting.parsed("the feed of yields")


def parse_csv(payload: bytes, today: date) -> Parsed:
    """Read the table; columns are found by name.

    Raises:
        DataError: for a page instead of a table, or one without dates and 10-year yields.
    """
    text = text_of(payload, "the table of yields")
    if text.lstrip().startswith("<"):
        raise DataError("the table of yields is a page instead of a table")
    collecting = Collecting(today)
    try:
        reader = csv.DictReader(text.splitlines(), strict=True)
        if not {"Date", "10 Yr"} <= set(reader.fieldnames or ()):
            raise DataError("the table of yields has no columns 'Date' and '10 Yr'")
        for row in reader:
            _add(collecting, row["Date"], row["10 Yr"], "%m/%d/%Y")
    except csv.Error as error:
        raise DataError(f"the table of yields cannot be read: {error}") from None
    return collecting.parsed("the table of yields")


def _add(collecting: Collecting, stamp: str | None, value: str | None, form: str) -> None:
    try:
        period = day(stamp, form)
    except DataError as error:
        collecting.leave("unreadable", f"{SERIES}: {error}")
        return
    collecting.add(SERIES, period, value)
