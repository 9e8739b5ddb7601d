"""A sweep's array of jobs, simulated: machines that start late, are taken away and come again.

What is modelled: so many jobs at once, first come first served; a start before the first unit; the
laying out of the data, anew after each start; units side by side in each job, their times spread;
a machine that is taken after an exponential life, which loses the units in hand and nothing that
was kept; so many attempts a job, after which it is failed and the sweep is submitted once more;
and writes that one prefix takes no faster than S3 allows. Seeded: the same numbers each time.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from kalshi_alpha.cloud.batch import ATTEMPTS
from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.research.costs import spare_hour
from kalshi_alpha.research.sweep.planning import PUTS_A_SECOND, Plan, Terms, merge_seconds

SEED = 20_261_121
RECLAIMS_AN_HOUR = 0.05  # of one machine: assumed, and nobody's promise
SPREAD = 0.2  # standard deviation of a unit's log time: assumed


@dataclass(frozen=True, slots=True)
class Chances:
    """What the simulation draws from.

    Attributes:
        reclaims_an_hour: machines taken away, a running machine and hour.
        spread: of a unit's time, as the standard deviation of its logarithm.
        puts_a_second: writes that are taken.
        seed: of the draws.
    """

    reclaims_an_hour: float = RECLAIMS_AN_HOUR
    spread: float = SPREAD
    puts_a_second: float = PUTS_A_SECOND
    seed: int = SEED


@dataclass(frozen=True, slots=True)
class Simulated:
    """What came of it.

    Attributes:
        wall_s: seconds until the table is there.
        vcpu_hours: billed.
        dollars: of jobs and requests.
        reclaims: machines that were taken away.
        repeated: units that were in hand then, and were played again.
        failed: jobs that ran out of attempts.
        submissions: how often the sweep was submitted until every unit was kept.
        busy: share of the billed time in which units were played.
        waited_s: seconds that writes waited for their turn, all together.
    """

    wall_s: float
    vcpu_hours: float
    dollars: float
    reclaims: int
    repeated: int
    failed: int
    submissions: int
    busy: float
    waited_s: float


@dataclass(slots=True)
class _Job:
    """Units left to play, and attempts left to play them in."""

    left: int
    attempts: int = ATTEMPTS


@dataclass(slots=True)
class _Running:
    """A job on a machine: since when, until when the machine is ours, units in hand."""

    job: _Job
    since: float
    taken_at: float
    in_hand: int = 0


class _World:
    """Machines, jobs and time."""

    def __init__(self, plan: Plan, terms: Terms, chances: Chances) -> None:
        self.plan, self.terms, self.chances = plan, terms, chances
        self.random = random.Random(chances.seed)
        self.now = self.billed = self.busy = self.waited = self.put_free = 0.0
        self.reclaims = self.repeated = self.failed = self.submissions = 0
        self._events: list[tuple[float, int, _Running]] = []
        self._count = 0

    def submit(self, jobs: deque[_Job]) -> int:
        """Run an array of jobs to its end; return the units that are still not played."""
        self.submissions += 1
        given_up = 0
        for _ in range(min(self.terms.slots, len(jobs))):
            self._start(jobs.popleft())
        while self._events:
            self.now, _, running = heapq.heappop(self._events)
            over = self._step(running)
            if over is None:
                continue
            if over.left and over.attempts:
                jobs.append(over)
            elif over.left:
                self.failed += 1
                given_up += over.left
            if jobs:
                self._start(jobs.popleft())
        return given_up

    def _start(self, job: _Job) -> None:
        job.attempts -= 1
        rate = self.chances.reclaims_an_hour / 3600.0
        life = self.random.expovariate(rate) if rate else float("inf")
        running = _Running(job, self.now, self.now + life)
        ready = self.now + self.terms.start_s + self.plan.timing.chunk_s
        self._at(min(ready, running.taken_at), running)

    def _step(self, running: _Running) -> _Job | None:
        """Let a job go on; return it when its machine is free again."""
        job = running.job
        if self.now >= running.taken_at:
            self.reclaims += 1
            self.repeated += running.in_hand
            self.billed += self.now - running.since
            return job
        job.left -= running.in_hand
        wait = self._written(running.in_hand)
        if not job.left:
            self.billed += self.now - running.since
            return job
        running.in_hand = min(self.terms.shape.vcpus, job.left)
        # Processes wait for each other at a job's end only, so a round takes the mean of its units.
        took = sum(self._unit_s() for _ in range(running.in_hand)) / running.in_hand
        self.busy += took
        self._at(min(self.now + wait + took, running.taken_at), running)
        return None

    def _unit_s(self) -> float:
        spread = self.chances.spread
        # A log-normal time whose mean is the measured one.
        return self.plan.timing.unit_s * self.random.lognormvariate(-0.5 * spread**2, spread)

    def _written(self, units: int) -> float:
        """Write units when it is their turn; return how long that took."""
        wait = max(0.0, self.put_free - self.now)
        self.put_free = self.now + wait + units / self.chances.puts_a_second
        self.waited += wait
        return wait

    def _at(self, when: float, running: _Running) -> None:
        self._count += 1  # equals in time go in the order they came
        heapq.heappush(self._events, (when, self._count, running))


def simulate(
    plan: Plan, prices: Mapping[str, Mapping[str, float]], terms: Terms, chances: Chances
) -> Simulated:
    """Run a plan's jobs on simulated machines until every unit is kept.

    Raises:
        ConfigurationError: for a chance outside its domain, or where machines are taken faster
            than a unit can be played.
    """
    if chances.reclaims_an_hour < 0 or chances.spread < 0 or chances.puts_a_second <= 0:
        raise ConfigurationError("reclaims and spread must be 0 or more, and writes above 0")
    round_s = terms.start_s + plan.timing.chunk_s + plan.timing.unit_s
    if chances.reclaims_an_hour * round_s > 3600.0:
        raise ConfigurationError(
            f"{chances.reclaims_an_hour:g} reclaims an hour leave a machine less than the "
            f"{round_s:.0f} s of one unit: it would never end"
        )
    world = _World(plan, terms, chances)
    left = plan.size.units
    while left:
        jobs = -(-left // plan.units_a_job)
        shares = [left * (k + 1) // jobs - left * k // jobs for k in range(jobs)]
        left = world.submit(deque(_Job(share) for share in shares))
    hours = world.billed / 3600.0
    rate = spare_hour(terms.shape.vcpus, terms.shape.memory_gib, prices["fargate"])
    return Simulated(
        wall_s=world.now + merge_seconds(plan.size, terms),
        vcpu_hours=hours * terms.shape.vcpus,
        dollars=hours * rate + plan.requests,
        reclaims=world.reclaims,
        repeated=world.repeated,
        failed=world.failed,
        submissions=world.submissions,
        busy=world.busy / world.billed if world.billed else 0.0,
        waited_s=world.waited,
    )
