"""Deploy the written templates to a local emulator, look at what came up, and tear it down again.

    python -m tests.emulator EMULATOR [--templates cdk.out]

``make emulate`` installs the emulator into an environment of its own and runs this. It is a smoke
test beside the infrastructure tests, no gate of its own: the emulator is young, knows not every
type, and neither runs containers nor evaluates alarms. What it does not know is listed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

REGION = "us-east-1"
ORDER = ("Storage", "Windows", "Sentry", "Research", "Observability")
# Types of ours that this emulator refuses as unknown; a test holds them against the templates.
UNKNOWN = {
    "AWS::Athena::NamedQuery",
    "AWS::Batch::ComputeEnvironment",
    "AWS::Batch::JobDefinition",
    "AWS::Batch::JobQueue",
    "AWS::Budgets::Budget",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::EC2::FlowLog",
}
_PATIENCE_S = 60.0


class Failed(Exception):
    """The emulator did not do what AWS would have done."""


def without_unknown(
    template: Mapping[str, Any], missing: set[str]
) -> tuple[dict[str, Any], list[str]]:
    """Return the template without what the emulator does not know or what leans on it; and that.

    ``missing`` holds the exports that earlier stacks left out, and is added to.
    """
    resources = dict(template["Resources"])
    gone = {name for name, found in resources.items() if _is_unknown(found)} | missing
    while True:
        leaning = {n for n, r in resources.items() if n not in gone and _names(r) & gone}
        if not leaning:
            break
        gone |= leaning
    kept = {name: found for name, found in resources.items() if name not in gone}
    outputs = dict(template.get("Outputs", {}))
    for name in [n for n, o in outputs.items() if _names(o) & gone]:
        exported = outputs.pop(name).get("Export", {})
        missing |= {exported["Name"]} if exported else set()
    left_out = sorted(f"{found['Type']} {n}" for n, found in resources.items() if n in gone)
    return {**template, "Resources": kept, "Outputs": outputs}, left_out


def _is_unknown(resource: Mapping[str, Any]) -> bool:
    # An alarm on metric math, or on a metric that carries a label, is not known to it either.
    alarm = resource["Type"] == "AWS::CloudWatch::Alarm"
    return resource["Type"] in UNKNOWN or (alarm and "Metrics" in resource["Properties"])


def _names(part: Any) -> set[str]:
    """Return the logical ids that a part of a template refers to."""
    if isinstance(part, list):
        return set().union(*map(_names, part)) if part else set()
    if not isinstance(part, dict):
        return set()
    found = set().union(*map(_names, part.values())) if part else set()
    if "Ref" in part:
        found.add(part["Ref"])
    if isinstance(part.get("Fn::ImportValue"), str):
        found.add(part["Fn::ImportValue"])
    if "Fn::GetAtt" in part:
        found.add(part["Fn::GetAtt"][0])
    return found | set(part.get("DependsOn", []) if isinstance(part.get("DependsOn"), list) else [])


@contextlib.contextmanager
def emulator(program: str) -> Iterator[dict[str, str]]:
    """Run the emulator on loopback; yield the arguments of a client of it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = os.environ | {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "TZ": "UTC"}
    process = subprocess.Popen(
        [program], env=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    arguments = {
        "endpoint_url": f"http://127.0.0.1:{port}",
        "region_name": REGION,
        "aws_access_key_id": "local",
        "aws_secret_access_key": "local",
    }
    try:
        _await_up(process, arguments)
        yield arguments
    finally:
        process.terminate()
        process.wait(timeout=20)


def _await_up(process: subprocess.Popen[bytes], arguments: Mapping[str, str]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Failed(f"the emulator ended by itself with {process.returncode}")
        try:
            boto3.client("sts", **arguments).get_caller_identity()
        except (BotoCoreError, ClientError):
            time.sleep(0.2)
        else:
            return
    raise Failed(f"the emulator did not answer within {_PATIENCE_S:g} s")


class Account:
    """The emulator's account, with what CDK's bootstrap would have put there."""

    def __init__(self, arguments: Mapping[str, str], templates: Path) -> None:
        self._arguments, self._templates = arguments, templates
        self._missing: set[str] = set()
        account = self.client("sts").get_caller_identity()["Account"]
        self._assets = f"cdk-hnb659fds-assets-{account}-{REGION}"
        self.client("s3").create_bucket(Bucket=self._assets)
        self.client("ssm").put_parameter(
            Name="/cdk-bootstrap/hnb659fds/version", Value="21", Type="String"
        )

    def client(self, service: str) -> Any:
        """Return a client of the emulator."""
        return boto3.client(service, **self._arguments)

    def deploy(self, stack: str) -> list[str]:
        """Create a stack from its template and assets; return what had to be left out."""
        self._upload(stack)
        text = (self._templates / f"{stack}.template.json").read_text(encoding="utf-8")
        template, left_out = without_unknown(json.loads(text), self._missing)
        key = f"{stack}.json"
        self.client("s3").put_object(Bucket=self._assets, Key=key, Body=json.dumps(template))
        self.client("cloudformation").create_stack(
            StackName=stack,
            TemplateURL=f"{self._arguments['endpoint_url']}/{self._assets}/{key}",
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        self._await(stack, "CREATE_COMPLETE")
        return left_out

    def destroy(self, stack: str) -> None:
        """Delete a stack."""
        self.client("cloudformation").delete_stack(StackName=stack)
        self._await(stack, "DELETE_COMPLETE")

    def _upload(self, stack: str) -> None:
        assets = json.loads((self._templates / f"{stack}.assets.json").read_text(encoding="utf-8"))
        for asset in assets["files"].values():
            if asset["source"]["packaging"] != "zip":
                continue
            data = _zipped(self._templates / asset["source"]["path"])
            for target in asset["destinations"].values():
                self.client("s3").put_object(
                    Bucket=self._assets, Key=target["objectKey"], Body=data
                )

    def _await(self, stack: str, wanted: str) -> None:
        cloudformation = self.client("cloudformation")
        deadline = time.monotonic() + _PATIENCE_S
        status = ""
        while time.monotonic() < deadline:
            try:
                (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
            except ClientError:
                status = "DELETE_COMPLETE"
            else:
                status = found["StackStatus"]
            if not status.endswith("IN_PROGRESS"):
                break
            time.sleep(0.2)
        if status != wanted:
            events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
            why = [
                e.get("ResourceStatusReason", "") for e in events if "FAILED" in e["ResourceStatus"]
            ]
            raise Failed(f"the stack {stack} is {status}, not {wanted}: {'; '.join(why)[:500]}")


def _zipped(folder: Path) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(path, path.relative_to(folder))
    return data.getvalue()


def look(account: Account) -> list[str]:
    """Return a sentence for each part that came up as the templates say; raise ``Failed`` else."""
    tables = account.client("dynamodb").list_tables()["TableNames"]
    _expect("tables", sorted(t.rsplit("-", 1)[-1] for t in tables), ["ledger", "state"])
    schedules = account.client("scheduler").list_schedules()["Schedules"]
    functions = account.client("lambda").list_functions()["Functions"]
    names = sorted(f["FunctionName"].rsplit("-", 1)[-1] for f in functions)
    _expect(
        "functions",
        names,
        sorted(("start", "rollcall", "preflight", "scan", "quote", "cancel", "reconcile")),
    )
    machines = account.client("stepfunctions").list_state_machines()["stateMachines"]
    (machine,) = machines
    said = account.client("stepfunctions").describe_state_machine(
        stateMachineArn=machine["stateMachineArn"]
    )
    states = json.loads(said["definition"])["States"]
    for function in functions:
        alias = account.client("lambda").get_alias(
            FunctionName=function["FunctionName"], Name="live"
        )
        _expect("alias", alias["Name"], "live")
    alarms = account.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return [
        f"{len(tables)} tables, {len(functions)} functions behind their alias",
        f"a state machine of {len(states)} states, {len(schedules)} schedules",
        f"{len(alarms)} alarms",
    ]


def _expect(what: str, found: Any, wanted: Any) -> None:
    if found != wanted:
        raise Failed(f"the {what} are {found}, not {wanted}")


def main() -> int:
    """Deploy, look, destroy; print what was seen and what was left out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("emulator", help="the emulator's program")
    parser.add_argument("--templates", type=Path, default=Path("cdk.out"))
    wanted = parser.parse_args()
    started = time.monotonic()
    try:
        with emulator(wanted.emulator) as arguments:
            account = Account(arguments, wanted.templates)
            left_out = [line for stack in ORDER for line in account.deploy(stack)]
            seen = look(account)
            for stack in reversed(ORDER):
                account.destroy(stack)
            tables = account.client("dynamodb").list_tables()["TableNames"]
    except (Failed, BotoCoreError, ClientError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    kept = "kept" if tables else "NOT kept, though the templates retain them"
    lines = [*seen, f"after the teardown the tables were {kept}", "left out, unknown to it:"]
    lines += [f"  {line}" for line in left_out]
    sys.stdout.write("\n".join(lines) + f"\n{time.monotonic() - started:.1f} s\n")
    return 0 if tables else 1


if __name__ == "__main__":
    sys.exit(main())
