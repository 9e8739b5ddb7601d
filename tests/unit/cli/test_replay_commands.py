"""``kalshi-alpha replay``: recordings in, tapes out, and a market maker over them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kalshi_alpha.research.replay.tape import read_tape, write_tape
from tests.command import Command
from tests.order_flow import flow_tape

BOOK = {"market_ticker": "A-1", "yes_dollars_fp": [["0.4500", "10.00"]]}
CHANGE = {
    "market_ticker": "A-1", "price_dollars": "0.4500", "delta_fp": "1.00", "side": "yes",
    "ts_ms": 1_795_207_441_123,
}  # fmt: skip
SNAPSHOT = {"type": "orderbook_snapshot", "sid": 1, "seq": 1, "msg": BOOK}
DELTA = {"type": "orderbook_delta", "sid": 1, "seq": 2, "msg": CHANGE}


def written(file: Path, *frames: dict[str, Any]) -> Path:
    file.write_text("".join(json.dumps(each) + "\n" for each in frames))
    return file


def test_frames_are_imported_and_what_is_left_out_is_said(run: Command, tmp_path: Path) -> None:
    good = written(tmp_path / "good.ndjson", SNAPSHOT, DELTA)
    said = run("replay", "import", "--from", good, "--out", "tapes", "--json")
    assert said.code == 0
    assert json.loads(said.out)["used"] == 1
    assert len(read_tape(tmp_path / "tapes" / "good.tape.parquet")) == 3
    bad = written(tmp_path / "bad.ndjson", SNAPSHOT, DELTA, DELTA | {"seq": 9})
    said = run("replay", "import", "--from", bad, "--out", "tapes")
    assert said.code == 4
    assert "bad.ndjson, row 3: A-1 on 2026-11-20: frame 9 came where 3 was due" in said.err


def test_both_engines_give_the_same_document(run: Command, tmp_path: Path) -> None:
    file = write_tape(flow_tape(3000), tmp_path / "made.tape.parquet")
    found = []
    words = ["--step-ms", "100", "--queue", "shared", "--share", "0.5", "--json"]
    for extra in ([], ["--plain"]):
        said = run("replay", "touch", file, *words, *extra)
        assert said.code == 0
        found.append(json.loads(said.out))
    assert found[0] == found[1]
    assert sum(found[0]["fills_by_evidence"].values()) == found[0]["fills"] > 10


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["touch", "nowhere.parquet"], "there is no such file"),
        (["touch", "nowhere.parquet", "--queue", "mine"], "known are behind, shared, power"),
        (["import", "--from", "nowhere", "--out", "o"], "nowhere"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    run: Command, words: list[str], sentence: str
) -> None:
    said = run("replay", *words)
    assert said.code in {2, 4}
    assert sentence in said.err
