"""Alarms and dashboard: everything that may go wrong calls, and says what to do."""

from __future__ import annotations

import json
import re

import pytest

from kalshi_alpha.cloud.metrics import EMITTED, namespace, unit
from stacks.bundling import LIBRARY, ROOT
from tests.infra.alarm_state import in_alarm
from tests.infra.alarm_state import read as _read

RUNBOOK = ROOT / "docs" / "runbooks" / "alarms.md"
CALLING = {
    "window-failed",
    "window-timed-out",
    "window-aborted",
    "window-missing",
    "window-not-started",
    "cancel-failed",
    "functions-throttled",
    "schedule-not-delivered",
    "pull-late",
    "orders-resting",
    "books-differ",
    "sentry-silent",
    "feed-late",
    "kill-switch-on",
    "loss-stop",
    "law-drifts",
    "parameters-old",
    "ev-drift",
    "ledger-differs",
    "stage-lost",
}
BOTH = {"sentry-silent", "feed-late"}
QUIET = {"heartbeat-missing", "feed-lags", "window-working"}  # their halves
# Told without an alarm: by an event of the queue, by the budget.
TOLD = {"job-failed", "budget"}

# One point that must call, and one that must not, for each alarm on a metric of its own.
POINTS = {
    "window-failed": (1, 0),
    "window-timed-out": (1, 0),
    "window-aborted": (1, 0),
    "window-missing": (1, 0),
    "window-not-started": (1, 0),
    "cancel-failed": (1, 0),
    "functions-throttled": (1, 0),
    "schedule-not-delivered": (1, 0),
    "pull-late": (-0.9, -1.9),
    "orders-resting": (-1, 0),
    "books-differ": (-1, 0),
    "kill-switch-on": (1, 0),
    "loss-stop": (1, 0),
    "law-drifts": (1, 0),
    "parameters-old": (13, 12),
    "ev-drift": (1, 0),
    "ledger-differs": (1, 0),
    "stage-lost": (1, 0),
}


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
    for name in BOTH:
        rule = json.dumps(alarms[name]["AlarmRule"])
        assert rule.count("ALARM(") == 2
        assert " AND " in rule


@pytest.mark.parametrize("name", sorted(POINTS))
def test_a_metric_at_its_limit_calls_and_short_of_it_does_not(alarms, name):
    calls, quiet = POINTS[name]
    for count in (1, 2):  # whatever share of the metrics it reads has that value
        assert in_alarm(alarms[name], [dict.fromkeys(_read(alarms[name])[:count], calls)])
    assert not in_alarm(alarms[name], [dict.fromkeys(_read(alarms[name]), quiet)])
    assert not in_alarm(alarms[name], [{}])


@pytest.mark.parametrize(
    ("heartbeat", "lag", "working", "called"),
    [
        ((1, 1, 1), (0.2, 0.2, 0.2), True, set()),
        ((30, 30, 30), (0.2, 0.2, 0.2), True, {"sentry-silent"}),
        ((None, None, None), (None, None, None), True, {"sentry-silent"}),
        ((None, 1, 1), (4.0, 0.2, 0.2), True, set()),  # one bad minute of three is none
        ((1, 1, 1), (4.0, 0.2, 4.0), True, {"feed-late"}),
        ((None, None, None), (None, None, None), False, set()),  # every night
    ],
)
def test_heartbeat_and_feed_call_only_while_a_window_works(alarms, heartbeat, lag, working, called):
    ages = [{} if age is None else {"HeartbeatAge": age} for age in heartbeat]
    lags = [{} if value is None else {"FeedLag": value} for value in lag]
    works = in_alarm(alarms["window-working"], [{"Invocations": 1}] * 5 if working else [{}] * 5)
    assert works is working
    halves = {
        "sentry-silent": in_alarm(alarms["heartbeat-missing"], ages),
        "feed-late": in_alarm(alarms["feed-lags"], lags),
    }
    assert {name for name, half in halves.items() if half and works} == called


def test_a_failed_job_and_the_bill_tell_the_same_people(paper):
    (rule,) = paper.resources("AWS::Events::Rule", "Observability").values()
    assert rule["Properties"]["EventPattern"]["detail"]["status"] == ["FAILED"]
    assert rule["Properties"]["Description"].endswith("alarms.md#job-failed")
    (budget,) = paper.resources("AWS::Budgets::Budget").values()
    topic = paper.resources("AWS::SNS::Topic")
    for told in budget["Properties"]["NotificationsWithSubscribers"]:
        assert f"Observability/{told['Subscribers'][0]['Address']['Ref']}" in topic
    headings = set(re.findall(r"^## (\S+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE))
    assert headings >= TOLD


def test_a_quiet_night_calls_nobody(alarms):
    plain = {n: a for n, a in alarms.items() if n in CALLING - BOTH}
    assert {a["TreatMissingData"] for a in plain.values()} == {"notBreaching"}


def test_alarms_read_metrics_that_the_steps_emit(alarms):
    emitted = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in (LIBRARY / "steps", LIBRARY / "research", ROOT / "functions")
        for path in folder.rglob("*.py")
    )
    read = [metric for alarm in alarms.values() for metric in _alarm_metrics(alarm)]
    assert len(read) == 13
    for space, name in read:
        assert space == namespace("paper") == "KalshiAlpha/paper"
        assert f'"{name}"' in emitted
        assert any(name in names for names in EMITTED.values())


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
