"""The momentum strategy: what it wants to rest, what it takes back, and why."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.markets.book import Top
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.strikes import Payoff
from kalshi_alpha.markets.ticks import TickGrid
from kalshi_alpha.momentum.brackets import bracket_set
from kalshi_alpha.momentum.events import (
    Halted,
    Held,
    Looked,
    Quoted,
    Resumed,
    Ticked,
    Traded,
    Unheard,
)
from kalshi_alpha.momentum.inventory import Feed, Holding
from kalshi_alpha.momentum.pool import PoolWeights
from kalshi_alpha.momentum.strategy import Learned, Market, Momentum
from kalshi_alpha.momentum.terms import load_terms, parse_terms
from kalshi_alpha.pricing.fees import fee_terms
from tests.conftest import ROOT

BRACKETS = bracket_set(
    [
        ("LOW", Payoff(None, 38)),
        ("A", Payoff(39, 40)),
        ("B", Payoff(41, 42)),
        ("HIGH", Payoff(43, None)),
    ]
)
GRID = TickGrid.from_price_ranges([{"start": "0.0000", "end": "1.0000", "step": "0.0100"}])
MARKET = Market(fee_terms("quadratic", 1), GRID)
GOOD = Feed(connected=True, silent_s=1.0)
TEXT = (ROOT / "shared/kalshi_alpha/momentum/strategy.toml").read_text("utf-8")


def eager_terms():
    """Return terms under which a clear move always gives an order."""
    terms = load_terms()
    return replace(
        terms,
        signals=replace(
            terms.signals,
            least_velocity=1e-4,
            least_acceleration=-1.0,
            least_flow=-1.0,
            least_edge=-1.0,
            most_incoherence=1.0,
        ),
        lean=replace(terms.lean, keep_edge=-1.0, life_s=100.0, size=5),
    )


def strict_terms():
    """Return terms under which no move earns enough."""
    terms = load_terms()
    return replace(terms, signals=replace(terms.signals, least_edge=0.5))


def top(bid, ask):
    return Top(bid=bid, bid_size=10_000, ask=ask, ask_size=10_000)


def begun(terms=None):
    """Return a strategy that has heard every book, and seen the weather."""
    strategy = Momentum(BRACKETS, MARKET, terms or eager_terms(), 0.0)
    strategy.take(Looked(0.0, (0.1, 0.3, 0.4, 0.2), 0.01))
    for place, (bid, ask) in enumerate([(800, 1200), (2800, 3200), (3800, 4200), (1800, 2200)]):
        strategy.take(Quoted(1.0, place, top(bid, ask)))
    return strategy


def leant(terms=None):
    """Return a strategy that wants to buy the third bracket, which has just risen."""
    strategy = begun(terms)
    turn = strategy.take(Quoted(5.0, 2, top(4400, 4800)))
    assert [(one.ticker, one.side) for one in turn.wanted if one.kind == "leader"] == [
        ("B", Side.BID)
    ]
    return strategy, turn


def test_a_bracket_that_leads_is_bid_for_at_the_best_price_and_nothing_crosses():
    strategy, turn = leant()
    lead = next(one for one in turn.wanted if one.kind == "leader")
    assert (lead.price, lead.size, lead.until) == (4400, 500, 105.0)
    assert turn.changed
    assert sum(strategy.beliefs()) == pytest.approx(1.0)
    quoted = [record for record in turn.records if record.action == "quote"]
    assert {record.ticker for record in quoted} == {one.ticker for one in turn.wanted}
    assert all(record.pros for record in quoted)


def test_a_move_that_earns_too_little_is_refused_with_its_reason():
    strategy = begun(strict_terms())
    turn = strategy.take(Quoted(5.0, 2, top(4400, 4800)))
    assert turn.wanted == ()
    assert turn.records
    assert all(one.action == "refuse" and one.code and one.reason for one in turn.records)


def test_an_order_leaves_when_its_signal_is_old():
    strategy, _ = leant()
    turn = strategy.take(Ticked(105.0, GOOD))
    assert turn.wanted == ()
    assert {record.code for record in turn.records} == {"over"}


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (Halted(6.0, "the kill-switch is on"), "stopped"),
        (Ticked(6.0, Feed(connected=False, silent_s=1.0)), "stopped"),
        (Ticked(6.0, Feed(connected=True, silent_s=31.0)), "stopped"),
        (Ticked(6.0, Feed(connected=True, silent_s=1.0, gap=True)), "stopped"),
        (Looked(6.0, None, 1.0), "hazard"),
        (Unheard(6.0, (0, 1, 2, 3), "a gap"), "stale"),
    ],
)
def test_every_reason_to_leave_takes_all_orders(event, code):
    strategy, _ = leant()
    turn = strategy.take(event)
    assert turn.wanted == ()
    assert {record.code for record in turn.records} == {code}
    assert all(record.action == "withdraw" and record.reason for record in turn.records)


def test_what_pulls_says_so_and_a_stale_book_alone_does_not():
    strategy, _ = leant()
    assert strategy.take(Halted(6.0, "the kill-switch is on")).pull == "the kill-switch is on"
    assert strategy.take(Resumed(7.0)).pull == ""
    assert "stream is down" in strategy.take(Ticked(8.0, Feed(False, 1.0))).pull
    assert strategy.take(Ticked(9.0, GOOD)).pull == ""


def test_after_a_final_halt_nothing_resumes():
    strategy, _ = leant()
    strategy.take(Halted(6.0, "the day is frozen", final=True))
    strategy.take(Resumed(7.0))
    turn = strategy.take(Quoted(8.0, 2, top(5400, 5800)))
    assert turn.wanted == ()
    assert turn.pull == "the day is frozen"


def test_with_one_book_stale_no_bracket_is_leant_on():
    strategy = begun()
    strategy.take(Unheard(4.0, (0,), "a gap"))
    turn = strategy.take(Quoted(5.0, 2, top(4400, 4800)))
    assert turn.wanted == ()
    assert {record.code for record in turn.records} == {"stale"}


def test_without_weather_nothing_is_wanted_and_old_weather_is_none():
    never = Momentum(BRACKETS, MARKET, eager_terms(), 0.0)
    assert never.hazard_at(1.0) == 1.0
    strategy, _ = leant()
    assert strategy.hazard_at(7_200.0) == 0.01
    assert strategy.hazard_at(7_201.0) == 1.0


def test_a_filled_order_is_spent_and_a_part_leaves_the_rest():
    strategy, turn = leant()
    lead = next(one for one in turn.wanted if one.kind == "leader")
    partly = [Holding(), Holding(), Holding(200, 880_000), Holding()]
    after = strategy.take(Held(6.0, partly))
    assert next(one for one in after.wanted if one.ticker == "B").size == lead.size - 200
    whole = [Holding(), Holding(), Holding(500, 2_200_000), Holding()]
    assert "B" not in {one.ticker for one in strategy.take(Held(7.0, whole)).wanted}


def test_caps_leave_room_for_whole_contracts_only():
    terms = eager_terms()
    tight = replace(terms, inventory=replace(terms.inventory, bracket_loss=1_000_000))
    _, turn = leant(tight)
    assert next(one for one in turn.wanted if one.kind == "leader").size == 200
    none = replace(terms, inventory=replace(terms.inventory, event_loss=100_000))
    strategy = begun(none)
    turn = strategy.take(Quoted(5.0, 2, top(4400, 4800)))
    assert "room" in {record.code for record in turn.records}


def test_a_day_that_has_lost_enough_adds_nothing():
    strategy = begun()
    strategy.take(Held(2.0, [Holding()] * 4, result=-20_000_000))
    turn = strategy.take(Quoted(5.0, 2, top(4400, 4800)))
    assert turn.wanted == ()
    assert {record.code for record in turn.records} == {"daily_loss"}


def test_a_high_hazard_leaves_less_of_a_size():
    strategy = begun()
    strategy.take(Looked(2.0, (0.1, 0.3, 0.4, 0.2), 0.325))
    turn = strategy.take(Quoted(5.0, 2, top(4400, 4800)))
    assert {one.size for one in turn.wanted if one.kind == "leader"} == {200}


def test_trades_alone_are_enough_where_no_book_is_heard():
    strategy = Momentum(BRACKETS, MARKET, eager_terms(), 0.0)
    strategy.take(Looked(0.0, (0.1, 0.3, 0.4, 0.2), 0.01))
    for place, price in enumerate((1000, 3000, 4000, 2000)):
        strategy.take(Traded(1.0, place, price, 100, Side.BID))
    turn = strategy.take(Traded(5.0, 2, 4600, 100, Side.BID))
    assert "B" in {one.ticker for one in turn.wanted}


def test_a_refusal_that_goes_on_is_recorded_once_in_a_while():
    strategy = begun(strict_terms())
    first = strategy.take(Quoted(5.0, 2, top(4400, 4800)))
    again = strategy.take(Quoted(6.0, 2, top(4300, 4700)))
    assert len(again.records) < len(first.records) + 1
    names = {(one.kind, one.ticker, one.side, one.code) for one in first.records}
    assert not names & {(one.kind, one.ticker, one.side, one.code) for one in again.records}


def test_holdings_of_another_event_are_refused():
    with pytest.raises(DataError, match="not one for each"):
        begun().take(Held(2.0, [Holding()] * 3))


def test_a_snapshot_of_other_terms_is_refused():
    strategy, _ = leant()
    with pytest.raises(DataError, match="other terms"):
        Momentum.from_json(
            strategy.to_json(), BRACKETS, MARKET, replace(load_terms(), hash="another")
        )
    garbled = strategy.to_json() | {"wanted": [{"side": "both"}]}
    with pytest.raises(DataError, match="garbles"):
        Momentum.from_json(garbled, BRACKETS, MARKET, eager_terms())


def test_with_a_pool_its_weights_are_believed_and_without_them_the_filter_alone():
    weights = PoolWeights((2.0,) * 5, 0.0, 0.0)
    alone = begun()
    sharper = Momentum(BRACKETS, MARKET, eager_terms(), 0.0, Learned(0.0, weights))
    sharper.take(Looked(0.0, (0.1, 0.3, 0.4, 0.2), 0.01))
    for place, (bid, ask) in enumerate([(800, 1200), (2800, 3200), (3800, 4200), (1800, 2200)]):
        sharper.take(Quoted(1.0, place, top(bid, ask)))
    assert alone.beliefs() == alone.filter.probabilities()
    assert sharper.filter.probabilities() == alone.beliefs()
    assert sharper.beliefs()[2] > alone.beliefs()[2]
    assert sum(sharper.beliefs()) == pytest.approx(1.0)
    kept = sharper.to_json()
    again = Momentum.from_json(kept, BRACKETS, MARKET, eager_terms(), Learned(0.0, weights))
    assert again.beliefs() == sharper.beliefs()


def test_it_never_takes_whatever_its_terms_say():
    terms = eager_terms()
    taking = replace(
        terms,
        signals=replace(terms.signals, taker_allowed=True, taker_edge=-1.0),
        lean=replace(terms.lean, calibrated=True),
    )
    _, turn = leant(taking)
    assert next(one for one in turn.wanted if one.kind == "leader").price == 4400


@pytest.mark.parametrize(
    ("line", "instead"),
    [("size = 5", "size = 0"), ("life_s = ", "life_s = -1#"), ("[lean]", "[leaning]"),
     ('bracket_loss = "5.00"', "bracket_loss = 5")],
)  # fmt: skip
def test_terms_that_say_something_impossible_are_refused(line, instead):
    with pytest.raises(ConfigurationError):
        parse_terms(TEXT.replace(line, instead))


def late(strategy, told):
    """Return each turn of a burst in the third bracket when the others are silent for hours."""
    strategy.take(Looked(9000.0, (0.1, 0.3, 0.4, 0.2), 0.01))
    prices = enumerate((4000, 4300, 4600))
    return [strategy.take(told(9000.0 + 2.0 * k, price)) for k, price in prices]


def test_a_book_that_is_followed_is_not_old_however_long_it_has_not_changed():
    *_, turn = late(begun(), lambda at, price: Quoted(at, 2, top(price, price + 400)))
    assert [one.ticker for one in turn.wanted if one.kind == "leader"] == ["B"]


def test_where_trades_alone_are_heard_a_bracket_that_was_silent_for_hours_is_old():
    strategy = Momentum(BRACKETS, MARKET, eager_terms(), 0.0)
    for place, price in enumerate((1000, 3000, 4000, 2000)):
        strategy.take(Traded(1.0, place, price, 1000, Side.BID))
    turns = late(strategy, lambda at, price: Traded(at, 2, price, 1000, Side.BID))
    assert [turn.wanted for turn in turns] == [()] * 3
    assert {record.code for turn in turns for record in turn.records} == {"age"}


def test_orders_are_the_same_whether_or_not_a_refusal_was_said_lately():
    """What was refused a moment ago is passed over early, and nothing that stands with it."""

    def orders(repeat_s):
        terms = eager_terms()
        terms = replace(
            terms,
            signals=replace(terms.signals, least_flow=0.0, least_acceleration=0.0),
            lean=replace(terms.lean, repeat_s=repeat_s),
        )
        strategy, found = begun(terms), []
        random = Random(4)
        middles = [1000, 3000, 4000, 2000]
        for k in range(1500):
            place = random.randrange(4)
            middles[place] = min(9000, max(600, middles[place] + random.choice((-200, 0, 200))))
            if k % 100 == 0:
                strategy.take(Looked(5.0 + k, (0.1, 0.3, 0.4, 0.2), 0.01))
            bid = middles[place] - 200
            side = random.choice(list(Side))  # takers who press either way, whatever prices do
            strategy.take(Traded(5.0 + k, place, middles[place], 50_000, side))
            turn = strategy.take(Quoted(5.0 + k, place, top(bid, bid + 400)))
            found.append(turn.wanted)
        return found

    often, seldom = orders(0.0), orders(10_000.0)
    assert often == seldom
    assert any(often)
