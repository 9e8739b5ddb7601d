"""One index as the sentry hears it, and which limits of the last minute it breaks."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from kalshi_alpha.markets.registry import Symbol
from kalshi_alpha.markets.sessions import Session
from kalshi_alpha.pricing.reading import Reading, RealisedMeter
from kalshi_alpha.venues.massive.rest import Bar
from kalshi_alpha.venues.massive.stream import DELAYED_AFTER_S, Value


class SymbolWatch:
    """One index: its last value, how late it came, how long ago, and its realised variance."""

    def __init__(self, symbol: Symbol, session: Session) -> None:
        self.symbol = symbol
        self.delayed = False
        self.last: Value | None = None
        self._heard_at = 0.0  # steady seconds
        self._doubted: float | None = None
        self._meter = RealisedMeter(session.open, session.close)

    def seed(self, bar: Bar) -> None:
        """Take a minute from before the socket opened; an impossible one is passed over."""
        if not bar.possible:
            return
        self._meter.observe_minute(bar.start, bar.open, bar.high, bar.low, bar.close)

    def hear(self, value: Value, monotonic: float) -> bool:
        """Take a value from the socket and say whether it is believed.

        One older than the last moves nothing but the silence. One that jumps by more than the
        symbol's limit is an outlier until a second value confirms it, and moves nothing at all.
        """
        if self.last is not None and self._jumps(value.value, self.last.value):
            confirmed = self._doubted is not None and not self._jumps(value.value, self._doubted)
            self._doubted = value.value
            if not confirmed:
                return False
        self._doubted = None
        self._heard_at = monotonic
        self.delayed = value.lag_s >= DELAYED_AFTER_S
        if self.last is None or value.at >= self.last.at:
            self.last = value
            self._meter.observe(value.at, value.value)
        return True

    def _jumps(self, value: float, reference: float) -> bool:
        return abs(value / reference - 1.0) > self.symbol.jump_limit

    def reading(self, now: datetime, monotonic: float) -> Reading | None:
        """Return what is known now, or None before the first value."""
        if self.last is None:
            return None
        return Reading(
            symbol=self.symbol.name,
            value=self.last.value,
            as_of=self.last.at,
            lag_s=self.last.lag_s,
            silence_s=monotonic - self._heard_at,
            realised=self._meter.realised(now),
        )

    def reading_at(self, value: Value, now: datetime, monotonic: float) -> Reading | None:
        """Return the reading if ``value`` were believed: what a doubted jump would mean."""
        known = self.reading(now, monotonic)
        return None if known is None else replace(known, value=value.value, as_of=value.at)

    def broken(self, now: datetime, monotonic: float) -> str:
        """Return which limit of the last minute is broken, or an empty text."""
        reading, symbol = self.reading(now, monotonic), self.symbol
        if reading is None:
            return f"no value of {symbol.name} has been seen"
        if self.delayed or reading.lag_s > symbol.lag_limit_s:
            return f"{symbol.name} lags {reading.lag_s:.3f} s, over {symbol.lag_limit_s} s"
        if reading.silence_s > symbol.silence_limit_s:
            return (
                f"{symbol.name} has been silent for {reading.silence_s:.1f} s, "
                f"over {symbol.silence_limit_s} s"
            )
        return ""
