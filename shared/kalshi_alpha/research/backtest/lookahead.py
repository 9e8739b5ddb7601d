"""Does anything decided depend on what came later? Cut the files off, run again, compare.

The files themselves are cut, not what was made of them, so the check covers everything from
reading and cleaning to the fits, the law, the gates and the plan. Rows that begin at the cut or
later are gone, and so is every bar that is not over by then.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.research.backtest.days import Progress, silent
from kalshi_alpha.research.backtest.engine import Played, play
from kalshi_alpha.research.backtest.loading import Loaded, Sources, load
from kalshi_alpha.research.backtest.pricing import pricer
from kalshi_alpha.research.backtest.settings import Settings
from kalshi_alpha.research.backtest.tape import Tape
from kalshi_alpha.research.data.store import parquet_bytes, write_atomically
from kalshi_alpha.research.market.columns import read_table

SCHEMA = "kalshi-alpha/look-ahead/1"
CUTS = (0.9, 0.5, 0.1)  # parts of the stretch quoted that are left before the stop


@dataclass(frozen=True, slots=True)
class Parted:
    """One decision that came out otherwise once the future was gone."""

    event: str
    cut: str
    scan: int
    whole: str
    cut_off: str


def look_ahead(
    sources: Sources,
    settings: Settings,
    registry: Registry,
    *,
    every: int = 1,
    cuts: Sequence[float] = CUTS,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Compare every decision up to each cut, made with and without what came after it.

    Args:
        sources: the files; outcomes are not looked at.
        settings: any of the strategy.
        registry: the registry.
        every: look at one event in so many.
        cuts: where, as parts of the stretch quoted that are left, in (0, 1).
        progress: told how many cuts are done, and of how many.

    Returns:
        Plain JSON values: how much was compared, and what parted.

    Raises:
        DataError: when nothing could be compared.
    """
    sources = replace(sources, settled=False)
    whole = load(sources, registry)
    jobs = [(tape, part) for tape in whole.tapes[::every] for part in cuts]
    decisions, fills, parted = 0, 0, list[Parted]()
    for done, (tape, part) in enumerate(jobs):
        progress(done, len(jobs))
        end = tape.fixing_s - settings.stop_s - part * (settings.start_s - settings.stop_s)
        cut = float(np.floor(end))
        with tempfile.TemporaryDirectory() as folder:
            again = _again(sources, registry, tape, cut, Path(folder))
        ours = _decided(whole, tape, settings, registry)
        theirs = _decided(again, _same(again, tape), settings, registry)
        scans, met, found = _compared(tape, cut, ours, theirs)
        decisions, fills = decisions + scans, fills + met
        parted += found
    progress(len(jobs), len(jobs))
    if not decisions:
        raise DataError("no decision lies before any cut: quote for longer, or cut later")
    return {
        "schema": SCHEMA,
        "settings": settings.as_json(),
        "events": len({tape.ladder.event_ticker for tape, _ in jobs}),
        "cuts": len(jobs),
        "decisions": decisions,
        "fills": fills,
        "parted": len(parted),
        "first": [
            {"event": p.event, "cut": p.cut, "scan": p.scan, "whole": p.whole, "cut_off": p.cut_off}
            for p in parted[:10]
        ],
    }


def _again(sources: Sources, registry: Registry, tape: Tape, cut: float, folder: Path) -> Loaded:
    at = datetime.fromtimestamp(cut, UTC)
    trades = [
        _cut_off(file, folder / f"trades{k}.parquet", at, timedelta(0))
        for k, file in enumerate(sources.trades)
    ]
    bars = []
    for k, file in enumerate(sources.bars):
        made = _cut_off(file, folder / f"bars{k}.parquet", at, None)
        bars.append(made)
    return load(
        replace(sources, trades=tuple(trades), bars=tuple(bars), last=tape.window.day), registry
    )


def _cut_off(file: Path, to: Path, at: datetime, length: timedelta | None) -> Path:
    """Write the rows of a file that are over at ``at``; a bar's length is read off its file."""
    table = read_table(file)[1]
    column = table["ts_utc"].cast(pa.timestamp("us", "UTC"))
    micros = np.asarray(column.cast(pa.int64()).to_numpy(), dtype=np.int64)
    if length is None:
        steps = np.diff(np.unique(micros))
        length = timedelta(microseconds=int(steps.min())) if len(steps) else timedelta(0)
        keep = micros + round(length.total_seconds() * 1e6) <= round(at.timestamp() * 1e6)
    else:
        keep = micros < round(at.timestamp() * 1e6)
    write_atomically(to, parquet_bytes(table.filter(pa.array(keep))))
    return to


def _same(loaded: Loaded, tape: Tape) -> Tape:
    for other in loaded.tapes:
        if other.ladder.event_ticker == tape.ladder.event_ticker:
            return other
    raise DataError(f"{tape.ladder.event_ticker} is gone once its recording is cut off")


def _decided(loaded: Loaded, tape: Tape, settings: Settings, registry: Registry) -> Played:
    priced = pricer(tape, registry, loaded.parameters[tape.window.day])
    return play(priced, settings, keep_why=True)


def _compared(
    tape: Tape, cut: float, whole: Played, cut_off: Played
) -> tuple[int, int, list[Parted]]:
    """Compare plans, why-records and fills up to the cut."""
    when = datetime.fromtimestamp(cut, UTC)
    pairs = [
        (k, a, b)
        for k, (a, b) in enumerate(zip(whole.plans, cut_off.plans, strict=True), 1)
        if a.made_at <= when
    ]
    found = [
        Parted(tape.ladder.event_ticker, when.isoformat(), k, str(a.to_json()), str(b.to_json()))
        for k, a, b in pairs
        if a != b
    ]
    reasons = zip(_reasons(whole, len(pairs)), _reasons(cut_off, len(pairs)), strict=False)
    found += [
        Parted(tape.ladder.event_ticker, when.isoformat(), json.loads(a)["revision"], a, b)
        for a, b in reasons
        if a != b
    ]
    ours, theirs = (_known(each, cut) for each in (whole, cut_off))
    if ours != theirs:
        found.append(Parted(tape.ladder.event_ticker, when.isoformat(), 0, str(ours), str(theirs)))
    return len(pairs), len(ours), found


def _known(played: Played, cut: float) -> list[tuple[str, str, int, int, float]]:
    return [
        (fill.ticker, fill.side.value, fill.price, fill.size, fill.at)
        for fill in played.fills
        if fill.at + 1.0 <= cut
    ]


def _reasons(played: Played, scans: int) -> list[str]:
    """Return the why-records of the first scans, as lines."""
    return [line for line in played.why if json.loads(line)["revision"] <= scans]


def lines_of(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Return what to print, name and value."""
    for name in ("events", "cuts", "decisions", "fills", "parted"):
        yield name, f"{found[name]:,}"
