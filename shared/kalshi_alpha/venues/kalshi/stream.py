"""One socket to the venue: the books of the markets followed, and what becomes of our orders.

Markets are followed and let go while the socket is open. After a gap the books are stale and
snapshots are asked for; when none comes, or the reader falls too far behind, the connection is
given up and everything starts again from snapshots.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec

from kalshi_alpha.clock import Clock
from kalshi_alpha.errors import DataError, SecretError, SequenceGapError
from kalshi_alpha.markets.orders import LiveOrder
from kalshi_alpha.venues.decoding import decode
from kalshi_alpha.venues.kalshi import wire
from kalshi_alpha.venues.kalshi.keeper import BookChanged, BookKeeper, Delta
from kalshi_alpha.venues.kalshi.signing import Credentials

# The venue ends a subscription with these; the others leave it standing.
_TERMINAL = frozenset({10, 25})
_BOOKS, _TRADES, _OWN = "orderbook_delta", "trade", ("user_orders", "fill")
_HANDSHAKE_SECONDS = 10.0
# The venue pings every ten seconds; a connection that answers none of our pings is dead.
_PING_SECONDS = 20.0
_FIRST_PAUSE, _LONGEST_PAUSE, _HEALTHY_SECONDS = 0.5, 30.0, 60.0
# Real seconds for a snapshot asked for to come.
_SNAPSHOT_SECONDS = 10.0
# What may wait unread: some 15 MB. Further behind, snapshots are the shorter way to the truth.
_BACKLOG = 50_000
_TURN = 500  # frames between two looks at the other tasks
_ENDS = frozenset(
    {
        aiohttp.WSMsgType.CLOSE,
        aiohttp.WSMsgType.CLOSING,
        aiohttp.WSMsgType.CLOSED,
        aiohttp.WSMsgType.ERROR,
    }
)
_DELTAS = msgspec.json.Decoder(Delta)

Note = Callable[[str, datetime], None]


@dataclass(frozen=True, slots=True)
class BooksStale:
    """The books of these markets are not to be trusted until they change again."""

    tickers: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """An order of ours as the venue has just reported it."""

    order: LiveOrder


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection is open: what was missed while there was none has to be looked up."""


@dataclass(frozen=True, slots=True)
class TradeSeen:
    """A public trade's frame, in its place among the books' frames."""

    frame: Mapping[str, Any]


Event = BookChanged | BooksStale | OrderChanged | Opened | TradeSeen


class BookStream:
    """One socket that keeps the books of some markets for as long as it is iterated.

    Args:
        url: the venue's WebSocket address.
        clock: stamps frames and paces reconnects.
        credentials: sign the handshake; a key that can only read is enough.
        tickers: the markets followed at first; ``follow`` changes them.
        own: also report our own orders.
        tape: also report public trades.
        note: is given each frame as it came, with the time it was received.
        seed: of the jitter between reconnects.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        credentials: Credentials,
        tickers: Iterable[str] = (),
        *,
        own: bool = False,
        tape: bool = False,
        note: Note = lambda *_: None,
        seed: int = 0,
    ) -> None:
        self._url, self._clock, self._credentials = url, clock, credentials
        self._wanted, self._own, self._note = tuple(dict.fromkeys(tickers)), own, note
        self._tape = tape
        self._jitter = random.Random(seed)  # noqa: S311 - spreads reconnects, guards nothing
        self._line: _Line | None = None
        self.keeper = BookKeeper(self._wanted)

    def follow(self, tickers: Iterable[str]) -> None:
        """Follow exactly these markets from now on; call it in the loop of ``events``."""
        wanted = tuple(dict.fromkeys(tickers))
        if set(wanted) == set(self._wanted):
            return
        self._wanted = wanted
        self.keeper.follow(wanted)
        if self._line is not None:
            self._line.follow(wanted)

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield what happens, reconnecting for ever; close the iterator to stop.

        Raises:
            SecretError: when the venue does not accept the key: trying again cannot help.
        """
        pause = _FIRST_PAUSE
        while True:
            started = self._clock.monotonic()
            try:
                async for events in self._one_connection():
                    for event in events:
                        yield event
                reason = "the venue closed the connection"
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                if isinstance(error, aiohttp.WSServerHandshakeError) and error.status in {401, 403}:
                    raise SecretError(
                        "the exchange does not accept the key for its socket"
                    ) from None
                reason = f"the connection was lost: {_words(error)}"
            self.keeper = BookKeeper(self._wanted)
            yield BooksStale(self._wanted, reason)
            if self._clock.monotonic() - started > _HEALTHY_SECONDS:
                pause = _FIRST_PAUSE
            await self._clock.wait(pause * (1 + self._jitter.random() / 4))
            pause = min(_LONGEST_PAUSE, pause * 2)

    async def _one_connection(self) -> AsyncGenerator[list[Event], None]:
        """Yield what happened some at a time: passing each on alone would cost as much as it."""
        path = urlsplit(self._url).path
        headers = self._credentials.signer.headers(
            self._credentials.key_id, "GET", path, self._clock.now()
        )
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_HANDSHAKE_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.ws_connect(
                self._url, headers=headers, autoping=True, heartbeat=_PING_SECONDS
            ) as socket,
        ):
            line = self._line = _Line(self.keeper, own=self._own, tape=self._tape)
            inbox = _Inbox(self._clock)
            receiving = asyncio.create_task(inbox.fill(socket))
            yield [Opened()]
            line.follow(self._wanted)  # what was wanted while ``Opened`` was being told counts too
            try:
                while True:
                    for command in line.commands():
                        await socket.send_json(command)
                    if not await inbox.ready(line.patience()):
                        continue
                    frames = inbox.take(_TURN)
                    for text, at in frames:
                        self._note(text, at)
                    yield [e for text, _ in frames if (e := line.take(text)) is not None]
                    if inbox.over:
                        return
            finally:
                self._line = None
                receiving.cancel()
                await asyncio.gather(receiving, return_exceptions=True)


class _Inbox:
    """Frames come in by ``fill``, a task of its own, and go out some at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._frames: deque[tuple[str, datetime]] = deque()
        self._news = asyncio.Event()
        self._closed = False
        self._failure: BaseException | None = None

    async def fill(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Only receive and stamp: work done here would make the venue think us slow."""
        frames, now = self._frames, self._clock.now
        try:
            while (message := await socket.receive()).type not in _ENDS:
                if message.type is aiohttp.WSMsgType.TEXT:
                    frames.append((message.data, now()))
                    if len(frames) == 1:
                        self._news.set()
                    if len(frames) > _BACKLOG:
                        raise aiohttp.ClientError(f"{_BACKLOG} frames were waiting to be read")
            self._failure = socket.exception()
        except aiohttp.ClientError as error:
            self._frames.clear()
            self._failure = error
        finally:
            self._closed = True
            self._news.set()

    @property
    def over(self) -> bool:
        """Say whether nothing more will come; raise what ended it, if it was an error."""
        if not self._closed or self._frames:
            return False
        if isinstance(self._failure, aiohttp.ClientError | OSError):
            raise self._failure
        return True

    async def ready(self, seconds: float) -> bool:
        """Wait for frames or the end, at most so long in real time; say whether there is news."""
        if self._frames or self._closed:
            await asyncio.sleep(0)  # the others' turn: what waits is taken some at a time
            return True
        self._news.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    def take(self, most: int) -> list[tuple[str, datetime]]:
        """Take what waits, at most so many frames."""
        frames = self._frames
        return [frames.popleft() for _ in range(min(most, len(frames)))]


class _Line:
    """What one connection has subscribed to, and what is still to be said on it."""

    def __init__(self, keeper: BookKeeper, *, own: bool, tape: bool = False) -> None:
        self._keeper, self._tells_trades = keeper, tape
        self._said: deque[dict[str, Any]] = deque()
        self._number = 0
        self._sid: int | None = None  # of the books; None until the venue has told it
        self._subscribing = False
        self._asked: set[str] = set()
        self._wanted: tuple[str, ...] = ()
        self._tape: int | None = None  # number of the public trades, for whoever keeps the frames
        self._taped: set[str] = set()
        self._due = float("inf")  # when the books must have recovered, by the loop's time
        if own:
            self._say("subscribe", channels=list(_OWN))

    def follow(self, tickers: Iterable[str]) -> None:
        """Subscribe, add and let go, as far as what the venue has answered allows."""
        self._wanted = tuple(tickers)
        new = [ticker for ticker in self._wanted if ticker not in self._asked]
        gone = sorted(self._asked - set(self._wanted))
        if self._subscribing:
            return  # its number is not known yet; asked for again once it is
        if self._sid is None:
            if new:
                self._subscribe(new)
            return
        if new:
            self._update("add_markets", new)
            self._expect()
        if gone:
            self._update("delete_markets", gone)
        self._asked = set(self._wanted)
        self._follow_trades()

    def _follow_trades(self) -> None:
        """Follow the public trades of the same markets; books do without them, so nothing waits."""
        wanted = set(self._wanted)
        if self._tape is not None:
            self._update("add_markets", wanted - self._taped, self._tape)
            self._update("delete_markets", self._taped - wanted, self._tape)
            self._taped = wanted
        elif wanted and not self._taped:
            self._taped = wanted
            self._say("subscribe", channels=[_TRADES], market_tickers=sorted(wanted))

    def commands(self) -> Iterator[dict[str, Any]]:
        """Take what is to be sent now."""
        while self._said:
            yield self._said.popleft()

    def patience(self) -> float:
        """Return how long to wait for a frame; raise when snapshots have been due too long."""
        if self._said:
            return 0.0
        if not self._keeper.stale:
            self._due = float("inf")
            return 1.0
        left = self._due - asyncio.get_running_loop().time()
        if left <= 0:
            raise aiohttp.ClientError(f"no snapshot came within {_SNAPSHOT_SECONDS:g} s")
        return min(left, 1.0)

    def take(self, text: str) -> Event | None:
        """Take one frame in."""
        try:
            delta = _DELTAS.decode(text)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return self._other(text)  # another frame, or one to be complained of
        if delta.sid != self._sid:
            return None
        try:
            return self._keeper.advance(delta)
        except (SequenceGapError, DataError) as error:
            return self._recover(error)

    def _other(self, text: str) -> Event | None:
        frame = _frame(text)
        sid = frame.get("sid")
        if sid is not None and sid == self._sid:
            return self._book(frame)
        kind = frame.get("type")
        if kind == "subscribed":
            self._subscribed(frame.get("msg"))
        elif kind == "user_order":
            return _order(frame)
        elif kind == "trade" and self._tells_trades:
            return TradeSeen(frame)
        elif kind == "error" and self._subscribing:
            raise aiohttp.ClientError("the books could not be subscribed to")
        return None

    def _book(self, frame: Mapping[str, Any]) -> Event | None:
        try:
            return self._keeper.apply(frame)
        except (SequenceGapError, DataError) as error:
            return self._recover(error)

    def _recover(self, error: Exception) -> BooksStale:
        self._update("get_snapshot", self._keeper.tickers)
        self._expect()
        return BooksStale(tuple(sorted(self._keeper.stale)), str(error))

    def _subscribed(self, said: Any) -> None:
        if isinstance(said, dict) and said.get("channel") == _TRADES:
            if isinstance(said.get("sid"), int):
                self._tape = said["sid"]
                self._follow_trades()
            return
        if not isinstance(said, dict) or said.get("channel") != _BOOKS:
            return
        if not isinstance(said.get("sid"), int):
            raise aiohttp.ClientError("a subscription has no number")
        self._sid, self._subscribing = said["sid"], False
        self.follow(self._wanted)

    def _subscribe(self, tickers: Iterable[str]) -> None:
        self._subscribing, self._asked = True, set(tickers)
        self._say(
            "subscribe",
            channels=[_BOOKS],
            market_tickers=sorted(self._asked),
            use_yes_price=True,  # its default will change at the venue: always said
        )
        self._expect()

    def _update(self, action: str, tickers: Iterable[str], sid: int | None = None) -> None:
        if asked := sorted(tickers):
            sids = [self._sid if sid is None else sid]
            self._say("update_subscription", sids=sids, action=action, market_tickers=asked)

    def _say(self, command: str, **params: Any) -> None:
        self._number += 1
        self._said.append({"id": self._number, "cmd": command, "params": params})

    def _expect(self) -> None:
        self._due = asyncio.get_running_loop().time() + _SNAPSHOT_SECONDS


def _order(frame: Mapping[str, Any]) -> OrderChanged | None:
    """Return our order in a frame; one that cannot be read shows in the next listing."""
    said = frame.get("msg")
    try:
        return OrderChanged(wire.order_from(said)) if isinstance(said, dict) else None
    except DataError:
        return None


def _frame(text: str) -> dict[str, Any]:
    """Return a frame; one that cannot be read, or that ends a subscription, ends the socket."""
    try:
        frame = decode(text)
    except DataError:
        raise aiohttp.ClientError("a frame is no JSON") from None
    if not isinstance(frame, dict):
        raise aiohttp.ClientError("a frame is no object")
    said = frame.get("msg")
    if frame.get("type") == "error" and isinstance(said, dict):
        code = said.get("code")
        if isinstance(code, int) and code in _TERMINAL:
            raise aiohttp.ClientError(f"the subscription ended: {str(said.get('msg'))[:200]}")
    return frame


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")[:200]
