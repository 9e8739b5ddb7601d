"""The strategy under any stream: coherent, never on a stale book, silent when halted."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalshi_alpha.markets.book import Top
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.momentum.events import (
    Event,
    Halted,
    Held,
    Looked,
    Quoted,
    Resumed,
    Ticked,
    Traded,
    Unheard,
)
from kalshi_alpha.momentum.horizon import QUOTES, TRADES
from kalshi_alpha.momentum.inventory import Feed, Holding
from kalshi_alpha.momentum.strategy import Learned, Momentum
from tests.horizon_weights import by_speed
from tests.unit.momentum.test_strategy_orders import BRACKETS, MARKET, eager_terms

PLACES = st.integers(0, len(BRACKETS) - 1)
CENTS = st.integers(1, 98)
SIDES = st.sampled_from(Side)
HAZARDS = st.sampled_from((0.0, 0.04, 0.3, 1.0))
CASH = eager_terms().inventory


@st.composite
def streams(draw):
    """Return events in order of time, of every kind, with moves large enough to be leant on."""
    begun = Top(bid=2400, bid_size=100, ask=2600, ask_size=100)
    at, made = 0.0, [Looked(0.0, (0.1, 0.3, 0.4, 0.2), 0.01)]
    made += [Quoted(0.0, place, begun) for place in range(len(BRACKETS))]
    for kind in draw(st.lists(st.sampled_from("QQQQTTTULHKRX"), min_size=5, max_size=60)):
        at += draw(st.sampled_from((0.0, 0.5, 3.0, 40.0)))
        made.append(event_of(draw, kind, at))
    return made


def event_of(draw, kind: str, at: float) -> Event:
    """Return an event of a kind."""
    makers = {
        "Q": lambda: quoted(draw, at),
        "T": lambda: Traded(at, draw(PLACES), draw(CENTS) * 100, 500, draw(SIDES)),
        "U": lambda: Unheard(at, (draw(PLACES),), "a gap"),
        "L": lambda: Looked(at, (0.2, 0.3, 0.3, 0.2), draw(HAZARDS)),
        "H": lambda: held(draw, at),
        "K": lambda: Halted(at, "the kill-switch is on"),
        "R": lambda: Resumed(at),
        "X": lambda: Ticked(at, Feed(draw(st.booleans()), 0.0)),
    }
    return makers[kind]()


def quoted(draw, at: float) -> Quoted:
    low = draw(CENTS)
    high = draw(st.integers(low + 1, 99))
    return Quoted(at, draw(PLACES), Top(low * 100, 10_000, high * 100, 10_000))


def held(draw, at: float) -> Held:
    size, place = draw(st.integers(-10, 10)) * 100, draw(PLACES)
    one = Holding(size, abs(size) * 5000)
    return Held(at, [one if k == place else Holding() for k in range(len(BRACKETS))])


@settings(max_examples=150, deadline=None)
@given(streams())
def test_whatever_comes_probabilities_sum_to_one_and_orders_keep_every_law(stream):
    strategy = Momentum(BRACKETS, MARKET, eager_terms(), 0.0)
    stale: set[int] = set(range(len(BRACKETS)))
    halted, down = False, False
    for event in stream:
        turn = strategy.take(event)
        match event:
            case Quoted(place=place):
                stale.discard(place)
            case Unheard(places=places):
                stale |= set(places)
            case Halted():
                halted = True
            case Resumed():
                halted = False
            case Ticked(feed=feed):
                down = not feed.connected
            case _:
                pass
        assert sum(strategy.beliefs()) == pytest.approx(1.0, abs=1e-9)
        assert not any(one.place in stale for one in turn.wanted)
        if halted or down:
            assert turn.wanted == ()
            assert turn.pull
        assert len({one.place for one in turn.wanted}) == len(turn.wanted)
        assert len(turn.wanted) <= eager_terms().lean.most_orders
        for one in turn.wanted:
            assert one.size > 0
            assert one.size % 100 == 0
            assert 0 < one.price < 10_000
            assert one.at_risk <= CASH.bracket_loss


@settings(max_examples=60, deadline=None)
@given(streams(), st.data())
def test_one_that_goes_on_from_a_snapshot_cannot_be_told_from_one_that_never_stopped(stream, data):
    cut = data.draw(st.integers(0, len(stream)))
    weights = {QUOTES: by_speed(1.0), TRADES: by_speed(-1.0, TRADES)}
    learned = Learned(0.0, None, weights)
    whole = Momentum(BRACKETS, MARKET, eager_terms(), 0.0, learned)
    first = Momentum(BRACKETS, MARKET, eager_terms(), 0.0, learned)
    turns = [whole.take(event) for event in stream]
    before = [first.take(event) for event in stream[:cut]]
    kept = json.loads(json.dumps(first.to_json()))
    second = Momentum.from_json(kept, BRACKETS, MARKET, eager_terms(), learned)
    assert before + [second.take(event) for event in stream[cut:]] == turns
    assert second.to_json() == whole.to_json()
