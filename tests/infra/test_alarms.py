"""Alarms and dashboard: everything that may go wrong calls, and says what to do."""

from __future__ import annotations

import json
import re

import pytest

from kalshi_alpha.cloud.metrics import namespace, unit
from stacks.bundling import LIBRARY, ROOT

RUNBOOK = ROOT / "docs" / "runbooks" / "alarms.md"
CALLING = {
    "window-failed",
    "window-timed-out",
    "window-aborted",
    "window-not-started",
    "cancel-failed",
    "functions-throttled",
    "schedule-not-delivered",
    "pull-late",
    "orders-resting",
    "books-differ",
    "sentry-silent",
}
QUIET = {"heartbeat-missing", "window-working"}  # the two halves of sentry-silent


@pytest.fixture(scope="module")
def alarms(paper):
    plain = paper.resources("AWS::CloudWatch::Alarm").values()
    both = paper.resources("AWS::CloudWatch::CompositeAlarm").values()
    named = [a["Properties"] for a in (*plain, *both)]
    return {a["AlarmName"].removeprefix("kalshi-alpha-paper-"): a for a in named}


def test_every_fault_calls_and_nothing_else_does(alarms):
    assert set(alarms) == CALLING | QUIET
    calling = {name for name, alarm in alarms.items() if alarm.get("AlarmActions")}
    assert calling == CALLING


def test_every_alarm_leads_to_its_paragraph_of_the_runbook(alarms):
    headings = set(re.findall(r"^## (\S+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE))
    for name, alarm in alarms.items():
        assert alarm["AlarmDescription"].endswith(f"See docs/runbooks/alarms.md#{name}")
        assert name in headings


def test_the_state_machine_names_paragraphs_that_exist(paper):
    headings = set(re.findall(r"^## (\S+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE))
    (machine,) = paper.resources("AWS::StepFunctions::StateMachine").values()
    named = re.findall(
        r"docs/runbooks/alarms\.md#([\w-]+)", machine["Properties"]["DefinitionString"]
    )
    assert sorted(named) == ["books-not-closed", "window-failed"]
    assert set(named) <= headings


def test_a_pull_confirmed_after_one_second_before_the_fixing_calls(alarms):
    alarm = alarms["pull-late"]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (-1, "GreaterThanThreshold")
    (metric,) = (found["MetricStat"] for found in alarm["Metrics"])
    assert (metric["Stat"], metric["Metric"]["MetricName"]) == ("Maximum", "PullLateness")
    assert metric["Metric"]["Dimensions"] == [{"Name": "service", "Value": "cancel"}]


def test_a_pull_that_never_saw_a_listing_calls_as_orders_at_rest_do(alarms):
    # Such a pull reports -1 order at rest.
    assert alarms["orders-resting"]["Threshold"] == 0
    assert "ABS(resting)" in json.dumps(alarms["orders-resting"]["Metrics"])


def test_a_missing_heartbeat_is_a_fault_only_while_a_window_works(alarms):
    assert alarms["heartbeat-missing"]["TreatMissingData"] == "breaching"
    assert alarms["window-working"]["TreatMissingData"] == "notBreaching"
    rule = json.dumps(alarms["sentry-silent"]["AlarmRule"])
    assert rule.count("ALARM(") == 2
    assert " AND " in rule


def test_a_quiet_night_calls_nobody(alarms):
    plain = {n: a for n, a in alarms.items() if n in CALLING - {"sentry-silent"}}
    assert {a["TreatMissingData"] for a in plain.values()} == {"notBreaching"}


def test_alarms_read_metrics_that_the_steps_emit(alarms):
    emitted = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in (LIBRARY / "steps", ROOT / "functions")
        for path in folder.rglob("*.py")
    )
    read = [metric for alarm in alarms.values() for metric in _alarm_metrics(alarm)]
    assert len(read) == 4
    for space, name in read:
        assert space == namespace("paper") == "KalshiAlpha/paper"
        assert f'"{name}"' in emitted


def _alarm_metrics(alarm):
    metrics = [m["MetricStat"]["Metric"] for m in alarm.get("Metrics", []) if "MetricStat" in m]
    return [
        (m["Namespace"], m["MetricName"])
        for m in metrics
        if m["Namespace"].startswith("KalshiAlpha")
    ]


def test_the_topic_is_encrypted_and_its_key_lets_alarms_publish(paper):
    (topic,) = paper.resources("AWS::SNS::Topic").values()
    assert "KmsMasterKeyId" in topic["Properties"]
    (key,) = paper.resources("AWS::KMS::Key").values()
    principals = json.dumps(key["Properties"]["KeyPolicy"])
    assert "cloudwatch.amazonaws.com" in principals
    assert '"kms:GenerateDataKey"' in principals


def test_the_dashboard_shows_windows_pulls_heartbeats_and_quotes(paper):
    (dashboard,) = paper.resources("AWS::CloudWatch::Dashboard").values()
    body = json.dumps(dashboard["Properties"]["DashboardBody"])
    for name in ("ExecutionsFailed", "PullLateness", "RestingAfterPull", "HeartbeatAge", "FeedLag"):
        assert name in body
    for name in ("QuotesCreated", "QuotesUnknown", "Refusals", "Fills"):
        assert name in body


def test_seconds_are_seconds_and_whatever_is_not_named_is_counted():
    assert unit("PullLateness") == "Seconds"
    assert unit("Refusals") == "Count"
