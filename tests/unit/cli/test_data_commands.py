"""``kalshi-alpha data`` as a person types it: what it says, writes and exits with."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from kalshi_alpha.cli import main, output
from tests.bar_rows import DAYS, comma_separated, made, parquet


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Said]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MASSIVE_API_KEY", raising=False)
    monkeypatch.delenv("POLYGON_API_KEY", raising=False)

    def run(*words: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["kalshi-alpha", "data", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


def test_a_check_of_good_files_says_what_they_give(
    run: Callable[..., Said], tmp_path: Path
) -> None:
    one = parquet(tmp_path / "one.parquet", made(DAYS[:2]))
    two = comma_separated(tmp_path / "two.csv", made(DAYS[1:], step=30))
    said = run("check", "--bars", one, two, "--symbol", "SPX", "--out", "report")
    found = json.loads((tmp_path / "report" / "data-check.json").read_text())
    text = (tmp_path / "report" / "data-check.md").read_text()

    assert said.code == 0
    assert "Bars of SPX" in said.out
    assert [(row["step"], row["sessions"], row["whole"]) for row in found["panels"]] == [
        (5, 2, 2), (30, 3, 3),
    ]  # fmt: skip
    assert [note["rows"] for note in found["files"]] == [158, 42]
    assert found["findings"] == []
    assert "Every file can be used." in text
    assert "| 30 min | SPX | 3 | 3 | 0 | 2025-11-05 | 2025-11-07 | 0 | 0 |" in text


def test_a_check_names_every_file_that_is_refused_and_exits_4(
    run: Callable[..., Said], tmp_path: Path
) -> None:
    rows = made()
    del rows[20]
    good = parquet(tmp_path / "good.parquet", rows)
    rows[3]["low"] = -1.0
    bad = parquet(tmp_path / "bad.parquet", rows)
    said = run("check", "--bars", bad, good, "none.csv", "--symbol", "SPX", "--out", "report")
    found = json.loads((tmp_path / "report" / "data-check.json").read_text())
    text = (tmp_path / "report" / "data-check.md").read_text()

    assert said.code == 4
    assert f"{bad}, row 4: at 2025-11-04 09:45 low is -1" in said.err
    assert [(f["action"], f["rule"], f["row"], f["count"]) for f in found["findings"]] == [
        ("refuse", "price", 4, 1),
        ("refuse", "file", None, 1),
        ("note", "hole", None, 1),
    ]
    assert "none.csv: there is no such file" in said.out
    assert "**Refused: 2 files**" in text
    assert [row["sessions"] for row in found["panels"]] == [4]


def test_a_check_of_nothing_usable_still_leaves_its_report(
    run: Callable[..., Said], tmp_path: Path
) -> None:
    lone = parquet(tmp_path / "lone.parquet", made()[:1])
    said = run("check", "--bars", lone, "--symbol", "SPX", "--json", "--out", "report")

    assert said.code == 4
    assert json.loads(said.out) == json.loads((tmp_path / "report" / "data-check.json").read_text())
    assert json.loads(said.out)["findings"][0]["rule"] == "empty"
    assert "1 days have fewer than two bars" in said.err


def test_a_check_can_be_bound_to_days(run: Callable[..., Said], tmp_path: Path) -> None:
    file = parquet(tmp_path / "bars.parquet", made())
    days = ("--from", "2025-11-05", "--to", "2025-11-06")
    said = run("check", "--bars", file, "--symbol", "SPX", *days, "--json")

    (row,) = json.loads(said.out)["panels"]
    assert (row["first"], row["last"], row["sessions"]) == ("2025-11-05", "2025-11-06", 2)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("check", "--bars", "a.csv", "--symbol", "RUT"), 4, "which knows SPX, NDX"),
        (("check", "--bars", "a.csv", "--symbol", "SPX", "--from", "May"), 2, "is not YYYY-MM-DD"),
        (("import", "a.csv", "--symbol", "SPX", "--store", "s"), 4, "there is no such file"),
        (("import", "a.csv", "--symbol", "RUT", "--store", "s"), 4, "which knows SPX, NDX"),
        (("pull", "--symbol", "SPX", "--from", "2025-11-04", "--to", "2025-11-04",
          "--store", "s"), 2, "a secret is missing"),
        (("pull", "--symbol", "SPX", "--from", "2025-11-08", "--to", "2025-11-09",
          "--store", "s"), 4, "no session from 2025-11-08 to 2025-11-09 lies there"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_a_sentence_and_leaves_nothing(
    run: Callable[..., Said],
    tmp_path: Path,
    words: tuple[str, ...],
    code: int,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kalshi_alpha.venues.secrets._keychain", lambda *_: None)
    said = run(*words)

    assert said.code == code
    assert says in said.err
    assert list(tmp_path.iterdir()) == []


def test_an_import_says_what_went_where(run: Callable[..., Said], tmp_path: Path) -> None:
    file = comma_separated(tmp_path / "mine" / "bars.csv", made())
    said = run("import", file, "--symbol", "SPX", "--store", "store")
    again = run("import", file, "--symbol", "SPX", "--store", "store", "--json")

    assert (said.code, said.err) == (0, "")
    assert "SPX/5m/bars.parquet" in said.out
    assert [entry["rows"] for entry in json.loads(again.out)] == [0]
    assert run("check", "--bars", "store/SPX/5m/bars.parquet", "--symbol", "SPX").code == 0


def test_a_progress_bar_is_for_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    written = {}
    for terminal in (True, False):
        stream = io.StringIO()
        monkeypatch.setattr(output, "err", Console(file=stream, force_terminal=terminal, width=80))
        with output.progress("sessions") as told:
            told(1, 4)
            told(4, 4)
        written[terminal] = stream.getvalue()

    assert "sessions" in written[True]
    assert "4/4" in written[True]
    assert written[False] == ""
