"""The sentry: one small Fargate task a session, reached by nobody, without a NAT gateway."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

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
        repository = image_repository(self, f"{stage.prefix}-sentry")
        task = small_task(
            self,
            "Task",
            "sentry",
            stage,
            storage,
            family=f"{stage.prefix}-sentry",
            image=ecs.ContainerImage.from_ecr_repository(repository, stage.image_tag),
            prefix="sentry",
            kept=log_group(self, "sentry", stage, storage),
            more={},
        )
        cluster = fargate_cluster(
            self,
            f"{stage.prefix}-sentry",
            vpc,
            without="One task with a heartbeat a second: its age says more than container metrics.",
        )
        role = schedule_role(
            self, f"Starts the sentry of {stage.prefix}", cluster, [task], dead_letters
        )
        outward = outward_only(self, vpc, "venue, vendor, AWS")
        target = started_by_schedule(task, cluster, role, outward, vpc, dead_letters)
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
