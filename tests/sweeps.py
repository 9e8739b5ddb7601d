"""Small sweeps of the days that come with the code."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import kalshi_alpha
from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.research.sweep.file import read_sweep
from kalshi_alpha.research.sweep.manifest import Manifest, manifest_of, shard
from kalshi_alpha.research.sweep.running import Ran, run_units, silent
from kalshi_alpha.research.sweep.shelf import Shelf

HOME = Path(kalshi_alpha.__file__).parent
SAMPLE = HOME / "research" / "sample"
TRADES = SAMPLE / "kxinxu-trades.parquet"
RESULTS = SAMPLE / "kxinxu-results.parquet"
PARAMETERS = HOME / "pricing" / "parameters" / "index-2025-11-03.json"
GRID = 'ev_threshold = ["0.03", "0.08"]\nlatency_ms = [0, 1000]'
REGISTRY = load_registry()


def sweep_file(folder: Path, grid: str = GRID, *, name: str = "s.toml", **changed: str) -> Path:
    """Write a sweep file; ``changed`` replaces top-level lines."""
    top = {"first": "2026-01-02", "last": "2026-01-15", "days_a_unit": "5"} | changed
    lines = [f"{key} = {value}" for key, value in top.items()]
    lines += [
        "[[series]]",
        'ticker = "KXINXU"',
        f'data = ["{TRADES}"]',
        f'results = "{RESULTS}"',
        f'params = "{PARAMETERS}"',
        "[grid]",
        grid,
    ]
    file = folder / name
    file.write_text("\n".join(lines) + "\n")
    return file


@dataclass
class Ready:
    """A sweep made ready on a shelf of its own."""

    manifest: Manifest
    files: dict[str, Path]
    shelf: Shelf

    def run(self, which: int = 0, parts: int = 1, *, workers: int = 1, progress=silent) -> Ran:
        """Play a share of it."""
        units = shard(self.manifest.units(REGISTRY), which, parts)
        return run_units(
            self.manifest, self.files, self.shelf, units, REGISTRY,
            workers=workers, progress=progress,
        )  # fmt: skip


def made_ready(folder: Path, store: str, file: Path | None = None) -> Ready:
    """Return a sweep made ready, its units kept below ``folder / store``."""
    wanted = read_sweep(file or sweep_file(folder))
    shelf = Shelf(FolderStore(folder / store))
    series, files = shelf.prepare(wanted, folder / "cache")
    return Ready(manifest_of(wanted, series, REGISTRY, load_sessions()), files, shelf)


def killed_after(folder: Path, store: str, units: int) -> None:
    """Play a sweep and kill this very process, as no clean-up sees it, when so many are done."""

    def dies(done: int, total: int) -> None:
        del total
        if done == units:
            os.kill(os.getpid(), signal.SIGKILL)

    made_ready(folder, store).run(progress=dies)
