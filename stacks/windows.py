"""The window: its functions, its state machine, and one schedule for each fixing."""

from __future__ import annotations

import json
from datetime import time
from pathlib import Path

from aws_cdk import Aws, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_logs as logs
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from kalshi_alpha.markets.registry import Group, Registry
from stacks.acknowledge import acknowledge
from stacks.functions import SIZES, Assets, StepFunction, core_layer
from stacks.stage import Stage
from stacks.storage import StorageStack

ASL = Path(__file__).with_name("window.asl.json")
TIME_ZONE = "America/New_York"
# A schedule fires up to 60 s late; two minutes ahead of PREP leave room for that and a cold start.
LEAD_MINUTES = 12
# A start that is later than this is dropped; the window is then skipped, never run late.
MAXIMUM_AGE = Duration.seconds(60)


class WindowsStack(Stack):
    """Everything that runs for a quarter of an hour around a fixing."""

    def __init__(
        self,
        scope: Construct,
        stage: Stage,
        *,
        storage: StorageStack,
        registry: Registry,
        assets: Assets,
    ) -> None:
        super().__init__(scope, "Windows", stack_name=f"{stage.prefix}-windows")
        layer = core_layer(self, assets)
        self.steps = {
            step: StepFunction(self, step, stage=stage, storage=storage, layer=layer, assets=assets)
            for step in SIZES
        }
        self.machine = self._make_machine(stage, self._make_machine_log(stage, storage))
        self.dead_letters = self._make_queue(stage)
        self._arm_starter(stage)
        self.schedule_group = scheduler.CfnScheduleGroup(self, "Schedules", name=stage.prefix)
        self._make_schedules(stage, registry)

    def _make_machine_log(self, stage: Stage, storage: StorageStack) -> logs.LogGroup:
        return logs.LogGroup(
            self,
            "MachineLogs",
            # Below this prefix a log group does not eat up the account's resource policy.
            log_group_name=f"/aws/vendedlogs/states/{stage.machine}",
            retention=logs.RetentionDays.THREE_MONTHS,
            encryption_key=storage.key,
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _make_machine(self, stage: Stage, log: logs.LogGroup) -> sfn.StateMachine:
        called = {name: step for name, step in self.steps.items() if name != "start"}
        role = iam.Role(
            self,
            "MachineRole",
            description=f"State machine {stage.machine}",
            assumed_by=iam.ServicePrincipal("states.amazonaws.com"),
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["lambda:InvokeFunction"],
                resources=[step.alias.function_arn for step in called.values()],
            )
        )
        acknowledge(
            role,
            "AwsSolutions-IAM5[Resource::*]",
            "Log delivery and X-Ray actions know no resource; invoking names each function.",
        )
        return sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=stage.machine,
            state_machine_type=sfn.StateMachineType.STANDARD,
            # In the template rather than an asset, so that cfn-lint reads it too.
            definition_body=sfn.DefinitionBody.from_string(ASL.read_text(encoding="utf-8")),
            definition_substitutions={
                f"{name.title()}Function": step.alias.function_arn for name, step in called.items()
            },
            role=role,
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=log, level=sfn.LogLevel.ALL, include_execution_data=True
            ),
        )

    def _make_queue(self, stage: Stage) -> sqs.Queue:
        queue = sqs.Queue(
            self,
            "DeadLetters",
            queue_name=f"{stage.prefix}-dead-letters",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        acknowledge(
            queue, "AwsSolutions-SQS3", "It is itself the queue for what could not be delivered."
        )
        return queue

    def _arm_starter(self, stage: Stage) -> None:
        """Let the starter start this machine, once: an asynchronous call is retried by default."""
        start = self.steps["start"]
        machine = (
            f"arn:{Aws.PARTITION}:states:{Aws.REGION}:{Aws.ACCOUNT_ID}:stateMachine:{stage.machine}"
        )
        start.function.add_environment("KALSHI_ALPHA_STATE_MACHINE", machine)
        start.role.add_to_policy(
            iam.PolicyStatement(actions=["states:StartExecution"], resources=[machine])
        )
        start.alias.configure_async_invoke(
            retry_attempts=0,
            max_event_age=MAXIMUM_AGE,
            on_failure=destinations.SqsDestination(self.dead_letters),
        )

    def _make_schedules(self, stage: Stage, registry: Registry) -> None:
        start = self.steps["start"].alias.function_arn
        role = iam.Role(
            self,
            "ScheduleRole",
            description=f"Schedules of {stage.prefix}",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            ),
        )
        role.add_to_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[start])
        )
        self.dead_letters.grant_send_messages(role)
        for group in registry.groups.values():
            for fixing in group.fixings:
                self._make_schedule(group, fixing, role)

    def _make_schedule(self, group: Group, fixing: time, role: iam.Role) -> None:
        at = fires_at(fixing)
        scheduler.CfnSchedule(
            self,
            f"{group.name}-{fixing:%H%M}",
            name=f"{group.name}-{fixing:%H%M}",
            description=f"Starts the {fixing:%H:%M} window of {group.name}",
            group_name=self.schedule_group.ref,
            schedule_expression=f"cron({at.minute} {at.hour} ? * MON-FRI *)",
            schedule_expression_timezone=TIME_ZONE,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=self.steps["start"].alias.function_arn,
                role_arn=role.role_arn,
                input=json.dumps({"group": group.name, "fixing": f"{fixing:%H:%M}"}),
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_retry_attempts=0,
                    maximum_event_age_in_seconds=MAXIMUM_AGE.to_seconds(),
                ),
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(
                    arn=self.dead_letters.queue_arn
                ),
            ),
        )


def fires_at(fixing: time) -> time:
    """Return the New York wall time at which a fixing's schedule fires."""
    hour, minute = divmod(fixing.hour * 60 + fixing.minute - LEAD_MINUTES, 60)
    return time(hour, minute)
