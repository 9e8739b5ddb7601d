"""``kalshi-alpha temperature``: studies of the temperature ladders on recorded trades."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import kalshi_alpha
from kalshi_alpha.cli.dates import parse_day
from kalshi_alpha.cli.many import ManyCommand, command_line
from kalshi_alpha.cli.output import Json, emit, progress, table_of
from kalshi_alpha.markets.stations import load_stations

app = typer.Typer(help="The temperature ladders on recorded trades.", no_args_is_help=True)


@app.command("study", cls=ManyCommand)
def study(
    ctx: typer.Context,
    data: Annotated[
        list[Path],
        typer.Option("--data", help="Folder with kalshi_high, weather and quotes; several."),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder to write study.json and pages into.")],
    first: Annotated[
        str | None, typer.Option("--from", help="First day scored; those before only teach.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="Beside the filter: horizons, played. Both by default."),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Of everything drawn.")] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes.")] = 1,
    as_json: Json = False,
) -> None:
    """Score the filter, the short horizons and the signals, walk-forward.

    Example: kalshi-alpha temperature study --data DATA --out out/temperature --workers 2
    """
    # numpy, scipy, scikit-learn and pyarrow take seconds: other commands should not wait for them
    from kalshi_alpha.research.temperature.page import (  # noqa: PLC0415
        OVERVIEW,
        overview,
        write_temperature,
    )
    from kalshi_alpha.research.temperature.study import SEED, Request  # noqa: PLC0415
    from kalshi_alpha.research.temperature.study import study as whole  # noqa: PLC0415

    parts = ("horizons", "played") if only is None else tuple(only)
    if unknown := sorted({*parts} - {"filter", "horizons", "played"}):
        raise typer.BadParameter(f"{', '.join(unknown)} is no part: horizons or played")
    request = Request(
        folders=tuple(data),
        first=None if first is None else parse_day(first),
        seed=SEED if seed is None else seed,
        workers=workers,
        parts=parts,
    )
    with progress("filter, horizons, signals") as shown:
        found = whole(request, load_stations(), lambda _part, done, of: shown(done, of))
    provenance = [
        ("Command", command_line("temperature study", ctx, without=("--workers",))),
        ("Code", f"kalshi-alpha {kalshi_alpha.__version__}"),
    ]
    document = write_temperature(found, out, provenance)
    title = f"Against traded middles; {out / 'temperature.html'}"
    emit(document, as_json=as_json, table=table_of(title, OVERVIEW, overview(document)))
