"""The bars of one file and source on the grid of its sessions, checked and cleaned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.markets.sessions import Sessions
from kalshi_alpha.research.data.bars import PRICES, Bars
from kalshi_alpha.research.data.checks import (
    CLOSE_MINUTE,
    OFFICIAL_WITHIN,
    OPEN_MINUTE,
    check_prices,
    in_order,
    off_clock_days,
    say_off_clock,
    step_of,
    without_repeats,
)
from kalshi_alpha.research.data.cleaning import Laid, leave_out
from kalshi_alpha.research.data.findings import (
    Bools,
    FileNote,
    Finding,
    Floats,
    Gathered,
    Ints,
    day_of,
    number_of,
    short_name,
)

FULL_SESSION = CLOSE_MINUTE - OPEN_MINUTE


@dataclass(frozen=True, slots=True)
class Grid:
    """One file's sessions of one source; arrays are [days] or [days, bars of a full session].

    ``prices`` are open, high, low and close, NaN where there is no bar.
    """

    source: str
    step: int
    days: Ints
    minutes: Ints
    prices: tuple[Floats, Floats, Floats, Floats]
    official: Floats
    note: FileNote
    findings: tuple[Finding, ...] = ()

    @property
    def complete(self) -> Bools:
        """Say of each day whether no bar of its session is missing."""
        whole: Bools = missing_bars(self.minutes, self.step, self.prices[3]) == 0
        return whole

    def dates(self) -> tuple[date, ...]:
        """Return the sessions as days."""
        return tuple(day_of(number) for number in self.days)

    def whole_days(self) -> tuple[date, ...]:
        """Return the sessions of which no bar is missing."""
        return tuple(day_of(number) for number in self.days[self.complete])


def missing_bars(minutes: Ints, step: int, close: Floats) -> Ints:
    """Return how many bars each session lacks."""
    wanted = np.arange(close.shape[1]) < slots_of(minutes, step)[:, None]
    lacking: Ints = (wanted & np.isnan(close)).sum(axis=1)
    return lacking


def slots_of(minutes: Ints, step: int) -> Ints:
    """Return how many bars sessions of so many minutes have; the last one may be cut short."""
    slots: Ints = -(-minutes // step)
    return slots


def lay_out(
    bars: Bars, source: str, sessions: Sessions, *, is_index: bool
) -> tuple[Grid | None, tuple[Finding, ...]]:
    """Lay the rows of one source onto its sessions; no grid when nothing usable is left.

    Args:
        bars: rows of that source only.
        source: its name in the file.
        sessions: the calendar; rows outside its sessions are left out and counted.
        is_index: a level that stands only during the session, with an official close after it.

    Raises:
        FileRefused: for a price that is none, a bar off the grid, two bars that contradict each
            other, or a clock that is not New York's.
    """
    findings = Gathered(bars.file, source)
    grid = _laid_out(bars, source, sessions, findings, is_index=is_index)
    found = tuple(findings.found)
    return None if grid is None else replace(grid, findings=found), found


def _laid_out(
    bars: Bars, source: str, sessions: Sessions, findings: Gathered, *, is_index: bool
) -> Grid | None:
    bars = in_order(bars, findings)
    bars, days, place, opens, closes = _on_sessions(bars, sessions, findings)
    begins, ends = opens[place], closes[place]
    during = (bars.minute >= begins) & (bars.minute < ends)
    printed = (bars.minute >= ends) & (bars.minute < ends + OFFICIAL_WITHIN) & is_index
    off_clock = np.zeros(days.size, dtype=np.bool_)
    if is_index:
        off_clock = off_clock_days(bars, place, days, begins, ends)
        say_off_clock(bars, days, off_clock, findings)
    outside = int((~during & ~printed).sum())
    what = f"{outside} bars lie outside the session"
    findings.add("note", "outside-session", what, count=outside)
    kept = during | printed
    bars, place, during = bars.at(kept), place[kept], during[kept]
    check_prices(bars)
    bars, unique = without_repeats(bars, findings)
    place, during = place[unique], during[unique]
    step = step_of(bars, place, during)
    if step is None:
        lone = [day_of(number) for number in np.unique(bars.day)]
        what = f"{len(lone)} days have fewer than two bars"
        findings.add("exclude", "one-bar", what, count=len(lone), days=lone)
        return None
    grid = tuple(np.full((days.size, -(-FULL_SESSION // step)), np.nan) for _ in PRICES)
    slot = (bars.minute[during] - OPEN_MINUTE) // step
    for array, name in zip(grid, PRICES, strict=True):
        array[place[during], slot] = getattr(bars, name)[during]
    opened, high, low, close = grid
    official = np.full(days.size, np.nan)
    official[place[~during]] = bars.close[~during]  # in order of time, so the last one stays
    laid = Laid(bars, days, closes - opens, step, (opened, high, low, close), official)
    return _kept(laid, leave_out(laid, off_clock, findings), source, findings)


def _kept(laid: Laid, keep: Bools, source: str, findings: Gathered) -> Grid | None:
    """Return the days to keep as a grid, noting their holes; None when there is none."""
    if not keep.any():
        return None
    days, minutes, official = laid.days[keep], laid.minutes[keep], laid.official[keep]
    opened, high, low, close = (array[keep] for array in laid.prices)
    lacking = missing_bars(minutes, laid.step, close)
    holed, holes = lacking > 0, int(lacking.sum())
    what = f"{int(holed.sum())} days lack {holes} bars and are kept with holes"
    findings.add("note", "hole", what, count=holes, days=[day_of(n) for n in days[holed]])
    note = FileNote(
        short_name(laid.bars.file),
        laid.bars.sha256,
        source,
        int(np.isfinite(close).sum() + np.isfinite(official).sum()),
        day_of(days[0]),
        day_of(days[-1]),
    )
    return Grid(source, laid.step, days, minutes, (opened, high, low, close), official, note)


def _on_sessions(
    bars: Bars, sessions: Sessions, findings: Gathered
) -> tuple[Bars, Ints, Ints, Ints, Ints]:
    """Return the rows of days with a session, those days, each row's day, opens and closes."""
    numbers, place = np.unique(bars.day, return_inverse=True)
    hours = [_hours(sessions, day_of(n)) for n in numbers]
    known = np.asarray([h is not None for h in hours], dtype=np.bool_)
    first, last = number_of(sessions.first), number_of(sessions.last)
    covered = (numbers >= first) & (numbers <= last)
    for mask, rule, why in (
        (~known & covered, "no-session", "days without a session"),
        (
            ~covered,
            "outside-calendar",
            f"days outside the calendar of {sessions.first} to {sessions.last}",
        ),
    ):
        rows = int(mask[place].sum())
        what = f"{rows} bars lie on {int(mask.sum())} {why}"
        findings.add("exclude", rule, what, count=rows, days=[day_of(n) for n in numbers[mask]])
    there = known[place]
    spans = np.asarray([h for h in hours if h is not None], dtype=np.int64).reshape(-1, 2)
    shifted = np.cumsum(known) - 1
    return bars.at(there), numbers[known], shifted[place[there]], spans[:, 0], spans[:, 1]


def _hours(sessions: Sessions, day: date) -> tuple[int, int] | None:
    session = sessions.on(day)
    if session is None:
        return None
    return _minute_of(session.open), _minute_of(session.close)


def _minute_of(at: datetime) -> int:
    there = at.astimezone(NEW_YORK)
    return there.hour * 60 + there.minute
