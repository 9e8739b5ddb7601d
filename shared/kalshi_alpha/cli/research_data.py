"""``kalshi-alpha data``: check files of bars, import them, pull them from the vendor."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from kalshi_alpha.cli.dates import parse_day
from kalshi_alpha.cli.many import ManyCommand
from kalshi_alpha.cli.output import Json, emit, out, pairs, progress, table_of
from kalshi_alpha.clock import SystemClock
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.venues.secrets import load_secret

app = typer.Typer(
    no_args_is_help=True,
    help="Check recorded bars, import them into a store, or pull them from the index vendor.",
)

VENDOR_URL = "https://api.massive.com"

Symbol = Annotated[str, typer.Option(help="SPX or NDX.")]
StoreFolder = Annotated[Path, typer.Option("--store", help="Folder the bars are kept in.")]
Progress = Callable[[int, int], None]


@app.command(cls=ManyCommand)
def check(
    bars: Annotated[list[Path], typer.Option(help="Files of bars, parquet or CSV.")],
    symbol: Symbol,
    first: Annotated[str | None, typer.Option("--from", help="First day.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last day.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="Where data-check.json and .md are written.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what is wrong with files of bars: gaps, repeats, bad ticks, clocks, standstills.

    Exits 4 when a file cannot be used.
    Example: kalshi-alpha data check --bars bars.parquet --symbol SPX --out out
    """
    from kalshi_alpha.research.data.report import check_files, write_check  # noqa: PLC0415

    since, until = (None if text is None else parse_day(text) for text in (first, last))
    found = check_files(bars, symbol, load_registry(), load_sessions(), first=since, last=until)
    data = found.as_json()
    if not as_json:
        head = ("Step", "Source", "sessions", "whole", "From", "To")
        keys = ("step", "source", "sessions", "whole", "first", "last")
        rows = [[row[key] for key in keys] for row in data["panels"]]
        out.print(table_of(f"Bars of {symbol}", head, rows))
        for finding in found.findings:
            out.print(f"{finding.action:8}{escape(finding.sentence)}")
    written = () if folder is None else write_check(found, folder)
    if as_json:
        emit(data, as_json=True)
    for file in () if as_json else written:
        out.print(f"wrote   {file}")
    if found.refused:
        raise DataError(found.refused[0].sentence)


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(help="Files of bars or of daily closes.")],
    symbol: Symbol,
    store: StoreFolder,
    as_json: Json = False,
) -> None:
    """Check files and bring them into a store; one bad file stores nothing.

    Example: kalshi-alpha data import minutes.csv crsp_daily.csv --symbol SPX --store data
    """
    from kalshi_alpha.research.data.importing import import_files  # noqa: PLC0415
    from kalshi_alpha.research.data.store import Store  # noqa: PLC0415

    kept = Store(store, SystemClock())
    with progress("files") as told:
        entries = import_files(files, symbol, kept, load_registry(), load_sessions(), told)
    head = ("From", "Symbol", "Step", "rows", "First", "Last", "Into")
    keys = ("from", "symbol", "step", "rows", "first", "last", "file")
    rows = [[entry[key] for key in keys] for entry in entries]
    emit(entries, as_json=as_json, table=table_of("Imported", head, rows))


@app.command()
def pull(
    symbol: Symbol,
    first: Annotated[str, typer.Option("--from", help="First day, as 2025-11-04.")],
    last: Annotated[str, typer.Option("--to", help="Last day.")],
    store: StoreFolder,
    step: Annotated[int, typer.Option(help="Minutes a bar: a divisor of 30.")] = 1,
    base_url: Annotated[str, typer.Option(help="The vendor's REST.")] = VENDOR_URL,
    as_json: Json = False,
) -> None:
    """Pull the sessions a store lacks from the index vendor; run it again to go on.

    Sessions that are whole in the store are not asked for again. The vendor's key is taken from
    MASSIVE_API_KEY in the environment, from .env.local or from the keychain.
    Example: kalshi-alpha data pull --symbol SPX --from 2025-10-01 --to 2025-10-31 --store data
    """
    from kalshi_alpha.research.data.panel import registered  # noqa: PLC0415
    from kalshi_alpha.research.data.pulling import (  # noqa: PLC0415
        describe,
        wanted_sessions,
    )
    from kalshi_alpha.research.data.pulling import pull as pull_bars  # noqa: PLC0415
    from kalshi_alpha.research.data.store import Store  # noqa: PLC0415
    from kalshi_alpha.venues.massive.rest import MassiveReader  # noqa: PLC0415

    clock, sessions = SystemClock(), load_sessions()
    wanted = registered(load_registry(), symbol)
    days = wanted_sessions(parse_day(first), parse_day(last), sessions, clock.now())
    kept, payloads = Store(store, clock), list[str]()
    key = load_secret("MASSIVE_API_KEY").reveal()
    reader = MassiveReader(
        base_url, key, clock, keep=lambda page: payloads.append(kept.keep_raw(page, ".json"))
    )
    with contextlib.closing(reader), progress("sessions") as told:
        done = pull_bars(reader, payloads, wanted, step, days, kept, sessions, told)
    if not done.there and not done.pulled:
        raise DataError(
            f"the index feed has no bars of {symbol} from {first} to {last}; nothing was stored"
        )
    table = pairs(
        f"Bars of {symbol}, {step} min",
        {
            "whole in the store before": len(done.there),
            "pulled": len(done.pulled),
            "of them with holes": len(done.holed),
            "nothing at the vendor": len(done.without),
            "file": done.file,
        },
    )
    emit(describe(done), as_json=as_json, table=table)
