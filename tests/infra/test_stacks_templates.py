"""The templates: what must never vanish from them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import date, time
from pathlib import Path

import pytest
from aws_cdk import Stack
from aws_cdk import aws_s3 as s3

from kalshi_alpha.cloud import batch
from kalshi_alpha.cloud.rollup import QUESTIONS, TABLES, key
from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.registry import load_registry
from stacks.build import make_app
from stacks.bundling import ROOT
from stacks.stage import Stage
from stacks.windows import fires_at

STEPS = ("start", "rollcall", "preflight", "scan", "quote", "cancel", "reconcile")
JOBS = ("day", "grade", "refit", "facts", "sweep")
ROLES = {step: f"Windows/{step.title()}" for step in STEPS} | {"sentry": "Sentry/TaskTaskRole"}


def _listed(value):
    return value if isinstance(value, list) else [value]


# --- storage ---------------------------------------------------------------------------------


def test_tables_recover_to_any_second_are_encrypted_and_outlive_the_stack(paper):
    tables = paper.resources("AWS::DynamoDB::Table")
    assert sorted(t["Properties"]["TableName"] for t in tables.values()) == [
        "kalshi-alpha-paper-ledger",
        "kalshi-alpha-paper-state",
    ]
    for table in tables.values():
        properties = table["Properties"]
        recovery = properties["PointInTimeRecoverySpecification"]
        assert recovery["PointInTimeRecoveryEnabled"] is True
        assert properties["SSESpecification"]["SSEType"] == "KMS"
        assert properties["DeletionProtectionEnabled"] is True
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        assert properties["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
        assert [k["AttributeName"] for k in properties["KeySchema"]] == ["pk", "sk"]


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("AWS::DynamoDB::Table", 2),
        ("AWS::S3::Bucket", 2),
        ("AWS::SecretsManager::Secret", 4),
        ("AWS::KMS::Key", 1),
        ("AWS::ECR::Repository", 2),
    ],
)
def test_what_holds_data_is_retained_when_its_stack_goes(paper, kind, count):
    found = paper.resources(kind)
    assert len(found) == count
    for resource in found.values():
        assert resource["DeletionPolicy"] == "Retain"
        assert resource["UpdateReplacePolicy"] == "Retain"


def test_the_artifacts_bucket_is_versioned_private_and_logged(paper):
    bucket = next(
        b["Properties"]
        for n, b in paper.resources("AWS::S3::Bucket").items()
        if n.startswith("Storage/Artifacts")
    )
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    rule = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert "DestinationBucketName" in bucket["LoggingConfiguration"]


def test_both_buckets_refuse_plain_http(paper):
    policies = paper.resources("AWS::S3::BucketPolicy").values()
    assert len(policies) == 2
    for policy in policies:
        statements = policy["Properties"]["PolicyDocument"]["Statement"]
        assert any(
            s["Effect"] == "Deny" and s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            for s in statements
        )


def test_secrets_are_empty_shells(paper):
    for secret in paper.resources("AWS::SecretsManager::Secret").values():
        assert "SecretString" not in secret["Properties"]
        assert "GenerateSecretString" not in secret["Properties"]


def test_the_key_is_rotated(paper):
    (key,) = paper.resources("AWS::KMS::Key").values()
    assert key["Properties"]["EnableKeyRotation"] is True


def test_every_log_group_is_encrypted_and_forgets(paper):
    groups = paper.resources("AWS::Logs::LogGroup")
    assert len(groups) == 11  # seven functions, the machine, sentry, network, research
    for group in groups.values():
        assert "KmsKeyId" in group["Properties"]
        assert group["Properties"]["RetentionInDays"] <= 90


# --- functions -------------------------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS)
def test_functions_run_python_on_arm_traced_with_the_stage_named(paper, step):
    function = paper.function(step)
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["arm64"]
    assert function["Handler"] == "handler.handler"
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert function["Environment"]["Variables"]["KALSHI_ALPHA_STAGE"] == "paper"
    assert function["Environment"]["Variables"]["KALSHI_ALPHA_BROKER"] == "paper"


def test_every_function_is_called_by_its_alias_live(paper):
    aliases = paper.resources("AWS::Lambda::Alias")
    assert [a["Properties"]["Name"] for a in aliases.values()] == ["live"] * 7
    (machine,) = paper.resources("AWS::StepFunctions::StateMachine").values()
    called = machine["Properties"]["DefinitionSubstitutions"]
    assert sorted(called) == [
        "CancelFunction",
        "PreflightFunction",
        "QuoteFunction",
        "ReconcileFunction",
        "ScanFunction",
    ]
    assert all(f"Windows/{target['Ref']}" in aliases for target in called.values())


def test_only_cancel_has_a_share_of_the_concurrency_and_only_live(paper, live):
    assert not any("ReservedConcurrentExecutions" in paper.function(step) for step in STEPS)
    shares = {step: live.function(step).get("ReservedConcurrentExecutions") for step in STEPS}
    assert shares == {step: 8 if step == "cancel" else None for step in STEPS}


def test_functions_end_before_the_state_machine_gives_them_up(paper):
    # Otherwise a quote that the machine has given up could still place after the cancel.
    (machine,) = paper.resources("AWS::StepFunctions::StateMachine").values()
    text = machine["Properties"]["DefinitionString"]
    found = re.findall(
        r'"FunctionName": "\$\{(\w+)Function\}".*?"TimeoutSeconds": (\d+)', text, re.DOTALL
    )
    assert len(found) == 9
    for name, seconds in found:
        assert paper.function(name.lower())["Timeout"] < int(seconds)


# --- who may do what -------------------------------------------------------------------------


def _secrets(synthesised, role: str) -> set[str]:
    statements = synthesised.statements(role)
    text = json.dumps([s for s in statements if s["Action"] == "secretsmanager:GetSecretValue"])
    return {name for name in ("TradingKey", "PullKey", "ReadKey", "FeedKey") if name in text}


def test_on_paper_nobody_can_read_the_trading_key(paper):
    assert _secrets(paper, ROLES["sentry"]) == {"ReadKey", "FeedKey"}
    for role in ROLES.values():
        assert not {"TradingKey", "PullKey"} & _secrets(paper, role)
    assert "KALSHI_ALPHA_SECRET" not in json.dumps(paper.templates)


def test_live_gives_the_key_that_places_to_quote_alone_and_one_that_pulls_to_the_ways_out(live):
    assert {step: _secrets(live, role) for step, role in ROLES.items()} == {
        "start": set(),
        "rollcall": set(),
        "preflight": {"ReadKey"},
        "scan": {"ReadKey"},
        "quote": {"ReadKey", "TradingKey"},
        "cancel": {"ReadKey", "PullKey"},
        "reconcile": {"ReadKey"},
        "sentry": {"ReadKey", "PullKey", "FeedKey"},
    }


def test_only_the_functions_that_may_read_a_secret_know_its_name(live):
    named = {step: live.function(step)["Environment"]["Variables"] for step in STEPS}
    knowing = [step for step in STEPS if "KALSHI_ALPHA_SECRET" in named[step]]
    assert knowing == ["quote", "cancel"]
    assert named["quote"]["KALSHI_ALPHA_SECRET"] == "kalshi-alpha/live/trading-key"
    assert named["cancel"]["KALSHI_ALPHA_SECRET"] == "kalshi-alpha/live/pull-key"
    assert named["quote"]["KALSHI_ALPHA_BROKER"] == "live"
    sentry = json.dumps(live.resources("AWS::ECS::TaskDefinition"))
    assert "kalshi-alpha/live/pull-key" in sentry
    assert "trading-key" not in sentry


def test_no_policy_allows_an_action_by_wildcard(live):
    policies = live.resources("AWS::IAM::Policy")
    assert len(policies) >= 12
    for policy in policies.values():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            assert not any("*" in action for action in _listed(statement["Action"]))


def test_no_role_carries_a_managed_policy(live):
    roles = live.resources("AWS::IAM::Role")
    assert len(roles) == 25
    assert not any("ManagedPolicyArns" in role["Properties"] for role in roles.values())


def test_a_resource_by_wildcard_is_only_for_actions_that_know_none(live):
    known = {"xray", "logs", "ecr"}
    for policy in live.resources("AWS::IAM::Policy").values():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if statement["Resource"] == "*":
                assert {a.split(":")[0] for a in _listed(statement["Action"])} <= known


@pytest.mark.parametrize("role", ROLES.values())
def test_no_step_can_move_the_kill_switch_arm_live_or_erase_anything(live, role):
    for statement in live.statements(role):
        actions = [a for a in _listed(statement["Action"]) if a.startswith("dynamodb:")]
        reads, writes = {"dynamodb:GetItem", "dynamodb:Query"}, {"dynamodb:PutItem"}
        counts = {"dynamodb:UpdateItem"}
        assert set(actions) <= reads | writes | counts
        if set(actions) & (writes | counts):
            partitions = statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
            written = {"WINDOW#*", "HEARTBEAT", "PAPER", "DAY#*", "LAW#*", "COOLOFF"}
            assert set(partitions) <= ({"EXPOSURE#*"} if counts & set(actions) else written)


def test_only_quote_and_reconcile_count_in_the_limits_on_losses(live):
    counting = [
        step
        for step, role in ROLES.items()
        if any("dynamodb:UpdateItem" in _listed(s["Action"]) for s in live.statements(role))
    ]
    assert counting == ["quote", "reconcile"]


def test_only_the_starter_starts_and_it_starts_this_machine_alone(live):
    for step in STEPS:
        actions = [a for s in live.statements(ROLES[step]) for a in _listed(s["Action"])]
        assert ("states:StartExecution" in actions) == (step == "start")


# --- schedules -------------------------------------------------------------------------------


def _schedules(synthesised) -> dict[str, dict]:
    found = synthesised.resources("AWS::Scheduler::Schedule").values()
    return {s["Properties"]["Name"]: s["Properties"] for s in found}


def test_every_fixing_of_the_registry_is_scheduled_and_nothing_else(paper):
    expected = {
        f"{group.name}-{fixing:%H%M}"
        for group in load_registry().groups.values()
        for fixing in group.fixings
    }
    asked = {f"{name}-begun" for name in expected}
    assert set(_schedules(paper)) == expected | asked | {
        *("sentry", "sentry-again"),
        *("research-day", "research-refit", "research-facts"),
    }
    assert {"index-hourly-1000", "index-hourly-1600", "index-close-1600"} <= expected


def test_windows_are_started_by_new_york_time_once_or_not_at_all(paper):
    schedules = _schedules(paper)
    assert schedules["index-hourly-1200"]["ScheduleExpression"] == "cron(48 11 ? * MON-FRI *)"
    assert schedules["sentry"]["ScheduleExpression"] == "cron(20 9 ? * MON-FRI *)"
    assert schedules["index-hourly-1200-begun"]["ScheduleExpression"] == (
        "cron(52 11 ? * MON-FRI *)"
    )
    for name, schedule in schedules.items():
        assert schedule["ScheduleExpressionTimezone"] == "America/New_York"
        assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
        assert "Arn" in schedule["Target"]["DeadLetterConfig"]
        if name.startswith("index"):
            assert schedule["Target"]["RetryPolicy"] == {
                "MaximumRetryAttempts": 0,
                "MaximumEventAgeInSeconds": 60,
            }


def test_a_schedule_says_which_window_it_means(paper):
    target = _schedules(paper)["index-close-1600"]["Target"]
    assert json.loads(target["Input"]) == {"group": "index-close", "fixing": "16:00"}
    assert target["Arn"]["Ref"].startswith("StartLive")


def test_the_schedule_leaves_its_own_minute_of_slack_before_preparation():
    assert fires_at(time(10)) == time(9, 48)
    assert fires_at(time(12, 30)) == time(12, 18)


def test_the_asynchronous_start_is_not_retried(paper):
    configs = paper.resources("AWS::Lambda::EventInvokeConfig").values()
    for config in configs:
        assert config["Properties"]["MaximumRetryAttempts"] == 0
        assert config["Properties"]["MaximumEventAgeInSeconds"] == 60
        assert "OnFailure" in config["Properties"]["DestinationConfig"]
    qualifiers = sorted(json.dumps(c["Properties"]["Qualifier"]) for c in configs)
    assert ["RollcallLive" in qualifiers[0], "StartLive" in qualifiers[1]] == [True, True]


# --- sentry ----------------------------------------------------------------------------------


def test_the_sentry_cannot_be_reached_and_needs_no_nat(paper):
    assert paper.resources("AWS::EC2::NatGateway") == {}
    groups = paper.resources("AWS::EC2::SecurityGroup").values()
    assert len(groups) == 2  # the sentry's and the jobs'
    for group in groups:
        assert "SecurityGroupIngress" not in group["Properties"]
        assert [
            (rule["IpProtocol"], rule["FromPort"], rule["ToPort"])
            for rule in group["Properties"]["SecurityGroupEgress"]
        ] == [("tcp", 443, 443)]
    endpoints = paper.resources("AWS::EC2::VPCEndpoint").values()
    assert [e["Properties"]["VpcEndpointType"] for e in endpoints] == ["Gateway", "Gateway"]


def test_the_sentry_is_small_on_arm_and_cannot_write_its_disk(paper):
    (task,) = paper.resources("AWS::ECS::TaskDefinition").values()
    properties = task["Properties"]
    assert (properties["Cpu"], properties["Memory"]) == ("256", "512")
    assert properties["RuntimePlatform"]["CpuArchitecture"] == "ARM64"
    (container,) = properties["ContainerDefinitions"]
    assert container["ReadonlyRootFilesystem"] is True
    assert container["StopTimeout"] == 60


def test_a_sentry_that_fails_starts_again_and_one_that_has_ended_does_not(paper):
    (task,) = paper.resources("AWS::ECS::TaskDefinition").values()
    (container,) = task["Properties"]["ContainerDefinitions"]
    assert container["RestartPolicy"] == {
        "Enabled": True,
        "IgnoredExitCodes": [0],
        "RestartAttemptPeriod": 60,
    }
    schedules = _schedules(paper)
    again = schedules["sentry-again"]
    assert again["ScheduleExpression"] == "cron(0/10 10-15 ? * MON-FRI *)"
    assert again["Target"] == schedules["sentry"]["Target"]


def test_the_sentry_may_write_its_captures_and_read_parameters_and_no_other_artifact(live):
    found = {
        tuple(_listed(s["Action"])): json.dumps(s["Resource"])
        for s in live.statements(ROLES["sentry"])
        if any(action.startswith("s3:") for action in _listed(s["Action"]))
    }
    assert set(found) == {("s3:GetObject",), ("s3:PutObject",)}
    assert "/parameters/*" in found["s3:GetObject",]
    assert "/capture/*" in found["s3:PutObject",]


def test_one_sentry_is_started_a_session(paper):
    target = _schedules(paper)["sentry"]["Target"]
    assert target["EcsParameters"]["TaskCount"] == 1
    network = target["EcsParameters"]["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert network["AssignPublicIp"] == "ENABLED"


# --- research ---------------------------------------------------------------------------------


def _job(synthesised, name: str) -> dict:
    found = synthesised.resources("AWS::Batch::JobDefinition").values()
    return next(
        j["Properties"] for j in found if j["Properties"]["JobDefinitionName"].endswith(name)
    )


def test_jobs_run_on_spare_capacity_out_of_reach_and_again_only_if_it_was_taken_away(paper):
    (environment,) = paper.resources("AWS::Batch::ComputeEnvironment").values()
    assert environment["Properties"]["ComputeResources"]["Type"] == "FARGATE_SPOT"
    assert environment["Properties"]["ComputeResources"]["MaxvCpus"] == 64
    for name in JOBS:
        job = _job(paper, name)
        assert job["RetryStrategy"]["Attempts"] == 3
        first, last = job["RetryStrategy"]["EvaluateOnExit"]
        assert (first["Action"], first["OnStatusReason"]) == ("RETRY", "Host EC2*")
        assert (last["Action"], last["OnReason"]) == ("EXIT", "*")
        assert 0 < job["Timeout"]["AttemptDurationSeconds"] <= 4 * 3600


def test_the_days_books_are_closed_after_the_last_settlement_and_the_law_refitted_nightly(paper):
    schedules = _schedules(paper)
    assert schedules["research-day"]["ScheduleExpression"] == "cron(15 17 ? * MON-FRI *)"
    assert schedules["research-refit"]["ScheduleExpression"] == "cron(45 17 ? * MON-FRI *)"
    for name in ("day", "refit"):
        assert _job(paper, name)["ContainerProperties"]["Command"] == ["job", name]
        target = schedules[f"research-{name}"]["Target"]
        assert json.dumps(target["Arn"]).endswith(':scheduler:::aws-sdk:batch:submitJob"]]}')


def test_the_record_is_graded_anew_when_a_window_has_closed_its_books(paper):
    (rule,) = paper.resources("AWS::Events::Rule", "Research").values()
    pattern = rule["Properties"]["EventPattern"]
    assert pattern["source"] == ["aws.states"]
    assert pattern["detail"]["status"] == ["SUCCEEDED"]
    (target,) = rule["Properties"]["Targets"]
    assert "GradeJob" in json.dumps(target["BatchParameters"]["JobDefinition"])
    assert _job(paper, "grade")["ContainerProperties"]["Command"] == ["grade"]


def test_a_sweep_is_deployed_under_the_names_and_sizes_the_command_line_counts_with(paper):
    (queue,) = paper.resources("AWS::Batch::JobQueue").values()
    assert queue["Properties"]["JobQueueName"] == batch.queue_name("paper")
    job = _job(paper, batch.definition_name("paper", "sweep"))["ContainerProperties"]
    assert job["Command"] == ["sweep", "run"]
    needs = {each["Type"]: each["Value"] for each in job["ResourceRequirements"]}
    assert needs == {
        "VCPU": str(batch.SWEEP.vcpus),
        "MEMORY": str(batch.SWEEP.memory_gib * 1024),
    }


def test_no_job_holds_a_key_that_may_write_and_a_sweep_holds_none(live):
    keys = {name: _secrets(live, f"Research/{name.title()}Role") for name in JOBS}
    assert keys == {
        "day": {"ReadKey"},
        "grade": set(),
        "refit": {"FeedKey"},
        "facts": set(),
        "sweep": set(),
    }
    assert '"KALSHI_ALPHA_SECRET"' not in json.dumps(live.templates["Research"])


def test_storage_cannot_be_deleted_by_accident(paper):
    manifest = json.loads((paper.folder / "manifest.json").read_text())
    protected = {
        name
        for name, found in manifest["artifacts"].items()
        if found.get("properties", {}).get("terminationProtection")
    }
    assert protected == {"Storage"}


def test_the_daily_tables_are_the_columns_that_the_evening_writes(paper):
    tables = {
        t["Properties"]["TableInput"]["Name"]: t["Properties"]["TableInput"]
        for t in paper.resources("AWS::Glue::Table").values()
    }
    assert set(tables) == set(TABLES)
    for name, table in tables.items():
        columns = table["StorageDescriptor"]["Columns"]
        assert [(c["Name"], c["Type"]) for c in columns] == list(TABLES[name].items())
        template = json.dumps(table["Parameters"]["storage.location.template"])
        assert (
            key(name, date(2026, 11, 20)).replace("2026-11-20/part.parquet", "${day}") in template
        )


def test_saved_questions_are_asked_where_answers_are_encrypted_and_reading_is_bounded(paper):
    (group,) = paper.resources("AWS::Athena::WorkGroup").values()
    configuration = group["Properties"]["WorkGroupConfiguration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["BytesScannedCutoffPerQuery"] == 1 << 30
    result = configuration["ResultConfiguration"]
    assert result["EncryptionConfiguration"]["EncryptionOption"] == "SSE_KMS"
    saved = paper.resources("AWS::Athena::NamedQuery").values()
    assert {q["Properties"]["Name"] for q in saved} == set(QUESTIONS)
    assert {q["Properties"]["WorkGroup"] for q in saved} == {group["Properties"]["Name"]}


# --- whole ------------------------------------------------------------------------------------


def test_nothing_was_looked_up_and_no_account_is_named(paper):
    manifest = json.loads((paper.folder / "manifest.json").read_text())
    assert "missing" not in manifest
    environments = {
        a["environment"]
        for a in manifest["artifacts"].values()
        if a["type"] == "aws:cloudformation:stack"
    }
    assert environments == {"aws://unknown-account/unknown-region"}


def test_cfn_lint_is_content_with_both_stages(paper, live):
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--ignore-checks", "W3005"]
    templates = [str(s.folder / "*.template.json") for s in (paper, live)]
    answer = subprocess.run(
        [*command, "--template", *templates], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (answer.returncode, answer.stdout) == (0, "")


def test_synthesis_fails_on_a_finding_of_the_security_rules(tmp_path):
    # The stages' own synthesis succeeded in the fixtures; this shows that it could have failed.
    app = make_app({}, tmp_path)
    s3.Bucket(Stack(app, "Careless"), "Open")
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    report = json.loads((tmp_path / "validation-report.json").read_text())
    found = {v["ruleName"] for r in report["pluginReports"] for v in r["violations"]}
    assert {"AwsSolutions-S1", "AwsSolutions-S10"} <= found


@pytest.mark.parametrize(
    ("name", "broker", "said"),
    [
        ("prod", "paper", "neither 'paper' nor 'live'"),
        ("paper", "live", "only the stage 'live' may have the broker 'live'"),
        ("live", "twin", "cannot be had on the stage 'live'"),
    ],
)
def test_an_unknown_stage_and_a_broker_it_may_not_have_are_refused(name, broker, said):
    with pytest.raises(ConfigurationError, match=said):
        Stage(name, broker)
