"""``kalshi-alpha replay``: recordings in one form, and played again."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from kalshi_alpha.cli.dates import parse_day
from kalshi_alpha.cli.many import ManyCommand
from kalshi_alpha.cli.output import Json, emit, err, table_of
from kalshi_alpha.errors import ConfigurationError

app = typer.Typer(
    name="replay", help="Bring recordings into one form, and play them again.", no_args_is_help=True
)
QUEUES = ("behind", "shared", "power")


@app.command("import", cls=ManyCommand)
def import_recordings(
    sources: Annotated[
        list[Path], typer.Option("--from", help="Files, or folders of recorded books.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder to write .tape.parquet files into.")],
    markets: Annotated[
        Path | None, typer.Option("--markets", help="Table of results: ticker, result.")
    ] = None,
    no_prices: Annotated[
        bool, typer.Option("--no-prices", help="Frames give NO levels in NO prices.")
    ] = False,
    settled: Annotated[
        bool, typer.Option("--settled", help="Leave out market-days without a result.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read recordings of any known form, verify them, and write them as tapes.

    Example: kalshi-alpha replay import --from frames.ndjson above_1s.parquet --out out/tapes
    """
    # numpy and pyarrow take a second: the other commands should not wait for them
    from kalshi_alpha.research.replay import importing  # noqa: PLC0415
    from kalshi_alpha.research.replay.recorded_trades import read_results  # noqa: PLC0415

    results = read_results(markets) if markets else None
    rows, coverages = [], []
    for source in sources:
        read = importing.read_source(
            source, results=results, yes_prices=not no_prices, needs_settlement=settled
        )
        for each in read.coverage.left_out:
            err.print(each.sentence, markup=False, soft_wrap=True)
        files = importing.write_source(read, out)
        coverages.append(read.coverage)
        rows.append(
            {
                "source": source.name,
                "rows": sum(len(tape) for tape in read.tapes),
                "tapes": len(files),
                "found": len(read.coverage.found),
                "used": read.coverage.used,
                "left_out": read.coverage.by_rule(),
                "tops_met": read.met[0],
                "tops_compared": read.met[1],
            }
        )
    whole = importing.total(coverages)
    document = {"sources": rows, "found": len(whole.found), "used": whole.used}
    columns = ("source", "rows", "tapes", "used", "found", "tops_met", "tops_compared")
    shown = [[str(row[key]) for key in columns] for row in rows]
    emit(document, as_json=as_json, table=table_of(whole.sentence(), columns, shown))


@app.command("touch")
def touch(
    file: Annotated[Path, typer.Argument(help="A tape.")],
    step_ms: Annotated[int, typer.Option(min=1, help="Between decisions.")] = 1000,
    lots: Annotated[int, typer.Option(min=1, help="Contracts a quote.")] = 1,
    most: Annotated[int, typer.Option(min=1, help="Contracts held at most.")] = 10,
    latency_ms: Annotated[int, typer.Option(min=0, help="To the exchange, and back.")] = 50,
    queue: Annotated[str, typer.Option(help="behind, shared or power.")] = "behind",
    share: Annotated[float, typer.Option(help="Of a shared queue: 1 is pro rata.")] = 1.0,
    power: Annotated[int, typer.Option(help="Of a power queue: 1 to 3.")] = 1,
    plain: Annotated[bool, typer.Option("--plain", help="Use the plain engine.")] = False,
    as_json: Json = False,
) -> None:
    """Rest at both touches of every market of a tape: how far its fills can be believed.

    Example: kalshi-alpha replay touch out/tapes/frames.tape.parquet --queue shared
    """
    from kalshi_alpha.research.replay.engine import replay  # noqa: PLC0415
    from kalshi_alpha.research.replay.rules import Cancels, Queue, Rules  # noqa: PLC0415
    from kalshi_alpha.research.replay.tape import read_tape  # noqa: PLC0415
    from kalshi_alpha.research.replay.touch import quote_touches  # noqa: PLC0415

    if queue not in QUEUES:
        raise ConfigurationError(f"the queue {queue!r} is unknown; known are {', '.join(QUEUES)}")
    delay = latency_ms * 1_000_000
    rules = Rules(delay, delay, queue=Queue(Cancels(queue), share, power))
    engine = replay(read_tape(file), rules, plain=plain)
    done = quote_touches(engine, step_ms * 1_000_000, 100 * lots, 100 * most)
    evidence = Counter(fill.evidence.word for fill in engine.fills)
    document = {
        "steps": done.steps,
        "requests": done.requests,
        "fills": done.fills,
        "fills_by_evidence": dict(evidence),
        "position": done.position,
        "cash": done.cash,
    }
    rows = [[word, str(count)] for word, count in sorted(evidence.items())]
    title = f"{done.fills} fills of {done.requests} requests in {done.steps} decisions"
    emit(document, as_json=as_json, table=table_of(title, ("evidence", "fills"), rows))


@app.command("parity")
def parity(
    folder: Annotated[
        Path, typer.Argument(help="A rehearsal's folder, or a copy of windows/ and capture/.")
    ],
    day: Annotated[str, typer.Option("--date", help="Only windows of this day.")] = "",
    window: Annotated[str, typer.Option(help="Only this window, by its id.")] = "",
    out: Annotated[
        Path | None, typer.Option("--out", help="Where parity.json goes; DIR itself by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Decide recorded windows once more from their records alone, and say where the two part.

    Exits 1 when anything differs, with a sentence for each difference.
    Example: kalshi-alpha replay parity out/rehearsal/2025-11-04
    """
    from kalshi_alpha.parity import run  # noqa: PLC0415

    names = run.windows_in(folder, parse_day(day) if day else None, window)
    windows = run.compare(folder, names)
    document = run.document(windows)
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    into = folder if out is None else out
    into.mkdir(parents=True, exist_ok=True)
    (into / "parity.json").write_text(text, encoding="utf-8")
    shown = [
        [each.window_id, each.broker, each.verdict, str(len(each.differences)), *each.counts.told()]
        for each in windows
    ]
    columns = ("window", "broker", "verdict", "differences", *run.Counts.HEADINGS)
    title = f"{len(windows)} windows decided once more: {document['verdict']}"
    emit(document, as_json=as_json, table=table_of(title, columns, shown))
    for each in windows:
        for found in each.differences:
            err.print(f"{each.window_id}: {found.told}", markup=False, soft_wrap=True)
    if document["differences"]:
        raise typer.Exit(1)
