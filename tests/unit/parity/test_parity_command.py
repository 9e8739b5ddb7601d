"""``kalshi-alpha replay parity``: what a person and a program are told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import Command
from tests.unit.parity.made_window import WINDOW, making, rewrite_lines


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("day")
    with making(folder / "artifacts") as window:
        window.begin()
        window.host.pass_time(5 * 60)
        window.round(6800.0, 6801.0)
        window.close()
    return folder


def test_a_day_that_is_the_same_says_so_and_then_where_it_parts(
    run: Command, made: Path, tmp_path: Path
) -> None:
    said = run("replay", "parity", made, "--date", "2026-10-06")
    assert (said.code, said.err) == (0, "")
    assert "1 windows decided once more: same" in said.out
    assert json.loads((made / "parity.json").read_text())["verdict"] == "same"

    why = made / f"artifacts/windows/{WINDOW}/why/0001.jsonl"
    rewrite_lines(why, lambda lines: lines[0].update(code="another"))
    said = run("replay", "parity", made, "--window", WINDOW, "--out", tmp_path, "--json")
    assert said.code == 1
    assert f"{WINDOW}: scan 1, decision: the decision on KXINXU" in said.err
    assert "code 'another' and not" in said.err
    (window,) = json.loads(said.out)["windows"]
    assert window["differences"][0]["recorded"] == {"code": "another"}
    assert json.loads((tmp_path / "parity.json").read_text())["verdict"] == "part"


def test_a_folder_without_the_day_is_refused_with_a_sentence(run: Command, made: Path) -> None:
    said = run("replay", "parity", made, "--date", "2026-10-07")
    assert said.code == 4
    assert "holds no window of 2026-10-07; it needs windows/ and capture/" in said.err
