"""The filter is a Kalman filter of log ratios, and says what it learns in probabilities."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.momentum.filter import UNKNOWN, BracketFilter, FilterTerms, inside, softmax
from tests import bracket_flow as made

PEERS = json.loads((Path(__file__).parent / "peers.json").read_text())
TERMS = FilterTerms(made.WANDER, made.START)
LAW = [0.1, 0.2, 0.4, 0.3]


def ratios(found: BracketFilter) -> list[float]:
    return [score - found.scores[-1] for score in found.scores[:-1]]


def entropy(probabilities) -> float:
    return -sum(p * math.log(p) for p in probabilities)


@pytest.mark.parametrize("row", PEERS["made"], ids=lambda row: f"seed {row['seed']}")
def test_even_looks_give_what_filterpy_gives(row):
    found = BracketFilter(made.BRACKETS, TERMS, 0.0)
    for at, scores in made.even_looks(PEERS["steps"], row["seed"]):
        found.observe(at, scores, made.NOISE)

    assert ratios(found) == pytest.approx(row["even"], abs=1e-9)


@pytest.mark.parametrize("row", PEERS["made"], ids=lambda row: f"seed {row['seed']}")
def test_uneven_looks_around_a_law_give_the_mean_and_covariance_of_filterpy(row):
    found = BracketFilter(made.BRACKETS, TERMS, 0.0)
    found.lean(0.0, made.LAW, made.LAW_VARIANCE)
    for at, scores, noise in made.looks(PEERS["steps"], row["seed"]):
        found.observe(at, scores, noise)

    spread = found.variances
    covariance = np.diag(spread[:-1]) + spread[-1]
    assert ratios(found) == pytest.approx(row["uneven"]["mean"], abs=1e-9)
    np.testing.assert_allclose(covariance, row["uneven"]["covariance"], atol=1e-9)


def matrices(looks, count):
    """Return the probabilities of a Kalman filter with whole matrices, after each look."""
    d = count - 1
    ratio = np.hstack([np.eye(d), -np.ones((d, 1))])
    mean, spread, last, found = np.zeros(d), TERMS.start * ratio @ ratio.T, 0.0, []
    for at, scores, noises in looks:
        spread = spread + TERMS.wander * (at - last) * ratio @ ratio.T
        gain = spread @ np.linalg.inv(spread + ratio @ np.diag(noises) @ ratio.T)
        mean = mean + gain @ (ratio @ np.array(scores) - mean)
        spread, last = spread - gain @ spread, at
        found.append(softmax([*mean, 0.0]))
    return np.array(found)


def test_one_noise_given_for_each_bracket_is_the_noise_given_once():
    looks = made.looks(60, 5)
    once, each = (BracketFilter(made.BRACKETS, TERMS, 0.0) for _ in range(2))
    for at, scores, noise in looks:
        once.observe(at, scores, noise)
        each.observe(at, scores, [noise] * made.BRACKETS)

    assert ratios(each) == pytest.approx(ratios(once), abs=1e-12)
    assert each.variances == pytest.approx(once.variances, abs=1e-12)


def test_noises_of_their_own_stay_near_the_filter_with_whole_matrices():
    looks = [
        (at, scores, [noise * (1.0 + (k + step) % 4) ** 2 for k in range(made.BRACKETS)])
        for step, (at, scores, noise) in enumerate(made.looks(200, 3))
    ]
    found, steps = BracketFilter(made.BRACKETS, TERMS, 0.0), []
    for at, scores, noises in looks:
        found.observe(at, scores, noises)
        steps.append(softmax(found.scores))
    apart = np.abs(np.array(steps) - matrices(looks, made.BRACKETS))

    assert apart[0].max() < 1e-12  # the first look finds all variances alike
    assert apart.max() < 0.01
    assert apart.mean() < 0.001


def test_the_first_law_is_where_it_begins_and_the_mean_of_what_it_believes():
    found = BracketFilter(4, TERMS, 0.0)
    found.lean(10.0, LAW, 1e-9)

    assert found.probabilities() == pytest.approx(LAW, abs=1e-9)


def test_silence_returns_to_the_law_at_the_rate_of_the_process():
    found = BracketFilter(4, FilterTerms(0.01, 1.0), 0.0)
    found.lean(0.0, LAW, 0.5)
    found.look(0.0, [0.4, 0.4, 0.1, 0.1], [1e-6] * 4)
    before = np.array(found.scores) - np.log(LAW)
    found.advance(100.0)

    left = np.array(found.scores) - np.log(LAW)
    assert left - left.mean() == pytest.approx((before - before.mean()) * math.exp(-1.0), abs=1e-9)
    assert found.variances == pytest.approx([0.5 * (1 - math.exp(-2.0))] * 4, abs=1e-6)


def test_silence_without_a_law_flattens():
    found = BracketFilter(4, TERMS, 0.0)
    found.look(0.0, LAW, [0.001] * 4)
    sharp = entropy(found.probabilities())
    found.advance(3600.0)
    later = entropy(found.probabilities())
    found.advance(36_000.0)

    assert sharp < later < entropy(found.probabilities()) < math.log(4)


def test_a_law_that_grows_old_widens_what_is_believed():
    fresh, ageing = (
        BracketFilter(4, FilterTerms(1e-3, 1.0, law_ageing=rate), 0.0) for rate in (0.0, 1e-4)
    )
    for each in (fresh, ageing):
        each.lean(0.0, LAW, 0.1)
        each.advance(7200.0)

    assert fresh.variances == pytest.approx([0.1] * 4)
    assert min(ageing.variances) > 0.5
    assert entropy(ageing.probabilities()) > entropy(fresh.probabilities())


def test_a_price_grown_old_moves_belief_less():
    terms = FilterTerms(1e-4, 1.0, price_ageing=1e-6)
    assert terms.price_sd(0.02) == pytest.approx(math.sqrt((0.0004 + 0.0001) / 12))
    assert terms.price_sd(0.02, 3600.0) == pytest.approx(math.sqrt(0.0005 / 12 + 0.0036))

    gained = []
    for age in (0.0, 3600.0):
        found = BracketFilter(4, terms, 0.0)
        found.lean(0.0, [0.25] * 4, 0.2)
        found.see(0.0, 1, 0.5, terms.price_sd(0.02, age))
        gained.append(found.probabilities()[1])
    assert gained[0] > gained[1] > 0.25


def test_a_price_that_is_certain_is_believed():
    found = BracketFilter(4, TERMS, 0.0)
    for _ in range(20):
        found.see(0.0, 2, 0.7, 1e-5)

    assert softmax(found.scores)[2] == pytest.approx(0.7, abs=1e-6)
    assert softmax(found.scores)[0] == pytest.approx(0.1, abs=1e-6)


def test_news_comes_to_a_bracket_with_each_of_its_prices():
    deaf, alert = (BracketFilter(4, FilterTerms(1e-9, 1.0, news=n), 0.0) for n in (0.0, 0.2))
    for found in (deaf, alert):
        for _ in range(50):
            found.see(0.0, 1, 0.25, 0.01)
        found.see(0.0, 1, 0.5, 0.01)

    assert softmax(deaf.scores)[1] < 0.31
    assert softmax(alert.scores)[1] > 0.48


def test_news_of_a_look_comes_to_the_brackets_it_shows():
    found = BracketFilter(3, FilterTerms(1e-9, 1.0, news=0.5), 0.0)
    found.look(0.0, [0.3, None, 0.3], [10.0] * 3)

    assert found.variances == pytest.approx([1.5, 1.0, 1.5], abs=0.01)


def test_an_overround_drops_out_of_a_look():
    plain, dear = (BracketFilter(4, TERMS, 0.0) for _ in range(2))
    plain.look(0.0, [0.1, 0.2, 0.3, 0.2], [0.01, 0.02, 0.03, 0.02])
    dear.look(0.0, [0.12, 0.24, 0.36, 0.24], [0.012, 0.024, 0.036, 0.024])

    assert dear.probabilities() == pytest.approx(plain.probabilities(), abs=1e-12)


def test_a_bracket_without_a_price_is_learnt_of_through_the_others_alone():
    found = BracketFilter(3, TERMS, 0.0)
    found.look(0.0, [0.6, None, 0.2], [1e-4] * 3)

    low, middle, high = softmax(found.scores)
    assert low / high == pytest.approx(3.0, abs=1e-3)
    assert found.variances[1] > 0.5 > found.variances[0]
    assert 0.0 < middle < low


def test_one_price_alone_says_nothing_of_a_ratio():
    found = BracketFilter(3, TERMS, 0.0)
    found.observe(0.0, [-1.0, 0.0, 0.0], [0.1, UNKNOWN, UNKNOWN])

    assert found.scores == (0.0, 0.0, 0.0)
    assert found.variances == (TERMS.start,) * 3


@pytest.mark.parametrize("gap", [0.0, 0.5, 1.5])
def test_a_doubtful_belief_is_the_mean_of_the_logistic_normal_law(gap):
    terms = FilterTerms(1e-9, 0.8)
    found = BracketFilter(3, terms, 0.0)
    found.lean(0.0, softmax([gap, 0.0, -gap]), 0.8)

    random = np.random.default_rng(1)
    scores = np.array([gap, 0.0, -gap]) + random.normal(0.0, math.sqrt(0.8), (200_000, 3))
    powers = np.exp(scores)
    truth = (powers / powers.sum(axis=1, keepdims=True)).mean(axis=0)
    assert found.probabilities() == pytest.approx(truth, abs=0.012)


def test_sharpness_is_a_power_of_the_probabilities():
    found = BracketFilter(4, FilterTerms(1e-9, 1.0, sharpness=2.0), 0.0)
    found.lean(0.0, LAW, 1e-12)

    squares = [p * p for p in LAW]
    assert found.probabilities() == pytest.approx([s / sum(squares) for s in squares], abs=1e-9)


def test_scores_too_far_apart_for_a_float_are_brought_back_by_a_price():
    found = BracketFilter(3, TERMS, 0.0)
    found.observe(0.0, [0.0, 1500.0, 0.0], 1e-9)
    assert found.probabilities()[1] == pytest.approx(1.0)
    for _ in range(3):
        found.see(3600.0, 0, 0.4, 0.01)

    assert sum(found.probabilities()) == pytest.approx(1.0, abs=1e-12)
    assert all(math.isfinite(score) for score in found.scores)


def test_a_clock_that_is_behind_is_counted_and_takes_no_time_back():
    found = BracketFilter(4, TERMS, 100.0)
    found.see(160.0, 0, 0.3, 0.01)
    held = found.variances
    found.advance(130.0)

    assert (found.at, found.late, found.variances) == (160.0, 1, held)


def test_what_was_saved_goes_on_as_if_it_had_not_stopped():
    whole = BracketFilter(4, TERMS, 0.0)
    whole.lean(5.0, LAW, 0.3)
    whole.see(9.0, 2, 0.5, 0.01)
    again = BracketFilter.from_json(json.loads(json.dumps(whole.to_json())), TERMS)
    for each in (whole, again):
        each.look(30.0, [0.2, 0.2, 0.4, 0.2], [0.01] * 4)

    assert again.to_json() == whole.to_json()
    assert again.probabilities() == whole.probabilities()


@pytest.mark.parametrize("change", [{"schema": "other/1"}, {"scores": None}, {"at": "noon"}])
def test_a_saved_filter_that_is_garbled_is_refused(change):
    with pytest.raises(DataError, match="filter"):
        BracketFilter.from_json(BracketFilter(3, TERMS, 0.0).to_json() | change, TERMS)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda f: f.see(1.0, 0, 1.2, 0.01), "the price 1.2 is not within 0 to 1 dollar"),
        (lambda f: f.see(1.0, 0, math.nan, 0.01), "the price nan is not within"),
        (lambda f: f.see(1.0, 0, 0.4, 0.0), "the deviation 0.0 says nothing"),
        (lambda f: f.look(1.0, [0.5] * 4, [0.1] * 3), "4 prices and 3 deviations"),
        (lambda f: f.look(1.0, [0.5] * 3, [0.1] * 3), "3 prices and 3 deviations"),
        (lambda f: f.look(1.0, [0.5] * 4, [0.0] * 4), "say nothing"),
        (lambda f: f.observe(1.0, [0.0] * 3, 0.1), "3 scores are not one for each of 4"),
        (lambda f: f.observe(1.0, [math.nan] * 4, 0.1), "say nothing"),
        (lambda f: f.observe(1.0, [0.0] * 4, -0.1), "say nothing"),
        (lambda f: f.observe(1.0, [0.0] * 4, [0.1, 0.1, 0.1, -5.0]), "say nothing"),
        (lambda f: f.lean(1.0, [0.5, 0.5, 0.5, 0.5], 0.1), "sum to 2.0 is none over 4"),
        (lambda f: f.lean(1.0, [0.5, 0.5], 0.1), "2 probabilities"),
        (lambda f: f.lean(1.0, [1.2, -0.2, 0.0, 0.0], 0.1), "a law with -0.2"),
        (lambda f: f.lean(1.0, LAW, 0.0), "the variance 0.0"),
        (lambda f: f.advance(math.inf), "the time inf is not a number of seconds"),
        (lambda f: f.advance(math.nan), "the time nan is not a number of seconds"),
        (lambda _: BracketFilter(1, TERMS, 0.0), "no filter of 1 brackets"),
        (lambda _: FilterTerms(0.0, 1.0), "must be above 0"),
        (lambda _: FilterTerms(1.0, 1.0, law_ageing=-1.0), "must be above 0"),
    ],
)
def test_numbers_that_say_nothing_are_refused_in_a_sentence(wrong, sentence):
    with pytest.raises(DataError, match=sentence):
        wrong(BracketFilter(4, TERMS, 0.0))


def test_a_refused_price_leaves_belief_as_it_was():
    found = BracketFilter(4, TERMS, 0.0)
    found.lean(0.0, LAW, 0.1)
    before = (found.scores, found.variances)
    with pytest.raises(DataError):
        found.look(0.0, [0.5, 0.5, 0.5, -0.5], [0.1] * 4)

    assert (found.scores, found.variances) == before


def test_prices_at_the_edge_say_no_more_than_half_a_cent():
    assert [inside(price) for price in (0.0, 0.003, 0.4, 0.999, 1.0)] == [
        0.005, 0.005, 0.4, 0.995, 0.995,
    ]  # fmt: skip
