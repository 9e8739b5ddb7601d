"""The fill model of a signal: read from its artifact, and what it leaves of an edge."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from kalshi_alpha.errors import ParameterError
from kalshi_alpha.momentum.events import Quoted
from kalshi_alpha.momentum.odds import odds_from_json
from kalshi_alpha.momentum.strategy import Learned, Momentum
from kalshi_alpha.research.temperature.study import artifact
from kalshi_alpha.trading.fills import FEATURES, FillModel
from tests.unit.momentum.test_strategy_orders import BRACKETS, MARKET, begun, eager_terms, top

DAY = date(2025, 1, 6)


def model(loss=0.0, odds=-3.0):
    """Return a model with one loss for every fill, and the same log odds in every step."""
    hazard = tuple(odds if name == "one" else 0.0 for name in FEATURES)
    return FillModel("trade_through", 5.0, hazard, (loss, 0.0, 0.0))


def packed(*weeks):
    body = [{"first": first.toordinal(), **one.to_json()} for first, one in weeks]
    return artifact("odds", body, {"File": "made by hand"})


def test_a_day_is_given_the_model_fitted_last_before_it():
    data = packed((DAY, model(0.01)), (DAY + timedelta(7), model(0.02)))
    assert odds_from_json(data, DAY + timedelta(6)) == model(0.01)
    assert odds_from_json(data, DAY + timedelta(7)) == model(0.02)


@pytest.mark.parametrize(
    ("data", "on", "why"),
    [
        (packed((DAY, model())), DAY - timedelta(1), "looking ahead"),
        (packed((DAY, model())), DAY + timedelta(29), "too long before"),
        (packed((DAY, model())).replace(b"trade_through", b"trade_throuhg"), DAY, "checksum"),
        (artifact("odds", {"first": 1}, {}), DAY, "no list of weeks"),
        (artifact("odds", [{"first": DAY.toordinal()}], {}), DAY, "a fill model of None"),
        (artifact("odds", [7], {}), DAY, "cannot be read"),
        (b"", DAY, "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_refused(data, on, why):
    with pytest.raises(ParameterError, match=why):
        odds_from_json(data, on)


def asked(fills, **limits):
    """Return the leader of a burst under a fill model, and its order, None without one."""
    terms = eager_terms()
    terms = replace(
        terms,
        signals=replace(terms.signals, least_edge=limits.pop("least_edge", -1.0)),
        lean=replace(terms.lean, **limits),
    )
    learned = Learned(0.0, fills=fills)
    strategy = Momentum.from_json(begun(terms).to_json(), BRACKETS, MARKET, terms, learned)
    for place, (bid, ask) in enumerate([(800, 1200), (2800, 3200), (3800, 4200), (1800, 2200)]):
        strategy.take(Quoted(2.0, place, top(bid, ask)))
    turn = strategy.take(Quoted(5.0, 2, top(4400, 4800)))
    lead = next(one for one in turn.records if one.kind == "leader")
    return lead, next((one for one in turn.wanted if one.kind == "leader"), None)


def test_what_fills_lose_is_taken_off_what_an_order_claims():
    free, _ = asked(None)
    dear, order = asked(model(0.03))
    assert dear.edge == pytest.approx(free.edge - 0.03)
    assert order.edge == pytest.approx(dear.edge)
    assert any("after what fills lose it earns" in said for said in dear.pros)
    assert any("while it is wanted it fills at" in said for said in dear.pros)


def test_an_edge_that_fills_would_lose_is_refused():
    free, _ = asked(None)
    lead, order = asked(model(0.03), least_edge=free.edge - 0.02)
    assert (lead.action, lead.code) == ("refuse", "worth")
    assert "after what fills lose" in lead.reason
    assert order is None


def test_what_hardly_ever_fills_is_refused():
    lead, order = asked(model(odds=-12.0))
    assert (lead.action, lead.code) == ("refuse", "odds")
    assert order is None
