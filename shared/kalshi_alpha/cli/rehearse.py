"""``kalshi-alpha rehearse``: play a recorded day and say where the report lies."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.live import Live
from rich.table import Table

from kalshi_alpha.cli.dates import parse_day
from kalshi_alpha.cli.output import Json, emit, err, out
from kalshi_alpha.errors import InvariantBroken
from kalshi_alpha.markets.traded import ALL, INDEX, MACRO

if TYPE_CHECKING:  # the research image has no twin
    from kalshi_alpha.rehearsal.report import Left
    from kalshi_alpha.rehearsal.run import Progress, WindowProgress
    from kalshi_alpha.rehearsal.temperature_report import TemperatureLeft

_DAY, _TEMPERATURE_DAY = "2025-11-04", "2024-12-03"
_TEMPERATURE = "temperature"
_STEPS = ("Preflight", "Scan", "Quote", "Cancel", "Reconcile", "Done")


def rehearse(
    day: Annotated[
        str,
        typer.Option(
            "--date",
            help="A recorded day: 2025-11-04 or 2025-10-31; temperature: 2024-12-03 or 2024-11-21.",
        ),
    ] = _DAY,
    family: Annotated[
        str,
        typer.Option(
            help="index; temperature; a release: cpi, claims, ten_year, gas; macro for these "
            "four; or all."
        ),
    ] = "index",
    folder: Annotated[
        Path, typer.Option("--out", help="Where rehearsal/<date>/ is written.")
    ] = Path("out"),
    seed: Annotated[
        int, typer.Option(help="Seed of the path inside each minute and of the other traders.")
    ] = 1,
    as_json: Json = False,
) -> None:
    """Play a recorded day against the twin, with the real functions: its noon and its close.

    With --family a recorded release of a macro family, which has its own day. Takes two minutes,
    one for a release: the last seconds before each fixing run in real time. A temperature day is
    played whole on virtual time. Exits 6 when the ledger and the exchange's books differ.
    Example: kalshi-alpha rehearse --date 2025-11-04
    """
    found: list[Left | TemperatureLeft] = []
    with _display(quiet=as_json) as progress:
        found += [_rehearsed(one, day, folder, seed, progress) for one in _families(family)]
    if as_json:
        summaries = [left.summary for left in found]
        emit(summaries[0] if len(summaries) == 1 else summaries, as_json=True)
    else:
        for left in found:
            out.print(left.table())
            out.print(f"report   {left.folder / 'report.html'}")
            out.print(f"summary  {left.folder / 'summary.json'}")
    differences = [difference for left in found for difference in left.differences]
    if differences:
        raise InvariantBroken("; ".join(differences))


def _families(family: str) -> tuple[str, ...]:
    from kalshi_alpha.rehearsal.releases import PLAYS  # noqa: PLC0415

    if family == ALL:
        return (INDEX, *PLAYS, _TEMPERATURE)
    return tuple(PLAYS) if family == MACRO else (family,)


def _rehearsed(
    family: str, day: str, folder: Path, seed: int, progress: Progress
) -> Left | TemperatureLeft:
    from kalshi_alpha.rehearsal.releases import macro_traded  # noqa: PLC0415
    from kalshi_alpha.rehearsal.report import rehearse_and_report, rehearse_release  # noqa: PLC0415

    if family == INDEX:
        return rehearse_and_report(parse_day(day), folder, seed=seed, progress=progress)
    if family == _TEMPERATURE:
        from kalshi_alpha.rehearsal.temperature_report import rehearse_temperature  # noqa: PLC0415

        chosen = parse_day(_TEMPERATURE_DAY if day == _DAY else day)
        return rehearse_temperature(chosen, folder, seed=seed)
    with macro_traded():
        return rehearse_release(family, folder, seed=seed, progress=progress)


@contextlib.contextmanager
def _display(*, quiet: bool) -> Iterator[Progress]:
    """Show a live table on a terminal, a line a change when piped, nothing when quiet."""
    seen: dict[str, WindowProgress] = {}
    if quiet:
        yield lambda _: None
        return
    if not err.is_terminal:
        yield _line_by_line(seen)
        return
    with Live(_table(seen), console=err, refresh_per_second=4, transient=True) as live:

        def show(update: WindowProgress) -> None:
            seen[update.window_id] = update
            live.update(_table(seen))

        yield show


def _line_by_line(seen: dict[str, WindowProgress]) -> Progress:
    def show(update: WindowProgress) -> None:
        before = seen.get(update.window_id)
        seen[update.window_id] = update
        if before is None or (before.phase, before.ended) != (update.phase, update.ended):
            sys.stderr.write(
                f"{update.window_id}  {_when(update)}  {update.phase} {update.ended}\n"
            )

    return show


def _table(seen: dict[str, WindowProgress]) -> Table:
    table = Table(box=None, header_style="bold", title="Rehearsal", title_justify="left")
    for column in ("window", "to the fixing", "now", *(step.lower() for step in _STEPS)):
        table.add_column(column)
    for update in seen.values():
        marks = [_mark(update, step) for step in _STEPS]
        table.add_row(update.window_id, _when(update), update.phase, *marks)
    if not seen:
        table.add_row("the twin is starting", "", "", *("" for _ in _STEPS))
    return table


def _mark(update: WindowProgress, step: str) -> str:
    times = update.states.count(step)
    if not times:
        return "[dim]-[/]"
    return f"[green]{times if times > 1 else 'yes'}[/]"


def _when(update: WindowProgress) -> str:
    seconds = update.seconds_to_fixing
    sign = "T-" if seconds >= 0 else "T+"
    minutes, rest = divmod(abs(seconds), 60)
    return f"{sign}{int(minutes):02d}:{rest:04.1f}"
