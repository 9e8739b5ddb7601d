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
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.table import Table

from kalshi_alpha import __version__
from kalshi_alpha.clock import SystemClock, from_iso
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.pricing.parameters import parameters_checksum, shipped_parameters
from kalshi_alpha.rehearsal.books import differences
from kalshi_alpha.rehearsal.path import load_day
from kalshi_alpha.rehearsal.run import Progress, Rehearsal, RehearsalResult, WindowRun
from kalshi_alpha.rehearsal.series_view import SeriesView
from kalshi_alpha.reports.model import (
    Milestone,
    RehearsalReport,
    WindowReport,
)
from kalshi_alpha.reports.render import write_report
from kalshi_alpha.reports.summary import Provenance, write_summary


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
    folder = out / "rehearsal" / day.isoformat()
    load_day("SPX", day, seed=seed)  # a day that is not recorded ends here, before anything starts
    rehearsal = Rehearsal(day, folder / "artifacts", seed=seed, progress=progress)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "artifacts").mkdir(parents=True)
    with _functions_log(folder / "functions.log"):
        result = rehearsal.run()
    return write_left(result, folder)


def write_left(result: RehearsalResult, folder: Path) -> Left:
    """Write the summary, the report, the ledger and the why-records of a played rehearsal."""
    entries = [entry for rows in result.entries.values() for entry in rows]
    whys = _why_records(folder / "artifacts")
    (folder / "why.jsonl").write_text("".join(json.dumps(w, sort_keys=True) + "\n" for w in whys))
    _write_ledger(result.entries, folder / "ledger.parquet")
    found = differences(entries, result.books)
    report = RehearsalReport(
        _provenance(result),
        tuple(_window_report(run, result, folder, whys, matches=not found) for run in result.runs),
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


def _provenance(result: RehearsalResult) -> Provenance:
    return Provenance(
        day=result.day,
        generated_at=SystemClock().now(),
        code_version=__version__,
        registry_hash=load_registry().hash,
        parameters_checksum=parameters_checksum(shipped_parameters(result.day)),
        seed=result.seed,
        broker="twin",
        data_labels={
            "SPX and NDX minutes": "recorded",
            "path inside a minute": "simulated, seeded bridge",
            "other traders": "simulated, sizes and spreads calibrated to recorded KXINXU trades",
            "settlement values": "simulated: the path at the fixing plus a seeded basis",
            "profit and loss": "no evidence of anything: the other traders are made up",
        },
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


def _window_report(
    run: WindowRun,
    result: RehearsalResult,
    folder: Path,
    whys: Sequence[Mapping[str, Any]],
    *,
    matches: bool,
) -> WindowReport:
    window, registry = run.window, load_registry()
    scans = _scans(folder / "artifacts", window)
    series = tuple(
        SeriesView(run, result, folder, scans, registry.series[name], registry).report(
            [w for w in whys if w["window_id"] == window.window_id and w["series"] == name],
            matches=matches,
        )
        for name in window.series
    )
    parts = result.parts[window.window_id]
    return WindowReport(
        window_id=window.window_id,
        fixing=window.fixing,
        states_visited=tuple(run.visited),
        pull=_milestones(window, parts),
        series=series,
        problem=run.failure if run.status != "SUCCEEDED" else "",
    )


def _scans(artifacts: Path, window: Window) -> list[dict[str, Any]]:
    files = sorted(artifacts.glob(f"windows/{window.window_id}/scan/*.json"))
    return [json.loads(file.read_text()) for file in files]


def _milestones(window: Window, parts: Mapping[str, Mapping[str, Any]]) -> tuple[Milestone, ...]:
    pull, sentry = parts.get("PULL-armed") or {}, parts.get("PULL-sentry") or {}
    marks = [Milestone("the venue expires every order by itself", 0.0, "expiration_time")]
    if pull:
        found = f"{pull['found']} resting, {pull['canceled']} cancelled"
        marks.append(Milestone("cancel sent", _ms(from_iso(pull["started_at"]), window), found))
        if pull["confirmed_at"]:
            at = _ms(from_iso(pull["confirmed_at"]), window)
            marks.append(Milestone("listing shows nothing resting", at))
    if sentry and sentry.get("confirmed_at"):
        at = _ms(from_iso(sentry["confirmed_at"]), window)
        marks.append(Milestone("sentry's own look", at, str(sentry["reason"])))
    return tuple(sorted(marks, key=lambda mark: mark.at_ms))


def _ms(at: datetime, window: Window) -> float:
    return round((at - window.pull_at).total_seconds() * 1000, 1)
