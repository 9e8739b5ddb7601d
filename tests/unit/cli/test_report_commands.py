"""``report``, ``explain``, ``run``, ``scan``, ``monitors``, as a person types them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import boto3
import httpx
import pytest
from moto import mock_aws

from kalshi_alpha.cli import run as run_cli
from kalshi_alpha.clock import ManualClock
from kalshi_alpha.cloud.services import client
from tests.command import Said
from tests.kept_day import BANNER, DAY, LOW, NOON, leave_day

Run = Callable[..., Said]
KEYS = ("KALSHI_API_KEY_ID", "KALSHI_PRIVATE_KEY_PEM_PATH", "MASSIVE_API_KEY", "POLYGON_API_KEY")
SATURDAY = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)
FRIDAY_NOON = datetime(2026, 11, 20, 16, 46, tzinfo=UTC)  # 11:46 in New York


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """A day that ran, under ``out``."""
    leave_day(tmp_path / "out" / "rehearsal" / DAY.isoformat() / "artifacts")
    return tmp_path / "out"


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the time that ``run`` sees, and take every key away."""
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)

    def set_to(now: datetime) -> None:
        monkeypatch.setattr(run_cli, "SystemClock", lambda: ManualClock(now))

    return set_to


def test_report_make_writes_every_page_of_the_newest_day(run: Run, left: Path) -> None:
    said = run("report", "make", "--json")

    assert said.code == 0
    pages = json.loads(said.out)["pages"]
    assert f"{DAY}/day.html" in pages
    assert f"{DAY}/calibration.html" in pages
    assert all((left / "reports" / page).is_file() for page in pages)


@pytest.mark.parametrize(
    ("words", "said_of"),
    [
        (("report", "make", "--date", "2025-11-05"), "no run of 2025-11-05"),
        (("report", "open"), "kalshi-alpha report make"),
        (("report", "serve"), "kalshi-alpha report make"),
        (("report", "publish"), "kalshi-alpha report make"),
        (("explain", "20251105-1200-index-hourly"), "no run of 2025-11-05"),
        (("explain", NOON, "KXINXU-25NOV04H1300-T6799.9999"), "is not of the window"),
    ],
)
def test_what_is_not_there_is_a_sentence(
    run: Run, left: Path, words: tuple[str, ...], said_of: str
) -> None:
    said = run(*words)

    assert said.code == 4
    assert said_of in said.err
    assert not (left / "reports").exists()


def test_report_without_any_run_says_how_to_make_one(run: Run) -> None:
    said = run("report", "make")

    assert said.code == 4
    assert "make rehearse" in said.err


def test_report_serve_answers_on_loopback_alone(run: Run, left: Path) -> None:
    run("report", "make")
    command = [sys.executable, "-c", "from kalshi_alpha.cli import main; main()"]
    with subprocess.Popen(
        [*command, "report", "serve", "--out", str(left)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", url)
            reply = httpx.get(url, trust_env=False)
            outside = httpx.get(f"{url}../rehearsal", trust_env=False)
        finally:
            process.terminate()
    assert "<h1>Reports</h1>" in reply.text
    assert outside.status_code == 404


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A private bucket, named in the environment."""
    with mock_aws():
        client.cache_clear()
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="artifacts")
        monkeypatch.setenv("KALSHI_ALPHA_ARTIFACTS", "s3://artifacts/paper")
        yield "artifacts"
    client.cache_clear()


@pytest.mark.usefixtures("left")
def test_a_published_page_has_a_link_that_runs_out(run: Run, bucket: str) -> None:
    run("report", "make")
    published = run("report", "publish", "--json")
    linked = run("report", "link", "--date", str(DAY), "--minutes", "5", "--json")

    assert (published.code, linked.code) == (0, 0)
    links = json.loads(linked.out)
    assert set(links) >= {"day.html", f"{NOON}.html"}
    assert "X-Amz-Expires=300" in links["day.html"] or "Expires=" in links["day.html"]
    assert "Signature=" in links["day.html"]
    head = boto3.client("s3", region_name="us-east-1").head_object(
        Bucket=bucket, Key=f"paper/reports/{DAY}/day.html"
    )
    assert head["ContentType"] == "text/html"


@pytest.mark.usefixtures("bucket")
def test_a_link_to_what_was_not_published_says_what_to_do(run: Run) -> None:
    said = run("report", "link", "--date", "2025-11-04")

    assert said.code == 4
    assert "report publish" in said.err


def test_a_link_without_a_bucket_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KALSHI_ALPHA_ARTIFACTS", str(tmp_path))

    said = run("report", "link")

    assert said.code == 2
    assert "report open" in said.err


@pytest.mark.usefixtures("left")
def test_explain_tells_a_window_and_a_market(run: Run) -> None:
    whole, one = run("explain", NOON), run("explain", NOON, LOW, "--json")

    assert (whole.code, one.code) == (0, 0)
    assert "The series came to +$0.15 on n = 1 fills." in whole.out
    told = json.loads(one.out)
    assert told["window_id"] == NOON
    assert [c["name"] for c in told["chapters"]][:3] == ["listing", "reading", "law"]


def test_run_outside_a_window_ends_early_with_a_sentence(
    run: Run, at: Callable[[datetime], None], tmp_path: Path
) -> None:
    at(SATURDAY)

    said = run("run", "today", "--family", "index")

    assert said.code == 3
    assert "20261123-1000-index-hourly" in said.err
    assert "Mon 09:45" in said.err
    assert list(tmp_path.iterdir()) == []


def test_snap_to_print_names_the_next_window_and_does_nothing_else(
    run: Run, at: Callable[[datetime], None], tmp_path: Path
) -> None:
    at(SATURDAY)

    said = run("run", "week", "--snap-to", "print", "--json")

    assert said.code == 0
    assert json.loads(said.out)["window_id"] == "20261123-1000-index-hourly"
    assert list(tmp_path.iterdir()) == []


def test_an_open_window_without_keys_says_everything_that_is_missing(
    run: Run, at: Callable[[datetime], None]
) -> None:
    at(FRIDAY_NOON)

    said = run("run", "today")

    assert said.code == 2
    for name in ("KALSHI_ALPHA_VENUE_URL", "KALSHI_API_KEY_ID", "MASSIVE_API_KEY", "rehearse"):
        assert name in said.err.replace("\n", " ")


@pytest.mark.parametrize(
    ("words", "said_of"),
    [
        (("--family", "tea"), "there is claims, cpi, gas"),
        (("--snap-to", "tomorrow"), "neither wait nor print"),
    ],
)
def test_what_run_does_not_know_is_refused(
    run: Run, at: Callable[[datetime], None], words: tuple[str, ...], said_of: str
) -> None:
    at(SATURDAY)

    said = run("run", "today", *words)

    assert said.code == 2
    assert said_of in said.err


def test_two_windows_of_one_fixing_are_played_one_at_a_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    coming = run_cli._coming(ManualClock(FRIDAY_NOON), run_cli.load_registry(), "index")
    today = [window for window in coming if window.day == FRIDAY_NOON.date()]

    kept = run_cli._one_a_fixing(today)

    assert len(today) == 6
    assert len(kept) == 5
    assert "20261120-1600-index-close is left out" in capsys.readouterr().err.replace("\n", " ")


def test_monitors_without_a_stack_say_what_they_cannot_know(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KALSHI_ALPHA_STATE_TABLE", raising=False)

    found = json.loads(run("monitors", "--json").out)

    states = {m["guard"]: m["state"] for m in found["monitors"]}
    assert found["mode"] == "local"
    assert states["kill-switch"] == "unknown"
    assert "calendar" in states


def test_a_forced_scan_is_labelled_on_every_artifact(
    run: Run, at: Callable[[datetime], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from kalshi_alpha.rehearsal import once

    at(SATURDAY)

    def scan(self: once.OfflineScan) -> once.Scanned:
        leave_day(self._folder, banner=self._banner)
        plan = {"plan": {"targets": []}, "candidates": 2, "refused": 2}
        return once.Scanned(self._windows[0], {"go": True, "reasons": []}, plan)

    monkeypatch.setattr(once.OfflineScan, "scan", scan)
    said = run("run", "today", "--force", "--json")

    banner = json.loads(said.out)["banner"]
    assert said.code == 0
    assert banner.startswith("FORCED RUN (PAPER): outside every window, instead of 20261123-1000")
    pages = list((tmp_path / "out" / "reports" / str(DAY)).iterdir())
    assert len(pages) >= 9
    assert [p.name for p in pages if "FORCED RUN (PAPER)" not in p.read_text()] == []
    assert BANNER not in banner
