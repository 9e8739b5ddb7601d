"""A Hawkes process: its recursion, its long run, and what was to be expected of it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from kalshi_alpha.errors import DataError, ParameterError
from kalshi_alpha.momentum.hawkes import (
    BUY,
    SELL,
    Hawkes,
    HawkesParameters,
    hawkes_from_json,
    log_likelihood,
    rescaled,
)

TWO = HawkesParameters((0.5, 0.3), ((0.3, 0.2), (0.1, 0.4)), 2.0)
EVENTS = [(0.5, BUY), (0.9, SELL), (1.0, BUY), (4.0, SELL)]


def brute(parameters, events, at):
    """Return the intensities by summing over every event."""
    return [
        base
        + sum(
            parameters.branching[kind][other] * parameters.decay
            * math.exp(-parameters.decay * (at - when))
            for when, other in events
        )
        for kind, base in enumerate(parameters.base)
    ]  # fmt: skip


def test_intensities_are_the_sum_over_all_events():
    process = Hawkes(TWO, 0.0)
    for k, (at, kind) in enumerate(EVENTS):
        process.event(at, kind)
        assert process.intensities(at) == pytest.approx(brute(TWO, EVENTS[: k + 1], at))

    assert process.intensities(9.0) == pytest.approx(brute(TWO, EVENTS, 9.0))


def test_what_was_expected_is_the_integral_of_the_intensity():
    process = Hawkes(TWO, 0.0)
    for at, kind in EVENTS:
        process.event(at, kind)
    grid = np.linspace(0.0, 6.0, 6_001)
    middles = (grid[1:] + grid[:-1]) / 2
    sums = np.zeros(2)
    for at in middles:
        sums += brute(TWO, [e for e in EVENTS if e[0] < at], at)

    assert process.expected(6.0) == pytest.approx(sums * (grid[1] - grid[0]), rel=1e-3)


def test_reproduction_and_mean_are_those_of_the_branching_matrix():
    matrix = np.array(TWO.branching)

    assert TWO.reproduction == pytest.approx(max(np.linalg.eigvals(matrix).real), abs=1e-12)
    assert TWO.mean == pytest.approx(np.linalg.solve(np.eye(2) - matrix, TWO.base))
    assert HawkesParameters((1.5,), ((0.0,),), 1.0).mean == (1.5,)
    assert HawkesParameters((1.0, 1.0), ((0.0, 0.9), (0.9, 0.0)), 1.0).reproduction == (
        pytest.approx(0.9)
    )
    assert HawkesParameters((1.0,), ((0.999999,),), 1.0).mean == (pytest.approx(1e6, rel=1e-6),)


def test_heat_is_one_at_an_ordinary_moment_and_rises_with_a_burst():
    process = Hawkes(TWO, 0.0)
    assert process.heat(0.0, BUY) == pytest.approx(0.5 / 0.9)
    for k in range(10):
        process.event(0.1 * k, BUY)

    burst = brute(TWO, [(0.1 * k, BUY) for k in range(10)], 0.9)[BUY]
    assert process.heat(0.9, BUY) == pytest.approx(burst / 0.9)
    assert process.heat(0.9, BUY) > 3.5
    assert process.heat(60.0, BUY) == pytest.approx(0.5 / 0.9)


def test_without_excitement_the_likelihood_is_that_of_a_poisson_process():
    quiet = HawkesParameters((2.0,), ((0.0,),), 1.0)

    assert log_likelihood(quiet, [(0.3, 0), (0.7, 0)], 2.0) == pytest.approx(2 * math.log(2) - 4)
    assert rescaled(quiet, [(0.3, 0), (0.7, 0)]) == (pytest.approx((0.6, 0.8)),)


def test_rescaled_gaps_of_a_kind_add_up_to_what_was_expected():
    process = Hawkes(TWO, 0.0)
    for at, kind in EVENTS:
        process.event(at, kind)

    buys, sells = rescaled(TWO, EVENTS)
    before = Hawkes(TWO, 0.0)
    for at, kind in EVENTS[:2]:
        before.event(at, kind)
    assert sum(buys) == pytest.approx(before.expected(1.0)[BUY])
    assert sum(sells) == pytest.approx(process.expected(4.0)[SELL])


def test_an_event_with_an_earlier_time_counts_as_of_the_last():
    one, other = Hawkes(TWO, 0.0), Hawkes(TWO, 0.0)
    one.event(1.0, BUY)
    one.event(0.4, SELL)
    other.event(1.0, BUY)
    other.event(1.0, SELL)

    assert one.intensities(2.0) == other.intensities(2.0)


def test_what_was_saved_goes_on_as_if_it_had_not_stopped():
    whole = Hawkes(TWO, 0.0)
    for at, kind in EVENTS[:2]:
        whole.event(at, kind)
    again = Hawkes.from_json(json.loads(json.dumps(whole.to_json())))
    for at, kind in EVENTS[2:]:
        whole.event(at, kind)
        again.event(at, kind)

    assert again.intensities(5.0) == whole.intensities(5.0)
    assert again.expected(5.0) == whole.expected(5.0)


@pytest.mark.parametrize(
    ("base", "branching", "decay", "sentence"),
    [
        ((), (), 1.0, "0 kinds"),
        ((1.0,), ((0.1, 0.1),), 1.0, "branching rows of"),
        ((1.0, 1.0), ((0.1, 0.1),), 1.0, "branching rows of"),
        ((math.nan,), ((0.1,),), 1.0, "not finite"),
        ((0.0,), ((0.1,),), 1.0, "a rate that is not above 0"),
        ((1.0,), ((-0.1,),), 1.0, "a branching below it"),
        ((1.0,), ((0.1,),), 0.0, "a rate that is not above 0"),
        ((1.0,), ((1.0,),), 1.0, "brings about 1.000 more"),
        ((1.0, 1.0), ((0.5, 0.6), (0.6, 0.5)), 1.0, "brings about 1.100 more"),
    ],
)
def test_parameters_that_make_no_stationary_process_are_refused(base, branching, decay, sentence):
    with pytest.raises(ParameterError, match=sentence):
        HawkesParameters(base, branching, decay)


def test_parameters_are_read_as_they_were_written():
    assert hawkes_from_json(json.loads(json.dumps(TWO.to_json()))) == TWO


@pytest.mark.parametrize("change", [{"schema": "other/1"}, {"base": None}, {"decay": "fast"}])
def test_garbled_parameters_are_refused(change):
    with pytest.raises(ParameterError, match="process"):
        hawkes_from_json(TWO.to_json() | change)


def test_a_garbled_running_process_is_refused():
    with pytest.raises(DataError, match="lacks or garbles a field"):
        Hawkes.from_json({"parameters": TWO.to_json(), "at": 0.0})
