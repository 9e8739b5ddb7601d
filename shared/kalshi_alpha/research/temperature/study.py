"""The whole study of recorded temperature days: filter, short horizons, signals, strategy.

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
from kalshi_alpha.momentum.horizon import QUOTES, TRADES
from kalshi_alpha.momentum.pool import weights_of
from kalshi_alpha.momentum.recent import NAMES
from kalshi_alpha.research.data.store import sha256_of
from kalshi_alpha.research.replay.recorded_trades import read_recorded
from kalshi_alpha.research.replay.tape import merged
from kalshi_alpha.research.temperature import prior
from kalshi_alpha.research.temperature.features import HORIZONS_S, Samples, samples_of
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
from kalshi_alpha.research.temperature.horizons import Plan, Told, tell
from kalshi_alpha.research.temperature.panel import Traded
from kalshi_alpha.research.temperature.played import fill_models, play
from kalshi_alpha.research.temperature.quotes import GAP_S, Quoted, file_of, load_quotes
from kalshi_alpha.research.temperature.replayed import Day, days_of, replay_days
from kalshi_alpha.research.temperature.spells import scored, united
from kalshi_alpha.research.temperature.tallies import replayed_rows, summed
from kalshi_alpha.research.temperature.trades import Event, Recorded, load
from kalshi_alpha.research.temperature.walking import (
    TEST_DAYS,
    TRAIN_DAYS,
    Chosen,
    walk,
)
from kalshi_alpha.research.temperature.weather_highs import FILE
from kalshi_alpha.trading.fills import FillModel

SCHEMA = "kalshi-alpha/temperature-study/1"
SEED = 20_241_209
# The quotes at hand cover sixteen days: forty-two to learn from there are not.
QUOTED = Plan(train=10, test=2, judged=2, held=4, fewest=6)
QUOTES_APART_S = 10.0
PARTS = ("horizons", "played", "replayed")

Step = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.

    Attributes:
        folders: of trades and markets; one event lies in one of them.
        first: first day that counts as scored; those before only teach.
        seed: of everything drawn.
        workers: processes.
        parts: which studies: ``filter`` always, those of ``PARTS`` if they are named.
    """

    folders: tuple[Path, ...]
    first: date | None = None
    seed: int = SEED
    workers: int = 1
    parts: tuple[str, ...] = PARTS


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
    quoted = _quotes(request.folders, stations)
    files = _named((*recorded.files, *weather, *quoted.files))
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "settings": _settings(request),
        "coverage": coverage_of(recorded, panel, walked, laws),
        "filter": filter_rows(panel, walked),
    }
    artifacts = {"pool.json": artifact("pool", [asdict(one) for one in walked.windows], files)}
    ahead: dict[str, Told] = {}
    if "horizons" in request.parts:
        document["horizons"], ahead = _horizons(request, recorded, quoted, first, step)
        artifacts["horizons.json"] = artifact("horizons", _fits(ahead), files)
        live = {
            by: [{"first": one.first, **asdict(one.live(by))} for one in told.windows]
            for by, told in ahead.items()
        }
        artifacts["horizon.json"] = artifact("horizon", live, files)
    models: dict[int, FillModel] = {}
    if "played" in request.parts:
        found = play(
            recorded.events,
            walked.windows,
            laws,
            request.seed,
            horizons=ahead[TRADES].windows if ahead else (),
            workers=request.workers,
            progress=_told(step, "signals"),
        )
        models = fill_models(found, walked.windows)
        spells = united([one.spells for one in found])
        counted = spells.where(spells.day >= (first or 0))
        document["odds"] = scored(counted, models, TEST_DAYS)
        weeks = [{"first": day, **model.to_json()} for day, model in models.items()]
        artifacts["odds.json"] = artifact("odds", weeks, files)
        days = {one.day for one in found if request.first is None or one.day >= request.first}
        document["played"] = summed(found, first=request.first, block=block_of(len(days)))
    if "replayed" in request.parts and quoted.events:
        document["replayed"] = replayed_rows(
            replay_days(
                _days(quoted, walked.windows[-1], models, ahead, stations, request.seed),
                workers=request.workers,
                progress=_told(step, "strategy on quotes"),
            )
        )
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


@dataclass(frozen=True, slots=True)
class _Quotes:
    """What is recorded of quotes, in order of days."""

    events: tuple[Quoted, ...]
    left_out: Mapping[str, int]
    files: tuple[Path, ...]


def _quotes(folders: Sequence[Path], stations: Stations) -> _Quotes:
    files = sorted({one for one in map(file_of, folders) if one is not None})
    read = [load_quotes(file, stations) for file in files]
    left_out = sum((Counter(missing) for _, missing in read), Counter[str]())
    events = sorted((one for found, _ in read for one in found), key=lambda one: one.day)
    return _Quotes(tuple(events), dict(left_out), tuple(files))


def _days(
    quoted: _Quotes,
    chosen: Chosen,
    models: Mapping[int, FillModel],
    ahead: Mapping[str, Told],
    stations: Stations,
    seed: int,
) -> list[Day]:
    """Return the days to replay, each with what was fitted on days before it."""
    tape = merged([read_recorded(file)[0] for file in quoted.files])
    before = chosen.first <= quoted.events[0].day
    pool = weights_of(chosen.weights) if before else None
    fills = models.get(chosen.first) if before else None
    windows = ahead[QUOTES].windows if QUOTES in ahead else ()
    horizons = [(one.first, one.live(QUOTES)) for one in windows]
    return days_of(quoted.events, tape, stations, seed, pool=pool, fills=fills, horizons=horizons)


def _horizons(
    request: Request, recorded: Recorded, quoted: _Quotes, first: int | None, step: Step | None
) -> tuple[dict[str, Any], dict[str, Told]]:
    """Return the rows, and what was told and fitted."""
    sources: dict[str, tuple[Samples, Plan]] = {
        TRADES: (traded_samples(recorded.events), Plan(seed=request.seed))
    }
    rows: dict[str, Any] = {}
    if quoted.events:
        sources[QUOTES] = quoted_samples(quoted.events), replace(QUOTED, seed=request.seed)
        gaps = {one.name: int((np.diff(one.at) > GAP_S).sum()) for one in quoted.events}
        events = len(quoted.events)
        rows["quoted"] = {"events": events, "left_out": dict(quoted.left_out), "gaps": gaps}
    told = {}
    for name, (samples, plan) in sources.items():
        found = tell(
            samples, plan, workers=request.workers, progress=_told(step, f"horizons, {name}")
        )
        told[name] = found
        rows[name] = horizon_rows(found.since(first if name == TRADES else None))
    return rows, told


def _fits(told: Mapping[str, Told]) -> dict[str, Any]:
    """Return the last fits of every model."""
    last = {name: one.windows[-1].to_json() for name, one in told.items()}
    return {"features": list(NAMES), "horizons_s": list(HORIZONS_S), **last}


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
