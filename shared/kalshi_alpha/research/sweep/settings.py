"""A point of a sweep's grid as a backtest's settings; what is not named is the registry's."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.units import price_from_text
from kalshi_alpha.research.backtest.settings import (
    MODES,
    OFFSET_EVERY,
    RULES,
    Settings,
    of_phases,
)
from kalshi_alpha.research.market.index import series_of

# Key of a sweep file -> field of Settings, as the options of ``backtest`` are called.
_NUMBERS = {
    "max_bins": "max_bins",
    "lots": "lots",
    "start_s": "start_s",
    "stop_s": "stop_s",
    "every_s": "every_s",
    "latency_ms": "latency_ms",
    "max_age_s": "max_age_s",
    "book_s": "memory_s",
}
_WHOLE = {"max_bins", "lots"}
_DOLLARS = {"ev_threshold": "min_ev", "widen": "widen", "through": "through"}
_WORDS: dict[str, Mapping[str, str]] = {"mode": MODES, "rule": RULES}
KEYS = (*_WORDS, *_NUMBERS, *_DOLLARS)

Point = Mapping[str, Any]


def points_of(grid: Mapping[str, Any]) -> tuple[Point, ...]:
    """Return every point of a grid, the last key changing fastest.

    Raises:
        ConfigurationError: for a key that is no setting, or an empty list.
    """
    lists: list[Sequence[Any]] = []
    for key, values in grid.items():
        if key not in KEYS:
            raise ConfigurationError(
                f"the grid names {key!r}, which is no setting: those there are: {', '.join(KEYS)}"
            )
        found = values if isinstance(values, list) else [values]
        if not found or len({str(each) for each in found}) < len(found):
            raise ConfigurationError(f"the grid's {key} is {found}: one value or more, each once")
        lists.append(found)
    return tuple(dict(zip(grid, point, strict=True)) for point in itertools.product(*lists))


def settings_of(point: Point, ticker: str, registry: Registry, seed: int) -> Settings:
    """Return the settings of a point for one series.

    Raises:
        ConfigurationError: for a value outside its domain.
        DataError: for an unknown series, or dollars off the grid of prices.
    """
    series = series_of(registry, ticker)
    found: dict[str, Any] = {
        **of_phases(registry.groups[series.group].phases),
        "max_bins": series.caps.max_bins,
        "min_ev": series.quoting.min_ev,
        "seed": seed,
    }
    if point.get("rule") == "offset":
        found["every_s"] = OFFSET_EVERY
    for key, value in point.items():
        if key in _WORDS:
            if value not in _WORDS[key]:
                raise ConfigurationError(f"{key} is {value!r}; known are {', '.join(_WORDS[key])}")
            found[key] = value
        elif key in _DOLLARS:
            found[_DOLLARS[key]] = price_from_text(str(value))
        else:
            found[_NUMBERS[key]] = _number(key, value)
    return Settings(**found)


def name_of(point: Point) -> str:
    """Return a point in words; ``as live`` for the one that changes nothing."""
    return ", ".join(f"{key} {value}" for key, value in point.items()) or "as live"


def _number(key: str, value: Any) -> float | int:
    whole = key in _WHOLE
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        kind = "a whole number" if whole else "a number"
        raise ConfigurationError(f"{key} is {value!r}: give {kind}")
    return value if whole else float(value)
