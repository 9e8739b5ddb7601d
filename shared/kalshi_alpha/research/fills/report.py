"""The fill model as files: fills.json, and a page with its Markdown twin."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.reports.charts import MARKET, MODEL, MUTED, drawing, figure, to_svg
from kalshi_alpha.reports.study import Fact, Section, Study, Table, write_study
from kalshi_alpha.reports.wording import MINUS, NOTHING
from kalshi_alpha.research.backtest.loading import Sources, load, require_outcomes
from kalshi_alpha.research.backtest.pricing import pricer
from kalshi_alpha.research.backtest.settings import Settings
from kalshi_alpha.research.data.findings import day_of
from kalshi_alpha.research.data.store import write_atomically
from kalshi_alpha.research.fills.fitting import (
    Fitted,
    calibration_rows,
    curve_rows,
    fit,
    gain_over_constant,
    markout_rows,
    product_limit,
    spread_rows,
)
from kalshi_alpha.research.fills.slippage import traded_rows
from kalshi_alpha.research.fills.spells import HORIZON_S, Spells, spells_of
from kalshi_alpha.trading.fills import FEATURES, LOSS_FEATURES

TIMES = np.array([5.0, 10.0, 30.0, 60.0])
CURVES = ("cents off", "quotes", "fills", "by 5 s", "by 10 s", "by 30 s", "by 60 s", "error")
_CALIBRATION = ("quotes", "predicted", "observed", "error")
_MARKOUTS = ("cents off", "fills", "market-sides", "claimed", "after 5 s", "95 %", "after 30 s",
             "95 %", "settled", "95 %")  # fmt: skip
_WEIGHTS = ("", "weight", "error", "rests on")
_SLIPPAGE = ("contracts", "looks", "mean", "median", "nine tenths", "not there")
_ASSUMED = ("", "quotes", "fills", "0 to 1 cent off", "2 to 3 cents off")
_SPREADS = ("minutes to the fixing", "quarter", "median", "three quarters")


def fit_fills(sources: Sources, settings: Settings, registry: Registry) -> dict[str, Any]:
    """Fit on everything, and check a fit on the first half of the days against the second.

    Returns:
        What fills.json holds: the model as ``trading.fills`` reads it, and its evidence.

    Raises:
        DataError: for files that cannot be used, or too few fills.
    """
    loaded = load(sources, registry)
    require_outcomes(loaded.tapes, sources.trades[0])
    pricers = [pricer(t, registry, loaded.parameters[t.window.day]) for t in loaded.tapes]
    spells = spells_of(pricers, settings)
    fitted = fit(spells)
    slippage = traded_rows(pricers, settings.max_age_s)
    return {
        **fitted.model.to_json(),
        "hazard_errors": dict(zip(FEATURES, map(float, fitted.errors), strict=True)),
        "loss_errors": dict(zip(LOSS_FEATURES, map(float, fitted.loss_errors), strict=True)),
        "series": sources.series,
        "cluster": "day",
        "clusters": len(np.unique(spells.day)),
        "fills_by_evidence": {"trade_through": int(spells.filled.sum())},
        "first": day_of(spells.day.min()).isoformat(),
        "last": day_of(spells.day.max()).isoformat(),
        "quotes": len(spells),
        "fills": int(spells.filled.sum()),
        "censored": float(1.0 - spells.filled.mean()),
        "market_sides": len(np.unique(spells.side)),
        "horizon_s": HORIZON_S,
        "settings": settings.as_json(),
        "curves": curve_rows(spells, TIMES),
        "markouts": markout_rows(spells),
        "spreads": spread_rows(spells),
        "slippage": slippage,
        "check": _check(spells),
        "level": loaded.level,
        "provenance": {**dict(loaded.provenance), "Parameters": loaded.made_with},
    }


def _check(spells: Spells) -> dict[str, Any] | None:
    """Return how a fit on the earlier days did on the later ones; None with too few fills."""
    days = np.unique(spells.day)
    middle = days[len(days) // 2]
    early, late = spells.where(spells.day < middle), spells.where(spells.day >= middle)
    try:
        fitted: Fitted = fit(early)
    except DataError:
        return None
    base = float(product_limit(early, np.array([HORIZON_S]))[0])
    return {
        "fitted_through": day_of(early.day.max()).isoformat(),
        "tested_from": day_of(late.day.min()).isoformat(),
        "calibration": calibration_rows(fitted.model, late),
        "gain": gain_over_constant(fitted.model, base, late),
    }


def write_fills(
    document: Mapping[str, Any], folder: Path, provenance: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Write fills.html, fills.md and, last, fills.json; return what that holds."""
    whole = dict(document) | {"provenance": {**dict(provenance), **document["provenance"]}}
    text = json.dumps(whole, indent=1, allow_nan=False)
    (folder / "fills.json").unlink(missing_ok=True)
    write_study(study_of(whole), folder, "fills")
    write_atomically(folder / "fills.json", (text + "\n").encode())
    return whole


def curves(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return a line for each class of offsets."""
    return [
        (
            _offsets(row),
            f"{row['quotes']:,}",
            f"{row['fills']:,}",
            *(f"{row['by'][f'{t:g}']:.3f}" for t in TIMES),
            NOTHING if row["error"] is None else f"{row['error']:.3f}",
        )
        for row in document["curves"]
    ]


def study_of(document: Mapping[str, Any]) -> Study:
    """Return the page."""
    check = document["check"]
    with drawing():
        first = [_curve_chart(document["curves"])]
        second = [_markout_chart(document["markouts"])]
        third = [_calibration_chart(check["calibration"])] if check else []
    sections = [
        Section(
            "How soon a quote fills",
            (_CURVES_WORDS,),
            first,
            [Table("Chance of a fill", CURVES, curves(document))],
        ),
        Section(
            "What a fill is worth",
            (_MARKOUT_WORDS,),
            second,
            [Table("Cents a contract, every fill a row", _MARKOUTS, _markout_lines(document))],
        ),
        Section("The model", (_MODEL_WORDS,), (), [
            Table("Hazard a step, log odds", _WEIGHTS, _weights(document, "hazard")),
            Table("Loss, dollars", _WEIGHTS, _weights(document, "loss")),
        ]),
    ]  # fmt: skip
    if check:
        gain = check["gain"]
        words = (
            f"Fitted through {check['fitted_through']}, tested from {check['tested_from']}: over "
            f"one chance for every quote it gains {gain['gain']:+.3f} nats a quote "
            f"[{gain['low']:+.3f}, {gain['high']:+.3f}]."
        )
        rows = [
            (f"{row['quotes']:,}", f"{row['predicted']:.3f}", f"{row['observed']:.3f}",
             NOTHING if row["error"] is None else f"{row['error']:.3f}")
            for row in check["calibration"]
        ]  # fmt: skip
        table = Table(f"Filled within {HORIZON_S:g} s", _CALIBRATION, rows)
        sections.append(Section("On days it had not seen", (words,), third, [table]))
    spreads = [
        (f"{r['minutes_from']} to {r['minutes_to']}",
         *(f"{r[key]:.1f}" for key in ("quarter", "median", "three_quarters")))
        for r in document["spreads"]
    ]  # fmt: skip
    table = Table("Cents between the last trades of either side", _SPREADS, spreads)
    sections.append(Section("How wide the market is", (_SPREAD_WORDS,), (), [table]))
    table = Table("Cents beyond fair value, by contracts", _SLIPPAGE, _slippage_lines(document))
    sections.append(Section("What taking costs", (_SLIPPAGE_WORDS,), (), [table]))
    if document.get("sensitivity"):
        table = Table("Filled within 60 s", _ASSUMED, _assumed_lines(document))
        sections.append(Section("Other assumptions", (_ASSUMED_WORDS,), (), [table]))
    return Study(
        title=f"{document['series']}: how likely a quote fills, and what that costs",
        lead=(
            f"{document['quotes']:,} imagined quotes of {document['clusters']} "
            f"{document['cluster']}s; {document['fills']:,} filled within {HORIZON_S:g} s and the "
            f"rest are censored. {_EVIDENCE_WORDS[document['evidence']]}"
        ),
        facts=_facts(document),
        sections=sections,
        provenance=tuple(document["provenance"].items()),
    )


_EVIDENCE_WORDS = {
    "trade_through": "The evidence is trades through a price: there is no queue in it.",
    "queue_cleared": "The evidence is a queue that trades cleared, or a trade past it.",
}
_SLIPPAGE_WORDS = (
    "Cents beyond the fair value (the law's, or the middle of the book) that who takes so many "
    "contracts pays on average. What they pay is what rests earns before it knows what comes after."
)
_ASSUMED_WORDS = (
    "The same quotes with one assumption changed: who cancels before us, whether a quote of the "
    "other side at our price is a fill, how late we arrive."
)
_CURVES_WORDS = (
    "Product-limit (Kaplan-Meier) chances: a quote that was pulled or whose minute was over had "
    "not filled yet and says no more. Cents off is how far the price is short of the law's "
    "probability, by side. The error leaves out one day, or one market, at a time."
)
_MARKOUT_WORDS = (
    "By side: the law's probability so much later, or the settlement, less the price. Every fill "
    "counts alike and intervals draw whole days: a vote a market-side would hide that a side which "
    "is run over fills many times. Imagined quotes have no caps; this is no strategy's profit."
)
_MODEL_WORDS = (
    "A logistic hazard of steps of five seconds, and a linear loss: how much of the claimed edge "
    "is gone after 30 seconds. Errors are clustered by day, or by market; docs/math/fills.md says "
    "how it is made."
)
_SPREAD_WORDS = "A stand-in for the quoted spread, which the recording does not hold."


def _facts(document: Mapping[str, Any]) -> list[Fact]:
    rows = {(r["offset_from"], r["offset_to"]): r for r in document["markouts"]}
    facts = [
        Fact(
            "Evidence",
            document["evidence"].replace("_", " "),
            ", ".join(
                f"{count:,} by {name.replace('_', ' ')}"
                for name, count in document["fills_by_evidence"].items()
            )
            + ".",
        )
    ]
    for key, name in (((2, 4), "2 to 4 cents off, after 30 s"), ((-2, 11), "all, after 30 s")):
        row = rows.get(key)
        if row is not None and row["markout_30s"] is not None:
            low, high = row["markout_30s_low"], row["markout_30s_high"]
            bad, good = high is not None and high < 0, low is not None and low > 0
            status: Any = "bad" if bad else "good" if good else "plain"
            value = _cents(row["markout_30s"])
            facts.append(Fact(name, value, f"cents; 95 %: {_range(low, high)}.", status))
    return facts


def _curve_chart(rows: Sequence[Mapping[str, Any]]) -> str:
    made = figure(5.6, 3.2)
    axes = made.add_subplot()
    place = np.arange(len(rows))
    for k, t in enumerate(TIMES):
        found = [row["by"][f"{t:g}"] for row in rows]
        style = ("-", "--", "-.", ":")[k % 4]
        axes.plot(place, found, style, marker="o", ms=3, lw=1.3, color=MODEL, label=f"{t:g} s")
    axes.set_xticks(place, [_offsets(row) for row in rows])
    axes.set_xlabel("cents off the law's probability")
    axes.set_title("Chance of a fill", loc="left")
    axes.legend(loc="upper right", ncols=4)
    return to_svg(made, "curves", "Chance of a fill", "Chance by offset, a line for each horizon")


def _markout_chart(rows: Sequence[Mapping[str, Any]]) -> str:
    shown = [row for row in rows if row["markout_30s"] is not None][:-1]
    made = figure(5.6, 3.2)
    axes = made.add_subplot()
    for k, row in enumerate(shown):
        axes.plot([k - 0.15], [100 * row["claimed"]], "s", ms=4, color=MUTED)
        for shift, name, colour in ((0.0, "markout_30s", MODEL), (0.15, "settled", MARKET)):
            if row[name] is None:
                continue  # the recording does not hold what the markets paid
            axes.plot([k + shift], [100 * row[name]], "o", ms=4, color=colour)
            if row[f"{name}_low"] is not None:
                ends = [100 * row[f"{name}_low"], 100 * row[f"{name}_high"]]
                axes.plot([k + shift] * 2, ends, lw=1.2, color=colour)
    axes.axhline(0.0, color=MUTED, lw=0.8)
    axes.set_xticks(np.arange(len(shown)), [_offsets(row) for row in shown])
    axes.set_xlabel("cents off the law's probability")
    axes.set_title("Claimed (square), after 30 s, settled: cents (95 % by day)", loc="left")
    return to_svg(made, "markouts", "What a fill is worth", "Claimed, after 30 s and settled")


def _calibration_chart(rows: Sequence[Mapping[str, Any]]) -> str:
    made = figure(5.6, 3.2)
    axes = made.add_subplot()
    top = max([0.1, *(max(row["predicted"], row["observed"]) for row in rows)])
    axes.plot((0, top), (0, top), color=MUTED, lw=0.8)
    for row in rows:
        error = row["error"] or 0.0
        ends = [row["observed"] - 1.96 * error, row["observed"] + 1.96 * error]
        axes.plot([row["predicted"]] * 2, ends, lw=1.2, color=MODEL)
        axes.plot([row["predicted"]], [row["observed"]], "o", ms=4, color=MODEL)
    axes.set_xlabel("predicted chance")
    axes.set_title("Share filled on days it had not seen (95 %)", loc="left")
    return to_svg(made, "fill-calibration", "Calibration", "Predicted chance against share filled")


def _weights(document: Mapping[str, Any], name: str) -> list[tuple[str, ...]]:
    errors, rests_on = document[f"{name}_errors"], document["rests_on"]
    return [
        (
            key.replace("_", " "),
            _signed(weight),
            f"{errors[key]:.3f}",
            rests_on[key].replace("_", " "),
        )
        for key, weight in document[name].items()
    ]


def _slippage_lines(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            f"{row['contracts']:,}",
            f"{row['looks']:,}",
            *(f"{row[key]:.1f}" for key in ("mean", "median", "nine_tenths")),
            f"{row['short']:,}" if "short" in row else NOTHING,
        )
        for row in document["slippage"]
    ]


def _assumed_lines(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            row["name"],
            f"{row['quotes']:,}",
            f"{row['fills']:,}",
            f"{row['near']:.3f}",
            f"{row['far']:.3f}",
        )
        for row in document["sensitivity"]
    ]


def _markout_lines(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            _offsets(row),
            f"{row['fills']:,}",
            f"{row['market_sides']}",
            _cents(row["claimed"]),
            *(
                cell
                for name in ("markout_5s", "markout_30s", "settled")
                for cell in (_cents(row[name]), _range(row[f"{name}_low"], row[f"{name}_high"]))
            ),
        )
        for row in document["markouts"]
    ]


def _offsets(row: Mapping[str, Any]) -> str:
    return f"{row['offset_from']} to {row['offset_to']}".replace("-", MINUS)


def _signed(number: float) -> str:
    return f"{number:+.3f}".replace("-", MINUS)


def _cents(dollars: float | None) -> str:
    return NOTHING if dollars is None else f"{100 * dollars:+.1f}".replace("-", MINUS)


def _range(low: float | None, high: float | None) -> str:
    return NOTHING if low is None or high is None else f"{_cents(low)} to {_cents(high)}"
