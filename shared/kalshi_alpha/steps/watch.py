"""Watch: the sentry. One index socket, a heartbeat a second, and three reasons to pull.

It follows the index, measures how late and how silent the feed is on separate clocks, and writes
what it knows where every other step reads it. It pulls a window's orders when the kill-switch is
thrown, when the feed breaks its limits in the last minute, and by its own timer at T-2 s. It can
list and cancel; it cannot place.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.cloud.services import read_secret
from kalshi_alpha.cloud.table import StoreError
from kalshi_alpha.errors import DataError, VenueError
from kalshi_alpha.markets.registry import Symbol
from kalshi_alpha.markets.sessions import Session
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.pricing.reading import Reading, RealisedMeter
from kalshi_alpha.steps import heartbeat
from kalshi_alpha.steps.pull import Pull
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.venues.massive.rest import Bar, MassiveReader
from kalshi_alpha.venues.massive.stream import (
    DELAYED_AFTER_S,
    Alert,
    Disconnected,
    IndexStream,
    Value,
)

BEAT_SECONDS = 1.0
# Our own timer fires after the armed cancel has had its round trip.
_TIMER_GRACE = timedelta(milliseconds=250)
# The value at the fixing is certain once values from after it have had time to arrive.
_FIXING_GRACE = timedelta(seconds=1)


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
        """Take a minute from before the socket opened."""
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


class Sentry:
    """The watch over some windows of one day."""

    def __init__(
        self,
        runtime: Runtime,
        windows: Sequence[Window],
        session: Session,
        tell: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._runtime, self._windows, self._tell = runtime, tuple(windows), tell
        names = {runtime.registry.series[s].symbol for w in windows for s in w.series}
        symbols = [runtime.registry.symbols[name] for name in sorted(names)]
        self.watches = {symbol.name: SymbolWatch(symbol, session) for symbol in symbols}
        self._session = session
        self._at_fixing: dict[tuple[str, str], Value] = {}
        self._done: set[tuple[str, str]] = set()  # (window, what) that happened once

    async def run(self, stopped: Callable[[], bool]) -> None:
        """Listen and beat until ``stopped`` says so or the last window is over."""
        key = read_secret(self._runtime.settings.require("feed_secret")).get("api_key", "")
        await asyncio.to_thread(self._seed, key)
        listening = asyncio.create_task(self._listen(key))
        try:
            while not stopped() and not self._over():
                if listening.done():
                    listening.result()  # a stream that ended for good has raised why
                await self.beat()
                await self._runtime.clock.wait(self._pause())
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def beat(self) -> None:
        """Write the heartbeats, then look for every reason to pull."""
        await asyncio.to_thread(self._beat)

    def hear(self, value: Value) -> None:
        """Take a value from the socket."""
        watch = self.watches.get(value.symbol)
        if watch is None:
            return
        if not watch.hear(value, self._runtime.clock.monotonic()):
            return
        for window in self._windows:
            if value.at <= window.fixing:
                self._at_fixing[(window.window_id, value.symbol)] = value

    def _beat(self) -> None:
        clock, state = self._runtime.clock, self._runtime.state
        for watch in self.watches.values():
            now = clock.now()
            reading = watch.reading(now, clock.monotonic())
            if reading is not None:
                item = heartbeat.to_item(reading, clock.now(), delayed=watch.delayed)
                state.put_heartbeat(watch.symbol.name, item)
        for window in self._windows:
            self._guard(window)

    def _guard(self, window: Window) -> None:
        now = self._runtime.clock.now()
        if now >= window.fixing + _FIXING_GRACE:
            self._once(window, "fixing", self._write_fixing)
        if not window.make_at <= now < window.fixing:
            return
        if now >= window.pull_at + _TIMER_GRACE:
            self._once(window, "timer", lambda w: self._pull(w, "its own timer at T-2 s"))
            return
        switch = self._runtime.state.kill_switch()
        if switch.on:
            self._once(window, "kill", lambda w: self._pull(w, f"kill-switch: {switch.reason}"))
        elif now >= window.strict_at and (reason := self._broken(window)):
            self._once(window, "strict", lambda w: self._pull(w, reason))

    def _broken(self, window: Window) -> str:
        """Return which limit of the last minute is broken, or an empty text."""
        names = {self._runtime.registry.series[s].symbol for s in window.series}
        clock = self._runtime.clock
        for name in sorted(names):
            watch = self.watches[name]
            reading = watch.reading(clock.now(), clock.monotonic())
            symbol = watch.symbol
            if reading is None:
                return f"no value of {name} has been seen"
            if watch.delayed or reading.lag_s > symbol.lag_limit_s:
                return f"{name} lags {reading.lag_s:.3f} s, over {symbol.lag_limit_s} s"
            if reading.silence_s > symbol.silence_limit_s:
                return (
                    f"{name} has been silent for {reading.silence_s:.1f} s, "
                    f"over {symbol.silence_limit_s} s"
                )
        return ""

    def _pull(self, window: Window, reason: str) -> None:
        runtime = self._runtime
        try:
            runtime.state.freeze(window.window_id, f"the sentry: {reason}", runtime.clock.now())
        except StoreError as error:
            reason = f"{reason}; the freeze could not be written: {error}"
        self._tell(f"{window.window_id}: pulling everything, {reason}")
        report = Pull(runtime.puller, window, runtime.clock).now("sentry")
        result = report.to_json(window) | {"reason": reason}
        runtime.state.put_part(window.window_id, "PULL-sentry", result)

    def _write_fixing(self, window: Window) -> None:
        for series in window.series:
            symbol = self._runtime.registry.series[series].symbol
            value = self._at_fixing.get((window.window_id, symbol))
            if value is not None:
                self._runtime.state.put_fixing(window.window_id, symbol, value.value, value.at)

    def _once(self, window: Window, what: str, act: Callable[[Window], Any]) -> None:
        if (window.window_id, what) not in self._done:
            self._done.add((window.window_id, what))
            act(window)

    def _pause(self) -> float:
        """Return the seconds to the next beat, shorter when a timer comes before it."""
        now = self._runtime.clock.now()
        timers = [(w.pull_at + _TIMER_GRACE - now).total_seconds() for w in self._windows]
        return min([BEAT_SECONDS, *(seconds for seconds in timers if seconds > 0)])

    def _in_session(self) -> bool:
        return self._session.open <= self._runtime.clock.now() < self._session.close

    def _over(self) -> bool:
        now = self._runtime.clock.now()
        return all((w.window_id, "fixing") in self._done for w in self._windows) or (
            now >= self._session.close + timedelta(minutes=1)
        )

    def _seed(self, key: str) -> None:
        """Take the day's minutes so far from the vendor's history: a restart loses nothing."""
        now = self._runtime.clock.now()
        if now <= self._session.open:
            return
        reader = MassiveReader(self._runtime.settings.require("feed_url"), key, self._runtime.clock)
        with contextlib.closing(reader):
            for watch in self.watches.values():
                try:
                    bars = reader.aggregates(watch.symbol.vendor_ticker, self._session.open, now)
                except (VenueError, DataError):
                    continue  # the meter starts empty, which the law treats as nothing known
                for bar in bars:
                    watch.seed(bar)

    async def _listen(self, key: str) -> None:
        tickers = {w.symbol.vendor_ticker: w.symbol.name for w in self.watches.values()}
        stream = IndexStream(
            self._runtime.settings.require("feed_ws_url"),
            key,
            tickers,
            self._runtime.clock,
            in_session=self._in_session,
        )
        async for event in stream.events():
            match event:
                case Value():
                    self.hear(event)
                case Alert(reason=reason) | Disconnected(reason=reason):
                    self._tell(f"index feed: {reason}")
                case _:
                    pass


async def watch(
    runtime: Runtime,
    windows: Sequence[Window],
    *,
    stopped: Callable[[], bool],
    tell: Callable[[str], object] = lambda _: None,
) -> None:
    """Watch ``windows``, all of one New York day, until they are over or ``stopped`` says so.

    ``tell`` is given a sentence for each thing an operator should know.
    """
    day = windows[0].fixing.astimezone(NEW_YORK).date()
    session = runtime.sessions.on(day)
    if session is None:
        return
    await Sentry(runtime, windows, session, tell).run(stopped)
