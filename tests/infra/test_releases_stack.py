"""What trading releases adds to the templates, and that without it there is nothing of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from kalshi_alpha.cloud.metrics import EMITTED
from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets import macro
from kalshi_alpha.markets.registry import parse_registry
from kalshi_alpha.steps import rollcall
from kalshi_alpha.steps.runtime import Settings
from stacks.build import make_app
from stacks.bundling import LIBRARY, ROOT
from stacks.releases import ASKED
from stacks.stage import Stage, stage_from
from tests.infra.alarm_state import in_alarm, read
from tests.infra.roles import BEGIN_ADDED, END_ADDED, added, rows, table

OWN = {"planner", "sources"}
RUNBOOK = ROOT / "docs" / "runbooks" / "alarms.md"
POINTS = {
    "planner-failed": (1, 0),
    "sources-failed": (1, 0),
    "sources-stale": (1, 0),
    "sources-old": (25, 24),
}


def _schedules(synthesised):
    found = synthesised.resources("AWS::Scheduler::Schedule").values()
    return {s["Properties"]["Name"]: s["Properties"] for s in found}


def _functions(synthesised):
    found = synthesised.resources("AWS::Lambda::Function").values()
    return {f["Properties"]["FunctionName"].rsplit("-", 1)[1]: f["Properties"] for f in found}


def _variables(synthesised, step):
    return synthesised.function(step)["Environment"]["Variables"]


# --- off ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["paper", "live"])
def test_off_there_is_no_function_schedule_secret_or_word_of_it(stage, request):
    synthesised = request.getfixturevalue(stage)
    assert not OWN & set(_functions(synthesised))
    assert not [name for name in _schedules(synthesised) if name.startswith("releases")]
    groups = synthesised.resources("AWS::Scheduler::ScheduleGroup").values()
    assert [g["Properties"]["Name"] for g in groups] == [f"kalshi-alpha-{stage}"]
    text = json.dumps(synthesised.templates)
    for word in ("KALSHI_ALPHA_FAMILIES", "KALSHI_ALPHA_CONTACT", "sources-key", "macro", "PLAN"):
        assert word not in text


def test_on_only_adds_it_takes_nothing_away(live, releases):
    for title, template in live.templates.items():
        outputs = {n for n in template["Resources"] if "CurrentVersion" not in n}
        assert outputs <= set(releases.templates[title]["Resources"])
    assert set(_schedules(releases)) - set(_schedules(live)) == {
        "releases-planner",
        "releases-sources",
        "releases-rollcall",
    }
    assert set(_functions(releases)) - set(_functions(live)) == OWN


# --- on ----------------------------------------------------------------------------------------


def test_every_function_the_sentry_and_every_job_know_what_is_traded(releases):
    for step in _functions(releases):
        if "KALSHI_ALPHA_STAGE" in _variables(releases, step):
            assert _variables(releases, step)["KALSHI_ALPHA_FAMILIES"] == "macro"
    named = [
        container["Environment"]
        for task in releases.resources("AWS::ECS::TaskDefinition").values()
        for container in task["Properties"]["ContainerDefinitions"]
    ] + [
        job["Properties"]["ContainerProperties"]["Environment"]
        for job in releases.resources("AWS::Batch::JobDefinition").values()
    ]
    assert len(named) == 6
    for variables in named:
        assert {"Name": "KALSHI_ALPHA_FAMILIES", "Value": "macro"} in variables


def test_the_planner_is_told_everything_that_its_step_requires(releases):
    variables = _variables(releases, "planner")
    told = {name.removeprefix("KALSHI_ALPHA_").lower() for name in variables}
    assert told == {
        *("stage", "broker", "families", "state_table", "venue_url"),
        *("schedules", "starter", "schedule_role", "dead_letters"),
    }
    assert told <= set(Settings.__dataclass_fields__)
    assert variables["KALSHI_ALPHA_STARTER"]["Ref"].startswith("StartLive")


def test_the_sources_are_read_in_a_name_with_keys_and_nothing_of_the_venue(releases):
    variables = _variables(releases, "sources")
    assert variables["KALSHI_ALPHA_CONTACT"] == "desk@example.org"
    assert variables["KALSHI_ALPHA_SOURCES_SECRET"] == "kalshi-alpha/live/sources-key"
    assert not {"KALSHI_ALPHA_VENUE_URL", "KALSHI_ALPHA_STATE_TABLE"} & set(variables)
    named = [n for n, v in _functions(releases).items() if "sources-key" in json.dumps(v)]
    assert named == ["sources"]


def test_planner_and_sources_run_by_new_york_time_and_again_when_they_fail(releases):
    schedules = _schedules(releases)
    when = {n: schedules[f"releases-{n}"]["ScheduleExpression"] for n in (*OWN, "rollcall")}
    assert when == {
        "planner": "cron(0 6,13 * * ? *)",
        "sources": "cron(10 5-20 * * ? *)",
        "rollcall": "cron(4/15 * * * ? *)",
    }
    for name in (*OWN, "rollcall"):
        schedule = schedules[f"releases-{name}"]
        assert schedule["ScheduleExpressionTimezone"] == "America/New_York"
        assert "Arn" in schedule["Target"]["DeadLetterConfig"]
    for name in OWN:
        policy = schedules[f"releases-{name}"]["Target"]["RetryPolicy"]
        assert policy == {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 3600}
    assert json.loads(schedules["releases-rollcall"]["Target"]["Input"]) == {"planned": True}


def test_every_planned_window_is_asked_after_while_it_is_due():
    minutes = re.fullmatch(r"cron\((\d+)/(\d+) \* \* \* \? \*\)", ASKED)
    assert minutes is not None
    asked = range(int(minutes[1]), 60, int(minutes[2]))
    assert len(asked) == 4
    for group in _groups().values():
        due = timedelta(seconds=group.phases.prep)
        for closes in range(60):  # whatever minute of the hour trading ends at
            since = closes - due.total_seconds() / 60 + rollcall.GRACE.total_seconds() / 60
            heard = [m for k in (-1, 0) for m in asked if since <= m + 60 * k < closes]
            assert heard


def test_planned_schedules_are_in_a_group_that_the_planner_alone_may_write(releases):
    writers = {
        role: (actions, resource)
        for role, actions, resource, _ in rows(releases.templates)
        if "scheduler:" in actions
    }
    assert writers == {
        "planner": (
            "scheduler:CreateSchedule, scheduler:DeleteSchedule, scheduler:UpdateSchedule",
            "`schedule/kalshi-alpha-live-planned/*`",
        )
    }
    groups = releases.resources("AWS::Scheduler::ScheduleGroup").values()
    assert "kalshi-alpha-live-planned" in [g["Properties"]["Name"] for g in groups]


def test_the_planner_hands_schedules_a_role_that_can_start_windows_and_no_more(releases):
    (passed,) = [
        (role, resource, condition)
        for role, actions, resource, condition in rows(releases.templates)
        if actions == "iam:PassRole" and role == "planner"
    ]
    assert passed == (
        "planner",
        "`ReleasesPlannedRole`",
        "StringEquals iam:PassedToService: `scheduler.amazonaws.com`",
    )
    may = {
        (actions, resource)
        for role, actions, resource, _ in rows(releases.templates)
        if role == "windows ReleasesPlannedRole"
    }
    assert may == {
        ("lambda:InvokeFunction", "`StartLive`"),
        ("sqs:SendMessage, sqs:GetQueueAttributes, sqs:GetQueueUrl", "`DeadLetters`"),
    }


def test_the_planner_writes_plans_and_the_sources_write_figures_and_nothing_else(releases):
    found = rows(releases.templates)
    writes = {
        role: (resource, condition)
        for role, actions, resource, condition in found
        if role in OWN and {"dynamodb:PutItem", "s3:PutObject"} & set(actions.split(", "))
    }
    assert writes == {
        "planner": ("`StateTable`", "ForAllValues:StringLike dynamodb:LeadingKeys: `PLAN`"),
        "sources": ("`kalshi-alpha-live-artifacts/macro/*`", ""),
    }
    secrets = {r: res for r, a, res, _ in found if a == "secretsmanager:GetSecretValue"}
    assert "planner" not in secrets
    assert secrets["sources"] == "`SourcesKey`"


def test_the_steps_that_read_figures_may_and_no_other_may(releases):
    readers = {
        role
        for role, actions, resource, _ in rows(releases.templates)
        if actions == "s3:GetObject" and "artifacts/macro/*" in resource
    }
    assert readers == {"preflight", "scan", "sources"}


def test_what_is_added_is_what_security_md_writes_out(live, releases):
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    written = text.split(BEGIN_ADDED)[1].split(END_ADDED)[0].strip()
    # `python -m tests.infra.roles --write` writes the table anew.
    found = added(rows(releases.templates), rows(live.templates))
    assert table(found).splitlines() == written.splitlines()


def test_the_state_machine_calls_neither_planner_nor_sources(live, releases):
    called = [
        next(iter(s.resources("AWS::StepFunctions::StateMachine").values()))["Properties"][
            "DefinitionSubstitutions"
        ]
        for s in (live, releases)
    ]
    assert sorted(called[0]) == sorted(called[1])


def test_the_secret_of_the_sources_is_an_empty_shell_that_is_retained(releases):
    (secret,) = [
        s
        for n, s in releases.resources("AWS::SecretsManager::Secret").items()
        if n == "Storage/SourcesKey"
    ]
    assert secret["DeletionPolicy"] == "Retain"
    assert not {"SecretString", "GenerateSecretString"} & set(secret["Properties"])


# --- alarms, dashboard -------------------------------------------------------------------------


def _alarms(synthesised):
    found = synthesised.resources("AWS::CloudWatch::Alarm").values()
    return {a["Properties"]["AlarmName"].split("-", 3)[3]: a["Properties"] for a in found}


def test_alarms_are_added_and_each_leads_to_its_paragraph(live, releases):
    alarms = _alarms(releases)
    assert set(alarms) - set(_alarms(live)) == set(POINTS)
    headings = set(re.findall(r"^## (\S+)$", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE))
    for name in POINTS:
        assert alarms[name]["AlarmDescription"].endswith(f"See docs/runbooks/alarms.md#{name}")
        assert name in headings
        assert alarms[name]["AlarmActions"]


@pytest.mark.parametrize("name", sorted(POINTS))
def test_a_metric_past_its_limit_calls_and_none_and_at_its_limit_does_not(releases, name):
    alarm, (calls, quiet) = _alarms(releases)[name], POINTS[name]
    (metric,) = read(alarm)
    assert in_alarm(alarm, [{metric: calls}])
    assert not in_alarm(alarm, [{metric: quiet}])
    assert not in_alarm(alarm, [{}])


def test_alarms_and_dashboard_read_metrics_that_the_two_steps_emit(live, releases):
    alarms = _alarms(releases)
    assert {name: read(alarms[name]) for name in POINTS} == {
        "planner-failed": ["Errors"],
        "sources-failed": ["Errors"],
        "sources-stale": ["SourcesStale"],
        "sources-old": ["OldestSourceHours"],
    }
    body = json.dumps(next(iter(releases.resources("AWS::CloudWatch::Dashboard").values())))
    without = json.dumps(next(iter(live.resources("AWS::CloudWatch::Dashboard").values())))
    for step, own in (("planner", "Plan"), ("sources", "Source")):
        code = (LIBRARY / "steps" / f"{step}.py").read_text(encoding="utf-8")
        names = [name for name in EMITTED[step] if own in name]
        assert len(names) == 3
        for name in names:
            assert f'"{name}"' in code
            assert name in body
            assert name not in without


# --- whole -------------------------------------------------------------------------------------


def test_cfn_lint_is_content_with_releases_too(releases):
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--ignore-checks", "W3005"]
    answer = subprocess.run(
        [*command, "--template", str(releases.folder / "*.template.json")],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (answer.returncode, answer.stdout) == (0, "")


@pytest.mark.parametrize(
    ("families", "contact", "said"),
    [
        ("weather", "desk@example.org", "there are no families 'weather'"),
        ("macro", "", "the contact '' is no e-mail address"),
        ("macro", "desk", "the contact 'desk' is no e-mail address"),
    ],
)
def test_unknown_families_and_a_reader_without_a_name_are_refused(families, contact, said):
    with pytest.raises(ConfigurationError, match=said):
        Stage(families=families, contact=contact)


def test_the_context_turns_releases_on_and_the_index_alone_is_the_default(tmp_path):
    stages = [
        stage_from(make_app(context, tmp_path).node)
        for context in (
            {},
            {"families": "index"},
            {"families": "macro", "contact": "desk@example.org"},
        )
    ]
    assert [stage.macro for stage in stages] == [False, False, True]


def _groups():
    registry = (LIBRARY / "markets" / "registry.toml").read_text(encoding="utf-8")
    tables = (LIBRARY / "markets" / macro.TABLE).read_text(encoding="utf-8")
    groups = parse_registry(registry, macro.registry_tables(tables)).groups
    return {name: group for name, group in groups.items() if group.release}
