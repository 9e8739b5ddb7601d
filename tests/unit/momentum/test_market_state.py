"""The market's state: what a bracket shows, and what is wrong with what comes in."""

from __future__ import annotations

import json
import math

import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.book import Top
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.momentum.motion import Flow, Motion
from kalshi_alpha.momentum.state import MarketState, StateTerms
from tests.made_brackets import made_brackets

TERMS = StateTerms(tau_s=10.0, flow_s=60.0, flow_scale=50.0, memory_s=600.0, gap_s=1800.0)


def state() -> MarketState:
    return MarketState(made_brackets(), TERMS)


def quoted() -> MarketState:
    """Return a state with every bracket quoted two cents wide around a sum of one dollar."""
    found = state()
    for place, cents in enumerate((5, 15, 30, 30, 15, 5)):
        assert found.quote(0.0, place, 100 * cents - 100, 1000, 100 * cents + 100, 3000)
    return found


def test_a_quote_shows_middle_spread_queue_and_neighbours():
    view = quoted().view(1, 4.0)

    assert (view.mid, view.spread) == (0.15, 0.02)
    assert (view.below, view.above) == (pytest.approx(0.10), pytest.approx(-0.15))
    assert (view.queue, view.age_s) == (-0.5, 4.0)
    assert (view.velocity, view.acceleration, view.taken, view.pushed) == (0.0, 0.0, 0.0, 0.0)


def test_the_outermost_brackets_have_a_neighbour_on_one_side_alone():
    assert quoted().view(0, 0.0).below is None
    assert quoted().view(5, 0.0).above is None


def test_the_centre_is_the_mean_of_the_middles_held_to_one():
    found = quoted()

    assert found.whole
    assert found.centre() == pytest.approx(54.5)
    assert found.overround() == pytest.approx(0.0)
    found.quote(1.0, 5, 1400, 1000, 1600, 1000)
    assert found.overround() == pytest.approx(0.10)
    assert found.centre() == pytest.approx((54.5 + 0.10 * 59.5) / 1.10)


def test_the_centre_is_unknown_until_every_bracket_was_heard_of():
    found = state()
    found.quote(0.0, 0, 400, 1, 600, 1)

    assert (found.whole, found.centre(), found.overround()) == (False, None, None)
    assert found.mid(1) is None
    assert found.age_s(1, 5.0) == found.oldest_s(5.0) == math.inf
    assert found.course(1, 5.0) == (0.0, 0.0)
    with pytest.raises(DataError, match=r"nothing was heard of KXHIGHNY-24OCT31-B51\.5 yet"):
        found.view(1, 0.0)


def test_a_jump_moves_a_bracket_and_the_centre():
    found = quoted()
    found.quote(20.0, 3, 3900, 1000, 4100, 1000)

    fresh, later = found.view(3, 20.0), found.view(3, 30.0)
    assert fresh.velocity == pytest.approx(0.1 / 10)
    assert fresh.acceleration == pytest.approx(0.1 / 100)
    assert later.velocity == pytest.approx(0.1 / 10 * math.exp(-1))
    assert later.acceleration == pytest.approx(0.0)  # a lone jump speeds up for tau
    moved = (54.5 + 0.1 * 55.5) / 1.1 - 54.5
    assert found.centre_rates(20.0) == (pytest.approx(moved / 10), pytest.approx(moved / 100))
    assert found.course(3, 20.0) == (0.4, pytest.approx(0.01))
    assert found.course(2, 20.0) == (0.3, 0.0)


def test_the_first_price_and_the_first_after_a_gap_are_no_motion():
    found = quoted()
    found.quote(1.0, 2, 3000, 1000, 3200, 1000)
    found.quote(1802.0, 2, 5000, 1000, 5200, 1000)

    assert found.gaps == 1
    assert found.view(2, 1802.0).velocity == 0.0
    assert found.view(2, 1802.0).mid == 0.51
    found.quote(1803.0, 2, 5100, 1000, 5300, 1000)
    assert found.view(2, 1803.0).velocity == pytest.approx(0.001)


def test_a_silence_within_the_limit_is_no_gap():
    found = quoted()
    found.quote(1800.0, 2, 3000, 1000, 3200, 1000)

    assert found.gaps == 0
    assert found.view(2, 1800.0).velocity > 0.0


@pytest.mark.parametrize(
    ("bid", "bid_size", "ask", "ask_size", "pushed"),
    [
        (2900, 1500, 3100, 3000, 5.0),  # five more want YES at the same price
        (2900, 1000, 3100, 1000, 20.0),  # twenty fewer offer it
        (3000, 700, 3100, 3000, 7.0),  # a better bid, of seven
        (2800, 9000, 3100, 3000, -10.0),  # the bid of ten is gone
        (2900, 1000, 3000, 400, -4.0),  # a better offer, of four
        (2900, 1000, 3200, 400, 30.0),  # the offer of thirty is gone
    ],
)
def test_order_flow_is_what_came_to_the_bid_and_left_the_ask(bid, bid_size, ask, ask_size, pushed):
    found = quoted()
    found.quote(10.0, 2, bid, bid_size, ask, ask_size)

    assert found.view(2, 10.0).pushed == pytest.approx(pushed / (abs(pushed) + 50.0))


def test_takers_press_and_their_pressure_fades():
    found = quoted()
    found.trade(10.0, 2, 3100, 5000, Side.BID)
    found.trade(10.0, 2, 2900, 2000, Side.ASK)

    assert found.view(2, 10.0).taken == pytest.approx((50 - 20) / (50 + 20 + 50))
    kept = math.exp(-1)
    assert found.view(2, 70.0).taken == pytest.approx(30 * kept / (70 * kept + 50))
    assert found.view(2, 10.0).mid == 0.30


def test_without_quotes_the_last_buy_and_sell_make_the_middle():
    found = state()
    assert found.trade(0.0, 2, 3400, 100, Side.BID)
    assert (found.mid(2), found.spread(2)) == (0.34, 0.02)
    assert found.best(2) == (3300, 3500)
    assert found.trade(5.0, 2, 3000, 100, Side.ASK)
    assert (found.mid(2), found.spread(2)) == (0.32, pytest.approx(0.04))
    assert found.best(2) == (3000, 3400)
    assert found.top(2) == Top(bid=3000, bid_size=0, ask=3400, ask_size=0)


def test_a_sale_above_the_last_purchase_moves_the_middle_to_itself():
    found = state()
    found.trade(0.0, 2, 3000, 100, Side.BID)
    found.trade(5.0, 2, 3600, 100, Side.ASK)

    assert (found.mid(2), found.spread(2)) == (0.36, 0.02)


def test_an_old_purchase_makes_no_middle():
    found = state()
    found.trade(0.0, 2, 3400, 100, Side.BID)
    found.trade(601.0, 2, 3000, 100, Side.ASK)

    assert found.mid(2) == 0.30


def test_a_side_that_nobody_quotes_is_nothing_or_a_dollar():
    found = state()
    assert found.quote(0.0, 0, None, 0, 100, 500)
    assert (found.mid(0), found.spread(0)) == (0.005, 0.01)
    assert found.quote(0.0, 5, 9800, 500, None, 0)
    assert found.mid(5) == 0.99
    assert found.top(5) == Top(bid=9800, bid_size=500, ask=None, ask_size=0)
    assert found.best(1) == (0, 10_000)


@pytest.mark.parametrize(
    ("quote", "counted"),
    [
        ((3100, 100, 3100, 100), "crossed"),
        ((3300, 100, 3100, 100), "crossed"),
        ((-100, 100, 3100, 100), "garbled"),
        ((2900, -1, 3100, 100), "garbled"),
        ((2900, 100, 10_100, 100), "garbled"),
    ],
)
def test_a_quote_that_cannot_be_changes_nothing_and_is_counted(quote, counted):
    found = quoted()
    before = found.view(2, 0.0)

    assert not found.quote(0.0, 2, *quote)
    assert getattr(found, counted) == 1
    assert found.view(2, 0.0) == before


def test_a_book_that_emptied_changes_nothing():
    found = quoted()

    assert not found.quote(5.0, 2, None, 0, None, 0)
    assert (found.mid(2), found.crossed, found.garbled) == (0.30, 0, 0)


@pytest.mark.parametrize(("price", "size"), [(0, 100), (10_000, 100), (3000, 0), (3000, -5)])
def test_a_trade_that_cannot_be_is_counted(price, size):
    found = state()

    assert not found.trade(0.0, 2, price, size, Side.BID)
    assert (found.garbled, found.mid(2)) == (1, None)


def test_a_clock_that_is_behind_is_counted_and_taken_as_of_the_last():
    found = quoted()
    found.quote(50.0, 2, 3000, 1000, 3200, 1000)
    found.quote(40.0, 2, 3100, 1000, 3300, 1000)

    assert found.late == 1
    assert found.age_s(2, 60.0) == 10.0
    assert found.view(2, 45.0).age_s == 0.0
    assert found.view(2, 50.0).velocity == pytest.approx(0.002)


def test_the_least_lately_heard_of_is_the_oldest():
    found = quoted()
    for place in (0, 1, 2, 4, 5):
        found.quote(30.0 + place, place, 1000, 1, 1200, 1)

    assert found.oldest_s(40.0) == 40.0
    assert found.age_s(5, 40.0) == 5.0


def test_what_was_saved_goes_on_as_if_it_had_not_stopped():
    whole = quoted()
    whole.quote(20.0, 3, 3900, 1000, 4100, 1000)
    whole.trade(21.0, 2, 3000, 100, Side.BID)
    again = MarketState.from_json(json.loads(json.dumps(whole.to_json())), made_brackets(), TERMS)
    for each in (whole, again):
        each.quote(22.0, 4, 2000, 1000, 2200, 1000)
        each.trade(15.0, 2, 3000, 100, Side.ASK)

    assert again.to_json() == whole.to_json()
    assert [again.view(k, 30.0) for k in range(6)] == [whole.view(k, 30.0) for k in range(6)]
    assert again.centre() == whole.centre()
    assert again.centre_rates(30.0) == whole.centre_rates(30.0)


@pytest.mark.parametrize(
    "change", [{"schema": "other/1"}, {"tickers": ["A"]}, {"each": []}, {"counts": {}}]
)
def test_a_saved_state_of_another_making_is_refused(change):
    with pytest.raises(DataError, match="state"):
        MarketState.from_json(state().to_json() | change, made_brackets(), TERMS)


def test_an_empty_state_can_be_saved():
    doc = json.loads(json.dumps(state().to_json()))

    assert MarketState.from_json(doc, made_brackets(), TERMS).to_json() == state().to_json()


@pytest.mark.parametrize("memory", [0.0, -1.0, math.inf, math.nan])
def test_a_memory_that_is_none_is_refused(memory):
    for make in (lambda: Motion(memory), lambda: Flow(memory, 1.0), lambda: Flow(1.0, memory)):
        with pytest.raises(DataError, match="it must be above 0"):
            make()
