"""``kalshi-alpha cost``: the month's bill from the written templates."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from kalshi_alpha.cli.dates import parse_day
from kalshi_alpha.cli.output import Json, emit, table_of
from kalshi_alpha.clock import NEW_YORK, SystemClock
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.markets.traded import trade


def cost(
    stage: Annotated[str, typer.Option(help="The stage whose templates they are.")] = "paper",
    month: Annotated[
        str | None, typer.Option("--month", help="As 2026-11; this month when not given.")
    ] = None,
    templates: Annotated[
        Path, typer.Option("--templates", help="Where `make synth` wrote the templates.")
    ] = Path("cdk.out"),
    assume: Annotated[
        list[str] | None,
        typer.Option("--assume", help="Change what no template says, as capture_gib=0.5."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Add up a month's bill from the templates and the calendar, beside an always-on machine.

    Prices are list prices of one region, kept with the day they were read. Releases are counted
    where the templates trade them.
    Example: make synth && kalshi-alpha cost --month 2026-11
    """
    from kalshi_alpha.research.costs import Assumptions, bill, families_of  # noqa: PLC0415

    day = parse_day(f"{month}-01") if month else SystemClock().now().astimezone(NEW_YORK).date()
    if families := families_of(templates, stage):
        trade(families)
    assumed = Assumptions().changed(assume or [])
    found = bill(templates, stage, day, load_registry(), load_sessions(), assumed)
    rows = [(line.item, line.how, f"{line.dollars:.2f}") for line in found.lines]
    rows += [
        ("Together", f"{found.windows} windows on {found.sessions} sessions", f"{found.total:.2f}"),
        ("without research", "", f"{found.without_research:.2f}"),
        (
            "An always-on machine",
            "with disk and address, and nothing around it",
            f"{found.instance:.2f}",
        ),
    ]
    shown = asdict(found) | {
        "total": round(found.total, 2),
        "without_research": round(found.without_research, 2),
        "assumed": asdict(assumed),
    }
    title = f"{found.stage}, {found.month}: US dollars a month"
    emit(shown, as_json=as_json, table=table_of(title, ("item", "of", "dollars"), rows))
