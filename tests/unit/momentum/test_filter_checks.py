"""The two other filters: nothing linearised, and sigma points. They say what the first one says."""

from __future__ import annotations

import functools
import json
import math
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from numba import njit

from kalshi_alpha.errors import DataError
from kalshi_alpha.momentum.filter import BracketFilter, FilterTerms, softmax
from kalshi_alpha.research.temperature.particle import ParticleFilter
from kalshi_alpha.research.temperature.unscented import bracket_middles, stays, unscented_step
from tests import bracket_flow as made

PEERS = json.loads((Path(__file__).parent / "peers.json").read_text())
TERMS = FilterTerms(2e-5, 1.0, law_ageing=1e-6)
LAW = [0.05, 0.15, 0.3, 0.3, 0.15, 0.05]


@functools.cache
def compiled():
    return unscented_step(njit(stays), njit(bracket_middles))


def played(filters, steps, seed):
    """Play made prices to every filter and yield their probabilities after each."""
    random = Random(seed)
    truth = [math.log(p) + random.gauss(0.0, 0.4) for p in LAW]
    at = 0.0
    for each in filters:
        each.lean(0.0, LAW, 0.3)
    for step in range(steps):
        at += random.expovariate(1 / 60)
        truth = [y + random.gauss(0.0, 0.03) for y in truth]
        chances = softmax(truth)
        sds = [random.uniform(0.01, 0.04) for _ in chances]
        mids = [
            min(1.0, max(0.0, 1.03 * p + random.gauss(0.0, sd)))
            for p, sd in zip(chances, sds, strict=True)
        ]
        place = random.randrange(len(LAW))
        for each in filters:
            if step % 10 == 0:
                seen = [None if k == place else mid for k, mid in enumerate(mids)]
                each.look(at, seen, sds)
            else:
                each.see(at, place, mids[place], sds[place])
        yield [np.array(each.probabilities()) for each in filters]


@pytest.mark.parametrize(("seed", "news"), [(1, 0.0), (2, 0.0), (3, 0.1)])
def test_the_filter_says_what_many_particles_say(seed, news):
    terms = replace(TERMS, news=news)
    filters = [BracketFilter(6, terms, 0.0), ParticleFilter(6, terms, 0.0, 10_000, seed)]
    apart = [np.abs(ours - theirs).max() for ours, theirs in played(filters, 100, seed)]

    assert np.mean(apart) < 0.01
    assert max(apart) < 0.05


def test_particles_of_a_linear_stream_have_the_mean_and_spread_of_the_filter():
    terms = FilterTerms(made.WANDER, made.START)
    exact, cloud = BracketFilter(6, terms, 0.0), ParticleFilter(6, terms, 0.0, 20_000, 3)
    for at, _, noise in made.looks(20, 9):
        mids = [0.1, 0.2, 0.3, 0.2, 0.1, 0.1]
        sds = [math.sqrt(noise) * mid for mid in mids]
        exact.look(at, mids, sds)
        cloud.look(at, mids, sds)
    mean, variance = cloud.ratios()

    assert mean == pytest.approx([y - exact.scores[-1] for y in exact.scores[:-1]], abs=0.02)
    expected = [v + exact.variances[-1] for v in exact.variances[:-1]]
    assert variance == pytest.approx(expected, rel=0.1)


def test_the_same_seed_gives_the_same_cloud():
    clouds = [ParticleFilter(6, TERMS, 0.0, 100, 5) for _ in range(2)]
    for one, other in played(clouds, 20, 1):
        assert (one == other).all()


@pytest.mark.parametrize(("count", "particles"), [(1, 100), (6, 1)])
def test_a_cloud_of_nothing_is_refused(count, particles):
    with pytest.raises(DataError, match="are no cloud"):
        ParticleFilter(count, TERMS, 0.0, particles, 1)


@pytest.mark.parametrize("row", PEERS["made"], ids=lambda row: f"seed {row['seed']}")
def test_unscented_steps_give_what_filterpy_gives(row):
    step = compiled()
    alike = np.eye(made.BRACKETS - 1) + 1.0
    mean, spread = np.zeros(made.BRACKETS - 1), made.START * alike
    moving, seeing = made.WANDER * made.STEP_S * alike, made.MIDDLE_SD**2 * np.eye(made.BRACKETS)
    for seen in made.middles(PEERS["steps"], row["seed"]):
        step(mean, spread, np.array(seen), moving, seeing, 0.5, 2.0, 0.0)

    assert mean == pytest.approx(row["unscented"]["mean"], abs=1e-9)
    np.testing.assert_allclose(spread, row["unscented"]["covariance"], atol=1e-9)


def test_the_middles_of_log_ratios_are_their_softmax():
    ratios, middles = np.array([0.3, -2.0, 700.0]), np.empty(4)
    bracket_middles(ratios, middles)

    assert middles == pytest.approx(softmax([0.3, -2.0, 700.0, 0.0]), abs=1e-300)
    bracket_middles(np.array([0.0]), middles[:2])
    assert middles[:2].tolist() == [0.5, 0.5]
