"""What rests, out of listings that are late and a socket that may lose a message."""

from __future__ import annotations

from dataclasses import replace

from kalshi_alpha.markets.orders import OrderStatus
from kalshi_alpha.steps.resting import Resting
from tests.unit.steps.fake_venue import resting_order, the_window

WINDOW = the_window()
ONE, TWO = resting_order(1), resting_order(2)


def ids(resting: Resting) -> list[str]:
    return [order.order_id for order in resting.orders(WINDOW)]


def test_a_listing_replaces_what_was_known():
    resting = Resting([WINDOW])
    resting.listed(WINDOW, [ONE], 1.0)
    resting.listed(WINDOW, [TWO], 2.0)

    assert ids(resting) == ["o2"]


def test_an_order_the_socket_told_of_is_known_at_once():
    resting = Resting([WINDOW])
    resting.changed(ONE, 1.0)

    assert ids(resting) == ["o1"]


def test_a_listing_asked_for_before_the_socket_spoke_does_not_take_it_back():
    resting = Resting([WINDOW])
    resting.changed(ONE, 2.0)
    resting.changed(replace(TWO, status=OrderStatus.CANCELED), 2.0)
    resting.listed(WINDOW, [TWO], 1.5)

    assert ids(resting) == ["o1"]


def test_a_later_listing_corrects_what_the_socket_lost():
    resting = Resting([WINDOW])
    resting.changed(ONE, 2.0)
    resting.listed(WINDOW, [TWO], 2.5)

    assert ids(resting) == ["o2"]


def test_an_order_with_nothing_left_does_not_rest():
    resting = Resting([WINDOW])
    resting.listed(WINDOW, [ONE], 1.0)
    resting.changed(replace(ONE, remaining_size=0), 2.0)

    assert ids(resting) == []


def test_a_cancelled_order_is_gone_until_a_later_listing_says_otherwise():
    resting = Resting([WINDOW])
    resting.listed(WINDOW, [ONE], 1.0)
    resting.gone("o1", 2.0)
    resting.listed(WINDOW, [ONE], 1.9)
    assert ids(resting) == []

    resting.listed(WINDOW, [ONE], 2.1)
    assert ids(resting) == ["o1"]


def test_markets_that_had_an_order_stay_followed():
    resting = Resting([WINDOW])
    resting.listed(WINDOW, [ONE], 1.0)
    resting.listed(WINDOW, [TWO], 2.0)

    assert resting.tickers(WINDOW) == (ONE.ticker, TWO.ticker)


def test_orders_of_other_events_are_passed_over():
    resting = Resting([WINDOW])
    resting.changed(replace(ONE, ticker="KXINXU-25NOV04H1300-T6799.9999"), 1.0)

    assert ids(resting) == []
