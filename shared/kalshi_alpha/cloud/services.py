"""The few calls to AWS that are neither table nor artifact: clients, secrets, state machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

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


def _without_detail(error: Exception) -> Exception | None:
    # The service's own words are safe; a JSON error would quote the secret.
    return error if isinstance(error, ClientError | BotoCoreError) else None
