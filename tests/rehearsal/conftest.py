"""One rehearsed day for the whole run: it takes its minute and a half once."""

from __future__ import annotations

import fcntl
import json
import os
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
    """Run ``kalshi-alpha rehearse`` on the shipped day, once for all processes of a run."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    out, told = shared / "rehearsal", shared / "rehearsal.json"
    with (shared / "rehearsal.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            told.write_text(json.dumps(_rehearse(out)))
    said = json.loads(told.read_text())
    return Rehearsed(**said, folder=out / "rehearsal" / "2025-11-04")


def _rehearse(out: Path) -> dict[str, Any]:
    command = [sys.executable, "-c", "from kalshi_alpha.cli import main; main()"]
    done = subprocess.run(
        [*command, "rehearse", "--date", "2025-11-04", "--out", str(out)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=280,
    )
    return {"returncode": done.returncode, "stdout": done.stdout, "stderr": done.stderr}
