"""Momentum: the long-lived process of one city group, in the sentry's mould.

One socket carries the books and the trades of the day's brackets. Whatever comes in changes what is
wanted at once; whatever reads a table or asks the venue does so in a thread. It reads the
kill-switch every second, takes everything out of the book when the switch is thrown, a stretch is
frozen or the stream is lost, and ends by itself when trading in its climate day does. In shadow it
decides and records, and places nothing: no placer is ever opened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from datetime import date, datetime, timedelta
from typing import Any, Protocol, TypeVar

import msgspec

from kalshi_alpha.clock import iso
from kalshi_alpha.cloud.metrics import OF_MOMENTUM
from kalshi_alpha.cloud.table import StoreError
from kalshi_alpha.errors import (
    DataError,
    InvariantBroken,
    KalshiAlphaError,
    KillSwitchOn,
    ParameterError,
)
from kalshi_alpha.markets.capture import NOTE, VENUE
from kalshi_alpha.markets.climate_day import ClimateDay
from kalshi_alpha.markets.orders import PublicTrade, Side
from kalshi_alpha.markets.units import price_from_text, size_from_text
from kalshi_alpha.momentum.events import Halted, Looked, Quoted, Resumed, Ticked, Unheard
from kalshi_alpha.momentum.inventory import Feed
from kalshi_alpha.momentum.strategy import Learned
from kalshi_alpha.momentum.terms import StrategyTerms
from kalshi_alpha.steps.capture import Recorder
from kalshi_alpha.steps.holding import Hold
from kalshi_alpha.steps.momentum_event import MomentumEvent, read_listing
from kalshi_alpha.steps.momentum_runtime import MomentumRuntime
from kalshi_alpha.venues.kalshi.keeper import BookChanged
from kalshi_alpha.venues.kalshi.stream import (
    BooksStale,
    BookStream,
    Opened,
    OrderChanged,
    TradeSeen,
)

# Seconds between: looks at the switch and the clock; beats; records; weather; listings.
TICK_SECONDS, BEAT_SECONDS, KEEP_SECONDS = 1.0, 5.0, 60.0
WEATHER_SECONDS, SYNC_SECONDS = 300.0, 30.0
_AHEAD_S = 60.0  # a stamp further off than this is no stamp of a live stream

T = TypeVar("T")
Tell = Callable[[str], object]
Aside = Callable[..., Awaitable[Any]]


class Sky(Protocol):
    """Where the weather of an event comes from; it may wait for the network."""

    def look(self, event: MomentumEvent, now: datetime) -> Looked | None:
        """Return what is known now, None when nothing new is."""
        ...


class _TradeMessage(msgspec.Struct, frozen=True):
    trade_id: str
    market_ticker: str
    yes_price_dollars: str
    count_fp: str
    taker_book_side: str = ""
    taker_outcome_side: str = ""
    ts_ms: int = 0
    is_block_trade: bool = False


class MomentumWatch:
    """The process.

    Args:
        runtime: its stores and the venue.
        group: the city group.
        day: the climate day.
        terms: of the strategy.
        sky: the weather.
        tell: is given a sentence for each thing an operator should know.
        shadow: decide and record only.
        aside: how what waits is done: in a thread; at once where time is virtual.
    """

    def __init__(
        self,
        runtime: MomentumRuntime,
        group: str,
        day: ClimateDay,
        terms: StrategyTerms,
        sky: Sky,
        *,
        tell: Tell = lambda _: None,
        shadow: bool = False,
        aside: Aside = asyncio.to_thread,
    ) -> None:
        self.runtime, self.group, self.day, self.terms = runtime, group, day, terms
        self.sky, self.shadow = sky, shadow
        self._tell, self._aside = tell, aside
        store = runtime.artifacts if runtime.settings.artifacts else None
        self.recorder = Recorder(store, runtime.clock)
        self.hold = Hold(runtime, tell, f"MOMENTUM#{group}")
        self.events: dict[str, MomentumEvent] = {}  # by ticker of their markets
        self.each: list[MomentumEvent] = []
        self.frames = 0
        self._connected, self._stale, self._ahead = False, set[str](), 0.0
        self._one = asyncio.Lock()  # for whatever asks the venue of our orders; a pull never waits
        self._work = asyncio.Event()
        self._touched = asyncio.Event()

    # --- the life of it ----------------------------------------------------------------------

    async def run(self, stopped: Callable[[], bool]) -> None:
        """Listen, decide and quote until ``stopped`` says so or trading is over.

        Raises:
            SecretError: when the key cannot be read or is not accepted.
        """
        if not await self.hold.take(stopped):
            return
        await self._aside(self.begin)
        if not self.events:
            self._tell(f"no event of {self.group} on {self.day.date} can be quoted")
            self.hold.release()
            return
        tasks = [asyncio.create_task(job) for job in self._jobs()]
        try:
            while not (stopped() or self.over() or self.hold.lost):
                for task in tasks:
                    if task.done():
                        task.result()  # one that ended for good has raised why
                await self.tick()
                await self.runtime.clock.wait(TICK_SECONDS)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._aside(self.leave)

    def _jobs(self) -> list[Coroutine[Any, Any, None]]:
        return [
            self._listen(),
            self._work_on(),
            self._again(BEAT_SECONDS, self.beat),
            self._again(KEEP_SECONDS, self.keep),
            self._again(WEATHER_SECONDS, self.look),
            self._again(SYNC_SECONDS, self.sync),
        ]

    def begin(self) -> None:
        """Read the listings, and go on from where an earlier process of the day has stopped."""
        learned = self._learned()
        for series in self.runtime.temperatures.series_of(self.group):
            try:
                listed = read_listing(self.runtime, series, self.day)
                event = MomentumEvent(
                    self.runtime, series, self.day, listed, self.terms, self.shadow, learned
                )
                event.resume()
                event.take(event.recall())
            except KalshiAlphaError as error:
                self._tell(f"{series}: left alone today: {error}")
                continue
            self.each.append(event)
            self.events |= dict.fromkeys(event.brackets.tickers, event)
        self._stale = set(self.events)

    def _learned(self) -> Learned:
        """Return what past days taught; what is missing is done without, and told."""
        runtime = self.runtime
        return Learned(
            self.day.start.timestamp(),
            self._read(runtime.pool, "beliefs are the filter's alone"),
            self._read(runtime.horizons, "no signal is asked which way the minute goes") or {},
            self._read(runtime.odds, "fills are taken to cost nothing"),
        )

    def _read(self, read: Callable[[date], T], without: str) -> T | None:
        """Return what was fitted for the day; what is not to be had is told, and None."""
        try:
            found = read(self.day.date)
        except (ParameterError, StoreError) as error:
            self._tell(f"{without}: {error}")
            return None
        if not found:
            self._tell(f"{without}: nothing was ever fitted")
        return found

    def leave(self) -> None:
        """Take out what rests, keep what was decided, and let the next process in at once."""
        for event in self.each:
            try:
                self._pull(event, "the process ends")
                event.take(event.sync())
            except KalshiAlphaError as error:
                self._tell(f"{event.name}: {error}")
            self._write(event.packed())
        if trouble := self.recorder.flush(whole=True):
            self._tell(trouble)
        self.hold.release()

    def health(self) -> dict[str, float]:
        """Return the metrics of the process; nothing before it has begun."""
        if not self.each:
            return {}
        wanted = sum(len(event.turn.wanted) for event in self.each)
        pulls = sum(event.counts["pulls"] for event in self.each)
        found = (self.frames, len(self._stale), wanted, pulls)
        return {name: float(value) for name, value in zip(OF_MOMENTUM, found, strict=True)}

    def over(self) -> bool:
        """Say whether trading in every event has ended."""
        now = self.runtime.clock.now()
        return all(now >= event.listed.closes_at for event in self.each)

    async def _again(self, seconds: float, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do a job for ever; what goes wrong is told and the next round may do better."""
        told = ""
        while True:
            try:
                await job()
                told = ""
            except KalshiAlphaError as error:
                if str(error) != told:
                    told = str(error)
                    self._tell(told)
            await self.runtime.clock.wait(seconds)

    # --- what it hears -----------------------------------------------------------------------

    async def _listen(self) -> None:
        runtime = self.runtime
        credentials = await self._aside(runtime.credentials)
        stream = BookStream(
            runtime.settings.require("venue_ws_url"),
            runtime.clock,
            credentials,
            self.events,
            own=not self.shadow,
            tape=True,
            note=self.frame,
        )
        async with aclosing(stream.events()) as events:
            async for event in events:
                self.hear(event)

    def frame(self, text: str, at: datetime) -> None:
        """Keep a frame as it came."""
        self.frames += 1
        self.recorder.hear(VENUE, text, at)

    def trade(self, trade: PublicTrade, heard_at: datetime) -> None:
        """Tell the trade's event of it."""
        self._ahead = (trade.at - heard_at).total_seconds()
        event = self.events[trade.ticker]
        if event.touches(trade):
            self._touched.set()
        self._told(event.traded(trade, heard_at))

    def hear(self, heard: object) -> None:
        """Take what the stream says of the books and of our orders."""
        at = self.runtime.clock.now().timestamp()
        match heard:
            case BookChanged(ticker=ticker, top=top):
                self._connected = True  # after a gap there is no opening: snapshots come instead
                self._stale.discard(ticker)
                event = self.events[ticker]
                self._told(event.take(Quoted(at, event.brackets.place(ticker), top)))
            case BooksStale(tickers=tickers, reason=reason):
                self._connected &= set(tickers) != set(self.events)
                self._lost(at, tickers, reason)
            case Opened():
                self._connected = True
            case OrderChanged():
                self._touched.set()
            case TradeSeen(frame=frame):
                self._traded(frame)
            case _:
                pass

    def _traded(self, frame: Mapping[str, Any]) -> None:
        at = self.runtime.clock.now()
        try:
            trade = trade_in(frame, at)
        except DataError as error:
            self._tell(str(error))
            return
        if trade is not None and trade.ticker in self.events:
            self.trade(trade, at)

    def _lost(self, at: float, tickers: Sequence[str], reason: str) -> None:
        self.recorder.note("books stale", reason=reason)
        self._tell(f"books: {reason}")
        self._stale |= set(tickers)
        for event in self.each:
            places = tuple(event.brackets.place(t) for t in tickers if t in event.brackets.tickers)
            if places:
                self._told(event.take(Unheard(at, places, reason)))

    def _told(self, changed: bool) -> None:
        if changed:
            self._work.set()

    # --- what it looks at --------------------------------------------------------------------

    async def tick(self) -> None:
        """Let time pass for every event, read the switch, and pull what has to go."""
        switch = await self._aside(self.runtime.state.kill_switch)
        at = self.runtime.clock.now().timestamp()
        feed = Feed(self._connected, 0.0, bool(self._stale), self._off())
        for event in self.each:
            if switch.on:
                self._told(event.take(Halted(at, f"the kill-switch is on: {switch.reason}")))
            elif frozen := await self._aside(self._frozen, event):
                self._told(event.take(Halted(at, frozen, final=True)))
            elif event.strategy.halted:
                event.take(Resumed(at))
            self._told(event.take(Ticked(at, feed)))
            if event.turn.pull and event.rests:
                await self._aside(self._out, event, event.turn.pull)
            event.note_minute()
            if event.behind or event.unseen:
                self._work.set()

    def _out(self, event: MomentumEvent, reason: str) -> None:
        """Take everything out of the book; the next second tries again what could not be done."""
        try:
            self._pull(event, reason)
        except KalshiAlphaError as error:
            self._tell(f"{event.name}: {error}")

    def _off(self) -> float:
        """Return by how much the venue's stamps are ahead; an old trade is no sign of it."""
        return self._ahead if 0.0 < self._ahead < _AHEAD_S else 0.0

    def _frozen(self, event: MomentumEvent) -> str:
        """Return why nothing of an event may be quoted any more today, or an empty text."""
        now = self.runtime.clock.now()
        stretch = event.stretch(now)
        if stretch is None:
            return ""
        try:
            if frozen := self.runtime.state.frozen(stretch.window_id):
                return f"frozen: {frozen}"
            cooling = self.runtime.state.cooling_off(event.series, now)
        except StoreError as error:
            return f"whether it is frozen cannot be read: {error}"
        return "" if cooling is None else f"cooling off: {cooling.reason}"

    async def look(self) -> None:
        """Ask for the weather of every event."""
        for event in self.each:
            seen = await self._aside(self.sky.look, event, self.runtime.clock.now())
            if seen is not None:
                self._told(event.take(seen))

    # --- what it does ------------------------------------------------------------------------

    async def _work_on(self) -> None:
        """Carry out what is wanted, one event after the other, at most once a second."""
        while True:
            await self._work.wait()
            self._work.clear()
            for event in self.each:
                if event.behind or event.unseen:
                    await self._carry_out(event)
            if self._touched.is_set():
                self._touched.clear()
                await self._synced()
            await self.runtime.clock.wait(TICK_SECONDS)

    async def _carry_out(self, event: MomentumEvent) -> None:
        try:
            async with self._one:
                await self._aside(event.carry_out)
                event.take(await self._aside(event.sync))
        except KillSwitchOn as error:
            event.take(Halted(self.runtime.clock.now().timestamp(), str(error)))
        except InvariantBroken as error:
            self._tell(f"{event.name}: stopped for the day: {error}")
            event.take(Halted(self.runtime.clock.now().timestamp(), str(error), final=True))
        except KalshiAlphaError as error:
            self._tell(f"{event.name}: {error}")

    async def sync(self) -> None:
        """Take in what has become of our orders, where any may rest."""
        await self._synced()

    async def _synced(self) -> None:
        for event in self.each:
            if event.rests or event.unsettled:
                async with self._one:
                    held = await self._aside(event.sync)
                self._told(event.take(held))

    def _pull(self, event: MomentumEvent, reason: str) -> None:
        if not event.rests:
            return
        self._tell(f"{event.name}: pulling everything, {reason}")
        self.recorder.hear(NOTE, '{"what":"pull"}', self.runtime.clock.now())
        event.pull(reason)

    async def beat(self) -> None:
        """Hold the watch and say how it is."""
        if not await self._aside(self.hold.renew):
            return
        now = self.runtime.clock.now()
        doc = {
            "written_at": iso(now),
            "group": self.group,
            "shadow": self.shadow,
            "connected": self._connected,
            "stale": len(self._stale),
            "frames": self.frames,
            "events": {event.name: len(event.turn.wanted) for event in self.each},
        }
        name = f"momentum-{self.group}"
        await self._aside(self.runtime.state.put_heartbeat, name, doc)

    async def keep(self) -> None:
        """Write snapshots, records and the capture."""
        for event in self.each:
            await self._aside(self._write, event.packed())
        if trouble := await self._aside(self.recorder.flush):
            self._tell(trouble)

    def _write(self, files: Mapping[str, bytes]) -> None:
        try:
            for key, data in files.items():
                self.runtime.artifacts.write(key, data)
        except (StoreError, OSError) as error:
            self._tell(f"records could not be written: {error}")


def trade_in(frame: Mapping[str, Any], heard_at: datetime) -> PublicTrade | None:
    """Return the public trade in a frame, None for one that was agreed on elsewhere.

    Raises:
        DataError: when it cannot be read.
    """
    try:
        said = msgspec.convert(frame.get("msg"), _TradeMessage)
    except msgspec.ValidationError as error:
        raise DataError(f"a public trade cannot be read: {error}") from None
    if said.is_block_trade:
        return None  # agreed on elsewhere: it took nothing from the book
    side = {"bid": Side.BID, "ask": Side.ASK, "yes": Side.BID, "no": Side.ASK}.get(
        said.taker_book_side or said.taker_outcome_side
    )
    if side is None:
        raise DataError(f"the trade {said.trade_id[:40]} does not say what its taker bought")
    at = heard_at
    if said.ts_ms > 0:
        at = datetime.fromtimestamp(0, heard_at.tzinfo) + timedelta(milliseconds=said.ts_ms)
    return PublicTrade(
        said.trade_id,
        said.market_ticker,
        price_from_text(said.yes_price_dollars),
        size_from_text(said.count_fp),
        side,
        at,
    )
