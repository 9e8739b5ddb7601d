"""A score as files: score.json, and a page with its Markdown twin."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from kalshi_alpha.reports.charts import BAD, MARKET, MODEL, MUTED, drawing, figure, to_svg
from kalshi_alpha.reports.study import Fact, Section, Study, Table, write_study
from kalshi_alpha.research.data.store import write_atomically
from kalshi_alpha.research.score import (
    ALL,
    LAW,
    Scored,
    reliability_of_law,
    rows_by_hour,
    rows_of,
)
from kalshi_alpha.research.scores.calibration import COVERAGES, PIT_BINS, Reliability

NAMES = {
    "law": "law",
    "sqrt_time": "constant variance",
    "tod60": "60-day time of day",
    "garch_t": "GARCH-t",
    "har": "HAR",
}
SCHEMA = "kalshi-alpha/score/1"
_LINES = {
    "law": (MODEL, "-"),
    "sqrt_time": (MUTED, "-"),
    "tod60": (MUTED, "--"),
    "garch_t": (MARKET, "-"),
    "har": (BAD, "-"),
}
EDGES = (-30.0, -15.0, -7.5, -2.5, 2.5, 7.5, 15.0, 30.0)  # strikes from the level, in steps of 5


def write_score(
    scored: Scored, folder: Path, provenance: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Write score.json, score.html and score.md; return what score.json holds.

    The JSON is written last: where it is, the rest is whole.
    """
    rows, by_hour = rows_of(scored), rows_by_hour(scored)
    reliability = reliability_of_law(scored, tuple(x * scored.strike_step / 5.0 for x in EDGES))
    document = {
        "schema": SCHEMA,
        "symbol": scored.symbol,
        "rows": rows,
        "by_hour": by_hour,
        "reliability": [_reliability_row(one) for one in reliability],
        "days_too_early": [day.isoformat() for day in scored.too_early],
        "sessions_left_out": scored.left_out,
        "provenance": dict(provenance),
    }
    write_study(_study(scored, rows, by_hour, reliability, provenance), folder, "score")
    text = json.dumps(document, indent=1, allow_nan=False)
    write_atomically(folder / "score.json", (text + "\n").encode())
    return document


def overview(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Return a line for each baseline and horizon: skill with its interval, and the log score."""
    found: list[tuple[str, ...]] = []
    differences = [row for row in rows if row.get("metric") == "crps"]
    logs = {
        (row["minutes_before"], row["baseline"]): row
        for row in rows
        if row.get("metric") == "log_score"
    }
    for row in differences:
        log = logs[row["minutes_before"], row["baseline"]]
        found.append(
            (
                f"{_minutes(row['minutes_before'])}, {NAMES[row['baseline']]}",
                f"{row['n']}",
                f"{row['days']}",
                _percent(row["skill"]),
                f"{_percent(row['skill_low'])} to {_percent(row['skill_high'])}",
                f"{log['diff']:+.3f}",
                f"{log['low']:+.3f} to {log['high']:+.3f}",
            )
        )
    return found


OVERVIEW = ("before, against", "windows", "days", "CRPS less", "95 %", "log score", "95 %")


def _study(
    scored: Scored,
    rows: Sequence[Mapping[str, Any]],
    by_hour: Sequence[Mapping[str, Any]],
    reliability: Sequence[Reliability],
    provenance: Sequence[tuple[str, str]],
) -> Study:
    models = [row for row in rows if "metric" not in row]
    law = next(row for row in models if row["model"] == LAW and row["minutes_before"] == ALL)
    with drawing():
        charts = [
            _skill_chart(rows),
            _pit_chart(scored),
            _coverage_chart(models),
            _reliability_chart(reliability),
        ]
        hours = [_hours_chart(by_hour)]
    return Study(
        title=f"{scored.symbol}: how good the law's probabilities are",
        lead=(
            "Each window is scored with parameters that knew only earlier days. CRPS is in basis "
            "points of the log move, log scores in nats a basis point. Intervals draw whole days."
        ),
        facts=[
            *(_skill_fact(row) for row in rows if _is_headline(row)),
            Fact(
                "95 % interval",
                f"{100 * law['cover_95']:.1f} % inside",
                "Between 93.5 and 96.5 is in order.",
                "good" if 0.935 <= law["cover_95"] <= 0.965 else "bad",
            ),
        ],
        sections=[
            Section(
                "Against plain models",
                ("Above zero the law loses less than the model it is compared with.",),
                charts,
                [Table("The law's CRPS and log score, paired by window", OVERVIEW, overview(rows))],
            ),
            Section(
                "By the hour of the fixing",
                (),
                hours,
                [Table("CRPS saved, by fixing", _HOURS, _hour_rows(by_hour))],
            ),
            Section(
                "Every model",
                [_READING],
                (),
                [Table("Scores by minutes before the fixing", _MODELS, _model_rows(models))],
            ),
            Section(
                "Reliability by distance of the strike",
                (),
                (),
                [Table("The law's ladder", _RELIABILITY, _reliability_rows(reliability))],
            ),
        ],
        provenance=provenance,
    )


def _is_headline(row: Mapping[str, Any]) -> bool:
    return row.get("metric") == "crps" and row["minutes_before"] == ALL


def _skill_fact(row: Mapping[str, Any]) -> Fact:
    sure = row["skill_low"] > 0.0
    return Fact(
        f"CRPS below {NAMES[row['baseline']]}",
        _percent(row["skill"]),
        f"95 % interval {_percent(row['skill_low'])} to {_percent(row['skill_high'])}.",
        "good" if sure else ("bad" if row["skill_high"] < 0.0 else "plain"),
    )


def _skill_chart(rows: Sequence[Mapping[str, Any]]) -> str:
    found = [row for row in rows if row.get("metric") == "crps" and row["minutes_before"] != ALL]
    minutes = sorted({row["minutes_before"] for row in found}, reverse=True)
    names = list(dict.fromkeys(row["baseline"] for row in found))
    made = figure(5.6, 3.2)
    axes = made.add_subplot()
    for k, name in enumerate(names):
        own = {row["minutes_before"]: row for row in found if row["baseline"] == name}
        place = np.arange(len(minutes)) + (k - (len(names) - 1) / 2) * 0.16
        skill = np.array([own[m]["skill"] for m in minutes]) * 100
        low = np.array([own[m]["skill_low"] for m in minutes]) * 100
        high = np.array([own[m]["skill_high"] for m in minutes]) * 100
        colour = (MUTED, MODEL, MARKET, BAD)[k % 4]
        axes.errorbar(
            place, skill, yerr=(skill - low, high - skill), fmt="o", ms=4, lw=1.2, color=colour,
            label=NAMES[name],
        )  # fmt: skip
    axes.axhline(0.0, color=MUTED, lw=0.8)
    axes.set_xticks(np.arange(len(minutes)), [f"{m} min" for m in minutes])
    axes.set_title("CRPS saved by the law, % (95 % by day)", loc="left")
    _legend_above(axes)
    return to_svg(made, "skill", "CRPS saved", "CRPS saved against each model by horizon")


def _pit_chart(scored: Scored) -> str:
    made = figure(5.6, 3.2)
    axes = made.add_subplot()
    edges = np.linspace(0.0, 1.0, PIT_BINS + 1)
    for name, colour, width in ((LAW, MODEL, 0.075), ("tod60", MARKET, 0.03)):
        share = np.histogram(scored.pits[name], edges)[0] / len(scored.pits[name]) * PIT_BINS
        axes.bar(edges[:-1] + 0.05, share, width=width, color=colour, label=NAMES[name])
    axes.axhline(1.0, color=MUTED, lw=0.8)
    axes.set_xlabel("probability given to what lay below the outcome")
    axes.set_title("Where outcomes fall in the law; 1 is even", loc="left")
    _legend_above(axes)
    return to_svg(made, "pit", "PIT histogram", "How evenly outcomes fall over the forecast law")


def _coverage_chart(models: Sequence[Mapping[str, Any]]) -> str:
    made = figure(5.6, 3.2)
    axes = made.add_subplot()
    nominal = np.array(COVERAGES) * 100
    for row in models:
        if row["minutes_before"] != ALL:
            continue
        share = np.array([row[f"cover_{level:.0f}"] for level in nominal]) * 100
        colour, style = _LINES[row["model"]]
        axes.plot(
            nominal, share - nominal, style, marker="o", ms=4, lw=1.4, color=colour,
            label=NAMES[row["model"]],
        )  # fmt: skip
    axes.axhline(0.0, color=MUTED, lw=0.8)
    axes.set_xlabel("central interval, %")
    axes.set_title("Outcomes inside, less nominal, points", loc="left")
    _legend_above(axes)
    return to_svg(made, "coverage", "Coverage", "Outcomes inside central intervals against nominal")


def _reliability_chart(reliability: Sequence[Reliability]) -> str:
    made = figure(5.6, 3.2)
    axes = made.add_subplot()
    given = np.array([one.forecast for one in reliability])
    seen = np.array([one.observed.estimate for one in reliability])
    low = np.array([one.observed.low for one in reliability])
    high = np.array([one.observed.high for one in reliability])
    axes.plot((0, 1), (0, 1), color=MUTED, lw=0.8)
    axes.errorbar(given, seen, yerr=(seen - low, high - seen), fmt="o", ms=4, color=MODEL)
    axes.set_xlabel("probability given")
    axes.set_title("Share of strikes that happened (95 % by day)", loc="left")
    return to_svg(made, "reliability", "Reliability", "Given probability against frequency")


def _hours_chart(by_hour: Sequence[Mapping[str, Any]]) -> str:
    own = [row for row in by_hour if row["baseline"] == "tod60"]
    made = figure(5.6, 3.0)
    axes = made.add_subplot()
    skill = np.array([row["skill"] for row in own]) * 100
    low = np.array([row["skill_low"] for row in own]) * 100
    high = np.array([row["skill_high"] for row in own]) * 100
    place = np.arange(len(own))
    axes.errorbar(place, skill, yerr=(skill - low, high - skill), fmt="o", ms=4, color=MODEL)
    axes.axhline(0.0, color=MUTED, lw=0.8)
    axes.set_xticks(place, [f"{row['hour']}:00" for row in own])
    axes.set_title("CRPS below the 60-day time of day, %", loc="left")
    return to_svg(made, "hours", "By hour", "CRPS saved at each fixing of the day")


def _legend_above(axes: Axes) -> None:
    axes.figure.legend(loc="outside upper left", ncols=5, columnspacing=1.0, handletextpad=0.4)


_HOURS = ("fixing, against", "windows", "days", "CRPS less", "95 %")


def _hour_rows(by_hour: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    return [
        (
            f"{row['hour']}:00, {NAMES[row['baseline']]}",
            f"{row['n']}",
            f"{row['days']}",
            _percent(row["skill"]),
            f"{_percent(row['skill_low'])} to {_percent(row['skill_high'])}",
        )
        for row in by_hour
    ]


_READING = (
    "RPS is the mean squared error of the distribution function over 41 strikes, Brier that of the "
    "five strikes nearest the level. The PIT test asks whether outcomes fall evenly, with days as "
    "clusters."
)
_MODELS = (
    "before, model", "windows", "CRPS", "RPS", "Brier", "log score", "PIT p",
    "50 %", "80 %", "95 %", "99 %", "width 90",
)  # fmt: skip


def _model_rows(models: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    return [
        (
            f"{_minutes(row['minutes_before'])}, {NAMES[row['model']]}",
            f"{row['n']}",
            f"{row['crps']:.3f}",
            f"{row['rps']:.4f}",
            f"{row['brier']:.4f}",
            f"{row['log_score']:.3f}",
            f"{row['pit_p']:.3f}",
            *(f"{100 * row[f'cover_{share * 100:.0f}']:.1f}" for share in COVERAGES),
            f"{row['width_90']:.1f}",
        )
        for row in models
    ]


_RELIABILITY = ("points from the level", "strikes", "days", "given", "happened", "95 %", "Brier")


def _reliability_rows(reliability: Sequence[Reliability]) -> list[tuple[str, ...]]:
    return [
        (
            f"{one.low:g} to {one.high:g}",
            f"{one.n}",
            f"{one.days}",
            f"{one.forecast:.4f}",
            f"{one.observed.estimate:.4f}",
            f"{one.observed.low:.4f} to {one.observed.high:.4f}",
            f"{one.brier:.4f}",
        )
        for one in reliability
    ]


def _reliability_row(one: Reliability) -> dict[str, Any]:
    return {
        "points_from": None if np.isinf(one.low) else one.low,
        "points_to": None if np.isinf(one.high) else one.high,
        "n": one.n,
        "days": one.days,
        "forecast": one.forecast,
        "observed": one.observed.estimate,
        "low": one.observed.low,
        "high": one.observed.high,
        "brier": one.brier,
    }


def _minutes(minutes: int | str) -> str:
    return "all" if minutes == ALL else f"{minutes} min"


def _percent(share: float) -> str:
    return f"{100 * share:+.2f} %"
