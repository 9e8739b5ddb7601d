"""The index vendor on loopback: its REST answers and its WebSocket, in its wire format.

Values are published once a clock second; above 8x, every 0.05 real second with the newest one.
A value that has not changed is not published again, as at the vendor.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from aiohttp import WSMsgType, web

from kalshi_alpha.clock import NEW_YORK, Clock, SystemClock
from kalshi_alpha.rehearsal.aggregates import base_rows, midnight
from kalshi_alpha.rehearsal.feed_rest import Rest, milliseconds
from kalshi_alpha.rehearsal.path import Bar, IndexPath, WallPath, load_day

WS_PATH = "/indices"
FASTEST_BY_SECOND = 8.0  # clock seconds a real one up to which each second is published
ABNORMAL = 1006  # no close frame: the connection is cut

# Where inside its second a value goes out: the last one before a full hour is its second's own.
_PHASE = 0.3
_FAST_PAUSE = 0.03  # real seconds: at the fastest, well inside the silence the stream allows
_HEARTBEAT_S = 30.0
_LONGEST_GAP = timedelta(minutes=2)  # a clock laid anew: what lies between was never played
_SECOND, _MINUTE = timedelta(seconds=1), timedelta(minutes=1)
_CHANNEL = re.compile(r"(V|A|AM)\.(\*|I:[A-Z0-9]+)")


@dataclass(eq=False, slots=True)
class Connection:
    """One socket, and the channels it holds once it has said its key."""

    socket: web.WebSocketResponse
    request: web.Request
    allowed: bool = False
    channels: set[str] = field(default_factory=set)

    async def send(self, *events: Mapping[str, Any]) -> None:
        """Send one frame; a socket that has gone is not an error here."""
        with contextlib.suppress(ConnectionError):
            await self.socket.send_str(json.dumps(events))

    async def say(self, status: str, message: str) -> None:
        """Send one status."""
        await self.send({"ev": "status", "status": status, "message": message})

    async def close(self, code: int) -> None:
        """Close with ``code``; 1006 cuts the connection instead."""
        if code == ABNORMAL:
            if self.request.transport is not None:
                self.request.transport.abort()
            return
        await self.socket.close(code=code)

    def holds(self, channel: str, ticker: str) -> bool:
        """Say whether it gets what ``channel`` ("V", "A" or "AM") carries about ``ticker``."""
        return bool(self.channels & {f"{channel}.{ticker}", f"{channel}.*"})


class FeedServer:
    """The vendor, for one key and one path a symbol.

    Attributes:
        silent: publish nothing; connections stay up and answer pings.
        delay_s: how many clock seconds everything is late, its time stamps too.
    """

    def __init__(
        self,
        clock: Clock,
        paths: Mapping[str, IndexPath],
        *,
        seed: int,
        key: str | None = None,
        day: date | None = None,
    ) -> None:
        """Serve ``paths`` by symbol; ``day`` is what ``ready`` names, the clock's day if None."""
        self._clock, self._day = clock, day
        self._paths = {f"I:{symbol}": path for symbol, path in paths.items()}
        self.key = key or f"{Random(f'feed key {seed}').getrandbits(128):032x}"
        self.silent, self.delay_s = False, 0.0
        self._connections: set[Connection] = set()
        self._published: dict[str, float] = {}
        self._reached: datetime | None = None
        self._runner: web.AppRunner | None = None
        self._pump: asyncio.Task[None] | None = None
        self._port = 0

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1 and publish; port 0 takes a free one."""
        for path in self._paths.values():
            path.value_at(self._clock.now())  # drawn now, so that the first value is not late
        app = web.Application()
        Rest(self._clock, self._paths, self.key, lambda: self.delay_s).add_to(app)
        app.router.add_get(WS_PATH, self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self._port = int(self._runner.addresses[0][1])
        self._pump = asyncio.create_task(self._publish_for_ever())

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        await self.close_with(1001)
        if self._runner is not None:
            await self._runner.cleanup()

    def ready(self) -> dict[str, str]:
        """Return where it listens, the key it knows and the day it plays."""
        day = self._day or self._clock.now().astimezone(NEW_YORK).date()
        return {
            "rest": f"http://127.0.0.1:{self._port}",
            "ws": f"ws://127.0.0.1:{self._port}{WS_PATH}",
            "key": self.key,
            "day": day.isoformat(),
        }

    async def close_with(self, code: int) -> None:
        """Close every connection with ``code``; 1006 cuts them without a close frame."""
        await asyncio.gather(*(each.close(code) for each in tuple(self._connections)))

    # --- one connection ----------------------------------------------------------------------

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT_S, timeout=1.0)
        await socket.prepare(request)
        connection = Connection(socket, request)
        self._connections.add(connection)
        try:
            await connection.say("connected", "Connected Successfully")
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._obey(connection, message.data)
        finally:
            self._connections.discard(connection)
        return socket

    async def _obey(self, connection: Connection, text: str) -> None:
        try:
            order = json.loads(text)
            action, params = str(order["action"]), str(order["params"])
        except (ValueError, TypeError, KeyError):
            await connection.say("error", "not an action with params")
            return
        if action == "auth":
            await self._admit(connection, params)
        elif not connection.allowed:
            await connection.say("error", "not authenticated")
        elif action == "subscribe":
            await self._subscribe(connection, params.split(","))
        elif action == "unsubscribe":
            await self._unsubscribe(connection, params.split(","))
        else:
            await connection.say("error", f"unknown action {action}")

    async def _admit(self, connection: Connection, key: str) -> None:
        if key != self.key:
            await connection.say("auth_failed", "authentication failed")
            await connection.close(1008)
            return
        older = [c for c in self._connections if c.allowed and c is not connection]
        connection.allowed = True
        await connection.say("auth_success", "authenticated")
        for each in older:  # the newcomer wins
            each.allowed = False
            each.channels.clear()
            await each.say("max_connections", "Maximum number of websocket connections exceeded.")
            await each.close(1008)

    async def _subscribe(self, connection: Connection, channels: list[str]) -> None:
        for channel in (text.strip() for text in channels):
            named = _CHANNEL.fullmatch(channel)
            if named is None or named[2] not in {"*", *self._paths}:
                await connection.say("error", f"no such channel: {channel}")
            elif channel not in connection.channels:
                connection.channels.add(channel)
                await connection.say("success", f"subscribed to: {channel}")

    async def _unsubscribe(self, connection: Connection, channels: list[str]) -> None:
        for channel in (text.strip() for text in channels):
            if channel in connection.channels:
                connection.channels.remove(channel)
                await connection.say("success", f"unsubscribed to: {channel}")

    # --- publishing --------------------------------------------------------------------------

    async def _publish_for_ever(self) -> None:
        while True:
            await self._pause()
            if not self.silent:
                await self._publish()

    async def _pause(self) -> None:
        timeline = getattr(self._clock, "timeline", None)
        now = self._clock.now()
        if timeline is not None and timeline.speed_at(timeline.wall(now)) > FASTEST_BY_SECOND:
            await asyncio.sleep(_FAST_PAUSE)
        else:
            await self._clock.wait(((_PHASE - now.microsecond / 1e6) % 1.0) or 1.0)

    async def _publish(self) -> None:
        now = self._clock.now() - timedelta(seconds=self.delay_s)
        reached = now.replace(microsecond=0)
        since = self._reached or reached
        if not timedelta(0) <= reached - since <= _LONGEST_GAP:
            since = reached
        self._reached = reached
        events = [
            (channel, ticker, event)
            for ticker, path in self._paths.items()
            for channel, event in self._events(ticker, path, now, (since, reached))
        ]
        for connection in tuple(self._connections):
            mine = [event for channel, ticker, event in events if connection.holds(channel, ticker)]
            if mine:
                await connection.send(*mine)

    def _events(
        self, ticker: str, path: IndexPath, now: datetime, gap: tuple[datetime, datetime]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        value = path.value_at(now)
        if value is not None and value != self._published.get(ticker):
            self._published[ticker] = value
            yield "V", {"ev": "V", "T": ticker, "val": value, "t": milliseconds(now)}
        since, reached = gap
        if self._held("A", ticker):
            for bar in base_rows(path, "second", since, reached):
                yield "A", _bar_event("A", ticker, path, bar, _SECOND)
        if self._held("AM", ticker):
            # minutes that ended in (since, reached]
            for bar in path.bars(since - _MINUTE + _SECOND, reached - _MINUTE + _SECOND):
                yield "AM", _bar_event("AM", ticker, path, bar, _MINUTE)

    def _held(self, channel: str, ticker: str) -> bool:
        return any(connection.holds(channel, ticker) for connection in self._connections)


async def run_feed(port: int, day: date, *, seed: int) -> None:
    """Serve a recorded day laid onto wall time until cancelled; print one JSON line when ready.

    Values move at any hour. Aggregates stand under two dates: the recorded day's under its own,
    and, from New York's midnight before the start, those of the laid values under wall time.

    Raises:
        DataError: when ``day`` is not recorded, naming the days that are.
    """
    clock = SystemClock()
    since = midnight(clock.now().astimezone(NEW_YORK).date())
    paths = {s: WallPath(load_day(s, day, seed=seed), since=since) for s in ("SPX", "NDX")}
    server = FeedServer(clock, paths, seed=seed, day=day)
    await server.start(port)
    try:
        print(json.dumps(server.ready()), flush=True)  # noqa: T201 - what the caller waits for
        await asyncio.Event().wait()
    finally:
        await server.stop()


def _bar_event(
    channel: str, ticker: str, path: IndexPath, bar: Bar, length: timedelta
) -> dict[str, Any]:
    opened = midnight(bar.start.astimezone(NEW_YORK).date())
    first = next((value for _, value in path.seconds(opened, bar.start)), bar.open)
    return {
        "ev": channel,
        "sym": ticker,
        "op": first,
        "o": bar.open,
        "h": bar.high,
        "l": bar.low,
        "c": bar.close,
        "s": milliseconds(bar.start),
        "e": milliseconds(bar.start + length),
    }
