"""From what a rehearsal left to what a person and a program read.

Writes ``summary.json``, ``report.html``, ``report.md``, ``ledger.parquet``, ``why.jsonl`` and the
functions' own ``artifacts/`` into ``<out>/rehearsal/<date>/``.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.table import Table

from kalshi_alpha import __version__
from kalshi_alpha.clock import SystemClock, iso
from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.rehearsal.books import differences
from kalshi_alpha.rehearsal.path import load_day
from kalshi_alpha.rehearsal.run import Progress, Rehearsal, RehearsalResult, WindowRun
from kalshi_alpha.reports.kept import read_kept
from kalshi_alpha.reports.model import RehearsalReport
from kalshi_alpha.reports.render import write_report
from kalshi_alpha.reports.summary import Provenance, write_summary
from kalshi_alpha.reports.window_view import window_report
from kalshi_alpha.trading.kept import PARTS, kept_document, kept_key

_LEVEL_EVERY = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Left:
    """What a rehearsal leaves behind."""

    folder: Path
    summary: dict[str, Any]
    differences: tuple[str, ...]

    def table(self) -> Table:
        """Return the summary as a table for a terminal."""
        table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
        columns = ("series", "fixing", "go", "quotes", "fills", "left", "pulled by")
        for column in (*columns, "basis", "P&L", "books"):
            table.add_column(column, no_wrap=True)
        for row in self.summary["windows"]:
            confirmed = row["pull_confirmed_s"]
            table.add_row(
                row["series"],
                f"{row['window_id'][9:11]}:{row['window_id'][11:13]}",
                "yes" if row["go"] else "no",
                str(row["quotes_placed"]),
                str(row["fills"]),
                str(row["resting_after_pull"]),
                "-" if confirmed is None else f"T{confirmed:+.2f}s",
                "-" if row["basis"] is None else f"{row['basis']:+.2f}",
                f"${row['pnl_dollars']:+.2f}",
                "match" if row["ledger_matches_exchange"] else "DIFFER",
            )
        return table


def rehearse_and_report(day: date, out: Path, *, seed: int, progress: Progress) -> Left:
    """Rehearse ``day`` and write everything into ``<out>/rehearsal/<day>``, replacing it."""
    load_day("SPX", day, seed=seed)  # a day that is not recorded ends here, before anything starts
    folder = folder_of(out, day)
    return _reported(Rehearsal(day, folder / "artifacts", seed=seed, progress=progress), folder)


def rehearse_release(family: str, out: Path, *, seed: int, progress: Progress) -> Left:
    """Rehearse the recorded release of a macro family; as ``rehearse_and_report``."""
    from kalshi_alpha.rehearsal.releases import ReleaseRehearsal, play_of  # noqa: PLC0415

    play = play_of(family)
    folder = folder_of(out, play.day)
    rehearsal = ReleaseRehearsal(play, folder / "artifacts", seed=seed, progress=progress)
    return _reported(rehearsal, folder)


def folder_of(out: Path, day: date) -> Path:
    """Return the folder of a rehearsed day."""
    return out / "rehearsal" / day.isoformat()


def _reported(rehearsal: Rehearsal, folder: Path) -> Left:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "artifacts").mkdir(parents=True)
    with _functions_log(folder / "functions.log"):
        result = rehearsal.run()
    return write_left(result, folder, rehearsal.data_labels, rehearsal.note)


def write_left(result: RehearsalResult, folder: Path, labels: Mapping[str, str], note: str) -> Left:
    """Write the summary, the report, the ledger and the why-records of a played rehearsal.

    ``labels`` say of each kind of data where it is from, ``note`` what is made up.
    """
    entries = [entry for rows in result.entries.values() for entry in rows]
    whys = _why_records(folder / "artifacts")
    (folder / "why.jsonl").write_text("".join(json.dumps(w, sort_keys=True) + "\n" for w in whys))
    _write_ledger(result.entries, folder / "ledger.parquet")
    found = differences(entries, result.books)
    store, registry, sessions = FolderStore(folder / "artifacts"), load_registry(), load_sessions()
    for run in result.runs:
        document = json.dumps(_kept(run, result), sort_keys=True, default=str)
        store.write(kept_key(run.window.window_id), document.encode())
    report = RehearsalReport(
        _provenance(result, labels, note),
        tuple(
            window_report(
                read_kept(store, run.window.window_id, registry, sessions),
                registry,
                matches=not found,
            )
            for run in result.runs
        ),
    )
    write_summary(folder / "summary.json", report.provenance, report.summaries)
    write_report(report, folder)
    summary = json.loads((folder / "summary.json").read_text())
    return Left(folder, summary, tuple(str(difference) for difference in found))


@contextlib.contextmanager
def _functions_log(path: Path) -> Iterator[None]:
    """Send what the functions print, logs and metrics, to a file as CloudWatch would keep it."""
    with path.open("w", encoding="utf-8") as file, contextlib.redirect_stdout(file):
        yield


def _provenance(result: RehearsalResult, labels: Mapping[str, str], note: str) -> Provenance:
    return Provenance(
        day=result.day,
        generated_at=SystemClock().now(),
        code_version=__version__,
        registry_hash=load_registry().hash,
        parameters_checksum=result.parameters,
        seed=result.seed,
        broker="twin",
        data_labels=dict(labels),
        path_note=note,
    )


def _why_records(artifacts: Path) -> list[dict[str, Any]]:
    files = sorted(artifacts.glob("windows/*/why/*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def _write_ledger(entries: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> None:
    columns = ("ticker", "client_order_id", "order_id", "fill_id", "side", "status", "result", "at")
    numbers = ("price", "size", "filled_size", "fee", "revenue", "cash")
    rows = [(window, row) for window, found in entries.items() for row in found]
    data: dict[str, Any] = {
        "window_id": pa.array([window for window, _ in rows], pa.string()),
        "kind": pa.array([row["sk"].partition("#")[0].lower() for _, row in rows], pa.string()),
    }
    data |= {name: pa.array([row.get(name) for _, row in rows], pa.string()) for name in columns}
    data |= {name: pa.array([row.get(name) for _, row in rows], pa.int64()) for name in numbers}
    data["record"] = pa.array([json.dumps(row, sort_keys=True) for _, row in rows], pa.string())
    pq.write_table(pa.table(data), path, compression="zstd")


def _kept(run: WindowRun, result: RehearsalResult) -> dict[str, Any]:
    parts = result.parts[run.window.window_id]
    return kept_document(
        run.window,
        broker="twin",
        record=parts["RECORD"],
        parts={name: parts.get(name, {}) for name in PARTS},
        entries=result.entries[run.window.window_id],
        status=run.status,
        failure=run.failure if run.status != "SUCCEEDED" else "",
        visited=run.visited,
        levels=_levels(run.window, result),
    )


def _levels(window: Window, result: RehearsalResult) -> dict[str, list[tuple[str, float]]]:
    """Return the path that was played, from the first quote to the fixing."""
    registry, found = load_registry(), {}
    if window.release is not None:
        return {}  # nothing moves before a release
    for symbol in {registry.series[name].symbol for name in window.series}:
        path = load_day(symbol, result.day, seed=result.seed)
        at, points = window.make_at, []
        while at <= window.fixing:
            value = path.value_at(at)
            if value is not None:
                points.append((iso(at), value))
            at += _LEVEL_EVERY
        found[symbol] = points
    return found
