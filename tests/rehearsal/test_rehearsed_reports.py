"""Every page and every story must come out of a rehearsal as a user leaves it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command import Said
from tests.rehearsal.conftest import Rehearsed

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rehearsal")]

Run = Callable[..., Said]
WINDOWS = ("20251104-1200-index-hourly", "20251104-1600-index-close")


@pytest.fixture
def out(rehearsed: Rehearsed, tmp_path: Path) -> Path:
    """A copy of the rehearsal's folder, to write reports beside."""
    shutil.copytree(rehearsed.folder, tmp_path / "out" / "rehearsal" / rehearsed.folder.name)
    return tmp_path / "out"


def test_every_page_is_made_and_readiness_says_how_many_fills_are_missing(
    out: Path, run: Run
) -> None:
    said = run("report", "make", "--out", out, "--json")

    assert said.code == 0, said.err
    pages = json.loads(said.out)["pages"]
    names = ("day", *WINDOWS, "scoreboard", "readiness", "calibration", "rehearsal")
    assert [p.removeprefix("2025-11-04/").removesuffix(".html") for p in pages[:-1]] == list(names)
    assert all((out / "reports" / page).stat().st_size < 1_000_000 for page in pages)
    readiness = (out / "reports" / "2025-11-04" / "readiness.md").read_text()
    assert "# Readiness: INSUFFICIENT" in readiness
    assert "of 300 are missing" in readiness


@pytest.mark.parametrize("window", WINDOWS)
def test_a_rehearsed_window_is_explained_from_listing_to_outcome(
    out: Path, run: Run, window: str
) -> None:
    said = run("explain", window, "--out", out, "--json")

    assert said.code == 0, said.err
    told = {c["name"]: " ".join(c["sentences"]) for c in json.loads(said.out)["chapters"]}
    series = "KXINXU" if "hourly" in window else "KXINX"
    assert "Preflight said GO" in told["window"]
    assert "settled at" in told[f"{series}: outcome"]
    assert "one standard deviation at" in told[f"{series}: law"]


def test_a_scan_alone_leaves_pages_and_places_nothing(run: Run, tmp_path: Path) -> None:
    said = run("scan", "--offline", "--report", "--out", tmp_path / "scan", "--json")

    assert said.code == 0, said.err
    answer = json.loads(said.out)
    assert answer["go"] is True
    assert answer["candidates"] > answer["refused"] > 0
    kept = json.loads(
        (Path(answer["folder"]) / "artifacts" / "windows" / WINDOWS[0] / "kept.json").read_text()
    )
    assert [e for e in kept["entries"] if e["sk"].startswith(("ORDER#", "FILL#"))] == []
    assert (tmp_path / "scan" / "reports" / "2025-11-04" / "day.csv").is_file()
