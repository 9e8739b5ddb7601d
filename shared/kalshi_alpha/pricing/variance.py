"""The variance clock: how much the index may still move, by the time of day and by the day.

The time-of-day curve says which share of a regular session's variance falls into each minute. The
regime says how lively this session is against a typical one. Variance until the fixing is the
typical session's level, times the curve's share ahead, times the regime.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import accumulate
from typing import Protocol

from kalshi_alpha.errors import ParameterError
from kalshi_alpha.markets.sessions import Session
from kalshi_alpha.pricing.reading import RECENT, SHORT, Realised

SESSION_MINUTES = 390
# A half day keeps the rush into the close: its last hour is a regular session's last hour.
_CLOSING_MINUTES = 60
_SUM_TOLERANCE = 1e-6
_MOST_WEIGHT = 2.0
HALF_HOURS = 13


@dataclass(frozen=True, slots=True)
class VarianceCurve:
    """The share of a regular session's variance in each of its 390 minutes.

    Args:
        shares: one number > 0 a minute from 09:30 New York on. They add up to 1, but for the
            curves of event days, which ``stirred`` makes.

    Raises:
        ParameterError: when the shares are not such.
    """

    shares: tuple[float, ...]
    _upto: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.shares) != SESSION_MINUTES:
            raise ParameterError(
                f"the variance curve has {len(self.shares)} minutes, not {SESSION_MINUTES}"
            )
        if not all(math.isfinite(x) and x > 0 for x in self.shares):
            raise ParameterError("the variance curve has a minute without variance")
        object.__setattr__(self, "_upto", (0.0, *accumulate(self.shares)))

    def require_whole(self) -> None:
        """Refuse shares that do not add up to 1.

        Raises:
            ParameterError: when they do not.
        """
        total = math.fsum(self.shares)
        if abs(total - 1.0) > _SUM_TOLERANCE:
            raise ParameterError(f"the variance curve adds to {total}, not to 1")

    def stirred(self, factors: Sequence[float]) -> VarianceCurve:
        """Return the curve of a day whose thirteen half hours have so many times the variance."""
        length = SESSION_MINUTES // HALF_HOURS
        return VarianceCurve(tuple(x * factors[k // length] for k, x in enumerate(self.shares)))

    def variance(self, session: Session, start: datetime, end: datetime) -> float:
        """Return the share of a regular session's variance between two instants, >= 0.

        Parts of a minute count in proportion, time outside the session not at all. A half day
        runs through the curve from the open, and jumps to the curve's last hour for its own.
        """
        length = min(session.minutes, SESSION_MINUTES)
        left, right = (minutes_since_open(session, at) for at in (start, end))
        return max(0.0, self._elapsed(right, length) - self._elapsed(left, length))

    def between(self, session: Session, first: int, last: int) -> float:
        """Return the share between two whole minutes of the session."""
        length = min(session.minutes, SESSION_MINUTES)
        return self._elapsed(float(last), length) - self._elapsed(float(first), length)

    def _elapsed(self, minute: float, length: int) -> float:
        split = max(0, length - _CLOSING_MINUTES)
        if length == SESSION_MINUTES or minute <= split:
            return self._at(minute)
        skipped = SESSION_MINUTES - length
        return self._at(split) + self._at(min(minute, length) + skipped) - self._at(split + skipped)

    def _at(self, minute: float) -> float:
        whole = min(max(math.floor(minute), 0), SESSION_MINUTES - 1)
        part = min(max(minute - whole, 0.0), 1.0)
        return self._upto[whole] + part * self.shares[whole]


@dataclass(frozen=True, slots=True)
class RegimeMix:
    """How this session's liveliness is read from what it has done so far.

    The regime is ``typical`` times three ratios, each to the power of its weight: realised over
    expected variance since the open, in the last 30 and in the last 10 minutes. Each ratio of n
    minutes is drawn towards 1 as if ``prior_minutes`` typical ones had been seen too. In logs this
    is a regression of variance on recent variances (Corsi, Journal of Financial Econometrics 7,
    2009, within the day), and one wild minute enters with the root of its size, not its size.

    Args:
        typical: regime of a session that has gone as typical ones go, > 0. It also turns the units
            in which bars are measured into those of moves: ranges of an index run low.
        since_open: weight of the session so far, >= 0.
        last_30: weight of the last half hour, >= 0.
        last_10: weight of the last ten minutes, >= 0.
        prior_minutes: > 0.
        lowest: least the regime can be, > 0: a feed that stands still proves nothing.
        highest: most it can be: one bad print must not make the law a flat line.

    Raises:
        ParameterError: when a number is outside its domain.
    """

    typical: float
    since_open: float
    last_30: float
    last_10: float
    prior_minutes: float
    lowest: float
    highest: float

    def __post_init__(self) -> None:
        weights = (self.since_open, self.last_30, self.last_10)
        if not all(math.isfinite(w) and 0 <= w <= _MOST_WEIGHT for w in weights):
            raise ParameterError(
                f"the regime's weights {weights} must be between 0 and {_MOST_WEIGHT}"
            )
        if not (math.isfinite(self.prior_minutes) and self.prior_minutes > 0):
            raise ParameterError(f"prior_minutes is {self.prior_minutes}; it must be above 0")
        if not 0 < self.lowest <= self.typical <= self.highest < math.inf:
            raise ParameterError(
                f"a typical regime of {self.typical} is outside {self.lowest} to {self.highest}"
            )


class VarianceModel(Protocol):
    """What the forecast needs of a symbol's parameters."""

    @property
    def level(self) -> float:
        """Variance of a typical regular session, as bars measure it, in squared log units."""
        ...

    @property
    def minute_ratio(self) -> float:
        """What one-minute bars measure of a session, over what the fitted bars do."""
        ...

    @property
    def mix(self) -> RegimeMix:
        """How the regime is read."""
        ...

    def curve_on(self, day: date) -> VarianceCurve:
        """Return the course of variance over that day."""
        ...


def forecast(
    model: VarianceModel, realised: Realised, session: Session, start: datetime, end: datetime
) -> float:
    """Return the variance of the log move from ``start`` to ``end`` as expected at ``start``."""
    curve = model.curve_on(session.day)
    seen = _regime(model, curve, realised, session, start)
    return model.level * curve.variance(session, start, end) * seen


def regime(model: VarianceModel, realised: Realised, session: Session, now: datetime) -> float:
    """Return how lively the session is at ``now``; an unseen one is typical."""
    return _regime(model, model.curve_on(session.day), realised, session, now)


def _regime(
    model: VarianceModel,
    curve: VarianceCurve,
    realised: Realised,
    session: Session,
    now: datetime,
) -> float:
    mix = model.mix
    minute = math.floor(minutes_since_open(session, now))
    seen = min(realised.minutes, minute)
    value = math.log(mix.typical)
    for weight, window, moved in (
        (mix.since_open, seen, realised.since_open),
        (mix.last_30, min(seen, RECENT), realised.last_30),
        (mix.last_10, min(seen, SHORT), realised.last_10),
    ):
        if window > 0:
            share = curve.between(session, minute - window, minute)
            expected = model.level * model.minute_ratio * share
            trust = window / (window + mix.prior_minutes)
            value += weight * math.log1p(trust * (moved / expected - 1.0))
    return min(max(math.exp(value), mix.lowest), mix.highest)


def minutes_since_open(session: Session, instant: datetime) -> float:
    """Return the minutes since the open, held within the session."""
    minutes = (instant - session.open).total_seconds() / 60.0
    return min(max(minutes, 0.0), float(session.minutes))
