"""What a sweep will take, before it starts: jobs, hours, dollars, time, and what limits it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from kalshi_alpha.cloud.batch import MAX_VCPUS, MOST_IN_ARRAY, Shape
from kalshi_alpha.cloud.batch import SWEEP as SHAPE
from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.research.costs import spare_hour
from kalshi_alpha.research.scores.clusters import DRAWS
from kalshi_alpha.research.sweep.manifest import Manifest, Unit
from kalshi_alpha.research.sweep.playing import Bench
from kalshi_alpha.research.sweep.shelf import READERS

PUTS_A_SECOND = 3_500.0  # what S3 takes below one prefix before it asks to slow down
_TIMED = 3  # units that are timed, spread over the grid
_LARGE = 0.1  # share of the time from which a part is worth a warning


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds that were measured, or said: one unit, and laying out its chunk of the data."""

    unit_s: float
    chunk_s: float


@dataclass(frozen=True, slots=True)
class Terms:
    """What a plan takes for granted; docs/sweeps.md says where each number is from.

    Attributes:
        max_vcpus: that all jobs may use at once.
        shape: of one job.
        start_s: from a job's turn to its first unit: machine, image, imports.
        job_s: work that one job is given; short enough that a machine taken away costs little.
        read_s: reading one unit back, of which ``READERS`` go at once.
        sums_a_second: multiplications and additions of the merge's bootstrap.
    """

    max_vcpus: int = MAX_VCPUS
    shape: Shape = SHAPE
    start_s: float = 60.0
    job_s: float = 1200.0
    read_s: float = 0.03
    sums_a_second: float = 1e9

    @property
    def slots(self) -> int:
        """Return how many jobs run at once."""
        return max(1, self.max_vcpus // self.shape.vcpus)


@dataclass(frozen=True, slots=True)
class Size:
    """How large a sweep is: series, settings, chunks of days, and days."""

    series: int
    points: int
    chunks: int
    days: int

    @property
    def units(self) -> int:
        """Return how many units there are."""
        return self.series * self.points * self.chunks


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sweep will take.

    Attributes:
        size: of the sweep.
        timing: of a unit.
        jobs: of the array.
        units_a_job: at most.
        job_s: seconds one job runs, its start included.
        vcpu_hours: billed.
        compute: dollars of the jobs.
        requests: dollars of writing and reading units.
        wall_s: seconds until the table is there.
        parts: seconds of the wall by what they are spent on.
        laptop_s: seconds on one machine with as many processes as a job has.
        warnings: sentences.
    """

    size: Size
    timing: Timing
    jobs: int
    units_a_job: int
    job_s: float
    vcpu_hours: float
    compute: float
    requests: float
    wall_s: float
    parts: Mapping[str, float]
    laptop_s: float
    warnings: tuple[str, ...]

    @property
    def dollars(self) -> float:
        """Return what it costs together."""
        return self.compute + self.requests

    @property
    def bottleneck(self) -> str:
        """Return the part that takes most of the wall time."""
        return max(self.parts, key=lambda name: self.parts[name])


def size_of(manifest: Manifest) -> Size:
    """Return how large a prepared sweep is."""
    days = sum(len(days) for days in manifest.chunks)
    return Size(len(manifest.series), len(manifest.points), len(manifest.chunks), days)


def measure(bench: Bench, units: Sequence[Unit], timer: Callable[[], float]) -> Timing:
    """Time the first chunk of each series and a few of its units, on this machine.

    The middle of the units' times stands for all of them; the first unit of a chunk prices it for
    the others and is slower.
    """
    laid, played = [], []
    for series in sorted({unit.series for unit in units}):
        mine = [unit for unit in units if unit.series == series and unit.chunk == 0]
        begin = timer()
        bench.chunk(series, 0)
        bench.play(mine[0])
        laid.append(timer() - begin)
        others = mine[1 :: max(1, len(mine) // _TIMED)][:_TIMED] or mine[:1]
        for unit in others:
            begin = timer()
            bench.play(unit)
            played.append(timer() - begin)
    return Timing(median(played), sum(laid) / len(laid))


def plan_of(
    size: Size, timing: Timing, prices: Mapping[str, Mapping[str, float]], terms: Terms
) -> Plan:
    """Return the plan.

    Raises:
        ConfigurationError: for a time that is not above zero, or a job larger than the queue.
    """
    if not (timing.unit_s > 0 and timing.chunk_s >= 0 and math.isfinite(timing.unit_s)):
        raise ConfigurationError(f"a unit of {timing.unit_s} s: give seconds above 0")
    if terms.max_vcpus < terms.shape.vcpus:
        raise ConfigurationError(
            f"{terms.max_vcpus} vCPUs hold no job of {terms.shape.vcpus}: give more"
        )
    workers = terms.shape.vcpus
    fitting = max(1, int(terms.job_s / timing.unit_s)) * workers
    jobs = math.ceil(size.units / fitting)
    if jobs > terms.slots:  # whole waves: a last one of a few jobs would hold up the rest
        jobs = math.ceil(jobs / terms.slots) * terms.slots
    jobs = min(MOST_IN_ARRAY, jobs, size.units)
    units_a_job = math.ceil(size.units / jobs)
    # A share is contiguous: it meets one chunk, and one more wherever a border falls into it.
    chunks_a_job = min(1.0 + size.series * size.chunks / jobs, float(units_a_job))
    reading = timing.chunk_s * chunks_a_job
    playing = math.ceil(units_a_job / workers) * timing.unit_s
    job_s = terms.start_s + reading + playing
    hours = jobs * job_s / 3600.0
    compute = hours * spare_hour(terms.shape.vcpus, terms.shape.memory_gib, prices["fargate"])
    puts, gets = (prices["s3"][name] for name in ("per_1000_puts", "per_1000_gets"))
    waves = math.ceil(jobs / terms.slots)
    parts = {
        "playing": playing * waves,
        "reading data": reading * waves,
        "starting": terms.start_s * waves,
        "merging": merge_seconds(size, terms),
    }
    plan = Plan(
        size=size,
        timing=timing,
        jobs=jobs,
        units_a_job=units_a_job,
        job_s=job_s,
        vcpu_hours=hours * terms.shape.vcpus,
        compute=compute,
        requests=size.units / 1000.0 * (puts + gets),
        wall_s=sum(parts.values()),
        parts=parts,
        laptop_s=(size.units * timing.unit_s + size.series * size.chunks * timing.chunk_s) / workers
        + parts["merging"],
        warnings=(),
    )
    return _with_warnings(plan, terms)


def merge_seconds(size: Size, terms: Terms) -> float:
    """Return how long the merge takes on one machine: units read back, then the bootstrap."""
    reading = size.units * terms.read_s / READERS
    looks = size.series * size.points
    # Cash, claims and sizes of each look, and the profits of all of them at once.
    return reading + 4.0 * looks * size.days * DRAWS / terms.sums_a_second


def _with_warnings(plan: Plan, terms: Terms) -> Plan:
    if plan.jobs == 1:
        return replace(plan, warnings=("one job does it: `sweep run` here is simpler",))
    said = []
    writes = min(plan.jobs, terms.slots) * terms.shape.vcpus / plan.timing.unit_s
    if writes > PUTS_A_SECOND:
        said.append(
            f"{writes:,.0f} units a second are more than the {PUTS_A_SECOND:,.0f} writes that one "
            "prefix takes: raise days_a_unit"
        )
    if plan.requests > plan.compute:
        said.append(
            f"writing units costs ${plan.requests:.2f} and playing them ${plan.compute:.2f}: raise "
            "days_a_unit"
        )
    for name, way in (
        ("merging", "it is done by one machine: raise days_a_unit, or look at fewer settings"),
        ("reading data", "each job lays out its days: raise --job-minutes, or cut files by year"),
        ("starting", "raise --job-minutes"),
    ):
        share = plan.parts[name] / plan.wall_s
        if share > _LARGE:
            said.append(f"{name} is {share:.0%} of the time; {way}")
    if plan.job_s > 0.8 * terms.shape.hours * 3600.0:
        said.append(
            f"a job runs {plan.job_s / 3600.0:.1f} h and is ended after {terms.shape.hours} h"
            + ("; an array holds no more jobs" if plan.jobs == MOST_IN_ARRAY else "")
        )
    if plan.jobs * terms.shape.vcpus >= terms.max_vcpus:
        said.append(
            f"it fills {terms.max_vcpus} vCPUs: see that the account's limit of spare Fargate "
            "vCPUs, which begins far lower, is as high, and that no other job waits"
        )
    return replace(plan, warnings=tuple(said))
