"""``kalshi-alpha explain``: a window or a market in plain sentences, from what it left."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from kalshi_alpha.cli.output import Json, emit, out, table_of
from kalshi_alpha.cli.runs import Run, run_at, runs_in
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.markets.tickers import parse_market
from kalshi_alpha.markets.units import price_text
from kalshi_alpha.markets.windows import window_from_id

_WINDOW = re.compile(r"\d{8}-")


def explain(
    what: Annotated[
        str, typer.Argument(metavar="WINDOW", help="A window, as 20251104-1200-index-hourly.")
    ],
    market: Annotated[
        str, typer.Argument(help="One of its markets, as KXINXU-25NOV04H1200-T6774.9999.")
    ] = "",
    folder: Annotated[Path, typer.Option("--out", help="Where runs lie.")] = Path("out"),
    place: Annotated[
        Path | None, typer.Option("--run", help="One run's folder, instead of those under --out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell what a window did: listing, reading, law, price, book, edge, gates, orders, outcome.

    A market alone, without its window, shows why it was quoted, or was not, at each scan.
    Example: kalshi-alpha explain 20251104-1200-index-hourly KXINXU-25NOV04H1200-T6799.9999
    """
    if not _WINDOW.match(what):
        parse_market(what)
        _why_table(what, _newest(folder) if place is None else place, as_json=as_json)
        return
    # the drawing that pages need takes a second to load
    from kalshi_alpha.reports.kept import read_kept  # noqa: PLC0415
    from kalshi_alpha.reports.story import tell  # noqa: PLC0415

    registry, sessions = load_registry(), load_sessions()
    day = window_from_id(what, registry, sessions).day
    run = _run_of(day.isoformat(), folder) if place is None else run_at(place)
    kept = read_kept(run.store, what, registry, sessions)
    chapters = tell(kept, registry, market)
    if as_json:
        told = [chapter.to_json() for chapter in chapters]
        emit({"window_id": what, "market": market, "chapters": told}, as_json=True)
        return
    for chapter in chapters:
        out.print(f"{chapter.name}", style="bold", markup=False)
        for sentence in chapter.sentences:
            out.print(f"  {sentence}", markup=False)


def _run_of(day: str, folder: Path) -> Run:
    for run in runs_in(folder):
        if run.day.isoformat() == day:
            return run
    raise DataError(f"there is no run of {day} under {folder}; `make rehearse` makes one")


def _newest(folder: Path) -> Path:
    runs = sorted(folder.glob("*/*/why.jsonl"), key=lambda path: path.stat().st_mtime)
    if not runs:
        raise DataError(f"there is no run under {folder}; run `make rehearse` first")
    return runs[-1].parent


def _why_table(ticker: str, run: Path, *, as_json: bool) -> None:
    file = run / "why.jsonl"
    if not file.is_file():
        raise DataError(f"there are no why-records in {run}; `make rehearse` writes them")
    records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    found: list[dict[str, Any]] = [record for record in records if record["ticker"] == ticker]
    if not found:
        raise DataError(
            f"{ticker} was never a candidate in {run}: it was not listed, or its probability was "
            "so near 0 or 1 that its book was not read"
        )
    rows = [
        (
            record["at"][11:19],
            record["side"] or "-",
            record["decision"],
            "-" if record["probability"] is None else f"{record['probability']:.3f}",
            "-" if record["price"] is None else price_text(record["price"]),
            "-" if record["ev"] is None else f"{100 * record['ev']:+.1f}c",
            record["reason"] or "the edge holds and every gate allows it",
        )
        for record in found
    ]
    columns = ("At (UTC)", "Side", "Decision", "P(yes)", "Price", "EV", "Why")
    emit(found, as_json=as_json, table=table_of(ticker, columns, rows))
