"""The operator's emergency commands against tables in process and a venue in memory."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.cloud.layout import LEDGER, STATE
from kalshi_alpha.cloud.services import client
from kalshi_alpha.cloud.state import StateStore
from kalshi_alpha.cloud.table import Table
from kalshi_alpha.errors import KillSwitchOn, VenueAmbiguous, VenueUnavailable
from kalshi_alpha.rehearsal.machine import create_table
from kalshi_alpha.steps import panic
from kalshi_alpha.steps.runtime import Runtime
from tests.command import Command
from tests.unit.steps.fake_venue import FakeVenue, T

RUNBOOK = Path(__file__).parents[3] / "docs/runbooks/kill-switch.md"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    with mock_aws():
        client.cache_clear()
        for spec in (STATE, LEDGER):
            create_table(spec, spec.name)
        monkeypatch.setenv("KALSHI_ALPHA_STATE_TABLE", STATE.name)
        monkeypatch.setenv("KALSHI_ALPHA_LEDGER_TABLE", LEDGER.name)
        monkeypatch.setenv("KALSHI_ALPHA_VENUE_URL", "http://127.0.0.1:1")
        monkeypatch.setenv("COLUMNS", "200")
        yield Command(monkeypatch, capsys)
        client.cache_clear()


@pytest.fixture
def venue(monkeypatch: pytest.MonkeyPatch) -> FakeVenue:
    found = FakeVenue(ManualClock(T - timedelta(minutes=3)), 3)
    monkeypatch.setattr(Runtime, "puller", found)
    monkeypatch.setattr(panic, "_PAUSE_SECONDS", 0.0)
    return found


def state() -> StateStore:
    return StateStore(Table(boto3.client("dynamodb"), STATE.name))


def by_phone() -> None:
    """Send what the runbook's one line would: its JSON, into the table it names."""
    (command,) = re.findall(
        r"^ +(aws dynamodb put-item .*?')$", RUNBOOK.read_text(), re.MULTILINE | re.DOTALL
    )
    words = shlex.split(command.replace("<state table>", STATE.name).replace("\\\n", " "))
    options = dict(zip(words[3::2], words[4::2], strict=True))
    assert words[:3] == ["aws", "dynamodb", "put-item"]
    boto3.client("dynamodb").put_item(
        TableName=options["--table-name"], Item=json.loads(options["--item"])
    )


def test_the_one_line_from_a_phone_turns_the_switch_on(run: Command) -> None:
    run("kill", "off", "--reason", "open")
    assert not state().kill_switch().on

    by_phone()

    switch = state().kill_switch()
    assert (switch.on, switch.reason, switch.by) == (True, "by phone", "phone")
    assert run("kill", "status").code == 3


@pytest.mark.parametrize("way", ["on", "off"])
def test_a_move_by_phone_is_in_the_history_before_and_after_it_is_overwritten(
    run: Command, way: str
) -> None:
    run("kill", "off", "--reason", "open")
    by_phone()
    seen = json.loads(run("kill", "history", "--json").out)["history"]
    run("kill", way, "--reason", "seen by ann")
    kept = json.loads(run("kill", "history", "--json").out)["history"]

    assert [move["reason"] for move in seen] == ["open", "by phone"]
    assert [move["reason"] for move in kept] == ["open", "by phone", "seen by ann"]
    assert kept[1]["by"] == "phone"


def test_every_move_says_who_when_and_why(run: Command) -> None:
    run("kill", "on", "--reason", "fed statement")
    run("kill", "off", "--reason", "over")

    said = run("kill", "history")
    moves = json.loads(run("kill", "history", "--json").out)["history"]

    assert said.code == 0
    assert "fed statement" in said.out
    assert [(m["state"], m["reason"]) for m in moves] == [("on", "fed statement"), ("off", "over")]
    assert all(m["by"] and m["at"] for m in moves)


def test_the_history_is_only_added_to(run: Command) -> None:
    del run
    at = T - timedelta(hours=1)
    for number in range(3):  # three moves within one instant
        state().set_kill_switch(on=True, reason=f"r{number}", by="ann", at=at)
    state().set_kill_switch(on=True, reason="later", by="ann", at=at + timedelta(milliseconds=500))
    state().set_kill_switch(on=True, reason="last", by="ann", at=at + timedelta(seconds=1))

    reasons = [move["reason"] for move in state().kill_history()]

    assert reasons == ["r0", "r1", "r2", "later", "last"]


def test_turning_it_off_never_undoes_a_move_made_meanwhile(
    run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    del run
    store, at = state(), T - timedelta(hours=1)
    store.set_kill_switch(on=True, reason="first", by="ann", at=at)
    real = StateStore._enter

    def interrupted(self: StateStore, move: dict[str, str], when: datetime) -> None:
        real(self, move, when)
        if move["state"] == "off":
            later = at + timedelta(seconds=1)
            state().set_kill_switch(on=True, reason="second", by="bob", at=later)

    monkeypatch.setattr(StateStore, "_enter", interrupted)

    with pytest.raises(KillSwitchOn, match="somebody else"):
        store.set_kill_switch(on=False, reason="fine", by="ann", at=at + timedelta(seconds=2))
    assert (state().kill_switch().on, state().kill_switch().reason) == (True, "second")


def test_a_phone_that_interrupts_a_turning_off_wins_too(
    run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("kill", "on", "--reason", "drill")
    real = StateStore._enter

    def interrupted(self: StateStore, move: dict[str, str], when: datetime) -> None:
        real(self, move, when)
        by_phone()

    monkeypatch.setattr(StateStore, "_enter", interrupted)
    said = run("kill", "off", "--reason", "fine")

    assert said.code == 3
    assert state().kill_switch().reason == "by phone"


def test_a_move_without_a_reason_is_refused(run: Command) -> None:
    assert run("kill", "on", "--reason", " ").code == 2
    assert state().kill_history() == []


def test_cancel_all_empties_the_book_and_may_be_repeated(run: Command, venue: FakeVenue) -> None:
    first = run("cancel-all", "--json")
    second = run("cancel-all", "--json")

    assert (first.code, second.code) == (0, 0)
    assert not venue.live
    said = json.loads(first.out)
    assert (said["found"], said["canceled"], said["still_resting"]) == (3, 3, 0)
    assert json.loads(second.out)["found"] == 0


def test_a_dry_run_lists_and_touches_nothing(run: Command, venue: FakeVenue) -> None:
    said = run("cancel-all", "--dry-run", "--json")

    answer = json.loads(said.out)
    assert said.code == 0
    assert (answer["found"], answer["canceled"], answer["still_resting"]) == (3, 0, 3)
    assert len(answer["orders"]) == 3
    assert {what for what, _, _ in venue.sent} == {"list"}


def test_cancel_all_repeats_after_a_lost_answer(run: Command, venue: FakeVenue) -> None:
    lost = iter([True, True])

    def lose(what: str) -> None:
        if what == "cancel" and next(lost, False):
            raise VenueAmbiguous("no answer")

    venue.trouble = lose
    said = run("cancel-all", "--json")

    assert (said.code, venue.live) == (0, {})


def test_cancel_all_says_what_still_rests(run: Command, venue: FakeVenue) -> None:
    venue.deaf = True

    said = run("cancel-all", "--json")
    answer = json.loads(said.out)

    assert said.code == 5
    assert (answer["found"], answer["canceled"], answer["still_resting"]) == (3, 0, 3)
    assert answer["attempts"] == 5


def test_cancel_all_that_cannot_look_says_so(run: Command, venue: FakeVenue) -> None:
    def down(what: str) -> None:
        raise VenueUnavailable(f"{what}: no answer")

    venue.trouble = down

    said = run("cancel-all")

    assert said.code == 5
    assert "could not be listed" in said.out
