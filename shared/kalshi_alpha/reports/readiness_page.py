"""Readiness as a page: GO, NO-GO or INSUFFICIENT, and each criterion with what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kalshi_alpha.errors import DataError
from kalshi_alpha.reports import wording
from kalshi_alpha.reports.plots import bars_svg
from kalshi_alpha.reports.study import Fact, Section, Study, Table
from kalshi_alpha.reports.verdicts import BAD, GOOD, PLAIN

SCHEMA = "kalshi-alpha/readiness/1"
_STATUS = {"GO": GOOD, "NO-GO": BAD, "INSUFFICIENT": PLAIN}


def readiness_page(
    found: Mapping[str, Any],
    *,
    provenance: Sequence[tuple[str, str]],
    banner: str = "",
    links: Sequence[tuple[str, str]] = (),
) -> Study:
    """Return the page of a readiness as its JSON says it; raise ``DataError`` on another schema."""
    if found.get("schema") != SCHEMA:
        raise DataError(f"the readiness has the schema {found.get('schema')!r}, not {SCHEMA}")
    criteria = found["criteria"]
    verdict = str(found["verdict"])
    counts = [(name, float(sum(c["verdict"] == name for c in criteria))) for name in _STATUS]
    drawn = bars_svg(
        counts, "criteria", "Criteria by verdict", "criteria", lambda value: f"{value:.0f}"
    )
    named = f" of {found['family']}" if found.get("family") else ""
    return Study(
        title=f"Readiness{named}: {verdict}",
        lead=(
            f"May the next step be taken? From the {found['source']} broker, as of {found['at']}; "
            f"the strategy stands at {found['standing']}."
        ),
        facts=[Fact("Verdict", verdict, str(found["sentence"]), _STATUS.get(verdict, PLAIN))]
        + [
            Fact(c["title"], c["verdict"], c["sentence"], BAD)
            for c in criteria
            if c["verdict"] == "NO-GO"
        ],
        sections=[
            Section(
                "Criteria",
                (f"{wording.count(found['days'], 'day')} with evidence.",),
                [drawn],
                [_table(criteria)],
            )
        ],
        provenance=provenance,
        banner=banner,
        links=links,
    )


def _table(criteria: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        (
            str(c["title"]),
            str(c["verdict"]),
            _number(c["value"], c["unit"]),
            _number(c["limit"], c["unit"]),
            _interval(c),
            f"{c['sample']} {c['sample_unit']}",
            str(c["sentence"]),
        )
        for c in criteria
    ]
    columns = ("criterion", "verdict", "value", "limit", "95 % interval", "sample", "why")
    return Table("Each criterion", columns, rows)


def _number(value: Any, unit: str) -> str:
    if value is None:
        return wording.NOTHING
    shown = f"{value:,.4g}" if isinstance(value, int | float) else str(value)
    return f"{shown} {unit}".strip()


def _interval(criterion: Mapping[str, Any]) -> str:
    low, high = criterion.get("low"), criterion.get("high")
    if low is None and high is None:
        return "none"
    ends = [wording.NOTHING if end is None else f"{end:,.4g}" for end in (low, high)]
    return f"{ends[0]} to {ends[1]}"
