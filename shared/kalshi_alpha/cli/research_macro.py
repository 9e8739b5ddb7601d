"""``kalshi-alpha macro``: the published figures' sources, parameters, laws and scores."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from kalshi_alpha.cli.dates import parse_day, parse_instant
from kalshi_alpha.cli.many import ManyCommand, command_line
from kalshi_alpha.cli.output import Json, emit, out, pairs, table_of
from kalshi_alpha.clock import Clock, ManualClock, SystemClock
from kalshi_alpha.cloud.artifacts import ArtifactStore, open_store
from kalshi_alpha.cloud.services import client as aws_client
from kalshi_alpha.errors import ConfigurationError, DataError, SecretError

app = typer.Typer(
    no_args_is_help=True,
    help="Published figures: read their sources, fit and score their laws, show what is known.",
)

Store = Annotated[
    str, typer.Option("--store", help="Where figures are kept: a folder, or s3://bucket/prefix.")
]
Families = Annotated[
    list[str] | None,
    typer.Option("--family", help="cpi, claims, ten_year, gas; all when not given."),
]


@app.command("fit")
def fit(
    ctx: typer.Context,
    data: Annotated[Path, typer.Option("--data", help="Folder of recorded figures.")],
    as_of: Annotated[str, typer.Option("--as-of", help="Last day that counts, as 2025-12-31.")],
    file: Annotated[Path, typer.Option("--out", help="The parameter file to write.")],
    as_json: Json = False,
) -> None:
    """Fit every part on what could be read by a day, and write the parameter file.

    Example: kalshi-alpha macro fit --data data/macro --as-of 2025-12-31 --out macro.toml
    """
    # numpy, scipy and pyarrow take a second: the other commands should not wait for them
    from kalshi_alpha.research.data.store import write_atomically  # noqa: PLC0415
    from kalshi_alpha.research.macro.fit import fit as fit_all  # noqa: PLC0415

    found = fit_all(data, parse_day(as_of))
    write_atomically(file, found.text(command_line("macro fit", ctx, {"--out"})).encode())
    shown = {part.name: part.evidence for part in found.parts}
    told = {"file": str(file), "valid_until": found.valid_until.isoformat(), **shown}
    emit(told, as_json=as_json, table=pairs(f"Fitted as of {found.as_of}", told))


@app.command("refresh", cls=ManyCommand)
def refresh(
    store: Store,
    contact: Annotated[
        str, typer.Option("--contact", help="E-mail address for the user agent; the offices ask.")
    ],
    family: Families = None,
    url: Annotated[
        str, typer.Option("--sources-url", help="One address for all offices, a twin's say.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Read the public offices once and keep every word of them, as the sources step does.

    Keys are BLS_API_KEY and EIA_API_KEY, where there are any; all figures can be had without.
    Example: kalshi-alpha macro refresh --store data/figures --contact desk@example.org
    """
    from kalshi_alpha.steps.sources import (  # noqa: PLC0415 - macro only for its own commands
        FAMILIES,
        Office,
        hosts_below,
    )
    from kalshi_alpha.steps.sources import refresh as read_all  # noqa: PLC0415
    from kalshi_alpha.venues.macro.client import MacroClient  # noqa: PLC0415
    from kalshi_alpha.venues.macro.sources import HOSTS  # noqa: PLC0415

    clock = SystemClock()
    with closing(MacroClient(contact, clock)) as client:
        hosts = hosts_below(url) if url else HOSTS
        found = read_all(
            family or FAMILIES, Office(client, _store(store), clock, hosts, _keys())
        ).to_json()
    rows = [
        (name, "unknown" if hours is None else f"{hours:.1f}", found["stale"].get(name, ""))
        for name, hours in found["hours"].items()
    ]
    table = table_of("Figures", ("Series", "hours old", "Why stale"), rows)
    emit(found, as_json=as_json, table=table)


@app.command("hand-over")
def hand_over(
    file: Annotated[Path, typer.Argument(help="CSV with the columns period and value.")],
    store: Store,
    series: Annotated[str, typer.Option("--series", help="Whose history it is.")] = "aaa-regular",
    as_json: Json = False,
) -> None:
    """Keep a history that no source tells any more, as known from now.

    AAA's page tells two days, and its law needs sixty and more.
    Example: kalshi-alpha macro hand-over aaa.csv --store data/figures
    """
    from kalshi_alpha.venues.macro import voices  # noqa: PLC0415

    kept = voices.hand_over(_store(store), SystemClock(), series, _told(file))
    told = {"series": series, "kept": len(kept.figures), "left out": dict(kept.counts)}
    emit(told, as_json=as_json, table=pairs(f"Handed over from {file.name}", told))


@app.command("show")
def show(
    ticker: Annotated[str, typer.Argument(help="A series of the venue, such as KXCPI.")],
    store: Store,
    at: Annotated[
        str | None, typer.Option("--at", help="As known at this time, New York; else now.")
    ] = None,
    period: Annotated[
        str | None, typer.Option("--period", help="Reference period, as 2025-12-01; else the next.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what is known of a figure, its law now, and the ladder around its middle.

    Example: kalshi-alpha macro show KXCPI --store data/figures
    """
    clock: Clock = SystemClock() if at is None else ManualClock(parse_instant(at))
    from kalshi_alpha.cli.macro_law import shown_law  # noqa: PLC0415 - macro only for its own

    found = shown_law(ticker, _store(store), clock, None if period is None else parse_day(period))
    if as_json:
        emit(found, as_json=True)
        return
    out.print(pairs(f"{ticker}, {found['period']}, out {found['released']}", found["known"]))
    out.print(pairs("Law", found["law"]))
    rows = [(f"{strike:g}", f"{p:.4f}", f"{q:.4f}") for strike, p, q in found["ladder"]]
    out.print(table_of("Ladder", ("strike", "more than", "at least"), rows))


@app.command("score", cls=ManyCommand)
def score(
    folder: Annotated[Path, typer.Argument(help="Folder of recorded figures.")],
    family: Families = None,
) -> None:
    """Score every law walk-forward against plain ones, as Markdown on standard output.

    Example: kalshi-alpha macro score data/macro --family cpi claims
    """
    from kalshi_alpha.research.macro import scoreboard  # noqa: PLC0415
    from kalshi_alpha.research.macro.advance import advance_table  # noqa: PLC0415
    from kalshi_alpha.research.macro.study import scores  # noqa: PLC0415

    families = family or scoreboard.FAMILIES
    if unknown := sorted(set(families) - set(scoreboard.FAMILIES)):
        known = ", ".join(scoreboard.FAMILIES)
        raise ConfigurationError(f"there is no family {unknown[0]!r}; there is: {known}")
    for study in scoreboard.studies(folder, families):
        typer.echo(scoreboard.table(study, scores(study)) + "\n")
    if "claims" in families:
        typer.echo(advance_table(folder))


def _told(file: Path) -> Mapping[date, str]:
    try:
        rows = list(csv.DictReader(file.read_text("utf-8-sig").splitlines(), strict=True))
        return {date.fromisoformat(row["period"]): row["value"] for row in rows}
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise DataError(
            f"{file} is no table with the columns period and value, days as 2025-10-01: "
            f"{type(error).__name__}"
        ) from None


def _store(uri: str) -> ArtifactStore:
    return open_store(uri, aws_client("s3") if uri.startswith("s3:") else None)


def _keys() -> Any:
    from kalshi_alpha.steps.sources import Keys  # noqa: PLC0415
    from kalshi_alpha.venues.secrets import load_secret  # noqa: PLC0415

    def key(name: str) -> str:
        try:
            return load_secret(name).reveal()
        except SecretError:
            return ""

    return Keys(key("BLS_API_KEY"), key("EIA_API_KEY"))
