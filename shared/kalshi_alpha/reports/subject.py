"""What a series settles on, in words and with its digits: an index, or a published figure."""

from __future__ import annotations

from dataclasses import dataclass

from kalshi_alpha.markets.registry import Series
from kalshi_alpha.markets.traded import INDEX

_NAMES = {
    "SPX": ("S&P 500", "index points"),
    "NDX": ("Nasdaq-100", "index points"),
    "cpi-sa": ("Consumer prices over one month", "percent"),
    "core-cpi-sa": ("Core consumer prices over one month", "percent"),
    "cpi-nsa": ("Consumer prices over twelve months", "percent"),
    "claims": ("Initial jobless claims", "persons"),
    "par-yield-10y": ("10-year par yield", "percent"),
    "aaa-regular": ("Regular gasoline", "dollars"),
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What a series settles on.

    Attributes:
        name: what a person calls it.
        unit: of its values.
        digits: decimals of a settlement value.
        strike_digits: decimals of a strike.
        is_index: whether there is a feed of it.
    """

    name: str
    unit: str
    digits: int
    strike_digits: int
    is_index: bool

    def value(self, number: float) -> str:
        """Write a value."""
        return f"{number:,.{self.digits}f}"

    def strike(self, number: float) -> str:
        """Write a strike."""
        return f"{number:,.{self.strike_digits}f}"


def subject_of(series: Series) -> Subject:
    """Return what ``series`` settles on; a figure without a name here goes by the registry's."""
    is_index = series.family == INDEX
    name, unit = _NAMES.get(series.symbol, (series.symbol, "units"))
    digits = len(str(series.ticks_per_point)) - 1
    return Subject(name, unit, digits, 0 if is_index else digits, is_index)
