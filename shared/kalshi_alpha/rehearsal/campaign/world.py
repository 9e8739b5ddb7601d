"""The twin on virtual time: exchange, index feed, the crowd, and one who takes what we quote."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, TypeVar

import httpx

from kalshi_alpha.errors import InvariantBroken
from kalshi_alpha.markets.units import CASH_UNIT
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.rehearsal.campaign.loopback import Loopback
from kalshi_alpha.rehearsal.campaign.threads import Threads
from kalshi_alpha.rehearsal.campaign.virtual import VirtualClock, VirtualLoop
from kalshi_alpha.rehearsal.exchange.engine import Engine, Rejected, Ticket
from kalshi_alpha.rehearsal.exchange.listing import list_event
from kalshi_alpha.rehearsal.exchange.participants import Crowd, shipped_calibration
from kalshi_alpha.rehearsal.exchange.server import MEMBER, ExchangeServer
from kalshi_alpha.rehearsal.feed import FeedServer
from kalshi_alpha.rehearsal.path import DayPath, load_day

T = TypeVar("T")

STRIKES = 15  # of each ladder: the ones near the index, where quotes are
TAKER = "taker"
_FIVE_SECONDS = 5.0
_SLOW, _FAST = 2.0, 0.5  # virtual seconds between two steps of the others


class BentPath:
    """A day's path that can be made to jump or to stand still."""

    def __init__(self, path: DayPath) -> None:
        self._path = path
        self.factor_from: tuple[datetime, datetime, float] | None = None
        self.frozen_from: datetime | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._path, name)

    def value_at(self, instant: datetime) -> float | None:
        """Return the value, bent."""
        if self.frozen_from is not None:
            instant = min(instant, self.frozen_from)
        value = self._path.value_at(instant)
        if value is None:
            return None
        if self.frozen_from is None:  # the vendor is silent about what has not changed
            value = round(value + 0.01 * (int(instant.timestamp()) % 2), 2)
        if self.factor_from is not None:
            begins, ends, factor = self.factor_from
            value = round(value * factor, 2) if begins <= instant < ends else value
        return value


class Hunter:
    """Somebody who takes our quotes, whole or in part, whether or not that is wise."""

    def __init__(self, engine: Engine, rng: Random) -> None:
        self._engine, self._rng, self.appetite = engine, rng, 0.15
        engine.open_account(TAKER, 1_000_000 * CASH_UNIT)

    def step(self, appetite: float | None = None) -> None:
        """Take something of each of our orders, with the probability of the appetite."""
        wanted = self.appetite if appetite is None else appetite
        for order in self._engine.resting(MEMBER):
            if self._rng.random() >= wanted:
                continue
            size = self._rng.choice((order.remaining, self._rng.randint(1, order.remaining)))
            ticket = Ticket(
                order.ticker,
                order.side.other,
                order.price,
                size,
                time_in_force="immediate_or_cancel",
            )
            with suppress(Rejected):
                self._engine.create(TAKER, ticket)


class _Exchange(ExchangeServer):
    """The exchange with its ticking on virtual time: each whole second, when expiries are due."""

    async def _tick(self) -> None:
        while True:
            now = self.engine.advance()
            await self.clock.wait(1.0 - now.microsecond / 1e6)


class World:
    """Everything outside of us, for one window, in a thread of its own."""

    def __init__(self, clock: VirtualClock, threads: Threads, window: Window, seed: int) -> None:
        self.clock, self.window, self._threads = clock, window, threads
        day: date = window.day
        self.paths = {s: BentPath(load_day(s, day, seed=seed % 4)) for s in ("SPX", "NDX")}
        self.exchange = _Exchange(
            clock,
            path_value=lambda symbol, at: self.paths[symbol].value_at(at),
            seed=seed,
            crowd=False,
            key_kind="ed25519",
        )
        self.engine = self.exchange.engine
        self.feed = FeedServer(clock, self.paths, seed=seed)
        rng = Random(f"world-{seed}")
        self.hunter = Hunter(self.engine, rng)
        self._crowd = Crowd(
            self.engine,
            lambda symbol, at: self.paths[symbol].value_at(at),
            seed,
            shipped_calibration(),
        )
        self.loop = VirtualLoop(clock)
        self._thread = threads.Thread(target=self._serve, name="world", daemon=True)
        self._task: asyncio.Task[None] | None = None
        self._doors: dict[int, Loopback] = {}

    def start(self) -> None:
        """List the window's events and serve."""
        for series in self.window.series:
            symbol = "SPX" if "INX" in series else "NDX"
            level = self.paths[symbol].value_at(self.clock.now())
            if level is None:
                raise InvariantBroken(f"{symbol} has no value at {self.clock.now()}")
            opened = self.clock.now() - timedelta(minutes=30)
            for market in list_event(
                series, self.window.fixing, level, strikes=STRIKES, open_at=opened
            ):
                self.engine.list_market(market)
        self._thread.start()
        self._await(self._open())
        for server in (self.exchange, self.feed):
            port = int(str(server.ready()["rest"]).split(":")[2].partition("/")[0])
            runner: Any = server._runner  # noqa: SLF001
            self._doors[port] = Loopback(runner.app, self.loop)

    def stop(self) -> None:
        """Stop serving."""
        self._await(self._close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Have the exchange or the feed answer a request, by its port."""
        return self._doors[request.url.port or 0].answer(request)

    def begin(self, job: Coroutine[Any, Any, object]) -> None:
        """Start something on the world's loop."""
        asyncio.run_coroutine_threadsafe(job, self.loop)

    def _await(self, job: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(job, self.loop)
        over = self._threads.Event()
        future.add_done_callback(lambda _: over.set())
        over.wait()
        return future.result(0)

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()

    async def _open(self) -> None:
        await self.exchange.start(0)
        await self.feed.start(0)
        self._task = asyncio.create_task(self._others())

    async def _close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.feed.stop()
        await self.exchange.stop()

    async def _others(self) -> None:
        hunted = self.clock.now()
        while True:
            now = self.clock.now()
            self._crowd.step()
            if now - hunted >= timedelta(seconds=_FIVE_SECONDS):
                hunted = now
                self.hunter.step()
            last_minute = timedelta(0) < self.window.fixing - now < timedelta(seconds=60)
            await self.clock.wait(_FAST if last_minute else _SLOW)
