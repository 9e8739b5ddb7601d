"""The short horizon: what it says, what it is never read from, what a signal makes of it."""

import json
import math
from dataclasses import asdict, replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.errors import ParameterError
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.momentum.events import Quoted
from kalshi_alpha.momentum.horizon import (
    LEAST,
    QUOTES,
    TRADES,
    Foresight,
    horizons_from_json,
    weights_of,
)
from kalshi_alpha.momentum.recent import NAMES
from kalshi_alpha.momentum.strategy import Learned, Momentum
from kalshi_alpha.research.temperature.direction import KINDS, fit_direction
from tests.horizon_weights import by_speed, packed
from tests.unit.momentum.test_strategy_orders import BRACKETS, MARKET, begun, eager_terms, top

DAY = date(2025, 1, 6)
FEATURES = st.lists(st.floats(-1e3, 1e3, allow_nan=False), min_size=len(NAMES), max_size=len(NAMES))


@given(FEATURES, st.floats(-10.0, 10.0))
def test_a_direction_is_never_surer_than_it_may_be(features, slope):
    assert LEAST <= by_speed(slope).up(features) <= 1.0 - LEAST


@pytest.mark.parametrize("kind", KINDS)
def test_each_map_says_what_the_fitted_one_says(kind):
    random = np.random.default_rng(3)
    predicted = random.normal(0.0, 0.01, 500)
    up = random.random(500) < 0.5 + 20.0 * np.clip(predicted, -0.02, 0.02)
    fitted = fit_direction(kind, predicted, up)
    live = replace(
        by_speed(1.0),
        kind=fitted.kind,
        unit=fitted.scale,
        numbers=fitted.numbers,
        knots=fitted.knots,
    )
    asked = np.concatenate([predicted, [0.0, -1.0, 1.0]])
    place = NAMES.index("speed_60")
    found = [live.up([x if k == place else 0.0 for k in range(len(NAMES))]) for x in asked.tolist()]
    assert found == pytest.approx(fitted.up(asked).tolist(), abs=1e-12)


@pytest.mark.parametrize(
    "wrong",
    [
        {"by": "rumours"},
        {"kind": "guess"},
        {"mean": (0.0,)},
        {"weights": (0.0,) * len(NAMES)},
        {"scale": (0.0,) * len(NAMES)},
        {"unit": 0.0},
        {"unit": math.nan},
        {"numbers": (1.0,)},
        {"kind": "isotonic", "numbers": (0.4, 0.6), "knots": (0.0,)},
    ],
)
def test_numbers_that_do_not_fit_together_are_refused(wrong):
    with pytest.raises(ParameterError, match="fit again"):
        weights_of(asdict(by_speed(1.0)) | wrong)


def test_a_field_that_is_missing_or_garbled_is_refused():
    whole = asdict(by_speed(1.0))
    for broken in ({k: v for k, v in whole.items() if k != "mean"}, whole | {"scale": ["wide"]}):
        with pytest.raises(ParameterError, match="lacks or garbles"):
            weights_of(broken)


def test_a_day_is_given_the_window_fitted_last_before_it():
    data = packed(
        (DAY, by_speed(1.0)),
        (DAY + timedelta(7), by_speed(2.0)),
        (DAY, by_speed(3.0, TRADES)),
    )
    assert horizons_from_json(data, DAY + timedelta(6)) == {
        QUOTES: by_speed(1.0),
        TRADES: by_speed(3.0, TRADES),
    }
    assert horizons_from_json(data, DAY + timedelta(7))[QUOTES] == by_speed(2.0)
    # Of one kind that is too old and one that is not, the latter is left.
    assert horizons_from_json(data, DAY + timedelta(30)) == {QUOTES: by_speed(2.0)}


@pytest.mark.parametrize(
    ("on", "why"), [(DAY - timedelta(1), "looking ahead"), (DAY + timedelta(29), "too long before")]
)
def test_a_window_of_the_future_or_of_long_ago_is_not_used(on, why):
    with pytest.raises(ParameterError, match=why):
        horizons_from_json(packed((DAY, by_speed(1.0))), on)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\xff", "cannot be read"),
        (b"[]", "cannot be read"),
        (b"{}", "cannot be read"),
        (packed(), "fitted on nothing"),
        (packed((DAY, by_speed(1.0))).replace(b"0.01", b"0.02"), "checksum"),
        (packed((DAY, by_speed(1.0))).replace(b"horizon/1", b"horizon/9"), "horizon/9"),
    ],
)
def test_a_file_that_does_not_prove_itself_is_refused(data, why):
    with pytest.raises(ParameterError, match=why):
        horizons_from_json(data, DAY)


def test_quotes_are_asked_before_trades_and_what_heard_nothing_says_nothing():
    both = Foresight(2, 0.0, {QUOTES: by_speed(1.0), TRADES: by_speed(-1.0, TRADES)})
    assert both.up(0.0, 0) is None
    for at, price in ((10.0, 4000), (350.0, 6000)):
        both.trade(at, 0, price, 100, bought=True)
        both.trade(at, 1, 10_000 - price, 100, bought=False)
    assert both.up(309.0, 0) is None
    assert both.up(360.0, 0) < 0.5
    for at, price in ((10.0, 4000), (350.0, 6000)):
        both.quote(at, 0, price - 100, price + 100)
        both.quote(at, 1, 9900 - price, 10_100 - price)
    assert both.up(360.0, 0) > 0.5


def asked(slope):
    """Return what becomes of the leader of ``leant`` under a horizon."""
    strategy = Momentum(
        BRACKETS, MARKET, eager_terms(), 0.0, Learned(0.0, None, {QUOTES: by_speed(slope)})
    )
    strategy = Momentum.from_json(
        begun().to_json() | {"foresight": strategy.foresight.to_json()},
        BRACKETS,
        MARKET,
        eager_terms(),
        strategy.learned,
    )
    for place, (bid, ask) in enumerate([(800, 1200), (2800, 3200), (3800, 4200), (1800, 2200)]):
        strategy.take(Quoted(2.0, place, top(bid, ask)))
    return strategy.take(Quoted(305.0, 2, top(4400, 4800)))


def test_a_signal_whose_way_is_the_likelier_one_becomes_an_order_and_says_so():
    turn = asked(1.0)
    lead = next(one for one in turn.records if one.kind == "leader")
    assert (lead.action, lead.side) == ("quote", Side.BID.value)
    assert any("within a minute its share goes that way at" in said for said in lead.pros)


def test_a_signal_whose_way_is_the_unlikelier_one_is_refused_with_its_number():
    turn = asked(-1.0)
    lead = next(one for one in turn.records if one.kind == "leader")
    assert (lead.action, lead.code) == ("refuse", "way")
    assert "0.50 is the least" in lead.reason
    assert not [one for one in turn.wanted if one.kind == "leader"]


def test_a_horizon_that_comes_within_the_day_begins_anew_and_spoils_nothing():
    kept = json.loads(json.dumps(begun().to_json()))
    learned = Learned(0.0, None, {QUOTES: by_speed(1.0)})
    again = Momentum.from_json(kept, BRACKETS, MARKET, eager_terms(), learned)
    assert again.beliefs() == begun().beliefs()
    assert again.foresight.up(2.0, 0) is None
