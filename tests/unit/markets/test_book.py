"""The book: NO bids are YES asks, arithmetic is exact, and a lost message is noticed."""

from __future__ import annotations

from typing import Any

import pytest

from kalshi_alpha.errors import DataError, SequenceGapError
from kalshi_alpha.markets.book import Book, Top, book_from_orderbook
from kalshi_alpha.markets.orders import Side

TICKER = "KXINXU-25NOV04H1200-T6844.9999"


def book() -> Book:
    found = Book(TICKER)
    found.apply_snapshot(yes_levels=[(4000, 500), (4100, 250)], no_levels=[(5500, 1000), (5700, 1)])
    return found


def test_an_empty_book_has_no_top() -> None:
    assert Book(TICKER).top() == Top(None, 0, None, 0)
    assert Book(TICKER).bids == Book(TICKER).asks == ()
    assert Book(TICKER).depth(Side.BID) == 0


def test_a_snapshot_turns_no_bids_into_yes_asks() -> None:
    assert book().bids == ((4100, 250), (4000, 500))
    assert book().asks == ((4300, 1), (4500, 1000))
    assert book().top() == Top(bid=4100, bid_size=250, ask=4300, ask_size=1)
    assert (book().depth(Side.BID), book().depth(Side.ASK)) == (750, 1001)


def test_deltas_add_shrink_and_remove_levels() -> None:
    found = book()

    found.apply_delta(Side.BID, 4200, 5751)
    found.apply_delta(Side.BID, 4100, -50)
    found.apply_delta(Side.ASK, 4300, -1)

    assert found.bids == ((4200, 5751), (4100, 200), (4000, 500))
    assert found.asks == ((4500, 1000),)


@pytest.mark.parametrize(("side", "price", "delta"), [(Side.BID, 4100, -251), (Side.ASK, 4400, -1)])
def test_a_level_below_nothing_means_lost_messages(side: Side, price: int, delta: int) -> None:
    found = book()

    with pytest.raises(SequenceGapError, match="messages were lost"):
        found.apply_delta(side, price, delta)
    assert (found.bids, found.asks) == (book().bids, book().asks)


@pytest.mark.parametrize("price", [-1, 0, 10_000, 10_001])
def test_a_price_outside_one_dollar_is_refused(price: int) -> None:
    with pytest.raises(DataError, match="outside 0 to 1 dollar"):
        book().apply_delta(Side.BID, price, 100)
    with pytest.raises(DataError, match="outside 0 to 1 dollar"):
        book().apply_snapshot([], [(price, 100)])


def test_a_snapshot_that_contradicts_itself_leaves_the_book_alone() -> None:
    found = book()

    with pytest.raises(DataError, match="given twice"):
        found.apply_snapshot([(4000, 1), (4000, 2)], [])
    with pytest.raises(DataError, match="less than nothing"):
        found.apply_snapshot([(4000, 1)], [(5000, -1)])
    assert found.bids == book().bids


def test_a_snapshot_replaces_everything_and_drops_empty_levels() -> None:
    found = book()

    found.apply_snapshot([(3000, 0), (2000, 7)], [])

    assert (found.bids, found.asks) == (((2000, 7),), ())


@pytest.mark.parametrize(
    "orderbook",
    [
        {"yes_dollars": [["0.4100", "2.50"], ["0.4000", "5.00"]], "no_dollars": [["0.57", "0.01"]]},
        {"yes_dollars": [["0.4000", "5"], ["0.4100", "2.5"]], "no_dollars": [["0.5700", "0.01"]]},
    ],
)
def test_the_venues_text_is_read_in_any_order(orderbook: dict[str, Any]) -> None:
    found = book_from_orderbook(TICKER, orderbook)

    assert found.ticker == TICKER
    assert found.bids == ((4100, 250), (4000, 500))
    assert found.asks == ((4300, 1),)


@pytest.mark.parametrize("orderbook", [{}, {"yes_dollars": None, "no_dollars": []}])
def test_an_absent_side_is_an_empty_side(orderbook: dict[str, Any]) -> None:
    assert book_from_orderbook(TICKER, orderbook).top() == Top(None, 0, None, 0)


@pytest.mark.parametrize(
    "rows", [[["0.41"]], [["0.41", "1", "2"]], ["0.41"], 5, [["0.41", None]], [["x", "1"]]]
)
def test_levels_that_are_not_pairs_of_decimals_are_refused(rows: object) -> None:
    with pytest.raises(DataError):
        book_from_orderbook(TICKER, {"yes_dollars": rows})


def test_a_book_shows_itself() -> None:
    assert repr(Book("X")) == "Book('X', bids=(), asks=())"
