"""Aggregates as the index vendor makes them: windows out of base rows, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby

from kalshi_alpha.clock import NEW_YORK, require_aware
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.rehearsal.path import Bar, IndexPath, recorded_bars, recorded_days

SPANS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
_SECOND = SPANS["second"]


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of ``multiplier`` (>= 1) times a ``span``, counted from New York's midnight."""

    multiplier: int
    span: str

    def start(self, at: datetime) -> datetime:
        """Return the start of the window that holds ``at``."""
        day = at.astimezone(NEW_YORK).date()
        if self.span == "day":
            return midnight(day - timedelta(days=day.toordinal() % self.multiplier))
        first, length = midnight(day), self.multiplier * SPANS[self.span]
        return first + (at - first) // length * length

    def end(self, start: datetime) -> datetime:
        """Return the end of the window that starts at ``start``; it is not part of it."""
        if self.span == "day":
            day = start.astimezone(NEW_YORK).date()
            return midnight(day + timedelta(days=self.multiplier))
        return start + self.multiplier * SPANS[self.span]


@dataclass(frozen=True, slots=True)
class Page:
    """Some aggregates, how many base rows they took, and the base row the next page starts at."""

    bars: tuple[Bar, ...]
    base_rows: int
    next_start: datetime | None


def midnight(day: date) -> datetime:
    """Return the first instant of ``day`` in New York, in UTC."""
    return require_aware(datetime.combine(day, time(), NEW_YORK))


def page(
    path: IndexPath,
    windows: Windows,
    between: tuple[datetime, datetime],
    now: datetime,
    *,
    limit: int,
    descending: bool = False,
) -> Page:
    """Return the windows that are complete at ``now``, of the base rows in [start, end).

    ``limit`` counts base rows: seconds, minutes (also below hours) or days. A page ends with a
    whole window, so it is shorter than ``limit``, or longer when one window needs more.
    """
    start, end = between
    rows = [
        row
        for row in base_rows(path, windows.span, start, min(end, now))
        if windows.end(windows.start(row.start)) <= now
    ]
    if descending:
        rows.reverse()
    cut = _cut([windows.start(row.start) for row in rows], limit)
    taken = sorted(rows[:cut], key=lambda row: row.start)
    bars = tuple(grouped(taken, windows))
    return Page(
        bars=bars[::-1] if descending else bars,
        base_rows=cut,
        next_start=rows[cut].start if cut < len(rows) else None,
    )


def base_rows(path: IndexPath, span: str, start: datetime, end: datetime) -> Sequence[Bar]:
    """Return what windows of ``span`` are made of; a second without a new value makes no row."""
    if span == "second":
        return [
            Bar(at, value, value, value, value)
            for at, value in path.seconds(start, end)
            if value != path.value_at(at - _SECOND)
        ]
    minutes = path.bars(start, end)
    return tuple(grouped(minutes, Windows(1, "day"))) if span == "day" else minutes


def grouped(rows: Sequence[Bar], windows: Windows) -> Iterator[Bar]:
    """Yield one bar for each window that has rows; ``rows`` ascend."""
    for start, inside in groupby(rows, key=lambda row: windows.start(row.start)):
        bars = tuple(inside)
        yield Bar(
            start,
            bars[0].open,
            max(bar.high for bar in bars),
            min(bar.low for bar in bars),
            bars[-1].close,
        )


def session_bar(symbol: str, day: date) -> Bar | None:
    """Return the regular session of a recorded day as one bar, None when it is not recorded."""
    session = load_sessions().on(day)
    if session is None or day not in recorded_days():
        return None
    inside = [b for b in recorded_bars(symbol, day) if session.open <= b.start < session.close]
    return next(grouped(inside, Windows(1, "day")), None)


def session_before(symbol: str, day: date) -> tuple[date, Bar] | None:
    """Return the latest recorded session before ``day``, None when there is none.

    It stands in for the previous session, which is seldom recorded.
    """
    for earlier in reversed(recorded_days()):
        bar = session_bar(symbol, earlier) if earlier < day else None
        if bar is not None:
            return earlier, bar
    return None


def _cut(starts: Sequence[datetime], limit: int) -> int:
    """Return how many rows make a page of whole windows."""
    if len(starts) <= limit:
        return len(starts)
    cut = limit
    while cut and starts[cut - 1] == starts[cut]:
        cut -= 1
    if cut:
        return cut
    return next((k for k in range(limit, len(starts)) if starts[k] != starts[0]), len(starts))
