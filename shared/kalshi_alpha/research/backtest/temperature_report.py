"""A run over temperature trades as files: the same ones as a backtest's, with a page of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kalshi_alpha.reports.charts import drawing
from kalshi_alpha.reports.study import Fact, Section, Study, Table
from kalshi_alpha.research.backtest.days import DayPlayed
from kalshi_alpha.research.backtest.pictures import total_chart
from kalshi_alpha.research.backtest.report import OVERVIEW, line_of, write_files
from kalshi_alpha.research.backtest.summary import ALL


def write_temperatures(
    found: Mapping[str, Any],
    days: Sequence[DayPlayed],
    folder: Path,
    provenance: Sequence[tuple[str, str]],
) -> dict[str, Any]:
    """Write the same files for a run over temperature trades; return what backtest.json holds."""
    return write_files(found, days, folder, provenance, temperatures_study)


def temperatures_overview(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return a line for the whole, each side, and each assumption that was changed."""
    return [
        line_of(ALL, document[ALL]),
        *(line_of(row["side"], row) for row in document["sides"]),
        *(line_of(row["name"], row) for row in document["sensitivity"]),
    ]


def temperatures_study(document: Mapping[str, Any]) -> Study:
    """Return the page of a run over temperature trades."""
    whole, settings = document[ALL], document["settings"]
    coverage, counted = whole["coverage"], whole["fills_by_evidence"]
    with drawing():
        chart = total_chart(document["days"])
    rows = temperatures_overview(document)
    refused = [(code, f"{n:,}") for code, n in document["refusals"].items()]
    missing = ", ".join(f"{n} {rule}" for rule, n in coverage["missing"].items()) or "none"
    return Study(
        title=f"{document['series']}: the engine on temperature trades",
        lead=(
            f"Quotes rest {settings['min_ev'] / 100:g} cents off the market's own middle of a "
            "minute ago. There is no law in it and no edge to be found: it is an exercise."
        ),
        facts=[
            Fact("Verdict", whole["verdict"], whole["verdict_sentence"]),
            Fact(
                "Fills",
                f"{whole['fills']}",
                f"Each by a trade through the price; {counted['touched']} quotes were only touched "
                "and do not count.",
            ),
            Fact(
                "Events",
                f"{coverage['days_loaded']} of {coverage['days_requested']}",
                f"Left out: {missing}.",
            ),
        ],
        sections=[
            Section(
                "Claimed and realised",
                (whole["verdict_sentence"],),
                [chart],
                [Table("Cents a contract", OVERVIEW, rows)],
            ),
            Section("Refused", (), (), [Table("By gate and scan", ("gate", "times"), refused)]),
        ],
        provenance=tuple(document["provenance"].items()),
    )
