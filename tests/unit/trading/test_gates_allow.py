"""A gate that has nothing against it says so, in so many words, at the very edge of its limit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from test_candidate_gates import MOMENT, look
from test_window_gates import NOW, PARAMETERS, SPX, WINDOW

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.trading import candidate_gates, window_gates
from kalshi_alpha.trading.gates import ALLOW, Refuse


@pytest.mark.parametrize("gate", window_gates.WINDOW_PREFLIGHT, ids=lambda gate: gate.__name__)
def test_each_gate_allows_a_sound_window(gate):
    assert gate(WINDOW) is ALLOW


@pytest.mark.parametrize("gate", window_gates.SERIES_PREFLIGHT, ids=lambda gate: gate.__name__)
def test_each_gate_allows_a_sound_series(gate):
    assert gate(SPX) is ALLOW


def test_what_a_scan_asks_preflight_asks_too():
    assert set(window_gates.WINDOW_SCAN) <= set(window_gates.WINDOW_PREFLIGHT)
    assert set(window_gates.SERIES_SCAN) <= set(window_gates.SERIES_PREFLIGHT)


@pytest.mark.parametrize(
    ("gate", "facts"),
    [
        (window_gates.inside_window, replace(WINDOW, now=WINDOW.opens_at)),
        (window_gates.balance, replace(WINDOW, balance=WINDOW.balance_needed)),
        (window_gates.listing, replace(SPX, markets_listed=1)),
        (
            window_gates.parameters,
            replace(SPX, parameters=replace(PARAMETERS, today=PARAMETERS.as_of)),
        ),
        (
            window_gates.parameters,
            replace(SPX, parameters=replace(PARAMETERS, today=PARAMETERS.valid_until)),
        ),
        (window_gates.daily_loss, replace(SPX, lost_today=SPX.max_loss_per_day - 1)),
        (window_gates.weekly_loss, replace(SPX, lost_this_week=SPX.max_loss_per_week - 1)),
    ],
)
def test_the_edge_of_a_limit_is_inside_it(gate, facts):
    assert gate(facts) is ALLOW


@pytest.mark.parametrize(
    ("gate", "facts"),
    [
        (window_gates.inside_window, replace(WINDOW, now=WINDOW.ends_at)),
        (
            window_gates.inside_window,
            replace(WINDOW, now=WINDOW.opens_at - timedelta(microseconds=1)),
        ),
        (window_gates.balance, replace(WINDOW, balance=WINDOW.balance_needed - 1)),
        (window_gates.listing, replace(SPX, markets_listed=0)),
        (window_gates.daily_loss, replace(SPX, lost_today=SPX.max_loss_per_day)),
        (window_gates.weekly_loss, replace(SPX, lost_this_week=SPX.max_loss_per_week)),
    ],
)
def test_one_step_past_the_edge_is_outside(gate, facts):
    assert isinstance(gate(facts), Refuse)


@pytest.mark.parametrize(
    ("gate", "name", "limit"),
    [
        (window_gates.feed_lag, "lag_s", SPX.lag_limit_s),
        (window_gates.feed_lag, "lag_s", -SPX.lag_limit_s),
        (window_gates.feed_silence, "silence_s", SPX.silence_limit_s),
    ],
)
def test_a_feed_at_its_limit_passes_and_past_it_does_not(gate, name, limit):
    assert gate(replace(SPX, heartbeat=replace(SPX.heartbeat, **{name: limit}))) is ALLOW
    past = replace(SPX.heartbeat, **{name: limit * 1.001})
    assert isinstance(gate(replace(SPX, heartbeat=past)), Refuse)
    # Of a heartbeat that is missing another gate speaks, once.
    assert gate(replace(SPX, heartbeat=None)) is ALLOW


@pytest.mark.parametrize("seconds", [3, -3])
def test_a_heartbeat_as_old_as_its_limit_passes_and_an_older_one_does_not(seconds):
    at = NOW - timedelta(seconds=seconds)
    beat = replace(SPX.heartbeat, at=at)
    assert window_gates.heartbeat_present(replace(SPX, heartbeat=beat)) is ALLOW
    off = timedelta(milliseconds=seconds)
    late = replace(SPX.heartbeat, at=at - off)
    verdict = window_gates.heartbeat_present(replace(SPX, heartbeat=late))
    assert verdict.code == "heartbeat-stale"


def test_a_candidate_without_a_price_is_left_to_the_gate_that_speaks_of_it():
    nothing = replace(look(side=Side.BID), chosen=None)
    assert candidate_gates.on_grid(nothing, MOMENT) is ALLOW


@pytest.mark.parametrize(
    ("probability", "allowed"), [(0.02, True), (0.0199, False), (0.98, True), (0.9801, False)]
)
def test_a_probability_at_either_edge_of_certainty_passes(probability, allowed):
    verdict = candidate_gates.probability_certain(look(probability), MOMENT)
    assert (verdict is ALLOW) is allowed


def test_what_is_held_and_what_may_be_added_count_together():
    full = replace(WINDOW, held=5, balance_needed=10, held_limit=15)
    assert window_gates.position_limit(full) is ALLOW
    verdict = window_gates.position_limit(replace(full, held=6))
    assert verdict.evidence == {"value": 16, "limit": 15}


def test_a_listing_with_nothing_in_it_says_nothing():
    assert window_gates.listing(replace(SPX, markets_listed=0)).evidence == {"markets": 0}
