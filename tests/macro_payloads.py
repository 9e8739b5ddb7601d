"""Small payloads in the wire format of each macro source, made by hand."""

from __future__ import annotations

import copy
import json
from datetime import date
from typing import Any

TODAY = date(2026, 1, 20)

_BLS_ROWS = [
    {"year": "2025", "period": "M13", "value": "320.100", "footnotes": [{}]},
    {"year": "2025", "period": "M12", "periodName": "December", "latest": "true",
     "value": "325.252", "footnotes": [{}]},
    {"year": "2025", "period": "M11", "periodName": "November", "value": "324.500",
     "footnotes": [{}]},
    {"year": "2025", "period": "M10", "periodName": "October", "value": "-",
     "footnotes": [{"code": "X", "text": "Data unavailable"}]},
    {"year": "2025", "period": "M09", "periodName": "September", "value": "324.010",
     "footnotes": [{}]},
]  # fmt: skip

BLS = {
    "status": "REQUEST_SUCCEEDED",
    "responseTime": 120,
    "message": [],
    "Results": {
        "series": [
            {"seriesID": name, "data": copy.deepcopy(_BLS_ROWS)}
            for name in ("CUSR0000SA0", "CUUR0000SA0", "CUSR0000SA0L1E", "CUUR0000SA0L1E")
        ]
    },
}
BLS_IDS = tuple(one["seriesID"] for one in BLS["Results"]["series"])

FRED_CSV = (
    b"observation_date,ICSA\n2026-01-03,208000\n2026-01-10,.\n2026-01-17,211000\n2026-01-31,1\n"
)
FRED_JSON = {
    "realtime_start": "2026-01-20",
    "observations": [
        {"realtime_start": "2026-01-08", "realtime_end": "9999-12-31", "date": "2026-01-03",
         "value": "208000"},
        {"realtime_start": "2026-01-15", "realtime_end": "9999-12-31", "date": "2026-01-10",
         "value": "."},
        {"realtime_start": "2026-01-15", "realtime_end": "9999-12-31", "date": "2026-01-09",
         "value": "9"},
    ],
}  # fmt: skip

DOL = (
    b"st,rptdate,c1,c2,c3,c7,c8\n"
    b"NY,1/17/2026,2,1/10/2026,15000,0,1\n"
    b"CA,1/17/2026,2,1/10/2026,40000,0,1\n"
    b"NY,1/24/2026,3,1/17/2026,14000,0,1\n"
    b"CA,1/24/2026,3,1/17/2026,,0,1\n"
)

_ATOM = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<feed xmlns="http://www.w3.org/2005/Atom"'
    ' xmlns:d="http://schemas.microsoft.com/ado/2007/08/dataservices"'
    ' xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">'
    "<updated>2026-01-20T21:00:00Z</updated>{entries}</feed>"
)
_ENTRY = (
    "<entry><content><m:properties><d:NEW_DATE>{day}T00:00:00</d:NEW_DATE>"
    "<d:BC_2YEAR>3.51</d:BC_2YEAR>{tenor}</m:properties></content></entry>"
)


def treasury_xml(*days: tuple[str, str | None, bool]) -> bytes:
    """Return a feed of (day, yield or None, whether an absent yield is said to be null)."""
    entries = ""
    for day, value, null in days:
        tenor = f"<d:BC_10YEAR>{value}</d:BC_10YEAR>"
        if value is None:
            tenor = '<d:BC_10YEAR m:null="true" />' if null else ""
        entries += _ENTRY.format(day=day, tenor=tenor)
    return _ATOM.format(entries=entries).encode()


TREASURY_XML = treasury_xml(
    ("2026-01-14", "4.15", False),
    ("2026-01-15", None, True),
    ("2026-01-16", None, False),
    ("2026-01-20", "4.17", False),
)
TREASURY_CSV = (
    b'Date,"1 Mo","1.5 Month","2 Yr","10 Yr","30 Yr"\n'
    b"01/20/2026,3.9,3.91,3.5,4.17,4.8\n01/16/2026,3.9,3.91,3.5,,4.8\n01/15/2026,3.9,,3.5,4.10,4.8\n"
)

AAA = (
    b"<!DOCTYPE html><html><body><script>var t='price as of';</script>"
    b"<p>Today's average. Price as of\n 1/20/26</p><table><thead><tr><th></th><th>Regular</th>"
    b"<th>Mid-Grade</th><th>Premium</th><th>Diesel</th></tr></thead><tbody>"
    b"<tr><td>Current Avg.</td><td>$2.853</td><td>$3.3</td><td>$3.6</td><td>$3.7</td></tr>"
    b"<tr><td>Yesterday Avg.</td><td>$2.850</td><td>$3.3</td><td>$3.6</td><td>$3.7</td></tr>"
    b"<tr><td>Week Ago Avg.</td><td>$2.871</td><td>$3.3</td><td>$3.6</td><td>$3.7</td></tr>"
    b"</tbody></table></body></html>"
)
EIA = {
    "response": {
        "total": "3",
        "data": [
            {"period": "2026-01-19", "duoarea": "NUS", "product": "EPMR", "process": "PTE",
             "series": "EMM_EPMR_PTE_NUS_DPG", "value": "2.846", "units": "$/GAL"},
            {"period": "2026-01-12", "duoarea": "NUS", "product": "EPMR", "process": "PTE",
             "series": "EMM_EPMR_PTE_NUS_DPG", "value": 2.86, "units": "$/GAL"},
            {"period": "2026-01-05", "duoarea": "NUS", "product": "EPMR", "process": "PTE",
             "series": "EMM_EPMR_PTE_NUS_DPG", "value": None, "units": "$/GAL"},
            {"period": "2026-01-05", "duoarea": "R10", "product": "EPMR", "process": "PTE",
             "series": "EMM_EPMR_PTE_R10_DPG", "value": "2.7", "units": "$/GAL"},
        ],
    }
}  # fmt: skip


def _dataset(name: str, *values: str) -> dict[str, Any]:
    return {"seriesname": name, "data": [{"value": value} for value in values]}


NOWCAST = [
    {
        "chart": {"subcaption": "2025-12", "_comment": "2026-01-20 10:00:00"},
        "categories": [
            {
                "category": [
                    {"label": "12/30"},
                    {"vline": "true", "label": "CPI Nov"},
                    {"label": "12/31"},
                    {"label": "01/12"},
                    {"vline": "true", "label": "CPI Dec"},
                    {"label": "01/13"},
                ]
            }
        ],
        "dataset": [
            _dataset("CPI Inflation", "0.21", "0.22", "0.25", ""),
            _dataset("Core CPI Inflation", "0.2", "0.2", "0.23", ""),
            _dataset("PCE Inflation", "0.1", "0.1", "0.1", "0.1"),
            _dataset("Actual CPI Inflation", "", "", "", "0.307"),
        ],
    }
]


def as_json(document: object) -> bytes:
    """Return a document as a server sends it."""
    return json.dumps(document).encode()
