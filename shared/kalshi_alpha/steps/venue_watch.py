"""The venue as the sentry sees it: our resting orders, and the books of the markets they are in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Any

from kalshi_alpha.cloud.services import read_secret
from kalshi_alpha.errors import KalshiAlphaError, SecretError
from kalshi_alpha.markets.book import Book
from kalshi_alpha.markets.capture import ORDERS, VENUE
from kalshi_alpha.markets.orders import LiveOrder
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.steps.capture import Recorder
from kalshi_alpha.steps.drift import FairBands, fair_bands
from kalshi_alpha.steps.pull import resting
from kalshi_alpha.steps.resting import Resting
from kalshi_alpha.steps.runtime import Runtime, credentials_from
from kalshi_alpha.trading.arming import Broker
from kalshi_alpha.venues.kalshi.stream import BooksStale, BookStream, Opened, OrderChanged

_MOST_BOOKS = 200


class VenueWatch:
    """Orders and books, kept by socket and by listing."""

    def __init__(
        self,
        runtime: Runtime,
        windows: Sequence[Window],
        recorder: Recorder,
        tell: Callable[[str], object],
    ) -> None:
        self._runtime, self._windows, self._recorder, self._tell = runtime, windows, recorder, tell
        self.resting = Resting(windows)
        self.bands: dict[str, tuple[FairBands, ...]] = {}  # by window id
        self._stream: BookStream | None = None
        self._tried: set[str] = set()  # windows whose bands have been asked for
        self._silenced: dict[str, str] = {}  # trouble told already, by what it is about
        self._listed: dict[str, str] = {}

    def book(self, ticker: str) -> Book | None:
        """Return a market's book when it is current."""
        return None if self._stream is None else self._stream.keeper.trusted(ticker)

    def tops(self, symbol: str, windows: Sequence[Window]) -> dict[str, dict[str, Any]]:
        """Return the top of each followed book on ``symbol``; an untrusted one only says so."""
        registry = self._runtime.registry
        starts = tuple(
            f"{window.event_ticker(name)}-"
            for window in windows
            for name in window.series
            if registry.series[name].symbol == symbol
        )
        tickers = [t for window in windows for t in self.resting.tickers(window)]
        mine = {ticker: self.book(ticker) for ticker in tickers if ticker.startswith(starts)}
        return {t: {"stale": True} if book is None else _top(book) for t, book in mine.items()}

    async def listen(self) -> None:
        """Keep the socket for as long as it is awaited; without an address or a key, do nothing."""
        settings = self._runtime.settings
        name = settings.read_secret or settings.secret
        if not (settings.venue_ws_url and name):
            return
        try:
            credentials = credentials_from(await asyncio.to_thread(read_secret, name))
            self._stream = BookStream(
                settings.venue_ws_url,
                self._runtime.clock,
                credentials,
                own=settings.broker != Broker.PAPER,
                note=lambda text, at: self._recorder.hear(VENUE, text, at),
            )
            async with aclosing(self._stream.events()) as events:
                async for event in events:
                    self._take(event)
        except SecretError as error:  # the index matters more: it goes on without books
            self._stream = None
            self._tell(f"no books and no news of orders by socket: {error}")

    def look(self, window: Window) -> Callable[[], None]:
        """List a window's orders; blocks. Returns what takes the answer in, for the loop's thread.

        The first time, and while there are orders without bands, it also reads what bands need.
        """
        asked_at = self._runtime.clock.monotonic()
        try:
            found = resting(self._runtime.puller, window)
        except KalshiAlphaError as error:
            return _saying(self._say, f"{window.window_id}: listing", str(error))
        bands = self._read_bands(window) if found or window.window_id not in self._tried else None

        def take() -> None:
            self._say(f"{window.window_id}: listing", "")
            self.resting.listed(window, found, asked_at)
            self._record(window, found)
            if bands:
                self.bands[window.window_id] = bands
            self._follow()

        return take

    def _read_bands(self, window: Window) -> tuple[FairBands, ...] | None:
        self._tried.add(window.window_id)
        if window.window_id in self.bands:
            return None
        try:
            return fair_bands(self._runtime, window)
        except KalshiAlphaError as error:
            self._say(f"{window.window_id}: fair bands", str(error))
            return None

    def _take(self, event: object) -> None:
        match event:
            case OrderChanged(order=order):
                self.resting.changed(order, self._runtime.clock.monotonic())
                self._follow()
            case BooksStale(tickers=tickers, reason=reason):
                self._recorder.note("books stale", tickers=list(tickers), reason=reason)
                self._tell(f"the books of {len(tickers)} markets are stale: {reason}")
            case Opened():
                self._recorder.note("venue socket open")
            case _:
                pass

    def _follow(self) -> None:
        if self._stream is not None:
            now = self._runtime.clock.now()
            live = [w for w in self._windows if now < w.fixing]
            tickers = [ticker for window in live for ticker in self.resting.tickers(window)]
            self._stream.follow(tickers[-_MOST_BOOKS:])

    def _record(self, window: Window, orders: Sequence[LiveOrder]) -> None:
        rows = [
            [o.order_id, o.client_order_id, o.ticker, o.side.value, o.price, o.remaining_size]
            for o in sorted(orders, key=lambda order: order.order_id)
        ]
        text = json.dumps({"window_id": window.window_id, "orders": rows}, separators=(",", ":"))
        if self._listed.get(window.window_id) != text:
            self._listed[window.window_id] = text
            self._recorder.hear(ORDERS, text, self._runtime.clock.now())

    def _say(self, about: str, trouble: str) -> None:
        """Tell of a trouble when it begins or changes, not every second that it lasts."""
        if self._silenced.get(about, "") != trouble:
            self._silenced[about] = trouble
            if trouble:
                self._tell(f"{about}: {trouble}")


def _saying(say: Callable[[str, str], None], about: str, trouble: str) -> Callable[[], None]:
    return lambda: say(about, trouble)


def _top(book: Book) -> dict[str, Any]:
    top = book.top()
    return {"bid": top.bid, "bid_size": top.bid_size, "ask": top.ask, "ask_size": top.ask_size}
