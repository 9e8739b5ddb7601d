"""The top of a book is what its levels say, whatever happened before it was asked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.errors import SequenceGapError
from kalshi_alpha.markets.book import Book, Top
from kalshi_alpha.markets.orders import Side

DELTAS = st.tuples(st.sampled_from(Side), st.integers(1, 8), st.integers(-3, 3), st.booleans())


def of_levels(book: Book) -> Top:
    bid, bid_size = book.bids[0] if book.bids else (None, 0)
    ask, ask_size = book.asks[0] if book.asks else (None, 0)
    return Top(bid, bid_size, ask, ask_size)


@given(changes=st.lists(DELTAS, max_size=60))
def test_the_top_follows_every_delta(changes):
    book = Book("M")
    for side, price, delta, asked in changes:
        try:
            book.apply_delta(side, price * 1000, delta)
        except SequenceGapError:
            continue
        if asked:
            assert book.top() == of_levels(book)
    assert book.top() == of_levels(book)


@given(changes=st.lists(DELTAS, max_size=30), price=st.integers(1, 8))
def test_a_snapshot_replaces_the_top(changes, price):
    book = Book("M")
    for side, at, delta, _ in changes:
        book.apply_delta(side, at * 1000, abs(delta))
    book.top()
    book.apply_snapshot([(price * 1000, 5)], [])

    assert book.top() == Top(price * 1000, 5, None, 0)


def test_the_same_top_is_the_same_object_while_it_stands():
    book = Book("M")
    book.apply_delta(Side.BID, 5000, 100)
    top = book.top()
    book.apply_delta(Side.BID, 4900, 100)
    assert book.top() is top

    book.apply_delta(Side.BID, 5000, 1)
    assert book.top() == Top(5000, 101, None, 0)
