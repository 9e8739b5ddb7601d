"""The sentry: one small Fargate task a session, reached by nobody, without a NAT gateway."""

from __future__ import annotations

from aws_cdk import Aws, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.access import environment, grant
from stacks.acknowledge import acknowledge
from stacks.functions import log_group
from stacks.stage import Stage
from stacks.storage import StorageStack
from stacks.windows import TIME_ZONE

# Ten minutes before the session: fetching the image takes about one.
STARTS = "cron(20 9 ? * MON-FRI *)"
# And again all day: one that finds another at the watch leaves at once, so whatever took the first
# one away, its host included, is made good within ten minutes.
STARTS_AGAIN = "cron(0/10 10-15 ? * MON-FRI *)"


class SentryStack(Stack):
    """Network, image repository, task and its schedule.

    The image is named, not built, here: synthesis needs no docker. ``-c sentry_tag=<tag>`` chooses
    it from the stage's own repository.
    """

    def __init__(
        self,
        scope: Construct,
        stage: Stage,
        *,
        storage: StorageStack,
        dead_letters: sqs.Queue,
        schedule_group: scheduler.CfnScheduleGroup,
    ) -> None:
        super().__init__(scope, "Sentry", stack_name=f"{stage.prefix}-sentry")
        self.vpc = vpc = self._make_network(log_group(self, "network", stage, storage))
        repository = self._make_repository(stage)
        task = self._make_task(
            stage, storage, repository, log_group(self, "sentry", stage, storage)
        )
        cluster = self._make_cluster(stage, vpc)
        role = self._make_schedule_role(stage, cluster, task, dead_letters)
        target = self._target(vpc, cluster, task, role, dead_letters)
        for name, description, expression in (
            ("sentry", "Starts the sentry before the session", STARTS),
            ("sentry-again", "Starts the sentry if none watches", STARTS_AGAIN),
        ):
            scheduler.CfnSchedule(
                self,
                "Session" if name == "sentry" else "Again",
                name=name,
                description=f"{description}; on a closed day it ends at once",
                group_name=schedule_group.ref,
                schedule_expression=expression,
                schedule_expression_timezone=TIME_ZONE,
                flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
                target=target,
            )
        CfnOutput(self, "Repository", value=repository.repository_uri)

    def _make_network(self, group: logs.LogGroup) -> ec2.Vpc:
        vpc = ec2.Vpc(
            self,
            "Network",
            max_azs=2,
            nat_gateways=0,
            restrict_default_security_group=False,  # nothing is ever put into it
            subnet_configuration=[
                ec2.SubnetConfiguration(name="public", subnet_type=ec2.SubnetType.PUBLIC)
            ],
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
                "DynamoDb": ec2.GatewayVpcEndpointOptions(
                    service=ec2.GatewayVpcEndpointAwsService.DYNAMODB
                ),
            },
        )
        vpc.add_flow_log(
            "Refused",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(group),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )
        return vpc

    def _make_repository(self, stage: Stage) -> ecr.Repository:
        return ecr.Repository(
            self,
            "Images",
            repository_name=f"{stage.prefix}-sentry",
            image_scan_on_push=True,
            lifecycle_rules=[ecr.LifecycleRule(max_image_count=10)],
            removal_policy=RemovalPolicy.RETAIN,
        )

    def _make_task(
        self,
        stage: Stage,
        storage: StorageStack,
        repository: ecr.Repository,
        group: logs.LogGroup,
    ) -> ecs.FargateTaskDefinition:
        task = ecs.FargateTaskDefinition(
            self,
            "Task",
            family=f"{stage.prefix}-sentry",
            cpu=256,
            memory_limit_mib=512,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
        )
        task.add_container(
            "sentry",
            image=ecs.ContainerImage.from_ecr_repository(repository, stage.image_tag),
            logging=ecs.LogDrivers.aws_logs(stream_prefix="sentry", log_group=group),
            environment=environment("sentry", stage, storage) | {"AWS_DEFAULT_REGION": Aws.REGION},
            readonly_root_filesystem=True,
            # One that fails starts again beside its image, in seconds; one that ended stays ended.
            enable_restart_policy=True,
            restart_ignored_exit_codes=[0],
            restart_attempt_period=Duration.seconds(60),
            stop_timeout=Duration.seconds(60),  # time to pull before it is killed
        )
        grant(task.task_role, "sentry", stage, storage)
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

    def _make_cluster(self, stage: Stage, vpc: ec2.Vpc) -> ecs.Cluster:
        cluster = ecs.Cluster(self, "Cluster", vpc=vpc, cluster_name=f"{stage.prefix}-sentry")
        acknowledge(
            cluster,
            "AwsSolutions-ECS4",
            "One task with a heartbeat a second: its age says more than container metrics.",
        )
        return cluster

    def _target(
        self,
        vpc: ec2.Vpc,
        cluster: ecs.Cluster,
        task: ecs.FargateTaskDefinition,
        role: iam.Role,
        dead_letters: sqs.Queue,
    ) -> scheduler.CfnSchedule.TargetProperty:
        outward = ec2.SecurityGroup(
            self,
            "Outward",
            vpc=vpc,
            description="Nothing in; HTTPS and WebSocket out",
            allow_all_outbound=False,
        )
        outward.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "venue, vendor, AWS")
        network = scheduler.CfnSchedule.AwsVpcConfigurationProperty(
            assign_public_ip="ENABLED",
            security_groups=[outward.security_group_id],
            subnets=[subnet.subnet_id for subnet in vpc.public_subnets],
        )
        return scheduler.CfnSchedule.TargetProperty(
            arn=cluster.cluster_arn,
            role_arn=role.role_arn,
            ecs_parameters=scheduler.CfnSchedule.EcsParametersProperty(
                task_definition_arn=task.task_definition_arn,
                task_count=1,
                launch_type="FARGATE",
                network_configuration=scheduler.CfnSchedule.NetworkConfigurationProperty(
                    awsvpc_configuration=network
                ),
            ),
            # Late is far better than not at all, and a start that was refused started nothing.
            retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                maximum_retry_attempts=3, maximum_event_age_in_seconds=600
            ),
            dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(
                arn=dead_letters.queue_arn
            ),
        )

    def _make_schedule_role(
        self,
        stage: Stage,
        cluster: ecs.Cluster,
        task: ecs.FargateTaskDefinition,
        dead_letters: sqs.Queue,
    ) -> iam.Role:
        role = iam.Role(
            self,
            "ScheduleRole",
            description=f"Starts the sentry of {stage.prefix}",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            ),
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["ecs:RunTask"],
                resources=[task.task_definition_arn],
                conditions={"ArnEquals": {"ecs:cluster": cluster.cluster_arn}},
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[task.task_role.role_arn, task.obtain_execution_role().role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
            )
        )
        dead_letters.grant_send_messages(role)
        return role
