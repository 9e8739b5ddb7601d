"""Each role, statement by statement, is what SECURITY.md says, and nothing in it is wider."""

from __future__ import annotations

import pytest

from stacks.bundling import ROOT
from tests.infra.roles import BEGIN, END, rows, table

# Actions that AWS lets nobody narrow to a resource.
KNOW_NO_RESOURCE = {
    "ecr:GetAuthorizationToken",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
STEPS = ("start", "rollcall", "preflight", "scan", "quote", "cancel", "reconcile", "sentry")
JOBS = ("job day", "job grade", "job refit", "job facts", "job sweep")


@pytest.fixture(scope="module")
def found(live):
    return rows(live.templates)


def test_the_roles_are_those_that_security_md_writes_out(found):
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    written = text.split(BEGIN)[1].split(END)[0].strip()
    # `python -m tests.infra.roles --write` writes the table anew.
    assert table(found).splitlines() == written.splitlines()


def test_every_step_has_a_role_of_its_own(found):
    assert {*STEPS, *JOBS} <= {role for role, *_ in found}


def test_a_resource_is_a_star_only_for_actions_that_know_none(found):
    for role, actions, resources, _ in found:
        if "`*`" in resources:
            assert set(actions.split(", ")) <= KNOW_NO_RESOURCE, role


def test_a_star_inside_a_resource_is_only_a_prefix_of_the_artifacts_bucket(found):
    for role, actions, resources, _ in found:
        for resource in resources.replace("`", "").split(", "):
            if "*" in resource and resource != "*":
                assert resource.startswith("kalshi-alpha-live-artifacts/"), (role, resource)
                assert resource.endswith("/*")
                assert set(actions.split(", ")) <= {"s3:GetObject", "s3:PutObject"}


def test_every_write_to_a_table_is_bound_to_partitions(found):
    writes = [row for row in found if "dynamodb:PutItem" in row[1] or "UpdateItem" in row[1]]
    assert writes
    for role, _, _, condition in writes:
        assert condition.startswith("ForAllValues:StringLike dynamodb:LeadingKeys: `"), role
        for switch in ("SWITCH", "ARMING", "`*`"):
            assert switch not in condition, role


def test_no_role_deletes_administers_or_becomes_another(found):
    # The state machine's log delivery is AWS's own way of saying "may write its log".
    forbidden = ("iam:", "sts:", "Delete", "Tag", "kms:Create", "kms:Schedule", "PutSecret")
    for role, actions, _, condition in found:
        for action in actions.split(", "):
            if action in KNOW_NO_RESOURCE:
                continue
            if action == "iam:PassRole":
                assert (role, "ecs-tasks.amazonaws.com" in condition) == (
                    "sentry ScheduleRole",
                    True,
                )
                continue
            assert not any(word in action for word in forbidden), (role, action)


def test_the_key_is_used_through_the_services_that_need_it_only(found):
    keyed = [row for row in found if "kms:Decrypt" in row[1]]
    assert {role for role, *_ in keyed} == {*STEPS, *JOBS} - {"start"}
    for role, _, resource, condition in keyed:
        assert resource == "`Key`"
        first = "s3" if role in ("job refit", "job facts", "job sweep") else "dynamodb"
        assert condition.startswith(f"StringEquals kms:ViaService: `{first}`"), role


def test_secrets_are_read_by_name_and_the_key_that_places_by_quote_alone(found):
    readers = {
        role: resource.replace("`", "").split(", ")
        for role, actions, resource, _ in found
        if actions == "secretsmanager:GetSecretValue"
    }
    assert [role for role, names in readers.items() if "TradingKey" in names] == ["quote"]
    assert [role for role, names in readers.items() if "FeedKey" in names] == [
        "sentry",
        "job refit",
    ]
    assert not {"start", "rollcall", "job grade", "job facts", "job sweep"} & set(readers)
    for actions in (row[1] for row in found):
        assert "secretsmanager" not in actions.replace("secretsmanager:GetSecretValue", "")


def test_only_the_services_themselves_take_the_roles(live):
    for name, role in live.resources("AWS::IAM::Role").items():
        (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Action"] == "sts:AssumeRole", name
        assert set(statement["Principal"]) == {"Service"}, name
        assert statement["Principal"]["Service"] in {
            "ecs-tasks.amazonaws.com",
            "events.amazonaws.com",
            "lambda.amazonaws.com",
            "scheduler.amazonaws.com",
            "states.amazonaws.com",
            "vpc-flow-logs.amazonaws.com",
        }
