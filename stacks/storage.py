"""What outlives everything else: tables, artifacts, secrets and the key that encrypts them."""

from __future__ import annotations

from aws_cdk import Aws, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from kalshi_alpha.cloud.layout import LEDGER, STATE, TableSpec
from stacks.acknowledge import acknowledge
from stacks.stage import Stage

# Spelled out, for a role or a policy here never says "*".
USE_KEY = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)

TRADING_KEY, PULL_KEY, READ_KEY, FEED_KEY = "trading-key", "pull-key", "read-key", "feed-key"
SOURCES_KEY = "sources-key"
_SECRETS = {
    TRADING_KEY: 'Venue key that places, scopes read and write::trade: {"key_id": ..., "pem": ...}',
    # The venue knows no scope that only cancels: what makes it narrow is whose code holds it.
    PULL_KEY: 'Venue key that cancels, scopes read and write::trade: {"key_id": ..., "pem": ...}',
    READ_KEY: 'Venue key that may only read: {"key_id": ..., "pem": ...}',
    FEED_KEY: 'Index vendor\'s key: {"api_key": ...}',
}
_SECRETS_OF_RELEASES = {
    SOURCES_KEY: 'Keys of the offices that give more with one, or {}: {"bls": ..., "eia": ...}',
}


class StorageStack(Stack):
    """Tables, bucket, secrets, key. Everything is retained when the stack is deleted."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(
            scope, "Storage", stack_name=f"{stage.prefix}-storage", termination_protection=True
        )
        self.key = self._make_key(stage)
        self.tables = {spec.name: self._make_table(spec, stage) for spec in (STATE, LEDGER)}
        self.artifacts = self._make_bucket(stage)
        named = _SECRETS | (_SECRETS_OF_RELEASES if stage.macro else {})
        self.secrets = {name: self._make_secret(name, text, stage) for name, text in named.items()}
        CfnOutput(self, "ArtifactsBucket", value=self.artifacts.bucket_name)
        for name in named:
            CfnOutput(self, f"Secret-{name}", value=stage.secret(name))

    def _make_key(self, stage: Stage) -> kms.Key:
        key = kms.Key(
            self,
            "Key",
            alias=f"alias/{stage.prefix}",
            description=f"Tables, artifacts, secrets, logs and alarms of {stage.prefix}",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        arn = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:*{stage.name}*"
        _allow_service(
            key,
            f"logs.{Aws.REGION}.amazonaws.com",
            {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": arn}},
        )
        for service in ("cloudwatch", "budgets", "events"):  # they publish to the encrypted topic
            _allow_service(
                key,
                f"{service}.amazonaws.com",
                {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        return key

    def _make_table(self, spec: TableSpec, stage: Stage) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            f"{spec.name.title()}Table",
            table_name=stage.table(spec),
            partition_key=_text(spec.partition_key),
            sort_key=_text(spec.sort_key),
            time_to_live_attribute=spec.ttl,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=self.key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=True,
            removal_policy=RemovalPolicy.RETAIN,
        )

    def _make_bucket(self, stage: Stage) -> s3.Bucket:
        logs = s3.Bucket(
            self,
            "AccessLogs",
            # Log delivery cannot write under a customer's key.
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(90))],
            removal_policy=RemovalPolicy.RETAIN,
        )
        acknowledge(logs, "AwsSolutions-S1", "It is the access log; logging itself would not end.")
        return s3.Bucket(
            self,
            "Artifacts",
            bucket_name=artifacts_bucket(stage),
            versioned=True,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            server_access_logs_bucket=logs,
            lifecycle_rules=[
                s3.LifecycleRule(
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                    noncurrent_version_expiration=Duration.days(365),
                ),
            ],
            removal_policy=RemovalPolicy.RETAIN,
        )

    def _make_secret(self, name: str, text: str, stage: Stage) -> secretsmanager.CfnSecret:
        """Make an empty shell: an operator puts the value in, it never passes through here."""
        secret = secretsmanager.CfnSecret(
            self,
            name.title().replace("-", ""),
            name=stage.secret(name),
            description=text,
            kms_key_id=self.key.key_arn,
        )
        secret.apply_removal_policy(RemovalPolicy.RETAIN)
        acknowledge(
            secret,
            "AwsSolutions-SMG4",
            "The venue and the vendor issue these keys by hand; nothing could rotate them.",
        )
        return secret


def artifacts_bucket(stage: Stage) -> str:
    """Return the bucket's name; bucket names are shared by all accounts of the world."""
    return f"{stage.prefix}-artifacts-{Aws.ACCOUNT_ID}-{Aws.REGION}"


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)


def _allow_service(key: kms.Key, service: str, conditions: dict[str, dict[str, str]]) -> None:
    key.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal(service)],
            actions=list(USE_KEY),
            resources=["*"],  # in a key's policy this is the key itself
            conditions=conditions,
        )
    )
