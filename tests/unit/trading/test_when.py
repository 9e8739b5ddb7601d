"""When not to quote: what a closed stretch holds, and the gate that reads it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trading_samples import FREE, QUOTING, contract, top

from kalshi_alpha.errors import ParameterError
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.trading.candidate_gates import CANDIDATE_GATES, Moment, open_stretch
from kalshi_alpha.trading.candidates import candidate
from kalshi_alpha.trading.gates import ALLOW
from kalshi_alpha.trading.when import ALWAYS, Stretch, When, places_of, when_from_json
from tests.made_tapes import pricer_of, quiet, tape_of

LAST_MINUTE = Stretch(60.0, 2.25, why="it lost")
MOMENT = Moment(level=6840.0, ticks_per_point=100, seconds_to_fixing=30.0)


def look(side=Side.BID):
    return candidate(contract(), side, 0.60, top(5000, 5500), FREE, QUOTING)


@pytest.mark.parametrize(
    ("seconds", "inside"), [(60.1, False), (60.0, True), (2.26, True), (2.25, False)]
)
def test_a_stretch_holds_its_begin_and_not_its_end(seconds, inside):
    assert LAST_MINUTE.holds(seconds, Side.BID, 1) is inside


def test_a_stretch_may_be_of_one_side_and_of_the_bins_near_the_money():
    asks = replace(LAST_MINUTE, side=Side.ASK)
    near = replace(LAST_MINUTE, nearest=1)

    assert [asks.holds(30.0, side, 1) for side in Side] == [side is Side.ASK for side in Side]
    assert [near.holds(30.0, Side.BID, k) for k in (-2, -1, 1, 2)] == [False, True, True, False]
    assert near.holds(30.0, Side.BID, None)  # a bin that is not known is not let through


def test_a_closed_stretch_refuses_with_its_evidence():
    closed = replace(MOMENT, when=When((LAST_MINUTE,)))

    verdict = open_stretch(look(), closed)

    assert verdict.code == "closed-stretch"
    assert verdict.reason == "60 to 2.25 s before the fixing is closed: it lost"
    assert open_stretch in CANDIDATE_GATES
    assert open_stretch(look(), replace(closed, seconds_to_fixing=61.0)) is ALLOW


def test_nothing_is_closed_by_default():
    assert MOMENT.when is ALWAYS
    assert ALWAYS.closed == ()
    assert open_stretch(look(), MOMENT) is ALLOW


@pytest.mark.parametrize("ends", [(60.0, 60.0), (60.0, -1.0), (30.0, 60.0), (float("nan"), 0.0)])
def test_a_stretch_without_time_is_refused(ends):
    with pytest.raises(ParameterError, match="holds no time"):
        Stretch(*ends)


def test_a_stretch_without_a_bin_is_refused():
    with pytest.raises(ParameterError, match="1 is the first"):
        Stretch(60.0, 0.0, nearest=0)


@given(
    start=st.floats(1.0, 3600.0),
    share=st.floats(0.0, 0.99),
    side=st.sampled_from([None, *Side]),
    nearest=st.none() | st.integers(1, 9),
    why=st.text(max_size=20),
)
def test_json_goes_there_and_back(start, share, side, nearest, why):
    when = When((Stretch(start, share * start, side, nearest, why),))

    assert when_from_json(when.to_json()) == when


@pytest.mark.parametrize(
    "broken", [{"start_s": "soon"}, {"side": "both"}, {"nearest": 0}, {"stop_s": 70.0}]
)
def test_a_garbled_stretch_is_refused(broken):
    with pytest.raises(ParameterError):
        when_from_json([LAST_MINUTE.to_json() | broken])


def test_a_stretch_without_a_field_is_refused():
    with pytest.raises(ParameterError, match="why"):
        when_from_json([{k: v for k, v in LAST_MINUTE.to_json().items() if k != "why"}])


@pytest.mark.parametrize("level", [6880.0, 6890.0, 6899.99, 6900.0, 6950.0])
def test_places_are_the_bins_of_the_backtest(level):
    made = pricer_of(tape_of(quiet()))
    contracts = made.tape.ladder.contracts

    found = places_of(contracts, level, 100)

    assert found == {c.ticker: made.bin_of(k, level) for k, c in enumerate(contracts)}
    assert 0 not in found.values()
