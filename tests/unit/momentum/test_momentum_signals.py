"""Signals: what gives rise to one, what speaks against it, and how it would be done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.momentum.checks import Check, sentences
from kalshi_alpha.momentum.odds import fill_odds
from kalshi_alpha.momentum.signals import Moment, SignalRules, SignalTerms, signals
from kalshi_alpha.momentum.state import MarketState, StateTerms
from kalshi_alpha.pricing.fees import fee_terms
from kalshi_alpha.trading.fills import FEATURES, FillModel, FillView, Outlook
from kalshi_alpha.trading.gates import Allow, Refuse
from tests.made_brackets import CENTS, made_brackets

TERMS = SignalTerms(
    least_velocity=0.001,
    least_acceleration=0.0001,
    least_centre=0.01,
    least_flow=0.1,
    most_hazard=0.2,
    most_incoherence=0.15,
    most_age_s=300.0,
    least_edge=0.01,
    taker_edge=0.05,
    hot=3.0,
)
RULES = SignalRules(TERMS, fee_terms("quadratic_with_maker_fees", 1), CENTS)
TAKING = replace(RULES, terms=replace(TERMS, taker_allowed=True))
BELIEFS = (0.05, 0.13, 0.25, 0.40, 0.13, 0.04)
UP = 3  # the bracket that leads


def moved(cents: int = 36) -> MarketState:
    """Return a state in which one bracket has just moved up from 30 cents with buyers."""
    found = MarketState(made_brackets(), StateTerms(tau_s=10.0))
    for place, before in enumerate((5, 15, 30, 30, 15, 5)):
        found.quote(0.0, place, 100 * before - 200, 1000, 100 * before + 200, 1000)
    found.trade(9.0, UP, 3200, 2000, Side.BID)
    found.quote(10.0, UP, 100 * cents - 200, 1000, 100 * cents + 200, 1000)
    return found


def moment(state: MarketState | None = None, **changes) -> Moment:
    return Moment(10.0, state or moved(), BELIEFS, **{"hazard": 0.1, "calibrated": True} | changes)


def of(kind: str, found):
    return next((signal for signal in found if signal.kind == kind), None)


def pros(signal):
    return sentences(signal.checks, passed=True)


def cons(signal):
    return sentences(signal.checks, passed=False)


def leader(rules=RULES, **changes):
    return of("leader", signals(moment(**changes), UP, rules))


def test_a_bracket_that_moves_first_is_bought_beside_the_best_bid():
    found = leader()

    assert found.stands
    assert found.verdict == Allow()
    assert (found.place, found.side, found.price, found.taker) == (UP, Side.BID, 3400, False)
    # 0.40 - 0.34 less the maker's fee of 0.0175 * 0.34 * 0.66, up to $0.0001
    assert found.edge == pytest.approx(0.06 - 0.004)
    assert found.ticker == "KXHIGHNY-24OCT31-B55.5"
    assert cons(found) == ()
    assert "it moves 0.006 dollars a second; 0.001 is the least" in sentences(
        found.checks, passed=True
    )
    assert "resting it earns +0.0560 dollars a contract; +0.0100 is the least" in sentences(
        found.checks, passed=True
    )


def test_the_neighbour_that_has_not_given_way_is_sold():
    found = of("follower", signals(moment(), UP, RULES))

    assert (found.place, found.side, found.price) == (2, Side.ASK, 3200)
    assert found.edge == pytest.approx(0.32 - 0.25 - 0.0039)
    assert "order flow presses -0.00 its way; +0.10 is the least" in sentences(
        found.checks, passed=False
    )
    assert not found.stands


def test_mass_on_the_move_is_bought_ahead_and_sold_behind():
    state = moved()
    state.quote(10.0, 4, 2400, 1000, 2800, 1000)
    found = [s for s in signals(moment(state), 4, RULES) if s.kind == "migration"]

    assert [(s.place, s.side) for s in found] == [(3, Side.BID), (2, Side.ASK)]
    assert state.centre() == pytest.approx(54.5 + (0.06 * 1.0 + 0.11 * 3.0) / 1.17, abs=1e-3)
    assert [check.code for check in found[0].checks] == [
        "centre", "acceleration", "hazard", "coherence", "age", "flow", "room", "edge",
    ]  # fmt: skip


def test_mass_that_moves_down_is_bought_below_and_sold_above():
    state = MarketState(made_brackets(), StateTerms(tau_s=10.0))
    for place, before in enumerate((5, 15, 30, 30, 15, 5)):
        state.quote(0.0, place, 100 * before - 200, 1000, 100 * before + 200, 1000)
    state.quote(10.0, 1, 2400, 1000, 2800, 1000)
    found = [s for s in signals(moment(state), 1, RULES) if s.kind == "migration"]

    assert [(s.place, s.side) for s in found] == [(2, Side.BID), (3, Side.ASK)]


def test_a_bracket_that_falls_is_sold():
    state = moved()
    state.quote(11.0, UP, 2600, 1000, 3000, 1000)
    state.quote(12.0, UP, 2000, 1000, 2400, 1000)
    found = of("leader", signals(replace(moment(state), at=12.0), UP, RULES))

    assert (found.side, found.price) == (Side.ASK, 2400)


def test_a_quiet_market_gives_rise_to_nothing():
    state = MarketState(made_brackets(), StateTerms())
    for place, before in enumerate((5, 15, 30, 30, 15, 5)):
        state.quote(0.0, place, 100 * before - 200, 1000, 100 * before + 200, 1000)

    assert signals(moment(state), UP, RULES) == ()


def test_a_market_with_an_unknown_bracket_gives_rise_to_nothing():
    state = MarketState(made_brackets(), StateTerms(tau_s=10.0))
    state.quote(0.0, UP, 2800, 1000, 3200, 1000)
    state.quote(1.0, UP, 3800, 1000, 4200, 1000)

    assert signals(moment(state), UP, RULES) == ()


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        ({"least_acceleration": 0.01}, "acceleration", "speeds up by 0.0006"),
        ({"least_flow": 0.9}, "flow", "order flow presses"),
        ({"most_hazard": 0.05}, "hazard", "a new high is likely at 0.100; 0.050 is the most"),
        ({"most_incoherence": 0.05}, "coherence", "the middles are 0.060 dollars from one"),
        ({"most_age_s": 5.0}, "age", "last heard of 10 s ago; 5 s is the most"),
        ({"least_edge": 0.07}, "edge", "resting it earns +0.0560 dollars a contract; +0.0700"),
    ],
)
def test_each_gate_refuses_alone_and_says_why(change, code, sentence):
    found = leader(replace(RULES, terms=replace(TERMS, **change)))

    assert not found.stands
    assert len(cons(found)) == 1
    assert sentence in cons(found)[0]
    assert isinstance(found.verdict, Refuse)
    assert found.verdict.code == code
    assert set(found.verdict.evidence) == {code}


def test_a_bracket_whose_neighbour_moves_faster_does_not_lead():
    state = moved()
    state.quote(10.0, 2, 1000, 1000, 1400, 1000)
    found = leader(state=state)

    assert found.verdict.code == "leads"


def test_hot_takers_better_the_price_by_a_tick():
    found = leader(heats=(3.0, 1.0))

    assert (found.price, found.heat) == (3500, 3.0)
    assert leader(heats=(2.9, 9.0)).price == 3400


def test_a_bettered_price_never_meets_the_other_side():
    state = moved()
    state.quote(10.0, UP, 3500, 1000, 3600, 1000)

    assert leader(state=state, heats=(9.0, 9.0)).price == 3500


def test_taking_needs_the_operator_calibration_and_an_edge_of_its_own():
    beliefs = (0.05, 0.10, 0.15, 0.55, 0.11, 0.04)
    at = replace(moment(), beliefs=beliefs)
    taken = of("leader", signals(at, UP, TAKING))

    assert (taken.taker, taken.price) == (True, 3800)
    # 0.55 - 0.38 less the taker's fee of 0.07 * 0.38 * 0.62, up to $0.0001
    assert taken.edge == pytest.approx(0.17 - 0.0165)
    assert not of("leader", signals(at, UP, RULES)).taker
    assert not of("leader", signals(replace(at, calibrated=False), UP, TAKING)).taker
    strict = replace(TAKING, terms=replace(TAKING.terms, taker_edge=0.1535))
    assert not of("leader", signals(at, UP, strict)).taker
    assert not leader(TAKING).taker


def test_a_bracket_that_nobody_bids_for_is_bid_for_at_a_tick():
    state = moved()
    state.quote(10.0, UP, None, 0, 7200, 1000)
    found = leader(state=state)

    assert (found.price, found.side) == (100, Side.BID)


def test_where_nothing_can_rest_the_signal_is_refused():
    state = moved()
    state.quote(11.0, 5, None, 0, 100, 1000)
    state.quote(12.0, 5, None, 0, 100, 1000)
    at = replace(moment(state), at=12.0)
    rules = replace(RULES, terms=replace(TERMS, least_velocity=0.0))
    found = of("leader", signals(at, 5, rules))

    assert (found.side, found.price) == (Side.ASK, 100)
    assert Check("room", True, 0.01, 0.0) in found.checks  # an ask may rest at a cent
    follower = of("follower", signals(replace(at, beliefs=(0, 0, 0, 0, 0.5, 0.5)), 5, rules))
    assert (follower.place, follower.side) == (4, Side.BID)


def test_fill_odds_are_those_of_the_model_and_a_taker_fills():
    model = FillModel(
        "trade_through",
        5.0,
        tuple(-1.0 if name == "one" else 0.0 for name in FEATURES),
        (0.02, 0.0, 0.0),
    )
    view = FillView(model, horizon_s=10.0, seconds_to_fixing=3600.0)
    chance = 1 - (1 - 0.2689414213699951) ** 2

    odds = fill_odds(leader(), moment(), view)
    assert odds == Outlook(pytest.approx(chance), 0.02)
    assert fill_odds(replace(leader(), taker=True), moment(), view) == Outlook(1.0, 0.0)
