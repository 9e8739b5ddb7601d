"""After a rehearsal its ledger is sealed, and proves itself against the twin's last answers."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.steps.ledger import last_verification, read_journal
from tests.command import Command
from tests.rehearsal.conftest import Rehearsed

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rehearsal")]


def test_the_ledger_of_a_rehearsed_day_is_proved_from_its_folder(
    rehearsed: Rehearsed, run: Command
) -> None:
    said = run("ledger", "verify", "--run", rehearsed.folder, "--json")

    found = json.loads(said.out)
    assert said.code == 0
    assert found["differences"] == []
    assert found["holds"] is True
    assert found["compared"]["balance now"] == 1


def test_it_was_proved_against_the_living_twin_too(rehearsed: Rehearsed) -> None:
    proof = last_verification(FolderStore(rehearsed.folder / "artifacts"), "twin")

    assert proof is not None
    assert proof.holds


def test_there_is_a_line_for_every_event_that_the_steps_recorded(rehearsed: Rehearsed) -> None:
    lines = read_journal(FolderStore(rehearsed.folder / "artifacts"), "twin").lines
    kinds = Counter(line.entry.kind.value for line in lines)
    rows = rehearsed.windows

    assert kinds["opening"] == 1
    assert kinds["balance"] == 4
    assert kinds["fill"] == sum(row["fills"] for row in rows)
    assert kinds["intent"] >= sum(row["quotes_placed"] > 0 for row in rows)
    earned = round(sum(row["pnl_dollars"] for row in rows) * 1_000_000)
    balances = read_journal(FolderStore(rehearsed.folder / "artifacts"), "twin").balances()
    assert balances.earned == earned


def test_a_dollar_that_the_venue_lacks_is_found(
    rehearsed: Rehearsed, run: Command, tmp_path: Path
) -> None:
    # A copy, for the proof that fails is kept beside the ledger.
    folder = tmp_path / rehearsed.folder.name
    shutil.copytree(rehearsed.folder, folder)
    answers = folder / "portfolio"
    balance = json.loads((answers / "balance.json").read_text())
    dollars, cents = balance["balance_dollars"].split(".")
    (answers / "balance.json").write_text(
        json.dumps({"balance_dollars": f"{int(dollars) - 1}.{cents}"})
    )

    said = run("ledger", "verify", "--run", folder, "--portfolio", answers)

    assert said.code == 1
    assert "$1.000000 less" in said.out
