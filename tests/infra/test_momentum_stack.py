"""The temperature tasks: absent unless asked for, one a city group, bounded in what they may."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from kalshi_alpha.cloud.metrics import OF_MOMENTUM
from kalshi_alpha.errors import ConfigurationError
from stacks.bundling import FUNCTIONS, function_files, stage_function
from stacks.stage import Stage
from tests.conftest import ROOT

ASKED = {"momentum": "east,central", "contact": "desk@example.org"}
LAMBDAS = sorted(path.parent.name for path in FUNCTIONS.glob("*/handler.py"))


@pytest.fixture(scope="module")
def asked(synthesise):
    """The stage that may trade, with two city groups."""
    made = synthesise(stage="live", **ASKED)
    made.templates["Momentum"] = json.loads((made.folder / "Momentum.template.json").read_text())
    return made


def containers(made):
    """Return the container of each task of the stack by city group."""
    tasks = made.resources("AWS::ECS::TaskDefinition", "Momentum").values()
    found = [task["Properties"]["ContainerDefinitions"][0] for task in tasks]
    return {variables(one)["KALSHI_ALPHA_CITIES"]: one for one in found}


def variables(container):
    return {one["Name"]: one["Value"] for one in container["Environment"]}


def test_by_default_there_is_no_such_stack_and_nothing_names_it(live, paper):
    for made in (live, paper):
        assert not (made.folder / "Momentum.template.json").exists()
        assert "momentum" not in json.dumps(made.templates).lower()


def test_the_other_stacks_keep_every_resource_they_have_without_it(asked, live):
    for name in ("Windows", "Sentry", "Observability"):
        assert asked.templates[name]["Resources"] == live.templates[name]["Resources"]


def test_the_evening_makes_tables_of_its_lines_and_research_gains_nothing_else(asked, live):
    mine, before = (made.templates["Research"]["Resources"] for made in (asked, live))
    added = {mine[name]["Type"] for name in mine.keys() - before.keys()}
    assert before.keys() <= mine.keys()
    assert added == {"AWS::Glue::Table", "AWS::Athena::NamedQuery"}
    changed = {name for name in before if mine[name] != before[name]}
    assert {mine[name]["Type"] for name in changed} == {
        "AWS::Batch::JobDefinition",
        "AWS::IAM::Policy",
    }
    text = json.dumps([mine[name] for name in changed])
    assert '"KALSHI_ALPHA_CITIES", "Value": "east,central"' in text
    assert "momentum/*" in text


def test_its_dashboard_draws_every_metric_of_the_process(asked):
    [dashboard] = asked.resources("AWS::CloudWatch::Dashboard", "Momentum").values()
    text = json.dumps(dashboard["Properties"])
    for name in OF_MOMENTUM:
        assert name in text


def test_each_city_group_has_a_task_that_starts_with_its_climate_day(asked):
    assert set(containers(asked)) == {"east", "central"}
    schedules = {
        one["Properties"]["Name"]: one["Properties"]
        for one in asked.resources("AWS::Scheduler::Schedule", "Momentum").values()
    }
    assert set(schedules) == {
        "momentum-east", "momentum-east-again", "momentum-central", "momentum-central-again",
    }  # fmt: skip
    assert schedules["momentum-east"]["ScheduleExpression"] == "cron(2 5 * * ? *)"
    assert schedules["momentum-central"]["ScheduleExpression"] == "cron(2 6 * * ? *)"
    assert {one["ScheduleExpressionTimezone"] for one in schedules.values()} == {"UTC"}
    assert all("DeadLetterConfig" in one["Target"] for one in schedules.values())


def test_a_task_is_small_on_arm_cannot_write_its_disk_and_starts_again_when_it_fails(asked):
    for task in asked.resources("AWS::ECS::TaskDefinition", "Momentum").values():
        assert task["Properties"]["Cpu"] == "256"
        assert task["Properties"]["RuntimePlatform"]["CpuArchitecture"] == "ARM64"
    for container in containers(asked).values():
        assert container["ReadonlyRootFilesystem"] is True
        assert container["RestartPolicy"]["IgnoredExitCodes"] == [0]
        assert container["StopTimeout"] == 60


def test_it_may_write_its_own_partitions_and_prefixes_and_move_no_switch(asked):
    statements = [
        statement
        for name in ("Momentum/EastTaskTaskRole", "Momentum/CentralTaskTaskRole")
        for statement in asked.statements(name)
    ]
    text = json.dumps(statements)
    for forbidden in ("SWITCH", "ARMING", "STAGE", "DeleteItem", "s3:DeleteObject"):
        assert forbidden not in text
    keys = {
        key
        for statement in statements
        for key in statement.get("Condition", {})
        .get("ForAllValues:StringLike", {})
        .get("dynamodb:LeadingKeys", [])
    }
    assert keys == {"WINDOW#*", "HEARTBEAT", "COOLOFF", "PAPER", "DAY#*", "EXPOSURE#*"}
    for prefix in ("capture/*", "momentum/*", "weather/*"):
        assert prefix in text
    writes = [s for s in statements if "s3:PutObject" in json.dumps(s["Action"])]
    assert writes
    assert "parameters/*" not in json.dumps(writes)


def test_on_paper_it_holds_no_key_that_may_write(synthesise):
    made = synthesise(**ASKED)
    text = (made.folder / "Momentum.template.json").read_text()
    assert "read-key" in text
    assert "trading-key" not in text
    assert "pull-key" not in text


def test_shadow_and_contact_reach_the_task_and_no_secret_does(asked, synthesise):
    east = variables(containers(asked)["east"])
    assert east["KALSHI_ALPHA_CONTACT"] == "desk@example.org"
    assert east["KALSHI_ALPHA_SHADOW"] == ""
    shadow = synthesise(**ASKED, shadow="on")
    template = json.loads((shadow.folder / "Momentum.template.json").read_text())
    assert '"Name": "KALSHI_ALPHA_SHADOW", "Value": "on"' in json.dumps(template)


def test_its_silence_calls_somebody(asked):
    [alarm] = asked.resources("AWS::CloudWatch::Alarm", "Momentum").values()
    assert alarm["Properties"]["TreatMissingData"] == "breaching"
    assert alarm["Properties"]["MetricName"] == "MomentumFrames"
    assert len(alarm["Properties"]["AlarmActions"]) == 1
    assert "docs/runbooks/temperature.md" in alarm["Properties"]["AlarmDescription"]
    assert (ROOT / "docs/runbooks/temperature.md").is_file()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"momentum": ("north",), "contact": "a@b.c"}, "no city group 'north'"),
        ({"momentum": ("east",)}, "no e-mail address"),
    ],
)
def test_an_unknown_city_group_and_a_missing_contact_are_refused(given, said):
    with pytest.raises(ConfigurationError, match=said):
        Stage(**given)


@pytest.mark.parametrize("name", [*LAMBDAS, "sentry"])
def test_no_function_of_a_window_carries_a_file_of_it(name):
    held = [inside.as_posix() for _, inside in function_files(name)]
    assert held
    words = ("momentum", "temperature", "weather", "stations", "climate", "high_law")
    assert not [file for file in held if any(word in file for word in words)]


def test_its_container_is_the_sentrys_and_holds_what_it_needs(tmp_path):
    folder = stage_function("momentum", tmp_path)
    assert (folder / "kalshi_alpha/steps/placing.py").is_file()
    assert (folder / "kalshi_alpha/momentum/strategy.toml").is_file()
    assert (folder / "kalshi_alpha/families/temperature.json").is_file()
    assert not (folder / "kalshi_alpha/rehearsal").exists()
    sentry = stage_function("sentry", tmp_path)
    for name in ("Dockerfile", "requirements.txt"):
        assert (folder / name).read_bytes() == (sentry / name).read_bytes()
        assert not (FUNCTIONS / "momentum" / name).exists()  # it stands once


def test_the_image_starts_by_itself_without_numbers_libraries(tmp_path):
    folder = stage_function("momentum", tmp_path)
    code = (
        "import json, sys, main, kalshi_alpha; "
        "print(json.dumps([kalshi_alpha.__file__, sorted(sys.modules)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ
        | {
            "PYTHONPATH": str(folder),
            "AWS_DEFAULT_REGION": "us-east-1",
            "POWERTOOLS_SERVICE_NAME": "test",
            "POWERTOOLS_METRICS_NAMESPACE": "Test",
        },
    )
    where, modules = json.loads(done.stdout.splitlines()[-1])
    assert where.startswith(str(folder))
    assert not {"numpy", "scipy", "pandas", "pyarrow", "duckdb"} & set(modules)
