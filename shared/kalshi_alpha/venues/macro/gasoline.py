"""Gasoline: AAA's daily page, on which the venue settles, and the weekly survey, a feature.

AAA has no interface: its page holds one table. The day stands in its text, and the row "Yesterday"
is a second reading of the day before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from html.parser import HTMLParser
from typing import Any

from kalshi_alpha.errors import DataError
from kalshi_alpha.venues.decoding import decode
from kalshi_alpha.venues.macro.figures import Collecting, Parsed, day, require_json, text_of

AAA_SERIES = "aaa-regular"
EIA_SERIES = "eia-regular"
EIA_PATH = "/v2/petroleum/pri/gnd/data/"
EIA_ID = "EMM_EPMR_PTE_NUS_DPG"
EIA_QUERY: Sequence[tuple[str, str]] = (
    ("frequency", "weekly"),
    ("data[]", "value"),
    ("facets[series][]", EIA_ID),
    ("sort[0][column]", "period"),
    ("sort[0][direction]", "desc"),
)
_AS_OF = re.compile(r"price as of\s+([0-9]{1,2}/[0-9]{1,2}/[0-9]{2,4})", re.IGNORECASE | re.ASCII)
_ROWS = (("current", 0), ("yesterday", 1))
_COLUMN = "regular"
_LONGEST = 5_000_000  # bytes; the page has a few hundred thousand


class _Page(HTMLParser):
    """Collects the words of the page and the cells of its table rows."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.rows: list[list[str]] = []
        self._cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag == "tr":
            self.rows.append([])
        self._cell = tag in {"td", "th"} or (self._cell and tag not in {"tr", "table"})
        if tag in {"td", "th"} and self.rows:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th", "tr", "table"}:
            self._cell = False

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._cell and self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def parse_aaa(payload: bytes, today: date) -> Parsed:
    """Read the national page: regular of the day, and of the day before as it stands now.

    Raises:
        DataError: when the page names no day or two, or has no column of regular.
    """
    if len(payload) > _LONGEST:
        raise DataError(f"the page of gasoline prices has {len(payload)} bytes: it is another page")
    page = _Page()
    page.feed(text_of(payload, "the page of gasoline prices"))
    page.close()
    said = set(_AS_OF.findall(" ".join(" ".join(page.words).split())))
    if len(said) != 1:
        raise DataError(f"the page of gasoline prices names {len(said)} days instead of one")
    as_of = day(said.pop(), "%m/%d/%y", "%m/%d/%Y")
    rows = [[cell.strip() for cell in row] for row in page.rows if row]
    column = _regular(rows)
    collecting = Collecting(today)
    for label, back in _ROWS:
        cells = next((row for row in rows if row[0].lower().startswith(label)), None)
        period = as_of - timedelta(days=back)
        if cells is None or len(cells) <= column:
            collecting.leave("missing", f"{AAA_SERIES} has no row for {period}")
        else:
            collecting.add(AAA_SERIES, period, cells[column].removeprefix("$"))
    return collecting.parsed("the page of gasoline prices")


def parse_eia(payload: bytes, today: date) -> Parsed:
    """Read the weekly survey.

    Raises:
        DataError: when the answer is an error, a page, or without figures.
    """
    require_json(payload, "the energy office")
    answer = decode(payload)
    inner = answer.get("response") if isinstance(answer, dict) else None
    rows = inner.get("data") if isinstance(inner, dict) else None
    if not isinstance(rows, list):
        raise DataError("the energy office answered without data: an error, or the series is gone")
    collecting = Collecting(today)
    for row in rows:
        if isinstance(row, dict):
            _eia_row(collecting, row)
        else:
            collecting.leave("unreadable", "the survey has a row that is no object")
    return collecting.parsed("the energy office's answer")


def _eia_row(collecting: Collecting, row: Mapping[str, Any]) -> None:
    if row.get("series") != EIA_ID or row.get("units", "$/GAL") != "$/GAL":
        named = f"{str(row.get('series'))[:30]} in {str(row.get('units'))[:10]}"
        collecting.leave("unknown", f"the survey has a row of {named}")
        return
    try:
        period = day(row.get("period"))
    except DataError as error:
        collecting.leave("unreadable", f"{EIA_SERIES}: {error}")
        return
    collecting.add(EIA_SERIES, period, row.get("value"))


def _regular(rows: list[list[str]]) -> int:
    for row in rows:
        names = [cell.lower() for cell in row]
        if _COLUMN in names[1:]:
            return names.index(_COLUMN, 1)
    raise DataError("the page of gasoline prices has no column of regular")
