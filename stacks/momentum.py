"""Temperature ladders: one small Fargate task a city group and climate day. Off unless asked for.

``-c momentum=east,central`` chooses city groups, ``-c momentum_tag=<tag>`` the image and
``-c shadow=on`` that nothing is placed. Whatever this stack holds is its own; beside it the
evening's job is told to make daily tables of what the tasks leave.
"""

from __future__ import annotations

from aws_cdk import Aws, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.markets.temperature import load_temperatures
from stacks.access import environment, grant
from stacks.acknowledge import acknowledge
from stacks.functions import log_group
from stacks.stage import Stage
from stacks.storage import StorageStack

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
        repository = ecr.Repository(
            self,
            "Images",
            repository_name=f"{stage.prefix}-{STEP}",
            image_scan_on_push=True,
            lifecycle_rules=[ecr.LifecycleRule(max_image_count=10)],
            removal_policy=RemovalPolicy.RETAIN,
        )
        self._cluster = ecs.Cluster(self, "Cluster", vpc=vpc, cluster_name=f"{stage.prefix}-{STEP}")
        acknowledge(
            self._cluster,
            "AwsSolutions-ECS4",
            "One task a city group, which says how it is three times a minute.",
        )
        self._outward = ec2.SecurityGroup(
            self,
            "Outward",
            vpc=vpc,
            description="Nothing in; HTTPS and WebSocket out",
            allow_all_outbound=False,
        )
        self._outward.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "venue, office, AWS")
        group_of_logs = log_group(self, STEP, stage, storage)
        tasks = {
            name: self._task(name, storage, repository, group_of_logs) for name in stage.momentum
        }
        role = self._schedule_role(list(tasks.values()))
        for name, task in tasks.items():
            self._schedule(name, task, role, schedule_group)
        self._alarm(topic)
        self._dashboard()
        CfnOutput(self, "Repository", value=repository.repository_uri)

    def _task(
        self, group: str, storage: StorageStack, repository: ecr.Repository, kept: logs.LogGroup
    ) -> ecs.FargateTaskDefinition:
        stage = self._stage
        task = ecs.FargateTaskDefinition(
            self,
            f"{group.title()}Task",
            family=f"{stage.prefix}-{STEP}-{group}",
            cpu=256,
            memory_limit_mib=512,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
        )
        task.add_container(
            STEP,
            image=ecs.ContainerImage.from_ecr_repository(repository, stage.momentum_tag),
            logging=ecs.LogDrivers.aws_logs(stream_prefix=group, log_group=kept),
            environment=environment(STEP, stage, storage)
            | {"AWS_DEFAULT_REGION": Aws.REGION, "KALSHI_ALPHA_CITIES": group},
            readonly_root_filesystem=True,
            # One that fails starts again beside its image, in seconds; one that ended stays ended.
            enable_restart_policy=True,
            restart_ignored_exit_codes=[0],
            restart_attempt_period=Duration.seconds(60),
            stop_timeout=Duration.seconds(60),  # time to pull before it is killed
        )
        grant(task.task_role, STEP, stage, storage)
        acknowledge(
            task,
            "AwsSolutions-ECS2",
            "The variables are addresses and names of secrets; no value of any secret.",
        )
        acknowledge(
            task,
            "AwsSolutions-IAM5[Resource::*]",
            "ecr:GetAuthorizationToken knows no resource; pulling names the repository.",
        )
        return task

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
                target=self._target(task, role),
            )

    def _target(
        self, task: ecs.FargateTaskDefinition, role: iam.Role
    ) -> scheduler.CfnSchedule.TargetProperty:
        network = scheduler.CfnSchedule.AwsVpcConfigurationProperty(
            assign_public_ip="ENABLED",
            security_groups=[self._outward.security_group_id],
            subnets=[subnet.subnet_id for subnet in self._vpc.public_subnets],
        )
        return scheduler.CfnSchedule.TargetProperty(
            arn=self._cluster.cluster_arn,
            role_arn=role.role_arn,
            ecs_parameters=scheduler.CfnSchedule.EcsParametersProperty(
                task_definition_arn=task.task_definition_arn,
                task_count=1,
                launch_type="FARGATE",
                network_configuration=scheduler.CfnSchedule.NetworkConfigurationProperty(
                    awsvpc_configuration=network
                ),
            ),
            retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                maximum_retry_attempts=3, maximum_event_age_in_seconds=600
            ),
            dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(
                arn=self._dead_letters.queue_arn
            ),
        )

    def _schedule_role(self, tasks: list[ecs.FargateTaskDefinition]) -> iam.Role:
        role = iam.Role(
            self,
            "ScheduleRole",
            description=f"Starts the temperature processes of {self._stage.prefix}",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            ),
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["ecs:RunTask"],
                resources=[task.task_definition_arn for task in tasks],
                conditions={"ArnEquals": {"ecs:cluster": self._cluster.cluster_arn}},
            )
        )
        passed = [task.task_role.role_arn for task in tasks]
        passed += [task.obtain_execution_role().role_arn for task in tasks]
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=passed,
                conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
            )
        )
        self._dead_letters.grant_send_messages(role)
        return role

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
