"""``kalshi-alpha momentum``: what a momentum day left, asked in SQL."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from kalshi_alpha.cli.output import Json, emit, table_of

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


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if value is None or isinstance(value, bool | int | str | list):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)
