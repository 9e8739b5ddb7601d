"""Watch: the sentry. One index socket, a heartbeat a second, and every reason to pull.

It follows the index, measures how late and how silent the feed is on separate clocks, keeps the
books of the markets we rest in, and writes what it knows where every other step reads it. It pulls
a window's orders when the kill-switch is thrown or the window frozen, when the feed or our clock
breaks its limits in the last minute, and by its own timer at T-2 s; and it pulls a single quote
when the index has left that quote's fair band. It can list and cancel; it cannot place.

What decides runs in one loop that never waits: whatever reads a table or asks the venue does so in
a thread, so nothing slow stands between a value and a cancel.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from datetime import timedelta
from typing import Any

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.cloud.services import read_secret
from kalshi_alpha.cloud.state import KillSwitch
from kalshi_alpha.cloud.table import StoreError
from kalshi_alpha.errors import DataError, KalshiAlphaError, SecretError, VenueError
from kalshi_alpha.markets.sessions import Session
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.pricing.reading import Reading
from kalshi_alpha.steps import heartbeat
from kalshi_alpha.steps.capture import Recorder
from kalshi_alpha.steps.clocks import ClockWatch
from kalshi_alpha.steps.redaction import conceal
from kalshi_alpha.steps.removing import Remover
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.steps.symbol_watch import SymbolWatch
from kalshi_alpha.steps.venue_watch import VenueWatch
from kalshi_alpha.venues.massive.rest import MassiveReader
from kalshi_alpha.venues.massive.stream import Alert, Disconnected, IndexStream, Value

# How often, in seconds: heartbeats and the switch; our orders by listing; the marks of freezing.
BEAT_SECONDS, LISTING_SECONDS, FREEZE_SECONDS = 1.0, 3.0, 5.0
# How long to wait before a key that was refused is tried again.
REFUSED_SECONDS = 60.0
# How long a sentry that has stopped beating keeps another from taking its place.
HOLD_SECONDS = 10.0
# Our own timer fires after the armed cancel has had its round trip.
_TIMER_GRACE = timedelta(milliseconds=250)
# The value at the fixing is certain once values from after it have had time to arrive.
_FIXING_GRACE = timedelta(seconds=1)
_OPEN = KillSwitch(on=False, reason="")


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
        self._session = session
        names = {runtime.registry.series[s].symbol for w in windows for s in w.series}
        symbols = [runtime.registry.symbols[name] for name in sorted(names)]
        self.watches = {symbol.name: SymbolWatch(symbol, session) for symbol in symbols}
        store = runtime.artifacts if runtime.settings.artifacts else None
        self.recorder = Recorder(store, runtime.clock)
        self.venue = VenueWatch(runtime, self._windows, self.recorder, tell)
        self.remover = Remover(runtime, tell, self._gone, self.recorder.note)
        self._clocks = ClockWatch()
        self._switch = _OPEN
        self._frozen: dict[str, str] = {}  # why, by window id
        self._at_fixing: dict[tuple[str, str], Value] = {}
        self._done: set[tuple[str, str]] = set()  # (window, what) that happened once
        self._begun: set[tuple[str, str]] = set()  # what of that is under way
        self._me, self._replaced, self._held_at = uuid.uuid4().hex, False, 0.0
        self._gone_ids: list[str] = []
        self._capture_trouble = ""

    # --- the life of it ----------------------------------------------------------------------

    async def run(self, stopped: Callable[[], bool]) -> None:
        """Listen, beat and guard until ``stopped`` says so or the last window is over.

        Raises:
            SecretError: when the feed's key cannot be read.
        """
        if not await self._take_the_watch(stopped):
            self._tell("another sentry watches: leaving it to that one")
            return
        secret = self._runtime.settings.require("feed_secret")
        key = (await asyncio.to_thread(read_secret, secret)).get("api_key", "")
        conceal(key)
        await asyncio.to_thread(self._seed, key)
        # Pulls have threads of their own, so that no table that hangs can hold one up.
        pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="pull")
        self.remover.submit = pool.submit
        tasks = [asyncio.create_task(job) for job in self._jobs(key)]
        try:
            while not (stopped() or self._over() or self._replaced):
                for task in tasks:
                    if task.done():
                        task.result()  # one that ended for good has raised why
                self.guard()
                await self._runtime.clock.wait(self._pause())
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.to_thread(pool.shutdown)
            await asyncio.to_thread(self._leave)

    def _jobs(self, key: str) -> list[Coroutine[Any, Any, None]]:
        return [
            self._listen(key),
            self.venue.listen(),
            self._again(BEAT_SECONDS, self.beat),
            self._again(BEAT_SECONDS, self.read_switch),
            self._again(FREEZE_SECONDS, self.read_freezes),
            self._again(LISTING_SECONDS, self.list_orders),
        ]

    async def _again(self, seconds: float, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do a job for ever; what goes wrong is told and the next round may do better."""
        told = ""
        while True:
            try:
                await job()
                told = ""
            except KalshiAlphaError as error:
                if str(error) != told:  # once, not every second that it lasts
                    told = str(error)
                    self._tell(told)
            await self._runtime.clock.wait(seconds)

    async def _take_the_watch(self, stopped: Callable[[], bool]) -> bool:
        """Wait for a sentry that has died to lose its hold; a living one keeps it."""
        clock, patience = self._runtime.clock, HOLD_SECONDS + 5.0
        until = clock.monotonic() + patience
        while not await asyncio.to_thread(self._hold):
            if stopped() or clock.monotonic() >= until:
                return False
            await clock.wait(BEAT_SECONDS)
        return True

    def _hold(self) -> bool:
        now, self._held_at = self._runtime.clock.now(), self._runtime.clock.monotonic()
        try:
            return self._runtime.state.hold_watch(
                self._me, now, now + timedelta(seconds=HOLD_SECONDS)
            )
        except (
            StoreError
        ) as error:  # a table that does not answer must not leave us without a watch
            self._tell(f"whether another sentry watches is not known: {error}")
            return True

    def _leave(self) -> None:
        """Write what is left of the capture and let the next sentry in at once."""
        if trouble := self.recorder.flush(whole=True):
            self._tell(trouble)
        if not self._replaced:
            now = self._runtime.clock.now()
            with contextlib.suppress(StoreError):
                self._runtime.state.hold_watch(self._me, now, now)

    # --- what it hears -----------------------------------------------------------------------

    def hear(self, value: Value) -> None:
        """Take a value from the socket, and pull the quotes that it makes unfair."""
        watch, clock = self.watches.get(value.symbol), self._runtime.clock
        if watch is None:
            return
        heard_at = clock.monotonic()
        self.recorder.index(value.symbol, value.value, value.at, value.received_at)
        self._clocks.stamp(value.lag_s, heard_at)
        if not watch.hear(value, heard_at):
            # Too far to be believed, and yet: a quote can be had back, a fill cannot.
            self._drift(value.symbol, watch.reading_at(value, clock.now(), heard_at), heard_at)
            return
        for window in self._windows:
            if value.at <= window.fixing:
                self._at_fixing[(window.window_id, value.symbol)] = value
        self._drift(value.symbol, watch.reading(clock.now(), heard_at), heard_at)

    async def _listen(self, key: str) -> None:
        """Follow the index for ever; a refused key leaves the other reasons to pull at work."""
        while True:
            try:
                await self._follow_index(key)
            except SecretError as error:
                self._tell(f"index feed: {error}")
            await self._runtime.clock.wait(REFUSED_SECONDS)

    async def _follow_index(self, key: str) -> None:
        tickers = {w.symbol.vendor_ticker: w.symbol.name for w in self.watches.values()}
        stream = IndexStream(
            self._runtime.settings.require("feed_ws_url"),
            key,
            tickers,
            self._runtime.clock,
            in_session=self._in_session,
        )
        async with aclosing(stream.events()) as events:
            async for event in events:
                match event:
                    case Value():
                        self.hear(event)
                    case Alert(reason=reason) | Disconnected(reason=reason):
                        self.recorder.note("index socket", reason=reason)
                        self._tell(f"index feed: {reason}")
                    case _:
                        pass

    # --- what it reads and writes, in threads ------------------------------------------------

    async def beat(self) -> None:
        """Write the heartbeats, hold the watch, and pack what was heard."""
        items = self._items()
        await asyncio.to_thread(self._write_beat, items)

    def _write_beat(self, items: dict[str, dict[str, object]]) -> None:
        if self._runtime.clock.monotonic() - self._held_at >= HOLD_SECONDS / 3 and not self._hold():
            self._replaced = True
            self._tell("another sentry has taken over: leaving it to that one")
            return
        trouble = self.recorder.flush()
        if trouble and trouble != self._capture_trouble:
            self._tell(trouble)
        self._capture_trouble = trouble
        for symbol, item in items.items():
            self._runtime.state.put_heartbeat(symbol, item)

    def _items(self) -> dict[str, dict[str, object]]:
        clock, found = self._runtime.clock, {}
        for name, watch in self.watches.items():
            now, monotonic = clock.now(), clock.monotonic()
            reading = watch.reading(now, monotonic)
            if reading is not None:
                found[name] = heartbeat.to_item(
                    reading,
                    now,
                    delayed=watch.delayed,
                    clock_offset_s=self._clocks.offset(monotonic),
                    books=self.venue.tops(name, self._active()),
                )
        return found

    async def read_switch(self) -> None:
        """Read the kill-switch while a window may have orders."""
        if self._active():
            self._switch = await asyncio.to_thread(self._runtime.state.kill_switch)
            self.guard()

    async def read_freezes(self) -> None:
        """Read which windows are frozen: nothing may rest in them, whoever froze them."""
        for window in self._active():
            reason = await asyncio.to_thread(self._runtime.state.frozen, window.window_id)
            if reason:
                self._frozen.setdefault(window.window_id, reason)

    async def list_orders(self) -> None:
        """List what rests in each window that may have orders."""
        for window in self._active():
            take = await asyncio.to_thread(self.venue.look, window)
            take()

    # --- what it decides, in the loop --------------------------------------------------------

    def guard(self) -> None:
        """Look at every reason to pull. Never waits."""
        clock = self._runtime.clock
        if step := self._clocks.tick(clock.now(), clock.monotonic()):
            self._tell(f"our clock stepped by {step:+.3f} s")
        gone, self._gone_ids = self._gone_ids, []
        for order_id in gone:
            self.venue.resting.gone(order_id, clock.monotonic())
        for window in self._windows:
            self._guard(window)
        for name, watch in self.watches.items():
            now = clock.monotonic()
            self._drift(name, watch.reading(clock.now(), now), now)

    def _guard(self, window: Window) -> None:
        now, name = self._runtime.clock.now(), window.window_id
        if now >= window.fixing + _FIXING_GRACE:
            self._once(window, "fixing", lambda: self._write_fixing(window))
        if not window.make_at <= now < window.fixing:
            return
        found = self._reason(window)
        if found is None:
            return
        word, reason = found
        orders = self.venue.resting.orders(window)
        # Once for each reason; again while something rests: it came back, or would not go.
        if (name, word) not in self._done or orders:
            self._done |= {(name, word), (name, "frozen")}
            self._frozen.setdefault(name, reason)
            self.remover.window(window, reason, orders)

    def _reason(self, window: Window) -> tuple[str, str] | None:
        """Return why nothing may rest in the window now: a word and a sentence."""
        now = self._runtime.clock.now()
        if now >= window.pull_at + _TIMER_GRACE:
            return "timer", "its own timer at T-2 s"
        if self._switch.on:
            return "kill", f"kill-switch: {self._switch.reason}"
        if window.window_id in self._frozen:
            return "frozen", self._frozen[window.window_id]
        if now >= window.strict_at and (broken := self._broken(window)):
            return "strict", broken
        for order in self.venue.resting.orders(window):
            if self.remover.tried_enough(order.order_id):
                return "drift", f"{order.ticker} left its fair band and would not go by name"
        return None

    def _broken(self, window: Window) -> str:
        """Return which limit of the last minute is broken, or an empty text."""
        clock = self._runtime.clock
        now, monotonic = clock.now(), clock.monotonic()
        names = {self._runtime.registry.series[s].symbol for s in window.series}
        found = (self.watches[name].broken(now, monotonic) for name in sorted(names))
        return next((text for text in found if text), "") or self._clocks.broken(monotonic)

    def _drift(self, symbol: str, reading: Reading | None, heard_at: float) -> None:
        """Pull each quote on ``symbol`` that is outside its fair band at ``reading``."""
        if reading is None:
            return
        now = self._runtime.clock.now()
        for window in self._active():
            orders = self.venue.resting.orders(window)
            for bands in self.venue.bands.get(window.window_id, ()) if orders else ():
                if bands.series.symbol != symbol:
                    continue
                try:
                    found = bands.drifted(reading, orders, self.venue.book, now)
                except DataError as error:
                    self._tell(f"{window.window_id}: no fair band: {error}")
                    continue
                for drifted in found:
                    self.remover.quote(window, drifted, heard_at)

    def _gone(self, order_id: str) -> None:
        self._gone_ids.append(order_id)  # from a pull's thread; the loop takes it in

    def _write_fixing(self, window: Window) -> None:
        for series in window.series:
            symbol = self._runtime.registry.series[series].symbol
            value = self._at_fixing.get((window.window_id, symbol))
            if value is not None:
                self._runtime.state.put_fixing(window.window_id, symbol, value.value, value.at)

    def _once(self, window: Window, what: str, action: Callable[[], None]) -> None:
        """Do something in a thread; it is done when it went well, else it is done again."""
        mark = (window.window_id, what)
        if mark in self._done or mark in self._begun:
            return
        self._begun.add(mark)

        def act() -> None:
            try:
                action()
                self._done.add(mark)
            except StoreError as error:
                self._tell(f"{window.window_id}: {error}")
            finally:
                self._begun.discard(mark)

        self.remover.submit(act)

    # --- when --------------------------------------------------------------------------------

    def _active(self) -> list[Window]:
        now = self._runtime.clock.now()
        return [window for window in self._windows if window.make_at <= now < window.fixing]

    def _pause(self) -> float:
        """Return the seconds to the next look, shorter when a timer comes before it."""
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
