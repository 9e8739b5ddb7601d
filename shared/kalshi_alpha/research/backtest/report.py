"""A backtest as files: backtest.json, the trades as CSV and parquet, a page and its twin."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from kalshi_alpha.reports.charts import drawing
from kalshi_alpha.reports.study import Fact, Section, Study, Table, write_study
from kalshi_alpha.reports.wording import MINUS, NOTHING
from kalshi_alpha.research.backtest.days import DayPlayed
from kalshi_alpha.research.backtest.pictures import rows_chart, total_chart
from kalshi_alpha.research.backtest.records import FillRow
from kalshi_alpha.research.backtest.running import Backtest
from kalshi_alpha.research.backtest.summary import ALL, EDGE, LOSS
from kalshi_alpha.research.data.store import parquet_bytes, write_atomically

OVERVIEW = (
    "", "quotes", "fills", "days with fills", "claimed", "realised", "95 %", "after 5 s", "verdict",
)  # fmt: skip
_OTHERS = ("", "fills", "claimed", "realised", "95 %", "base ahead, $ a day", "95 %")
_WHEN = ("seconds before the fixing", "fills before", "realised", "95 %", "fills later",
         "realised", "95 %")  # fmt: skip
_MARKOUTS = ("", "fills", "claimed", "after 1 s", "after 5 s", "after 30 s", "settled")
_DRIFT = ("", "earlier", "later", "change", "95 %")
_POWER = ("cents a contract", "days")
_TYPES = {
    "str": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(),
    "float | None": pa.float64(), "bool | None": pa.bool_(),
}  # fmt: skip


def write_backtest(
    found: Backtest, folder: Path, provenance: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Write trades.csv, trades.parquet, backtest.html, backtest.md and, last, backtest.json.

    Returns:
        What backtest.json holds.
    """
    return write_files(found.document, found.days, folder, provenance, study_of)


def write_files(
    found: Mapping[str, Any],
    days: Sequence[DayPlayed],
    folder: Path,
    provenance: Sequence[tuple[str, str]],
    study: Callable[[Mapping[str, Any]], Study],
) -> dict[str, Any]:
    """Write a document with its page, as ``study`` lays it out, and its trades."""
    document = dict(found) | {"provenance": {**dict(provenance), **found["provenance"]}}
    text = json.dumps(document, indent=1, allow_nan=False)
    (folder / "backtest.json").unlink(missing_ok=True)
    table = trades_table(days)
    write_atomically(folder / "trades.parquet", parquet_bytes(table))
    sink = pa.BufferOutputStream()
    pa_csv.write_csv(table, sink)
    write_atomically(folder / "trades.csv", bytes(sink.getvalue().to_pybytes()))
    write_study(study(document), folder, "backtest")
    write_atomically(folder / "backtest.json", (text + "\n").encode())
    return document


def trades_table(days: Sequence[DayPlayed]) -> pa.Table:
    """Return every simulated fill, and what only touched, as one table in order of time."""
    rows = [row for day in days for row in (*day.fills, *day.touches)]
    rows.sort(key=lambda row: (row.at, row.ticker, row.side))
    schema = pa.schema([(each.name, _TYPES[str(each.type)]) for each in fields(FillRow)])
    return pa.Table.from_pylist([row.as_json() for row in rows], schema=schema)


def overview(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return a line for the whole, each minute class and each side."""
    return [
        line_of(ALL, document[ALL]),
        *(line_of(_minutes(row), row) for row in document["minutes"]),
        *(line_of(row["side"], row) for row in document["sides"]),
    ]


def study_of(document: Mapping[str, Any]) -> Study:
    """Return the page."""
    whole = document[ALL]
    settings = document["settings"]
    with drawing():
        charts = [total_chart(document["days"])]
        minutes = document["minutes"]
        by_minute = [
            rows_chart(minutes, [_minutes(row) for row in minutes], "minutes", "By minutes left")
        ]
        bins = document["bins"]
        by_bin = [rows_chart(bins, [f"{row['bin']:+d}" for row in bins], "bins", "By bin")]
    sections = [
        Section(
            "Claimed and realised",
            (_READING, whole["verdict_sentence"]),
            charts,
            [Table("Cents a contract", OVERVIEW, overview(document))],
        ),
        Section(
            "By minutes to the fixing and by bin",
            (_BINS,),
            (*by_minute, *by_bin),
            [
                Table("By bin", OVERVIEW, [line_of(f"{row['bin']:+d}", row) for row in bins]),
                Table(
                    "Does it drift", OVERVIEW, [line_of(h["from"], h) for h in document["halves"]]
                ),
            ],
        ),
        Section(
            "What fills were worth afterwards",
            (_AFTER,),
            (),
            [
                Table("Cents a contract", _MARKOUTS, _after_lines(document)),
                Table("Slipped from the claim", _DRIFT, _drift_lines(document)),
            ],
        ),
        Section(
            "Beside strategies that know nothing",
            (_NULLS,),
            (),
            [Table("The same caps and clock", _OTHERS, [_other(r) for r in document["nulls"]])],
        ),
    ]
    if document["sensitivity"]:
        table = Table(
            "One assumption changed", _OTHERS, [_other(r) for r in document["sensitivity"]]
        )
        sections.append(Section("Other assumptions", (_OTHERWISE,), (), [table]))
    if document["when"]:
        sections.append(_when(document["when"]))
    sections.append(_closed(document))
    sections.append(_fills_section(document))
    return Study(
        title=f"{document['series']}: would it have filled, and what was it worth",
        lead=(
            f"The strategy's own code over {whole['days']} recorded days, "
            f"{settings['start_s']:g} to {settings['stop_s']:g} seconds before each fixing. A "
            "quote fills only where a recorded trade went through its price."
        ),
        facts=_facts(whole),
        sections=sections,
        provenance=tuple(document["provenance"].items()),
    )


_READING = (
    "Claimed is the expected value after fees that the strategy put on its quote; realised is what "
    "the settlement paid after the fees of that day. Intervals draw whole days. After 5 s is the "
    "law's probability five seconds after the fill less the price, by side."
)
_BINS = (
    "Bin +1 is the first strike above the index at the fill, \N{MINUS SIGN}1 the first at or "
    "below it. A row here is one of many looks at the same days, and none of them is a verdict."
)
_AFTER = (
    "By side: the law's probability so long after the fill, or the settlement, less the price. "
    "Slippage is that less what was claimed, on the earlier and the later half of the days; its "
    "change says whether fills grow worse."
)
_NULLS = (
    "Mid quotes around the market's own middle, each side by turns; random keeps to one side of it "
    "by a coin; never does nothing. What the base does not gain on these it did not know."
)
_OTHERWISE = (
    "The same days again with one assumption changed: how late orders arrive, how far a trade must "
    "go through a price, how long a traded price counts as quoted, how far the book is wider."
)


def _facts(whole: Mapping[str, Any]) -> list[Fact]:
    coverage, counted = whole["coverage"], whole["fills_by_evidence"]
    status: Any = {EDGE: "good", LOSS: "bad"}.get(whole["verdict"], "plain")
    return [
        Fact("Verdict", whole["verdict"], whole["verdict_sentence"], status),
        Fact(
            "Realised, cents a contract",
            _cents(whole["realised"]),
            f"95 %: {_range(whole['realised_low'], whole['realised_high'])}; claimed "
            f"{_cents(whole['ev_claimed'])}.",
        ),
        Fact(
            "Fills",
            f"{whole['fills']}",
            f"{counted['trade_through']} by a trade through the price; {counted['touched']} orders "
            "were only touched and do not count.",
        ),
        Fact(
            "Days",
            f"{coverage['days_loaded']} of {coverage['days_requested']}",
            f"{coverage['scans_without_level']} of {coverage['scans']} scans had no fresh level.",
        ),
    ]


def _when(when: Mapping[str, Any]) -> Section:
    chosen = when["chosen"]
    if chosen is None:
        said = f"No stretch had {when['fewest_fills']} fills on the earlier days: none is chosen."
    else:
        later = when["later"]
        said = (
            f"Chosen on {when['chosen_on'][0]} to {when['chosen_on'][1]} among {when['tried']}: "
            f"{chosen['start_s']:g} to {chosen['stop_s']:g} s before the fixing. On later days: "
            f"{later['verdict_sentence']} "
            + ("It may be acted on." if when["act"] else "Nothing is to be changed on this.")
        )
    rows = [
        (
            f"{row['start_s']:g} to {row['stop_s']:g}",
            *(
                cell
                for half in ("earlier", "later")
                for cell in (
                    f"{row[half]['fills']}",
                    _cents(row[half]["realised"]),
                    _range(row[half]["realised_low"], row[half]["realised_high"]),
                )
            ),
        )
        for row in when["rows"]
    ]
    return Section("When to quote", (said,), (), [Table("Every stretch tried", _WHEN, rows)])


def _after_lines(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    rows = [(ALL, document[ALL]), *((_minutes(row), row) for row in document["minutes"])]
    names = ("ev_claimed", "markout_1s", "markout_5s", "markout_30s", "realised")
    return [
        (name, f"{row['fills']:,}", *(_cents(row[each]) for each in names)) for name, row in rows
    ]


def _drift_lines(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    words = {"markout_1s": "after 1 s", "markout_5s": "after 5 s", "markout_30s": "after 30 s"}
    return [
        (
            words.get(row["after"], "settled"),
            *(_cents(row[each]) for each in ("earlier", "later", "change")),
            _range(row["change_low"], row["change_high"]),
        )
        for row in document["drift"]
    ]


def _closed(document: Mapping[str, Any]) -> Section:
    closed = document["closed"]
    if closed["chosen"] is None:
        said = (
            f"No stretch lost with {closed['fewest_votes']} votes on the earlier days: every one "
            "stays open."
        )
    else:
        later = closed["later"]
        said = (
            f"Worst of {closed['tried']} on {' to '.join(closed['chosen_on'])}: {closed['name']} "
            f"before the fixing, {_cents(closed['earlier']['realised'])} on "
            f"{closed['earlier']['fills']} votes. On later days: {later['verdict_sentence']} "
            + ("It is to be closed." if closed["act"] else "It stays open.")
        )
    rows = [
        (_cents(row["edge"]), NOTHING if row["days"] is None else f"{row['days']:,}")
        for row in document["power"]
    ]
    table = Table("Days that would show an edge four times in five", _POWER, rows)
    return Section("Where not to quote, and how long a verdict takes", (said,), (), [table])


def _fills_section(document: Mapping[str, Any]) -> Section:
    whole = document[ALL]
    refused = [(code, f"{n:,}") for code, n in document["refusals"].items()]
    missing = [(row["day"], row["rule"], row["sentence"]) for row in document["missing"]]
    words = [
        f"{whole['fills']} of {whole['quotes']} quotes filled.",
        f"A filled quote had rested {whole['seconds_rested'] or 0:.0f} s in the mean.",
        f"The running total fell by at most ${whole['drawdown']:.2f}.",
        f"Index level: {document['level']}.",
    ]
    tables = [Table("Refused, by gate and scan", ("gate", "times"), refused)]
    if missing:
        tables.append(Table("Days asked for and not played", ("day", "rule", "why"), missing))
    return Section("How it came about", words, (), tables)


def line_of(name: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return one row of backtest.json as a line under ``OVERVIEW``."""
    return (
        name,
        f"{row['quotes']:,}" if row["quotes"] else NOTHING,
        f"{row['fills']:,}",
        f"{row['days_with_fills']}",
        _cents(row["ev_claimed"]),
        _cents(row["realised"]),
        _range(row["realised_low"], row["realised_high"]),
        _cents(row["markout_5s"]),
        row["verdict"],
    )


def _other(row: Mapping[str, Any]) -> tuple[str, ...]:
    low, high = row["ahead_low"], row["ahead_high"]
    return (
        row["name"],
        f"{row['fills']:,}",
        _cents(row["ev_claimed"]),
        _cents(row["realised"]),
        _range(row["realised_low"], row["realised_high"]),
        f"{row['ahead']:+.3f}".replace("-", MINUS),
        NOTHING if low is None else f"{low:+.3f} to {high:+.3f}".replace("-", MINUS),
    )


def _minutes(row: Mapping[str, Any]) -> str:
    return f"{row['minutes_from']:g} to {row['minutes_to']:g} min"


def _cents(dollars: float | None) -> str:
    return NOTHING if dollars is None else f"{100 * dollars:+.1f}".replace("-", MINUS)


def _range(low: float | None, high: float | None) -> str:
    return NOTHING if low is None or high is None else f"{_cents(low)} to {_cents(high)}"
