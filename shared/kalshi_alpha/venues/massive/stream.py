"""The index vendor's WebSocket, driven so that it can be left alone.

Lag and silence are two numbers: lag is the receive time less the message's own time, silence is
steady time since the last message, and a step of the wall clock moves only the first. Every close,
whatever its code, leads to a new connection after a pause; ``max_connections`` leads to a long one,
for another process holds the account's only socket and fighting it would end both.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
import msgspec

from kalshi_alpha.clock import Clock
from kalshi_alpha.errors import SecretError
from kalshi_alpha.venues.massive.inbox import Inbox
from kalshi_alpha.venues.massive.numbers import from_unix, positive

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


class _GivenUp(Exception):
    """This connection is of no more use; the sentence says why."""


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

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield everything that happens, reconnecting for ever; close the iterator to stop.

        Raises:
            SecretError: when the vendor does not accept the key: trying again cannot help.
        """
        pause = self._patience.first_pause
        while True:
            started = self._clock.monotonic()
            self._contended = False
            try:
                async with aclosing(self._one_connection()) as connection:
                    async for event in connection:
                        yield event
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
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

    async def _one_connection(self) -> AsyncGenerator[Event, None]:
        patience = self._patience
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=patience.connect, sock_read=patience.reply
        )  # the second holds until the socket is open; from there on silence is watched
        closing = aiohttp.ClientWSTimeout(ws_close=patience.close)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.ws_connect(self._url, autoping=True, timeout=closing) as socket,
        ):
            inbox = Inbox(self._clock, lambda: self._count("malformed"))
            receiving = asyncio.create_task(inbox.fill(socket))
            try:
                async for event in self._sign_in(socket, inbox):
                    yield event
                yield Connected()
                async for event in self._follow(inbox):
                    yield event
                reason = "the vendor closed the connection"
            except _GivenUp as given_up:
                reason = str(given_up)
            finally:
                receiving.cancel()
                await asyncio.gather(receiving, return_exceptions=True)
            yield Disconnected(socket.close_code or 1006, reason)

    async def _sign_in(
        self, socket: aiohttp.ClientWebSocketResponse, inbox: Inbox
    ) -> AsyncGenerator[Event, None]:
        """Greet, authenticate, subscribe; each reply is due within ``patience.reply``."""
        channels = ",".join(f"V.{ticker}" for ticker in self._tickers)
        async for event in self._until(inbox, "connected"):
            yield event
        await socket.send_str(_text({"action": "auth", "params": self._key}))
        async for event in self._until(inbox, "auth_success"):
            yield event
        await socket.send_str(_text({"action": "subscribe", "params": channels}))
        async for event in self._until(inbox, "success", len(self._tickers)):
            yield event

    async def _until(
        self, inbox: Inbox, status: str, times: int = 1
    ) -> AsyncGenerator[Event, None]:
        """Yield what comes until the server has said ``status`` so many times."""
        deadline = asyncio.get_running_loop().time() + self._patience.reply
        while times:
            try:
                async with asyncio.timeout_at(deadline):
                    message = await inbox.take()
            except TimeoutError:
                raise _GivenUp(f"no {status!r} within {self._patience.reply:g} s") from None
            if message is None:
                raise _GivenUp(f"the vendor closed the connection before it said {status!r}")
            for event in self._events(*message):
                times -= isinstance(event, Status) and event.status == status
                yield event

    async def _follow(self, inbox: Inbox) -> AsyncGenerator[Event, None]:
        silence, heard = self._patience.silence, self._clock.monotonic()
        while True:
            left = silence - (self._clock.monotonic() - heard)
            try:
                message = await inbox.take_within(left)
            except TimeoutError:
                heard = self._clock.monotonic()
                if self._in_session():
                    yield Alert(f"the index feed has been silent for {silence:g} s: reconnecting")
                    raise _GivenUp(f"silent for {silence:g} s") from None
                continue
            if message is None:
                return
            heard = self._clock.monotonic()
            for event in self._events(*message):
                yield event

    def _events(self, item: Mapping[str, Any], received_at: datetime) -> list[Event]:
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

    def _count(self, what: str) -> None:
        self.counts[what] += 1

    def _value(self, item: Mapping[str, Any], received_at: datetime) -> list[Event]:
        symbol = self._tickers.get(str(item.get("T")))
        if symbol is None:
            self._count("unknown")
            return []
        try:
            value = positive(item["val"])
            at = from_unix(item["t"], 1000)
        except (KeyError, ValueError):
            self._count("malformed")
            return []
        newest = self._newest.get(symbol)
        if newest is not None and at < newest:
            self._count("older")  # a late repeat: newer news is known already
            return []
        self._count("repeated" if at == newest else "values")
        self._newest[symbol] = at
        lag = (received_at - at).total_seconds()
        news = Value(symbol, value, at, received_at, lag)
        return [Delayed(symbol, lag), news] if lag >= DELAYED_AFTER_S else [news]


def _text(message: Mapping[str, str]) -> str:
    return msgspec.json.encode(message).decode()
