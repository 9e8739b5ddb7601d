"""``ledger close|verify|show|export|record``: the sealed journal, its proof, and what it says."""

from __future__ import annotations

import csv
import getpass
import io
import os
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from kalshi_alpha.cli.dates import parse_day, parse_instant
from kalshi_alpha.cli.output import Json, emit, pairs, table_of
from kalshi_alpha.clock import NEW_YORK, SystemClock, iso
from kalshi_alpha.cloud.artifacts import ArtifactStore, FolderStore
from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.units import cash_from_text, cash_text, size_text
from kalshi_alpha.steps import close_day, portfolio
from kalshi_alpha.steps import ledger as books
from kalshi_alpha.steps.runtime import Runtime, Settings
from kalshi_alpha.trading.accounts import TRANSFERS, Balances
from kalshi_alpha.trading.arming import Broker
from kalshi_alpha.trading.journal import Journal
from kalshi_alpha.trading.ledger_check import verify as hold_against
from kalshi_alpha.trading.lots import closed_lots
from kalshi_alpha.trading.verification import Verification

app = typer.Typer(
    no_args_is_help=True,
    help="The books: sealed each day, held against the venue's own records, exported.",
)

Book = Annotated[
    str | None,
    typer.Option("--book", "--stage", help="paper, twin or live; else the broker's own book."),
]
RunFolder = Annotated[
    Path | None,
    typer.Option("--run", help="A rehearsal's folder, as out/rehearsal/2025-11-04."),
]
DIFFERS = 1  # the exit code when the ledger and the venue tell different things
_ARTIFACTS, _PORTFOLIO = "artifacts", "portfolio"


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a book is read from: a rehearsal's folder, or the tables of a stage."""

    book: str
    store: ArtifactStore
    runtime: Runtime | None
    folder: Path | None

    def journal(self) -> Journal:
        """Return the sealed journal, and what has happened since where the tables tell it."""
        if self.runtime is None:
            return books.read_journal(self.store, self.book)
        return books.open_journal(self.runtime, self.book)


@app.command()
def close(
    day: Annotated[
        str | None, typer.Option("--date", help="A New York day, YYYY-MM-DD; today without it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Seal a day's journal and hold it against the venue; a closed day stays as it is.

    Needs the deployed stack's names in the environment. Exits 1 when something differs.
    Example: kalshi-alpha ledger close --date 2025-11-04
    """
    runtime = Runtime(Settings.from_environment(os.environ))
    wanted = {"date": parse_day(day).isoformat()} if day else {}
    closed = close_day.run(wanted, runtime)
    closed.pop("metrics")
    said = {"lines": closed["lines"], "seal": closed["head"]} | _in_dollars(closed["balances"])
    table = pairs(f"The {closed['book']} book of {closed['day']} is closed", said)
    emit(closed, as_json=as_json, table=table)
    _end(closed["differences"], as_json=as_json)


@app.command()
def verify(
    first: Annotated[
        str | None, typer.Option("--from", help="Compare from this New York day on.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="Compare up to this New York day, included.")
    ] = None,
    book: Book = None,
    run: RunFolder = None,
    answers: Annotated[
        Path | None,
        typer.Option("--portfolio", help="Saved answers of the venue instead of asking it."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Prove every line of the ledger, then hold it against the venue's portfolio.

    Names each difference and exits 1 when there is one. What was found is kept for readiness.
    Examples: kalshi-alpha ledger verify --run out/rehearsal/2025-11-04
    kalshi-alpha ledger verify --book live --from 2026-11-02
    """
    source = _source(book, run, answers)
    journal = source.journal()
    theirs = _portfolio(source)
    result = hold_against(
        journal,
        theirs,
        SystemClock().now(),
        first=books.start_of(parse_day(first)) if first else None,
        until=books.end_of(parse_day(last)) if last else None,
    )
    books.keep(source.store, result)
    emit(result.to_json(), as_json=as_json, table=_verified(result))
    _end([str(difference) for difference in result.differences], as_json=as_json)


@app.command()
def show(
    at: Annotated[
        str | None, typer.Option(help="An instant, New York time unless it says otherwise.")
    ] = None,
    lines: Annotated[int, typer.Option(help="How many of the last lines to print too.")] = 0,
    book: Book = None,
    run: RunFolder = None,
    as_json: Json = False,
) -> None:
    """Show a book's balances, now or at any instant, by all that is known of it today.

    Example: kalshi-alpha ledger show --run out/rehearsal/2025-11-04 --at 2025-11-04T11:58
    """
    source = _source(book, run)
    journal = source.journal()
    when = parse_instant(at) if at else None
    balances = journal.balances(when)
    shown = journal.lines[-lines:] if lines else []
    answer = {
        "book": source.book,
        "at": iso(when) if when else None,
        "lines": len(journal.lines),
        "head": journal.head,
        "balances": balances.to_json(),
        "earned": balances.earned,
        "last": [
            {"line": x.number, "at": iso(x.entry.at), "key": x.entry.key, "moved": dict(x.moved)}
            for x in shown
        ],
    }
    title = (
        f"The {source.book} book{f' at {iso(when)}' if when else ''}, {len(journal.lines)} lines"
    )
    emit(answer, as_json=as_json, table=pairs(title, _all_dollars(balances)))
    if shown and not as_json:
        rows = [(x.number, iso(x.entry.at), x.entry.key, "  ".join(_moves(x.moved))) for x in shown]
        emit(None, as_json=False, table=table_of("", ("line", "At", "What", "Moved"), rows))


@app.command()
def export(
    to: Annotated[Path | None, typer.Option("--csv", help="File to write; else printed.")] = None,
    year: Annotated[int | None, typer.Option(help="Only what was disposed of in it.")] = None,
    book: Book = None,
    run: RunFolder = None,
) -> None:
    """Write one line a closed position: acquired, disposed, proceeds, cost, fees, gain.

    First in, first out; days are New York's, money is in dollars. No tax advice.
    Example: kalshi-alpha ledger export --csv lots.csv --year 2025
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = ("market", "outcome", "contracts", "acquired", "disposed", "how")
    writer.writerow((*columns, "proceeds", "cost", "fees", "gain"))
    for lot in closed_lots(_source(book, run).journal().entries):
        acquired, disposed = (t.astimezone(NEW_YORK) for t in (lot.acquired, lot.disposed))
        if year is not None and disposed.year != year:
            continue
        money = (lot.proceeds, lot.cost, lot.fees, lot.gain)
        writer.writerow(
            (
                lot.ticker,
                lot.outcome,
                size_text(lot.size),
                _second(acquired),
                _second(disposed),
                lot.how,
                *map(cash_text, money),
            )
        )
    if to is None:
        sys.stdout.write(text.getvalue())
    else:
        to.write_text(text.getvalue(), encoding="utf-8")


@app.command()
def record(
    kind: Annotated[str, typer.Argument(help="deposit, withdrawal or reimbursement.")],
    amount: Annotated[str, typer.Argument(help="Dollars, above zero.")],
    reason: Annotated[str, typer.Option(help="Why; kept for good.")],
    at: Annotated[
        str | None, typer.Option(help="When it reached the account; now without it.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="A name of its own; recording it again changes nothing.")
    ] = None,
    book: Book = None,
) -> None:
    """Record money that moved outside of any trade: verify knows it then.

    A reimbursement is what the venue gave back; it is reported apart and is no part of a result.
    Example: kalshi-alpha ledger record reimbursement 1.25 --reason "maker rebate of October"
    """
    cash = cash_from_text(amount)
    if kind not in TRANSFERS or cash <= 0 or not reason.strip():
        raise ConfigurationError(
            f"{kind!r} of {amount!r} for {reason!r} cannot be recorded; it takes one of "
            f"{', '.join(TRANSFERS)}, an amount above zero and a reason"
        )
    runtime = Runtime(Settings.from_environment(os.environ))
    when = parse_instant(at) if at else runtime.clock.now()
    own = name or uuid4().hex
    done = runtime.ledger.record_transfer(
        book or runtime.settings.broker,
        own,
        kind,
        -cash if kind == "withdrawal" else cash,
        when,
        reason=reason,
        by=getpass.getuser(),
    )
    emit(None, as_json=False, table=f"{own} {'is recorded' if done else 'was recorded before'}")


def _source(book: str | None, run: Path | None, answers: Path | None = None) -> _Source:
    if run is not None:
        if not (run / _ARTIFACTS).is_dir():
            raise ConfigurationError(f"{run} holds no {_ARTIFACTS}/: name a rehearsal's own folder")
        folder = answers or run / _PORTFOLIO
        return _Source(book or Broker.TWIN, FolderStore(run / _ARTIFACTS), None, folder)
    runtime = Runtime(Settings.from_environment(os.environ))
    return _Source(book or runtime.settings.broker, runtime.artifacts, runtime, answers)


def _portfolio(source: _Source) -> Any:
    if source.folder is not None:
        return portfolio.load(source.folder).portfolio()
    if source.book == Broker.PAPER or source.runtime is None:
        return None
    return portfolio.ask(source.runtime.reader).portfolio()


def _verified(result: Verification) -> Any:
    compared = ", ".join(f"{count} {what}" for what, count in result.compared.items())
    said = {
        "lines proved": result.lines,
        "seal": result.head,
        "compared": compared or "nothing: paper has no other books than these",
        "differences": len(result.differences),
    }
    verdict = "holds" if result.holds else "differs" if result.differences else "is whole"
    return pairs(f"The {result.book} ledger {verdict}", said | _in_dollars(result.balances))


def _end(differences: list[str], *, as_json: bool) -> None:
    if not differences:
        return
    if not as_json:
        for sentence in differences:
            emit(None, as_json=False, table=f"- {sentence}")
    raise typer.Exit(DIFFERS)


def _in_dollars(balances: Any) -> dict[str, str]:
    return {name: f"${cash_text(cash)}" for name, cash in balances.items()}


def _all_dollars(balances: Balances) -> dict[str, str]:
    return _in_dollars(balances.to_json() | {"earned (settlement less fees)": balances.earned})


def _moves(moved: Any) -> list[str]:
    return [f"{account} {cash_text(cash)}" for account, cash in moved.items()]


def _second(at: datetime) -> str:
    return at.replace(microsecond=0).isoformat()
