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
from stacks.functions import SIZES, SIZES_OF_RELEASES, Assets, StepFunction, core_layer
from stacks.releases import Releases
from stacks.stage import Stage
from stacks.storage import StorageStack

ASL = Path(__file__).with_name("window.asl.json")
TIME_ZONE = "America/New_York"
# A schedule fires up to 60 s late; two minutes ahead of PREP leave room for that and a cold start.
LEAD_MINUTES = 12
# Whether it has begun is asked two minutes after its preparation.
ASKED_MINUTES = 8
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
            for step in (SIZES | SIZES_OF_RELEASES if stage.macro else SIZES)
        }
        self.machine = self._make_machine(stage, self._make_machine_log(stage, storage))
        self.dead_letters = self._make_queue(stage)
        self._arm_starter(stage)
        self.schedule_group = scheduler.CfnScheduleGroup(self, "Schedules", name=stage.prefix)
        self._make_schedules(stage, registry)
        if stage.macro:
            Releases(
                self,
                stage,
                steps=self.steps,
                dead_letters=self.dead_letters,
                schedule_group=self.schedule_group,
            )

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
        outside = ("start", "rollcall", *SIZES_OF_RELEASES)
        called = {n: step for n, step in self.steps.items() if n not in outside}
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
        for rule in ("AwsSolutions-SQS3", "Serverless-SQSRedrivePolicy"):
            acknowledge(queue, rule, "It is itself the queue for what could not be delivered.")
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
        for called in (start, self.steps["rollcall"]):
            called.alias.configure_async_invoke(
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
        asked = self.steps["rollcall"].alias.function_arn
        role.add_to_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[start, asked])
        )
        self.dead_letters.grant_send_messages(role)
        for group in registry.groups.values():
            for fixing in group.fixings:
                name = f"{group.name}-{fixing:%H%M}"
                what = f"the {fixing:%H:%M} window of {group.name}"
                self._make_schedule(
                    name, f"Starts {what}", group, fixing, LEAD_MINUTES, start, role
                )
                self._make_schedule(
                    f"{name}-begun",
                    f"Asks whether {what} has begun",
                    group,
                    fixing,
                    ASKED_MINUTES,
                    asked,
                    role,
                )

    def _make_schedule(
        self,
        name: str,
        description: str,
        group: Group,
        fixing: time,
        minutes_before: int,
        function_arn: str,
        role: iam.Role,
    ) -> None:
        at = fires_at(fixing, minutes_before)
        scheduler.CfnSchedule(
            self,
            name,
            name=name,
            description=description,
            group_name=self.schedule_group.ref,
            schedule_expression=f"cron({at.minute} {at.hour} ? * MON-FRI *)",
            schedule_expression_timezone=TIME_ZONE,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=function_arn,
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


def fires_at(fixing: time, minutes_before: int = LEAD_MINUTES) -> time:
    """Return the New York wall time at which a schedule of a fixing fires."""
    hour, minute = divmod(fixing.hour * 60 + fixing.minute - minutes_before, 60)
    return time(hour, minute)
