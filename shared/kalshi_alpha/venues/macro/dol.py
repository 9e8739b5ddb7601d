"""State claims from the Department of Labor's weekly file: not adjusted, a feature only.

The nation is the sum over 53 jurisdictions. A week in which one of them has not reported yet is
left out, for its sum would look like a fall.
"""

from __future__ import annotations

import csv
from datetime import date

from kalshi_alpha.errors import DataError
from kalshi_alpha.venues.macro.figures import Collecting, Parsed, exact, missing, saturday, text_of

SERIES = "claims-nsa"
PATH = "/unemploy/csv/ar539.csv"
JURISDICTIONS = 53
_STATE, _WEEK, _CLAIMS = "st", "c2", "c3"


def parse(payload: bytes, today: date, jurisdictions: int = JURISDICTIONS) -> Parsed:
    """Read the file into the nation's unadjusted claims by week.

    Raises:
        DataError: for a page instead of a table, missing columns, or no complete week.
    """
    text = text_of(payload, "the file of state claims")
    if text.lstrip().startswith("<"):
        raise DataError("the file of state claims is a page instead of a table")
    weeks: dict[date, dict[str, int]] = {}
    collecting = Collecting(today)
    try:
        reader = csv.DictReader(text.splitlines(), strict=True)
        lacking = {_STATE, _WEEK, _CLAIMS} - set(reader.fieldnames or ())
        if lacking:
            raise DataError(f"the file of state claims lacks the columns {sorted(lacking)}")
        for row in reader:
            _row(collecting, weeks, row)
    except csv.Error as error:
        raise DataError(f"the file of state claims cannot be read: {error}") from None
    for week, states in weeks.items():
        if len(states) == jurisdictions:
            collecting.add(SERIES, week, sum(states.values()))
        else:
            reason = f"{len(states)} of {jurisdictions} jurisdictions reported for {week}"
            collecting.leave("incomplete", reason)
    return collecting.parsed("the file of state claims")


def _row(
    collecting: Collecting, weeks: dict[date, dict[str, int]], row: dict[str, str | None]
) -> None:
    state, claims = (row[_STATE] or "").strip(), row[_CLAIMS]
    if missing(claims):
        collecting.leave("missing", f"{state[:10]} reports no claims for {str(row[_WEEK])[:20]}")
        return
    try:
        week, count = saturday(row[_WEEK]), exact(claims)
    except DataError as error:
        collecting.leave("unreadable", f"{state[:10]}: {error}")
        return
    if not state or not count.isdigit():
        collecting.leave("unreadable", f"{state[:10]!r} reports {count} claims")
    elif weeks.setdefault(week, {}).setdefault(state, int(count)) != int(count):
        collecting.leave("twice", f"{state[:10]} reports two numbers for {week}")
        del weeks[week][state]  # neither is believed, and the week is incomplete
