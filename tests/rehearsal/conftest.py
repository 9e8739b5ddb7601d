"""One rehearsed day for the whole run: it takes its minute and a half once."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT


@dataclass(frozen=True)
class Rehearsed:
    """A rehearsal as a user runs it: the command's outcome and the folder it left."""

    returncode: int
    stdout: str
    stderr: str
    folder: Path

    @property
    def windows(self) -> list[dict[str, Any]]:
        """The rows of the summary."""
        summary = json.loads((self.folder / "summary.json").read_text())
        rows: list[dict[str, Any]] = summary["windows"]
        return rows


@pytest.fixture(scope="session")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Rehearsed:
    """Run ``kalshi-alpha rehearse`` on the shipped day."""
    out = tmp_path_factory.mktemp("rehearsal")
    command = [sys.executable, "-c", "from kalshi_alpha.cli import main; main()"]
    done = subprocess.run(
        [*command, "rehearse", "--date", "2025-11-04", "--out", str(out)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=280,
    )
    return Rehearsed(done.returncode, done.stdout, done.stderr, out / "rehearsal" / "2025-11-04")
