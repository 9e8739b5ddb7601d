"""Checks of the rows of one source: order, repeats, prices, the step, and the clock they keep."""

from __future__ import annotations

import numpy as np

from kalshi_alpha.research.data.bars import PRICES, Bars
from kalshi_alpha.research.data.findings import Bools, Gathered, Ints, day_of, named, refusal

OPEN_MINUTE, CLOSE_MINUTE = 570, 960  # New York minutes after midnight
STEPS = (1, 2, 3, 5, 6, 10, 15, 30, 60)
# The official close is the last print of an index within this long after the bell.
OFFICIAL_WITHIN = 30

# An index that moves for this long outside its session keeps another clock, ...
_OFF_CLOCK_MINUTES = 10
# ... when it also stands still, or is absent, for this long at the other end of the session.
_OFF_CLOCK_MISSING = 30
# More bars than this share beside a grid are no strays: the grid is a finer one.
_BESIDE_SHARE = 0.1


def in_order(bars: Bars, findings: Gathered) -> Bars:
    """Return the rows in order of time, noting those that were not."""
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


def off_clock_days(bars: Bars, place: Ints, days: Ints, begins: Ints, ends: Ints) -> Bools:
    """Say of each of ``days`` whether the index kept another clock than New York's session.

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


def say_off_clock(bars: Bars, days: Ints, off_clock: Bools, findings: Gathered) -> None:
    """Count the days of another clock; refuse the file when there are no others."""
    what = "the index moves outside its session and stands still inside it: its clock is wrong"
    named_days = [day_of(n) for n in days[off_clock]]
    on_them = np.flatnonzero(np.isin(bars.day, days[off_clock]))
    if on_them.size and off_clock.all():
        row, said = int(bars.row[on_them[0]]), f"on {named(named_days)} {what}"
        count = int(on_them.size)
        raise refusal(bars.file, "time-zone", said, row=row, day=named_days[0], count=count)
    count = len(named_days)
    findings.add("exclude", "off-clock", f"on {count} days {what}", count=count, days=named_days)


def check_prices(bars: Bars) -> None:
    """Refuse a price that is no number above zero, and a high or low that cannot be one."""
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


def without_repeats(bars: Bars, findings: Gathered) -> tuple[Bars, Bools]:
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


def step_of(bars: Bars, place: Ints, during: Bools) -> int | None:
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
