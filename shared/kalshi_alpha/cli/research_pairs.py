"""``kalshi-alpha correlation``: how two indices move together."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from kalshi_alpha.cli.dates import parse_day
from kalshi_alpha.cli.output import Json, emit, table_of


def correlation(
    bars: Annotated[
        list[Path],
        typer.Option("--bars", help="Files of bars, parquet or CSV, several after one name."),
    ],
    other_bars: Annotated[
        list[Path] | None,
        typer.Option("--other-bars", help="Files of the other's bars, if not the same."),
    ] = None,
    one: Annotated[str, typer.Option("--one", help="One index.")] = "SPX",
    other: Annotated[str, typer.Option("--other", help="The other.")] = "NDX",
    last: Annotated[str | None, typer.Option("--to", help="Last day looked at.")] = None,
    as_json: Json = False,
) -> None:
    """Measure the correlation of simultaneous five-minute moves, and whether tails follow it.

    Example: kalshi-alpha correlation --bars etf_5m.parquet
    """
    # numpy, scipy and pyarrow take a second: the other commands should not wait for them
    from kalshi_alpha.research.data.panel import read_panels  # noqa: PLC0415
    from kalshi_alpha.research.pairs import moves_together  # noqa: PLC0415

    end = None if last is None else parse_day(last)
    found = moves_together(
        read_panels(bars, one, last=end), read_panels(other_bars or bars, other, last=end)
    )
    rows = [
        (
            r.what,
            r.days,
            r.moves,
            f"{r.value:.3f}",
            f"{r.low:.3f} to {r.high:.3f}",
            f"{r.copula:.3f}",
        )
        for r in found
    ]
    columns = ("What", "days", "moves", "value", "95 % by days", "copula")
    table = table_of(f"{one} and {other} together", columns, rows)
    emit({"rows": [asdict(row) for row in found]}, as_json=as_json, table=table)
