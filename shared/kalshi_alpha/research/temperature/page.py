"""The study as files: study.json, its artifacts, and a page with a Markdown twin."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kalshi_alpha.reports.charts import BAD, MODEL, MUTED, drawing, figure, to_svg
from kalshi_alpha.reports.study import Fact, Section, Study, Table, write_study
from kalshi_alpha.reports.wording import MINUS, NOTHING
from kalshi_alpha.research.data.store import write_atomically
from kalshi_alpha.research.temperature.study import Found
from kalshi_alpha.research.temperature.walking import OURS

OVERVIEW = ("model", "Brier", "less the middles'", "95 %", "RPS", "less the middles'", "95 %")
_HORIZONS = ("model", "seconds", "error saved", "95 %", "moves", "right", "95 %", "Brier less even")
_PLAYED = (
    "strategy", "fills", "touched", "claimed", "realised", "95 %", "Sharpe", "fills won",
    "days won", "deepest fall", "of a day's risk", "verdict",
)  # fmt: skip

_ODDS = ("of quotes that a model had not seen", "it said", "came", "came less said", "95 %")


def write_temperature(
    found: Found, folder: Path, provenance: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Write the artifacts, temperature.html, temperature.md and, last, study.json.

    Returns:
        What study.json holds.
    """
    document = found.document | {"provenance": dict(provenance) | found.document["provenance"]}
    (folder / "study.json").unlink(missing_ok=True)
    write_study(page_of(document), folder, "temperature")
    for name, data in found.artifacts.items():
        write_atomically(folder / name, data)
    text = json.dumps(document, indent=1, allow_nan=False)
    write_atomically(folder / "study.json", (text + "\n").encode())
    return document


def overview(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return a line for each model of the filter study."""
    return [(str(row["model"]), *_scores(row)) for row in document["filter"]["models"]]


def page_of(document: Mapping[str, Any]) -> Study:
    """Return the page of a study's document."""
    found, covered = document["filter"], document["coverage"]
    ours = next(row for row in found["models"] if row["model"] == OURS)
    left = ", ".join(f"{n} {rule}" for rule, n in covered["left_out"].items()) or "none"
    with drawing():
        chart = _hours_chart(found["hours"])
    sections = [
        Section(
            "Filter against traded middles",
            (_FILTER,),
            [chart],
            [
                Table("All hours", OVERVIEW, overview(document)),
                Table("By half of the days", ("half", *OVERVIEW[1:]), _by(found, "half")),
                Table("By hour of standard time", ("hour", *OVERVIEW[1:]), _by(found, "hour")),
                Table("By series", ("series", *OVERVIEW[1:]), _by(found, "series")),
            ],
        )
    ]
    if "horizons" in document:
        tables = [
            Table(f"By {name}", _HORIZONS, horizon_lines(document["horizons"][name]))
            for name in ("trades", "quotes")
            if name in document["horizons"]
        ]
        sections.append(Section("Five to sixty seconds ahead", (_AHEAD,), (), tables))
    if "played" in document:
        table = Table("Cents a contract", _PLAYED, played_lines(document["played"]))
        tables = [table]
        if (odds := document["odds"]) is not None:
            tables.append(Table("Their quotes within a minute", _ODDS, odds_lines(odds)))
        sections.append(Section("Signals played", (_SIGNALS,), (), tables))
    facts = [
        _fact("Brier, ours less the middles'", ours["brier_less"]),
        _fact("RPS, ours less the middles'", ours["rps_less"]),
    ]
    if "replayed" in document:
        facts.append(_earned(document["replayed"][0]))
        table = Table("Cents a contract", _PLAYED, played_lines(document["replayed"]))
        sections.append(Section("The strategy on recorded quotes", (_REPLAYED,), (), [table]))
    return Study(
        title="Highest temperatures: filter, short horizons and signals",
        lead="Recorded trades, walked forward: nothing is fitted on a day it is scored on.",
        facts=[
            *facts,
            Fact(
                "Days scored",
                f"{covered['scored_days']}",
                f"{covered['scored_from']} to {covered['scored_to']}; {covered['events']} events "
                f"read, left out: {left}.",
            ),
        ],
        sections=sections,
        provenance=tuple(document["provenance"].items()),
    )


_FILTER = (
    "Brier is summed over the brackets of an event; RPS is the mean over its inner edges. "
    "Differences are paired moment by moment, and intervals draw runs of five whole days (fewer of "
    "under forty), on which all cities are one."
)
_AHEAD = (
    "Error saved is the share of the squared error of no change that a model does without. Right "
    "is the share of moves of half a cent or more whose direction was the likelier one. A middle "
    "of trades moves when somebody trades: telling it is not yet earning it."
)
_SIGNALS = (
    "One contract a market and side, held to settlement; a fill needs a trade through the price. "
    "Each week plays the rule that was best on the days played before it. Never to trade earns "
    "nothing and costs nothing; a coin's side keeps moments and distances."
)
_REPLAYED = (
    "The code and the terms that run live, one contract an order. A fill needs the other side "
    "quoted at the price or through it. The recording has no results: a bracket won when the "
    "day's last quotes say so plainly. Nothing was chosen on these days."
)


def horizon_lines(rows: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return a line for each model and horizon."""
    return [
        (
            str(row["model"]),
            f"{row['horizon_s']:g}",
            f"{row['gain'][0]:.2%}",
            _range(row["gain"], 100.0, 2),
            f"{row['moves']:,}",
            f"{row['right'][0]:.1%}",
            _range(row["right"], 100.0, 1),
            f"{_signed(row['brier_less'][0])} ({_range(row['brier_less'])})",
        )
        for row in rows["models"]
    ]


def odds_lines(row: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return a line for the share that filled, and one for what fills lost."""
    return [
        (
            f"filled, of {row['quotes']:,}",
            f"{row['predicted']:.1%}",
            f"{row['observed']:.1%}",
            f"{_signed(100.0 * row['observed_less'][0], 1)} points",
            _range(row["observed_less"], 100.0, 1),
        ),
        (
            f"cents lost in half a minute, of {row['fills']:,} fills",
            f"{100.0 * row['loss_predicted']:.1f}",
            f"{100.0 * row['loss_observed']:.1f}",
            _cents(row["loss_observed_less"][0]),
            _range(row["loss_observed_less"], 100.0, 1),
        ),
    ]


def played_lines(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Return a line for each strategy."""
    return [
        (
            str(row["strategy"]),
            f"{row['fills']}",
            f"{row['fills_by_evidence']['touched']}",
            _cents(row["ev_claimed"]),
            _cents(row["realised"]),
            f"{_cents(row['realised_low'])} to {_cents(row['realised_high'])}",
            NOTHING if row["sharpe"] is None else f"{row['sharpe']:.1f}".replace("-", MINUS),
            _share(row["win_rate"]),
            _share(row["win_rate_days"]),
            f"${row['drawdown']:.2f}",
            _share(row["drawdown_of_risk"]),
            str(row["verdict"]),
        )
        for row in rows
    ]


def _by(found: Mapping[str, Any], key: str) -> list[tuple[str, ...]]:
    rows = found[{"hour": "hours", "half": "halves"}.get(key, key)]
    return [(str(row[key]).replace("-", MINUS), *_scores(row)) for row in rows]


def _scores(row: Mapping[str, Any]) -> tuple[str, ...]:
    cells: list[str] = []
    for name in ("brier", "rps"):
        less = row[f"{name}_less"]
        cells.append(f"{row[name]:.4f}")
        cells += (NOTHING, NOTHING) if less is None else (_signed(less[0]), _range(less))
    return tuple(cells)


def _fact(name: str, less: Sequence[float] | None) -> Fact:
    if less is None:
        return Fact(name, NOTHING, "One day: no interval.")
    status = "good" if less[2] < 0 else "bad" if less[1] > 0 else "plain"
    return Fact(name, _signed(less[0]), f"95 %: {_range(less)}.", status)  # type: ignore[arg-type]


def _earned(row: Mapping[str, Any]) -> Fact:
    """Return what the strategy earned on quotes, as shipped."""
    low, high = row["realised_low"], row["realised_high"]
    title, value = "On recorded quotes, cents a contract", _cents(row["realised"])
    if low is None or high is None:
        return Fact(title, value, f"{row['fills']} fills on {row['days']} days: no interval.")
    status = "good" if low > 0 else "bad" if high < 0 else "plain"
    said = f"95 %: {_cents(low)} to {_cents(high)}, {row['fills']} fills on {row['days']} days."
    return Fact(title, value, said, status)  # type: ignore[arg-type]


def _hours_chart(rows: Sequence[Mapping[str, Any]]) -> str:
    known = [row for row in rows if row["brier_less"] is not None]
    made = figure(5.6, 3.2)
    axes = made.add_subplot()
    place = np.arange(len(known))
    for k, (name, colour) in enumerate((("brier", MODEL), ("rps", BAD))):
        found, low, high = np.array([row[f"{name}_less"] for row in known]).reshape(-1, 3).T
        bars = (np.maximum(found - low, 0.0), np.maximum(high - found, 0.0))
        where = place + (k - 0.5) * 0.25
        axes.errorbar(where, found, yerr=bars, fmt="o", ms=4, lw=1.2, color=colour, label=name)
    axes.axhline(0.0, color=MUTED, lw=0.8)
    axes.set_xticks(place, [str(row["hour"]) for row in known])
    axes.set_xlabel("hour of standard time; below 0 the evening before")
    axes.set_title("Ours less the middles' (95 % by runs of five days)", loc="left")
    axes.legend(frameon=False)
    return to_svg(made, "hours", "Scores by hour", "Ours less the middles' by hour of the day")


def _range(found: Sequence[float], factor: float = 1.0, digits: int = 4) -> str:
    return f"{_signed(found[1] * factor, digits)} to {_signed(found[2] * factor, digits)}"


def _signed(number: float, digits: int = 4) -> str:
    return f"{number:+.{digits}f}".replace("-", MINUS)


def _cents(dollars: float | None) -> str:
    return NOTHING if dollars is None else _signed(100.0 * dollars, 1)


def _share(number: float | None) -> str:
    return NOTHING if number is None else f"{number:.0%}"
