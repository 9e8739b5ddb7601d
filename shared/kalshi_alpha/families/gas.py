"""Regular gasoline, the national average of a day in dollars with three decimals.

The average follows its wholesale cost for weeks, so its daily moves persist: the move to come is
expected from the last one, from a fast and a slow average and from what crude did that the pump has
not followed yet. One set of weights a horizon; between two horizons they are mixed.
docs/math/macro.md has the formulas and figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Annotated

import msgspec

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.releases import Release
from kalshi_alpha.pricing.macro_reading import MacroReading
from kalshi_alpha.pricing.print_law import Nearest, PrintLaw, student

THOUSANDTHS = Nearest(1, 1000)
_FEWEST_MOVES = 60
_LOOKS_BACK = 200
_DAY = timedelta(days=1)

Share = Annotated[float, msgspec.Meta(gt=0, le=1)]


@dataclass(frozen=True, slots=True)
class Horizon:
    """The move over some days, from what the days before did.

    Attributes:
        days: calendar days from the last price to the one that settles.
        newest: weight of the last day's move.
        fast: weight of the fast mean daily move.
        slow: weight of the slow one.
        crude: weight of ``crude_gap``.
        spread: factor on the standard deviation of a day's surprise, > 0.
    """

    days: Annotated[int, msgspec.Meta(ge=1)]
    newest: float
    fast: float
    slow: float
    crude: float
    spread: Annotated[float, msgspec.Meta(gt=0)]


@dataclass(frozen=True, slots=True)
class Parameters:
    """How the pump follows.

    Attributes:
        fast: weight of the newest day in the fast mean, in (0, 1].
        slow: the same in the slow mean.
        spread_level: weight of the newest day in the variance of a day's surprise.
        horizons: by days, ascending, at least one.
        freedom: degrees of freedom of the law, above 2.
    """

    fast: Share
    slow: Share
    spread_level: Share
    horizons: Annotated[tuple[Horizon, ...], msgspec.Meta(min_length=1)]
    freedom: Annotated[float, msgspec.Meta(gt=2)]

    def horizon(self, days: int) -> Horizon:
        """Return the weights for ``days`` ahead, mixed from the nearest two.

        Raises:
            DataError: beyond the longest horizon that was fitted.
        """
        before = self.horizons[0]
        for one in self.horizons:
            if days <= one.days:
                return one if days == one.days or one is before else _mixed(before, one, days)
            before = one
        raise DataError(
            f"a price {days} days ahead is beyond {before.days}, the longest that was fitted"
        )


@dataclass(frozen=True, slots=True)
class State:
    """What the last days say: daily moves in dollars, and a day's standard deviation."""

    newest: float
    fast: float
    slow: float
    spread: float


def terminal_law(
    reading: MacroReading, parameters: Parameters, release: Release, now: datetime
) -> PrintLaw:
    """Return the law of the average of ``release.period``.

    The reading's history is the daily average. Of its features ``crude_gap`` is used: dollars a
    gallon that crude moved over the last two weeks beyond what the pump did.

    Raises:
        DataError: when the release has passed, the day is known already or too far ahead, days
            are missing at the end of the history, or fewer than 60 moves are known.
    """
    if now >= release.at:
        raise DataError(f"the release at {release.at} has passed: it is {now}")
    day, price = reading.last
    days = (release.period - day).days
    if days < 1:
        raise DataError(f"{reading.series} already has {day}: nothing is left to price")
    horizon = parameters.horizon(days)
    recent = reading.history[-_LOOKS_BACK:]
    if recent[-1][0] - recent[0][0] != (len(recent) - 1) * _DAY:
        raise DataError(f"{reading.series} lacks days since {recent[0][0]}: none is filled in")
    state = following([value for _, value in recent], parameters)
    move = horizon.newest * state.newest + horizon.fast * state.fast + horizon.slow * state.slow
    move += horizon.crude * reading.beside.get("crude_gap", 0.0)
    return PrintLaw(
        student(parameters.freedom), price + move, horizon.spread * state.spread, THOUSANDTHS
    )


def following(prices: Sequence[float], parameters: Parameters) -> State:
    """Return the means of the daily moves and the spread of a day's surprise.

    A surprise is a day's move less the slow mean before it.

    Raises:
        DataError: with fewer than 60 moves, or when the price never moved.
    """
    moves = [later - earlier for earlier, later in pairwise(prices)]
    if len(moves) < _FEWEST_MOVES:
        raise DataError(f"{len(moves)} moves of gasoline are known; {_FEWEST_MOVES} are needed")
    fast = slow = 0.0
    variance = math.fsum(x * x for x in moves[:_FEWEST_MOVES]) / _FEWEST_MOVES
    for move in moves:
        surprise = move - slow
        variance += parameters.spread_level * (surprise * surprise - variance)
        fast += parameters.fast * (move - fast)
        slow += parameters.slow * (move - slow)
    if not variance > 0:
        raise DataError("gasoline has not moved at all: such a series is not believed")
    return State(moves[-1], fast, slow, math.sqrt(variance))


def _mixed(one: Horizon, other: Horizon, days: int) -> Horizon:
    share = (days - one.days) / (other.days - one.days)
    weights = {
        field.name: (1.0 - share) * getattr(one, field.name) + share * getattr(other, field.name)
        for field in fields(Horizon)
        if field.name != "days"
    }
    return Horizon(days=days, **weights)
