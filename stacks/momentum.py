"""Temperature ladders: one small Fargate task a city group and climate day. Off unless asked for.

``-c momentum=east,central`` chooses city groups, ``-c momentum_tag=<tag>`` the image and
``-c shadow=on`` that nothing is placed. Whatever this stack holds is its own; beside it the
evening's job is told to make daily tables of what the tasks leave.
"""

from __future__ import annotations

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.markets.temperature import load_temperatures
from stacks.functions import log_group
from stacks.stage import Stage
from stacks.storage import StorageStack
from stacks.tasks import (
    fargate_cluster,
    image_repository,
    outward_only,
    schedule_role,
    small_task,
    started_by_schedule,
)

STEP = "momentum"
_AGAIN_MINUTES = 30  # one that finds another at work leaves within seconds
_QUARTER = Duration.minutes(15)


class MomentumStack(Stack):
    """Image repository, a task definition and a schedule a city group, an alarm, a dashboard."""

    def __init__(
        self,
        scope: Construct,
        stage: Stage,
        *,
        storage: StorageStack,
        vpc: ec2.Vpc,
        dead_letters: sqs.Queue,
        schedule_group: scheduler.CfnScheduleGroup,
        topic: sns.Topic,
    ) -> None:
        super().__init__(scope, "Momentum", stack_name=f"{stage.prefix}-{STEP}")
        self._stage, self._vpc, self._dead_letters = stage, vpc, dead_letters
        repository = image_repository(self, f"{stage.prefix}-{STEP}")
        self._cluster = fargate_cluster(
            self,
            f"{stage.prefix}-{STEP}",
            vpc,
            without="One task a city group, which says how it is three times a minute.",
        )
        self._outward = outward_only(self, vpc, "venue, office, AWS")
        group_of_logs = log_group(self, STEP, stage, storage)
        tasks = {
            name: small_task(
                self,
                f"{name.title()}Task",
                STEP,
                stage,
                storage,
                family=f"{stage.prefix}-{STEP}-{name}",
                image=ecs.ContainerImage.from_ecr_repository(repository, stage.momentum_tag),
                prefix=name,
                kept=group_of_logs,
                more={"KALSHI_ALPHA_CITIES": name},
            )
            for name in stage.momentum
        }
        role = schedule_role(
            self,
            f"Starts the temperature processes of {stage.prefix}",
            self._cluster,
            list(tasks.values()),
            dead_letters,
        )
        for name, task in tasks.items():
            self._schedule(name, task, role, schedule_group)
        self._alarm(topic)
        self._dashboard()
        CfnOutput(self, "Repository", value=repository.repository_uri)

    def _schedule(
        self,
        group: str,
        task: ecs.FargateTaskDefinition,
        role: iam.Role,
        schedule_group: scheduler.CfnScheduleGroup,
    ) -> None:
        """Start a task with the climate day, and again all day if none is at work."""
        series = load_temperatures().series_of(group)[0]
        midnight = -load_stations().of(series).offset  # of standard time, by UTC
        for name, title, expression in (
            (group, f"{group.title()}Day", f"cron(2 {midnight} * * ? *)"),
            (f"{group}-again", f"{group.title()}Again", f"cron(5/{_AGAIN_MINUTES} * * * ? *)"),
        ):
            scheduler.CfnSchedule(
                self,
                title,
                name=f"{STEP}-{name}",
                description=f"Starts the temperature process of the city group {group}",
                group_name=schedule_group.ref,
                schedule_expression=expression,
                schedule_expression_timezone="UTC",
                flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
                target=started_by_schedule(
                    task, self._cluster, role, self._outward, self._vpc, self._dead_letters
                ),
            )

    def _dashboard(self) -> None:
        """Draw what a process says of itself: what it hears, wants and takes out."""
        titles = {
            "MomentumFrames": "Frames heard, a quarter of an hour",
            "MomentumStale": "Brackets whose book is stale",
            "MomentumWanted": "Quotes that are wanted",
            "MomentumPulls": "Times that everything was taken out",
        }
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=f"{self._stage.prefix}-{STEP}",
            widgets=[
                [
                    cloudwatch.GraphWidget(title=title, left=[self._metric(name)], width=12)
                    for name, title in titles.items()
                ]
            ],
        )

    def _metric(self, name: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=self._stage.metrics,
            metric_name=name,
            dimensions_map={"service": STEP},
            statistic="Maximum",
            period=_QUARTER,
        )

    def _alarm(self, topic: sns.Topic) -> None:
        """Alarm when no process has said for three quarters of an hour that it hears the venue."""
        alarm = self._metric("MomentumFrames").create_alarm(
            self,
            "Silent",
            alarm_name=f"{self._stage.prefix}-momentum-silent",
            alarm_description=(
                "no temperature process speaks: docs/runbooks/temperature.md says what to look at"
            ),
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_OR_EQUAL_TO_THRESHOLD,
            threshold=0,
            evaluation_periods=3,
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(topic))
