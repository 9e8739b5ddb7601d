"""The macro families and series, from the shipped ``macro.toml``; off unless its one line says so.

Nothing in a window of an index imports this module.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Annotated

import msgspec

from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.releases import KINDS

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
    """

    family: Name
    figure: Name
    release: Name
    parameters: Name
    ticks_per_point: Annotated[int, msgspec.Meta(ge=1)]


class _Family(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    module: Name


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    enabled: bool
    families: dict[str, _Family]
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


@functools.cache
def load_macro() -> MacroRegistry:
    """Return the shipped registry; read once.

    Raises:
        ConfigurationError: when the shipped file is broken.
    """
    return parse_macro(resources.files(__package__).joinpath(TABLE).read_text("utf-8"))


def parse_macro(text: str) -> MacroRegistry:
    """Read a registry from TOML; raise ``ConfigurationError`` when it contradicts itself."""
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
    idle = table.families.keys() - {one.family for one in table.series.values()}
    if idle:
        raise ConfigurationError(f"no series is of the family {min(idle)}: remove it")
    return MacroRegistry(
        table.enabled,
        MappingProxyType({name: family.module for name, family in table.families.items()}),
        MappingProxyType(table.series),
    )
