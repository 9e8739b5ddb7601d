"""The bars of one file and source on the grid of its sessions, checked and cleaned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.markets.sessions import Sessions
from kalshi_alpha.research.data.bars import PRICES, Bars
from kalshi_alpha.research.data.faults import bad_ticks, frozen_stretches, robust_scales
from kalshi_alpha.research.data.findings import (
    Action,
    Bools,
    FileNote,
    Finding,
    Floats,
    Ints,
    day_of,
    named,
    refusal,
    short_name,
)

OPEN_MINUTE, CLOSE_MINUTE = 570, 960  # New York minutes after midnight
FULL_SESSION = CLOSE_MINUTE - OPEN_MINUTE
STEPS = (1, 2, 3, 5, 6, 10, 15, 30, 60)

# The official close is the last print of an index within this long after the bell.
OFFICIAL_WITHIN = 30
# What an index may repeat before it is taken for frozen. The longest real standstill recorded in
# session is two minutes for an index and three bars for a fund.
_FROZEN_MINUTES, _FROZEN_BARS = 10, 4
# An index that moves for this long outside its session keeps another clock, ...
_OFF_CLOCK_MINUTES = 10
# ... when it also stands still, or is absent, for this long at the other end of the session.
_OFF_CLOCK_MISSING = 30
# More bars than this share beside a grid are no strays: the grid is a finer one.
_BESIDE_SHARE = 0.1


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


class Findings:
    """Findings of one file and source, gathered."""

    def __init__(self, bars: Bars, source: str) -> None:
        self._file, self._source = bars.file, source
        self.found: list[Finding] = []

    def add(
        self,
        action: Action,
        rule: str,
        what: str,
        *,
        count: int,
        days: Sequence[date] = (),
        row: int | None = None,
    ) -> None:
        """Take one finding, unless it is about nothing."""
        if count:
            where = f"{self._file}" if row is None else f"{self._file}, row {row}"
            sentence = f"{where}: {self._source}: {what}"
            sentence += f" ({named(days)})" if days else ""
            first = days[0] if days else None
            self.found.append(
                Finding(
                    str(self._file), row, first, rule, f"{sentence} [rule {rule}]", action, count
                )
            )


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
    findings = Findings(bars, source)
    grid = _laid_out(bars, source, sessions, findings, is_index=is_index)
    found = tuple(findings.found)
    return None if grid is None else replace(grid, findings=found), found


def _laid_out(
    bars: Bars, source: str, sessions: Sessions, findings: Findings, *, is_index: bool
) -> Grid | None:
    bars = _in_order(bars, findings)
    bars, days, place, opens, closes = _on_sessions(bars, sessions, findings)
    begins, ends = opens[place], closes[place]
    during = (bars.minute >= begins) & (bars.minute < ends)
    printed = (bars.minute >= ends) & (bars.minute < ends + OFFICIAL_WITHIN) & is_index
    off_clock = np.zeros(days.size, dtype=np.bool_)
    if is_index:
        off_clock = _off_clock(bars, place, days, begins, ends)
        _say_off_clock(bars, days, off_clock, findings)
    outside = int((~during & ~printed).sum())
    findings.add(
        "note", "outside-session", f"{outside} bars lie outside the session", count=outside
    )
    kept = during | printed
    bars, place, during = bars.at(kept), place[kept], during[kept]
    _check_prices(bars)
    bars, unique = _without_repeats(bars, findings)
    place, during = place[unique], during[unique]
    step = _step(bars, place, during)
    if step is None:
        _say_lone(findings, bars)
        return None
    minutes = closes - opens
    shape = (days.size, -(-FULL_SESSION // step))
    slot = (bars.minute - OPEN_MINUTE) // step
    opened, high, low, close = (
        _scatter(shape, place[during], slot[during], getattr(bars, name)[during]) for name in PRICES
    )
    official = np.full(days.size, np.nan)
    official[place[~during]] = bars.close[~during]  # in order of time, so the last one stays
    laid = _Laid(bars, days, minutes, step, (opened, high, low, close), official)
    return _cleaned(laid, source, off_clock, findings)


@dataclass(frozen=True, slots=True)
class _Laid:
    bars: Bars
    days: Ints
    minutes: Ints
    step: int
    prices: tuple[Floats, Floats, Floats, Floats]
    official: Floats


def _cleaned(laid: _Laid, source: str, off_clock: Bools, findings: Findings) -> Grid | None:
    close = laid.prices[3]
    excluded = off_clock.copy()
    many = np.isfinite(close).sum(axis=1) >= 2
    lone = ~many & ~excluded
    _say_days(findings, laid, lone, "one-bar", "{n} days have fewer than two bars")
    excluded |= lone
    _drop(laid.prices, np.broadcast_to(excluded[:, None], close.shape))
    frozen = _frozen(laid)
    dead = (np.isfinite(close) & ~frozen).sum(axis=1) < 2
    dead &= ~excluded
    _say_days(findings, laid, dead, "frozen-day", "{n} days stand still from end to end")
    excluded |= dead
    frozen[excluded] = False
    _say_bars(findings, laid, frozen, "frozen", "{n} bars repeat a level that stands still")
    _drop(laid.prices, frozen)
    ticks = _bad_ticks(laid)
    ticks[excluded] = False
    _say_bars(findings, laid, ticks, "bad-tick", "{n} bars leap away and straight back")
    _drop(laid.prices, ticks)
    keep = ~excluded
    if not keep.any():
        return None
    lacking = missing_bars(laid.minutes, laid.step, close)
    holed = (lacking > 0) & keep
    holes = int(lacking[holed].sum())
    findings.add(
        "note",
        "hole",
        f"{int(holed.sum())} days lack {holes} bars and are kept with holes",
        count=holes,
        days=[day_of(n) for n in laid.days[holed]],
    )
    days = laid.days[keep]
    note = FileNote(
        short_name(laid.bars.file),
        laid.bars.sha256,
        source,
        int(np.isfinite(close[keep]).sum() + np.isfinite(laid.official[keep]).sum()),
        day_of(days[0]),
        day_of(days[-1]),
    )
    opened, high, low, close = (array[keep] for array in laid.prices)
    official = laid.official[keep]
    prices = (opened, high, low, close)
    return Grid(source, laid.step, days, laid.minutes[keep], prices, official, note)


def _in_order(bars: Bars, findings: Findings) -> Bars:
    when = bars.day * 1440 + bars.minute
    late = np.flatnonzero(np.diff(when) < 0)
    if not late.size:
        return bars
    first = int(late[0]) + 1
    findings.add(
        "note",
        "order",
        f"{late.size} rows come before the row above them; the rows were sorted",
        count=int(late.size),
        row=int(bars.row[first]),
        days=[day_of(bars.day[first])],
    )
    return bars.at(np.argsort(when, kind="stable"))


def _on_sessions(
    bars: Bars, sessions: Sessions, findings: Findings
) -> tuple[Bars, Ints, Ints, Ints, Ints]:
    """Return the rows of days with a session, those days, each row's day, opens and closes."""
    numbers, place = np.unique(bars.day, return_inverse=True)
    hours = [_hours(sessions, day_of(n)) for n in numbers]
    known = np.asarray([h is not None for h in hours], dtype=np.bool_)
    covered = (numbers >= sessions.first.toordinal() - _EPOCH) & (
        numbers <= sessions.last.toordinal() - _EPOCH
    )
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


_EPOCH = date(1970, 1, 1).toordinal()


def _hours(sessions: Sessions, day: date) -> tuple[int, int] | None:
    session = sessions.on(day)
    if session is None:
        return None
    return _minute_of(session.open), _minute_of(session.close)


def _minute_of(at: datetime) -> int:
    there = at.astimezone(NEW_YORK)
    return there.hour * 60 + there.minute


def _off_clock(bars: Bars, place: Ints, days: Ints, begins: Ints, ends: Ints) -> Bools:
    """Say of each day whether the index kept another clock than New York's session.

    It moves well outside the session on one side and is absent or still on the other: that is a
    whole session laid onto wrong hours.
    """
    still = np.zeros(bars.row.size, dtype=np.bool_)
    still[1:] = (np.diff(bars.close) == 0) & (np.diff(place) == 0)
    moving = ~(still & (bars.high == bars.low))
    early, late = bars.minute < begins, bars.minute >= ends + OFFICIAL_WITHIN
    head = (bars.minute >= begins) & (bars.minute < begins + _OFF_CLOCK_MISSING)
    tail = (bars.minute < ends) & (bars.minute >= ends - _OFF_CLOCK_MISSING)

    def spans(where: Bools) -> Ints:
        """Return from the first to the last moving minute there, one more than their distance."""
        low, high = np.full(days.size, 1 << 20), np.full(days.size, -1)
        np.minimum.at(low, place[where & moving], bars.minute[where & moving])
        np.maximum.at(high, place[where & moving], bars.minute[where & moving])
        apart: Ints = np.maximum(high - low + 1, 0)
        return apart

    shifted_back = (spans(early) >= _OFF_CLOCK_MINUTES) & (spans(tail) == 0)
    shifted_on = (spans(late) >= _OFF_CLOCK_MINUTES) & (spans(head) == 0)
    return np.asarray(shifted_back | shifted_on, dtype=np.bool_)


def _say_off_clock(bars: Bars, days: Ints, off_clock: Bools, findings: Findings) -> None:
    what = "the index moves outside its session and stands still inside it: its clock is wrong"
    named_days = [day_of(n) for n in days[off_clock]]
    on_them = np.flatnonzero(np.isin(bars.day, days[off_clock]))
    if on_them.size and off_clock.all():
        row, said = int(bars.row[on_them[0]]), f"on {named(named_days)} {what}"
        count = int(on_them.size)
        raise refusal(bars.file, "time-zone", said, row=row, day=named_days[0], count=count)
    count = len(named_days)
    findings.add("exclude", "off-clock", f"on {count} days {what}", count=count, days=named_days)


def _check_prices(bars: Bars) -> None:
    for name in PRICES:
        values = getattr(bars, name)
        bad = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
        if bad.size:
            k = int(bad[0])
            what = f"{name} is {values[k]:g}; a price is a number above zero"
            _refuse_row(bars, k, "price", what, int(bad.size))
    top, bottom = np.maximum(bars.open, bars.close), np.minimum(bars.open, bars.close)
    bad = np.flatnonzero((bars.high < top) | (bars.low > bottom))
    if bad.size:
        k = int(bad[0])
        what = (
            f"open {bars.open[k]:g}, high {bars.high[k]:g}, low {bars.low[k]:g} and close "
            f"{bars.close[k]:g} contradict each other"
        )
        _refuse_row(bars, k, "high-low", what, int(bad.size))


def _refuse_row(bars: Bars, k: int, rule: str, what: str, count: int) -> None:
    day, minute = day_of(bars.day[k]), int(bars.minute[k])
    at = f"{day} {minute // 60:02d}:{minute % 60:02d}"
    raise refusal(bars.file, rule, f"at {at} {what}", row=int(bars.row[k]), day=day, count=count)


def _without_repeats(bars: Bars, findings: Findings) -> tuple[Bars, Bools]:
    """Return the rows without exact repeats; two that differ are a contradiction."""
    unique = np.ones(bars.row.size, dtype=np.bool_)
    when = bars.day * 1440 + bars.minute
    unique[1:] = np.diff(when) != 0
    if unique.all():
        return bars, unique
    again = np.flatnonzero(~unique)
    before = again - 1
    differ = np.zeros(again.size, dtype=np.bool_)
    for name in PRICES:
        values = getattr(bars, name)
        differ |= values[again] != values[before]
    if differ.any():
        k = int(again[differ][0])
        what = (
            f"the bar is given twice and closes at {bars.close[k]:g} here, "
            f"at {bars.close[k - 1]:g} in row {bars.row[k - 1]}"
        )
        _refuse_row(bars, k, "contradiction", what, int(differ.sum()))
    first = int(again[0])
    findings.add(
        "note",
        "duplicate",
        f"{again.size} rows repeat another row and were left out",
        count=int(again.size),
        row=int(bars.row[first]),
        days=[day_of(bars.day[first])],
    )
    return bars.at(unique), unique


def _step(bars: Bars, place: Ints, during: Bools) -> int | None:
    """Return the minutes from bar to bar, refusing bars between; None without two bars in a day.

    It is the most common distance; where holes make that a multiple of the step, many bars lie off
    its grid, and the widest grid that holds them all is meant.
    """
    minute, day = bars.minute[during], place[during]
    apart = np.diff(minute)[np.diff(day) == 0]
    if not apart.size:
        return None
    sizes, counts = np.unique(apart, return_counts=True)
    step = int(sizes[np.argmax(counts)])
    beside = (minute - OPEN_MINUTE) % step
    if np.count_nonzero(beside) > _BESIDE_SHARE * minute.size:
        step = int(np.gcd.reduce(beside, initial=step))
    if step not in STEPS:
        raise refusal(
            bars.file,
            "grid",
            f"its bars are {step} minutes apart; known are {', '.join(map(str, STEPS))}",
        )
    off = np.flatnonzero(during & ((bars.minute - OPEN_MINUTE) % step != 0))
    if off.size:
        what = f"a bar starts off the grid of {step} minutes from 09:30"
        _refuse_row(bars, int(off[0]), "grid", what, int(off.size))
    return step


def _say_lone(findings: Findings, bars: Bars) -> None:
    days = [day_of(n) for n in np.unique(bars.day)]
    findings.add(
        "exclude",
        "one-bar",
        f"{len(days)} days have fewer than two bars",
        count=len(days),
        days=days,
    )


def _say_days(findings: Findings, laid: _Laid, where: Bools, rule: str, what: str) -> None:
    days = [day_of(n) for n in laid.days[where]]
    findings.add("exclude", rule, what.format(n=len(days)), count=len(days), days=days)


def _say_bars(findings: Findings, laid: _Laid, where: Bools, rule: str, what: str) -> None:
    if not where.any():
        return
    days = [day_of(n) for n in laid.days[where.any(axis=1)]]
    day, slot = np.argwhere(where)[0]
    minute = OPEN_MINUTE + int(slot) * laid.step
    here = (laid.bars.day == laid.days[day]) & (laid.bars.minute == minute)
    row, count = int(laid.bars.row[here][0]), int(where.sum())
    findings.add("exclude", rule, what.format(n=count), count=count, days=days, row=row)


def _scatter(shape: tuple[int, int], place: Ints, slot: Ints, values: Floats) -> Floats:
    grid = np.full(shape, np.nan)
    grid[place, slot] = values
    return grid


def _drop(prices: Sequence[Floats], where: Bools) -> None:
    for array in prices:
        array[where] = np.nan


def _frozen(laid: _Laid) -> Bools:
    """Find the bars that only repeat what stood before them."""
    _, high, low, close = laid.prices
    days, slots = close.shape
    # A bar that moved inside is alive wherever it closed; a NaN after each day ends its stretch.
    values = np.full((days, slots + 1), np.nan)
    values[:, :-1] = np.where(high > low, np.nan, close)
    seconds = np.arange(days)[:, None] * 86400 + np.arange(slots + 1)[None, :] * laid.step * 60
    known = np.ones(values.shape, dtype=np.bool_)
    known[:, :-1] = np.isfinite(close)
    limit = 60 * max(_FROZEN_MINUTES, _FROZEN_BARS * laid.step)
    found = np.zeros(int(known.sum()), dtype=np.bool_)
    for start, stop in frozen_stretches(seconds[known], values[known], limit):
        found[start + 1 : stop] = True
    frozen = np.zeros(values.shape, dtype=np.bool_)
    frozen[known] = found
    return np.ascontiguousarray(frozen[:, :-1])


def _bad_ticks(laid: _Laid) -> Bools:
    opened, _, _, close = laid.prices
    inside = np.log(np.column_stack((opened[:, :1], close)))
    before = np.full(len(close), np.nan)
    before[1:] = np.log(_last_known(close))[:-1]
    points = np.column_stack((before, inside, np.log(laid.official)))
    found = bad_ticks(points, robust_scales(inside))[:, 1:-1]
    ticks = found[:, 1:].copy()
    ticks[:, 0] |= found[:, 0]
    return ticks


def _last_known(close: Floats) -> Floats:
    known = np.isfinite(close)
    last = close.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)
    values: Floats = close[np.arange(len(close)), last]
    return values
