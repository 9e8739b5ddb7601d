"""One scan of a recorded window: what would be quoted, and why not, with nothing placed.

The twin serves the listing, the books and the feed; preflight and scan are the deployed ones. The
quote step is never called, so there is nobody who could place.
"""

from __future__ import annotations

import contextlib
import time as real_time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.errors import WindowClosed
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.rehearsal.clock import ScaledClock, Timeline
from kalshi_alpha.rehearsal.laptop import keep
from kalshi_alpha.rehearsal.machine import local_aws
from kalshi_alpha.rehearsal.run import (
    Rehearsal,
    RehearsalResult,
    WindowRun,
    environment,
    sentry,
    world,
)
from kalshi_alpha.steps import preflight, scan
from kalshi_alpha.steps import runtime as runtime_module
from kalshi_alpha.steps.runtime import Runtime

_STEADY = timedelta(seconds=10)  # after MAKE begins: the feed has long been live


@dataclass(frozen=True, slots=True)
class Scanned:
    """What one scan found."""

    window: Window
    judged: dict[str, Any]
    found: dict[str, Any]


class OfflineScan(Rehearsal):
    """One scan of one recorded window; ``folder`` receives its artifacts."""

    def __init__(self, day: date, group: str, folder: Path, *, seed: int, banner: str) -> None:
        super().__init__(day, folder, seed=seed, progress=lambda _: None)
        self._windows = tuple(w for w in self._windows if w.group == group)
        self._banner = banner
        if not self._windows:
            raise WindowClosed(f"no window of {group} is recorded on {day}")

    def scan(self) -> Scanned:
        """Judge and scan the window once, and keep what it left."""
        window = self._windows[0]
        first = Timeline(real_time.time(), window.prep_at - timedelta(minutes=10))
        clock = ScaledClock(first)
        result = RehearsalResult(self._day, self._seed)
        request = {"window_id": window.window_id, "execution": "scan"}
        with environment(), world(self._plan(first)) as twin, local_aws():
            settings, _ = self._furnish(twin, clock)
            self._relay(twin, clock, window)
            runtime, watcher = runtime_module.current(), Runtime(settings, clock)
            with (
                contextlib.closing(runtime),
                contextlib.closing(watcher),
                sentry(watcher, window),
            ):
                clock.sleep_until(window.prep_at + _STEADY)
                judged = preflight.run(request, runtime)
                clock.sleep_until(window.make_at + _STEADY)
                found = scan.run(request, runtime)
            self._collect(result)
        result.runs.append(WindowRun(window, "SUCCEEDED", ["Preflight", "Scan"], "", 0.0))
        keep(result, FolderStore(self._folder), broker="twin", banner=self._banner)
        return Scanned(window, judged, found)
