"""The book of one market, in YES prices, kept exact by whole-number arithmetic.

The venue sends bids of both sides: a NO bid at p is a YES ask at one dollar less p.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kalshi_alpha.errors import DataError, SequenceGapError
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import (
    PRICE_UNIT,
    price_from_text,
    price_text,
    size_from_text,
    size_text,
)

Level = tuple[int, int]  # price in 1/10000 dollar, size in 1/100 contract


@dataclass(frozen=True, slots=True)
class Top:
    """The best of each side; an empty side has no price and size 0."""

    bid: int | None
    bid_size: int
    ask: int | None
    ask_size: int


class Book:
    """The YES book of one market, empty at first. Not safe to share between threads."""

    __slots__ = ("_levels", "_top", "ticker")

    def __init__(self, ticker: str) -> None:
        self.ticker = ticker
        self._levels: dict[Side, dict[int, int]] = {Side.BID: {}, Side.ASK: {}}
        self._top: Top | None = None  # what ``top`` said, until a change that could move it

    def __repr__(self) -> str:
        return f"Book({self.ticker!r}, bids={self.bids}, asks={self.asks})"

    @property
    def bids(self) -> tuple[Level, ...]:
        """Return (price, size) of the bids, best (highest) first."""
        return tuple(sorted(self._levels[Side.BID].items(), reverse=True))

    @property
    def asks(self) -> tuple[Level, ...]:
        """Return (price, size) of the asks, best (lowest) first."""
        return tuple(sorted(self._levels[Side.ASK].items()))

    def depth(self, side: Side) -> int:
        """Return all that rests on ``side``, in 1/100 contract."""
        return sum(self._levels[side].values())

    def top(self) -> Top:
        """Return the best price and size of each side; the same object while neither changes."""
        if self._top is not None:
            return self._top
        bids, asks = self._levels[Side.BID], self._levels[Side.ASK]
        bid, ask = max(bids, default=None), min(asks, default=None)
        self._top = Top(
            bid=bid,
            bid_size=0 if bid is None else bids[bid],
            ask=ask,
            ask_size=0 if ask is None else asks[ask],
        )
        return self._top

    def apply_snapshot(self, yes_levels: Iterable[Level], no_levels: Iterable[Level]) -> None:
        """Replace the book by (price, size) of the YES bids and, in NO prices, the NO bids.

        Raises:
            DataError: on a price outside (0, 1) dollar, a negative size, or a price given twice;
                the book is then as it was.
        """
        bids = self._checked(Side.BID, yes_levels)
        asks = self._checked(Side.ASK, ((PRICE_UNIT - price, size) for price, size in no_levels))
        self._levels, self._top = {Side.BID: bids, Side.ASK: asks}, None

    def apply_delta(self, side: Side, price_yes: int, delta: int) -> None:
        """Add ``delta`` (1/100 contract, may be negative) to a level given by its YES price.

        Raises:
            DataError: on a price outside (0, 1) dollar.
            SequenceGapError: when the level would fall below nothing: a message was lost, and the
                book must be asked for anew. The book is then as it was.
        """
        if not 0 < price_yes < PRICE_UNIT:
            self._require_price(price_yes)
        levels = self._levels[side]
        size = levels.get(price_yes, 0) + delta
        if size < 0:
            raise SequenceGapError(
                f"{self.ticker}: the {side} level at {price_text(price_yes)} would fall to "
                f"{size_text(size)}: messages were lost, take a new snapshot"
            )
        if size:
            levels[price_yes] = size
        else:
            levels.pop(price_yes, None)
        top = self._top
        if top is not None:
            best = top.bid if side is Side.BID else top.ask
            behind = best is not None and (
                price_yes < best if side is Side.BID else price_yes > best
            )
            if not behind:
                self._top = None

    def _checked(self, side: Side, levels: Iterable[Level]) -> dict[int, int]:
        kept: dict[int, int] = {}
        for price, size in levels:
            self._require_price(price)
            if size < 0:
                raise DataError(
                    f"{self.ticker}: the {side} level at {price_text(price)} has the size "
                    f"{size_text(size)}, which is less than nothing"
                )
            if price in kept:
                raise DataError(
                    f"{self.ticker}: the {side} level at {price_text(price)} is given twice"
                )
            kept[price] = size
        return {price: size for price, size in kept.items() if size}

    def _require_price(self, price: int) -> None:
        if not 0 < price < PRICE_UNIT:
            raise DataError(
                f"{self.ticker}: the price {price_text(price)} is outside 0 to 1 dollar"
            )


def book_from_orderbook(ticker: str, orderbook_fp: Mapping[str, Any]) -> Book:
    """Read the venue's ``{"yes_dollars": [[price, size], ...], "no_dollars": [...]}``.

    Levels may come in any order; an empty side may be an empty list, null or absent.

    Raises:
        DataError: when a level is not a pair of decimal texts or cannot be in a book.
    """
    book = Book(ticker)
    yes, no = (_levels(ticker, orderbook_fp.get(key)) for key in ("yes_dollars", "no_dollars"))
    book.apply_snapshot(yes, no)
    return book


def _levels(ticker: str, rows: Any) -> list[Level]:
    try:
        return [(price_from_text(price), size_from_text(size)) for price, size in rows or ()]
    except (TypeError, ValueError):
        raise DataError(f"{ticker}: the book's levels are not pairs of price and size") from None
