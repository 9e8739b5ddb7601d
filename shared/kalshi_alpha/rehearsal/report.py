"""From what a rehearsal left to what a person and a program read.

Writes ``summary.json``, ``report.html``, ``report.md``, ``ledger.parquet``, ``why.jsonl`` and the
functions' own ``artifacts/`` into ``<out>/rehearsal/<date>/``.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.table import Table

from kalshi_alpha import __version__
from kalshi_alpha.clock import NEW_YORK, SystemClock, from_iso
from kalshi_alpha.markets.orders import Fill, Side
from kalshi_alpha.markets.registry import Registry, Series, load_registry
from kalshi_alpha.markets.units import CASH_UNIT
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.pricing.parameters import parameters_checksum, shipped_parameters
from kalshi_alpha.rehearsal.books import differences
from kalshi_alpha.rehearsal.path import load_day
from kalshi_alpha.rehearsal.run import Progress, Rehearsal, RehearsalResult, WindowRun
from kalshi_alpha.reports.model import (
    FillMark,
    LevelPoint,
    Milestone,
    QuotedRow,
    QuoteSpan,
    RefusalCount,
    RehearsalReport,
    Rung,
    SeriesReport,
    WindowReport,
)
from kalshi_alpha.reports.render import write_report
from kalshi_alpha.reports.summary import Provenance, SeriesSummary, write_summary
from kalshi_alpha.trading.thresholds import threshold_grid

_LEVEL_EVERY = timedelta(seconds=5)
_TITLES = {"SPX": "S&P 500", "NDX": "Nasdaq-100"}
_KINDS = {"above": "above or below", "range": "ranges"}


@dataclass(frozen=True, slots=True)
class Left:
    """What a rehearsal leaves behind."""

    folder: Path
    summary: dict[str, Any]
    differences: tuple[str, ...]

    def table(self) -> Table:
        """Return the summary as a table for a terminal."""
        table = Table(box=None, header_style="bold", pad_edge=False)
        columns = ("series", "fixing", "go", "quotes", "amends", "fills", "left", "pulled by")
        for column in (*columns, "basis", "P&L", "books"):
            table.add_column(column, no_wrap=True)
        for row in self.summary["windows"]:
            confirmed = row["pull_confirmed_s"]
            table.add_row(
                row["series"],
                f"{row['window_id'][9:11]}:{row['window_id'][11:13]}",
                "yes" if row["go"] else "no",
                str(row["quotes_placed"]),
                str(row["amends"]),
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
        _SeriesView(run, result, folder, scans, registry.series[name], registry).report(
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


class _SeriesView:
    """One series of one window, out of everything the rehearsal left."""

    def __init__(
        self,
        run: WindowRun,
        result: RehearsalResult,
        folder: Path,
        scans: Sequence[Mapping[str, Any]],
        series: Series,
        registry: Registry,
    ) -> None:
        self._run, self._result, self._scans, self._series = run, result, scans, series
        self._window, self._registry = run.window, registry
        event = run.window.event_ticker(series.ticker)
        rows = result.entries[run.window.window_id]
        mine = [row for row in rows if str(row.get("ticker", "")).startswith(f"{event}-")]
        self._orders = [row for row in mine if row["sk"].startswith("ORDER#")]
        self._fills = [row for row in mine if row["sk"].startswith("FILL#")]
        self._settled = {r["ticker"]: r for r in mine if r["sk"].startswith("SETTLEMENT#")}
        self._closed = _read_json(
            folder / "artifacts" / "windows" / run.window.window_id / "summary.json"
        )["series"][series.ticker]
        self._pull = result.parts[run.window.window_id].get("PULL-armed") or {}

    def report(self, whys: Sequence[Mapping[str, Any]], *, matches: bool) -> SeriesReport:
        """Return everything shown of the series."""
        found = [s["series"][self._series.ticker] for s in self._scans]
        # The scan with the most rungs: near the fixing most strikes are decided.
        rungs = [len(scan["ladder"]) for scan in found]
        shown = rungs.index(max(rungs)) if any(rungs) else None
        return SeriesReport(
            summary=self._summary(whys, matches=matches),
            title=self._title(),
            scans=len(self._scans),
            ladder_at_s=None if shown is None else self._s(self._scans[shown]["at"]),
            rungs=() if shown is None else self._rungs(self._scans[shown]),
            level=self._level(),
            quotes=tuple(span for order in self._orders for span in self._spans(order)),
            fills=tuple(self._mark(fill) for fill in self._fills),
            refusals=_refusals(whys),
            quoted=tuple(self._quoted(w) for w in whys if w["decision"] == "quote"),
            thresholds=threshold_grid(ev for s in found for ev in s["best_evs"]),
            min_ev=self._series.quoting.min_ev,
        )

    def _summary(self, whys: Sequence[Mapping[str, Any]], *, matches: bool) -> SeriesSummary:
        judged = self._result.parts[self._window.window_id]["RECORD"]
        mine = judged.get("series", {}).get(self._series.ticker, {})
        events = [event["status"] for order in self._orders for event in order["events"]]
        frozen = self._result.parts[self._window.window_id].get("PULL-sentry", {})
        reasons = [reason["reason"] for reason in mine.get("reasons", [])]
        if frozen.get("found"):
            reasons.append(str(frozen["reason"]))
        return SeriesSummary(
            window_id=self._window.window_id,
            series=self._series.ticker,
            go=bool(mine.get("go")),
            reasons=tuple(reasons),
            markets_listed=int(mine.get("markets_listed") or 0),
            candidates=sum(1 for w in whys if w["side"]),
            quotes_placed=sum(1 for order in self._orders if order.get("order_id")),
            amends=events.count("amending"),
            cancels=sum(1 for order in self._orders if order["status"] == "canceled"),
            fills=len(self._fills),
            resting_after_pull=int(self._pull.get("resting_after", -1)),
            pull_started_s=self._pull.get("started_s"),
            pull_confirmed_s=self._pull.get("confirmed_s"),
            settlement_value=self._closed["settlement_value"],
            basis=self._closed["basis"],
            pnl_dollars=self._closed["pnl"] / CASH_UNIT,
            fees_dollars=self._closed["fees"] / CASH_UNIT,
            ledger_matches_exchange=matches,
            states_visited=tuple(self._run.visited),
        )

    def _title(self) -> str:
        hour = self._window.fixing.astimezone(NEW_YORK)
        name, kind = _TITLES.get(self._series.symbol, self._series.symbol), self._series.kind
        return f"{name} {_KINDS[kind]}, {hour:%H:%M} New York ({self._series.ticker})"

    def _rungs(self, scan: Mapping[str, Any]) -> tuple[Rung, ...]:
        quoted = {t["ticker"]: Side(t["side"]) for t in scan["plan"]["targets"]}
        return tuple(
            Rung(
                ticker=rung["ticker"],
                label=self._label(rung["low"], rung["high"]),
                low=self._points(rung["low"]),
                high=self._points(rung["high"]),
                probability=rung["probability"],
                bid=rung["bid"],
                ask=rung["ask"],
                quoted=quoted.get(rung["ticker"]),
            )
            for rung in scan["series"][self._series.ticker]["ladder"]
        )

    def _level(self) -> tuple[LevelPoint, ...]:
        path = load_day(self._series.symbol, self._result.day, seed=self._result.seed)
        at, points = self._window.make_at, []
        while at <= self._window.fixing:
            value = path.value_at(at)
            if value is not None:
                points.append(LevelPoint((at - self._window.fixing).total_seconds(), value))
            at += _LEVEL_EVERY
        return tuple(points)

    def _spans(self, order: Mapping[str, Any]) -> Iterator[QuoteSpan]:
        """Yield one span for each price the order rested at."""
        rested = [e for e in order["events"] if e["status"] == "resting" and "price" in e]
        for i, event in enumerate(rested):
            start = self._s(event["at"])
            if i + 1 < len(rested):
                end, how = self._s(rested[i + 1]["at"]), "amend"
            else:
                end, how = self._end(order)
            yield QuoteSpan(
                ticker=order["ticker"],
                label=self._label_of(order["ticker"]),
                side=Side(order["side"]),
                price=int(event["price"]),
                size=int(order["size"]),
                start_s=start,
                end_s=max(start, end),
                ended_by=how,
            )

    def _end(self, order: Mapping[str, Any]) -> tuple[float, str]:
        fills = [self._s(f["at"]) for f in self._fills if f["order_id"] == order.get("order_id")]
        if order["status"] == "executed" and fills:
            return max(fills), "fill"
        pulled = self._pull.get("confirmed_s")
        seen = self._s(order["events"][-1]["at"])
        expiry = (self._window.pull_at - self._window.fixing).total_seconds()
        if order["status"] == "canceled" and (pulled is None or seen < pulled):
            return min(seen, expiry), "cancel"
        return (expiry, "expiry") if pulled is None else (pulled, "pull")

    def _mark(self, row: Mapping[str, Any]) -> FillMark:
        fill = Fill(
            row["fill_id"], row["order_id"], row["ticker"], Side(row["side"]), row["price"],
            row["size"], row["is_taker"], row["fee"], from_iso(row["at"]),
        )  # fmt: skip
        settled = self._settled.get(fill.ticker)
        pnl = None
        if settled:
            pays = (settled["result"] == "yes") == (fill.side is Side.BID)
            pnl = fill.cash + (10_000 * fill.size if pays else 0)
        return FillMark(
            at_s=self._s(row["at"]),
            ticker=fill.ticker,
            label=self._label_of(fill.ticker),
            side=fill.side,
            price=fill.price,
            size=fill.size,
            fee=fill.fee,
            pnl=pnl,
        )

    def _quoted(self, why: Mapping[str, Any]) -> QuotedRow:
        return QuotedRow(
            at_s=self._s(why["at"]),
            ticker=why["ticker"],
            label=self._label_of(why["ticker"]),
            side=Side(why["side"]),
            price=why["price"],
            size=why["size"],
            probability=why["probability"],
            ev=why["ev"],
            bid=why["bid"],
            ask=why["ask"],
        )

    def _label_of(self, ticker: str) -> str:
        for scan in reversed(self._scans):
            for rung in scan["series"][self._series.ticker]["ladder"]:
                if rung["ticker"] == ticker:
                    return self._label(rung["low"], rung["high"])
        return ticker

    def _label(self, low: int | None, high: int | None) -> str:
        if high is None:
            return f"{self._points(low):,.0f} or above"
        if low is None:
            return f"below {(high + 1) / self._series.ticks_per_point:,.0f}"
        ends = low / self._series.ticks_per_point, (high + 1) / self._series.ticks_per_point
        return f"{ends[0]:,.0f} to {ends[1]:,.0f}"

    def _points(self, ticks: int | None) -> float | None:
        return None if ticks is None else ticks / self._series.ticks_per_point

    def _s(self, instant: str) -> float:
        return (from_iso(instant) - self._window.fixing).total_seconds()


def _refusals(whys: Sequence[Mapping[str, Any]]) -> tuple[RefusalCount, ...]:
    refused = [w for w in whys if w["decision"] == "refuse"]
    counts = Counter(w["code"] for w in refused)
    examples = {w["code"]: w for w in reversed(refused)}
    return tuple(
        RefusalCount(code, count, examples[code]["ticker"], examples[code]["reason"])
        for code, count in counts.most_common()
    )


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


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
