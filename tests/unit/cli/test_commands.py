from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from kalshi_alpha.cli import main
from kalshi_alpha.pricing.parameters import shipped_parameters

TICKER = "KXINXU-25NOV04H1200-T6799.9999"


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Said]:
    """Run a command line in an empty folder, without any of our settings in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["kalshi-alpha", *words])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


def test_help_names_every_command_and_the_exit_codes(run: Callable[..., Said]) -> None:
    said = run("--help")

    for command in (
        "rehearse", "simulate", "windows", "preflight", "price", "explain", "fees", "kill",
        "doctor", "cancel-all",
    ):  # fmt: skip
        assert command in said.out
    assert "Exit codes" in said.out


def test_the_windows_of_a_day_as_json(run: Callable[..., Said]) -> None:
    said = run("windows", "--date", "2025-11-04", "--json")
    windows = json.loads(said.out)

    assert said.code == 0
    assert len(windows) == 8
    assert windows[2]["window_id"] == "20251104-1200-index-hourly"
    assert windows[2]["pull_at"] == "2025-11-04T16:59:58Z"


@pytest.mark.parametrize(
    ("day", "words"),
    [("2026-11-26", "Thanksgiving"), ("2026-11-21", "Saturday"), ("2031-01-02", "2031")],
)
def test_a_closed_day_says_why_and_exits_three(
    run: Callable[..., Said], day: str, words: str
) -> None:
    said = run("windows", "--date", day)

    assert said.code == 3
    assert words in said.err
    assert "Traceback" not in said.err


def test_a_ladder_is_priced_downwards(run: Callable[..., Said]) -> None:
    said = run(
        "price", "KXINXU", "--level", "6800", "--at", "2025-11-04T11:50",
        "--fixing", "2025-11-04T12:00", "--strikes", "9", "--json",
    )  # fmt: skip
    ladder = [row["probability"] for row in json.loads(said.out)["ladder"]]

    assert said.code == 0
    assert ladder == sorted(ladder, reverse=True)
    assert ladder[4] == pytest.approx(0.5, abs=0.01)


def test_a_range_ladder_adds_up_to_one(run: Callable[..., Said]) -> None:
    said = run(
        "price", "KXNASDAQ100", "--level", "25600", "--at", "2025-11-04T15:00",
        "--fixing", "2025-11-04T16:00", "--json",
    )  # fmt: skip
    ladder = [row["probability"] for row in json.loads(said.out)["ladder"]]

    assert sum(ladder) == pytest.approx(1.0, abs=1e-4)


def test_tampered_parameters_price_nothing(run: Callable[..., Said], tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    file.write_bytes(shipped_parameters(date(2025, 11, 4)).replace(b"0.0", b"0.1", 1))

    said = run(
        "price", "KXINXU", "--level", "6800", "--at", "2025-11-04T11:50",
        "--fixing", "2025-11-04T12:00", "--parameters", str(file),
    )  # fmt: skip

    assert said.code == 4
    assert "checksum" in said.err
    assert said.out == ""


def test_fees_follow_the_date(run: Callable[..., Said]) -> None:
    old = json.loads(run("fees", "KXINXU", "--at", "2025-11-04T12:00", "--json").out)
    new = json.loads(run("fees", "KXINXU", "--at", "2026-10-06T12:00", "--json").out)

    assert (old["multiplier"], new["multiplier"]) == ("0.5", "1")
    assert (old["maker_fee"], new["maker_fee"]) == ("0.000000", "0.000000")
    assert new["taker_fee"] == "0.017500"


def a_run(folder: Path) -> Path:
    records = [
        {
            "ticker": TICKER, "at": "2025-11-04T16:56:00Z", "side": "bid", "decision": "refuse",
            "probability": 0.51, "price": 4900, "ev": 0.02, "reason": "the edge is too small",
        },
        {
            "ticker": TICKER, "at": "2025-11-04T16:57:00Z", "side": "ask", "decision": "quote",
            "probability": 0.51, "price": 5800, "ev": 0.07, "reason": "",
        },
    ]  # fmt: skip
    folder.mkdir(parents=True)
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "why.jsonl").write_text(lines)
    return folder


def test_explain_tells_why_a_market_was_and_was_not_quoted(
    run: Callable[..., Said], tmp_path: Path
) -> None:
    folder = a_run(tmp_path / "run")

    said = run("explain", TICKER, "--run", str(folder))

    assert said.code == 0
    assert "the edge is too small" in said.out
    assert "every gate allows it" in said.out


@pytest.mark.parametrize(
    ("ticker", "words"),
    [
        ("nonsense", "not a market ticker"),
        ("KXINXU-25FEB30H1200-T6799.9999", "FEB30"),
        ("KXINXU-25NOV04H1200-T1.9999", "never a candidate"),
    ],
)
def test_explain_refuses_what_it_cannot_know(
    run: Callable[..., Said], tmp_path: Path, ticker: str, words: str
) -> None:
    folder = a_run(tmp_path / "run")

    said = run("explain", ticker, "--run", str(folder))

    assert said.code == 4
    assert words in said.err


def test_explain_without_a_run_says_how_to_get_one(run: Callable[..., Said]) -> None:
    said = run("explain", TICKER)

    assert said.code == 4
    assert "make rehearse" in said.err


def test_live_without_the_second_step_is_refused(run: Callable[..., Said]) -> None:
    said = run("preflight", "20251104-1200-index-hourly", "--broker", "live")

    assert said.code == 2
    assert "live" in said.err


def test_an_unknown_broker_is_refused(run: Callable[..., Said]) -> None:
    said = run("preflight", "20251104-1200-index-hourly", "--broker", "yolo")

    assert said.code == 2
    assert "yolo" in said.err


@pytest.mark.parametrize("words", [("kill", "status"), ("cancel-all",), ("kill", "off")])
def test_without_a_deployed_stack_a_command_says_what_is_missing(
    run: Callable[..., Said], words: tuple[str, ...]
) -> None:
    said = run(*words)

    assert said.code == 2
    assert "KALSHI_ALPHA_" in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("rehearse", "--date", "2025-11-05"), 4),
        (("rehearse", "--date", "yesterday"), 2),
        (("simulate", "feed", "--date", "2025-11-05"), 4),
        (("simulate", "exchange", "--key", "dsa"), 2),
        (("simulate", "exchange", "--port", "99999"), 2),
        (("price", "KXNOPE", "--level", "1", "--at", "x", "--fixing", "y"), 2),
    ],
)
def test_bad_words_end_in_a_sentence(
    run: Callable[..., Said], words: tuple[str, ...], code: int
) -> None:
    said = run(*words)

    assert said.code == code
    assert said.err.strip()
    assert "Traceback" not in said.err


def test_doctor_reports_absent_keys_without_failing_or_naming_values(
    run: Callable[..., Said],
) -> None:
    said = run("doctor", "--json")
    states = {check["check"]: check["state"] for check in json.loads(said.out)}

    assert said.code == 0
    assert states["registry"] == "ok"
    assert states["recorded days"] == "ok"
    assert states["deployed stack"] == "absent"
