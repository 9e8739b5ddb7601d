"""``kalshi-alpha backtest`` with what was learned before, and writing what these days teach."""

from __future__ import annotations

import json
from datetime import date

import pytest
from test_backtest_command import backtest

from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.trading.fills import FillModel
from kalshi_alpha.trading.tuning import Tuning, configuration_of, dump_tuning
from kalshi_alpha.trading.when import Stretch, When

DAYS = ("--from", "2026-01-05", "--to", "2026-01-06", "--no-sensitivity")
CLOSED = Tuning(When((Stretch(300.0, 0.0, why="it lost"),)))


@pytest.fixture
def tuning(tmp_path):
    """Return a function that writes a tuning file of what trades, or of something else."""
    registry = load_registry()
    series = registry.series["KXINXU"]
    here = configuration_of(series.quoting, series.caps, registry.groups[series.group].phases)

    def write(tuning=CLOSED, as_of=date(2026, 1, 2), **other):
        file = tmp_path / "tuning.json"
        file.write_bytes(dump_tuning("KXINXU", tuning, here | other, as_of, {}))
        return file

    return write


def said_by(tmp_path):
    return json.loads((tmp_path / "o" / "backtest.json").read_text())


def test_a_closed_stretch_is_not_quoted_in(run, tmp_path, tuning):
    said = backtest(run, *DAYS, "--tuning", tuning())

    assert said.code == 0, said.err
    found = said_by(tmp_path)
    assert found["all"]["quotes"] == 0
    assert found["refusals"]["closed-stretch"] > 0
    assert found["settings"]["when"]["closed"][0]["why"] == "it lost"


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({"min_ev": 300}, 4, "learned with min_ev 300 and not 500"),
        ({"as_of": date(2026, 1, 5)}, 4, "looking ahead"),
    ],
)
def test_a_tuning_of_other_settings_or_of_these_days_is_refused(run, tuning, options, code, words):
    said = backtest(run, *DAYS, "--tuning", tuning(**options))

    assert said.code == code
    assert words in said.err.replace("\n", " ")


def test_a_tuning_without_a_first_day_is_refused(run, tuning):
    said = backtest(run, "--no-sensitivity", "--tuning", tuning())

    assert said.code == 2
    assert "--tuning needs --from" in said.err.replace("\n", " ")


def test_days_that_teach_nothing_write_nothing_and_say_so(run, tmp_path):
    said = backtest(run, *DAYS, "--learn", "learned.json")

    assert said.code == 0
    assert "teach nothing to act on" in said.err.replace("\n", " ")
    assert not (tmp_path / "learned.json").exists()
    assert said_by(tmp_path)["closed"]["act"] is False


def test_nothing_is_learned_of_a_rule_that_does_not_trade(run):
    said = backtest(run, *DAYS, "--rule", "offset", "--learn", "learned.json")

    assert said.code == 2
    assert "rule offset" in said.err.replace("\n", " ")


def test_a_model_of_queues_is_not_read_where_there_is_no_queue(run, tmp_path):
    model = FillModel("queue_cleared", 5.0, (0.0,) * 9, (0.0, 0.0, 0.0))
    (tmp_path / "fills.json").write_text(json.dumps(model.to_json()))

    said = backtest(run, *DAYS, "--fills", "fills.json")

    assert said.code == 2
    assert "hold no queue" in said.err.replace("\n", " ")
