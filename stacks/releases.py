"""What the families that wait for a release add: a planner, the reading of sources, schedules.

The planner makes one schedule a window, in a group of its own, and no role but its may touch them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from aws_cdk import Aws, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda_destinations as destinations
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.acknowledge import acknowledge
from stacks.functions import StepFunction
from stacks.stage import Stage

TIME_ZONE = "America/New_York"
# Before the first release of the day; and again, for what the venue lists in the course of it.
PLANNED = "cron(0 6,13 * * ? *)"
# Limits on freshness are 26 hours and more. An hour apart, half a day of failures costs no window,
# and offices that give 25 answers a day are not asked more often.
READ = "cron(10 5-20 * * ? *)"
# Every window is due for half an hour before its trading ends: each is asked after twice.
ASKED = "cron(4/15 * * * ? *)"
_QUARTER, _HOUR = Duration.minutes(15), Duration.hours(1)


class Releases(Construct):
    """Schedules of planner, sources and roll call, and the group that the planner fills."""

    def __init__(
        self,
        scope: Construct,
        stage: Stage,
        *,
        steps: Mapping[str, StepFunction],
        dead_letters: sqs.Queue,
        schedule_group: scheduler.CfnScheduleGroup,
    ) -> None:
        super().__init__(scope, "Releases")
        self._dead_letters, self._schedule_group = dead_letters, schedule_group
        for name in ("planner", "sources"):
            steps[name].alias.configure_async_invoke(
                retry_attempts=2,  # both are safe to repeat
                max_event_age=_HOUR,
                on_failure=destinations.SqsDestination(dead_letters),
            )
        self._let_plan(stage, steps["planner"], steps["start"])
        called = {name: steps[name].alias.function_arn for name in ("planner", "sources")}
        called["rollcall"] = steps["rollcall"].alias.function_arn
        role = self._role(stage, "ScheduleRole", "Schedules of releases", list(called.values()))
        again = scheduler.CfnSchedule.RetryPolicyProperty(
            maximum_retry_attempts=3, maximum_event_age_in_seconds=_HOUR.to_seconds()
        )
        once = scheduler.CfnSchedule.RetryPolicyProperty(
            maximum_retry_attempts=0, maximum_event_age_in_seconds=_QUARTER.to_seconds()
        )
        for name, when, says, request, retry in (
            ("planner", PLANNED, "Plans the windows of the releases that are listed", {}, again),
            ("sources", READ, "Reads the offices whose figures are traded", {}, again),
            ("rollcall", ASKED, "Asks whether planned windows have begun", _PLANNED_ONES, once),
        ):
            self._make_schedule(name, when, says, request, called[name], role, retry)

    def _let_plan(self, stage: Stage, planner: StepFunction, start: StepFunction) -> None:
        """Let the planner keep schedules that start windows, and give them their role."""
        group = scheduler.CfnScheduleGroup(self, "Planned", name=f"{stage.prefix}-planned")
        role = self._role(
            stage, "PlannedRole", "Starts the planned windows", [start.alias.function_arn]
        )
        name = f"{stage.prefix}-planned"
        schedules = f"arn:{Aws.PARTITION}:scheduler:{Aws.REGION}:{Aws.ACCOUNT_ID}:schedule/{name}/*"
        planner.role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "scheduler:CreateSchedule",
                    "scheduler:DeleteSchedule",
                    "scheduler:UpdateSchedule",
                ],
                resources=[schedules],
            )
        )
        planner.role.add_to_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
            )
        )
        acknowledge(
            planner.role,
            "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:scheduler:<AWS::Region>:"
            f"<AWS::AccountId>:schedule/{name}/*]",
            "The planner's own group; the schedules in it carry window ids.",
        )
        for setting, value in (
            ("SCHEDULES", group.ref),
            ("STARTER", start.alias.function_arn),
            ("SCHEDULE_ROLE", role.role_arn),
            ("DEAD_LETTERS", self._dead_letters.queue_arn),
        ):
            planner.function.add_environment(f"KALSHI_ALPHA_{setting}", value)

    def _role(self, stage: Stage, name: str, says: str, functions: list[str]) -> iam.Role:
        role = iam.Role(
            self,
            name,
            description=f"{says} of {stage.prefix}",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            ),
        )
        role.add_to_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=functions)
        )
        self._dead_letters.grant_send_messages(role)
        return role

    def _make_schedule(
        self,
        name: str,
        when: str,
        says: str,
        request: Mapping[str, object],
        function_arn: str,
        role: iam.Role,
        retry: scheduler.CfnSchedule.RetryPolicyProperty,
    ) -> None:
        scheduler.CfnSchedule(
            self,
            f"{name.title()}Schedule",
            name=f"releases-{name}",
            description=says,
            group_name=self._schedule_group.ref,
            schedule_expression=when,
            schedule_expression_timezone=TIME_ZONE,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=function_arn,
                role_arn=role.role_arn,
                input=json.dumps(request),
                retry_policy=retry,
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(
                    arn=self._dead_letters.queue_arn
                ),
            ),
        )


_PLANNED_ONES = {"planned": True}
