"""The temperature series, their city groups and limits, from the shipped ``temperature.toml``.

Off unless its one line says so; nothing in a window of an index imports this module. A climate day
is quoted in *stretches*, each a window of its own: its orders expire at the venue when it ends, so
that none outlives an hour of ours, and it is frozen, counted and reconciled as any window is.
"""

from __future__ import annotations

import functools
import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from importlib import resources
from types import MappingProxyType
from typing import Annotated, Any

import msgspec

from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.markets.climate_day import ClimateDay
from kalshi_alpha.markets.registry import (
    Caps,
    FamilyLimits,
    Group,
    Phases,
    Quoting,
    Registry,
    Series,
)
from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.markets.tickers import parse_event
from kalshi_alpha.markets.units import cash_from_text, price_from_text, size_from_text
from kalshi_alpha.markets.windows import Window

TABLE = "temperature.toml"
FAMILY = "temperature"
PREFIX = "temperature-"  # of what a series' stretches are named after
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_NO_DAY = ClimateDay(date.min, 0)
_WIDTH = 2.0  # degrees of a closed bracket, for ladders drawn without a listing

Minutes = Annotated[int, msgspec.Meta(ge=5, le=240)]


class _Stretch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    minutes: Minutes
    prep: float
    make: float
    strict: float
    arm: float
    pull: float
    pull_lead: float
    scan_every: float
    last_scan: float
    reconcile_after: float
    thaw: float


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    enabled: bool
    groups: dict[str, list[str]]
    stretch: _Stretch
    caps: dict[str, Any]
    quoting: dict[str, Any]
    family: dict[str, str]


@dataclass(frozen=True, slots=True)
class Temperatures:
    """What the table says.

    Attributes:
        enabled: whether any of it is traded.
        groups: series by city group.
        phases: of each stretch.
        minutes: how long a stretch is.
        caps: limits of one series.
        quoting: when a price of it is worth quoting.
        limits: of all temperature series together.
        hash: SHA-256 of the table's text.
    """

    enabled: bool
    groups: Mapping[str, tuple[str, ...]]
    phases: Phases
    minutes: int
    caps: Caps
    quoting: Quoting
    limits: FamilyLimits
    hash: str

    def series_of(self, group: str) -> tuple[str, ...]:
        """Return the series of a city group; raise ``ConfigurationError`` for an unknown one."""
        try:
            return self.groups[group]
        except KeyError:
            raise ConfigurationError(
                f"there is no city group {group!r}; there is: {', '.join(self.groups)}"
            ) from None

    def group_of(self, series: str) -> str:
        """Return the city group of a series; raise ``ConfigurationError`` when it is in none."""
        for group, members in self.groups.items():
            if series in members:
                return group
        raise ConfigurationError(f"{series} is in no city group of {TABLE}: add it to one")

    def day(self, group: str, of: date) -> ClimateDay:
        """Return the climate day of a group's cities."""
        return load_stations().of(self.series_of(group)[0]).day(of)

    def registry(self, base: Registry) -> Registry:
        """Return a registry that knows the temperature series beside those of ``base``."""
        stations = load_stations()
        series = {
            name: Series(
                ticker=name,
                symbol=stations.of(name).station,
                family=FAMILY,
                kind="range",
                group=window_group(name),
                ticks_per_point=1,
                strike_step=_WIDTH,
                caps=self.caps,
                quoting=self.quoting,
            )
            for members in self.groups.values()
            for name in members
        }
        groups = {
            window_group(name): Group(window_group(name), (name,), (), self.phases)
            for name in series
        }
        return replace(
            base,
            series=MappingProxyType({**base.series, **series}),
            groups=MappingProxyType({**base.groups, **groups}),
            families=MappingProxyType({**base.families, FAMILY: self.limits}),
            hash=hashlib.sha256(f"{base.hash}{self.hash}".encode()).hexdigest(),
        )


@dataclass(frozen=True, slots=True)
class Stretch(Window):
    """A part of a climate day that is quoted as one window.

    ``fixing`` is its end: what is decided at the day's end is the same for all of its stretches.
    """

    climate: ClimateDay = _NO_DAY  # always given; what comes before has defaults

    @property
    def day(self) -> date:
        """Return the climate day's name, by which its losses are counted."""
        return self.climate.date

    @property
    def start(self) -> datetime:
        """Return its first instant."""
        return self.make_at

    def event_ticker(self, series: str) -> str:
        """Return the event of ``series`` on this climate day."""
        return event_of(series, self.climate.date)


def window_group(series: str) -> str:
    """Return the name of the group whose windows are a series' stretches."""
    return f"{PREFIX}{series.lower()}"


def event_of(series: str, day: date) -> str:
    """Return the ticker of a day's event, such as ``KXHIGHNY-24DEC03``.

    Raises:
        TickerError: when ``series`` is malformed.
    """
    return str(parse_event(f"{series}-{day:%y}{_MONTHS[day.month - 1]}{day:%d}"))


def stretches(
    table: Temperatures, series: str, day: ClimateDay, closes_at: datetime
) -> tuple[Stretch, ...]:
    """Return the stretches of a climate day, the last of which ends when trading does.

    Args:
        table: their length and phases.
        series: whose brackets.
        day: the climate day.
        closes_at: when the listing ends trading, aware, at most at the day's end.

    Raises:
        DataError: when trading ends outside the climate day: listing and calendar contradict.
    """
    if not day.start < closes_at <= day.end:
        raise DataError(
            f"trading in {day.date} ends at {closes_at}, outside the climate day from {day.start} "
            f"to {day.end}: listing and calendar contradict each other"
        )
    each = timedelta(minutes=table.minutes)
    found, start = [], day.start
    while start < closes_at:
        end = min(start + each, closes_at)
        long = (end - start).total_seconds()
        phases = replace(table.phases, make=long, prep=long + 1.0)
        found.append(Stretch(window_group(series), end, (series,), phases, None, day))
        start += each
    # One too short to be quoted in is a part of the one before it.
    if len(found) > 1 and found[-1].phases.make <= 2 * table.phases.strict:
        last = found.pop()
        before = found.pop()
        long = before.phases.make + last.phases.make
        found.append(
            replace(
                before, fixing=last.fixing, phases=replace(before.phases, make=long, prep=long + 1)
            )
        )
    return tuple(found)


@functools.cache
def load_temperatures() -> Temperatures:
    """Return the shipped table; read once.

    Raises:
        ConfigurationError: when the shipped file is broken.
    """
    return parse_temperatures(resources.files(__package__).joinpath(TABLE).read_text("utf-8"))


def parse_temperatures(text: str) -> Temperatures:
    """Read a table from TOML; raise ``ConfigurationError`` when it says something impossible."""
    try:
        table = msgspec.convert(tomllib.loads(text), _Table)
        phases = msgspec.to_builtins(table.stretch)
        minutes = phases.pop("minutes")
        read = Temperatures(
            enabled=table.enabled,
            groups=MappingProxyType({name: tuple(s) for name, s in table.groups.items()}),
            phases=msgspec.convert(phases, Phases),
            minutes=minutes,
            caps=msgspec.convert(_money(table.caps), Caps),
            quoting=msgspec.convert(_money(table.quoting), Quoting),
            limits=msgspec.convert(_money(table.family), FamilyLimits),
            hash=hashlib.sha256(text.encode()).hexdigest(),
        )
    except (ValueError, RecursionError, DataError, msgspec.ValidationError) as error:
        raise ConfigurationError(f"{TABLE} cannot be read: {str(error)[:200]}") from None
    stations = load_stations()
    for group, members in read.groups.items():
        offsets = {stations.of(series).offset for series in members}
        if len(offsets) != 1:
            raise ConfigurationError(
                f"the city group {group} has {len(offsets)} standard times: one process serves "
                "cities that share a climate day"
            )
    return read


def _money(table: Mapping[str, Any]) -> dict[str, Any]:
    read = {"max_size": size_from_text, "min_ev": price_from_text}
    return {
        key: read.get(key, cash_from_text)(value) if isinstance(value, str) else value
        for key, value in table.items()
    }
