"""Windows of today on this machine: the real venue and feed, the paper broker, AWS in process.

The state machine, the functions and the sentry are the deployed ones and the clock is the wall's.
Nothing can be placed: the broker is ``paper``, which fills orders against the venue's public
trades and writes them into tables that live as long as this process.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from kalshi_alpha.clock import Clock
from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.rehearsal.machine import local_aws, local_machine
from kalshi_alpha.rehearsal.run import (
    Progress,
    Rehearsal,
    RehearsalResult,
    environment,
    step_handlers,
)
from kalshi_alpha.steps import runtime as runtime_module
from kalshi_alpha.trading.kept import PARTS, kept_document, kept_key


@dataclass(frozen=True, slots=True, repr=False)
class Places:
    """Where venue and feed are, and the keys that open them; never shown."""

    venue: str
    venue_ws: str
    key_id: str
    pem: str
    feed: str
    feed_ws: str
    feed_key: str


class LaptopRun(Rehearsal):
    """Some windows of one day, on the wall's clock; ``folder`` receives their artifacts."""

    stalled_after = timedelta(hours=2).total_seconds()

    def __init__(
        self,
        windows: Sequence[Window],
        folder: Path,
        places: Places,
        clock: Clock,
        *,
        progress: Progress,
    ) -> None:
        self._day, self._folder, self._seed = windows[0].day, folder, 0
        self._windows, self._progress = tuple(windows), progress
        self._places, self._clock = places, clock

    def run(self) -> RehearsalResult:
        """Play every window as its time comes, and keep what each left."""
        result, places = RehearsalResult(self._day, self._seed), self._places
        outside = {
            "exchange": {
                "rest": places.venue,
                "ws": places.venue_ws,
                "key_id": places.key_id,
                "pem": places.pem,
            },
            "feed": {"rest": places.feed, "ws": places.feed_ws, "key": places.feed_key},
        }
        with environment(), local_aws():
            settings, machine = self._furnish(outside, self._clock, broker="paper")
            current = runtime_module.current()
            with contextlib.closing(current), local_machine(step_handlers(), self._clock):
                for window in self._windows:
                    result.runs.append(self._play(window, settings, self._clock, machine))
            self._collect(result)
        keep(result, FolderStore(self._folder))
        return result


def keep(
    result: RehearsalResult, store: FolderStore, *, broker: str = "paper", banner: str = ""
) -> None:
    """Write what each window left beside its artifacts."""
    for run in result.runs:
        name = run.window.window_id
        parts = result.parts[name]
        document = kept_document(
            run.window,
            broker=broker,
            record=parts["RECORD"],
            parts={part: parts.get(part, {}) for part in PARTS},
            entries=result.entries[name],
            status=run.status,
            failure=run.failure if run.status != "SUCCEEDED" else "",
            visited=run.visited,
            banner=banner,
        )
        store.write(kept_key(name), json.dumps(document, sort_keys=True, default=str).encode())
