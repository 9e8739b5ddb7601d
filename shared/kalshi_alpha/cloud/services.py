"""The few calls to AWS that are neither table nor artifact: clients, secrets, state machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from kalshi_alpha.clock import require_aware
from kalshi_alpha.errors import AlreadyStarted, ConfigurationError, SecretError

# A window cannot wait for the default minute: fail early and let the caller decide.
_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"max_attempts": 3, "mode": "standard"})


@cache
def client(service: str) -> Any:
    """Return the shared client of an AWS service, made at first use.

    It is botocore's, which boto3 wraps: boto3 itself would load its S3 transfer machinery, a
    quarter of a function's cold start, for nothing.
    """
    try:
        return Session().create_client(service, config=_CONFIG)
    except BotoCoreError as error:
        raise ConfigurationError(
            f"AWS cannot be used from here: {error}; set AWS_DEFAULT_REGION and credentials, as "
            "docs/deploy.md says"
        ) from None


def read_secret(name: str) -> dict[str, str]:
    """Return a secret's JSON object of texts; a ``SecretError`` never says what is in it."""
    try:
        text = client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
        value = json.loads(text)
    except (ClientError, BotoCoreError, KeyError, ValueError) as error:
        raise SecretError(
            "a secret could not be read from Secrets Manager; check that it exists, that it holds "
            "a JSON object and that this role may read it"
        ) from _without_detail(error)
    if not isinstance(value, dict):
        raise SecretError("a secret in Secrets Manager is not a JSON object")
    return {str(k): str(v) for k, v in value.items()}


def start_execution(state_machine: str, name: str, payload: Mapping[str, Any]) -> str:
    """Start the state machine under ``name``; raise ``AlreadyStarted`` when the name is taken."""
    machine = client("stepfunctions")
    try:
        reply = machine.start_execution(
            stateMachineArn=state_machine, name=name, input=json.dumps(payload)
        )
    except machine.exceptions.ExecutionAlreadyExists:
        raise AlreadyStarted(f"an execution named {name} exists already") from None
    return str(reply["executionArn"])


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is called by one-time schedules, and on whose behalf.

    Attributes:
        group: the group that holds the schedules.
        target: ARN of the function that is called.
        role: ARN of the role that calls it.
        dead_letters: ARN of the queue for a call that could not be delivered.
        maximum_age_s: a call later than this is not made; none is made twice.
    """

    group: str
    target: str
    role: str
    dead_letters: str
    maximum_age_s: int


def schedule_once(name: str, at: datetime, payload: Mapping[str, Any], caller: Caller) -> None:
    """Have the target called once, within the minute that begins at ``at``, a whole second.

    A schedule of that name is replaced; one that has fired removes itself.
    """
    scheduler = client("scheduler")
    schedule = {
        "Name": name,
        "GroupName": caller.group,
        "ScheduleExpression": f"at({require_aware(at).astimezone(UTC):%Y-%m-%dT%H:%M:%S})",
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": {
            "Arn": caller.target,
            "RoleArn": caller.role,
            "Input": json.dumps(payload),
            "RetryPolicy": {
                "MaximumRetryAttempts": 0,
                "MaximumEventAgeInSeconds": caller.maximum_age_s,
            },
            "DeadLetterConfig": {"Arn": caller.dead_letters},
        },
    }
    try:
        scheduler.create_schedule(**schedule)
    except scheduler.exceptions.ConflictException:
        scheduler.update_schedule(**schedule)


def unschedule(name: str, group: str) -> bool:
    """Remove a schedule; say whether there was one."""
    scheduler = client("scheduler")
    try:
        scheduler.delete_schedule(Name=name, GroupName=group)
    except scheduler.exceptions.ResourceNotFoundException:
        return False
    return True


def _without_detail(error: Exception) -> Exception | None:
    # The service's own words are safe; a JSON error would quote the secret.
    return error if isinstance(error, ClientError | BotoCoreError) else None
