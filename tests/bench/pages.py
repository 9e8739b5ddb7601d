"""Every page of a day of eight windows, against the twenty seconds it may take."""

from __future__ import annotations

import json
import tempfile
import time
from datetime import date
from pathlib import Path

from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.markets.windows import windows_on
from kalshi_alpha.pricing.parameters import load_parameters, shipped_parameters
from kalshi_alpha.reports.shelf import Boards, make_day
from tests.boards import a_readiness, a_scoreboard
from tests.kept_day import NOON, leave_day

DAY, ROUNDS, ALLOWED = date(2025, 11, 4), 5, 20.0


def measure() -> list[tuple[str, str, list[tuple[float, float]]]]:
    """Return seconds of (all pages of a day, what they may take)."""
    registry, sessions = load_registry(), load_sessions()
    with tempfile.TemporaryDirectory() as folder:
        store = leave_day(Path(folder) / "left")
        for window in windows_on(DAY, registry, sessions):
            _like_noon(store, window.window_id)
        boards = Boards(
            scoreboard=a_scoreboard(),
            readiness=a_readiness(),
            parameters=load_parameters(shipped_parameters(DAY), on=DAY),
        )
        pairs = []
        for number in range(ROUNDS):
            shelf = FolderStore(Path(folder) / f"reports{number}")
            started = time.perf_counter()
            pages = make_day(
                DAY, store, shelf, registry, sessions, boards=boards, provenance=[("Code", "bench")]
            )
            pairs.append((time.perf_counter() - started, ALLOWED))
    return [(f"all {len(pages)} pages of a day / {ALLOWED:.0f} s allowed", "s", pairs)]


def _like_noon(store: FolderStore, name: str) -> None:
    if name.endswith("index-close") or name == NOON:
        return
    for key in store.keys(f"windows/{NOON}/"):
        text = store.read(key).decode()
        if key.endswith("kept.json"):
            hour = int(name[9:11]) + 5
            at = f"2025-11-04T{hour:02d}:00:00Z"
            text = json.dumps(json.loads(text) | {"window_id": name, "fixing": at})
        store.write(key.replace(NOON, name), text.encode())
