"""What is known of a published figure before its next release."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise
from types import MappingProxyType

from kalshi_alpha.clock import NEW_YORK, require_aware
from kalshi_alpha.errors import DataError

Point = tuple[date, float]


@dataclass(frozen=True, slots=True)
class MacroReading:
    """One look at a series and what is read beside it.

    Args:
        series: our name, such as ``cpi-sa``.
        history: (reference period, value) as known at ``as_of``, each period once, ascending. A
            period without a figure is absent.
        as_of: when it was known, aware.
        beside: features by name, such as ``nowcast``; what is not known is absent.

    Raises:
        DataError: when there is no history, periods do not ascend, a number is not finite, or a
            period begins after ``as_of``.
    """

    series: str
    history: tuple[Point, ...]
    as_of: datetime
    beside: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if not self.history:
            raise DataError(f"nothing is known of {self.series}: no figure has been read")
        for (earlier, _), (later, _) in pairwise(self.history):
            if later <= earlier:
                raise DataError(f"{self.series} has {later} after {earlier}: periods must ascend")
        values = [*self.history, *self.beside.items()]
        bad = next((at for at, value in values if not math.isfinite(value)), None)
        if bad is not None:
            raise DataError(f"{self.series} has a value for {bad} that is not finite")
        today = require_aware(self.as_of).astimezone(NEW_YORK).date()
        if self.history[-1][0] > today:
            raise DataError(
                f"{self.series} has a figure for {self.history[-1][0]}, which is after {today}"
            )

    @property
    def last(self) -> Point:
        """Return the newest period and its value."""
        return self.history[-1]

    def at(self, period: date) -> float:
        """Return the value of a period.

        Raises:
            DataError: when the period has none: a neighbour's never stands in for it.
        """
        for known, value in reversed(self.history):
            if known == period:
                return value
            if known < period:
                break
        raise DataError(f"{self.series} has no figure for {period}; none is put in its place")

    @property
    def values(self) -> tuple[float, ...]:
        """Return the values in time."""
        return tuple(value for _, value in self.history)
