"""The bill: every line follows from what is deployed, and paper stays under its target."""

from __future__ import annotations

import json
from datetime import date

import pytest
from typer.testing import CliRunner

from kalshi_alpha.cli.app import app
from kalshi_alpha.cloud.metrics import EMITTED, OF_RELEASES
from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.markets.traded import trade
from kalshi_alpha.research.costs import Assumptions, bill

NOVEMBER = date(2026, 11, 1)


def _bill(folder, month=NOVEMBER, stage="paper", **assumed):
    texts = [f"{name}={value}" for name, value in assumed.items()]
    assumptions = Assumptions().changed(texts)
    return bill(folder, stage, month, load_registry(), load_sessions(), assumptions)


def _line(found, item):
    return next(line.dollars for line in found.lines if line.item == item)


def test_a_month_of_paper_is_under_its_target_without_research(paper):
    found = _bill(paper.folder)
    assert (found.sessions, found.windows) == (20, 156)  # a holiday, and a half day without three
    assert found.without_research < 20.0
    assert found.total == pytest.approx(sum(line.dollars for line in found.lines))


def test_what_the_templates_count_is_what_is_billed(paper):
    found = _bill(paper.folder)
    # Four secrets at 0.40 and a key at 1.00; a plain alarm is 0.10 and one of two halves 0.50.
    assert _line(found, "Secrets and key") == pytest.approx(2.60)
    plain = len(paper.resources("AWS::CloudWatch::Alarm"))
    both = len(paper.resources("AWS::CloudWatch::CompositeAlarm"))
    assert _line(found, "Alarms") == pytest.approx(0.1 * plain + 0.5 * both)
    # Ten metrics are free; the others cost 0.30 a month for the hours in which they report.
    hours = 19 * 6.5 + 3.5 + 2 * 20
    metrics = sum(len(EMITTED[step]) for step in EMITTED.keys() - set(OF_RELEASES)) - 10
    assert _line(found, "Metrics") == pytest.approx(0.3 * metrics * hours / 730)


def test_the_sentry_costs_its_hours_of_the_table(paper):
    hours = 19 * 6.5 + 3.5 + 20 * 25 / 60
    expected = hours * (0.25 * 0.03238 + 0.5 * 0.00356 + 0.005)
    assert _line(_bill(paper.folder), "Sentry") == pytest.approx(expected)


def test_a_month_of_more_sessions_costs_more(paper):
    october = _bill(paper.folder, date(2026, 10, 1))
    assert october.sessions == 22
    assert october.total > _bill(paper.folder).total


@pytest.fixture
def macro():
    yield
    trade()


@pytest.mark.usefixtures("macro")
def test_releases_are_counted_where_they_are_traded(live, releases):
    without = _bill(live.folder, stage="live")
    trade("macro")
    assert _bill(live.folder, stage="live") == without  # the templates decide, not the process
    found = _bill(releases.folder, stage="live")
    # CPI on the tenth; four Thursdays, one of them a Wednesday; 19 curves; 30 mornings.
    assert (found.windows, found.sessions) == (without.windows + 1 + 4 + 19 + 30, without.sessions)
    calls = next(line.how for line in found.lines if line.item == "Traces")
    # Each window: start, roll call, preflight, cancel, 20 scans and quotes, 10 reconciliations.
    # Each day: twice the planner, 16 times the sources, 96 roll calls.
    more = 54 * (4 + 2 * 20 + 10) + 30 * (2 + 16 + 96)
    before = next(line.how for line in without.lines if line.item == "Traces")
    assert _number(calls) - _number(before) == more
    assert 1.0 < found.total - without.total < 5.0
    assert _line(found, "Secrets and key") == pytest.approx(3.00)


@pytest.mark.usefixtures("macro")
def test_the_command_counts_releases_by_itself(releases):
    words = ["cost", "--stage", "live", "--month", "2026-11", "--templates", str(releases.folder)]
    answer = CliRunner().invoke(app, [*words, "--json"])
    assert answer.exit_code == 0
    assert json.loads(answer.stdout)["windows"] == 156 + 54


def _number(text):
    return int(text.split()[0].replace(",", ""))


def test_an_assumption_can_be_changed_and_an_unknown_one_is_named(paper):
    assert _bill(paper.folder, capture_gib=3).total > _bill(paper.folder).total + 10
    with pytest.raises(ConfigurationError, match="there is no assumption 'nonsense'"):
        Assumptions().changed(["nonsense=1"])
    with pytest.raises(ConfigurationError, match="'log_mib=much' is not name=number"):
        Assumptions().changed(["log_mib=much"])


def test_templates_of_another_stage_or_none_are_a_sentence(paper, tmp_path):
    with pytest.raises(ConfigurationError, match="are not of the stage live"):
        _bill(paper.folder, stage="live")
    with pytest.raises(ConfigurationError, match="`make synth` writes the templates"):
        _bill(tmp_path)
    (tmp_path / "Storage.template.json").write_text("{")
    with pytest.raises(ConfigurationError, match="is not a template"):
        _bill(tmp_path)


def test_the_command_prints_the_same_bill(paper):
    words = ["cost", "--month", "2026-11", "--templates", str(paper.folder), "--json"]
    answer = CliRunner().invoke(app, words)
    assert answer.exit_code == 0
    shown = json.loads(answer.stdout)
    assert shown["total"] == round(_bill(paper.folder).total, 2)
    assert shown["instance"] > 0
