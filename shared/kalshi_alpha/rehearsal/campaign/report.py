"""The campaign as figures: campaign.json, one line a window, a page and its Markdown twin."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kalshi_alpha.rehearsal.campaign.faults import known
from kalshi_alpha.rehearsal.campaign.outcome import MUST_BE_ZERO, Outcome, broken
from kalshi_alpha.reports.study import Fact, Section, Study, Table, write_study
from kalshi_alpha.reports.wording import MINUS, NOTHING

FIGURES = (
    "windows", "resting_late", "doubled", "lost_fills", "ledger_diff", "after_kill",
    "secrets_found", "worst_lateness_s",
)  # fmt: skip
OVERVIEW = (
    "fault", "windows", "orders", "fills", "resting late", "doubled", "lost fills", "ledger diff",
    "after kill", "secrets", "worst lateness",
)  # fmt: skip
NOTHING_BROKEN = "nothing broken"
_MATRIX = (
    "A window counts for each of its faults. Every figure is read from the simulated exchange's "
    "own books. A negative lateness is early; 0 is the venue's own expiry. A window that broke a "
    "law is played again, alone and the same, by the command above with --only and its number."
)
_SAYS = {
    "resting_late": "rested at T-1 s although the venue answered us",
    "doubled": "orders in a place of the plan that was taken",
    "oversold": "markets with more than one may have",
    "unplanned": "orders at the venue that our books do not know",
    "lost_fills": "fills lost, doubled or different",
    "ledger_diff": "1/10000 dollar between our ledger and the venue's",
    "after_kill": "orders taken later than 2 s after the kill-switch",
    "secrets_found": "secrets in anything that was written",
    "not_played": "windows that did not reach their end",
}


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the sums of some windows."""
    late = [o.lateness_s for o in outcomes if o.lateness_s is not None]
    kills = [o.kill_to_empty_s for o in outcomes if o.kill_to_empty_s is not None]
    counts = {name: sum(getattr(o, name) for o in outcomes) for name in MUST_BE_ZERO}
    return {
        "windows": len(outcomes),
        "with_orders": sum(o.orders > 0 for o in outcomes),
        "to_the_pull": sum(o.lateness_s is not None and o.lateness_s > -1.0 for o in outcomes),
        "orders": sum(o.orders for o in outcomes),
        "fills": sum(o.fills for o in outcomes),
        **counts,
        "out_of_reach": sum(o.out_of_reach for o in outcomes),
        "worst_lateness_s": max(late, default=None),
        "median_kill_to_empty_s": round(statistics.median(kills), 3) if kills else None,
        "worst_kill_to_empty_s": round(max(kills), 3) if kills else None,
        "deaths": sum(o.deaths for o in outcomes),
        "requests_struck": sum(o.struck for o in outcomes),
    }


def document(outcomes: Sequence[Outcome], facts: dict[str, Any]) -> dict[str, Any]:
    """Return what campaign.json holds."""
    names = [name for name in known() if any(name in o.faults for o in outcomes)]
    return {
        **facts,
        "all": summary(outcomes),
        NOTHING_BROKEN.replace(" ", "_"): summary([o for o in outcomes if not o.faults]),
        "alone": {n: summary([o for o in outcomes if o.faults == (n,)]) for n in names},
        "by_fault": {n: summary([o for o in outcomes if n in o.faults]) for n in names},
        "pairs": len({o.faults for o in outcomes if len(o.faults) > 1}),
        "broken": [{"laws": broken(o)} | o.to_json() for o in outcomes if broken(o)],
    }


def write_campaign(
    outcomes: Sequence[Outcome],
    folder: Path,
    facts: dict[str, Any],
    provenance: Sequence[tuple[str, str]],
) -> dict[str, Any]:
    """Write windows.jsonl, campaign.html, campaign.md and, last, campaign.json; return the last."""
    folder.mkdir(parents=True, exist_ok=True)
    found = document(outcomes, facts)
    lines = "".join(json.dumps(o.to_json(), sort_keys=True) + "\n" for o in outcomes)
    (folder / "windows.jsonl").write_text(lines, encoding="utf-8")
    write_study(study(found, provenance), folder, "campaign")
    text = json.dumps(found, indent=1, sort_keys=True, allow_nan=False)
    (folder / "campaign.json").write_text(text + "\n", encoding="utf-8")
    return found


def overview(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return the matrix: a row for all windows, for those with nothing broken, for each fault."""
    rows = [("all", found["all"]), (NOTHING_BROKEN, found["nothing_broken"])]
    rows += [(name, found["by_fault"][name]) for name in found["by_fault"]]
    return [_row(name, sums) for name, sums in rows if sums["windows"]]


def study(found: dict[str, Any], provenance: Sequence[tuple[str, str]]) -> Study:
    """Return the page."""
    whole = found["all"]
    facts = [
        Fact("windows played", f"{whole['windows']:,}", f"{whole['to_the_pull']:,} with orders "
             "resting until the pull"),
        *(
            Fact(name.replace("_", " "), str(whole[name]), _SAYS[name],
                 "bad" if whole[name] else "good")
            for name in MUST_BE_ZERO
        ),
        Fact("worst lateness", _seconds(whole["worst_lateness_s"]),
             "when the last order left the book, relative to T-2 s"),
    ]  # fmt: skip
    places = {name: (fault.place, fault.says) for name, fault in known().items()}
    sections = [
        Section(
            "Fault by fault",
            (_MATRIX,),
            tables=(Table("By fault, alone and in pairs", OVERVIEW, overview(found)),),
        ),
        Section(
            "What each fault does",
            tables=(
                Table(
                    "The faults",
                    ("fault", "where", "what"),
                    [(name, *places[name]) for name in found["by_fault"]],
                ),
            ),
        ),
    ]
    if found["broken"]:
        rows = [
            (str(o["number"]), " + ".join(o["faults"]), ", ".join(o["laws"]), str(o["seed"]),
             (o["problem"].splitlines() or o["notes"] or [""])[0][:160])
            for o in found["broken"]
        ]  # fmt: skip
        columns = ("window", "faults", "laws broken", "seed", "what happened")
        sections.insert(0, Section("What broke", tables=(Table("Windows", columns, rows),)))
    good = not found["broken"]
    lead = (
        f"{whole['windows']:,} windows with {len(found['by_fault'])} faults, alone and in "
        f"{found['pairs']:,} pairs, on virtual time: "
        + ("no law was broken." if good else f"{len(found['broken'])} windows broke a law.")
    )
    return Study("Fault campaign", lead, facts, sections, provenance)


def _row(name: str, sums: dict[str, Any]) -> tuple[str, ...]:
    figures = ("windows", "orders", "fills", *FIGURES[1:7])
    return (name, *(f"{sums[f]:,}" for f in figures), _seconds(sums["worst_lateness_s"]))


def _seconds(value: float | None) -> str:
    return NOTHING if value is None else f"{value:+.3f} s".replace("-", MINUS)
