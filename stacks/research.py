"""Research as jobs: the books of the day each evening, the nightly refit, sweeps over settings.

One image, one queue on spare capacity, three job definitions that differ in what they may touch. A
job that is taken off its machine runs again from what it has written: every one of them resumes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Aws, CfnOutput, Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_batch as batch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from kalshi_alpha.cloud.batch import ATTEMPTS, MAX_VCPUS, SWEEP, definition_name, queue_name
from stacks.access import environment, grant
from stacks.acknowledge import acknowledge
from stacks.catalog import Catalog
from stacks.functions import log_group
from stacks.stage import Stage
from stacks.storage import StorageStack
from stacks.windows import TIME_ZONE


@dataclass(frozen=True, slots=True)
class Job:
    """One kind of job: what it runs, on what, for how long at most, and when by itself."""

    command: Sequence[str]
    vcpus: int
    memory_gib: int
    hours: int
    schedule: str = ""


JOBS = {
    # After the last settlement of a close, which can take fifty minutes.
    "day": Job(("job", "day"), 1, 4, 1, "cron(15 17 ? * MON-FRI *)"),
    # After each window: the scoreboard anew, and a stage taken back if it must be.
    "grade": Job(("grade",), 1, 2, 1),
    "refit": Job(("job", "refit"), 2, 8, 2, "cron(45 17 ? * MON-FRI *)"),
    # Which sweep it is comes with each submission, as KALSHI_ALPHA_SWEEP.
    # Exits with an error, and so tells, when the venue says something else than we know.
    "facts": Job(("facts", "check"), 1, 2, 1, "cron(0 9 1 * ? *)"),
    "sweep": Job(("sweep", "run"), SWEEP.vcpus, SWEEP.memory_gib, SWEEP.hours),
}


class ResearchStack(Stack):
    """Image repository, compute environment, queue, job definitions and their schedules.

    As with the sentry the image is named, not built, here.
    """

    def __init__(
        self,
        scope: Construct,
        stage: Stage,
        *,
        storage: StorageStack,
        vpc: ec2.IVpc,
        machine: sfn.StateMachine,
        dead_letters: sqs.Queue,
        schedule_group: scheduler.CfnScheduleGroup,
    ) -> None:
        super().__init__(scope, "Research", stack_name=f"{stage.prefix}-research")
        repository = ecr.Repository(
            self,
            "Images",
            repository_name=f"{stage.prefix}-research",
            image_scan_on_push=True,
            lifecycle_rules=[ecr.LifecycleRule(max_image_count=10)],
            removal_policy=RemovalPolicy.RETAIN,
        )
        image = ecs.ContainerImage.from_ecr_repository(repository, stage.research_tag)
        group = log_group(self, "research", stage, storage)
        self.queue = self._make_queue(stage, vpc)
        self.jobs = {
            name: self._make_job(name, job, stage, storage, image, group)
            for name, job in JOBS.items()
        }
        self._make_schedules(stage, dead_letters, schedule_group)
        self._grade_after_each_window(machine)
        Catalog(self, stage, storage)
        CfnOutput(self, "Repository", value=repository.repository_uri)

    def _make_queue(self, stage: Stage, vpc: ec2.IVpc) -> batch.JobQueue:
        outward = ec2.SecurityGroup(
            self,
            "Outward",
            vpc=vpc,
            description="Nothing in; HTTPS out",
            allow_all_outbound=False,
        )
        outward.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "venue, vendor, AWS")
        spare = batch.FargateComputeEnvironment(
            self,
            "Spare",
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC),
            security_groups=[outward],
            spot=True,
            maxv_cpus=MAX_VCPUS,
            # Batch's own service-linked role: a role of ours would need a managed policy.
        )
        return batch.JobQueue(
            self,
            "Queue",
            job_queue_name=queue_name(stage.name),
            compute_environments=[
                batch.OrderedComputeEnvironment(compute_environment=spare, order=1)
            ],
        )

    def _make_job(
        self,
        name: str,
        job: Job,
        stage: Stage,
        storage: StorageStack,
        image: ecs.ContainerImage,
        group: logs.LogGroup,
    ) -> batch.EcsJobDefinition:
        role = iam.Role(
            self,
            f"{name.title()}Role",
            description=f"Research job {name} of {stage.prefix}",
            assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"),
        )
        grant(role, name, stage, storage)
        container = batch.EcsFargateContainerDefinition(
            self,
            f"{name.title()}Container",
            image=image,
            cpu=job.vcpus,
            memory=Size.gibibytes(job.memory_gib),
            command=list(job.command),
            environment=environment(name, stage, storage) | {"AWS_DEFAULT_REGION": Aws.REGION},
            job_role=role,
            logging=ecs.LogDrivers.aws_logs(stream_prefix=name, log_group=group),
            assign_public_ip=True,  # the way out without a NAT gateway; nothing may come in
            fargate_cpu_architecture=ecs.CpuArchitecture.X86_64,
            fargate_operating_system_family=ecs.OperatingSystemFamily.LINUX,
        )
        execution = container.execution_role
        acknowledge(
            execution,
            "AwsSolutions-IAM5[Resource::*]",
            "ecr:GetAuthorizationToken knows no resource; pulling names the repository.",
        )
        return batch.EcsJobDefinition(
            self,
            f"{name.title()}Job",
            job_definition_name=definition_name(stage.name, name),
            container=container,
            timeout=Duration.hours(job.hours),
            retry_attempts=ATTEMPTS,
            retry_strategies=[
                batch.RetryStrategy.of(batch.Action.RETRY, batch.Reason.SPOT_INSTANCE_RECLAIMED),
                # Anything else is a fault of ours, and would fail the same way again.
                batch.RetryStrategy.of(batch.Action.EXIT, batch.Reason.custom(on_reason="*")),
            ],
        )

    def _grade_after_each_window(self, machine: sfn.StateMachine) -> None:
        ended = events.Rule(
            self,
            "WindowEnded",
            description="Grades the day so far when a window has closed its books",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={"stateMachineArn": [machine.state_machine_arn], "status": ["SUCCEEDED"]},
            ),
        )
        job = self.jobs["grade"]
        ended.add_target(
            targets.BatchJob(
                self.queue.job_queue_arn,
                self.queue,
                job.job_definition_arn,
                job,
                retry_attempts=ATTEMPTS,
                max_event_age=Duration.hours(1),
            )
        )
        acknowledge(
            ended,
            "Serverless-EventBusDLQ",
            "A grading that is missed is made up for by the next window's, and by the evening's.",
        )

    def _make_schedules(
        self, stage: Stage, dead_letters: sqs.Queue, schedule_group: scheduler.CfnScheduleGroup
    ) -> None:
        role = iam.Role(
            self,
            "ScheduleRole",
            description=f"Submits the jobs of {stage.prefix}",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            ),
        )
        due = {name: job for name, job in JOBS.items() if job.schedule}
        definitions = [self.jobs[name].job_definition_arn for name in due]
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["batch:SubmitJob"],
                resources=[self.queue.job_queue_arn, *definitions],
            )
        )
        dead_letters.grant_send_messages(role)
        for name, job in due.items():
            scheduler.CfnSchedule(
                self,
                f"{name.title()}Schedule",
                name=f"research-{name}",
                description=f"Submits the job {name}",
                group_name=schedule_group.ref,
                schedule_expression=job.schedule,
                schedule_expression_timezone=TIME_ZONE,
                flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
                target=scheduler.CfnSchedule.TargetProperty(
                    arn=f"arn:{Aws.PARTITION}:scheduler:::aws-sdk:batch:submitJob",
                    role_arn=role.role_arn,
                    input=json.dumps(
                        {
                            "JobName": f"{stage.prefix}-{name}",
                            "JobQueue": self.queue.job_queue_arn,
                            "JobDefinition": self.jobs[name].job_definition_arn,
                        }
                    ),
                    retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                        maximum_retry_attempts=3, maximum_event_age_in_seconds=3600
                    ),
                    dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(
                        arn=dead_letters.queue_arn
                    ),
                ),
            )
