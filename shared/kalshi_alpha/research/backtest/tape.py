"""One window as it was recorded: its markets, who traded through which price when, what it paid."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.contracts import Ladder
from kalshi_alpha.markets.sessions import Session
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.pricing.reading import Reading, Realised, RealisedMeter

# What an index may repeat while trades go on; longer, and the recording has stopped.
STANDSTILL_S = 60.0


@dataclass(frozen=True, slots=True)
class Seconds:
    """Seconds in which a market traded, in order of time; lists of one length.

    Attributes:
        at: the second's begin, whole seconds since 1970 UTC.
        market: place in the ladder.
        sold: lowest price at which takers sold yes, 1/10000 dollar; 0 where none did.
        sold_size: how much, 1/100 contract.
        bought: highest price at which takers bought yes; 0 where none did.
        bought_size: how much.
        level: last value of the index within the second; NaN where it is not recorded.
    """

    at: list[int]
    market: list[int]
    sold: list[int]
    sold_size: list[int]
    bought: list[int]
    bought_size: list[int]
    level: list[float]

    def __len__(self) -> int:
        return len(self.at)


@dataclass(frozen=True, slots=True)
class Tape:
    """One series' event.

    Attributes:
        window: with its fixing.
        series: the series.
        symbol: what it settles on.
        session: the day's session.
        ladder: the markets that traded, as contracts.
        seconds: what traded.
        bars: open, high, low and close of each minute from the open; empty where unknown.
        paid: whether yes paid, by market; None for one without a settlement.
    """

    window: Window
    series: str
    symbol: str
    session: Session
    ladder: Ladder
    seconds: Seconds
    bars: tuple[tuple[float, float, float, float], ...]
    paid: tuple[bool | None, ...]

    @property
    def fixing_s(self) -> float:
        """Return the fixing in seconds since 1970 UTC."""
        return self.window.fixing.timestamp()


@dataclass(slots=True)
class Levels:
    """The index as it was known at any time of a tape: nothing later is looked at.

    A second's value is known when the second is over, and is taken to be as old as its begin. A
    complete minute's close is known at its end. A value that has stood still for a minute is the
    recording's standing still, and is not used.
    """

    tape: Tape
    jump_limit: float
    _known: list[float] = field(init=False, repr=False)
    _value: list[float] = field(init=False, repr=False)
    _as_of: list[float] = field(init=False, repr=False)
    _meter: RealisedMeter = field(init=False, repr=False)

    def __post_init__(self) -> None:
        session = self.tape.session
        opened = session.open.timestamp()
        self._meter = RealisedMeter(session.open, session.close)
        for k, bar in enumerate(self.tape.bars):
            self._meter.observe_minute(at_second(opened + 60.0 * k), *bar)
        points = [
            (opened + 60.0 * (k + 1),) * 2 + (bar[3],) for k, bar in enumerate(self.tape.bars)
        ]
        points += self._of_seconds(opened)
        points.sort()
        self._known = [known for known, _, _ in points]
        self._as_of = [as_of for _, as_of, _ in points]
        self._value = [value for _, _, value in points]

    def reading(self, now: float) -> Reading | None:
        """Return what was known at ``now``, None before anything was."""
        k = bisect_right(self._known, now) - 1
        if k < 0:
            return None
        as_of = self._as_of[k]
        return Reading(
            symbol=self.tape.symbol,
            value=self._value[k],
            as_of=at_second(as_of),
            lag_s=0.0,
            silence_s=now - as_of,
            realised=self.realised(now),
        )

    def realised(self, now: float) -> Realised:
        """Return the session's moves up to the last whole minute."""
        return self._meter.realised(at_second(now))

    def _of_seconds(self, opened: float) -> list[tuple[float, float, float]]:
        """Return the recorded values worth keeping: (known, as of, value)."""
        seconds, bars = self.tape.seconds, self.tape.bars
        found = []
        last, since = math.nan, math.nan
        for at, level in zip(seconds.at, seconds.level, strict=True):
            if math.isnan(level):
                continue
            if level != last:
                last, since = level, at
            minute = int((at - opened) // 60)
            if at < opened or at - since >= STANDSTILL_S:
                continue
            if 0 < minute <= len(bars):
                close = bars[minute - 1][3]
                if abs(level / close - 1.0) > self.jump_limit:
                    continue
            found.append((at + 1.0, float(at), level))
        return found


def at_second(seconds: float) -> datetime:
    """Return an instant of so many seconds since 1970 UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def require_settled(tape: Tape) -> None:
    """Refuse a tape of which no market has a settlement.

    Raises:
        DataError: then.
    """
    if all(paid is None for paid in tape.paid):
        raise DataError(f"{tape.ladder.event_ticker} has no settlement of any market")
