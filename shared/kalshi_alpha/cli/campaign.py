"""``kalshi-alpha campaign``: break everything that can break, many times, and count."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress

import kalshi_alpha
from kalshi_alpha.cli.many import command_line
from kalshi_alpha.cli.output import Json, emit, err, out, table_of
from kalshi_alpha.clock import SystemClock
from kalshi_alpha.errors import InvariantBroken

if TYPE_CHECKING:
    from kalshi_alpha.rehearsal.campaign.outcome import Outcome


def campaign(
    ctx: typer.Context,
    faults: Annotated[
        str, typer.Option(help="all, none, or names with commas; `list` shows them.")
    ] = "all",
    windows: Annotated[int, typer.Option(min=1, help="How many windows are played.")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="Decides what breaks, when and how.")] = 1,
    folder: Annotated[
        Path, typer.Option("--out", help="Where the report and windows.jsonl are written.")
    ] = Path("out/campaign"),
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    only: Annotated[
        int | None, typer.Option("--only", min=0, help="Play this one window of the campaign.")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(min=0.1, help="Begin no window after so long; run it again to go on."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Play windows against the twin on virtual time while venue, feed, clocks, AWS and we fail.

    What was played is kept in --out: the same campaign on the same code goes on where it was.
    Exits 6 when an order rested late or was doubled, a fill was lost or the books differ.
    Example: kalshi-alpha campaign --faults all --windows 60 --seed 1 --out out/campaign
    """
    # moto takes seconds: the other commands should not wait for it
    from kalshi_alpha.rehearsal.campaign import report, running  # noqa: PLC0415
    from kalshi_alpha.rehearsal.campaign.faults import chosen, known  # noqa: PLC0415
    from kalshi_alpha.rehearsal.campaign.kept import Kept  # noqa: PLC0415

    if faults == "list":
        rows = [(fault.name, fault.place, fault.says) for fault in known().values()]
        emit(rows, as_json=as_json, table=table_of("Faults", ("Fault", "Where", "What"), rows))
        return
    request = running.Request(chosen(faults), windows, seed)
    with Progress(console=err, transient=True, disable=as_json) as bar:
        task = bar.add_task("windows", total=1 if only is not None else windows)
        shelf = Kept(folder, f"{request} with {running.config_hash()}")
        kept = [] if only is not None else shelf.read()
        if only is None:
            shelf.begin(kept)
        bar.advance(task, len(kept))

        def played(outcome: Outcome) -> None:
            if only is None:
                shelf.add(outcome)
            bar.advance(task)

        clock = SystemClock()
        ends = math.inf if minutes is None else clock.monotonic() + 60.0 * minutes
        outcomes = running.run(
            request,
            workers=workers,
            only=only,
            progress=played,
            kept=kept,
            enough=lambda: clock.monotonic() > ends,
        )
    facts: dict[str, Any] = {
        "faults": list(request.faults),
        "seed": seed,
        "version": kalshi_alpha.__version__,
        "command": command_line("campaign", ctx),
        "config": running.config_hash(),
    }
    provenance = [
        ("Command", facts["command"]),
        ("Code", f"kalshi-alpha {facts['version']}"),
        ("Configuration", facts["config"]),
    ]
    found = report.write_campaign(outcomes, folder, facts, provenance)
    table = table_of("Fault campaign", report.OVERVIEW, report.overview(found))
    emit(found, as_json=as_json, table=table)
    if not as_json:
        out.print(f"report   {folder / 'campaign.html'}")
    if found["broken"]:
        first = found["broken"][0]
        what = (first["notes"] or first["problem"].splitlines() or ["see windows.jsonl"])[0]
        raise InvariantBroken(
            f"{len(found['broken'])} of {len(outcomes)} windows broke a law; the first is window "
            f"{first['number']} ({' + '.join(first['faults']) or 'nothing broken'}): "
            f"{', '.join(first['laws'])} ({what}); "
            f"play it again with the same options and --only {first['number']}"
        )
