"""The market's mid in the probabilities: where a file says so, and nowhere else."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from trading_samples import FREE, QUOTING, contract, top

from kalshi_alpha.markets.book import Top
from kalshi_alpha.pricing.blend import BlendEvidence, MarketBlend, MarketBlends
from kalshi_alpha.research.backtest import desk, engine
from kalshi_alpha.steps import scanning
from kalshi_alpha.trading import deciding, risk_plan
from kalshi_alpha.trading.fills import FillModel
from kalshi_alpha.trading.shortlist import looked_at, moment_of, with_market
from kalshi_alpha.trading.tuning import UNTUNED, Tuning
from kalshi_alpha.trading.when import Stretch, When

EVEN = MarketBlends((MarketBlend(0.0, 0.5, 0.5, 0.0, 15.0),), (SimpleNamespace(),))
NEAR = [(SimpleNamespace(ticker="A"), 0.5), (SimpleNamespace(ticker="B"), 0.3)]
TOPS = {"A": Top(7000, 100, 9000, 100), "B": Top(2000, 100, None, None)}


def test_both_count_where_both_sides_are_quoted():
    found = {c.ticker: p for c, p in with_market(NEAR, TOPS, EVEN, 10.0)}

    # Log odds of 0.8 and 0.5, half of each: odds of 2 to 1.
    assert found["A"] == pytest.approx(2.0 / 3.0)
    assert found["B"] == 0.3


@pytest.mark.parametrize(("blends", "minutes"), [(None, 10.0), (EVEN, 20.0)])
def test_ours_alone_without_a_blend_for_that_time(blends, minutes):
    assert with_market(NEAR, TOPS, blends, minutes) == NEAR


def test_a_blend_keeps_the_ladder_in_order():
    tops = {name: Top(price, 1, price + 200, 1) for name, price in (("A", 6000), ("B", 3000))}

    above_low, above_high = (p for _, p in with_market(NEAR, tops, EVEN, 5.0))

    assert above_low > above_high


def test_the_evidence_travels_with_the_weights():
    assert {"trades_sha256", "days", "brier_blend"} <= set(BlendEvidence.__slots__)


@pytest.mark.parametrize("name", ["Look", "weighed", "valued", "decided"])
def test_live_and_backtest_call_the_very_same_functions(name):
    assert getattr(scanning, name) is getattr(deciding, name)
    assert getattr(desk, name) is getattr(deciding, name)


def test_live_and_backtest_hold_what_was_chosen_against_the_same_risk():
    assert scanning.within_risk is engine.within_risk is risk_plan.within_risk


def test_the_value_of_a_quote_is_the_chance_of_its_edge_less_its_loss():
    even = FillModel("trade_through", 5.0, (0.0,) * 9, (0.03, 0.0, 0.0))
    market = contract()
    near, tops = [(market, 0.60)], {market.ticker: top(5000, 5500)}

    bid = looked_at(near, tops, FREE, QUOTING, Tuning(fills=even), 20.0, 280.0)[0]
    plain = looked_at(near, tops, FREE, QUOTING, UNTUNED, 20.0, 280.0)[0]

    # Four steps of five seconds, each a coin's: 1 - 1/16 of what is left of 9 cents and more.
    for option, free in zip(bid.options, plain.options, strict=True):
        edge = free.edge.ev_cash
        assert free.edge.ev_cash == round(free.edge.ev * 1_000_000)
        assert option.edge.ev_cash == round(15 / 16 * (edge - 30_000))


def test_a_moment_knows_bins_only_where_something_is_closed():
    market = contract()
    ladder = SimpleNamespace(contracts=(market,))
    symbol = SimpleNamespace(near_strike_points=0.5, near_strike_within_s=60.0)
    closed = Tuning(When((Stretch(60.0, 0.0),)))

    assert moment_of(symbol, ladder, 6840.0, 100, 30.0).places == {}
    found = moment_of(symbol, ladder, 6840.0, 100, 30.0, closed)
    assert found.places == {market.ticker: 1}
    assert found.when is closed.when
