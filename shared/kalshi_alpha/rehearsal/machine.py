"""Run the real ``window.asl.json`` with the real handlers, in this process, on the twin's clock.

The interpreter is moto's. Seams are changed only while ``local_machine`` is open: a Lambda
invocation calls the handler of that name here, Wait states and retry back-off follow the injected
clock, and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, cast

import boto3
from moto import mock_aws
from moto.awslambda_simple.models import LambdaSimpleBackend
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.timestamp import Timestamp
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import (
    WaitFunction,
)

from kalshi_alpha.clock import Clock
from kalshi_alpha.cloud.layout import TableSpec
from kalshi_alpha.errors import InvariantBroken

Handler = Callable[[dict[str, Any], Any], Any]

REGION = "us-east-1"
ACCOUNT = "123456789012"
_CONFIG = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}
# A waiting branch looks this often (real seconds) whether its execution was stopped.
_LOOK_SECONDS = 0.05


def function_arn(name: str) -> str:
    """Return the ARN under which a handler is known to the local machine."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


@contextlib.contextmanager
def local_aws() -> Iterator[None]:
    """Open an AWS account in this process; nothing leaves it."""
    # The interpreter warns of every optional field that a Choice finds absent.
    logging.getLogger("moto").setLevel(logging.CRITICAL)
    with mock_aws(config=cast("Any", _CONFIG)):
        yield


@contextlib.contextmanager
def local_machine(handlers: Mapping[str, Handler], clock: Clock) -> Iterator[None]:
    """Let state machines started inside ``local_aws`` call ``handlers`` and wait by ``clock``."""
    changes: dict[tuple[type | object, str], Any] = {
        (LambdaSimpleBackend, "invoke"): _invoker(handlers),
        (WaitFunction, "_wait_interval"): _waiter(clock),
        (Timestamp, "_get_wait_seconds"): _timestamp_reader(clock),
        (retrier_decl, "time"): clock,  # it only calls time.sleep
    }
    originals = {seam: getattr(*seam) for seam in changes}
    for (owner, name), changed in changes.items():
        setattr(owner, name, changed)
    try:
        yield
    finally:
        for (owner, name), original in originals.items():
            setattr(owner, name, original)


def create_machine(definition: str, functions: Mapping[str, str], name: str = "window") -> str:
    """Create the state machine from ASL text, its ``${Placeholders}`` filled; return its ARN."""
    definition = filled(definition, functions)
    role = boto3.client("iam", region_name=REGION).create_role(
        RoleName=f"{name}-role", AssumeRolePolicyDocument="{}"
    )["Role"]["Arn"]
    machine = boto3.client("stepfunctions", region_name=REGION).create_state_machine(
        name=name, definition=definition, roleArn=role
    )
    return str(machine["stateMachineArn"])


def filled(definition: str, functions: Mapping[str, str]) -> str:
    """Return ASL text with its ``${Placeholders}`` filled; raise ``InvariantBroken`` on another."""
    for placeholder, value in functions.items():
        definition = definition.replace("${" + placeholder + "}", value)
    if "${" in definition:
        left = definition[definition.index("${") :].split("}", maxsplit=1)[0] + "}"
        raise InvariantBroken(f"the state machine has the placeholder {left} that nobody fills")
    return definition


def create_table(spec: TableSpec, name: str) -> None:
    """Create a table of ``cloud.layout`` under ``name``."""
    keys = ((spec.partition_key, "HASH"), (spec.sort_key, "RANGE"))
    boto3.client("dynamodb", region_name=REGION).create_table(
        TableName=name,
        KeySchema=[{"AttributeName": k, "KeyType": t} for k, t in keys],
        AttributeDefinitions=[{"AttributeName": k, "AttributeType": "S"} for k, _ in keys],
        BillingMode="PAY_PER_REQUEST",
    )


class Execution:
    """A running or ended execution."""

    def __init__(self, arn: str) -> None:
        self.arn = arn
        self._client = boto3.client("stepfunctions", region_name=REGION)

    def status(self) -> str:
        """Return RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""
        return str(self._client.describe_execution(executionArn=self.arn)["status"])

    def visited(self) -> list[str]:
        """Return the names of the states entered, in order, repeats included."""
        events = self._client.get_execution_history(executionArn=self.arn, maxResults=1000)
        return [
            event["stateEnteredEventDetails"]["name"]
            for event in events["events"]
            if "stateEnteredEventDetails" in event
        ]

    def failure(self) -> str:
        """Return the error and cause of an execution that did not succeed, else an empty text."""
        described = self._client.describe_execution(executionArn=self.arn)
        return " ".join(str(described.get(k, "")) for k in ("error", "cause")).strip()


def execution_arn(state_machine: str, name: str) -> str:
    """Return the ARN of the execution of that name."""
    return f"{state_machine.replace(':stateMachine:', ':execution:')}:{name}"


def _invoker(handlers: Mapping[str, Handler]) -> Callable[..., bytes]:
    def invoke(
        self: Any,
        function_name: str,
        qualifier: str | None,
        body: Any,
        headers: Any,
        response_headers: dict[str, str],
    ) -> bytes:
        del self, qualifier, headers
        name = function_name.rsplit(":function:", 1)[-1].split(":", maxsplit=1)[0]
        out: Any
        try:
            out = handlers[name](json.loads(body or "{}"), LambdaContext(name))
        except Exception as error:  # noqa: BLE001 - any error is a Lambda error to the machine
            response_headers["x-amz-function-error"] = "Unhandled"
            out = {"errorType": type(error).__name__, "errorMessage": str(error)}
        return json.dumps(out).encode()

    return invoke


class LambdaContext:
    """The few fields of the Lambda context object that the handlers' logger reads."""

    memory_limit_in_mb = 512
    aws_request_id = "rehearsal"

    def __init__(self, function_name: str) -> None:
        self.function_name = function_name
        self.invoked_function_arn = function_arn(function_name)


def _waiter(clock: Clock) -> Callable[..., None]:
    def wait(self: WaitFunction, env: Any, wait_seconds: float) -> None:
        del self
        if not hasattr(clock, "timeline"):  # a clock of its own time: it alone knows how to wait
            clock.sleep(wait_seconds)
            return
        end = clock.now().timestamp() + max(0.0, wait_seconds)
        pause = threading.Event()
        while env.is_running() and (left := end - clock.now().timestamp()) > 0:
            real = _real_seconds(clock, left)
            pause.wait(min(real, _LOOK_SECONDS))

    return wait


def _real_seconds(clock: Clock, seconds: float) -> float:
    timeline = getattr(clock, "timeline", None)
    if timeline is None:
        return seconds
    now = clock.now()
    return float(
        timeline.wall(datetime.fromtimestamp(now.timestamp() + seconds, UTC)) - timeline.wall(now)
    )


def _timestamp_reader(clock: Clock) -> Callable[..., float]:
    def seconds(self: Timestamp, env: Any) -> float:
        self.string.eval(env=env)
        text = env.stack.pop()
        instant = self._from_timestamp_string(timestamp=text)
        if instant is None:
            raise InvariantBroken(f"the state machine waits for {text!r}, which is no timestamp")
        return (instant.replace(tzinfo=UTC) - clock.now()).total_seconds()

    return seconds
