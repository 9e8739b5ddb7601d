"""The fault campaign: it plays the real thing, says the same twice, and sees a broken guard."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kalshi_alpha.cli.app import app
from kalshi_alpha.cloud.ledger import LedgerStore
from kalshi_alpha.cloud.state import KillSwitch, StateStore
from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.rehearsal.campaign import report, running
from kalshi_alpha.rehearsal.campaign.faults import chosen, known
from kalshi_alpha.rehearsal.campaign.kept import NAME, Kept
from kalshi_alpha.rehearsal.campaign.outcome import MUST_BE_ZERO, Outcome, broken
from kalshi_alpha.rehearsal.campaign.running import Planned, Request, plan
from kalshi_alpha.steps import pull

pytestmark = pytest.mark.xdist_group("campaign")
CALM = Planned(0, (), 1_000_003)


@pytest.fixture(scope="module")
def played() -> list[Outcome]:
    """A calm window, twice, and one in which only the venue's expiry is left."""
    (first,) = running.play((CALM,))
    alone, again = running.play((Planned(1, ("expiry-only",), 3_000_012), CALM))
    return [first, again, alone]


def test_a_window_in_which_nothing_is_broken_quotes_and_leaves_before_the_pull_is_due(
    played: list[Outcome],
) -> None:
    """The twin, the handlers and the state machine play it to its end."""
    calm = played[0]
    assert calm.status == "SUCCEEDED"
    assert calm.orders > 5
    assert calm.go
    assert broken(calm) == []
    assert calm.lateness_s is not None
    assert calm.lateness_s < 0


def test_the_same_seed_plays_the_same_window(played: list[Outcome]) -> None:
    """Nothing of it depends on the machine, nor on what was played before."""
    assert played[1].to_json() == played[0].to_json()


def test_the_expiry_at_the_venue_alone_takes_every_order_out_at_two_seconds(
    played: list[Outcome],
) -> None:
    """With cancel, sentry and network gone, the last order leaves at T-2 s to the microsecond."""
    alone = played[2]
    assert alone.left_by == "ExpiryCancel"
    assert alone.lateness_s == 0.0
    assert alone.resting_late == alone.out_of_reach == 0


def test_a_pull_that_pulls_nothing_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the guard the campaign says that orders rested late."""
    monkeypatch.setattr(pull, "strike", lambda *_: False)
    (outcome,) = running.play((Planned(4, ("no-expiry",), 1_000_003),))
    assert outcome.resting_late > 0
    assert "resting_late" in broken(outcome)


def test_a_kill_switch_that_nobody_reads_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the guard the campaign says that orders were taken after the switch was thrown."""
    monkeypatch.setattr(StateStore, "kill_switch", lambda _: KillSwitch(on=False, reason=""))
    planned = Planned(4, ("kill-switch",), 1_000_010)
    (outcome,) = running.play((planned,))
    assert outcome.after_kill > 0
    assert broken(outcome) == ["after_kill"]


def test_each_third_window_has_one_fault_in_turn_and_the_others_pairs_without_repeats() -> None:
    """Every fault is played alone before any is played alone again."""
    names = chosen("all")
    found = plan(Request(names, 3 * len(names), 1))
    alone = [window.faults for window in found if len(window.faults) == 1]
    pairs = [window.faults for window in found if len(window.faults) == 2]
    assert alone == [(name,) for name in names]
    assert len(pairs) == len(set(pairs)) == 2 * len(names)


def test_the_plan_depends_on_the_seed_alone() -> None:
    """Another seed draws other pairs."""
    names = chosen("all")
    assert plan(Request(names, 50, 1)) == plan(Request(names, 50, 1))
    assert plan(Request(names, 50, 1)) != plan(Request(names, 50, 2))


def test_one_window_of_a_campaign_is_played_again_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """``only`` leaves its faults and its seed as they were."""
    asked: list[Planned] = []

    def play(chunk: tuple[Planned, ...]) -> list[Outcome]:
        asked.extend(chunk)
        return [Outcome(w.number, w.seed, "", w.faults) for w in chunk]

    monkeypatch.setattr(running, "play", play)
    request = Request(chosen("all"), 30, 1)
    assert [o.number for o in running.run(request, only=17)] == [17]
    assert asked == [plan(request)[17]]


def test_a_window_that_the_campaign_does_not_have_is_refused() -> None:
    """An empty campaign would be one in which nothing broke."""
    with pytest.raises(ConfigurationError, match="no window 30 in 30 windows"):
        running.run(Request(chosen("all"), 30, 1), only=30)


def test_an_unknown_fault_is_refused_with_the_known_ones() -> None:
    """A misspelt fault would otherwise be a campaign in which nothing breaks."""
    with pytest.raises(ConfigurationError, match="no fault 'reply-lots'; known are all, none"):
        chosen("reply-lots")


def test_any_two_faults_can_be_armed_together() -> None:
    for seed, pair in enumerate(itertools.combinations(sorted(known()), 2)):
        for number, faults in enumerate((pair, pair[::-1])):
            trial = running.prepared(Planned(number, faults, seed))
            trial.world.loop.close()
            assert trial.window is not None, faults


def test_the_report_sums_by_fault_alone_and_in_pairs(tmp_path: Path) -> None:
    """A window counts for each of its faults; what broke a law is listed with its number."""
    first = Outcome(0, 7, "w", ("refused",), orders=3, lateness_s=-0.2)
    second = replace(first, number=1, faults=("refused", "hungry"), lost_fills=2, lateness_s=0.5)
    found = report.write_campaign([first, second], tmp_path, {"seed": 7}, [("Command", "x")])
    assert found == json.loads((tmp_path / "campaign.json").read_text())
    assert found["all"]["windows"] == 2
    assert found["by_fault"]["refused"]["windows"] == 2
    assert found["by_fault"]["hungry"]["lost_fills"] == 2
    assert found["by_fault"]["refused"]["worst_lateness_s"] == 0.5
    assert found["alone"]["refused"]["lost_fills"] == 0
    assert [(b["number"], b["laws"]) for b in found["broken"]] == [(1, ["lost_fills"])]
    assert set(report.FIGURES) <= found["all"].keys()
    assert "refused" in (tmp_path / "campaign.md").read_text()


def test_a_broken_law_fails_the_command_and_says_which_window_and_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code is for a pipeline, the sentence for whoever reads its log."""
    bad = Outcome(5, 7, "w", ("hungry",), doubled=1, notes=["two orders at once: a and b"])
    monkeypatch.setattr(running, "run", lambda *_, **__: [bad])
    result = CliRunner().invoke(app, ["campaign", "--windows", "6", "--out", str(tmp_path)])
    assert result.exit_code != 0
    words = " ".join(str(result.exception).split())
    assert "window 5 (hungry): doubled (two orders at once: a and b)" in words
    assert "--only 5" in words


def test_the_command_lists_its_faults() -> None:
    """Every name can be given to ``--faults``."""
    result = CliRunner().invoke(app, ["campaign", "--faults", "list", "--json"])
    assert result.exit_code == 0
    assert [row[0] for row in json.loads(result.stdout)] == list(known())


def test_the_help_says_how_a_window_is_played_again() -> None:
    """A window that failed must be reproducible."""
    result = CliRunner().invoke(app, ["campaign", "--help"], env={"COLUMNS": "120"})
    assert result.exit_code == 0
    assert "--only" in result.stdout


def test_every_law_has_its_words() -> None:
    """The page says what each count means."""
    assert set(MUST_BE_ZERO) == report._SAYS.keys()


def test_books_that_miss_a_fill_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the guard the campaign says which fill, and that the cash differs."""
    monkeypatch.setattr(LedgerStore, "record_fill", lambda *_, **__: True)
    (outcome,) = running.play((Planned(4, ("hungry",), 1_000_003),))
    assert outcome.lost_fills > 0
    assert outcome.ledger_diff > 0
    assert outcome.notes[0].startswith("fill ")


def an_outcome(number: int, **changes: object) -> Outcome:
    return replace(Outcome(number, 7, "w", ("gap",), status="SUCCEEDED", orders=3), **changes)


def test_a_campaign_that_was_stopped_goes_on_with_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def play(chunk: list[Planned]) -> list[Outcome]:
        asked.extend(one.number for one in chunk)
        return [an_outcome(one.number) for one in chunk]

    monkeypatch.setattr(running, "play", play)
    request = Request(("gap",), 50, 1)
    shelf = Kept(tmp_path, "this one")
    shelf.begin([])
    first = running.run(request, progress=shelf.add, enough=lambda: bool(asked))
    rest = running.run(request, kept=Kept(tmp_path, "this one").read())

    assert [one.number for one in first] == list(range(20))
    assert [one.number for one in rest] == list(range(50))
    assert sorted(asked) == list(range(50))


def test_what_another_campaign_or_a_torn_line_left_is_not_taken(tmp_path: Path) -> None:
    shelf = Kept(tmp_path, "this one")
    shelf.begin([an_outcome(3, lateness_s=-0.5, notes=["a note"])])
    with (tmp_path / NAME).open("a") as file:
        file.write('{"number": 4, "se')

    assert shelf.read() == [an_outcome(3, lateness_s=-0.5, notes=["a note"])]
    assert Kept(tmp_path, "another").read() == []


def test_a_damaged_line_of_a_stopped_campaign_is_named(tmp_path: Path) -> None:
    shelf = Kept(tmp_path, "this one")
    shelf.begin([an_outcome(1)])
    with (tmp_path / NAME).open("a") as file:
        file.write("{}\n")

    with pytest.raises(DataError, match=r"progress.jsonl, line 3, is no outcome"):
        shelf.read()
