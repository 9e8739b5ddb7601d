"""Array jobs on Batch: what they are called, how large they may be, and how one is submitted.

The stacks name and size what they deploy by this module; the command line finds it by the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from kalshi_alpha.errors import ConfigurationError, VenueUnavailable

# What all jobs of a stage may use at once; the limit of a new account can be lower.
MAX_VCPUS = 64
# Limits of AWS Batch.
FEWEST_IN_ARRAY, MOST_IN_ARRAY = 2, 10_000
ATTEMPTS = 3
# Names the sweep that a job plays, in its environment.
WHICH_SWEEP = "KALSHI_ALPHA_SWEEP"
INDEX, SIZE = "AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE"


@dataclass(frozen=True, slots=True)
class Shape:
    """What one job runs on, and for how many hours at most."""

    vcpus: int
    memory_gib: int
    hours: int


SWEEP = Shape(vcpus=2, memory_gib=8, hours=4)


def queue_name(stage: str) -> str:
    """Return the name of a stage's queue of research jobs."""
    return f"kalshi-alpha-{stage}-research"


def definition_name(stage: str, job: str) -> str:
    """Return the name of a job definition."""
    return f"kalshi-alpha-{stage}-{job}"


def shard_from(environment: Mapping[str, str]) -> tuple[int, int]:
    """Return (which, of how many) a job of an array is; (0, 1) outside an array.

    Raises:
        ConfigurationError: when Batch says one of the two and not the other, or no numbers.
    """
    which, parts = environment.get(INDEX), environment.get(SIZE)
    if which is None and parts is None:
        return 0, 1
    try:
        return int(which or ""), int(parts or "")
    except ValueError:
        raise ConfigurationError(
            f"{INDEX} is {which!r} and {SIZE} is {parts!r}: in an array both are numbers; outside "
            "of one unset them"
        ) from None


def submit(
    batch: Any, *, stage: str, job: str, name: str, size: int, environment: Mapping[str, str]
) -> str:
    """Submit a job, as an array where ``size`` is more than one; return its id.

    Args:
        batch: a client of Batch.
        stage: whose queue and definition.
        job: which definition.
        name: of the job.
        size: of the array, 1 to ``MOST_IN_ARRAY``.
        environment: variables added to the definition's own.

    Raises:
        ConfigurationError: for a size outside its limits.
        VenueUnavailable: when Batch does not take it.
    """
    if not 1 <= size <= MOST_IN_ARRAY:
        raise ConfigurationError(f"an array of {size} jobs: Batch takes 1 to {MOST_IN_ARRAY}")
    asked: dict[str, Any] = {
        "jobName": name,
        "jobQueue": queue_name(stage),
        "jobDefinition": definition_name(stage, job),
        "containerOverrides": {
            "environment": [{"name": k, "value": v} for k, v in sorted(environment.items())]
        },
    }
    if size >= FEWEST_IN_ARRAY:
        asked["arrayProperties"] = {"size": size}
    try:
        return str(batch.submit_job(**asked)["jobId"])
    except (ClientError, BotoCoreError) as error:
        raise VenueUnavailable(
            f"Batch did not take the job {name} for the queue {queue_name(stage)}: {error}; is the "
            "research stack of this stage deployed, and in this region?"
        ) from error
