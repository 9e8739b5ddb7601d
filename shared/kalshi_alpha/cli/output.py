"""How commands speak: tables for a person, one JSON document for a program, sentences on errors."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kalshi_alpha.errors import KalshiAlphaError

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]

PIPED_WIDTH = 200  # a file or a pipe has no width of its own; its tables break no words

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPED_WIDTH)
err = Console(stderr=True, highlight=False)


def say_error(error: KalshiAlphaError) -> None:
    """Print the sentence of an error on standard error."""
    err.print(f"[bold red]{type(error).__name__}[/]: {escape(str(error))}", soft_wrap=True)


def emit(data: Any, *, as_json: bool, table: Table | str | None = None) -> None:
    """Print ``data`` as JSON, or ``table`` for a person."""
    if as_json:
        sys.stdout.write(json.dumps(data, indent=1, default=str) + "\n")
    else:
        out.print(table if table is not None else data)


def table_of(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    """Return a plain table; numbers are the caller's to format."""
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for place, column in enumerate(columns, 1):
        last = place == len(columns)
        table.add_column(column, justify="right" if column.islower() else "left", no_wrap=not last)
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    return table


def pairs(title: str, values: Mapping[str, Any]) -> Table:
    """Return a two-column table of names and values."""
    return table_of(title, ("What", "Value"), [(k, v) for k, v in values.items()])


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal, and nothing elsewhere; it is told how many of how many are done."""
    from rich.progress import (  # noqa: PLC0415 - few commands take long
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TimeRemainingColumn,
    )

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
