"""The books of one subscription, out of its frames; no socket in it.

``seq`` counts the frames of one subscription over all its markets, so a gap says nothing about
which market lost a delta: every book of the subscription is stale until its own fresh snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec

from kalshi_alpha.errors import DataError, SequenceGapError
from kalshi_alpha.markets.book import Book, Top
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import PRICE_UNIT, price_from_text, size_from_text

_SIDES = {"yes": Side.BID, "no": Side.ASK}
# A book has some hundred prices and deltas come in few sizes: each text is read once.
_price = lru_cache(maxsize=16_384)(price_from_text)
_size = lru_cache(maxsize=16_384)(size_from_text)


class DeltaMessage(msgspec.Struct, frozen=True, gc=False):
    """One level that changed, in the venue's texts."""

    market_ticker: str
    price_dollars: str
    delta_fp: str
    side: str


class Delta(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="orderbook_delta"):
    """The frame there are most of, decoded straight into what is needed of it."""

    sid: int
    seq: int
    msg: DeltaMessage


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
    _said: dict[str, BookChanged] = field(default_factory=dict, repr=False)

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
            raise self._unreadable(error) from None

    def advance(self, delta: Delta) -> BookChanged | None:
        """Apply one delta; raise as ``apply`` does."""
        try:
            if delta.seq == self.seq + 1:
                self.seq = delta.seq
            else:
                self._count(delta.seq)
            msg = delta.msg
            return self._delta(msg.market_ticker, msg.side, msg.price_dollars, msg.delta_fp)
        except SequenceGapError:
            raise
        except (DataError, KeyError) as error:
            raise self._unreadable(error) from None

    def _applied(self, frame: Mapping[str, Any]) -> BookChanged | None:
        kind = frame["type"]
        if "seq" in frame:
            try:
                self._count(_sequence(frame["seq"]))
            except SequenceGapError:
                if kind == "orderbook_snapshot":
                    self._snapshot(frame["msg"])
                raise
        if kind == "orderbook_delta":
            msg = frame["msg"]
            changed = (msg["market_ticker"], msg["side"], msg["price_dollars"], msg["delta_fp"])
            return self._delta(*changed)
        if kind == "orderbook_snapshot":
            return self._snapshot(frame["msg"])
        return None

    def _count(self, seq: int) -> None:
        expected, self.seq = self.seq + 1, seq
        if seq != expected and self.stale != set(self.tickers):
            self.stale = set(self.tickers)
            raise SequenceGapError(
                f"frame {seq} came where {expected} was due: {len(self.tickers)} books are "
                "stale until their snapshots"
            )

    def _unreadable(self, error: Exception) -> DataError:
        self.stale = set(self.tickers)
        return DataError(f"a frame of the books cannot be read: {str(error)[:200]}")

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
        return self._news(ticker, book)

    def _delta(self, ticker: str, side: str, price: str, size: str) -> BookChanged | None:
        book = self.books.get(ticker)
        if book is None or ticker in self.stale:
            return None
        try:
            book.apply_delta(_SIDES[side], _price(price), _size(size))
        except SequenceGapError:
            self.stale.add(ticker)
            raise
        return self._news(ticker, book)

    def _news(self, ticker: str, book: Book) -> BookChanged:
        """Return the news of a book; most deltas leave its top, and so the news, as it was."""
        top, said = book.top(), self._said.get(ticker)
        if said is None or said.top is not top:
            said = self._said[ticker] = BookChanged(ticker, top)
        return said


def _sequence(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise DataError(f"the sequence number {str(value)[:40]!r} is no whole number")
    return value


def _levels(rows: Any) -> list[tuple[int, int]]:
    return [(_price(price), _size(size)) for price, size in rows or []]
