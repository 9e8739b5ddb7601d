"""What was simulated is found again, as the peer finds it, and the test knows what it is not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize

from kalshi_alpha.errors import DataError, ParameterError
from kalshi_alpha.momentum.hawkes import HawkesParameters, log_likelihood
from kalshi_alpha.research.temperature.hawkes_fit import (
    Stretch,
    columns,
    fit_hawkes,
    likelihood,
    parameters_of,
    rescaling_p,
    simulate,
)
from tests import bracket_flow as made

pytestmark = pytest.mark.xdist_group("hawkes-kernel")  # compiled once
PEERS = json.loads((Path(__file__).parent / "peers.json").read_text())
TWO = HawkesParameters((0.5, 0.3), ((0.3, 0.2), (0.1, 0.4)), 2.0)
RATES = np.array([0.5, 0.3, 0.3, 0.2, 0.1, 0.4, 2.0])


def golden(seed: int) -> Stretch:
    at = np.array(made.exciting_events(PEERS["events"], seed))
    return Stretch(at, np.zeros(len(at), np.int64), 0.0, float(at[-1]))


def pairs(stretch: Stretch) -> list[tuple[float, int]]:
    return list(zip(stretch.at.tolist(), stretch.kind.tolist(), strict=True))


@pytest.mark.parametrize("row", PEERS["made"], ids=lambda row: f"seed {row['seed']}")
def test_the_fit_is_that_of_intensify(row):
    found, theirs = fit_hawkes([golden(row["seed"])], 1), row["hawkes"]
    base, branching, decay = found.errors

    assert found.events == PEERS["events"]
    assert found.log_likelihood >= theirs["log_likelihood"] - 1e-9
    assert found.log_likelihood == pytest.approx(theirs["log_likelihood"], abs=1e-3)
    assert found.parameters.base[0] == pytest.approx(theirs["base"], rel=1e-3)
    assert found.parameters.branching[0][0] == pytest.approx(theirs["branching"], rel=1e-3)
    assert found.parameters.decay == pytest.approx(theirs["decay"], rel=1e-3)
    # The peer's errors are by finite differences of the value, a percent or so rough.
    assert base == pytest.approx(theirs["mu_error"], rel=0.03)
    assert branching == pytest.approx(theirs["alpha_error"], rel=0.03)
    assert decay == pytest.approx(theirs["beta_error"], rel=0.03)


def test_at_the_peers_own_optimum_the_likelihood_is_the_peers():
    row = PEERS["made"][0]["hawkes"]
    rates = np.array([row["base"], row["branching"], row["decay"]])
    value, _ = likelihood(columns([golden(PEERS["made"][0]["seed"])]), rates, 1)

    assert value == pytest.approx(row["log_likelihood"], abs=1e-7)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_simulated_process_of_two_kinds_is_found_within_its_errors(seed):
    stretch = simulate(TWO, 4000.0, seed)
    found = fit_hawkes([stretch], 2)
    rates = [*found.parameters.base, *sum(found.parameters.branching, ()), found.parameters.decay]

    assert (np.abs(np.array(rates) - RATES) < 4.0 * np.array(found.errors)).all()
    assert found.log_likelihood > log_likelihood(TWO, pairs(stretch), 4000.0)
    assert rescaling_p(found.parameters, [stretch]) > 0.01
    assert rescaling_p(TWO, [stretch]) > 0.001


def test_time_rescaling_rejects_a_process_that_does_not_excite():
    stretch = simulate(TWO, 2000.0, 5)
    seconds = stretch.until
    rates = tuple(float((stretch.kind == kind).sum()) / seconds for kind in (0, 1))
    poisson = HawkesParameters(rates, ((0.0, 0.0), (0.0, 0.0)), 1.0)

    assert rescaling_p(poisson, [stretch]) < 1e-9


@pytest.mark.parametrize("kinds", [1, 2])
def test_the_pass_is_the_recursion_that_runs_live(kinds):
    whole = simulate(TWO, 300.0, 4)
    stretch = whole if kinds == 2 else replace(whole, kind=np.zeros_like(whole.kind))
    rates = RATES if kinds == 2 else np.array([0.8, 0.5, 2.0])
    value, gradient = likelihood(columns([stretch]), rates, kinds)
    steps = 1e-6 * np.eye(len(rates))
    slopes = [
        (likelihood(columns([stretch]), rates + step, kinds)[0]
         - likelihood(columns([stretch]), rates - step, kinds)[0]) / 2e-6
        for step in steps
    ]  # fmt: skip

    live = log_likelihood(parameters_of(rates, kinds), pairs(stretch), 300.0)
    assert value == pytest.approx(live, rel=1e-12)
    assert gradient == pytest.approx(slopes, rel=1e-5, abs=1e-4)


@pytest.mark.parametrize("kinds", [1, 2])
def test_nothing_is_carried_from_one_stretch_into_the_next(kinds):
    one, other = (simulate(TWO, 200.0, seed) for seed in (6, 7))
    later = replace(other, at=other.at + 200.0, since=200.0, until=400.0)
    if kinds == 1:
        one, other, later = (replace(s, kind=np.zeros_like(s.kind)) for s in (one, other, later))
    rates = RATES if kinds == 2 else np.array([0.8, 0.5, 2.0])
    apart = [likelihood(columns([each]), rates, kinds) for each in (one, other)]
    together = likelihood(columns([one, later]), rates, kinds)

    assert together[0] == pytest.approx(apart[0][0] + apart[1][0], rel=1e-12)
    assert together[1] == pytest.approx(apart[0][1] + apart[1][1], rel=1e-9)


def test_more_events_than_a_float_can_multiply_are_still_summed():
    at = np.linspace(0.0, 1.0, 20_000)
    stretch = Stretch(at, np.zeros(len(at), np.int64), 0.0, 1.0)
    rates = np.array([1000.0, 0.9, 50.0])
    value, _ = likelihood(columns([stretch]), rates, 1)

    live = log_likelihood(parameters_of(rates, 1), [(t, 0) for t in at.tolist()], 1.0)
    assert value == pytest.approx(live, rel=1e-12)


@pytest.mark.parametrize(
    ("stretch", "sentence"),
    [
        (Stretch(np.array([2.0, 1.0]), np.zeros(2, np.int64), 0.0, 3.0), "not in order of time"),
        (Stretch(np.array([1.0, 4.0]), np.zeros(2, np.int64), 0.0, 3.0), "not in order of time"),
        (Stretch(np.array([np.nan]), np.zeros(1, np.int64), 0.0, 3.0), "not in order of time"),
        (Stretch(np.array([1.0]), np.array([-1]), 0.0, 3.0), "1 events need a kind each"),
        (Stretch(np.array([1.0]), np.zeros(2, np.int64), 0.0, 3.0), "1 events need a kind each"),
        (Stretch(np.array([]), np.zeros(0, np.int64), 0.0, 3.0), "no event is left"),
        (Stretch(np.array([1.0]), np.array([0]), 1.0, 1.0), "in 0.0 s have no rate"),
        (Stretch(np.array([1.0]), np.array([1]), 0.0, 3.0), "are not some of each of 2 kinds"),
        (Stretch(np.array([1.0]), np.array([2]), 0.0, 3.0), "are not some of each of 2 kinds"),
    ],
)
def test_events_that_cannot_be_fitted_are_refused(stretch, sentence):
    with pytest.raises(DataError, match=sentence):
        fit_hawkes([stretch], 2)


def test_events_that_run_away_are_refused():
    at = np.cumsum(1.0 / np.linspace(0.05, 40.0, 4000))
    stretch = Stretch(at, np.zeros(len(at), np.int64), 0.0, float(at[-1]))

    with pytest.raises(ParameterError, match="from 1 on the process runs away"):
        fit_hawkes([stretch], 1)


def test_a_climb_that_ends_nowhere_is_refused(monkeypatch):
    lost = optimize.OptimizeResult(
        x=np.zeros(3), fun=np.nan, jac=np.zeros(3), success=False, message="lost"
    )
    monkeypatch.setattr(optimize, "minimize", lambda *_, **__: lost)

    with pytest.raises(DataError, match="no likeliest process was found: lost"):
        fit_hawkes([golden(7)], 1)
