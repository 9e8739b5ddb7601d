"""The file that describes a sweep: series with their recordings, a grid of settings, days, a seed.

::

    name = "thresholds"
    first = 2026-01-05
    last = 2026-01-15
    days_a_unit = 5

    [[series]]
    ticker = "KXINXU"
    data = ["trades.parquet"]
    results = "results.parquet"
    params = "parameters.json"

    [grid]
    ev_threshold = ["0.03", "0.05"]
    latency_ms = [0, 250]
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, get_args

from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.sessions import Sessions
from kalshi_alpha.research.sweep.settings import Point, points_of
from kalshi_alpha.research.walk import EVERY

Role = Literal["data", "bars", "results", "params"]
ROLES: tuple[Role, ...] = get_args(Role)
DAYS_A_UNIT = 50 * EVERY  # about a year: a unit then takes seconds, and ten years are ten chunks
SEED = 20_260_102

_TOP = {"name", "first", "last", "days_a_unit", "seed", "block", "series", "grid"}


@dataclass(frozen=True, slots=True)
class Recorded:
    """A series and where its recordings lie, by role: files, or ``artifacts:`` and a prefix."""

    ticker: str
    places: Mapping[Role, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Sweep:
    """What is asked for.

    Attributes:
        name: for people.
        series: each with its recordings.
        points: of the grid.
        first: first day.
        last: last day.
        days_a_unit: sessions that one unit plays, a multiple of the sessions between fits.
        seed: of the backtest's coin and of nothing else.
        block: consecutive days an interval draws together.
        home: the folder that relative paths start from.
    """

    name: str
    series: tuple[Recorded, ...]
    points: tuple[Point, ...]
    first: date
    last: date
    days_a_unit: int
    seed: int
    block: int
    home: Path


def read_sweep(file: Path) -> Sweep:
    """Read a TOML or JSON file.

    Raises:
        ConfigurationError: naming the file and what is wrong in it.
    """
    try:
        text = file.read_text(encoding="utf-8")
        doc = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigurationError(f"{file} is not a sweep: {error}") from None
    try:
        return _sweep(doc, file.resolve().parent, file.stem)
    except ConfigurationError as error:
        raise ConfigurationError(f"{file}: {error}") from None


def chunks_of(sweep: Sweep, sessions: Sessions) -> tuple[tuple[date, ...], ...]:
    """Return the sessions of the sweep, a unit's together, in order.

    Chunks begin where a backtest over all the days would fit its parameters anew, so that a unit
    plays its days with the very parameters that such a backtest plays them with.

    Raises:
        ConfigurationError: when no session lies between the first day and the last.
    """
    numbers = range(sweep.first.toordinal(), sweep.last.toordinal() + 1)
    days = [day for n in numbers if sessions.on(day := date.fromordinal(n)) is not None]
    if not days:
        raise ConfigurationError(f"no session lies from {sweep.first} to {sweep.last}")
    step = sweep.days_a_unit
    return tuple(tuple(days[k : k + step]) for k in range(0, len(days), step))


def _sweep(doc: Any, home: Path, stem: str) -> Sweep:
    if not isinstance(doc, dict):
        raise ConfigurationError("it holds no table")
    _refuse_unknown(doc, _TOP, "the file")
    listed = doc.get("series")
    if not isinstance(listed, list) or not listed:
        raise ConfigurationError("it names no [[series]]")
    series = tuple(_recorded(one) for one in listed)
    if len({one.ticker for one in series}) < len(series):
        raise ConfigurationError("it names a series twice")
    grid = doc.get("grid", {})
    if not isinstance(grid, dict):
        raise ConfigurationError("its grid is no table of lists")
    first, last = _day(doc, "first"), _day(doc, "last")
    if first > last:
        raise ConfigurationError(f"the first day, {first}, comes after the last, {last}")
    step = _whole(doc, "days_a_unit", DAYS_A_UNIT)
    if step % EVERY:
        raise ConfigurationError(
            f"days_a_unit is {step}: give a multiple of {EVERY}, the sessions between fits"
        )
    return Sweep(
        name=str(doc.get("name", stem)),
        series=series,
        points=points_of(grid),
        first=first,
        last=last,
        days_a_unit=step,
        seed=_whole(doc, "seed", SEED),
        block=_whole(doc, "block", 1),
        home=home,
    )


def _recorded(doc: Any) -> Recorded:
    if not isinstance(doc, dict) or not isinstance(doc.get("ticker"), str):
        raise ConfigurationError("a series has no ticker")
    _refuse_unknown(doc, {"ticker", *ROLES}, f"the series {doc['ticker']}")
    places: dict[Role, tuple[str, ...]] = {}
    for role in ROLES:
        said = doc.get(role, [])
        listed = [said] if isinstance(said, str) else said
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise ConfigurationError(f"{role} of {doc['ticker']} is {said!r}: give paths")
        places[role] = tuple(listed)
    for role in ("results", "params"):
        if len(places[role]) > 1:
            raise ConfigurationError(f"{role} of {doc['ticker']} is one file, not several")
    if not places["data"]:
        raise ConfigurationError(f"the series {doc['ticker']} names no data: files of trades")
    return Recorded(doc["ticker"], places)


def _refuse_unknown(doc: Mapping[str, Any], known: set[str], what: str) -> None:
    unknown = sorted(set(doc) - known)
    if unknown:
        raise ConfigurationError(f"{what} names {unknown[0]!r}; known are {sorted(known)}")


def _day(doc: Mapping[str, Any], key: str) -> date:
    said = doc.get(key)
    if type(said) is date:
        return said
    try:
        return date.fromisoformat(str(said))
    except ValueError:
        raise ConfigurationError(f"{key} is {said!r}: give a day, as 2026-01-05") from None


def _whole(doc: Mapping[str, Any], key: str, default: int) -> int:
    said = doc.get(key, default)
    if type(said) is not int or said < 1:
        raise ConfigurationError(f"{key} is {said!r}: give a whole number above 0")
    return said
