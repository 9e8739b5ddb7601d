"""The campaign: which windows, with which faults, in how many processes; and what came of them."""

from __future__ import annotations

import hashlib
import itertools
import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from random import Random
from typing import Any

from kalshi_alpha.cloud import services
from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.registry import Registry, load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.markets.windows import Window, windows_on
from kalshi_alpha.rehearsal.campaign.faults import known
from kalshi_alpha.rehearsal.campaign.outcome import Outcome, judge
from kalshi_alpha.rehearsal.campaign.tables import MemoryTables
from kalshi_alpha.rehearsal.campaign.trial import Trial
from kalshi_alpha.rehearsal.machine import local_aws
from kalshi_alpha.rehearsal.run import environment, window_asl

DAYS = (date(2025, 10, 31), date(2025, 11, 4))
# The product's registry with a shorter time of making, for what matters happens around the pull,
# and room for more orders at once, so that some rest whenever something breaks.
CHANGED = {
    "prep": "170",
    "make": "120",
    "max_bins": "5",
    "max_loss_per_window": '"12.00"',
}
_CHUNK = 20


@dataclass(frozen=True, slots=True)
class Request:
    """A campaign: fault names to draw from (none: nothing broken), windows and a seed."""

    faults: tuple[str, ...]
    windows: int
    seed: int


@dataclass(frozen=True, slots=True)
class Planned:
    """One window to be played."""

    number: int
    faults: tuple[str, ...]
    seed: int


def plan(request: Request) -> tuple[Planned, ...]:
    """Return the windows: one in three with one fault, in turn, the others with drawn pairs."""
    names = request.faults
    pairs = list(itertools.combinations(names, 2))
    Random(f"pairs-{request.seed}").shuffle(pairs)
    found = []
    for number in range(request.windows):
        turn, place = divmod(number, 3)
        faults: tuple[str, ...] = ()
        if names and (place == 0 or not pairs):
            faults = (names[(turn if pairs else number) % len(names)],)
        elif names:
            faults = pairs[(2 * turn + place - 1) % len(pairs)]
        found.append(Planned(number, faults, request.seed * 1_000_003 + number))
    return tuple(found)


def run(
    request: Request,
    *,
    workers: int = 1,
    only: int | None = None,
    progress: Callable[[Outcome], object] = lambda _: None,
    kept: Sequence[Outcome] = (),
    enough: Callable[[], bool] = lambda: False,
) -> list[Outcome]:
    """Play every window, or ``only`` one of them, and return the outcomes in order.

    Args:
        request: which windows.
        workers: processes.
        only: the one window to play.
        progress: is told each outcome when it is there.
        kept: outcomes of before, which are not played again.
        enough: says that no further windows are to be begun.
    """
    planned = plan(request)
    if only is not None:
        planned = tuple(window for window in planned if window.number == only)
        if not planned:
            raise ConfigurationError(
                f"there is no window {only} in {request.windows} windows, which count from 0"
            )
    there = {outcome.number for outcome in kept}
    planned = tuple(window for window in planned if window.number not in there)
    chunks = [planned[i : i + _CHUNK] for i in range(0, len(planned), _CHUNK)]
    found = list(kept)
    for outcomes in _mapped(chunks, workers, enough):
        for outcome in outcomes:
            progress(outcome)
            found.append(outcome)
    return sorted(found, key=lambda outcome: outcome.number)


def _mapped(
    chunks: Sequence[Sequence[Planned]], workers: int, enough: Callable[[], bool]
) -> Iterator[list[Outcome]]:
    if workers == 1 or len(chunks) <= 1:
        for chunk in chunks:
            if enough():
                return
            yield play(chunk)
        return
    # spawned, not forked: a fork of a process with threads may hang
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        waiting = iter(chunks)
        under_way = {pool.submit(play, chunk) for chunk in itertools.islice(waiting, workers)}
        while under_way:
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            begin = () if enough() else itertools.islice(waiting, len(done))
            under_way |= {pool.submit(play, chunk) for chunk in begin}
            for future in done:
                yield future.result()


def play(chunk: Sequence[Planned]) -> list[Outcome]:
    """Play some windows in this process, each against a twin and an AWS account of its own."""
    _reach_functions()
    services.client.cache_clear()
    tables, real = MemoryTables(), services.client

    def client(service: str) -> Any:
        return tables if service == "dynamodb" else real(service)

    with environment(), local_aws():
        try:
            return [play_one(planned, client) for planned in chunk]
        finally:
            services.client.cache_clear()


def play_one(planned: Planned, client: Callable[[str], Any]) -> Outcome:
    """Play one window; one that cannot be played to its end is an outcome too."""
    trial = prepared(planned)
    try:
        return judge(trial.play(client), planned.number, planned.faults)
    except Exception as error:  # noqa: BLE001 - the others go on; the report names it
        outcome = Outcome(
            planned.number, planned.seed, trial.window.window_id, planned.faults, status="STUCK"
        )
        outcome.not_played, outcome.problem = 1, f"{type(error).__name__}: {error}"
        return outcome


def prepared(planned: Planned) -> Trial:
    """Return the window with its faults armed."""
    windows, registry = _windows(), campaign_registry()
    window = windows[planned.seed % len(windows)]
    trial = Trial(f"w{planned.number}", window, registry, planned.seed)
    for name in planned.faults:
        known()[name].arm(trial, Random(f"{name}-{planned.seed}"))
    return trial


def config_hash() -> str:
    """Return a hash of what a campaign plays: registry, state machine, faults and windows."""
    parts = (_registry_text(), window_asl(), *known(), *(w.window_id for w in _windows()))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@cache
def campaign_registry() -> Registry:
    """Return the product's registry with the campaign's changes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "registry.toml"
        file.write_text(_registry_text(), encoding="utf-8")
        return load_registry(file)


def _registry_text() -> str:
    text = resources.files("kalshi_alpha.markets").joinpath("registry.toml").read_text("utf-8")
    lines = []
    for line in text.splitlines():
        name = line.partition(" = ")[0]
        lines.append(f"{name} = {CHANGED[name]}" if name in CHANGED else line)
    return "\n".join(lines)


@cache
def _windows() -> tuple[Window, ...]:
    registry, sessions = campaign_registry(), load_sessions()
    return tuple(w for day in DAYS for w in windows_on(day, registry, sessions))


def _reach_functions() -> None:
    checkout = str(Path(__file__).resolve().parents[4])
    if checkout not in sys.path:
        sys.path.insert(0, checkout)
