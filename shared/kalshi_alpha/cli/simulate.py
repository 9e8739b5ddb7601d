"""``kalshi-alpha simulate``: the twin's exchange or feed alone, on wall time, for any client."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated

import typer

from kalshi_alpha.cli.dates import parse_day

app = typer.Typer(
    no_args_is_help=True,
    help="Serve the exchange or the index feed alone, on loopback and wall time.",
)

Port = Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 picks a free one.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random in it.")]


@app.command()
def exchange(
    port: Port = 0,
    seed: Seed = 1,
    key: Annotated[str, typer.Option(help="Kind of the throw-away key: rsa or ed25519.")] = "rsa",
) -> None:
    """Serve an exchange with open, moving index markets until interrupted.

    Prints one JSON line when ready: {rest, ws, key_id, pem, markets}. The key is made for this run
    and opens nothing else. Example: kalshi-alpha simulate exchange --port 8123
    """
    from kalshi_alpha.rehearsal.exchange.standalone import run_exchange  # noqa: PLC0415

    asyncio.run(run_exchange(port, seed=seed, key_kind=key))


@app.command()
def feed(
    port: Port = 0,
    seed: Seed = 1,
    day: Annotated[
        str, typer.Option("--date", help="The recorded day whose path is played.")
    ] = "2025-11-04",
) -> None:
    """Serve the index feed in the vendor's wire format until interrupted.

    Prints one JSON line when ready: {rest, ws, key, day}. The recorded day's path is laid onto wall
    time. Example: kalshi-alpha simulate feed --port 8124 --date 2025-10-31
    """
    from kalshi_alpha.rehearsal.feed import run_feed  # noqa: PLC0415

    recorded: date = parse_day(day)
    asyncio.run(run_feed(port, recorded, seed=seed))
