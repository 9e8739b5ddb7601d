"""Recorded sessions of one symbol as a panel: days by bars, with what is known of each day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.markets.events import load_events
from kalshi_alpha.markets.registry import Registry, Symbol, load_registry
from kalshi_alpha.markets.sessions import Sessions, load_sessions
from kalshi_alpha.research.data.bars import Bars, read_bars
from kalshi_alpha.research.data.findings import (
    Bools,
    FileNote,
    Finding,
    Floats,
    Ints,
    day_of,
    named,
    refusal,
)
from kalshi_alpha.research.data.grid import FULL_SESSION, Grid, lay_out, missing_bars, slots_of

# The index itself is taken before what stands in for it once it has this many whole sessions.
ENOUGH_OF_THE_INDEX = 20
# Two files may give a bar to so much, relatively, before it is worth a word.
_OVERLAP_LIMIT = 5e-4
# Read before the first day asked for, so that its last price before is known over any holiday.
_BEFORE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Panel:
    """The sessions of one symbol; days ascend, and a missing bar is NaN.

    Attributes:
        symbol: the registry's name, such as ``SPX``.
        source: the symbol in the files: the same, or what stands in for it, such as ``QQQ``.
        step: minutes a bar.
        days: the sessions.
        minutes: length of each session in minutes, 390 or fewer on a half day; [days].
        open: first value of each bar; [days, bars of a full session].
        high: highest value of each bar.
        low: lowest value of each bar.
        close: last value of each bar.
        official: the index's last print after the bell, NaN when unknown or a stand-in; [days].
        previous: last price of the session before: its official close or else its last bar; NaN
            when that session is not there to its end; [days].
        fomc: whether the Federal Reserve decides on that day; [days].
        cpi: whether the consumer price index comes out on that day; [days].
        complete: whether no bar of the session is missing; [days].
        files: what was read.
        findings: what was left out or is worth knowing.
    """

    symbol: str
    source: str
    step: int
    days: tuple[date, ...]
    minutes: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    official: Floats
    previous: Floats
    fomc: Bools
    cpi: Bools
    complete: Bools
    files: tuple[FileNote, ...]
    findings: tuple[Finding, ...]

    def only(self, keep: Bools) -> Panel:
        """Return the days where ``keep``, a mask of [days], is true."""
        chosen = {
            field.name: getattr(self, field.name)[keep]
            for field in fields(self)
            if isinstance(getattr(self, field.name), np.ndarray)
        }
        days = tuple(day for day, kept in zip(self.days, keep, strict=True) if kept)
        return replace(self, days=days, **chosen)

    def until(self, day: date) -> Panel:
        """Return the days up to and including ``day``."""
        return self.only(np.asarray([d <= day for d in self.days], dtype=np.bool_))

    @property
    def half(self) -> Bools:
        """Say which sessions end before 16:00; [days]."""
        short: Bools = self.minutes < FULL_SESSION
        return short

    @property
    def gaps(self) -> Floats:
        """Return the log return from the session before to the open; [days], NaN if unknown."""
        return np.log(self.open[:, 0] / self.previous)

    @property
    def realised(self) -> Floats:
        """Return the squared log returns summed from the open to each bar's end; [days, bars].

        From the first missing bar of a day on it is NaN: what was not seen cannot be summed.
        """
        return np.cumsum(np.diff(self.logs, axis=1) ** 2, axis=1)

    @property
    def logs(self) -> Floats:
        """Return log prices at the open and at each bar's end; [days, bars + 1], NaN if unknown."""
        return np.log(np.column_stack((self.open[:, :1], self.close)))


def read_panels(
    files: Sequence[Path],
    symbol: str,
    *,
    first: date | None = None,
    last: date | None = None,
    source: str | None = None,
    registry: Registry | None = None,
    sessions: Sessions | None = None,
) -> dict[int, Panel]:
    """Read files of bars into one panel for each step of minutes, ascending.

    Files of one step are merged: of two that hold the same bar the one named first counts. Levels
    of different sources are never mixed: the index is taken where it has enough whole sessions,
    else the source with most of them; ``source`` decides instead. Rows after ``last`` are dropped
    before anything else looks at them.

    Args:
        files: parquet or CSV files of the form of docs/data.md.
        symbol: the registry's name.
        first: the first day of the panels; the week before is read for its last price only.
        last: the last day of the panels.
        source: the symbol in the files to use: the index itself or one of its stand-ins.
        registry: the shipped one if None.
        sessions: the shipped calendar if None.

    Raises:
        DataError: for a symbol that is not in the registry, a file that is refused (its sentence
            names file, row and rule), or when nothing usable is left.
    """
    wanted = registered(registry or load_registry(), symbol)
    calendar = sessions or load_sessions()
    if first is not None and last is not None and first > last:
        raise DataError(f"the first day, {first}, comes after the last, {last}")
    since = None if first is None else first - _BEFORE
    read = [read_bars(file, first=since, last=last) for file in files]
    grids, lost = _grids(read, wanted, calendar, source)
    panels: dict[int, Panel] = {}
    for step in sorted({grid.step for grid in grids}):
        of_step = [grid for grid in grids if grid.step == step]
        chosen = source or _best_source(of_step, wanted.name)
        panel = _panel(of_step, chosen, wanted.name, calendar, lost)
        if first is not None:
            panel = panel.only(np.asarray([day >= first for day in panel.days], dtype=np.bool_))
        if panel.days:
            panels[step] = panel
    if not panels:
        span = f" from {first or 'the beginning'} to {last or 'the end'}"
        why = "".join(f"; {finding.sentence}" for finding in lost[:3])
        raise DataError(
            f"{', '.join(map(str, files)) or 'no file'} left no session of {symbol}{span}{why}"
        )
    return panels


def registered(registry: Registry, symbol: str) -> Symbol:
    """Return a symbol of the registry; raise ``DataError`` naming them all when it is none."""
    if symbol not in registry.symbols:
        raise DataError(
            f"{symbol!r} is not in the registry, which knows {', '.join(registry.symbols)}"
        )
    return registry.symbols[symbol]


def _grids(
    read: Iterable[Bars], wanted: Symbol, sessions: Sessions, source: str | None
) -> tuple[list[Grid], tuple[Finding, ...]]:
    """Return the grids, and what was found of rows that left none."""
    allowed = (wanted.name, *wanted.stand_ins)
    if source is not None and source not in allowed:
        raise ConfigurationError(
            f"{source!r} does not stand in for {wanted.name}; the registry allows "
            f"{', '.join(allowed)}"
        )
    grids: list[Grid] = []
    lost: list[Finding] = []
    for bars in read:
        here = [name for name in allowed if name in bars.symbols and source in (None, name)]
        if not here:
            held = ", ".join(sorted(bars.symbols)) or "nothing"
            what = f"it holds {held} and no bar of {' or '.join(allowed)}"
            raise refusal(bars.file, "symbol", what)
        for name in here:
            rows = bars.of(name)
            grid, found = lay_out(rows, name, sessions, is_index=name == wanted.name)
            if grid is None:
                lost.extend(found)
            else:
                grids.append(grid)
    return grids, tuple(lost)


def _best_source(grids: Sequence[Grid], index: str) -> str:
    """Return the index if it has enough whole sessions, else the source with most of them."""
    whole: dict[str, int] = {}
    for grid in grids:
        whole[grid.source] = whole.get(grid.source, 0) + int(grid.complete.sum())
    if whole.get(index, 0) >= ENOUGH_OF_THE_INDEX:
        return index
    return max(whole, key=lambda name: whole[name])


def _panel(
    grids: Sequence[Grid],
    source: str,
    symbol: str,
    sessions: Sessions,
    lost: Sequence[Finding],
) -> Panel:
    used = [grid for grid in grids if grid.source == source]
    found = [*lost, *(finding for grid in used for finding in grid.findings)]
    found += _left_out(grids, source)
    numbers = np.unique(np.concatenate([grid.days for grid in used]))
    minutes, official = np.zeros(numbers.size, dtype=np.int64), np.full(numbers.size, np.nan)
    shape = (numbers.size, used[0].prices[3].shape[1])
    opened, high, low, close = prices = tuple(np.full(shape, np.nan) for _ in range(4))
    for grid in used:
        rows = np.searchsorted(numbers, grid.days)
        found.extend(_disagreements(grid, numbers, close))
        free = np.isnan(close[rows])
        for have, more in zip(prices, grid.prices, strict=True):
            have[rows] = np.where(free, more, have[rows])
        official[rows] = np.where(np.isnan(official[rows]), grid.official, official[rows])
        minutes[rows] = grid.minutes
    days = tuple(day_of(number) for number in numbers)
    step = used[0].step
    events = load_events()
    flags = {
        kind: np.asarray([day in events[kind] for day in days], dtype=np.bool_)
        for kind in ("fomc", "cpi")
    }
    return Panel(
        symbol=symbol,
        source=source,
        step=step,
        days=days,
        minutes=minutes,
        open=opened,
        high=high,
        low=low,
        close=close,
        official=official,
        previous=_previous(days, minutes, step, close, official, sessions),
        fomc=flags["fomc"],
        cpi=flags["cpi"],
        complete=missing_bars(minutes, step, close) == 0,
        files=tuple(grid.note for grid in used),
        findings=tuple(found),
    )


def _left_out(grids: Sequence[Grid], source: str) -> list[Finding]:
    """Say which sources of a step were not used."""
    found = []
    for grid in grids:
        if grid.source != source:
            name, days = grid.note.name, grid.days.size
            sentence = (
                f"{name}: {days} sessions of {grid.source} at {grid.step} minutes are not used: "
                f"levels are not mixed and {source} was chosen [rule source]"
            )
            found.append(
                Finding(name, None, day_of(grid.days[0]), "source", sentence, "note", days)
            )
    return found


def _disagreements(grid: Grid, numbers: Ints, close: Floats) -> list[Finding]:
    """Count the bars on which a file contradicts those named before it."""
    rows = np.searchsorted(numbers, grid.days)
    with np.errstate(invalid="ignore"):
        apart = np.abs(np.log(grid.prices[3] / close[rows])) > _OVERLAP_LIMIT
    count = int(apart.sum())
    if not count:
        return []
    days = [day_of(number) for number in grid.days[apart.any(axis=1)]]
    sentence = (
        f"{grid.note.name}: {count} bars of {grid.source} differ by more than "
        f"{_OVERLAP_LIMIT * 1e4:g} basis points from a file named before it, which counts "
        f"({named(days)}) [rule overlap]"
    )
    return [Finding(grid.note.name, None, days[0], "overlap", sentence, "note", count)]


def _previous(
    days: Sequence[date],
    minutes: Ints,
    step: int,
    close: Floats,
    official: Floats,
    sessions: Sessions,
) -> Floats:
    found = np.full(len(days), np.nan)
    ends = slots_of(minutes, step) - 1
    last = np.where(np.isfinite(official), official, close[np.arange(len(days)), ends])
    for k in range(1, len(days)):
        following = sessions.next_after(days[k - 1])
        if following is not None and following.day == days[k]:
            found[k] = last[k - 1]
    return found
