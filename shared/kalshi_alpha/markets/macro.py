"""The macro families and series, from the shipped ``macro.toml``; off unless its one line says so.

Nothing in a window of an index imports this module.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from types import MappingProxyType
from typing import Annotated, Any

import msgspec

from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.releases import KINDS
from kalshi_alpha.markets.traded import trades_macro

TABLE = "macro.toml"

Name = Annotated[str, msgspec.Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class MacroSeries:
    """One series of the venue that settles on a published figure.

    Attributes:
        family: the family that prices it.
        figure: the series of readings it settles on.
        release: the kind of release in the calendar.
        parameters: the part of the parameter file.
        ticks_per_point: ticks of the settlement value to one of its units.
        group: the group of windows it is quoted in.
        strike_step: units between neighbouring strikes, for ladders drawn without a listing.
    """

    family: Name
    figure: Name
    release: Name
    parameters: Name
    ticks_per_point: Annotated[int, msgspec.Meta(ge=1)]
    group: Name
    strike_step: Annotated[float, msgspec.Meta(gt=0)]


class _Family(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    module: Name
    max_loss_per_day: Name
    max_loss_per_week: Name


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    enabled: bool
    figures: dict[str, dict[str, Any]]
    families: dict[str, _Family]
    groups: dict[str, dict[str, Any]]
    series: dict[str, MacroSeries]


@dataclass(frozen=True, slots=True)
class MacroRegistry:
    """What is traded on published figures.

    Attributes:
        enabled: whether any of it is.
        modules: the module of each family by its name.
        series: by ticker.
    """

    enabled: bool
    modules: Mapping[str, str]
    series: Mapping[str, MacroSeries]

    @property
    def active(self) -> Mapping[str, MacroSeries]:
        """Return the series that may be traded: none when it is off."""
        return self.series if self.enabled else MappingProxyType({})


def load_macro() -> MacroRegistry:
    """Return the shipped registry, on where its line or ``traded.trade`` says so.

    Raises:
        ConfigurationError: when the shipped file is broken.
    """
    return replace(_shipped(), enabled=trades_macro())


@functools.cache
def _shipped() -> MacroRegistry:
    return parse_macro(resources.files(__package__).joinpath(TABLE).read_text("utf-8"))


def registry_tables(text: str) -> Mapping[str, Mapping[str, Any]]:
    """Return what the macro file adds to the registry's tables: figures, families, groups, series.

    Raises:
        ConfigurationError: as ``parse_macro``.
    """
    table = _read(text)
    limits = ("max_loss_per_day", "max_loss_per_week")
    return {
        "figures": table.figures,
        "families": {
            name: {limit: getattr(one, limit) for limit in limits}
            for name, one in table.families.items()
        },
        "groups": table.groups,
        "series": {
            ticker: {
                "symbol": one.figure,
                "family": one.family,
                "kind": "above",
                "group": one.group,
                "ticks_per_point": one.ticks_per_point,
                "strike_step": one.strike_step,
            }
            for ticker, one in table.series.items()
        },
    }


def parse_macro(text: str) -> MacroRegistry:
    """Read a registry from TOML; raise ``ConfigurationError`` when it contradicts itself."""
    table = _read(text)
    return MacroRegistry(
        table.enabled,
        MappingProxyType({name: family.module for name, family in table.families.items()}),
        MappingProxyType(table.series),
    )


def _read(text: str) -> _Table:
    try:
        table = msgspec.convert(tomllib.loads(text), _Table)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        said = str(error)[:200]
        raise ConfigurationError(f"the macro registry cannot be read: {said}") from None
    for ticker, one in table.series.items():
        if one.family not in table.families:
            raise ConfigurationError(
                f"{ticker} is of the family {one.family!r}: add [families.{one.family}]"
            )
        if one.release not in KINDS:
            raise ConfigurationError(
                f"{ticker} waits for the release {one.release!r}; there is: {', '.join(KINDS)}"
            )
        if table.groups.get(one.group, {}).get("release") != one.release:
            raise ConfigurationError(
                f"{ticker} waits for the release {one.release!r} and its group {one.group!r} does "
                "not: windows are the group's"
            )
    idle = table.families.keys() - {one.family for one in table.series.values()}
    if idle:
        raise ConfigurationError(f"no series is of the family {min(idle)}: remove it")
    return table
