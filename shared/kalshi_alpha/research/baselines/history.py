"""What the plain models may look at: sessions on a grid, and longer daily series."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kalshi_alpha.errors import DataError
from kalshi_alpha.pricing.variance import SESSION_MINUTES
from kalshi_alpha.research.scores.shapes import Floats, Ints

_STALE_DAYS = 7  # a daily series may miss a holiday week, not a month


class CaseGrid(Protocol):
    """Forecasts wanted; ``research.model.cases.Cases`` is one. Arrays of one length."""

    @property
    def day(self) -> Ints:
        """Place of each session in the history."""

    @property
    def start(self) -> Ints:
        """Decision, minutes since the open."""

    @property
    def end(self) -> Ints:
        """Fixing, minutes since the open."""


@dataclass(frozen=True, slots=True)
class DailySeries:
    """One number a day, days ascending.

    Raises:
        DataError: when lengths differ, days do not ascend, or a number is not finite.
    """

    days: tuple[date, ...]
    values: Floats

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.days),):
            raise DataError(
                f"a daily series has {len(self.days)} days and {self.values.shape} numbers"
            )
        if not np.all(np.diff(_stamps(self.days)).astype(np.int64) > 0):
            raise DataError("the days of a daily series must ascend, each once: sort them")
        if not np.isfinite(self.values).all():
            day = self.days[int(np.argmin(np.isfinite(self.values)))]
            raise DataError(f"the number of {day} in a daily series is not finite: leave it out")

    def known_before(self, days: tuple[date, ...]) -> Ints:
        """Return how many of the numbers are of days before each of ``days``."""
        found: Ints = np.searchsorted(_stamps(self.days), _stamps(days), side="left")
        return found


@dataclass(frozen=True, slots=True)
class SessionHistory:
    """Complete regular sessions, and daily series that may reach further back.

    Attributes:
        days: the sessions, ascending.
        step: minutes a bar.
        logs: log price at the open and at each bar's end; [days, bars + 1].
        closes: log closes by day, for the daily model. None: the sessions' own last prices.
        realised: realised variance by session, log units squared, from bars of any length. None:
            the sessions' own. Must hold the sessions' last days too, not only earlier ones.

    Raises:
        DataError: when the grid is not whole, days do not ascend, a price is missing, or a session
            stands still.
    """

    days: tuple[date, ...]
    step: int
    logs: Floats
    closes: DailySeries | None = None
    realised: DailySeries | None = None

    def __post_init__(self) -> None:
        bars, odd = divmod(SESSION_MINUTES, self.step)
        if odd or self.logs.shape != (len(self.days), bars + 1):
            raise DataError(
                f"{len(self.days)} sessions of {self.step}-minute bars were given as an array of "
                f"{self.logs.shape}; a row is the open and the bars of {SESSION_MINUTES} minutes"
            )
        still = self.own.values == 0.0
        if still.any():
            day = self.days[int(np.argmax(still))]
            raise DataError(f"the session of {day} stands still all day: leave it out")

    @property
    def squares(self) -> Floats:
        """Return the squared log returns of the bars; [days, bars]."""
        return np.diff(self.logs, axis=1) ** 2

    @property
    def own(self) -> DailySeries:
        """Return the realised variance of the sessions themselves: summed squared returns."""
        return DailySeries(self.days, self.squares.sum(axis=1))

    @property
    def variances(self) -> DailySeries:
        """Return the realised variance of each session, as far back as known."""
        return self.realised or self.own

    @property
    def daily(self) -> DailySeries:
        """Return the log closes, as far back as known."""
        return self.closes or DailySeries(self.days, self.logs[:, -1])

    def known(self, series: DailySeries, day: Ints, fewest: int, model: str) -> Ints:
        """Return how many numbers of a series are known before each session ``day``.

        Raises:
            DataError: when fewer than ``fewest``, or when the series ended well before.
        """
        known = series.known_before(self.days)[day]
        if not len(day):
            return known
        least = int(np.argmin(known))
        if known[least] < fewest:
            raise DataError(
                f"{model} needs {fewest} days before {self.days[day[least]]} and has "
                f"{known[least]}: give earlier bars or closes, or score from a later day"
            )
        stamps = _stamps(self.days)
        before = stamps[np.maximum(day - 1, 0)]
        age = (before - _stamps(series.days)[known - 1]).astype(np.int64)
        stale = age > _STALE_DAYS
        if stale.any():
            k = int(np.argmax(stale))
            raise DataError(
                f"{model} is to forecast {self.days[day[k]]} from a daily series that stops on "
                f"{series.days[known[k] - 1]}: give one that goes on"
            )
        return known


def _stamps(days: tuple[date, ...]) -> NDArray[np.datetime64]:
    return np.array(days, dtype="datetime64[D]")
