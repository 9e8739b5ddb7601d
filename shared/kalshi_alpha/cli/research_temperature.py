"""``kalshi-alpha temperature``: pull recorded trades of the temperature ladders, and study them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Annotated

import typer

import kalshi_alpha
from kalshi_alpha.cli.dates import parse_day
from kalshi_alpha.cli.many import ManyCommand, command_line
from kalshi_alpha.cli.output import Json, emit, pairs, progress, table_of
from kalshi_alpha.clock import SystemClock
from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.markets.temperature import load_temperatures
from kalshi_alpha.steps.runtime import Settings
from kalshi_alpha.venues.kalshi.reader import KalshiReader

app = typer.Typer(help="The temperature ladders on recorded trades.", no_args_is_help=True)


@app.command("pull", cls=ManyCommand)
def pull(
    first: Annotated[str, typer.Option("--from", help="First climate day, as 2026-10-01.")],
    last: Annotated[str, typer.Option("--to", help="Last climate day.")],
    store: Annotated[Path, typer.Option("--store", help="Folder that receives kalshi_high.")],
    series: Annotated[
        list[str] | None, typer.Option("--series", help="Such as KXHIGHNY; all without.")
    ] = None,
    venue: Annotated[
        str | None, typer.Option("--venue", help="REST address; KALSHI_ALPHA_VENUE_URL by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Pull decided events, every trade of them, into the form the study reads; needs no key.

    What is stored is not asked for again; run it once more to go on. The venue keeps two to three
    months. Example: kalshi-alpha temperature pull --from 2026-10-01 --to 2026-11-19 --store data
    """
    from kalshi_alpha.research.temperature import pulling  # noqa: PLC0415 - pyarrow takes a second

    known = [name for each in load_temperatures().groups.values() for name in each]
    wanted = known if series is None else series
    if unknown := sorted({*wanted} - {*known}):
        raise ConfigurationError(
            f"there is no temperature series {unknown[0]}; there is: {', '.join(known)}"
        )
    days = pulling.days_between(parse_day(first), parse_day(last))
    url = venue or Settings.from_environment(os.environ).require("venue_url")
    with contextlib.closing(KalshiReader(url, SystemClock())) as reader, progress("events") as told:
        done = pulling.pull(reader, wanted, days, store, told)
    rows = {
        "stored before": len(done.there),
        "pulled": len(done.pulled),
        "trades": done.trades,
        "not decided yet": len(done.undecided),
        "nothing at the venue": len(done.unknown),
        "folder": done.folder,
    }
    answer = {
        "folder": str(done.folder),
        "trades": done.trades,
        **{name: list(getattr(done, name)) for name in ("there", "pulled", "undecided", "unknown")},
    }
    emit(answer, as_json=as_json, table=pairs("Temperature events", rows))


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
        typer.Option("--only", help="Beside the filter: horizons, played, replayed; all of them."),
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
    from kalshi_alpha.research.temperature.study import PARTS, SEED, Request  # noqa: PLC0415
    from kalshi_alpha.research.temperature.study import study as whole  # noqa: PLC0415

    parts = PARTS if only is None else tuple(only)
    if unknown := sorted({*parts} - {"filter", *PARTS}):
        raise typer.BadParameter(f"{', '.join(unknown)} is no part: {', '.join(PARTS)}")
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
