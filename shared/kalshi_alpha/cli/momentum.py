"""``kalshi-alpha momentum``: what a momentum day left, asked in SQL."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from kalshi_alpha.cli.output import Json, emit, err, table_of
from kalshi_alpha.clock import SystemClock
from kalshi_alpha.steps.runtime import Settings
from kalshi_alpha.venues.secrets import load_private_key_pem, load_secret

app = typer.Typer(no_args_is_help=True, help="Highest temperature: what a momentum day left.")

Folder = Annotated[Path, typer.Option("--folder", help="Of a rehearsed day: out/rehearsal/<date>.")]
_MOST = 200  # rows that are shown


@app.command()
def query(
    question: Annotated[
        str, typer.Argument(help="SQL over features, leans, orders, fills and trades.")
    ],
    folder: Folder = Path("out/rehearsal/2024-12-03"),
    as_json: Json = False,
) -> None:
    """Ask a day's tables in SQL; nothing is written, and nothing else can be read.

    Example: kalshi-alpha momentum query "SELECT code, count(*) FROM leans GROUP BY code"
    """
    from kalshi_alpha.jobs.momentum_tables import ask  # noqa: PLC0415

    columns, rows = ask(folder, question)
    shown = [[_plain(value) for value in row] for row in rows]
    found = [dict(zip(columns, row, strict=True)) for row in shown]
    texts = [tuple("" if value is None else str(value) for value in row) for row in shown[:_MOST]]
    title = f"{len(rows)} rows" + (f", the first {_MOST}" if len(rows) > _MOST else "")
    emit(found, as_json=as_json, table=table_of(title, tuple(columns), texts))


@app.command()
def shadow(
    group: Annotated[str, typer.Option(help="A city group: east, central, mountain or west.")],
    contact: Annotated[
        str, typer.Option(help="Your e-mail address: the weather office wants to know who reads.")
    ],
    minutes: Annotated[float, typer.Option(min=0.01, help="How long to follow today.")] = 60.0,
    folder: Annotated[Path, typer.Option("--out", help="Where shadow/ is written.")] = Path("out"),
    as_json: Json = False,
) -> None:
    """Follow today's brackets at the real venue: decide, record, and place nothing.

    Needs a key of the venue that can read, KALSHI_API_KEY_ID and KALSHI_PRIVATE_KEY_PEM_PATH, and
    the venue's addresses in KALSHI_ALPHA_VENUE_URL and KALSHI_ALPHA_VENUE_WS_URL.
    Example: kalshi-alpha momentum shadow --group east --contact you@example.org --minutes 30
    """
    from kalshi_alpha.rehearsal import shadow as shadowing  # noqa: PLC0415 - the image has no twin
    from kalshi_alpha.steps.momentum_sky import open_sky  # noqa: PLC0415

    settings = replace(Settings.from_environment(os.environ), contact=contact, broker="paper")
    place = folder / "shadow"
    settings = replace(settings, artifacts=str(place), secret="shadow")  # noqa: S106 - a name
    key = shadowing.VenueKey(
        load_secret("KALSHI_API_KEY_ID").reveal(), load_private_key_pem().decode()
    )
    settings.require("venue_url")
    settings.require("venue_ws_url")
    runtime = shadowing.LocalRuntime(settings, SystemClock(), place, key)
    sky = open_sky(runtime, err.print)
    found = shadowing.shadow(runtime, group, sky, minutes, err.print)
    rows = [
        (event, what, str(n))
        for event, counts in found.counts.items()
        for what, n in counts.items()
    ]
    title = f"{found.frames} frames; records in {place}"
    emit(found.to_json(), as_json=as_json, table=table_of(title, ("Event", "what", "times"), rows))


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if value is None or isinstance(value, bool | int | str | list):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)
