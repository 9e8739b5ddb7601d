"""The rehearsed day decided once more from what it left alone: it must be the same day."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import Command
from tests.rehearsal.conftest import Rehearsed

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rehearsal")]


def test_every_window_decides_orders_and_fills_the_same(
    run: Command, rehearsed: Rehearsed, tmp_path: Path
) -> None:
    said = run("replay", "parity", rehearsed.folder, "--out", tmp_path, "--json")

    assert (said.code, said.err) == (0, "")
    document = json.loads((tmp_path / "parity.json").read_text())
    assert json.loads(said.out) == document
    assert [(w["window_id"], w["verdict"]) for w in document["windows"]] == [
        ("20251104-1200-index-hourly", "same"),
        ("20251104-1600-index-close", "same"),
    ]
    for window in document["windows"]:
        # What was compared is what the day did: an empty comparison would be the same, too.
        rows = [row for row in rehearsed.windows if row["window_id"] == window["window_id"]]
        counts = window["counts"]
        assert counts["orders"] == sum(row["quotes_placed"] for row in rows)
        assert counts["fills"] == sum(row["fills"] for row in rows)
        assert counts["readings"] >= counts["scans"] > 0
        assert counts["decisions"] > 0
        assert counts["ev_difference"] <= 1e-9
    for what in ("orders", "actions", "quotes", "books"):
        assert sum(window["counts"][what] for window in document["windows"]) > 0
