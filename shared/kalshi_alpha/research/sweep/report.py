"""A sweep's result as files: sweep.json, sweep.parquet, a page and its twin."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from kalshi_alpha.reports.charts import BAD, MODEL, MUTED, dollars_axis, drawing, figure, to_svg
from kalshi_alpha.reports.study import (
    Fact,
    Section,
    Study,
    Table,
    render_html,
    render_markdown,
)
from kalshi_alpha.reports.wording import MINUS, NOTHING
from kalshi_alpha.research.data.store import parquet_bytes

COLUMNS = ("setting", "days", "quotes", "fills", "claimed", "realised", "95 %", "chance", "verdict")
SHOWN = 40  # rows of the page, best first; sweep.parquet has them all


def files_of(document: Mapping[str, Any]) -> dict[str, bytes]:
    """Return every file of a result by name; the same document gives the same bytes."""
    with drawing():
        study = study_of(document)
    return {
        "sweep.parquet": parquet_bytes(table_of_rows(document)),
        "sweep.html": render_html(study).encode(),
        "sweep.md": render_markdown(study).encode(),
        "sweep.json": (json.dumps(document, indent=1, allow_nan=False) + "\n").encode(),
    }


def table_of_rows(document: Mapping[str, Any]) -> pa.Table:
    """Return a row a look, its settings as columns of text beside what it came to."""
    keys = sorted({key for point in document["settings"] for key in point})
    rows = []
    for row in document["rows"]:
        point = document["settings"][row["setting"]]
        said = {f"set_{key}": str(point[key]) if key in point else None for key in keys}
        rows.append({**row, **said})
    schema = pa.schema([(name, _type_of(rows, name)) for name in rows[0]])
    return pa.Table.from_pylist(rows, schema=schema)


def best_first(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the rows by their chance, those that have none last; equals stay in their order."""
    return sorted(document["rows"], key=lambda row: 2.0 if row["chance"] is None else row["chance"])


def line_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a row as a line under ``COLUMNS``."""
    chance = row["chance"]
    return (
        f"{row['series']}, {row['name']}",
        f"{row['days']:,}",
        f"{row['quotes']:,}",
        f"{row['fills']:,}",
        _cents(row["ev_claimed"]),
        _cents(row["realised"]),
        _range(row["realised_low"], row["realised_high"]),
        NOTHING if chance is None else f"{chance:.4f}",
        row["verdict"],
    )


def study_of(document: Mapping[str, Any]) -> Study:
    """Return the page."""
    best = best_first(document)
    missing = [
        (series, rule, f"{count:,}")
        for series, by_rule in document["missing"].items()
        for rule, count in by_rule.items()
    ]
    tables = [Table("Best first, cents a contract", COLUMNS, [line_of(r) for r in best[:SHOWN]])]
    if missing:
        tables.append(Table("Days that were not played", ("series", "rule", "days"), missing))
    return Study(
        title=f"Sweep {document['name']}",
        lead=document["sentence"],
        facts=[
            Fact("Looks", f"{document['looks']:,}", "Settings by series: every one counts."),
            Fact(
                "Intervals above zero",
                f"{document['above_zero']:,}",
                f"About {document['chance_allowed'] * document['looks']:.1f} by chance alone.",
            ),
            Fact(
                "Stand out among all",
                f"{document['edges']:,}",
                "Only these are called an edge.",
                "good" if document["edges"] else "plain",
            ),
            Fact(
                "Days",
                f"{document['days']:,}",
                f"{document['first']} to {document['last']}, drawn whole for every interval.",
            ),
        ],
        sections=[
            Section(
                "What each setting came to",
                (
                    "Intervals draw whole days.",
                    f"Chance: that a best of {document['looks']:,} that know nothing does as well.",
                    "A setting chosen here was chosen on these very days: play it on later ones.",
                ),
                [_chart(best[:SHOWN])],
                tables,
            )
        ],
        provenance=[("Sweep", document["sweep"]), *document["provenance"].items()],
    )


def _chart(rows: Sequence[Mapping[str, Any]]) -> str:
    made = figure(8.0, 3.2)
    axes = made.add_subplot()
    for k, row in enumerate(rows):
        if row["realised"] is None:
            continue
        colour = BAD if row["realised"] < 0 else MODEL
        if row["realised_low"] is not None and row["realised_high"] is not None:
            ends = [100 * row["realised_low"], 100 * row["realised_high"]]
            axes.plot([k, k], ends, lw=1.0, color=colour)
        axes.plot([k], [100 * row["realised"]], "o", ms=3, color=colour)
    axes.axhline(0.0, color=MUTED, lw=0.8)
    axes.set_xlabel("settings, best first")
    dollars_axis(axes, "a contract")
    axes.set_title("Realised, with intervals by days", loc="left")
    words = "Each setting's realised value a contract with its interval by days, best first"
    return to_svg(made, "sweep", "Realised by setting", words)


def _type_of(rows: Sequence[Mapping[str, Any]], name: str) -> pa.DataType:
    found = {type(row[name]) for row in rows} - {type(None)}
    if found <= {int}:
        return pa.int64() if found else pa.float64()
    return pa.string() if found == {str} else pa.float64()


def _cents(dollars: float | None) -> str:
    return NOTHING if dollars is None else f"{100 * dollars:+.1f}".replace("-", MINUS)


def _range(low: float | None, high: float | None) -> str:
    return NOTHING if low is None or high is None else f"{_cents(low)} to {_cents(high)}"
