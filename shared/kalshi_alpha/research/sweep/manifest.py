"""A sweep made ready: its files by their hashes, and its units by theirs.

The id of a sweep and of each of its units is a hash of everything its figures depend on: settings,
days, the bytes of every file, the registry and the code. Two machines that name a unit alike play
it alike, and a unit that is kept is never a unit of something else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import kalshi_alpha
from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.sessions import Sessions
from kalshi_alpha.research.backtest.settings import Settings
from kalshi_alpha.research.sweep.file import Role, Sweep, chunks_of
from kalshi_alpha.research.sweep.settings import Point, settings_of

SCHEMA = "kalshi-alpha/sweep/1"
# Whatever of the library can change a figure; the rest may differ from machine to machine.
_DECIDING = ("clock.py", "markets", "pricing", "families", "trading", "research")


@dataclass(frozen=True, slots=True)
class Input:
    """One file: what it is for, its name, the SHA-256 of its bytes, its key among the artifacts."""

    role: Role
    name: str
    sha256: str
    key: str


@dataclass(frozen=True, slots=True)
class Played:
    """A series with its files."""

    ticker: str
    inputs: tuple[Input, ...]

    def of(self, role: Role) -> list[Input]:
        """Return the files of a role, as they were listed."""
        return [one for one in self.inputs if one.role == role]


@dataclass(frozen=True, slots=True)
class Unit:
    """One setting of one series over one chunk of days; ``name`` is its hash."""

    name: str
    series: int
    chunk: int
    point: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A sweep made ready, the same wherever it is read.

    Attributes:
        name: for people; part of no hash.
        series: with their files.
        points: of the grid.
        chunks: the days of a unit.
        seed: of the backtest's coin.
        block: days an interval draws together.
        registry: hash of the registry.
        code: hash of the code that decides.
    """

    name: str
    series: tuple[Played, ...]
    points: tuple[Point, ...]
    chunks: tuple[tuple[date, ...], ...]
    seed: int
    block: int
    registry: str
    code: str

    @property
    def sweep_id(self) -> str:
        """Return the sweep's name among the artifacts: the first half of its hash."""
        doc = self.as_json()
        doc.pop("name")
        for one in doc["series"]:
            one["inputs"] = [[each["role"], each["sha256"]] for each in one["inputs"]]
        return _hash(doc)[:32]

    @property
    def count(self) -> int:
        """Return how many units there are."""
        return len(self.series) * len(self.chunks) * len(self.points)

    def settings(self, series: int, point: int, registry: Registry) -> Settings:
        """Return the settings of a point for a series."""
        return settings_of(self.points[point], self.series[series].ticker, registry, self.seed)

    def units(self, registry: Registry) -> tuple[Unit, ...]:
        """Return every unit; those of one series and chunk follow each other.

        Raises:
            ConfigurationError: when a point of the grid is outside its domain.
        """
        return tuple(self._units(registry))

    def _units(self, registry: Registry) -> Iterator[Unit]:
        for s, one in enumerate(self.series):
            files = sorted((each.role, each.sha256) for each in one.inputs)
            played = [self.settings(s, p, registry).as_json() for p in range(len(self.points))]
            for c, days in enumerate(self.chunks):
                shared = (SCHEMA, one.ticker, _iso(days), files, self.registry, self.code)
                for p, settings in enumerate(played):
                    yield Unit(_hash((*shared, settings)), s, c, p)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "schema": SCHEMA,
            "name": self.name,
            "series": [asdict(one) for one in self.series],
            "points": [dict(point) for point in self.points],
            "chunks": [_iso(days) for days in self.chunks],
            "seed": self.seed,
            "block": self.block,
            "registry": self.registry,
            "code": self.code,
        }

    def as_bytes(self) -> bytes:
        """Return it as the file that is kept."""
        return (json.dumps(self.as_json(), indent=1, sort_keys=True) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """Read what ``as_bytes`` wrote; raise ``DataError`` on anything else."""
        try:
            doc = json.loads(data)
            if doc["schema"] != SCHEMA:
                raise DataError(f"the sweep has the schema {doc['schema']!r}, this code {SCHEMA}")
            return cls(
                name=doc["name"],
                series=tuple(
                    Played(one["ticker"], tuple(Input(**each) for each in one["inputs"]))
                    for one in doc["series"]
                ),
                points=tuple(doc["points"]),
                chunks=tuple(tuple(map(date.fromisoformat, days)) for days in doc["chunks"]),
                seed=doc["seed"],
                block=doc["block"],
                registry=doc["registry"],
                code=doc["code"],
            )
        except (ValueError, KeyError, TypeError):
            raise DataError("the sweep's manifest is damaged: prepare it again") from None

    def require_here(self, registry: Registry) -> None:
        """Refuse to play on another code or registry than the sweep was made with.

        Raises:
            ConfigurationError: then; its figures would not be this sweep's.
        """
        for what, made, here in (
            ("code", self.code, code_hash()),
            ("registry", self.registry, registry.hash),
        ):
            if made != here:
                raise ConfigurationError(
                    f"the sweep was made with the {what} {made[:12]} and here is {here[:12]}: play "
                    "it where it was made, or build the image of the same release"
                )


def manifest_of(
    sweep: Sweep, series: Sequence[Played], registry: Registry, sessions: Sessions
) -> Manifest:
    """Return a sweep made ready, its files known by their hashes."""
    return Manifest(
        name=sweep.name,
        series=tuple(series),
        points=sweep.points,
        chunks=chunks_of(sweep, sessions),
        seed=sweep.seed,
        block=sweep.block,
        registry=registry.hash,
        code=code_hash(),
    )


def shard(units: Sequence[Unit], which: int, parts: int) -> Sequence[Unit]:
    """Return one of several shares, contiguous so that a share touches few chunks of the data.

    Raises:
        ConfigurationError: for a share outside its number.
    """
    if not 0 <= which < parts:
        raise ConfigurationError(f"shard {which} of {parts}: shards count from 0")
    return units[which * len(units) // parts : (which + 1) * len(units) // parts]


@cache
def code_hash() -> str:
    """Return the SHA-256 of the version and of every source file that can change a figure."""
    home = Path(kalshi_alpha.__file__).parent
    digest = hashlib.sha256(kalshi_alpha.__version__.encode())
    for file in sorted(home.rglob("*")):
        inside = file.relative_to(home)
        table = inside.parts[0] != "research" and file.suffix in (".toml", ".json")
        if inside.parts[0] in _DECIDING and (file.suffix == ".py" or table):
            digest.update(inside.as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _hash(doc: Any) -> str:
    return hashlib.sha256(json.dumps(doc, sort_keys=True).encode()).hexdigest()


def _iso(days: Sequence[date]) -> list[str]:
    return [day.isoformat() for day in days]
