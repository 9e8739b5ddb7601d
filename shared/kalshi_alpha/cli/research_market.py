"""``kalshi-alpha score-market``: the law beside the prices at which the market traded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import kalshi_alpha
from kalshi_alpha.cli.dates import parse_day
from kalshi_alpha.cli.many import command_line
from kalshi_alpha.cli.output import Json, emit, err, table_of
from kalshi_alpha.markets.registry import load_registry


def score_market(
    ctx: typer.Context,
    trades: Annotated[
        list[Path],
        typer.Option("--trades", help="Trades by the second of an index, or of temperatures."),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder to write market.json and pages into.")],
    bars: Annotated[
        list[Path] | None,
        typer.Option("--bars", help="Bars of the index, of days before too; several files."),
    ] = None,
    markets: Annotated[
        Path | None, typer.Option("--markets", help="Results of temperature markets.")
    ] = None,
    symbol: Annotated[
        str | None, typer.Option("--symbol", help="The index, if it is to be checked.")
    ] = None,
    parameters: Annotated[
        Path | None, typer.Option("--params", help="One file for all days, instead of weekly fits.")
    ] = None,
    first: Annotated[str | None, typer.Option("--from", help="First event day.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last event day.")] = None,
    as_json: Json = False,
) -> None:
    """Score the law, the traded price, the price sharpened, and the blend, walk-forward.

    Example: kalshi-alpha score-market --trades above_1s.parquet --bars spx_1m.parquet
    spx_5m.parquet --out out/market
    """
    # numpy, scipy and pyarrow take a second: the other commands should not wait for them
    from kalshi_alpha.research.market import scoring  # noqa: PLC0415
    from kalshi_alpha.research.market.report import (  # noqa: PLC0415
        OVERVIEW,
        overview,
        write_market,
    )

    request = scoring.Request(
        trades=tuple(trades),
        bars=tuple(bars or ()),
        markets=markets,
        parameters=parameters,
        symbol=symbol,
        first=None if first is None else parse_day(first),
        last=None if last is None else parse_day(last),
    )
    found = scoring.score_market(request, load_registry())
    for each in found.excluded:
        err.print(each.sentence, markup=False, soft_wrap=True)
    provenance = [
        ("Command", command_line("score-market", ctx)),
        ("Code", f"kalshi-alpha {kalshi_alpha.__version__}"),
        *found.provenance,
    ]
    document = write_market(found, out, provenance)
    title = f"{found.subject}: Brier scores of trades; {out / 'market.html'}"
    emit(document, as_json=as_json, table=table_of(title, OVERVIEW, overview(document["rows"])))
