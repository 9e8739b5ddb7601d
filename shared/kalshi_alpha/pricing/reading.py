"""What is known of an index now: its value, its freshness and how much it has moved."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from kalshi_alpha.errors import DataError

RECENT = 30
SHORT = 10
# A minute seen more rarely than this has no extremes worth the name: its return is squared instead.
_FEWEST_VALUES = 20
_OPEN_CLOSE_WEIGHT = 2.0 * math.log(2.0) - 1.0


@dataclass(frozen=True, slots=True)
class Realised:
    """What the index has done since the open, up to the last whole minute.

    Attributes:
        minutes: whole minutes that were seen, ending now.
        since_open: variance of those minutes, each measured by its range (``bar_variance``).
        last_30: the same over the last 30 minutes, or over all when fewer were seen.
        last_10: the same over the last 10.
        move_10: signed log return over the last 10 minutes, or over all when fewer were seen.
    """

    minutes: int
    since_open: float
    last_30: float
    last_10: float
    move_10: float = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at an index.

    Attributes:
        symbol: the registry's name, such as ``SPX``.
        value: index points, > 0.
        as_of: when the index stood there, by the vendor's clock, aware.
        lag_s: seconds between ``as_of`` and the arrival of the value.
        silence_s: seconds since anything arrived.
        realised: the session's moves so far.
    """

    symbol: str
    value: float
    as_of: datetime
    lag_s: float
    silence_s: float
    realised: Realised


def bar_variance(opened: float, high: float, low: float, closed: float) -> float:
    """Return a bar's variance from the logs of its four prices, >= 0.

    Garman and Klass, Journal of Business 53 (1980), their practical estimator: several times as
    efficient as the squared return of the same bar. It is biased low where prices are seen only
    now and then; whoever compares it must have measured what is typical in the same way.
    """
    spread, step = high - low, closed - opened
    return max(0.0, 0.5 * spread * spread - _OPEN_CLOSE_WEIGHT * step * step)


class RealisedMeter:
    """Adds up one session's variance, minute by minute, as values stream in.

    Each observation costs O(1). A minute is measured by its range, and its price is its last
    value. The session's first minute starts from its first value; a meter that starts later gives
    up the minute it started in. A minute of fewer than twenty values counts with its squared
    return; a gap of k minutes counts as one return, spread evenly over the k minutes it covers.
    Values outside the session, or older than the newest seen, are ignored.
    """

    def __init__(self, session_open: datetime, session_close: datetime) -> None:
        seconds = (session_close - session_open).total_seconds()
        if seconds <= 0:
            raise DataError(f"the session opens at {session_open} and closes at {session_close}")
        self._open, self._close = session_open, session_close
        self._length = math.ceil(seconds / 60)
        self._newest: datetime | None = None
        self._minute = 0  # of the newest value
        self._bar = _Bar(0.0)  # the newest value's minute, in logs
        self._first = -1  # the minute boundary the sums start from; -1 before there is one
        self._known = -1  # the last boundary whose price is final
        self._sums = [0.0] * (self._length + 1)  # variance up to each boundary
        self._logs = [0.0] * (self._length + 1)  # log price at each boundary

    def observe(self, at: datetime, value: float) -> None:
        """Take the index's ``value`` in points at ``at``.

        Raises:
            DataError: when the value is not a finite number above 0.
        """
        if not (math.isfinite(value) and value > 0):
            raise DataError(f"an index value of {value} at {at} is not a positive number")
        late = self._newest is not None and at < self._newest
        if late or not self._open <= at <= self._close:
            return
        # The closing print belongs to the last minute.
        minute = min(self._minute_of(at), self._length - 1)
        log = math.log(value)
        if self._newest is None:
            if minute == 0:
                self._begin(0, log)
            self._bar = _Bar(log)
        elif minute > self._minute:
            self._finish()
            self._bar = _Bar(log)
        else:
            self._bar.take(log)
        self._newest, self._minute = at, minute

    def observe_minute(
        self, start: datetime, opened: float, high: float, low: float, closed: float
    ) -> None:
        """Take a whole minute from its ``start`` on, as history has it: it counts with its range.

        A minute of which values were seen already is ignored; values may still follow within it.

        Raises:
            DataError: when a price is not a finite number above 0.
        """
        minute, prices = self._minute_of(start), (opened, high, low, closed)
        known = self._newest is not None and minute <= self._minute
        if known or not 0 <= minute < self._length:
            return
        for price in prices:
            self.observe(start, price)
        self._bar.count = _FEWEST_VALUES
        if self._first < 0:  # the first minute of all, and seen from its start
            self._begin(minute, math.log(opened))

    def realised(self, now: datetime) -> Realised:
        """Return the sums over the minutes that are complete at ``now``; nothing later counts."""
        if self._first < 0:
            return Realised(0, 0.0, 0.0, 0.0)
        end, tip = self._minute_of(now), self._known
        if end > self._minute:  # the newest minute is over, though no later value says so
            tip = self._minute + 1
            self._fill(tip)
        end = max(min(end, tip), self._first)
        recent, short = max(self._first, end - RECENT), max(self._first, end - SHORT)
        sums, logs = self._sums, self._logs
        return Realised(
            minutes=end - self._first,
            since_open=sums[end],
            last_30=sums[end] - sums[recent],
            last_10=sums[end] - sums[short],
            move_10=logs[end] - logs[short],
        )

    def _minute_of(self, at: datetime) -> int:
        return math.floor((at - self._open).total_seconds() / 60)

    def _begin(self, boundary: int, log: float) -> None:
        self._first = self._known = boundary
        self._logs[boundary] = log

    def _finish(self) -> None:
        boundary = self._minute + 1
        if self._first < 0:
            self._begin(boundary, self._bar.last)
            return
        self._fill(boundary)
        self._known = boundary

    def _fill(self, boundary: int) -> None:
        """Lay the variance since the last final price over the minutes it covers."""
        start, bar = self._known, self._bar
        span, step = boundary - start, bar.last - self._logs[start]
        seen = span == 1 and bar.count >= _FEWEST_VALUES
        total = bar.variance() if seen else step * step
        for k in range(1, span + 1):
            self._sums[start + k] = self._sums[start] + total * k / span
            self._logs[start + k] = self._logs[start] + step * k / span


class _Bar:
    """One minute as it forms, in logs."""

    __slots__ = ("count", "first", "high", "last", "low")

    def __init__(self, log: float) -> None:
        self.first = self.high = self.low = self.last = log
        self.count = 1

    def take(self, log: float) -> None:
        self.last = log
        self.high, self.low = max(self.high, log), min(self.low, log)
        self.count += 1

    def variance(self) -> float:
        return bar_variance(self.first, self.high, self.low, self.last)
