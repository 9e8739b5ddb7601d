from dataclasses import replace

import pytest
from trading_samples import FREE, MAKER, QUOTING, contract, top

from kalshi_alpha.markets.book import Book
from kalshi_alpha.markets.orders import LiveOrder, OrderStatus, Side
from kalshi_alpha.trading.candidates import candidate, candidates, others_top

MARKET = contract()


def look(side, probability, seen, terms=FREE, quoting=QUOTING):
    return candidate(MARKET, side, probability, seen, terms, quoting)


def prices(found):
    return [(option.edge.price, option.crosses) for option in found.options]


def test_the_best_price_a_tick_better_and_a_tick_worse_are_looked_at():
    found = look(Side.BID, 0.60, top(5000, 5500))

    assert prices(found) == [(5100, False), (5000, False), (4900, False)]
    assert [option.edge.ev for option in found.options] == pytest.approx([0.09, 0.10, 0.11])


def test_asks_are_looked_at_from_the_other_end():
    found = look(Side.ASK, 0.40, top(4500, 5000))
    assert prices(found) == [(4900, False), (5000, False), (5100, False)]


@pytest.mark.parametrize(
    ("probability", "chosen"),
    [(0.60, 5100), (0.56, 5100), (0.559, 5000), (0.55, 5000), (0.54, 4900), (0.539, None)],
)
def test_the_most_aggressive_price_that_still_earns_the_threshold_is_chosen(probability, chosen):
    found = look(Side.BID, probability, top(5000, 5500))
    assert (found.chosen.price if found.chosen else None) == chosen


@pytest.mark.parametrize(
    ("probability", "chosen"), [(0.40, 4900), (0.45, 5000), (0.46, 5100), (0.461, None)]
)
def test_the_same_for_asks(probability, chosen):
    found = look(Side.ASK, probability, top(4500, 5000))
    assert (found.chosen.price if found.chosen else None) == chosen


def test_a_price_that_would_meet_the_other_side_is_seen_but_never_chosen():
    found = look(Side.BID, 0.90, top(5000, 5100))

    assert prices(found) == [(5100, True), (5000, False), (4900, False)]
    assert found.chosen.price == 5000
    assert found.best.price == 4900

    found = look(Side.ASK, 0.10, top(5000, 5100))
    assert prices(found) == [(5000, True), (5100, False), (5200, False)]
    assert found.chosen.price == 5100


def test_a_candidate_below_the_threshold_keeps_its_best_price_for_the_record():
    found = look(Side.BID, 0.50, top(5000, 5500))

    assert found.chosen is None
    assert found.best.price == 4900
    assert found.best.ev == pytest.approx(0.01)


def test_prices_past_the_end_of_the_grid_are_not_looked_at():
    assert prices(look(Side.BID, 0.5, top(100, 5500))) == [(200, False), (100, False)]
    assert prices(look(Side.ASK, 0.5, top(100, 9900))) == [(9800, False), (9900, False)]


def test_favour_of_no_ticks_only_joins():
    still = replace(QUOTING, favor_ticks=0)
    assert prices(look(Side.BID, 0.6, top(5000, 5500), quoting=still)) == [(5000, False)]


def test_an_empty_own_side_is_quoted_from_fair_less_the_threshold_on_the_grid():
    found = look(Side.BID, 0.507, top(ask=9000))
    assert prices(found) == [(4500, False)]
    assert found.chosen.ev == pytest.approx(0.057)

    found = look(Side.ASK, 0.507, top(bid=1000))
    assert prices(found) == [(5600, False)]
    assert found.chosen.ev == pytest.approx(0.053)


def test_an_empty_own_side_pays_for_its_fee_too():
    found = look(Side.BID, 0.55, top(ask=9000), terms=MAKER)

    assert found.chosen.price == 4900
    assert found.chosen.clears(500)


def test_an_empty_own_side_never_crosses_either():
    found = look(Side.BID, 0.90, top(ask=5000))

    assert prices(found) == [(8500, True), (4900, False)]
    assert found.chosen.price == 4900

    found = look(Side.ASK, 0.10, top(bid=5000))
    assert prices(found) == [(1500, True), (5100, False)]


def test_an_empty_own_side_has_no_price_where_the_threshold_leaves_the_grid():
    assert look(Side.BID, 0.04, top(ask=500)).options == ()
    assert look(Side.ASK, 0.97, top(bid=9500)).options == ()
    assert look(Side.BID, 0.04, top(ask=500)).best is None


def test_every_contract_gets_both_sides_and_a_missing_book_counts_as_empty():
    other = replace(MARKET, ticker="KXINXU-25NOV04H1200-T6849.9999")
    found = candidates(
        [(MARKET, 0.6), (other, 0.4)], {MARKET.ticker: top(5000, 5500)}, FREE, QUOTING
    )

    assert [(c.ticker, c.side) for c in found] == [
        (MARKET.ticker, Side.BID),
        (MARKET.ticker, Side.ASK),
        (other.ticker, Side.BID),
        (other.ticker, Side.ASK),
    ]
    assert found[2].top == top()


def live(side, price, remaining=100, status=OrderStatus.RESTING, ticker=MARKET.ticker):
    return LiveOrder(
        order_id="o",
        client_order_id="c",
        ticker=ticker,
        side=side,
        price=price,
        initial_size=100,
        filled_size=0,
        remaining_size=remaining,
        status=status,
    )


def book():
    made = Book(MARKET.ticker)
    made.apply_snapshot([(5000, 300), (5100, 100)], [(10_000 - 5300, 100), (10_000 - 5400, 200)])
    return made


def test_our_own_orders_are_taken_out_of_the_book_before_we_look_at_it():
    orders = [live(Side.BID, 5100), live(Side.ASK, 5300)]
    seen = others_top(book(), orders)

    assert (seen.bid, seen.bid_size, seen.ask, seen.ask_size) == (5000, 300, 5400, 200)
    assert (others_top(book(), []).bid, others_top(book(), []).ask) == (5100, 5300)


def test_only_our_part_of_a_shared_level_is_taken_out():
    seen = others_top(book(), [live(Side.BID, 5100, remaining=40)])
    assert (seen.bid, seen.bid_size) == (5100, 60)


def test_orders_that_are_over_or_elsewhere_take_nothing_out():
    orders = [
        live(Side.BID, 5100, status=OrderStatus.CANCELED),
        live(Side.BID, 5100, ticker="KXINXU-25NOV04H1200-T6849.9999"),
    ]
    assert others_top(book(), orders).bid == 5100


def test_a_book_that_is_all_ours_has_an_empty_top():
    orders = [live(Side.BID, 5000, remaining=300), live(Side.BID, 5100)]
    assert others_top(book(), orders).bid is None
