"""``kalshi-alpha score``: the law beside plain models, walk-forward."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

import kalshi_alpha
from kalshi_alpha.cli.dates import parse_day
from kalshi_alpha.cli.many import command_line
from kalshi_alpha.cli.output import Json, emit, err, table_of
from kalshi_alpha.clock import SystemClock, iso
from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.registry import load_registry


def score(
    ctx: typer.Context,
    bars: Annotated[
        list[Path],
        typer.Option("--bars", help="Files of bars, parquet or CSV, several after one name."),
    ],
    symbol: Annotated[str, typer.Option("--symbol", help="SPX or NDX.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write score.json and pages into.")],
    parameters: Annotated[
        Path | None, typer.Option("--params", help="Score this file, on days after its data.")
    ] = None,
    refit: Annotated[
        bool, typer.Option("--refit", help="Fit anew every week, on earlier days only.")
    ] = False,
    every: Annotated[
        int, typer.Option("--every", min=1, help="With --refit: sessions between fits.")
    ] = 5,
    bend: Annotated[
        bool, typer.Option("--bend", help="With --refit: bend each law to where outcomes fell.")
    ] = False,
    first: Annotated[
        str | None, typer.Option("--from", help="First day scored, as 2025-11-10.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last day scored.")] = None,
    as_json: Json = False,
) -> None:
    """Score the law 30 to 1 minutes before every fixing, beside four plain models.

    Give earlier bars too: the baselines and --refit learn from days before --from.
    Example: kalshi-alpha score --refit --bars spx_1m.parquet spx_5m.parquet --symbol SPX
    --from 2025-11-10 --to 2026-02-09 --out out/score
    """
    # numpy, scipy and pyarrow take a second: the other commands should not wait for them
    from kalshi_alpha.research import score as scoring  # noqa: PLC0415
    from kalshi_alpha.research.data.panel import read_panels  # noqa: PLC0415
    from kalshi_alpha.research.score_report import (  # noqa: PLC0415
        OVERVIEW,
        overview,
        write_score,
    )

    if refit == (parameters is not None):
        raise ConfigurationError("give either --params FILE or --refit: one of them, not both")
    registry = load_registry()
    end = None if last is None else parse_day(last)
    err.print(f"reading {len(bars)} files of bars")
    panels = read_panels(bars, symbol, last=end)
    days = sorted({day for panel in panels.values() for day in panel.days})
    begin = days[0] if first is None else parse_day(first)
    end = end or days[-1]
    err.print(f"scoring {symbol} from {begin} to {end}")
    source, made_with = _source(
        panels, symbol, parameters, first=begin, last=end, every=every, bend=bend
    )
    scored = scoring.score(
        panels,
        source,
        first=begin,
        last=end,
        strike_step=scoring.strike_step(registry, symbol),
    )
    provenance = [
        ("Command", command_line("score", ctx)),
        ("Code", f"kalshi-alpha {kalshi_alpha.__version__}"),
        ("Written", iso(SystemClock().now().replace(microsecond=0))),
        ("Registry, SHA-256", registry.hash),
        ("Parameters", made_with),
        *(
            (f"Bars, {note.name}", f"{note.rows} of {note.symbol}, SHA-256 {note.sha256}")
            for panel in panels.values()
            for note in panel.files
        ),
    ]
    document = write_score(scored, out, provenance)
    if scored.too_early:
        err.print(
            f"{len(scored.too_early)} days from {scored.too_early[0]} have too little history "
            "before them and are not scored"
        )
    table = table_of(
        f"{symbol}: the law less each plain model; {out / 'score.html'}",
        OVERVIEW,
        overview(document["rows"]),
    )
    emit(document, as_json=as_json, table=table)


def _source(
    panels: Any,
    symbol: str,
    parameters: Path | None,
    *,
    first: date,
    last: date,
    every: int,
    bend: bool,
) -> tuple[Any, str]:
    """Return the parameters by day, and what to say of them."""
    from kalshi_alpha.pricing.parameters import (  # noqa: PLC0415
        load_parameters,
        parameters_checksum,
    )
    from kalshi_alpha.research.score import Fixed  # noqa: PLC0415
    from kalshi_alpha.research.walk import Walk  # noqa: PLC0415

    if parameters is None:
        walk = Walk(panels, first=first, last=last, every=every, bend=bend)
        return walk, f"fitted anew every {every} sessions, on earlier days only"
    try:
        data = parameters.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{parameters} cannot be read: {error.strerror}") from None
    held = load_parameters(data, on=last, expired_too=True)
    if symbol not in held:
        raise ConfigurationError(f"{parameters} says nothing of {symbol}: it has {sorted(held)}")
    one = held[symbol]
    return Fixed(one), f"data through {one.as_of}, checksum {parameters_checksum(data)}"
