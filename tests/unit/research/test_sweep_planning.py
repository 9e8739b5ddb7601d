"""What a sweep takes is said before it starts, and simulated machines take no less."""

from __future__ import annotations

import itertools

import pytest

from kalshi_alpha.cloud.batch import MAX_VCPUS, MOST_IN_ARRAY, Shape
from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.research.costs import list_prices
from kalshi_alpha.research.sweep.planning import (
    Size,
    Terms,
    Timing,
    measure,
    merge_seconds,
    plan_of,
)
from kalshi_alpha.research.sweep.playing import Bench
from kalshi_alpha.research.sweep.simulation import Chances, simulate
from tests.sweeps import REGISTRY, made_ready

PRICES = {
    "fargate": {"spot_vcpu_hour": 0.01, "spot_gib_hour": 0.001, "address_hour": 0.002},
    "s3": {"per_1000_puts": 0.005, "per_1000_gets": 0.0005},
}
CALM = Chances(reclaims_an_hour=0.0, spread=0.0)


def plan(units=6400, unit_s=6.0, chunk_s=0.0, **terms):
    return plan_of(Size(1, units, 1, 250), Timing(unit_s, chunk_s), PRICES, Terms(**terms))


def test_jobs_hours_and_dollars_follow_from_a_units_time():
    found = plan()

    # A job of 1,200 s plays 200 units in each of two processes: 6,400 are 16 jobs.
    assert (found.jobs, found.units_a_job) == (16, 400)
    assert found.job_s == 60 + 1200
    assert found.vcpu_hours == pytest.approx(16 * 1260 / 3600 * 2)
    assert found.compute == pytest.approx(16 * 1260 / 3600 * (2 * 0.01 + 8 * 0.001 + 0.002))
    assert found.requests == pytest.approx(6.4 * 0.0055)
    assert found.parts["playing"] == 1200
    assert found.wall_s == pytest.approx(sum(found.parts.values()))
    assert found.bottleneck == "playing"


def test_jobs_come_in_whole_waves_and_each_waits_for_the_one_before():
    found = plan(units=400 * 33)

    assert found.jobs == 64  # 33 are one more than run at once
    assert found.parts["starting"] == 2 * 60
    assert found.parts["playing"] == pytest.approx(2 * 104 * 6.0, rel=0.02)


def test_half_the_machines_take_twice_the_time_and_cost_the_same():
    wide, narrow = plan(units=12800 * 4), plan(units=12800 * 4, max_vcpus=MAX_VCPUS // 2)

    assert narrow.parts["playing"] == pytest.approx(2 * wide.parts["playing"])
    assert narrow.dollars == pytest.approx(wide.dollars)


def test_an_array_never_holds_more_than_batch_takes_and_says_when_jobs_get_too_long():
    found = plan(units=40_000_000)

    assert found.jobs == MOST_IN_ARRAY
    assert any("is ended after 4 h; an array holds no more jobs" in w for w in found.warnings)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"unit_s": 0.01, "units": 5_000_000}, "writes that one prefix takes: raise days_a_unit"),
        ({"unit_s": 0.05, "units": 5_000_000}, "writing units costs"),
        ({"unit_s": 0.05, "units": 5_000_000}, "merging is"),
        ({"chunk_s": 600.0}, "reading data is"),
        ({"job_s": 120.0}, "starting is"),
        ({"units": 400 * 32}, "fills 64 vCPUs"),
    ],
)
def test_what_limits_a_sweep_is_said(changed, words):
    assert any(words in warning for warning in plan(**changed).warnings)


def test_a_small_sweep_is_one_job_that_might_as_well_run_here():
    found = plan(units=10)

    assert found.jobs == 1
    assert found.warnings == ("one job does it: `sweep run` here is simpler",)


def test_a_time_or_a_queue_that_cannot_be_is_refused():
    with pytest.raises(ConfigurationError, match="seconds above 0"):
        plan(unit_s=0.0)
    with pytest.raises(ConfigurationError, match="hold no job"):
        plan(max_vcpus=1)


def test_a_unit_is_timed_without_what_its_chunk_takes(tmp_path):
    ready = made_ready(tmp_path, "s")
    ticks = itertools.count()
    bench = Bench(ready.manifest, ready.files, REGISTRY)

    found = measure(bench, ready.manifest.units(REGISTRY), lambda: float(next(ticks)))

    assert found == Timing(1.0, 1.0)
    assert bench._held == (0, 0)


def test_on_machines_that_stay_and_units_alike_the_simulation_is_the_plan():
    found = plan(units=400 * 64)
    came = simulate(found, PRICES, Terms(), CALM)

    assert came.wall_s == pytest.approx(found.wall_s, rel=0.01)
    assert came.vcpu_hours == pytest.approx(found.vcpu_hours, rel=0.01)
    assert came.dollars == pytest.approx(found.dollars, rel=0.01)
    assert (came.reclaims, came.repeated, came.failed, came.submissions) == (0, 0, 0, 1)


def test_machines_that_are_taken_cost_time_and_nothing_that_was_kept():
    found = plan(units=400 * 64)
    calm = simulate(found, PRICES, Terms(), CALM)
    rough = simulate(found, PRICES, Terms(), Chances(reclaims_an_hour=1.0))

    assert rough.reclaims > 5
    assert rough.repeated <= 2 * rough.reclaims  # those in hand, and no others
    assert rough.wall_s > calm.wall_s
    assert rough.dollars > calm.dollars
    assert simulate(found, PRICES, Terms(), Chances(reclaims_an_hour=1.0)) == rough
    assert simulate(found, PRICES, Terms(), Chances(reclaims_an_hour=1.0, seed=2)) != rough


def test_a_job_that_runs_out_of_attempts_is_submitted_again():
    came = simulate(plan(units=400 * 32), PRICES, Terms(), Chances(reclaims_an_hour=12.0))

    assert came.failed > 0
    assert came.submissions > 1


def test_writes_wait_where_a_prefix_takes_fewer_than_are_made():
    found = plan(units=20_000, unit_s=1.0)
    free = simulate(found, PRICES, Terms(), CALM)
    tight = simulate(found, PRICES, Terms(), Chances(0.0, 0.0, puts_a_second=8.0))

    assert free.waited_s == pytest.approx(0.0, abs=2.0)
    assert tight.wall_s - merge_seconds(found.size, Terms()) > 20_000 / 8.0


@pytest.mark.parametrize(
    ("chances", "words"),
    [
        (Chances(reclaims_an_hour=-1), "must be 0 or more"),
        (Chances(puts_a_second=0), "above 0"),
        (Chances(reclaims_an_hour=100), "would never end"),
    ],
)
def test_chances_that_cannot_be_are_refused(chances, words):
    with pytest.raises(ConfigurationError, match=words):
        simulate(plan(), PRICES, Terms(), chances)


def test_ten_years_four_series_and_a_thousand_settings_cost_a_few_dollars():
    terms = Terms()
    found = plan_of(Size(4, 1000, 11, 2513), Timing(7.0, 60.0), list_prices(), terms)
    came = simulate(found, list_prices(), terms, Chances())

    assert found.size.units == 44_000
    assert found.dollars == pytest.approx(2.19, abs=0.01)
    assert came.dollars == pytest.approx(found.dollars, rel=0.1)
    assert found.wall_s < came.wall_s < 3 * 3600
    assert terms.shape == Shape(2, 8, 4)
