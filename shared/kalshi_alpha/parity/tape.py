"""The books of a capture by instant: what the queue at a price was made of, and when.

Times are the exchange's own where a frame has one, and never decrease.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from kalshi_alpha.errors import DataError, SequenceGapError
from kalshi_alpha.markets.book import Book
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import price_from_text
from kalshi_alpha.venues.kalshi.keeper import BookKeeper

BEGIN = datetime.min.replace(tzinfo=UTC)
END = datetime.max.replace(tzinfo=UTC)
Levels = tuple[dict[int, int], dict[int, int]]  # bids and asks, size by price


@dataclass(frozen=True, slots=True)
class Told:
    """A book told whole at an instant, or None: from here on it is not known."""

    at: datetime
    levels: Levels | None


@dataclass(frozen=True, slots=True)
class Changed:
    """One level changed; ``size`` is what rests there now."""

    at: datetime
    side: Side
    price: int
    size: int


@dataclass
class BookTape:
    """One market's book as one process followed it, in the order heard."""

    ticker: str
    events: list[Told | Changed] = field(default_factory=list)

    def stood(self) -> Iterator[tuple[datetime, datetime, Levels | None]]:
        """Yield from when until when the book stood how; None while it is not known.

        The mappings are changed as it goes on.
        """
        levels: Levels | None = None
        begun = BEGIN
        for event in self.events:
            yield begun, event.at, levels
            begun = event.at
            if isinstance(event, Told):
                told = event.levels
                levels = None if told is None else (dict(told[0]), dict(told[1]))
            elif levels is not None:
                side = levels[0 if event.side is Side.BID else 1]
                side[event.price] = event.size
                if not event.size:
                    del side[event.price]
        yield begun, END, levels

    def level(self, side: Side, price: int) -> list[tuple[datetime, int | None]]:
        """Return what rested at a price from each instant on; None while it is not known."""
        found: list[tuple[datetime, int | None]] = []
        for begun, _, levels in self.stood():
            size = None if levels is None else levels[0 if side is Side.BID else 1].get(price, 0)
            if begun > BEGIN and (not found or found[-1][1] != size):
                found.append((begun, size))
        return found

    def met(self, book: Book, since: datetime, until: datetime) -> bool | None:
        """Say whether the book stood so at some instant of a span; None where it is not known."""
        wanted = (dict(book.bids), dict(book.asks))
        known = True
        for begun, ended, levels in self.stood():
            if begun > until:
                break
            if ended >= since:
                if levels == wanted:
                    return True
                known = known and levels is not None
        return False if known else None


@dataclass
class TapeKeeper:
    """Keeps tapes from the frames of one process, connection by connection."""

    tapes: dict[str, BookTape] = field(default_factory=dict)
    _keepers: dict[int, BookKeeper] = field(default_factory=dict)
    _untimed: list[tuple[BookTape, int]] = field(default_factory=list)
    _at: datetime = BEGIN

    def take(self, frame: Mapping[str, Any], heard_at: datetime) -> str:
        """Take a frame of the venue's socket; return a sentence when something is missing."""
        kind, msg = frame.get("type"), frame.get("msg")
        if "seq" not in frame or not isinstance(msg, Mapping):
            return ""
        at = self._instant(msg, heard_at)
        keeper = self._keepers.setdefault(int(frame["sid"]), BookKeeper(()))
        if kind == "ok":
            self._follow(keeper, msg.get("market_tickers"), at)
        ticker = str(msg.get("market_ticker", ""))
        if ticker and ticker not in keeper.tickers:
            keeper.follow((*keeper.tickers, ticker))
        trouble = ""
        try:
            changed = keeper.apply(frame)
        except (SequenceGapError, DataError) as error:
            self.doubt(keeper.stale, at)
            trouble, changed = (
                f"frames of the books are missing at {heard_at:%H:%M:%S}: {error}",
                None,
            )
            if keeper.trusted(ticker) is None:
                return trouble
        if (book := keeper.trusted(ticker)) is not None:
            if kind == "orderbook_snapshot":
                told = Told(at, (dict(book.bids), dict(book.asks)))
                tape = self._tape(ticker)
                self._untimed.append((tape, len(tape.events)))
                tape.events.append(told)
            elif changed is not None:
                side = Side.BID if msg["side"] == "yes" else Side.ASK
                self._tape(ticker).events.append(_change(book, side, msg, at))
        return trouble

    def doubt(self, tickers: Iterable[str], at: datetime) -> None:
        """Say that books are not known from here on."""
        for ticker in tickers:
            if ticker in self.tapes:
                self.tapes[ticker].events.append(Told(max(at, self._at), None))

    def anew(self, at: datetime) -> None:
        """Begin a connection: nothing is known until it is told again."""
        self._keepers.clear()
        self.doubt(list(self.tapes), at)

    def _follow(self, keeper: BookKeeper, tickers: Any, at: datetime) -> None:
        if isinstance(tickers, list):
            gone = set(keeper.tickers) - set(tickers)
            keeper.follow(ticker for ticker in keeper.tickers if ticker not in gone)
            self.doubt(gone, at)

    def _tape(self, ticker: str) -> BookTape:
        return self.tapes.setdefault(ticker, BookTape(ticker))

    def _instant(self, msg: Mapping[str, Any], heard_at: datetime) -> datetime:
        """Return a frame's time; one without takes that of the next, or when it was heard."""
        said = msg.get("ts_ms")
        if not isinstance(said, int):
            return max(self._at, heard_at)
        at = self._at = max(self._at, datetime.fromtimestamp(said / 1000, UTC))
        for tape, place in self._untimed:
            event = tape.events[place]
            tape.events[place] = replace(event, at=min(event.at, at))
        self._untimed.clear()
        return at


def _change(book: Book, side: Side, msg: Mapping[str, Any], at: datetime) -> Changed:
    price = price_from_text(msg["price_dollars"])
    levels = dict(book.bids if side is Side.BID else book.asks)
    return Changed(at, side, price, levels.get(price, 0))
