"""One order walked through the trades of its market: what each must and may have given it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from kalshi_alpha.markets.orders import Fill, PublicTrade, Side
from kalshi_alpha.parity.queue import Given, Stay, Walk

T0 = datetime(2026, 10, 6, 15, 56, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


STAY = Stay("M", Side.BID, 4000, 100, at(0), at(0), at(60), at(60))
# Five contracts stood at the price, then ours came, and two more behind.
LEVEL = [(at(-5), 500), (at(0), 600), (at(5), 800)]


def sale(seconds: float, price: int, size: int, name: str = "t") -> PublicTrade:
    return PublicTrade(name, "M", price, size, Side.ASK, at(seconds))


def got(size: int, seconds: float = 10, name: str = "t") -> dict[str, Fill]:
    return {name: Fill("f", "o", "M", Side.BID, 4000, size, False, 0, at(seconds))}


def bounds(found: list[Given]) -> list[tuple[int, int, int]]:
    return [(each.least, each.most, each.got) for each in found]


def test_a_trade_gives_what_goes_past_those_before_us() -> None:
    found = Walk(STAY, LEVEL).through([sale(10, 4000, 540)], got(40))
    assert bounds(found) == [(40, 40, 40)]
    assert (found[0].explained, found[0].forced) == (True, True)


def test_a_trade_that_does_not_reach_us_gives_nothing() -> None:
    assert Walk(STAY, LEVEL).through([sale(10, 4000, 500)], {}) == []


def test_what_was_cancelled_may_have_stood_before_us() -> None:
    level = [*LEVEL, (at(7), 500)]  # three contracts are gone
    found = Walk(STAY, level).through([sale(10, 4000, 450)], {})
    assert bounds(found) == [(50, 100, 0)]
    assert not found[0].explained  # at most four of the five can still have been before us
    found = Walk(STAY, [*LEVEL, (at(7), 700)]).through([sale(10, 4000, 450)], {})
    assert bounds(found) == [(0, 50, 0)]
    assert (found[0].explained, found[0].forced) == (True, False)


def test_what_was_cancelled_in_the_same_moment_may_have_been_before_the_trade() -> None:
    level = [*LEVEL, (at(9.98), 500), (at(10.01), 50)]
    found = Walk(STAY, level).through([sale(10, 4000, 450)], {})
    assert bounds(found) == [(0, 100, 0)]


def test_trades_of_one_moment_come_one_after_the_other() -> None:
    level = [*LEVEL, (at(7), 700), (at(10), 260)]  # one is gone, then two trades at once
    trades = [sale(10, 4000, 400, "a"), sale(10, 4000, 40, "t")]
    found = Walk(STAY, level).through(trades, got(40))
    assert bounds(found) == [(0, 40, 40)]


def test_what_a_taker_took_from_us_and_from_those_behind_us_has_no_order() -> None:
    level = [(at(-5), 0), (at(0), 100), (at(5), 2600), (at(10), 100)]  # we stand first
    for names in (("a", "b"), ("b", "a")):
        trades = [sale(10, 4000, 2400, names[0]), sale(10, 4000, 100, names[1])]
        found = Walk(STAY, level).through(trades, got(100, name=names[1]))
        assert bounds(found) == [(100, 100, 100)]


def test_a_taker_that_left_us_out_though_we_stood_first_is_seen() -> None:
    level = [(at(-5), 0), (at(0), 100), (at(5), 2600), (at(10), 100)]
    trades = [sale(10, 4000, 2400, "a"), sale(10, 4000, 90, "b")]
    (found,) = Walk(STAY, level).through(trades, {})
    assert (found.least, found.got, found.explained) == (100, 0, False)


def test_a_fill_tells_that_nothing_stands_before_us_any_more() -> None:
    level = [*LEVEL, (at(7), 500), (at(10), 200)]
    trades = [sale(10, 4000, 300, "a"), sale(20, 4000, 40, "b")]
    found = Walk(STAY, level).through(trades, got(60, name="a") | got(40, 20, "b"))
    assert bounds(found) == [(0, 100, 60), (40, 40, 40)]


def test_once_reached_nothing_is_before_us_any_more() -> None:
    trades = [sale(10, 4000, 540, "a"), sale(20, 4000, 30, "b"), sale(30, 4000, 90, "c")]
    fills = got(40, name="a") | got(30, 20, "b") | got(30, 30, "c")
    found = Walk(STAY, [*LEVEL, (at(10), 260), (at(20), 230)]).through(trades, fills)
    assert bounds(found) == [(40, 40, 40), (30, 30, 30), (30, 30, 30)]


def test_a_trade_past_our_price_must_have_filled_us_first() -> None:
    (found,) = Walk(STAY, LEVEL).through([sale(10, 3900, 10)], {})
    assert (found.least, found.got, found.explained) == (100, 0, False)


def test_a_sweep_fills_us_and_goes_on_whatever_the_order_of_its_trades() -> None:
    trades = [sale(10, 3900, 10, "below"), sale(10, 4000, 800, "t")]
    found = Walk(STAY, LEVEL).through(trades, got(100))
    assert [each for each in found if not each.explained] == []
    assert bounds(found)[-1] == (100, 100, 100)


def test_a_trade_better_than_our_price_gives_us_nothing() -> None:
    assert Walk(STAY, LEVEL).through([sale(10, 4100, 900)], {}) == []
    (found,) = Walk(STAY, LEVEL).through([sale(10, 4100, 900)], got(100))
    assert not found.explained


def test_a_purchase_does_not_meet_a_bid() -> None:
    bought = replace(sale(10, 3900, 900), taker_side=Side.BID)
    assert Walk(STAY, LEVEL).through([bought], {}) == []


def test_a_trade_about_our_coming_or_going_need_not_have_met_us() -> None:
    for seconds in (0.04, 59.96):
        found = Walk(STAY, LEVEL).through([sale(seconds, 3900, 10)], {})
        assert [each for each in found if not each.explained] == []
    for seconds in (-0.06, 60.06):
        assert Walk(STAY, LEVEL).through([sale(seconds, 3900, 10)], {}) == []


def test_without_a_book_a_trade_at_our_price_proves_nothing_and_forbids_nothing() -> None:
    assert bounds(Walk(STAY).through([sale(10, 4000, 300)], {})) == [(0, 100, 0)]
    assert bounds(Walk(STAY).through([sale(10, 4000, 300)], got(100))) == [(0, 100, 100)]


def test_a_book_first_known_later_bounds_what_comes_after_it() -> None:
    level = [(at(5), 300)]  # ours and two others, who may be before or behind
    found = Walk(STAY, level).through([sale(2, 4000, 50, "a"), sale(10, 4000, 250, "b")], {})
    assert bounds(found) == [(0, 50, 0), (50, 100, 0)]


def test_on_paper_a_touch_gives_nothing_and_a_trade_past_the_price_its_size() -> None:
    trades = [sale(10, 4000, 900, "touch"), sale(11, 3900, 70, "a"), sale(12, 3900, 70, "b")]
    fills = got(70, 11, "a") | got(30, 12, "b")
    found = Walk(STAY, (), by_trade_through=True).through(trades, fills)
    assert bounds(found) == [(70, 70, 70), (30, 30, 30)]
    (missed,) = Walk(STAY, (), by_trade_through=True).through(trades[:2], {})
    assert not missed.explained
