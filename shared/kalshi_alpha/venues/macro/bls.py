"""Consumer prices from the Bureau of Labor Statistics, public data API version 2.

An error comes inside HTTP 200: the status word is another than REQUEST_SUCCEEDED, or a message
names a series that is gone or a quota that is spent. Months come newest first; M13 is the year's
average, and ``-`` a month that was never collected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any

import msgspec

from kalshi_alpha.errors import DataError, VenueThrottled
from kalshi_alpha.venues.decoding import decode
from kalshi_alpha.venues.macro.figures import Collecting, Parsed, require_json

PATH = "/publicAPI/v2/timeseries/data/"
SERIES: Mapping[str, str] = MappingProxyType(
    {
        "CUSR0000SA0": "cpi-sa",
        "CUUR0000SA0": "cpi-nsa",
        "CUSR0000SA0L1E": "core-cpi-sa",
        "CUUR0000SA0L1E": "core-cpi-nsa",
    }
)
_MONTH = re.compile(r"M(0[1-9]|1[0-2])", re.ASCII)
_YEAR = re.compile(r"[12][0-9]{3}", re.ASCII)


def request(ids: Sequence[str], first: int, last: int, key: str) -> bytes:
    """Return the body to post for the series of these ids, years ``first`` to ``last``."""
    body = {"seriesid": list(ids), "startyear": str(first), "endyear": str(last)}
    return msgspec.json.encode(body | ({"registrationkey": key} if key else {}))


def parse(payload: bytes, ids: Sequence[str], today: date) -> Parsed:
    """Read an answer.

    Raises:
        VenueThrottled: when the quota of the day is spent.
        DataError: when it is no answer, says that it failed, or lacks a series that was asked for.
    """
    require_json(payload, "the statistics bureau")
    answer = decode(payload)
    if not isinstance(answer, dict):
        raise DataError("the statistics bureau answered with something that is no object")
    _require_success(answer)
    collecting, seen = Collecting(today), set()
    for one in _series(answer):
        found = str(one.get("seriesID"))
        if found not in ids or found not in SERIES:
            collecting.leave("unknown", f"the series {found[:30]!r} was not asked for")
            continue
        rows = one.get("data")
        if isinstance(rows, list) and rows:
            seen.add(found)
            for row in rows:
                _row(collecting, SERIES[found], row)
    gone = [name for name in ids if name not in seen]
    if gone:
        raise DataError(f"the statistics bureau has nothing for {', '.join(gone)}: is the id gone?")
    return collecting.parsed("the statistics bureau's answer")


def _require_success(answer: Mapping[str, Any]) -> None:
    said = answer.get("message")
    words = " ".join(str(one) for one in said) if isinstance(said, list) else ""
    if answer.get("status") == "REQUEST_SUCCEEDED":
        return
    if "threshold" in words.lower() or "quota" in words.lower():
        raise VenueThrottled("the statistics bureau's quota of the day is spent", status=200)
    raise DataError(
        f"the statistics bureau says {str(answer.get('status'))[:40]!r} instead of success"
    )


def _series(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    results = answer.get("Results")
    if isinstance(results, list) and results:  # as some of its documentation has it
        results = results[0]
    found = results.get("series") if isinstance(results, dict) else None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise DataError("the statistics bureau's answer holds no list of series")
    return found


def _row(collecting: Collecting, series: str, row: object) -> None:
    year, period = (row.get("year"), row.get("period")) if isinstance(row, dict) else (None, None)
    if period == "M13":
        collecting.leave("annual", f"{series} has an average of {str(year)[:10]}")
        return
    month = _MONTH.fullmatch(str(period))
    if not isinstance(row, dict) or month is None or not _YEAR.fullmatch(str(year)):
        collecting.leave("unreadable", f"{series} has a row of {str(year)[:10]} {str(period)[:10]}")
        return
    first = date(int(str(year)), int(month[1]), 1)
    if (first.year, first.month) == (collecting.today.year, collecting.today.month):
        collecting.leave("future", f"{series} has {first:%Y-%m}, which has not ended")
        return
    collecting.add(series, first, row.get("value"))
