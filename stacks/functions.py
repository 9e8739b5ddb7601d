"""The Lambda functions: one a step, each with its own role, log group and code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import AssetHashType, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.access import environment, grant
from stacks.acknowledge import acknowledge
from stacks.bundling import build_layer, function_digest, layer_digest, stage_function
from stacks.stage import LIVE, Stage
from stacks.storage import StorageStack

RUNTIME = lambda_.Runtime.PYTHON_3_13
ARCHITECTURE = lambda_.Architecture.ARM_64


@dataclass(frozen=True, slots=True)
class Assets:
    """Where the code to upload comes from; a test has its own, so that it fetches no wheels."""

    layer: Callable[[], Path] = build_layer
    function: Callable[[str], Path] = stage_function


@dataclass(frozen=True, slots=True)
class Size:
    """A function's limits; ``reserved`` is its share of the account's concurrency, live only."""

    timeout_seconds: int
    memory_mib: int = 512
    reserved: int | None = None


# Each time-out is below the state machine's for the same step: when the machine gives up, the
# function has ended, so a late quote can never follow the cancel. Memory buys CPU at a cold start.
SIZES = {
    "start": Size(20),
    "rollcall": Size(20),
    "preflight": Size(45, 1024),
    "scan": Size(30, 1769),
    "quote": Size(20, 1024),
    # Nothing else in the account may keep the cancel from running: two windows, both pulls, again.
    "cancel": Size(75, 1024, reserved=8),
    "reconcile": Size(100),
}
# Only where the families that wait for a release are traded; the state machine calls neither. An
# office may keep its reader waiting for minutes.
SIZES_OF_RELEASES = {"planner": Size(120), "sources": Size(900, 1024)}


def log_group(scope: Construct, step: str, stage: Stage, storage: StorageStack) -> logs.LogGroup:
    """Return the encrypted log group of a step."""
    return logs.LogGroup(
        scope,
        f"{step.title()}Logs",
        log_group_name=stage.log_group(step),
        retention=logs.RetentionDays.ONE_YEAR
        if stage.name == LIVE
        else logs.RetentionDays.ONE_MONTH,
        encryption_key=storage.key,
        removal_policy=RemovalPolicy.DESTROY,
    )


def core_layer(scope: Construct, assets: Assets) -> lambda_.LayerVersion:
    """Return the layer with the packages that every function imports."""
    return lambda_.LayerVersion(
        scope,
        "Core",
        description="What the functions import, pinned in layers/core/requirements.txt",
        code=lambda_.Code.from_asset(
            str(assets.layer()), asset_hash=layer_digest(), asset_hash_type=AssetHashType.CUSTOM
        ),
        compatible_runtimes=[RUNTIME],
        compatible_architectures=[ARCHITECTURE],
    )


class StepFunction(Construct):
    """One step as a Lambda function behind the alias ``live``."""

    def __init__(
        self,
        scope: Construct,
        step: str,
        *,
        stage: Stage,
        storage: StorageStack,
        layer: lambda_.ILayerVersion,
        assets: Assets,
    ) -> None:
        super().__init__(scope, step.title())
        size = (SIZES | SIZES_OF_RELEASES)[step]
        group = log_group(self, step, stage, storage)
        self.role = self._role(step, stage, storage, group)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=stage.function(step),
            description=f"Kalshi Alpha, step {step}",
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            handler="handler.handler",
            code=lambda_.Code.from_asset(
                str(assets.function(step)),
                asset_hash=function_digest(step),
                asset_hash_type=AssetHashType.CUSTOM,
            ),
            layers=[layer],
            role=self.role,
            environment=environment(step, stage, storage),
            timeout=Duration.seconds(size.timeout_seconds),
            memory_size=size.memory_mib,
            reserved_concurrent_executions=size.reserved if stage.name == LIVE else None,
            log_group=group,
            tracing=lambda_.Tracing.ACTIVE,
        )
        for rule in ("AwsSolutions-L1", "Serverless-LambdaLatestVersion"):
            acknowledge(
                self.function,
                rule,
                "The runtime is chosen with the layer's wheels: both move together, on purpose.",
            )
        acknowledge(
            self.function,
            "Serverless-LambdaDLQ",
            "Steps are called by the state machine, which has a state for each failure; the alias "
            "that schedules call has a destination for what failed.",
        )
        self.alias = lambda_.Alias(
            self, "Live", alias_name="live", version=self.function.current_version
        )

    def _role(
        self, step: str, stage: Stage, storage: StorageStack, group: logs.LogGroup
    ) -> iam.Role:
        role = iam.Role(
            self,
            "Role",
            description=f"Step {step} of {stage.prefix}",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        group.grant_write(role)
        grant(role, step, stage, storage)
        acknowledge(
            role,
            "AwsSolutions-IAM5[Resource::*]",
            "X-Ray's write actions know no resource; every other statement names its own.",
        )
        return role
