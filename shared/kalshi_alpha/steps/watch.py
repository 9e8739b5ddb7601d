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
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from datetime import timedelta
from typing import Any

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.cloud.services import read_secret
from kalshi_alpha.cloud.table import StoreError
from kalshi_alpha.errors import DataError, KalshiAlphaError, SecretError, VenueError
from kalshi_alpha.markets.sessions import Session
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.steps import heartbeat
from kalshi_alpha.steps.capture import Recorder
from kalshi_alpha.steps.guarding import TIMER_GRACE, Guard
from kalshi_alpha.steps.holding import Hold
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
# The value at the fixing is certain once values from after it have had time to arrive.
_FIXING_GRACE = timedelta(seconds=1)


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
        self.hold = Hold(runtime, tell)
        self.venue = VenueWatch(runtime, self._windows, self.recorder, tell)
        self.remover = Remover(runtime, tell, self._gone, self.recorder.note)
        self._guard = Guard(runtime, self._windows, self.watches, self.venue, self.remover, tell)
        self._at_fixing: dict[tuple[str, str], Value] = {}
        self._written: set[str] = set()  # windows whose fixing is in the table
        self._writing: set[str] = set()
        self._gone_ids: list[str] = []
        self._capture_trouble = ""

    # --- the life of it ----------------------------------------------------------------------

    async def run(self, stopped: Callable[[], bool]) -> None:
        """Listen, beat and guard until ``stopped`` says so or the last window is over.

        Raises:
            SecretError: when the feed's key cannot be read.
        """
        if not await self.hold.take(stopped):
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
            while not (stopped() or self._over() or self.hold.lost):
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

    def _leave(self) -> None:
        """Write what is left of the capture and let the next sentry in at once."""
        if trouble := self.recorder.flush(whole=True):
            self._tell(trouble)
        self.hold.release()

    # --- what it hears -----------------------------------------------------------------------

    def hear(self, value: Value) -> None:
        """Take a value from the socket, and pull the quotes that it makes unfair."""
        watch, clock = self.watches.get(value.symbol), self._runtime.clock
        if watch is None:
            return
        heard_at = clock.monotonic()
        self.recorder.index(value.symbol, value.value, value.at, value.received_at)
        self._guard.clocks.stamp(value.lag_s, heard_at)
        if not watch.hear(value, heard_at):
            # Too far to be believed, and yet: a quote can be had back, a fill cannot.
            self._guard.drift(
                value.symbol, watch.reading_at(value, clock.now(), heard_at), heard_at
            )
            return
        for window in self._windows:
            if value.at <= window.fixing:
                self._at_fixing[(window.window_id, value.symbol)] = value
        self._guard.drift(value.symbol, watch.reading(clock.now(), heard_at), heard_at)

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
        self.recorder.beat(items)
        await asyncio.to_thread(self._write_beat, items)

    def _write_beat(self, items: dict[str, dict[str, object]]) -> None:
        if not self.hold.renew():
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
                    clock_offset_s=self._guard.clocks.offset(monotonic),
                    books=self.venue.tops(name, self._guard.active()),
                )
        return found

    async def read_switch(self) -> None:
        """Read the kill-switch while a window may have orders."""
        if self._guard.active():
            self._guard.switch = await asyncio.to_thread(self._runtime.state.kill_switch)
            self.guard()

    async def read_freezes(self) -> None:
        """Read which windows are frozen: nothing may rest in them, whoever froze them."""
        for window in self._guard.active():
            reason = await asyncio.to_thread(self._runtime.state.frozen, window.window_id)
            if reason:
                self._guard.frozen.setdefault(window.window_id, reason)

    async def list_orders(self) -> None:
        """List what rests in each window that may have orders."""
        for window in self._guard.active():
            take = await asyncio.to_thread(self.venue.look, window)
            take()

    # --- what it decides, in the loop --------------------------------------------------------

    def guard(self) -> None:
        """Look at every reason to pull, and at which fixings are known. Never waits."""
        clock = self._runtime.clock
        gone, self._gone_ids = self._gone_ids, []
        for order_id in gone:
            self.venue.resting.gone(order_id, clock.monotonic())
        self._guard.look()
        for window in self._windows:
            if clock.now() >= window.fixing + _FIXING_GRACE:
                self._keep_fixing(window)

    def _gone(self, order_id: str) -> None:
        self._gone_ids.append(order_id)  # from a pull's thread; the loop takes it in

    def _keep_fixing(self, window: Window) -> None:
        """Write the fixing's values in a thread, again when it failed, once when it went well."""
        name = window.window_id
        if name in self._written or name in self._writing:
            return
        self._writing.add(name)

        def write() -> None:
            try:
                self._write_fixing(window)
                self._written.add(name)
            except StoreError as error:
                self._tell(f"{name}: {error}")
            finally:
                self._writing.discard(name)

        self.remover.submit(write)

    def _write_fixing(self, window: Window) -> None:
        for series in window.series:
            symbol = self._runtime.registry.series[series].symbol
            value = self._at_fixing.get((window.window_id, symbol))
            if value is not None:
                self._runtime.state.put_fixing(window.window_id, symbol, value.value, value.at)

    # --- when --------------------------------------------------------------------------------

    def _pause(self) -> float:
        """Return the seconds to the next look, shorter when a timer comes before it."""
        now = self._runtime.clock.now()
        timers = [(w.pull_at + TIMER_GRACE - now).total_seconds() for w in self._windows]
        return min([BEAT_SECONDS, *(seconds for seconds in timers if seconds > 0)])

    def _in_session(self) -> bool:
        return self._session.open <= self._runtime.clock.now() < self._session.close

    def _over(self) -> bool:
        now = self._runtime.clock.now()
        return all(window.window_id in self._written for window in self._windows) or (
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
                self.recorder.bars(watch.symbol.name, bars)
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
