"""One unit played: a setting over a chunk of days, summed up by day in whole numbers.

Money is counted in 1/1000000 dollar, so that adding it up in any order gives the same sum, and the
same unit gives the same bytes in whatever process it was played.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.units import CASH_UNIT, PRICE_UNIT, SIZE_UNIT
from kalshi_alpha.research.backtest.engine import Played, play
from kalshi_alpha.research.backtest.loading import (
    NO_TRADES,
    Loaded,
    Missing,
    NothingToPlay,
    Sources,
    load,
    require_outcomes,
)
from kalshi_alpha.research.backtest.pricing import Pricer, pricer
from kalshi_alpha.research.backtest.tape import Tape
from kalshi_alpha.research.market.columns import read_table
from kalshi_alpha.research.sweep.manifest import Input, Manifest, Unit

SCHEMA = "kalshi-alpha/sweep-unit/1"
# Of a day, in the order they are kept.
FIGURES = (
    "windows",
    "scans",
    "quotes",
    "fills",
    "touches",
    "unsettled",
    "size",  # 1/100 contract, of fills that have settled
    "claimed",  # 1/1000000 dollar
    "realised",  # 1/1000000 dollar, after fees
    "fees",  # 1/1000000 dollar
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """The days of a unit laid out: one pricer an event, and what is missing."""

    pricers: tuple[Pricer, ...]
    missing: tuple[Missing, ...]


@dataclass(slots=True)
class Bench:
    """Plays units of one sweep; the chunk that was played last stays laid out for the next unit.

    Attributes:
        manifest: the sweep.
        files: on this machine, by hash.
        registry: the one the sweep was made with.
    """

    manifest: Manifest
    files: Mapping[str, Path]
    registry: Registry
    _held: tuple[int, int] | None = field(init=False, default=None)
    _chunk: Chunk = field(init=False, default=Chunk((), ()))
    _days: dict[Path, frozenset[date] | None] = field(init=False, default_factory=dict)

    def play(self, unit: Unit) -> bytes:
        """Return what a unit did, as the file that is kept.

        Raises:
            DataError: for a file that cannot be used.
        """
        chunk = self.chunk(unit.series, unit.chunk)
        settings = self.manifest.settings(unit.series, unit.point, self.registry)
        by_day: dict[str, list[int]] = {}
        for each in chunk.pricers:
            day = each.tape.window.day.isoformat()
            here = by_day.setdefault(day, [0] * len(FIGURES))
            for k, number in enumerate(_figures(play(each, settings), each.tape)):
                here[k] += number
        doc = {
            "schema": SCHEMA,
            "unit": unit.name,
            "days": [[day, *by_day[day]] for day in sorted(by_day)],
            "missing": [[one.day.isoformat(), one.rule] for one in chunk.missing],
        }
        return (json.dumps(doc, separators=(",", ":")) + "\n").encode()

    def chunk(self, series: int, chunk: int) -> Chunk:
        """Return a chunk laid out, reading it when it is not the last one."""
        if self._held != (series, chunk):
            self._chunk = Chunk((), ())  # the old one goes before the new one comes
            self._chunk = self._laid_out(series, self.manifest.chunks[chunk])
            self._held = (series, chunk)
        return self._chunk

    def _laid_out(self, series: int, days: Sequence[date]) -> Chunk:
        played = self.manifest.series[series]
        trades = [file for file in self._files(played.of("data")) if self._holds(file, days)]
        if not trades:
            gone = "no trade is recorded"
            return Chunk((), tuple(Missing(day, NO_TRADES, gone) for day in days))
        sources = Sources(
            trades=trades,
            series=played.ticker,
            bars=tuple(self._files(played.of("bars"))),
            results=next(self._files(played.of("results")), None),
            parameters=next(self._files(played.of("params")), None),
            first=days[0],
            last=days[-1],
        )
        try:
            loaded: Loaded = load(sources, self.registry)
        except NothingToPlay as nothing:
            return Chunk((), nothing.missing)
        require_outcomes(loaded.tapes, trades[0])
        return Chunk(
            tuple(
                pricer(tape, self.registry, loaded.parameters[tape.window.day])
                for tape in loaded.tapes
            ),
            loaded.missing,
        )

    def _files(self, inputs: Iterable[Input]) -> Any:
        return (self.files[one.sha256] for one in inputs)

    def _holds(self, file: Path, days: Sequence[date]) -> bool:
        """Say whether a file has trades of any of the days, by the one column that says so."""
        if file not in self._days:
            self._days[file] = _event_days(file)
        found = self._days[file]
        return found is None or not found.isdisjoint(days)


def read_unit(data: bytes, unit: str) -> dict[str, Any]:
    """Return a unit as it was kept.

    Raises:
        DataError: when it is not whole, or is another unit.
    """
    try:
        found: dict[str, Any] = json.loads(data)
        right = found["schema"] == SCHEMA and found["unit"] == unit
    except (ValueError, KeyError, TypeError):
        right = False
    if not right:
        raise DataError(f"the unit {unit} is damaged: remove its file and run the sweep again")
    return found


def _figures(found: Played, tape: Tape) -> tuple[int, ...]:
    """Return one window's figures, in the order of ``FIGURES``."""
    size = claimed = realised = fees = settled = 0
    for fill in found.fills:
        paid = tape.paid[fill.market]
        if paid is None:
            continue
        settled += 1
        size += fill.size
        claimed += round(fill.ev * CASH_UNIT * fill.size / SIZE_UNIT)
        realised += fill.side.sign * (paid * PRICE_UNIT - fill.price) * fill.size - fill.fee
        fees += fill.fee
    unsettled = len(found.fills) - settled
    quotes = sum(found.quotes.values())
    return (
        1, found.scans, quotes, settled, len(found.touches), unsettled,
        size, claimed, realised, fees,
    )  # fmt: skip


def _event_days(file: Path) -> frozenset[date] | None:
    """Return the event days of a file; None where they cannot be told, and loading will say why."""
    try:
        if file.suffix == ".parquet":
            column = pq.read_table(file, columns=["event_day"])["event_day"]
        else:
            column = read_table(file)[1]["event_day"]
        said = pc.unique(column).to_pylist()
        return frozenset(
            one if type(one) is date else date.fromisoformat(str(one)[:10]) for one in said
        )
    except (KeyError, ValueError, OSError, DataError):
        return None
