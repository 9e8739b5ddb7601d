"""The whole study of recorded temperature trades: filter, short horizons, signals played.

One call reads folders, fits and scores walk-forward, and returns one document and the artifacts it
speaks of. Whatever the document claims is of days that nothing was fitted on.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from kalshi_alpha.families.temperature_book import load_parameters
from kalshi_alpha.families.temperature_parameters import Parameters
from kalshi_alpha.markets.stations import Stations
from kalshi_alpha.research.data.store import sha256_of
from kalshi_alpha.research.temperature import prior
from kalshi_alpha.research.temperature.features import HORIZONS_S, NAMES, Samples, samples_of
from kalshi_alpha.research.temperature.figures import (
    BLOCK,
    block_of,
    coverage_of,
    filter_rows,
    horizon_rows,
    plain,
)
from kalshi_alpha.research.temperature.filtering import (
    HOURS,
    SETTINGS,
    WITH_WEATHER,
    Law,
    panel_of,
)
from kalshi_alpha.research.temperature.horizons import Plan, tell
from kalshi_alpha.research.temperature.panel import Traded
from kalshi_alpha.research.temperature.played import play
from kalshi_alpha.research.temperature.quotes import GAP_S, Quoted, file_of, load_quotes
from kalshi_alpha.research.temperature.tallies import summed
from kalshi_alpha.research.temperature.trades import Event, Recorded, load
from kalshi_alpha.research.temperature.walking import (
    TEST_DAYS,
    TRAIN_DAYS,
    walk,
)
from kalshi_alpha.research.temperature.weather_highs import FILE

SCHEMA = "kalshi-alpha/temperature-study/1"
SEED = 20_241_209
# The quotes at hand cover sixteen days: forty-two to learn from there are not.
QUOTED = Plan(train=10, test=2, judged=2, held=4, fewest=6)
QUOTES_APART_S = 10.0

Step = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.

    Attributes:
        folders: of trades and markets; one event lies in one of them.
        first: first day that counts as scored; those before only teach.
        seed: of everything drawn.
        workers: processes.
        parts: which studies: ``filter`` always, ``horizons`` and ``played`` if they are named.
    """

    folders: tuple[Path, ...]
    first: date | None = None
    seed: int = SEED
    workers: int = 1
    parts: tuple[str, ...] = ("horizons", "played")


@dataclass(frozen=True, slots=True)
class Found:
    """The document, and artifacts by file name."""

    document: dict[str, Any]
    artifacts: Mapping[str, bytes]


def study(request: Request, stations: Stations, step: Step | None = None) -> Found:
    """Read, fit, score and play.

    Args:
        request: what is asked for.
        stations: where the series are measured.
        step: told which part is how far.

    Raises:
        DataError: naming file, row and rule for a file that cannot be used, or when no day has
            enough days before it.
    """
    recorded = load(request.folders, stations)
    laws, weather = _laws(recorded, request.folders, stations)
    first = None if request.first is None else request.first.toordinal()
    settings = SETTINGS + (WITH_WEATHER if laws else ())
    panel = panel_of(
        recorded.events,
        settings,
        laws=laws,
        workers=request.workers,
        progress=_told(step, "filter"),
    )
    walked = walk(panel, first)
    files = _named((*recorded.files, *weather))
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "settings": _settings(request),
        "coverage": coverage_of(recorded, panel, walked, laws),
        "filter": filter_rows(panel, walked),
    }
    artifacts = {"pool.json": artifact("pool", [asdict(one) for one in walked.windows], files)}
    if "horizons" in request.parts:
        rows, fits, quotes = _horizons(request, recorded, stations, first, step)
        document["horizons"] = rows
        files |= quotes
        artifacts["horizons.json"] = artifact("horizons", fits, files)
    if "played" in request.parts:
        found = play(
            recorded.events, walked.windows, laws, request.seed,
            workers=request.workers, progress=_told(step, "signals"),
        )  # fmt: skip
        days = {one.day for one in found if request.first is None or one.day >= request.first}
        document["played"] = summed(found, first=request.first, block=block_of(len(days)))
    document["artifacts"] = {
        name: hashlib.sha256(data).hexdigest() for name, data in artifacts.items()
    }
    document["provenance"] = files
    return Found(document, artifacts)


def artifact(kind: str, body: Any, files: Mapping[str, str]) -> bytes:
    """Return what was fitted as a file that proves itself: schema, checksum, provenance, body."""
    schema = f"kalshi-alpha/temperature-{kind}/1"
    document = {"schema": schema, "provenance": dict(files), "body": plain(body)}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    checksum = hashlib.sha256(text.encode()).hexdigest()
    whole = json.dumps(document | {"checksum": checksum}, sort_keys=True, allow_nan=False)
    return (whole + "\n").encode()


def traded_samples(events: Sequence[Event]) -> Samples:
    """Return the samples of events by their trades."""
    return samples_of((one.day.toordinal(), one.start_s, Traded.of(one)) for one in events)


def quoted_samples(events: Sequence[Quoted]) -> Samples:
    """Return the samples of events by their quotes."""
    told = ((one.day, one.start_s, one) for one in events)
    return samples_of(told, apart_s=QUOTES_APART_S)


def _horizons(
    request: Request, recorded: Recorded, stations: Stations, first: int | None, step: Step | None
) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """Return the rows, the last fits, and the files that were read besides."""
    sources: dict[str, tuple[Samples, Plan]] = {
        "trades": (traded_samples(recorded.events), Plan(seed=request.seed))
    }
    files: dict[str, str] = {}
    rows: dict[str, Any] = {}
    quoted: list[Quoted] = []
    left_out: Counter[str] = Counter()
    for file in sorted({one for one in map(file_of, request.folders) if one is not None}):
        events, missing = load_quotes(file, stations)
        quoted += events
        left_out.update(missing)
        files |= _named((file,))
    if quoted:
        sources["quotes"] = quoted_samples(quoted), replace(QUOTED, seed=request.seed)
        gaps = {one.name: int((np.diff(one.at) > GAP_S).sum()) for one in quoted}
        rows["quoted"] = {"events": len(quoted), "left_out": dict(left_out), "gaps": gaps}
    fits: dict[str, Any] = {"features": list(NAMES), "horizons_s": list(HORIZONS_S)}
    for name, (samples, plan) in sources.items():
        told = tell(
            samples, plan, first=first if name == "trades" else None, workers=request.workers,
            progress=_told(step, f"horizons, {name}"),
        )  # fmt: skip
        rows[name] = horizon_rows(told)
        fits[name] = told.windows[-1].to_json()
    return rows, fits, files


def _laws(
    recorded: Recorded, folders: Sequence[Path], stations: Stations
) -> tuple[dict[str, Law], tuple[Path, ...]]:
    """Return the laws of the weather by event, and the file they rest on."""
    folder = next((one for one in map(prior.folder_of, folders) if one is not None), None)
    if folder is None:
        return {}, ()
    names = {stations.of(event.series).station for event in recorded.events}
    parameters: dict[str, Parameters] = {name: load_parameters(name) for name in sorted(names)}
    laws = prior.laws_of(recorded.events, folder, stations, parameters)
    return laws, (folder / FILE,) if laws else ()


def _named(files: Sequence[Path]) -> dict[str, str]:
    """Return each file's name for a provenance, with as many folders as tell it from the others."""
    found: dict[str, str] = {}
    for one in files:
        name = f"File {one.parent.name}/{one.name}"
        if name in found:
            name = f"File {'/'.join(one.parts[-3:])}"
        found[name] = f"SHA-256 {sha256_of(one)}"
    return found


def _settings(request: Request) -> dict[str, Any]:
    return {
        "hours": list(HOURS),
        "train_days": TRAIN_DAYS,
        "test_days": TEST_DAYS,
        "block_days": BLOCK,
        "seed": request.seed,
        "scored_from": None if request.first is None else request.first.isoformat(),
    }


def _told(step: Step | None, part: str) -> Callable[[int, int], None] | None:
    return None if step is None else lambda done, of: step(part, done, of)
