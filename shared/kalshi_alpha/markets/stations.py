"""The stations of the temperature ladders, from the shipped ``stations.toml``.

A series names a report, a thermometer and a standard time. The venue's rules name the report too:
the two are compared, and a series whose rules name another one is halted, for the table or the
venue has moved.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib import resources
from types import MappingProxyType
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec

from kalshi_alpha.errors import ConfigurationError, ContractError
from kalshi_alpha.markets.climate_day import ClimateDay

TABLE = "stations.toml"

_IN_RULES = re.compile(r"\bCLI[A-Z]{3}\b", re.ASCII)
_SOURCE = re.compile(r"according to (?:the )?([A-Z][A-Za-z ]{2,60})", re.ASCII)
_NEW_SOURCE, _OLD_SOURCE = "The Weather Company", "National Weather Service"

Name = Annotated[str, msgspec.Meta(min_length=1)]
Report = Annotated[str, msgspec.Meta(pattern="^CLI[A-Z]{3}$")]
Thermometer = Annotated[str, msgspec.Meta(pattern="^[KP][A-Z0-9]{3}$")]
Grid = Annotated[str, msgspec.Meta(pattern=r"\A[A-Z]{3}/[0-9]{1,3},[0-9]{1,3}\Z")]


@dataclass(frozen=True, slots=True)
class Station:
    """Where a series' temperature is measured.

    Attributes:
        series: the venue's ticker.
        cli: name of the daily climate report, ``CLINYC``.
        station: the thermometer, ``KNYC``.
        place: words that the report's headline carries.
        city: for sentences.
        offset: hours from UTC of its standard time.
        zone: the wall clock there.
        daily: its number in the archive of daily summaries, empty when none is known.
        proven: whether the row was read or measured rather than assumed.
        grid: the office's forecast grid, such as ``LOT/72,69``, for when it cannot be asked; empty
            when none is known.
    """

    series: str
    cli: str
    station: str
    place: str
    city: str
    offset: int
    zone: ZoneInfo
    daily: str
    proven: bool
    grid: str = ""

    @property
    def pinned(self) -> str:
        """Return the location that asks a blending provider for this thermometer alone."""
        return f"stn:{self.station}"

    def day(self, of: date) -> ClimateDay:
        """Return its climate day of a date."""
        return ClimateDay(of, self.offset)


@dataclass(frozen=True, slots=True)
class SettlementChange:
    """When the venue's source became another than the report, and how far the two were compared.

    Attributes:
        since: first climate day that settles on the new source.
        compared: city-days on which both were seen under the new wording.
        differed: of these, how many were not equal.
        provenance: in words.
    """

    since: date
    compared: int
    differed: int
    provenance: str

    def odds(self, day: date) -> float:
        """Return the probability that a day settles on another number than the report's maximum.

        That is (differed + 1/2) / (compared + 1), Jeffreys' estimate, and 0 before the change.
        """
        return (self.differed + 0.5) / (self.compared + 1.0) if day >= self.since else 0.0


@dataclass(frozen=True, slots=True)
class Stations:
    """All of them, by series, and the change of the settlement source."""

    by_series: Mapping[str, Station]
    change: SettlementChange

    def of(self, series: str) -> Station:
        """Return the station of a series.

        Raises:
            ConfigurationError: when the table has none.
        """
        try:
            return self.by_series[series]
        except KeyError:
            raise ConfigurationError(
                f"no station is known for {series}: add it to {TABLE} with the report its rules "
                "name"
            ) from None

    def at(self, station: str) -> Station:
        """Return the row of a thermometer; raise ``ConfigurationError`` when there is none."""
        for row in self.by_series.values():
            if row.station == station:
                return row
        raise ConfigurationError(f"no series settles on the thermometer {station}")


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    cli: Report
    station: Thermometer
    place: Name
    city: Name
    offset: Annotated[int, msgspec.Meta(ge=-12, le=14)]
    zone: Name
    proven: bool
    daily: str = ""
    grid: Grid | None = None


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    basis_since: date
    basis_provenance: Name
    basis_compared: Annotated[int, msgspec.Meta(ge=1)]
    basis_differed: Annotated[int, msgspec.Meta(ge=0)]
    stations: dict[str, _Row]


@functools.cache
def load_stations() -> Stations:
    """Return the shipped table; read once.

    Raises:
        ConfigurationError: when the shipped file is broken.
    """
    return parse_stations(resources.files(__package__).joinpath(TABLE).read_text("utf-8"))


def parse_stations(text: str) -> Stations:
    """Read a table from TOML; raise ``ConfigurationError`` when it contradicts itself."""
    try:
        table = msgspec.convert(tomllib.loads(text), _Table)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        said = str(error)[:200]
        raise ConfigurationError(f"the table of stations cannot be read: {said}") from None
    rows = {series: _station(series, row) for series, row in table.stations.items()}
    for field in ("cli", "station"):
        named = [getattr(row, field) for row in rows.values()]
        if len(set(named)) != len(named):
            twice = next(name for name in named if named.count(name) > 1)
            raise ConfigurationError(f"two series settle on {twice}: one of the rows is wrong")
    if table.basis_differed > table.basis_compared:
        raise ConfigurationError(
            f"{table.basis_differed} of {table.basis_compared} settlements cannot differ"
        )
    change = SettlementChange(
        table.basis_since, table.basis_compared, table.basis_differed, table.basis_provenance
    )
    return Stations(MappingProxyType(rows), change)


def check_rules(station: Station, rules: str, day: date, change: SettlementChange) -> None:
    """Compare the venue's sentence of the rules with the table.

    Raises:
        ContractError: ``another_station`` when the sentence names no report, or another one;
            ``another_source`` when it names a source that is not the one of that day.
    """
    named = set(_IN_RULES.findall(rules))
    if named != {station.cli}:
        said = ", ".join(sorted(named)) or "no report"
        raise ContractError(
            f"the rules of {station.series} name {said}, and the table {station.cli}: the series "
            "is halted until a person has looked",
            code="another_station",
        )
    source = _SOURCE.search(rules)
    wanted = _NEW_SOURCE if day >= change.since else _OLD_SOURCE
    if source is None or not _named(source.group(1), wanted):
        said = "no source" if source is None else source.group(1).strip()
        raise ContractError(
            f"the rules of {station.series} settle on {said}, and {wanted} was expected for {day}",
            code="another_source",
        )


def _named(said: str, wanted: str) -> bool:
    return wanted.lower().removeprefix("the ") in said.lower()


def _station(series: str, row: _Row) -> Station:
    try:
        zone = ZoneInfo(row.zone)
    except (KeyError, ValueError, OSError) as error:
        raise ConfigurationError(f"{series} has the zone {row.zone!r}: {error}") from None
    return Station(
        series,
        row.cli,
        row.station,
        row.place,
        row.city,
        row.offset,
        zone,
        row.daily,
        row.proven,
        row.grid or "",
    )
