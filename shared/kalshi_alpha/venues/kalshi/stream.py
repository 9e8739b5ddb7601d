"""Books kept by WebSocket: snapshot, deltas, and what to do when a message is lost.

``seq`` counts the frames of one subscription over all its markets, so a gap says nothing about
which market lost a delta: every book of the subscription is stale until its own fresh snapshot.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec

from kalshi_alpha.clock import Clock
from kalshi_alpha.errors import DataError, SecretError, SequenceGapError
from kalshi_alpha.markets.book import Book, Top
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import PRICE_UNIT, price_from_text, size_from_text
from kalshi_alpha.venues.kalshi.signing import Credentials

# The venue ends a subscription with these; the others leave it standing.
_TERMINAL = frozenset({10, 25})
_HANDSHAKE_SECONDS = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE, _HEALTHY_SECONDS = 0.5, 30.0, 60.0
_SIDES = {"yes": Side.BID, "no": Side.ASK}


@dataclass(frozen=True, slots=True)
class BookChanged:
    """A book that is current, after a snapshot or a delta."""

    ticker: str
    top: Top


@dataclass(frozen=True, slots=True)
class BooksStale:
    """The books of these markets are not to be trusted until they change again."""

    tickers: tuple[str, ...]
    reason: str


Event = BookChanged | BooksStale


@dataclass
class BookKeeper:
    """The books of one subscription, out of its frames; no socket in it."""

    tickers: tuple[str, ...]
    books: dict[str, Book] = field(default_factory=dict)
    stale: set[str] = field(default_factory=set)
    seq: int = 0

    def __post_init__(self) -> None:
        """Trust no book before its snapshot."""
        self.stale = set(self.tickers)

    def apply(self, frame: Mapping[str, Any]) -> BookChanged | None:
        """Apply one frame of the subscription.

        Raises:
            SequenceGapError: when a frame is missing; the books are stale from then on. The frame
                itself is lost with the gap unless it is a snapshot, which needs no past.
        """
        if "seq" in frame:
            seq, expected = int(frame["seq"]), self.seq + 1
            self.seq = seq
            if seq != expected and self.stale != set(self.tickers):
                self.stale = set(self.tickers)
                if frame["type"] == "orderbook_snapshot":
                    self._snapshot(frame["msg"])
                raise SequenceGapError(
                    f"frame {seq} came where {expected} was due: {len(self.tickers)} books are "
                    "stale until their snapshots"
                )
        if frame["type"] == "orderbook_snapshot":
            return self._snapshot(frame["msg"])
        if frame["type"] == "orderbook_delta":
            return self._delta(frame["msg"])
        return None

    def _snapshot(self, msg: Mapping[str, Any]) -> BookChanged:
        ticker = str(msg["market_ticker"])
        book = Book(ticker)
        yes = _levels(msg.get("yes_dollars_fp"))
        # The subscription asks for YES prices on both sides; the book takes NO bids in NO prices.
        no = [(PRICE_UNIT - price, size) for price, size in _levels(msg.get("no_dollars_fp"))]
        book.apply_snapshot(yes, no)
        self.books[ticker] = book
        self.stale.discard(ticker)
        return BookChanged(ticker, book.top())

    def _delta(self, msg: Mapping[str, Any]) -> BookChanged | None:
        ticker = str(msg["market_ticker"])
        if ticker in self.stale or ticker not in self.books:
            return None
        book = self.books[ticker]
        price, delta = price_from_text(msg["price_dollars"]), size_from_text(msg["delta_fp"])
        try:
            book.apply_delta(_SIDES[str(msg["side"])], price, delta)
        except SequenceGapError:
            self.stale.add(ticker)
            raise
        return BookChanged(ticker, book.top())


class BookStream:
    """One socket that keeps the books of some markets for as long as it is iterated."""

    def __init__(
        self,
        url: str,
        clock: Clock,
        credentials: Credentials,
        tickers: Sequence[str],
        *,
        seed: int = 0,
    ) -> None:
        self._url, self._clock, self._credentials = url, clock, credentials
        self._tickers = tuple(tickers)
        self._jitter = random.Random(seed)  # noqa: S311 - spreads reconnects, guards nothing
        self.keeper = BookKeeper(self._tickers)

    async def events(self) -> AsyncIterator[Event]:
        """Yield what happens to the books, reconnecting for ever; close the iterator to stop.

        Raises:
            SecretError: when the venue does not accept the key: trying again cannot help.
        """
        pause = _FIRST_PAUSE
        while True:
            started = self._clock.monotonic()
            try:
                async for event in self._one_connection():
                    yield event
                reason = "the venue closed the connection"
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                if isinstance(error, aiohttp.WSServerHandshakeError) and error.status in {401, 403}:
                    raise SecretError(
                        "the exchange does not accept the key for its socket"
                    ) from None
                reason = f"the connection was lost: {type(error).__name__}"
            self.keeper = BookKeeper(self._tickers)
            yield BooksStale(self._tickers, reason)
            if self._clock.monotonic() - started > _HEALTHY_SECONDS:
                pause = _FIRST_PAUSE
            await self._clock.wait(pause * (1 + self._jitter.random() / 4))
            pause = min(_LONGEST_PAUSE, pause * 2)

    async def _one_connection(self) -> AsyncIterator[Event]:
        path = urlsplit(self._url).path
        headers = self._credentials.signer.headers(
            self._credentials.key_id, "GET", path, self._clock.now()
        )
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_HANDSHAKE_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.ws_connect(self._url, headers=headers, autoping=True) as socket,
        ):
            await socket.send_json(self._subscribe())
            frames: asyncio.Queue[str | None] = asyncio.Queue()
            receiving = asyncio.create_task(_receive(socket, frames))
            try:
                while (text := await frames.get()) is not None:
                    async for event in self._take(socket, text):
                        yield event
            finally:
                receiving.cancel()
                await asyncio.gather(receiving, return_exceptions=True)

    async def _take(
        self, socket: aiohttp.ClientWebSocketResponse, text: str
    ) -> AsyncIterator[Event]:
        try:
            frame = msgspec.json.decode(text)
        except msgspec.DecodeError:
            raise aiohttp.ClientError("a frame is no JSON") from None
        if frame.get("type") == "error" and frame.get("msg", {}).get("code") in _TERMINAL:
            raise aiohttp.ClientError(f"the subscription ended: {frame['msg'].get('msg')}")
        if "sid" not in frame:
            return
        try:
            changed = self.keeper.apply(frame)
        except (SequenceGapError, DataError, KeyError) as error:
            yield BooksStale(tuple(sorted(self.keeper.stale)), str(error))
            await socket.send_json(self._snapshot(int(frame["sid"])))
            return
        if changed is not None:
            yield changed

    def _subscribe(self) -> dict[str, Any]:
        params = {
            "channels": ["orderbook_delta"],
            "market_tickers": list(self._tickers),
            "use_yes_price": True,  # its default will change at the venue: always said
        }
        return {"id": 1, "cmd": "subscribe", "params": params}

    def _snapshot(self, sid: int) -> dict[str, Any]:
        params = {
            "sids": [sid],
            "action": "get_snapshot",
            "market_tickers": list(self._tickers),
        }
        return {"id": 2, "cmd": "update_subscription", "params": params}


async def _receive(
    socket: aiohttp.ClientWebSocketResponse, frames: asyncio.Queue[str | None]
) -> None:
    """Only receive: work done here would make the venue think us slow."""
    async for message in socket:
        if message.type is aiohttp.WSMsgType.TEXT:
            frames.put_nowait(message.data)
    frames.put_nowait(None)


def _levels(rows: Any) -> list[tuple[int, int]]:
    return [(price_from_text(price), size_from_text(size)) for price, size in rows or []]
