"""Who may do what: one statement a need, so that each role reads like a sentence.

The tables are written by partition. No function may write the kill-switch or the arming record,
and none may delete anything: those are an operator's acts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from aws_cdk import Aws
from aws_cdk import aws_iam as iam

from kalshi_alpha.cloud.layout import LEDGER, STATE
from stacks.acknowledge import acknowledge
from stacks.stage import FEED_URL, FEED_WS_URL, VENUE_URL, VENUE_WS_URL, Stage
from stacks.storage import (
    FEED_KEY,
    PULL_KEY,
    READ_KEY,
    SOURCES_KEY,
    TRADING_KEY,
    USE_KEY,
    StorageStack,
    artifacts_bucket,
)

_WINDOW = "WINDOW#*"


@dataclass(frozen=True, slots=True)
class Access:
    """What one role may touch. Writes are named by partition or key prefix; empty is none."""

    reads: Sequence[str] = ()  # tables
    state: Sequence[str] = ()  # partitions of the state table it may write
    ledger: Sequence[str] = ()  # partitions of the ledger table it may write
    counts: Sequence[str] = ()  # partitions of the ledger table it may count in
    parameters: bool = False  # may read calibrated parameters
    artifacts: Sequence[str] = ()  # prefixes it may write
    fetches: Sequence[str] = ()  # prefixes it may list and read
    secrets: Sequence[str] = ()
    venue: bool = False  # asks the venue what anybody may ask


_BOTH = (STATE.name, LEDGER.name)
_BOOKS = (_WINDOW, "PAPER")
_LIMITS = ("EXPOSURE#*",)
_BY_DAY = ("daily/", "honesty/", "ledger/", "readiness/", "reports/", "scoreboard/")

ACCESS: dict[str, Access] = {
    "start": Access(),
    "rollcall": Access((STATE.name,)),
    "preflight": Access(_BOTH, (_WINDOW,), (_WINDOW,), parameters=True, secrets=(READ_KEY,)),
    "scan": Access(
        _BOTH,
        (_WINDOW,),
        parameters=True,
        artifacts=("windows/",),
        fetches=("honesty/",),
        secrets=(READ_KEY,),
    ),
    "quote": Access(_BOTH, (_WINDOW,), _BOOKS, _LIMITS, secrets=(READ_KEY, TRADING_KEY)),
    "cancel": Access(_BOTH, (_WINDOW,), _BOOKS, secrets=(READ_KEY, PULL_KEY)),
    "reconcile": Access(
        _BOTH,
        ("COOLOFF",),
        (_WINDOW, "DAY#*", "LAW#*"),
        _LIMITS,
        artifacts=("windows/",),
        secrets=(READ_KEY,),
    ),
    "sentry": Access(
        _BOTH,
        (_WINDOW, "HEARTBEAT"),
        _BOOKS,
        parameters=True,
        artifacts=("capture/",),
        secrets=(READ_KEY, PULL_KEY, FEED_KEY),
    ),
    # The jobs of research. Day and grade may take a stage back; nothing here moves one on.
    "day": Access(
        _BOTH,
        ("STAGE",),
        ("BOOK#*",),
        artifacts=_BY_DAY,
        fetches=("windows/", "capture/", "parameters/", *_BY_DAY),
        secrets=(READ_KEY,),
    ),
    "grade": Access(
        (STATE.name,),
        ("STAGE",),
        artifacts=_BY_DAY,
        fetches=("windows/", "parameters/", *_BY_DAY),
    ),
    "refit": Access(
        artifacts=("parameters/", "bars/"), fetches=("parameters/", "bars/"), secrets=(FEED_KEY,)
    ),
    "facts": Access(artifacts=("facts/",), fetches=("facts/",), venue=True),
    "sweep": Access(
        artifacts=("sweeps/",), fetches=("sweeps/", "bars/", "capture/", "parameters/")
    ),
}


# What comes on top of it where the families that wait for a release are traded.
_FIGURES = ("macro/",)  # what their sources said, every word of it
ACCESS_OF_RELEASES: dict[str, Access] = {
    "planner": Access((STATE.name,), ("PLAN",), venue=True),
    "sources": Access(
        parameters=True, artifacts=_FIGURES, fetches=_FIGURES, secrets=(SOURCES_KEY,)
    ),
    "start": replace(ACCESS["start"], reads=(STATE.name,)),
    "preflight": replace(ACCESS["preflight"], fetches=_FIGURES),
    "scan": replace(ACCESS["scan"], fetches=(*ACCESS["scan"].fetches, *_FIGURES)),
}


# The process of a city group: it places, so it reads the switch and counts in the limits as quote
# does, and it may write nothing of the days and standings. The evening makes tables of its lines.
ACCESS_OF_MOMENTUM: dict[str, Access] = {
    "day": replace(ACCESS["day"], fetches=("momentum/", *ACCESS["day"].fetches)),
    "momentum": Access(
        _BOTH,
        (_WINDOW, "HEARTBEAT", "COOLOFF"),
        (*_BOOKS, "DAY#*"),
        _LIMITS,
        parameters=True,
        artifacts=("capture/", "momentum/", "weather/"),
        fetches=("momentum/",),
        secrets=(READ_KEY, TRADING_KEY),
    ),
}


def access_of(step: str, stage: Stage) -> Access:
    """Return what a step may touch on a stage."""
    known = ACCESS | ACCESS_OF_RELEASES if stage.macro else ACCESS
    return (known | ACCESS_OF_MOMENTUM if stage.momentum else known)[step]


def secrets_of(step: str, stage: Stage) -> tuple[str, ...]:
    """Return the secrets a step may read: on a stage that cannot trade, no key that may write."""
    names = access_of(step, stage).secrets
    return tuple(name for name in names if stage.trades or name not in (TRADING_KEY, PULL_KEY))


def environment(step: str, stage: Stage, storage: StorageStack) -> dict[str, str]:
    """Return the environment of a step: addresses and names, never a secret's value."""
    variables = {"KALSHI_ALPHA_STAGE": stage.name, "KALSHI_ALPHA_BROKER": stage.broker}
    if stage.families:
        variables["KALSHI_ALPHA_FAMILIES"] = stage.families
    access = access_of(step, stage)
    if access.reads:
        variables |= {
            f"KALSHI_ALPHA_{name.upper()}_TABLE": storage.tables[name].table_name
            for name in access.reads
        }
    if access.artifacts or access.fetches or access.parameters:
        variables["KALSHI_ALPHA_ARTIFACTS"] = f"s3://{artifacts_bucket(stage)}"
    if access.venue or READ_KEY in access.secrets:
        variables["KALSHI_ALPHA_VENUE_URL"] = VENUE_URL
    if FEED_KEY in access.secrets:
        variables["KALSHI_ALPHA_FEED_URL"] = FEED_URL
    if step == "sentry":
        variables |= {
            "KALSHI_ALPHA_VENUE_WS_URL": VENUE_WS_URL,
            "KALSHI_ALPHA_FEED_WS_URL": FEED_WS_URL,
        }
    if step == "momentum":
        variables |= {
            "KALSHI_ALPHA_VENUE_WS_URL": VENUE_WS_URL,
            "KALSHI_ALPHA_CONTACT": stage.contact,
            "KALSHI_ALPHA_SHADOW": "on" if stage.shadow else "",
        }
    if step == "sources":
        variables["KALSHI_ALPHA_CONTACT"] = stage.contact
    if step == "day" and stage.momentum:
        variables["KALSHI_ALPHA_CITIES"] = ",".join(stage.momentum)
    names = {
        TRADING_KEY: "KALSHI_ALPHA_SECRET",
        PULL_KEY: "KALSHI_ALPHA_SECRET",
        READ_KEY: "KALSHI_ALPHA_READ_SECRET",
        FEED_KEY: "KALSHI_ALPHA_FEED_SECRET",
        SOURCES_KEY: "KALSHI_ALPHA_SOURCES_SECRET",
    }
    return variables | {names[name]: stage.secret(name) for name in secrets_of(step, stage)}


def grant(role: iam.IRole, step: str, stage: Stage, storage: StorageStack) -> None:
    """Allow the role of a step what it needs of the storage, and nothing else."""
    for statement in _statements(step, stage, storage):
        role.add_to_principal_policy(statement)
    for objects in dict.fromkeys((*_objects(step, stage), *_fetched(step, stage))):
        resource = objects.replace(Aws.PARTITION, "<AWS::Partition>")
        resource = resource.replace(Aws.ACCOUNT_ID, "<AWS::AccountId>")
        resource = resource.replace(Aws.REGION, "<AWS::Region>")
        acknowledge(
            role,
            f"AwsSolutions-IAM5[Resource::{resource}]",
            "The step's own prefix of the bucket; the keys below it carry dates and window ids.",
        )


def _objects(step: str, stage: Stage) -> Iterator[str]:
    bucket = f"arn:{Aws.PARTITION}:s3:::{artifacts_bucket(stage)}"
    access = access_of(step, stage)
    prefixes = (*(("parameters/",) if access.parameters else ()), *access.artifacts)
    return (f"{bucket}/{prefix}*" for prefix in prefixes)


def _fetched(step: str, stage: Stage) -> Iterator[str]:
    bucket = f"arn:{Aws.PARTITION}:s3:::{artifacts_bucket(stage)}"
    return (f"{bucket}/{prefix}*" for prefix in access_of(step, stage).fetches)


def _statements(step: str, stage: Stage, storage: StorageStack) -> Iterator[iam.PolicyStatement]:
    access = access_of(step, stage)
    services = []
    if access.reads:
        arns = [storage.tables[name].table_arn for name in access.reads]
        yield _allow(["dynamodb:GetItem", "dynamodb:Query"], arns)
        services.append("dynamodb")
    for name, partitions in ((STATE.name, access.state), (LEDGER.name, access.ledger)):
        if partitions:
            yield _allow(
                ["dynamodb:PutItem"],
                [storage.tables[name].table_arn],
                {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(partitions)}},
            )
    if access.counts:  # numbers added to and taken from, never replaced
        yield _allow(
            ["dynamodb:UpdateItem"],
            [storage.tables[LEDGER.name].table_arn],
            {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(access.counts)}},
        )
    for objects in _objects(step, stage):
        reads = objects.endswith("/parameters/*")
        yield _allow(["s3:GetObject" if reads else "s3:PutObject"], [objects])
    if access.fetches:
        bucket = f"arn:{Aws.PARTITION}:s3:::{artifacts_bucket(stage)}"
        within = {"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in access.fetches]}}
        yield _allow(["s3:GetObject"], list(_fetched(step, stage)))
        yield _allow(["s3:ListBucket"], [bucket], within)
    if access.parameters or access.artifacts or access.fetches:
        services.append("s3")
    if secrets := secrets_of(step, stage):
        yield _allow(
            ["secretsmanager:GetSecretValue"], [storage.secrets[name].ref for name in secrets]
        )
        services.append("secretsmanager")
    if services:
        via = [f"{service}.{Aws.REGION}.amazonaws.com" for service in services]
        yield _allow(
            list(USE_KEY), [storage.key.key_arn], {"StringEquals": {"kms:ViaService": via}}
        )


def _allow(
    actions: list[str], resources: list[str], conditions: Mapping[str, object] | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=actions, resources=resources, conditions=conditions)
