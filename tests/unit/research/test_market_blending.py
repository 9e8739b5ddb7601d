"""Weights of market and law: recovered, never negative, and never from the day they price."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from kalshi_alpha.research.market.blending import (
    BLEND_PRIOR,
    BLEND_SPREAD,
    SHARP_PRIOR,
    SHARP_SPREAD,
    fit,
    log_odds,
    votes,
    walk_forward,
)
from kalshi_alpha.research.market.cases import MarketCases

BANDS = ((0.0, 15.0), (15.0, 390.0))


def simulated(days, a_day=40, seed=3, weights=(0.2, 0.6, 0.9)):
    """Return independent markets whose odds are a known mix of the price's and ours."""
    rng = np.random.default_rng(seed)
    n = days * a_day
    market, ours = rng.normal(0.0, 1.5, (2, n))
    truth = expit(weights[0] + weights[1] * market + weights[2] * ours)
    return MarketCases(
        day=np.repeat(np.arange(20_000, 20_000 + days), a_day),
        event=np.arange(n),
        side=np.arange(n),
        minutes=rng.uniform(0.1, 200.0, n),
        price=expit(market),
        happened=(rng.random(n) < truth).astype(float),
        ours=expit(ours),
    )


def test_the_fit_finds_the_weights_that_made_the_outcomes():
    cases = simulated(days=1_000)
    odds = np.column_stack([np.ones(len(cases)), log_odds(cases.price), log_odds(cases.ours)])

    found = fit(odds, cases.happened, votes(cases), BLEND_PRIOR, BLEND_SPREAD)

    assert found == pytest.approx([0.2, 0.6, 0.9], abs=0.04)


def test_the_factor_that_stretched_the_market_is_found():
    rng = np.random.default_rng(5)
    odds = rng.normal(0.0, 1.0, 50_000)
    happened = (rng.random(50_000) < expit(1.7 * odds)).astype(float)

    found = fit(odds[:, None], happened, np.ones(50_000), SHARP_PRIOR, SHARP_SPREAD)

    assert found == pytest.approx([1.7], abs=0.04)


def test_a_harmful_opinion_gets_no_weight_rather_than_a_negative_one():
    cases = simulated(days=200, weights=(0.0, 1.0, -0.8))
    odds = np.column_stack([np.ones(len(cases)), log_odds(cases.price), log_odds(cases.ours)])

    found = fit(odds, cases.happened, np.ones(len(cases)), BLEND_PRIOR, BLEND_SPREAD)

    assert found[2] == 0.0
    assert found[1] > 0.0


def test_without_votes_the_prior_stands():
    found = fit(np.ones((4, 3)), np.ones(4), np.zeros(4), BLEND_PRIOR, BLEND_SPREAD)

    assert found == pytest.approx([0.0, 0.5, 0.5], abs=1e-9)


def test_the_first_five_days_are_priced_by_the_prior():
    cases = simulated(days=8, seed=11)
    walked = walk_forward(cases, BANDS)
    early = cases.day < 20_005

    assert walked.sharp[early] == pytest.approx(cases.price[early], abs=1e-12)
    middle = expit(0.5 * log_odds(cases.price) + 0.5 * log_odds(cases.ours))
    assert walked.blend[early] == pytest.approx(middle[early], abs=1e-12)
    assert np.abs(walked.blend - middle)[~early].max() > 0.01


@pytest.mark.parametrize("seed", [1, 2])
def test_what_comes_later_changes_nothing_before(seed):
    cases = simulated(days=14, seed=seed)
    later = cases.day >= 20_009
    other = MarketCases(
        day=cases.day,
        event=cases.event,
        side=cases.side,
        minutes=cases.minutes,
        price=np.where(later, 1.0 - cases.price, cases.price),
        happened=np.where(later, 1.0 - cases.happened, cases.happened),
        ours=np.where(later, 0.5, cases.ours),
    )
    cut = cases.where(~later)

    whole, changed, short = (walk_forward(each, BANDS) for each in (cases, other, cut))

    for name in ("sharp", "blend"):
        before = getattr(whole, name)[~later]
        assert np.array_equal(before, getattr(changed, name)[~later])
        assert np.array_equal(before, getattr(short, name))


def test_a_days_own_outcomes_do_not_touch_its_weights():
    cases = simulated(days=9)
    today = cases.day == 20_008
    flipped = cases.with_outcome(np.where(today, 1.0 - cases.happened, cases.happened))

    one, other = walk_forward(cases, BANDS), walk_forward(flipped, BANDS)

    assert np.array_equal(one.blend, other.blend)
    assert one.last != other.last


def test_without_a_law_there_is_no_blend():
    cases = simulated(days=7)
    silent = MarketCases(
        cases.day,
        cases.event,
        cases.side,
        cases.minutes,
        cases.price,
        cases.happened,
        np.full(len(cases), np.nan),
    )

    walked = walk_forward(silent, BANDS)

    assert np.isnan(walked.blend).all()
    assert np.array_equal(walked.sharp, walk_forward(cases, BANDS).sharp)
    assert [one.blend for one in walked.last] == [None, None]


def test_a_market_side_is_one_vote_and_an_event_four_at_most():
    event = np.array([1] * 7 + [2] * 8)
    side = np.array([1, 1, 1, 2, 2, 3, 4, *range(8)])
    n = len(event)
    cases = MarketCases(event, event, side, *(np.full(n, 0.5) for _ in range(4)))

    weight = votes(cases)

    assert weight[:7].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0.5, 0.5, 1.0, 1.0])
    assert weight[7:].tolist() == pytest.approx([0.5] * 8)
