"""``kalshi-alpha calibrate``: fit the index law from bars."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from kalshi_alpha.cli.dates import parse_day, parse_instant
from kalshi_alpha.cli.many import ManyCommand, command_line
from kalshi_alpha.cli.output import Json, emit, pairs, table_of
from kalshi_alpha.clock import SystemClock
from kalshi_alpha.markets.registry import load_registry

app = typer.Typer(
    no_args_is_help=True,
    help="Fit the index law from bars and write a parameter file, one part at a time.",
)

Symbol = Annotated[str, typer.Option("--symbol", help="SPX or NDX.")]
Bars = Annotated[
    list[Path],
    typer.Option("--bars", help="Files of bars, parquet or CSV, several after one name."),
]
Out = Annotated[Path, typer.Option("--out", help="The parameter file; its other parts are kept.")]
Through = Annotated[
    str | None, typer.Option("--through", help="Last day used, as 2025-11-03; else the last there.")
]
Bend = Annotated[
    bool,
    typer.Option("--bend", help="Bend the law to where outcomes fell; it has not paid so far."),
]
Blend = Annotated[
    Path | None,
    typer.Option("--blend", help="A market-blend.json of score-market to put into the part."),
]
CreatedAt = Annotated[
    str | None, typer.Option("--created-at", help="Time to record, New York; now when not given.")
]


@app.command("hourly", cls=ManyCommand)
def hourly(
    ctx: typer.Context,
    symbol: Symbol,
    bars: Bars,
    out: Out,
    through: Through = None,
    bend: Bend = False,
    blend: Blend = None,
    created_at: CreatedAt = None,
    as_json: Json = False,
) -> None:
    """Fit the fixings before the session's close.

    Example: kalshi-alpha calibrate hourly --symbol SPX --bars spx_1m.parquet spx_5m.parquet
    --out params.json
    """
    _calibrate(ctx, "hourly", symbol, bars, out, through, bend, blend, created_at, as_json)


@app.command("close", cls=ManyCommand)
def close(
    ctx: typer.Context,
    symbol: Symbol,
    bars: Bars,
    out: Out,
    through: Through = None,
    bend: Bend = False,
    blend: Blend = None,
    created_at: CreatedAt = None,
    as_json: Json = False,
) -> None:
    """Fit the fixing at the session's close.

    Example: kalshi-alpha calibrate close --symbol SPX --bars spx_1m.parquet spx_5m.parquet
    --out params.json
    """
    _calibrate(ctx, "close", symbol, bars, out, through, bend, blend, created_at, as_json)


@app.command("recover")
def recover(
    sessions: Annotated[int, typer.Option(min=60, help="Sessions of each world.")] = 250,
    worlds: Annotated[int, typer.Option(min=2, help="Worlds to simulate and fit.")] = 40,
    seed: Annotated[int, typer.Option(help="Of the first world; the next has the next.")] = 1,
    as_json: Json = False,
) -> None:
    """Simulate worlds of known parameters and show what fitting finds of them.

    Example: kalshi-alpha calibrate recover --sessions 250 --worlds 40
    """
    from kalshi_alpha.research.model.world import Truth, recover  # noqa: PLC0415

    found = recover(Truth(), sessions=sessions, worlds=worlds, seed=seed)
    rows = [
        (one.name, f"{one.truth:.4g}", f"{one.mean:.4g}", f"{one.spread:.3g}", f"{one.off:+.1f}")
        for one in found
    ]
    columns = ("parameter", "truth", "mean found", "spread", "standard errors off")
    table = table_of(f"{worlds} worlds of {sessions} sessions", columns, rows)
    emit([asdict(one) for one in found], as_json=as_json, table=table)


def _calibrate(
    ctx: typer.Context,
    kind: Any,
    symbol: str,
    bars: list[Path],
    out: Path,
    through: str | None,
    bend: bool,
    blend: Path | None,
    created_at: str | None,
    as_json: bool,
) -> None:
    # numpy, scipy and pyarrow take a second: the other commands should not wait for them
    from kalshi_alpha.research.calibrate import (  # noqa: PLC0415
        calibrate,
        index_minutes,
        read_blend,
        write_part,
    )
    from kalshi_alpha.research.data.panel import read_panels  # noqa: PLC0415

    last = None if through is None else parse_day(through)
    made_at: datetime = SystemClock().now() if created_at is None else parse_instant(created_at)
    registry = load_registry()
    panels = read_panels(bars, symbol, last=last)
    made = calibrate(
        panels,
        kind,
        registry,
        index=index_minutes(bars, symbol, last=last),
        through=last,
        bend=bend,
        blend=None if blend is None else read_blend(blend),
        command=command_line(f"calibrate {kind}", ctx),
        created_at=made_at,
    )
    data = write_part(made, out)
    part = made.fitted.parameters
    shown = {
        "symbol": made.symbol,
        "part": kind,
        "through": made.as_of.isoformat(),
        "file": str(out),
        "bytes": len(data),
        **made.fitted.evidence,
        "level": part.level,
        "minute_ratio": part.minute_ratio,
        "typical": part.mix.typical,
        "weights": [part.mix.since_open, part.mix.last_30, part.mix.last_10],
        "stretches": {f"{shape.up_to:g}": shape.stretch for shape in part.shapes},
        "basis": part.basis,
    }
    left_out = [finding.sentence for panel in panels.values() for finding in panel.findings]
    emit(
        shown | {"findings": left_out},
        as_json=as_json,
        table=pairs(f"{made.symbol} {kind}, through {made.as_of}", shown),
    )
