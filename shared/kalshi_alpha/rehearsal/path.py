"""What an index did on a recorded day, second by second.

The minute bars are recorded; inside a minute the values are simulated. A minute runs from its open
through both extremes to its close, the low first when it closes at or above its open, along
seeded Brownian bridges reflected at the low and the high:

- the open stands at second 0 and the close at second 59; each leg between takes a share of the
  time in proportion to its length, give or take half;
- the steps' deviation is the one of a driftless walk whose expected range over the minute is
  high - low: (high - low) / sqrt(8 / pi * 60) a square-root second (Feller 1951);
- values have 2 decimals, as published, and a minute that was not recorded holds the last value.

So every simulated minute has exactly the recorded open, high, low and close.
"""

from __future__ import annotations

import csv
import functools
import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from importlib.resources.abc import Traversable
from random import Random
from typing import Protocol

from kalshi_alpha.clock import from_iso, require_aware
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.sessions import load_sessions

COLUMNS = ("start", "open", "high", "low", "close")

_FILE = re.compile(r"([A-Z]+)-(\d{4}-\d{2}-\d{2})\.csv")
_SECOND, _MINUTE = timedelta(seconds=1), timedelta(minutes=1)
_LAST = 59  # the last second of a minute
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class IndexPath(Protocol):
    """What a feed plays: a recorded day, or one laid onto wall time."""

    symbol: str

    def value_at(self, instant: datetime) -> float | None:
        """Return the latest value at or before ``instant``, None before the first."""
        ...

    def updated_at(self, instant: datetime) -> datetime | None:
        """Return when the value at ``instant`` was last known to hold, None before the first."""
        ...

    def bars(self, start: datetime, end: datetime) -> Sequence[Bar]:
        """Return the minutes that start in [start, end), ascending."""
        ...

    def seconds(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, float]]:
        """Yield (instant, value) for each second in [start, end), ascending."""
        ...

    def is_open(self, instant: datetime) -> bool:
        """Say whether the regular session is on."""
        ...


@dataclass(frozen=True, slots=True)
class Bar:
    """One window of index points; ``start`` is aware, in UTC, and the window excludes its end."""

    start: datetime
    open: float
    high: float
    low: float
    close: float


def recorded_days() -> tuple[date, ...]:
    """Return the days on which every shipped symbol is recorded, ascending."""
    found: dict[str, set[date]] = {}
    for file in _data().iterdir():
        if named := _FILE.fullmatch(file.name):
            found.setdefault(named[1], set()).add(date.fromisoformat(named[2]))
    return tuple(sorted(set.intersection(*found.values()))) if found else ()


@functools.cache
def recorded_bars(symbol: str, day: date) -> tuple[Bar, ...]:
    """Return the recorded minutes of ``symbol`` ("SPX" or "NDX") on ``day``, ascending.

    Raises:
        DataError: when that day or symbol is not recorded, naming the days that are.
    """
    file = _data().joinpath(f"{symbol}-{day.isoformat()}.csv")
    if not file.is_file():
        days = ", ".join(each.isoformat() for each in recorded_days())
        raise DataError(f"{symbol} is not recorded on {day}: the recorded days are {days}")
    return tuple(
        Bar(from_iso(row["start"]), *(float(row[name]) for name in COLUMNS[1:]))
        for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    )


@functools.cache
def load_day(symbol: str, day: date, *, seed: int) -> DayPath:
    """Return the path of ``symbol`` on a recorded ``day``; the same for the same ``seed``.

    Raises:
        DataError: when that day or symbol is not recorded, naming the days that are.
    """
    return DayPath(symbol, day, recorded_bars(symbol, day), seed=seed)


class DayPath:
    """One value a second from the first recorded minute to the end of the last."""

    def __init__(self, symbol: str, day: date, bars: Sequence[Bar], *, seed: int) -> None:
        """Take the day's minutes, ascending, at least one."""
        self.symbol, self.day = symbol, day
        self._bars, self._seed = tuple(bars), seed

    @property
    def start(self) -> datetime:
        """Return the instant of the first value."""
        return self._bars[0].start

    @functools.cached_property
    def values(self) -> tuple[float, ...]:
        """Return the values, one a second from ``start``, without a gap."""
        rng = Random(f"{self._seed}/{self.symbol}/{self.day}")
        values: list[float] = []
        for bar in self._bars:
            missing = (bar.start - self.start) // _SECOND - len(values)
            values += values[-1:] * missing
            values += inside_minute(bar, rng)
        return tuple(values)

    def value_at(self, instant: datetime) -> float | None:
        """Return the latest value at or before ``instant``, None before the first."""
        seconds = (require_aware(instant) - self.start) // _SECOND
        return None if seconds < 0 else self.values[min(seconds, len(self.values) - 1)]

    def updated_at(self, instant: datetime) -> datetime | None:
        """Return ``instant``, or the last value's when that was earlier, None before the first."""
        last = self.start + (len(self.values) - 1) * _SECOND
        return None if instant < self.start else min(instant, last)

    def bars(self, start: datetime, end: datetime) -> tuple[Bar, ...]:
        """Return the recorded minutes that start in [start, end)."""
        return tuple(bar for bar in self._bars if start <= bar.start < end)

    def seconds(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, float]]:
        """Yield (instant, value) for the seconds of recorded minutes in [start, end)."""
        for bar in self.bars(start - _MINUTE, end):
            offset = (bar.start - self.start) // _SECOND
            for k in range(60):
                at = bar.start + k * _SECOND
                if start <= at < end:
                    yield at, self.values[offset + k]

    def is_open(self, instant: datetime) -> bool:
        """Say whether the regular session is on."""
        session = load_sessions().on(self.day)
        return session is not None and session.open <= instant < session.close


class WallPath:
    """A recorded session laid onto any wall time, nights and weekends too.

    It is played forward, then backward, for ever, so that it never jumps. The regular session's
    values are used; where in them an instant falls depends on the instant alone. Seconds and
    minutes stand under two kinds of time, so that a request for the recorded day finds it
    unchanged: the recorded ones under their own, then the laid ones under wall time from ``since``.
    """

    def __init__(self, path: DayPath, *, since: datetime | None = None) -> None:
        """Lay ``path``; None for ``since`` gives out no laid seconds and minutes."""
        self.symbol, self._path = path.symbol, path
        self._since = since if since is None else require_aware(since)

    @functools.cached_property
    def _loop(self) -> tuple[float, ...]:
        session = load_sessions().on(self._path.day)
        length = None if session is None else (session.close - self._path.start) // _SECOND
        values = self._path.values[:length]
        return values + values[-2:0:-1]

    def value_at(self, instant: datetime) -> float:
        """Return the value at ``instant``; there always is one."""
        return self._loop[(require_aware(instant) - _EPOCH) // _SECOND % len(self._loop)]

    def updated_at(self, instant: datetime) -> datetime:
        """Return ``instant``: it never stops."""
        return instant

    def bars(self, start: datetime, end: datetime) -> tuple[Bar, ...]:
        """Return the minutes that start in [start, end): recorded ones, then laid ones."""
        return self._path.bars(start, end) + tuple(self._laid(start, end))

    def seconds(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, float]]:
        """Yield (instant, value) for the seconds in [start, end): recorded ones, then laid ones."""
        yield from self._path.seconds(start, end)
        for at in self._steps(start, end, _SECOND):
            yield at, self.value_at(at)

    def is_open(self, instant: datetime) -> bool:  # noqa: ARG002 - at any instant
        """Say yes: it moves at any hour."""
        return True

    def _laid(self, start: datetime, end: datetime) -> Iterator[Bar]:
        twice = self._loop + self._loop[:60]
        for at in self._steps(start, end, _MINUTE):
            first = (at - _EPOCH) // _SECOND % len(self._loop)
            inside = twice[first : first + 60]
            yield Bar(at, inside[0], max(inside), min(inside), inside[-1])

    def _steps(self, start: datetime, end: datetime, unit: timedelta) -> Iterator[datetime]:
        if self._since is not None:
            at = max(start, self._since)
            at += (_EPOCH - at) % unit
            while at < end:
                yield at
                at += unit


def inside_minute(bar: Bar, rng: Random) -> list[float]:
    """Return the 60 values of a minute: its open first, its close last, both extremes touched."""
    points = _way(bar, rng)
    deviation = (bar.high - bar.low) / math.sqrt(8 / math.pi * 60)
    values = [bar.open]
    for (start, _), (end, goal) in itertools.pairwise(points):
        for at in range(start + 1, end):
            left = end - at
            mean = values[-1] + (goal - values[-1]) / (left + 1)
            step = deviation * math.sqrt(left / (left + 1)) * rng.gauss(0.0, 1.0)
            values.append(_inside(mean + step, bar))
        if end > start:
            values.append(goal)
    return [round(value, 2) for value in values]


def _inside(value: float, bar: Bar) -> float:
    """Reflect a value at the bar's ends: one that stood on them for seconds would look silent."""
    off_low = bar.low + abs(value - bar.low)
    return max(bar.low, bar.high - abs(bar.high - off_low))


def _way(bar: Bar, rng: Random) -> tuple[tuple[int, float], ...]:
    """Return (second, value) of open, first extreme, second extreme and close."""
    one, other = (bar.low, bar.high) if bar.close >= bar.open else (bar.high, bar.low)
    far = (abs(one - bar.open), abs(other - one), abs(bar.close - other))
    weights = [distance * rng.uniform(0.5, 1.5) for distance in far]
    pace = _LAST / (sum(weights) or 1.0)
    first = max(round(weights[0] * pace), int(far[0] > 0))
    second = first + max(round(weights[1] * pace), int(far[1] > 0))
    second = min(second, _LAST - int(far[2] > 0))
    return (0, bar.open), (first, one), (second, other), (_LAST, bar.close)


def _data() -> Traversable:
    return resources.files(__package__).joinpath("data")
