"""Small Fargate tasks that schedules start: what the sentry and the temperature process share.

Reached by nobody, without a NAT gateway. An image is named, not built: synthesis needs no docker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Aws, Duration, RemovalPolicy
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
from stacks.stage import Stage
from stacks.storage import StorageStack


def image_repository(scope: Construct, name: str) -> ecr.Repository:
    """Return the repository of a task's images: the last ten, kept when the stack goes."""
    return ecr.Repository(
        scope,
        "Images",
        repository_name=name,
        image_scan_on_push=True,
        lifecycle_rules=[ecr.LifecycleRule(max_image_count=10)],
        removal_policy=RemovalPolicy.RETAIN,
    )


def fargate_cluster(scope: Construct, name: str, vpc: ec2.IVpc, *, without: str) -> ecs.Cluster:
    """Return a cluster; ``without`` says why it has no container metrics."""
    cluster = ecs.Cluster(scope, "Cluster", vpc=vpc, cluster_name=name)
    acknowledge(cluster, "AwsSolutions-ECS4", without)
    return cluster


def outward_only(scope: Construct, vpc: ec2.IVpc, whither: str) -> ec2.SecurityGroup:
    """Return a group that lets nothing in, and HTTPS out to ``whither``."""
    outward = ec2.SecurityGroup(
        scope,
        "Outward",
        vpc=vpc,
        description="Nothing in; HTTPS and WebSocket out",
        allow_all_outbound=False,
    )
    outward.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), whither)
    return outward


def small_task(
    scope: Construct,
    title: str,
    step: str,
    stage: Stage,
    storage: StorageStack,
    *,
    family: str,
    image: ecs.ContainerImage,
    prefix: str,
    kept: logs.LogGroup,
    more: Mapping[str, str],
) -> ecs.FargateTaskDefinition:
    """Return the task of a long-lived step, with what the step may touch and ``more`` variables."""
    task = ecs.FargateTaskDefinition(
        scope,
        title,
        family=family,
        cpu=256,
        memory_limit_mib=512,
        runtime_platform=ecs.RuntimePlatform(
            cpu_architecture=ecs.CpuArchitecture.ARM64,
            operating_system_family=ecs.OperatingSystemFamily.LINUX,
        ),
    )
    task.add_container(
        step,
        image=image,
        logging=ecs.LogDrivers.aws_logs(stream_prefix=prefix, log_group=kept),
        environment=environment(step, stage, storage) | {"AWS_DEFAULT_REGION": Aws.REGION, **more},
        readonly_root_filesystem=True,
        # One that fails starts again beside its image, in seconds; one that ended stays ended.
        enable_restart_policy=True,
        restart_ignored_exit_codes=[0],
        restart_attempt_period=Duration.seconds(60),
        stop_timeout=Duration.seconds(60),  # time to pull before it is killed
    )
    grant(task.task_role, step, stage, storage)
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


def started_by_schedule(
    task: ecs.FargateTaskDefinition,
    cluster: ecs.Cluster,
    role: iam.Role,
    outward: ec2.SecurityGroup,
    vpc: ec2.IVpc,
    dead_letters: sqs.Queue,
) -> scheduler.CfnSchedule.TargetProperty:
    """Return the target of a schedule that starts one such task."""
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


def schedule_role(
    scope: Construct,
    description: str,
    cluster: ecs.Cluster,
    tasks: Sequence[ecs.FargateTaskDefinition],
    dead_letters: sqs.Queue,
) -> iam.Role:
    """Return the role on whose behalf schedules start those tasks and no others."""
    role = iam.Role(
        scope,
        "ScheduleRole",
        description=description,
        assumed_by=iam.ServicePrincipal(
            "scheduler.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
        ),
    )
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["ecs:RunTask"],
            resources=[task.task_definition_arn for task in tasks],
            conditions={"ArnEquals": {"ecs:cluster": cluster.cluster_arn}},
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
    dead_letters.grant_send_messages(role)
    return role
