"""How much may be held, and when nothing may rest."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.momentum.inventory import (
    Feed,
    Holding,
    InventoryTerms,
    day_allows,
    hazard_share,
    reasons_to_pull,
    room,
    targets,
)
from kalshi_alpha.trading.gates import ALLOW, Allow, Refuse
from tests.made_brackets import made_brackets

DOLLAR = 1_000_000
TERMS = InventoryTerms(
    horizon_s=30.0,
    contracts_per_dollar=100.0,
    bracket_loss=5 * DOLLAR,
    event_loss=12 * DOLLAR,
    day_loss=20 * DOLLAR,
    calm=0.05,
    storm=0.25,
    silence_s=5.0,
)
BELIEFS = (0.05, 0.15, 0.30, 0.30, 0.15, 0.05)


def test_a_mass_that_rises_is_followed_upwards_by_its_tilt():
    # mean 54.5, variance 6.2; half a tick in 30 s: 100 p (c - m) / 6.2 * 0.5
    found = targets(made_brackets().centres, BELIEFS, 0.5 / 30.0, TERMS)

    assert found == (-200, -300, -200, 200, 300, 200)


def test_a_mass_that_falls_is_followed_downwards_and_one_at_rest_not_at_all():
    centres = made_brackets().centres

    assert targets(centres, BELIEFS, -0.5 / 30.0, TERMS) == (200, 300, 200, -200, -300, -200)
    assert targets(centres, BELIEFS, 0.0, TERMS) == (0,) * 6


def test_targets_stop_at_what_a_bracket_may_lose():
    found = targets(made_brackets().centres, BELIEFS, 10.0, TERMS)

    # $5 bears 5 NO at 0.95, 5 at 0.85, 7 at 0.70; 16 YES at 0.30, 33 at 0.15, 100 at 0.05
    assert found == (-500, -500, -700, 1600, 3300, 10_000)


def test_a_belief_that_is_certain_has_nowhere_to_move():
    assert targets((1.0, 2.0), (1.0, 0.0), 5.0, TERMS) == (0, 0)


def test_room_is_the_smaller_of_the_brackets_and_the_events():
    held = [Holding(), Holding(1000, 3 * DOLLAR), Holding(-500, 8 * DOLLAR)]

    assert room([Holding()] * 3, 0, Side.BID, 4000, TERMS) == 1200  # $5 at 0.40
    assert room([Holding()] * 3, 0, Side.ASK, 4000, TERMS) == 800  # $5 at 0.60
    assert room(held, 0, Side.BID, 4000, TERMS) == 200  # $1 is left of the event
    assert room(held, 2, Side.BID, 4000, TERMS) == 0


def test_hazard_leaves_all_some_or_none_of_a_size():
    assert hazard_share(0.05, TERMS) == ALLOW
    some = hazard_share(0.10, TERMS)
    assert isinstance(some, Allow)
    assert some.size_share == pytest.approx(0.75)
    assert some.reason == "a new high is likely at 0.100: 75% of the size is left"
    for hazard in (0.25, 0.9, math.nan):
        refused = hazard_share(hazard, TERMS)
        assert isinstance(refused, Refuse)
        assert refused.code == "hazard"


def test_a_day_stops_where_loss_and_risk_reach_the_limit():
    assert day_allows(-5 * DOLLAR, 14 * DOLLAR, TERMS) == ALLOW
    assert day_allows(30 * DOLLAR, 19 * DOLLAR, TERMS) == ALLOW
    refused = day_allows(-6 * DOLLAR, 14 * DOLLAR, TERMS)
    assert refused.code == "daily_loss"
    assert "$20.000000 of the day is lost or at risk, and $20.000000 is the most" in refused.reason
    assert isinstance(day_allows(50 * DOLLAR, 20 * DOLLAR, TERMS), Refuse)


@pytest.mark.parametrize(
    ("feed", "codes"),
    [
        (Feed(True, 5.0), []),
        (Feed(False, 0.1), ["disconnected"]),
        (Feed(True, 5.1), ["silent"]),
        (Feed(True, math.nan), ["silent"]),
        (Feed(True, 0.1, gap=True), ["gap"]),
        (Feed(True, 0.1, ahead_s=6.0), ["clock"]),
        (Feed(True, 0.1, ahead_s=-6.0), ["clock"]),
        (Feed(False, 60.0, gap=True, ahead_s=9.0), ["disconnected", "silent", "gap", "clock"]),
    ],
)
def test_nothing_rests_on_a_stream_that_cannot_be_trusted(feed, codes):
    assert [reason.code for reason in reasons_to_pull(feed, TERMS)] == codes


@pytest.mark.parametrize("change", [{"calm": 0.25}, {"day_loss": -1}, {"silence_s": math.nan}])
def test_limits_that_are_none_are_refused(change):
    with pytest.raises(ConfigurationError, match="a limit below 0, or its storm"):
        replace(TERMS, **change)
