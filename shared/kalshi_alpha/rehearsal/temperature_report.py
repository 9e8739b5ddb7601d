"""From what a rehearsed temperature day left to what a person, a program and DuckDB read.

Writes ``summary.json``, ``readiness.json``, the page, and ``features``, ``leans``, ``orders``,
``fills`` and ``trades`` as parquet into ``<out>/rehearsal/<date>/``, and the page again among the
reports.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from kalshi_alpha import __version__
from kalshi_alpha.clock import iso
from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.jobs.momentum_tables import write_tables
from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.markets.temperature import load_temperatures
from kalshi_alpha.momentum.terms import load_terms
from kalshi_alpha.momentum.wanted import QUOTE
from kalshi_alpha.rehearsal.exchange.temperatures import words_of
from kalshi_alpha.rehearsal.recorded_temperature import RecordedTrade, recorded_day
from kalshi_alpha.rehearsal.temperature import LABELS, TemperatureRehearsal, TemperatureResult
from kalshi_alpha.reports.momentum_page import (
    Bracket,
    FilledOrder,
    MomentumDay,
    dollars,
    momentum_page,
    score,
)
from kalshi_alpha.reports.shelf import make_index
from kalshi_alpha.reports.study import render_csv, render_html, render_markdown, write_page
from kalshi_alpha.research.temperature.readiness import appraise_record
from kalshi_alpha.research.temperature.record import FEATURES, LEANS, ClimateRecord, read_lines

PAGE = "momentum"
SCHEMA = "kalshi-alpha/momentum-day/1"


class TemperatureLeft:
    """What a rehearsed temperature day leaves behind."""

    def __init__(self, folder: Path, summary: dict[str, Any]) -> None:
        self.folder, self.summary = folder, summary
        self.differences: tuple[str, ...] = ()

    def table(self) -> Table:
        """Return the summary as a table for a terminal."""
        table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
        columns = (
            "event",
            "trades",
            "signals",
            "orders",
            "fills",
            "settled",
            "P&L",
            "Brier",
            "RPS",
        )
        for column in columns:
            table.add_column(column, no_wrap=True)
        found, scores = self.summary, self.summary["scores"]
        pair = ("-", "-")
        if scores:
            pair = (
                f"{scores['belief_brier']:.3f} / {scores['market_brier']:.3f}",
                f"{scores['belief_rps']:.3f} / {scores['market_rps']:.3f}",
            )
        table.add_row(
            found["event"],
            str(found["trades"]),
            str(found["signals"]),
            str(found["orders"]),
            str(found["fills"]),
            found["settled"] or "-",
            "-" if found["pnl_dollars"] is None else f"${found['pnl_dollars']:+.2f}",
            *pair,
        )
        return table


def rehearse_temperature(
    day: date,
    out: Path,
    *,
    seed: int,
    shadow: bool = False,
    progress: Callable[[datetime], object] = lambda _: None,
) -> TemperatureLeft:
    """Rehearse a recorded day and write everything into ``<out>/rehearsal/<day>``, replacing it.

    Raises:
        ConfigurationError: when the day is not recorded.
    """
    recorded = recorded_day(day)
    folder = out / "rehearsal" / day.isoformat()
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "artifacts").mkdir(parents=True)
    rehearsal = TemperatureRehearsal(
        recorded, folder / "artifacts", seed=seed, shadow=shadow, progress=progress
    )
    return write_left(rehearsal.run(), folder, out / "reports", shadow=shadow)


def write_left(
    result: TemperatureResult, folder: Path, shelf: Path, *, shadow: bool = False
) -> TemperatureLeft:
    """Write summary, page and tables of a played day, and the index of all reports anew."""
    recorded, store = result.day, FolderStore(folder / "artifacts")
    features = read_lines(store, recorded.event, FEATURES)
    leans = read_lines(store, recorded.event, LEANS)
    day = _day(result, features, leans, shadow=shadow)
    fills = [_fill_row(one) for one in day.fills]
    write_tables(
        folder,
        {
            FEATURES: features,
            LEANS: leans,
            "orders": [_order_row(order) for order in result.orders],
            "fills": fills,
            "trades": [_trade_row(trade) for trade in recorded.trades()],
        },
    )
    ready = appraise_record(ClimateRecord((store,)), result.ended or recorded.closes)
    summary = _summary(result, day) | {"readiness": ready.verdict}
    for name, doc in (("summary", summary), ("readiness", ready.to_json())):
        text = json.dumps(doc, indent=1, sort_keys=True) + "\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    write_page(momentum_page(day), folder, "report")
    page = momentum_page(day, links=[("all reports", "../index.html")])
    reports, name = FolderStore(shelf), f"{recorded.day}/{PAGE}"
    reports.write(f"{name}.html", render_html(page).encode())
    reports.write(f"{name}.md", render_markdown(page).encode())
    reports.write(f"{name}.csv", render_csv(page).encode())
    make_index(reports)
    return TemperatureLeft(folder, summary)


def _day(
    result: TemperatureResult,
    features: Sequence[Mapping[str, Any]],
    leans: Sequence[Mapping[str, Any]],
    *,
    shadow: bool,
) -> MomentumDay:
    recorded, settled, event = result.day, result.settled, result.event
    values = {} if settled is None else settled.values
    won = {} if settled is None else {one.fill.fill_id: one.result for one in settled.fills}
    fills = () if event is None else event.fills()
    return MomentumDay(
        event=recorded.event,
        city=load_stations().of(recorded.series).city,
        climate=load_stations().of(recorded.series).day(recorded.day),
        brackets=[
            Bracket(one.ticker, words_of(one), values.get(one.ticker)) for one in recorded.markets
        ],
        features=features,
        leans=leans,
        orders=result.orders,
        fills=[FilledOrder(fill, won.get(fill.fill_id)) for fill in fills],
        degrees="" if settled is None else settled.degrees,
        played=result.played,
        frames=result.frames,
        told=result.told,
        labels=LABELS,
        provenance=_provenance(result),
        shadow=shadow,
    )


def _provenance(result: TemperatureResult) -> list[tuple[str, str]]:
    return [
        ("Event", f"{result.day.event}, recorded"),
        ("Trades by", "Christopher/cpratim, repository Kalshi-Weather-Trading, MIT"),
        ("Code", __version__),
        ("Strategy terms", load_terms().hash[:16]),
        ("Temperature table", load_temperatures().hash[:16]),
        ("Seed", str(result.seed)),
        ("Broker", "paper"),
    ]


def _summary(result: TemperatureResult, day: MomentumDay) -> dict[str, Any]:
    found, counts = score(day), {} if result.event is None else dict(result.event.counts)
    return {
        "schema": SCHEMA,
        "event": day.event,
        "day": day.day.isoformat(),
        "seed": result.seed,
        "trades": day.played,
        "frames": day.frames,
        "signals": sum(row["action"] == QUOTE for row in day.leans),
        "decisions": len(day.leans),
        "orders": len(day.orders),
        "fills": len(day.fills),
        "contracts": sum(one.fill.size for one in day.fills) / 100,
        "settled": day.degrees,
        "won": next((one.words for one in day.brackets if one.value), ""),
        "pnl_dollars": dollars(day.result) if day.degrees else None,
        "scores": None
        if found is None
        else {
            "looks": found.looks,
            "belief_brier": round(found.belief_brier, 6),
            "market_brier": round(found.market_brier, 6),
            "belief_rps": round(found.belief_rps, 6),
            "market_rps": round(found.market_rps, 6),
        },
        "counts": dict(sorted(counts.items())),
        "terms": result.terms.hash,
        "labels": dict(day.labels),
    }


def _order_row(order: Mapping[str, Any]) -> dict[str, Any]:
    names = ("window_id", "client_order_id", "order_id", "ticker", "side", "status", "expires_at")
    numbers = ("price", "size", "filled_size", "remaining_size")
    return {name: str(order.get(name, "")) for name in names} | {
        name: int(order.get(name, 0)) for name in numbers
    }


def _fill_row(one: FilledOrder) -> dict[str, Any]:
    fill = one.fill
    return {
        "at": fill.at.timestamp(),
        "ticker": fill.ticker,
        "side": fill.side.value,
        "price": fill.price,
        "size": fill.size,
        "fee": fill.fee,
        "order_id": fill.order_id,
        "evidence": "traded through",
        "result": one.result,
    }


def _trade_row(trade: RecordedTrade) -> dict[str, Any]:
    return {
        "at": trade.at.timestamp(),
        "time": iso(trade.at),
        "ticker": trade.ticker,
        "price": trade.price,
        "size": trade.size,
        "taker": trade.taker.value,
    }
