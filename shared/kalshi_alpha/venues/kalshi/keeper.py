"""The books of one subscription, out of its frames; no socket in it.

``seq`` counts the frames of one subscription over all its markets, so a gap says nothing about
which market lost a delta: every book of the subscription is stale until its own fresh snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from kalshi_alpha.errors import DataError, SequenceGapError
from kalshi_alpha.markets.book import Book, Top
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import PRICE_UNIT, price_from_text, size_from_text

_SIDES = {"yes": Side.BID, "no": Side.ASK}
# A book has some hundred prices and deltas come in few sizes: each text is read once.
_price = lru_cache(maxsize=16_384)(price_from_text)
_size = lru_cache(maxsize=16_384)(size_from_text)


@dataclass(frozen=True, slots=True)
class BookChanged:
    """A book that is current, after a snapshot or a delta."""

    ticker: str
    top: Top


@dataclass
class BookKeeper:
    """The books of one subscription; a book in ``stale`` is not to be trusted."""

    tickers: tuple[str, ...]
    books: dict[str, Book] = field(default_factory=dict)
    stale: set[str] = field(default_factory=set)
    seq: int = 0

    def __post_init__(self) -> None:
        """Trust no book before its snapshot."""
        self.stale = set(self.tickers)

    def follow(self, tickers: Iterable[str]) -> None:
        """Keep the books of ``tickers`` from now on; a new one is stale until its snapshot."""
        before, self.tickers = set(self.tickers), tuple(tickers)
        self.stale = (self.stale | (set(self.tickers) - before)) & set(self.tickers)
        for gone in before - set(self.tickers):
            self.books.pop(gone, None)

    def trusted(self, ticker: str) -> Book | None:
        """Return a book that is current, or None."""
        return None if ticker in self.stale else self.books.get(ticker)

    def apply(self, frame: Mapping[str, Any]) -> BookChanged | None:
        """Apply one frame of the subscription.

        Raises:
            SequenceGapError: when a frame is missing; the books are stale from then on. The frame
                itself is lost with the gap unless it is a snapshot, which needs no past.
            DataError: when it cannot be read; every book is then stale, for whose it was is lost.
        """
        try:
            return self._applied(frame)
        except SequenceGapError:
            raise
        except (DataError, KeyError, TypeError, ValueError, AttributeError) as error:
            self.stale = set(self.tickers)
            raise DataError(f"a frame of the books cannot be read: {str(error)[:200]}") from None

    def _applied(self, frame: Mapping[str, Any]) -> BookChanged | None:
        kind = frame["type"]
        if "seq" in frame:
            seq, expected = _sequence(frame["seq"]), self.seq + 1
            self.seq = seq
            if seq != expected and self.stale != set(self.tickers):
                self.stale = set(self.tickers)
                if kind == "orderbook_snapshot":
                    self._snapshot(frame["msg"])
                raise SequenceGapError(
                    f"frame {seq} came where {expected} was due: {len(self.tickers)} books are "
                    "stale until their snapshots"
                )
        if kind == "orderbook_delta":
            return self._delta(frame["msg"])
        if kind == "orderbook_snapshot":
            return self._snapshot(frame["msg"])
        return None

    def _snapshot(self, msg: Mapping[str, Any]) -> BookChanged | None:
        ticker = msg["market_ticker"]
        if not isinstance(ticker, str):
            raise DataError(f"the market {str(ticker)[:40]!r} is no text")
        if ticker not in self.tickers:
            return None  # one that was let go a moment ago
        book = Book(ticker)
        yes = _levels(msg.get("yes_dollars_fp"))
        # The subscription asks for YES prices on both sides; the book takes NO bids in NO prices.
        no = [(PRICE_UNIT - price, size) for price, size in _levels(msg.get("no_dollars_fp"))]
        book.apply_snapshot(yes, no)
        self.books[ticker] = book
        self.stale.discard(ticker)
        return BookChanged(ticker, book.top())

    def _delta(self, msg: Mapping[str, Any]) -> BookChanged | None:
        ticker = msg["market_ticker"]
        book = self.books.get(ticker)
        if book is None or ticker in self.stale:
            return None
        price, delta = _price(msg["price_dollars"]), _size(msg["delta_fp"])
        try:
            book.apply_delta(_SIDES[msg["side"]], price, delta)
        except SequenceGapError:
            self.stale.add(ticker)
            raise
        return BookChanged(ticker, book.top())


def _sequence(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise DataError(f"the sequence number {str(value)[:40]!r} is no whole number")
    return value


def _levels(rows: Any) -> list[tuple[int, int]]:
    return [(_price(price), _size(size)) for price, size in rows or []]
