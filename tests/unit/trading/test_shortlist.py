"""The market's mid in the probabilities: where a file says so, and nowhere else."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from kalshi_alpha.markets.book import Top
from kalshi_alpha.pricing.blend import BlendEvidence, MarketBlend, MarketBlends
from kalshi_alpha.trading.shortlist import with_market

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
