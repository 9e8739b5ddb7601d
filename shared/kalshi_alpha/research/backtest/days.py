"""Days played side by side, each kept as it is done, so that a run that stops goes on.

One day is one job with everything it needs; the same function runs in this process, in a pool of
processes, or as one element of an array of jobs elsewhere (``part``).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.pricing.parameters import SymbolParameters
from kalshi_alpha.research.backtest.desk import Played
from kalshi_alpha.research.backtest.engine import play_together
from kalshi_alpha.research.backtest.fills import SimulatedFill
from kalshi_alpha.research.backtest.pricing import Pricer, pricer
from kalshi_alpha.research.backtest.records import FillRow, fill_row
from kalshi_alpha.research.backtest.settings import Settings
from kalshi_alpha.research.backtest.tape import Tape
from kalshi_alpha.research.data.store import write_atomically

SCHEMA = "kalshi-alpha/backtest-day/1"
FOLDER = "days"

Progress = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Show nothing."""
    del done, total


@dataclass(frozen=True, slots=True)
class Job:
    """One fixing to play with several settings, by name.

    Attributes:
        events: the tapes of the fixing, each with what prices it.
        settings: by name.
        keep_why: whether the first setting's why-records are kept.
    """

    events: tuple[tuple[Tape, SymbolParameters], ...]
    settings: tuple[tuple[str, Settings], ...]
    keep_why: bool = False

    @property
    def name(self) -> str:
        """Return the events, which name the job's file."""
        return "+".join(tape.ladder.event_ticker for tape, _ in self.events)


@dataclass(frozen=True, slots=True)
class DayPlayed:
    """What one setting did in one event.

    Attributes:
        day: ISO.
        scans: decisions.
        quotes: orders placed or moved, by bin.
        refusals: by code.
        fills: those that count.
        touches: trades at our price that do not.
    """

    day: str
    scans: int
    quotes: Mapping[int, int]
    refusals: Mapping[str, int]
    fills: tuple[FillRow, ...]
    touches: tuple[FillRow, ...]


def play_day(job: Job) -> dict[str, Any]:
    """Play one job and return plain JSON values: what each setting did."""
    registry = load_registry()
    priced = [pricer(tape, registry, parameters) for tape, parameters in job.events]
    by_setting: dict[str, Any] = {}
    for name, settings in job.settings:
        keep = job.keep_why and name == job.settings[0][0]
        found = play_together(priced, settings, keep_why=keep)
        by_setting[name] = _told(priced, found, settings)
        if keep:
            by_setting[name]["why"] = [line for one in found for line in one.why]
    return {
        "schema": SCHEMA,
        "event": job.name,
        "day": job.events[0][0].window.day.isoformat(),
        "settings": by_setting,
    }


def _told(priced: Sequence[Pricer], found: Sequence[Played], settings: Settings) -> dict[str, Any]:
    """Return what one setting did at a fixing, its series added up."""
    quotes: Counter[int] = Counter()
    refusals: Counter[str] = Counter()
    for one in found:
        quotes.update(one.quotes)
        refusals.update(one.refusals)

    def rows(each: Callable[[Played], Sequence[SimulatedFill]]) -> list[dict[str, Any]]:
        return [
            fill_row(fill, of, settings.max_age_s).as_json()
            for of, one in zip(priced, found, strict=True)
            for fill in each(one)
        ]

    return {
        "scans": sum(one.scans for one in found),
        "quotes": {str(k): n for k, n in sorted(quotes.items())},
        "refusals": dict(sorted(refusals.items())),
        "fills": rows(lambda one: one.fills),
        "touches": rows(lambda one: one.touches),
    }


def run_days(
    jobs: Sequence[Job],
    folder: Path,
    fingerprint: str,
    *,
    workers: int = 1,
    part: tuple[int, int] = (0, 1),
    progress: Progress = silent,
) -> list[dict[str, Any]] | None:
    """Play every job that is not done yet and return all of them, in order.

    Args:
        jobs: one a fixing.
        folder: of the run; days go below it.
        fingerprint: of everything a day depends on: days of another are played anew.
        workers: processes; 1 plays in this one.
        part: (which, of how many): plays that share only, and returns None.
        progress: told how many are done, and of how many.

    Raises:
        ConfigurationError: for a part outside its number.
    """
    which, parts = part
    if not 0 <= which < parts:
        raise ConfigurationError(f"part {which} of {parts}: parts count from 0")
    mine = [job for k, job in enumerate(jobs) if k % parts == which]
    place = folder / FOLDER / fingerprint[:16]
    left = [job for job in mine if read_day(place / f"{job.name}.json") is None]
    done = len(mine) - len(left)
    progress(done, len(mine))
    for job, found in _played(left, workers):
        text = json.dumps(found, allow_nan=False)
        write_atomically(place / f"{job.name}.json", (text + "\n").encode())
        done += 1
        progress(done, len(mine))
    if parts > 1:
        return None
    kept = [read_day(place / f"{job.name}.json") for job in jobs]
    return [one for one in kept if one is not None]


def gather(others: Sequence[Path], folder: Path, fingerprint: str) -> int:
    """Copy the days that parts of the same run left in other folders; return how many came.

    Raises:
        ConfigurationError: for a folder that holds no day of this run: other files, settings or
            code, and its figures would not be this run's.
    """
    count = 0
    for other in others:
        whole = [
            file
            for file in sorted((other / FOLDER / fingerprint[:16]).glob("*.json"))
            if read_day(file) is not None
        ]
        if not whole:
            raise ConfigurationError(
                f"{other} holds no day of this run: play the part with the same files and settings"
            )
        for file in whole:
            write_atomically(folder / FOLDER / fingerprint[:16] / file.name, file.read_bytes())
        count += len(whole)
    return count


def fingerprint_of(*parts: Any) -> str:
    """Return the SHA-256 of JSON-ready parts."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def read_day(file: Path) -> dict[str, Any] | None:
    """Return a day as it was kept, None when it is not there or not whole."""
    try:
        found = json.loads(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        return None
    return found


def of_setting(days: Sequence[Mapping[str, Any]], name: str) -> list[DayPlayed]:
    """Return what one setting did, day by day.

    Raises:
        DataError: when a day does not hold it.
    """
    found = []
    for day in days:
        one = day["settings"].get(name)
        if one is None:
            raise DataError(f"the day {day['day']} was not played with {name!r}")
        found.append(
            DayPlayed(
                day=str(day["day"]),
                scans=int(one["scans"]),
                quotes=Counter({int(k): int(n) for k, n in one["quotes"].items()}),
                refusals=one["refusals"],
                fills=tuple(FillRow.from_json(row) for row in one["fills"]),
                touches=tuple(FillRow.from_json(row) for row in one["touches"]),
            )
        )
    return found


def _played(jobs: Sequence[Job], workers: int) -> Any:
    if workers <= 1 or len(jobs) <= 1:
        for job in jobs:
            yield job, play_day(job)
        return
    # Spawned and not forked: a fork copies whatever threads the parent has half-way.
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=get_context("spawn")) as pool:
        running = {pool.submit(play_day, job): job for job in jobs}
        for one in as_completed(running):
            yield running[one], one.result()
