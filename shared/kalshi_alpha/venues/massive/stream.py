"""The index vendor's WebSocket, driven so that it can be left alone.

Lag and silence are two numbers: lag is the receive time less the message's own time, silence is
steady time since the last message, and a step of the wall clock moves only the first. Every close,
whatever its code, leads to a new connection after a pause; ``max_connections`` leads to a long one,
for another process holds the account's only socket and fighting it would end both.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import msgspec

from kalshi_alpha.clock import Clock
from kalshi_alpha.errors import SecretError, VenueUnavailable

DELAYED_AFTER_S = 600.0  # the vendor's delayed plans run 900 s behind
_TROUBLE = frozenset({"error", "slow_consumer", "force_disconnect"})
_MAX_CONNECTIONS = "max_connections"


@dataclass(frozen=True, slots=True)
class Value:
    """One index value. ``lag_s`` is receive time less the message's own time, in seconds."""

    symbol: str
    value: float
    at: datetime
    received_at: datetime
    lag_s: float


@dataclass(frozen=True, slots=True)
class Connected:
    """Signed in and subscribed."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The socket is gone; ``code`` is its close code, 1006 when it was cut."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Status:
    """A status message of the server's, surfaced as it came."""

    status: str
    message: str


@dataclass(frozen=True, slots=True)
class Delayed:
    """Values come so late that this is the delayed plan: quoting must be refused."""

    symbol: str
    lag_s: float


@dataclass(frozen=True, slots=True)
class Alert:
    """Something an operator should know."""

    reason: str


Event = Value | Connected | Disconnected | Status | Delayed | Alert


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds; the first three are real time, the others the clock's.

    ``silence`` is longer than the limit at which quoting stops: reconnecting is the cure for a
    socket that is dead, not for a quiet second.
    """

    connect: float = 10.0
    reply: float = 5.0
    close: float = 2.0
    first_pause: float = 0.5
    longest_pause: float = 30.0
    healthy: float = 60.0
    contended: float = 60.0
    silence: float = 15.0


class IndexStream:
    """The account's one socket. ``tickers`` maps the vendor's tickers to our symbols.

    ``in_session`` says whether values are due at all: outside a session silence means nothing.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        tickers: Mapping[str, str],
        clock: Clock,
        *,
        patience: Patience | None = None,
        in_session: Callable[[], bool] = lambda: True,
        seed: int = 0,
    ) -> None:
        self._url, self._key, self._tickers, self._clock = url, api_key, dict(tickers), clock
        self._patience, self._in_session = patience or Patience(), in_session
        self._jitter = random.Random(seed)  # noqa: S311 - spreads reconnects, guards nothing
        self._newest: dict[str, datetime] = {}
        self._contended = False
        self.counts = {"values": 0, "repeated": 0, "older": 0, "unknown": 0, "malformed": 0}

    async def events(self) -> AsyncIterator[Event]:
        """Yield everything that happens, reconnecting for ever; close the iterator to stop.

        Raises:
            SecretError: when the vendor does not accept the key: trying again cannot help.
        """
        pause = self._patience.first_pause
        while True:
            started = self._clock.monotonic()
            self._contended = False
            try:
                async for event in self._one_connection():
                    yield event
            except (aiohttp.ClientError, TimeoutError, OSError, VenueUnavailable) as error:
                yield Disconnected(1006, f"{type(error).__name__}: {error}".rstrip(": "))
            if self._clock.monotonic() - started > self._patience.healthy:
                pause = self._patience.first_pause
            if self._contended:
                yield Alert(
                    "another process has taken the account's only index socket; run exactly one"
                )
                await self._clock.wait(self._patience.contended)
                continue
            await self._clock.wait(pause * (1 + self._jitter.random() / 4))
            pause = min(self._patience.longest_pause, pause * 2)

    async def _one_connection(self) -> AsyncIterator[Event]:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._patience.connect)
        closing = aiohttp.ClientWSTimeout(ws_close=self._patience.close)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.ws_connect(self._url, autoping=True, timeout=closing) as socket,
        ):
            frames: asyncio.Queue[tuple[str, datetime] | None] = asyncio.Queue()
            receiving = asyncio.create_task(self._receive(socket, frames))
            try:
                async for event in self._sign_in(socket, frames):
                    yield event
                yield Connected()
                async for event in self._follow(frames):
                    yield event
                code = socket.close_code or 1006
                yield Disconnected(code, "the vendor closed the connection")
            finally:
                receiving.cancel()
                await asyncio.gather(receiving, return_exceptions=True)

    async def _receive(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        frames: asyncio.Queue[tuple[str, datetime] | None],
    ) -> None:
        """Only receive and stamp: work done here would make the vendor think us slow."""
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                frames.put_nowait((message.data, self._clock.now()))
        frames.put_nowait(None)

    async def _sign_in(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        frames: asyncio.Queue[tuple[str, datetime] | None],
    ) -> AsyncIterator[Event]:
        """Greet, authenticate, subscribe; each reply is due within ``patience.reply``."""
        yield await self._await_status(frames, {"connected"})
        await socket.send_str(_text({"action": "auth", "params": self._key}))
        yield await self._await_status(frames, {"auth_success"})
        channels = ",".join(f"V.{ticker}" for ticker in self._tickers)
        await socket.send_str(_text({"action": "subscribe", "params": channels}))
        for _ in self._tickers:
            yield await self._await_status(frames, {"success"})

    async def _await_status(
        self, frames: asyncio.Queue[tuple[str, datetime] | None], wanted: set[str]
    ) -> Status:
        """Return the next status of that name."""
        async with asyncio.timeout(self._patience.reply):
            while True:
                frame = await frames.get()
                if frame is None:
                    raise VenueUnavailable("the vendor closed the connection while signing in")
                for item in self._items(frame[0]):
                    status = str(item.get("status"))
                    if item.get("ev") != "status":
                        continue
                    if status == "auth_failed":
                        raise SecretError("the index feed does not accept the key")
                    if status == _MAX_CONNECTIONS:
                        self._contended = True
                    if status in wanted:
                        rest = [i for i in self._items(frame[0]) if i is not item]
                        self._put_back(frames, rest, item, frame[1])
                        return Status(status, str(item.get("message", "")))

    @staticmethod
    def _put_back(
        frames: asyncio.Queue[tuple[str, datetime] | None],
        rest: list[dict[str, Any]],
        used: dict[str, Any],
        at: datetime,
    ) -> None:
        """Keep what came in the same frame after the status that was waited for."""
        left = [item for item in rest if item != used]
        if not left:
            return
        waiting = []
        while not frames.empty():
            waiting.append(frames.get_nowait())
        frames.put_nowait((msgspec.json.encode(left).decode(), at))
        for frame in waiting:
            frames.put_nowait(frame)

    async def _follow(
        self, frames: asyncio.Queue[tuple[str, datetime] | None]
    ) -> AsyncIterator[Event]:
        heard = self._clock.monotonic()
        while True:
            left = self._patience.silence - (self._clock.monotonic() - heard)
            frame = await self._next(frames, left)
            if frame is None:
                return
            if frame == ("", None):
                if not self._in_session():
                    heard = self._clock.monotonic()
                    continue
                yield Alert(f"no index value for {self._patience.silence:.0f} s: reconnecting")
                return
            heard = self._clock.monotonic()
            for item in self._items(frame[0]):
                for event in self._event(item, frame[1]):
                    yield event

    async def _next(
        self, frames: asyncio.Queue[tuple[str, datetime] | None], seconds: float
    ) -> tuple[str, Any] | None:
        """Return the next frame, None at the end, or ("", None) after so much silence."""
        if not frames.empty():
            return frames.get_nowait()
        getting = asyncio.create_task(frames.get())
        waiting = asyncio.create_task(self._clock.wait(max(0.0, seconds)))
        done, _ = await asyncio.wait({getting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if getting in done:
            return getting.result()
        getting.cancel()
        return ("", None)

    def _items(self, text: str) -> list[dict[str, Any]]:
        """Return the objects of a frame; what cannot be read is counted and passed over."""
        try:
            items = msgspec.json.decode(text)
        except msgspec.DecodeError:
            self.counts["malformed"] += 1
            return []
        found = items if isinstance(items, list) else [items]
        return [item for item in found if isinstance(item, dict)]

    def _event(self, item: Mapping[str, Any], received_at: datetime) -> list[Event]:
        kind = item.get("ev")
        if kind == "status":
            return self._status(item)
        if kind == "V":
            return self._value(item, received_at)
        return []

    def _status(self, item: Mapping[str, Any]) -> list[Event]:
        status = str(item.get("status"))
        if status == "auth_failed":
            raise SecretError("the index feed does not accept the key")
        if status == _MAX_CONNECTIONS:
            self._contended = True
        said = Status(status, str(item.get("message", "")))
        return [said, Alert(f"the index feed says {status}")] if status in _TROUBLE else [said]

    def _value(self, item: Mapping[str, Any], received_at: datetime) -> list[Event]:
        symbol = self._tickers.get(str(item.get("T")))
        if symbol is None:
            self.counts["unknown"] += 1
            return []
        try:
            value = float(item["val"])
            at = datetime.fromtimestamp(int(item["t"]) / 1000, UTC)
        except (KeyError, TypeError, ValueError, OverflowError, OSError):
            self.counts["malformed"] += 1
            return []
        newest = self._newest.get(symbol)
        if newest is not None and at < newest:
            self.counts["older"] += 1  # a late repeat: newer news is known already
            return []
        self.counts["repeated" if at == newest else "values"] += 1
        self._newest[symbol] = at
        lag = (received_at - at).total_seconds()
        news = Value(symbol, value, at, received_at, lag)
        return [Delayed(symbol, lag), news] if lag >= DELAYED_AFTER_S else [news]


def _text(message: Mapping[str, str]) -> str:
    return msgspec.json.encode(message).decode()
