"""What each public source answers about the recorded figures, in its own wire format."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from kalshi_alpha.families.cpi import months_before
from kalshi_alpha.rehearsal.recorded_figures import told
from kalshi_alpha.venues.macro import bls, fred, gasoline, treasury

_FEED = (
    '<?xml version="1.0" encoding="utf-8" standalone="yes"?>\n'
    '<feed xmlns="http://www.w3.org/2005/Atom"'
    ' xmlns:d="http://schemas.microsoft.com/ado/2007/08/dataservices"'
    ' xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">'
    "<title>DailyTreasuryYieldCurveRateData</title>{entries}</feed>"
)
_ENTRY = (
    "<entry><content type='application/xml'><m:properties>"
    '<d:NEW_DATE m:type="Edm.DateTime">{day}T00:00:00</d:NEW_DATE>'
    '<d:BC_2YEAR m:type="Edm.Double" m:null="true" />'
    '<d:BC_10YEAR m:type="Edm.Double">{value}</d:BC_10YEAR>'
    "</m:properties></content></entry>"
)
_PAGE = (
    "<!DOCTYPE html><html><head><title>National Average Gas Prices</title></head><body>"
    "<h1>National average gas prices</h1><p>Price as of {day:%m/%d/%y}</p>"
    "<table><thead><tr><th></th><th>Regular</th><th>Mid-Grade</th><th>Premium</th>"
    "<th>Diesel</th></tr></thead><tbody>{rows}</tbody></table></body></html>"
)
_ROW = "<tr><td>{name} Avg.</td><td>${value}</td><td>-</td><td>-</td><td>-</td></tr>"
_ROWS = (("Current", 0), ("Yesterday", 1), ("Week Ago", 7), ("Month Ago", 30), ("Year Ago", 365))
_UNAVAILABLE = {"code": "X", "text": "Data unavailable due to the 2025 lapse in appropriations"}
_LAPSED = date(2025, 10, 1)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: its path below the host, its query and its body."""

    path: str
    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    status: int
    kind: str
    body: bytes


Answering = Callable[[Asked, datetime], Answer]


def _json(document: Any, status: int = 200) -> Answer:
    return Answer(status, "application/json", json.dumps(document).encode())


_NOT_FOUND = Answer(404, "text/html", b"<!DOCTYPE html><html><body>Not Found</body></html>")


def answer_bls(asked: Asked, now: datetime) -> Answer:
    """Answer the statistics bureau's data interface: months newest first, errors inside 200."""
    if asked.path != bls.PATH:
        return _NOT_FOUND
    try:
        wanted = json.loads(asked.body)
        ids, years = wanted["seriesid"], (int(wanted["startyear"]), int(wanted["endyear"]))
    except (ValueError, KeyError, TypeError):
        said = ["Your request has failed, please check your input parameters."]
        return _json({"status": "REQUEST_NOT_PROCESSED", "message": said, "Results": {}})
    found = {one: _months(told(bls.SERIES.get(one, ""), now), *years) for one in ids}
    return _json(
        {
            "status": "REQUEST_SUCCEEDED",
            "responseTime": 100,
            "message": [f"No Data Available for Series {one}" for one, rows in found.items()
                        if not rows],
            "Results": {"series": [{"seriesID": one, "data": rows}
                                   for one, rows in found.items()]},
        }
    )  # fmt: skip


def _months(values: Mapping[date, str], first: int, last: int) -> list[dict[str, Any]]:
    if not values:
        return []
    rows, month, newest = [], max(values), max(values)
    while month >= max(min(values), date(first, 1, 1)):
        value = values.get(month, "-" if month == _LAPSED else None)
        if value is not None and month.year <= last:
            rows.append(
                {
                    "year": str(month.year),
                    "period": f"M{month.month:02}",
                    "periodName": f"{month:%B}",
                    **({"latest": "true"} if month == newest else {}),
                    "value": value,
                    "footnotes": [_UNAVAILABLE if value == "-" else {}],
                }
            )
        month = months_before(month, 1)
    return rows


def answer_fred(asked: Asked, now: datetime) -> Answer:
    """Answer the mirror's table of one series."""
    name = asked.query.get("id", "")
    values = told(fred.SERIES.get(name, ""), now)
    if asked.path != fred.CSV_PATH or not values:
        return _NOT_FOUND
    since = asked.query.get("cosd", "")
    rows = [f"{day},{value}" for day, value in values.items() if day.isoformat() >= since]
    text = "\n".join((f"observation_date,{name}", *rows)) + "\n"
    return Answer(200, "application/csv", text.encode())


def answer_treasury(asked: Asked, now: datetime) -> Answer:
    """Answer the Treasury's curves: a month as a feed, a year as a table."""
    values = told(treasury.SERIES, now)
    if asked.path == treasury.XML_PATH:
        month = asked.query.get("field_tdr_date_value_month", "")
        kept = {day: value for day, value in values.items() if f"{day:%Y%m}" == month}
        entries = "".join(_ENTRY.format(day=day, value=value) for day, value in kept.items())
        return Answer(200, "application/xml", _FEED.format(entries=entries).encode())
    year = asked.query.get("field_tdr_date_value", "")
    if asked.path != treasury.CSV_PATH.format(year=year):
        return _NOT_FOUND
    rows = [f"{day:%m/%d/%Y},,{v}" for day, v in reversed(values.items()) if str(day.year) == year]
    return Answer(200, "text/csv", "\n".join(('Date,"2 Yr","10 Yr"', *rows, "")).encode())


def answer_aaa(asked: Asked, now: datetime) -> Answer:
    """Answer AAA's page of national averages."""
    values = told(gasoline.AAA_SERIES, now)
    if asked.path != "/" or not values:
        return _NOT_FOUND
    day = max(values)
    rows = ((name, values.get(day - timedelta(days=back))) for name, back in _ROWS)
    shown = "".join(_ROW.format(name=name, value=value) for name, value in rows if value)
    return Answer(200, "text/html", _PAGE.format(day=day, rows=shown).encode())


def answer_eia(asked: Asked, now: datetime) -> Answer:
    """Answer the energy office's weekly survey; without a key it says so, as it does."""
    if asked.path != gasoline.EIA_PATH:
        return _NOT_FOUND
    if not asked.query.get("api_key"):
        return _json({"error": {"code": "API_KEY_MISSING"}}, status=403)
    values = sorted(told(gasoline.EIA_SERIES, now).items(), reverse=True)
    length = asked.query.get("length", "")
    kept = values[: int(length)] if length.isdigit() else values
    rows = [
        {
            "period": day.isoformat(),
            "duoarea": "NUS",
            "product": "EPMR",
            "process": "PTE",
            "series": gasoline.EIA_ID,
            "value": value,
            "units": "$/GAL",
        }
        for day, value in kept
    ]
    return _json({"response": {"total": str(len(values)), "data": rows}})


ANSWERS: Mapping[str, Answering] = {
    "bls": answer_bls,
    "fred": answer_fred,
    "treasury": answer_treasury,
    "aaa": answer_aaa,
    "eia": answer_eia,
}
