"""The blend of the market's price and ours."""

from __future__ import annotations

import json
import math
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.errors import ParameterError
from kalshi_alpha.pricing.blend import (
    BlendEvidence,
    MarketBlend,
    MarketBlends,
    blends_from_json,
    blends_to_json,
)

EVIDENCE = BlendEvidence(
    "ab" * 32, 26, date(2026, 1, 2), date(2026, 2, 9), 300, 0.1, 0.2, 0.15, 0.09
)
LATE = MarketBlend(0.1, 0.7, 0.9, 0, 15)
EARLY = MarketBlend(0.0, 0.5, 0.5, 15, 390)


def test_equal_weights_are_the_geometric_middle_of_the_odds():
    blend = MarketBlend(0.0, 0.5, 0.5, 0, 15)

    # Odds of 4 and of 1/9 have the geometric mean 2/3, a probability of 2/5.
    assert blend.probability(ours=0.8, market_mid=0.1) == pytest.approx(0.4, abs=1e-15)


def test_all_weight_on_the_market_gives_the_market_back():
    assert MarketBlend(0.0, 1.0, 0.0, 0, 15).probability(0.9, 0.37) == pytest.approx(0.37)


def test_an_intercept_shifts_the_log_odds():
    blend = MarketBlend(math.log(3.0), 0.5, 0.5, 0, 15)

    assert blend.probability(0.5, 0.5) == pytest.approx(0.75)


def test_a_certain_law_speaks_as_loud_as_a_tenth_of_a_cent():
    blend = MarketBlend(0.0, 0.0, 1.0, 0, 15)

    assert blend.probability(0.0, 0.5) == pytest.approx(0.001)
    assert blend.probability(1.0, 0.5) == pytest.approx(0.999)


@given(
    st.tuples(st.floats(-2, 2), st.floats(0, 3), st.floats(0, 3)),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0.001, 0.999),
    st.floats(0.001, 0.999),
)
def test_it_is_monotone_in_both(weights, one, other, mid, other_mid):
    blend = MarketBlend(*weights, 0, 15)

    low, high = sorted((one, other))
    assert blend.probability(low, mid) <= blend.probability(high, mid)
    low, high = sorted((mid, other_mid))
    assert blend.probability(one, low) <= blend.probability(one, high)
    assert 0 <= blend.probability(one, mid) <= 1


@pytest.mark.parametrize(
    "numbers",
    [
        (math.nan, 0.5, 0.5, 0, 15),
        (0, -0.1, 0.5, 0, 15),
        (0, 0.5, math.inf, 0, 15),
        (0, 0.5, 0.5, 15, 15),
        (0, 0.5, 0.5, -1, 15),
    ],
)
def test_numbers_outside_their_domain_are_refused(numbers):
    with pytest.raises(ParameterError):
        MarketBlend(*numbers)


@pytest.mark.parametrize(
    ("ours", "mid"), [(math.nan, 0.5), (0.5, math.nan), (1.1, 0.5), (0.5, 0.0)]
)
def test_what_is_no_probability_is_refused(ours, mid):
    with pytest.raises(ParameterError, match="needs two probabilities"):
        LATE.probability(ours, mid)


def test_the_band_that_holds_the_time_speaks():
    blends = MarketBlends((LATE, EARLY), (EVIDENCE, EVIDENCE))

    assert blends.at(15) is LATE
    assert blends.at(15.01) is EARLY
    assert blends.at(391) is None
    assert blends.at(0) is None


def test_json_comes_back_whole():
    blends = MarketBlends((LATE, EARLY), (EVIDENCE, EVIDENCE))

    text = json.dumps(blends_to_json(blends))

    assert blends_from_json(json.loads(text)) == blends
    assert json.loads(text)["bands"][0]["evidence"]["first"] == "2026-01-02"


def test_bands_that_overlap_or_lack_evidence_are_refused():
    with pytest.raises(ParameterError, match="overlap"):
        MarketBlends((EARLY, LATE), (EVIDENCE, EVIDENCE))
    with pytest.raises(ParameterError, match="evidence"):
        MarketBlends((LATE, EARLY), (EVIDENCE,))
    with pytest.raises(ParameterError, match="none"):
        MarketBlends((), ())


@pytest.mark.parametrize("entry", [{}, {"bands": 3}, {"bands": [{"intercept": 0.0}]}])
def test_garbled_json_is_refused(entry):
    with pytest.raises(ParameterError, match="lacks or garbles"):
        blends_from_json(entry)


def test_a_band_without_its_evidence_is_refused():
    entry = blends_to_json(MarketBlends((LATE,), (EVIDENCE,)))
    del entry["bands"][0]["evidence"]["brier_blend"]

    with pytest.raises(ParameterError, match="brier_blend"):
        blends_from_json(entry)
