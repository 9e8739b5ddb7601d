"""Simulated orders: what fills them, what only touches them, and when they are there."""

from __future__ import annotations

from datetime import date

import pytest

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.pricing.fees import fee_regime_on, fee_terms
from kalshi_alpha.research.backtest.book import TradedBook
from kalshi_alpha.research.backtest.fills import Evidence
from kalshi_alpha.research.backtest.venue import PaperVenue, positions
from kalshi_alpha.trading.plan import TargetQuote

FREE = fee_terms("quadratic", "0.5")
REGIME = fee_regime_on(date(2026, 1, 5))


def venue(latency_s=0.25, through=1, terms=FREE):
    return PaperVenue(terms, REGIME, latency_s, through)


def target(side=Side.BID, price=4500, size=100):
    return TargetQuote("M", side, price, size, 0, 500_000, 50_000)


def resting(side=Side.BID, price=4500, size=100, **options):
    made = venue(**options)
    made.place(10.0, "a", 0, target(side, price, size), 0.05)
    return made


def test_a_trade_through_the_price_fills_at_the_price():
    made = resting()

    made.meet(11.0, 0, 4400, 700, 0, 0)

    (fill,) = made.fills
    assert (fill.price, fill.size, fill.evidence) == (4500, 100, Evidence.TRADE_THROUGH)
    assert (fill.at, fill.placed, fill.ev, fill.fee) == (11.0, 10.25, 0.05, 0)


def test_a_trade_at_the_price_touches_once_and_never_counts():
    made = resting()

    made.meet(11.0, 0, 4500, 700, 0, 0)
    made.meet(12.0, 0, 4500, 700, 0, 0)

    assert made.fills == []
    assert [touch.evidence for touch in made.touches] == [Evidence.TOUCHED]
    assert not Evidence.TOUCHED.counts
    assert Evidence.TRADE_THROUGH.counts
    assert Evidence.QUEUE_CLEARED.counts


@pytest.mark.parametrize(
    ("side", "sold", "bought", "fills"),
    [
        (Side.BID, 4400, 0, 1),
        (Side.BID, 0, 4400, 0),  # somebody bought lower: no seller came to us
        (Side.BID, 4600, 0, 0),
        (Side.ASK, 0, 4600, 1),
        (Side.ASK, 4600, 0, 0),
        (Side.ASK, 0, 4400, 0),
    ],
)
def test_only_takers_of_the_other_side_fill(side, sold, bought, fills):
    made = resting(side)

    made.meet(11.0, 0, sold, 300 if sold else 0, bought, 300 if bought else 0)

    assert len(made.fills) == fills


def test_a_second_that_began_before_the_order_arrived_does_not_fill_it():
    made = resting(latency_s=1.5)

    made.meet(11.0, 0, 4000, 100, 0, 0)
    assert made.fills == []

    made.meet(12.0, 0, 4000, 100, 0, 0)
    assert len(made.fills) == 1


def test_a_cancel_on_its_way_does_not_stop_a_fill():
    made = resting()
    made.end(20.0, made.live()[0])

    made.meet(20.0, 0, 4000, 100, 0, 0)

    assert len(made.fills) == 1
    assert made.live() == []


def test_a_cancel_that_arrived_stops_every_fill():
    made = resting()
    made.end(20.0, made.live()[0])

    made.meet(21.0, 0, 4000, 100, 0, 0)

    assert made.fills == []


def test_what_fills_while_it_is_replaced_is_not_filled_again():
    made = resting(latency_s=1.0)
    made.end(20.0, made.live()[0])
    made.place(20.0, "a", 0, target(price=4600), 0.04)

    made.meet(20.0, 0, 4000, 700, 0, 0)
    made.meet(21.0, 0, 4000, 700, 0, 0)

    assert [fill.price for fill in made.fills] == [4500]
    assert positions(made.fills) == {"M": 100}


def test_a_fill_is_no_larger_than_what_traded():
    made = resting(size=500)

    made.meet(11.0, 0, 4400, 200, 0, 0)
    made.meet(12.0, 0, 4400, 200, 0, 0)
    made.meet(13.0, 0, 4400, 200, 0, 0)

    assert [fill.size for fill in made.fills] == [200, 200, 100]


def test_a_stricter_rule_wants_more_cents_through():
    made = resting(through=200)

    made.meet(11.0, 0, 4400, 100, 0, 0)
    made.meet(12.0, 0, 4300, 100, 0, 0)

    assert [fill.at for fill in made.fills] == [12.0]


def test_another_market_does_not_fill():
    made = resting()

    made.meet(11.0, 1, 100, 100, 0, 0)

    assert made.fills == []


def test_taking_fills_on_what_others_of_its_side_took_and_pays_the_takers_fee():
    made = venue()
    made.take(10.0, 0, target(price=4500), 1.0)

    made.meet(11.0, 0, 0, 0, 4400, 300)
    made.meet(12.0, 0, 0, 0, 4400, 300)

    (fill,) = made.fills
    assert fill.is_taker
    # 0.07 x 0.5 x 1 x 0.45 x 0.55 is $0.0087, and that year's rule rounds an order up to a cent
    assert (fill.price, fill.fee) == (4500, 10_000)


def test_a_book_of_trades_forgets_and_resolves_contradictions():
    book = TradedBook(60.0, 0)
    book.take(0.0, 0, 4000, 100, 0, 0)
    book.take(5.0, 0, 0, 0, 4400, 200)
    assert (book.top(0, 10.0).bid, book.top(0, 10.0).ask) == (4000, 4400)
    assert book.mid(0, 10.0) == 0.42

    book.take(20.0, 0, 4500, 100, 0, 0)  # the bid is now above the ask: the newer one stays
    assert (book.top(0, 21.0).bid, book.top(0, 21.0).ask) == (4500, None)
    assert book.mid(0, 21.0) is None
    assert book.top(0, 81.0).bid is None
    assert not book.knows(1)


def test_a_wider_book_lies_further_out_and_never_outside_a_dollar():
    book = TradedBook(60.0, 100)
    book.take(0.0, 0, 100, 100, 5000, 100)

    assert (book.top(0, 1.0).bid, book.top(0, 1.0).ask) == (None, 5100)
