"""A walk-forward score of 250 sessions against the minute it may take, in a fresh process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from tests.walked_bars import sessions_from, write_bars

SCORED, HISTORY = 250, 60
ROUNDS = 3
MINUTE = 60.0


def measure() -> list[tuple[str, str, list[tuple[float, float]]]]:
    """Return rounds of (seconds of the whole command, a minute)."""
    with tempfile.TemporaryDirectory() as folder:
        days = sessions_from(date(2024, 1, 2), HISTORY + SCORED)
        bars = write_bars(Path(folder) / "bars.parquet", days)
        command = [
            str(Path(sys.executable).with_name("kalshi-alpha")), "score", "--refit",
            "--bars", str(bars), "--symbol", "SPX", "--from", str(days[HISTORY]),
            "--out", f"{folder}/score",
        ]  # fmt: skip
        pairs = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            pairs.append((time.perf_counter() - begun, MINUTE))
    return [("score 250 sessions walk-forward, against a minute", "s", pairs)]
