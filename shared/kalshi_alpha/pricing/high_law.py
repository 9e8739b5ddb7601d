"""The law of a day's highest temperature in whole degrees.

The high is the larger of two: what has been seen, a floor on whole degrees that is known up to a
few odds, and the highest of what is still to come, a ``PrintLaw`` rounded to whole degrees. Taken
as independent, their distribution functions multiply. With the odds ``over`` the day has nothing
higher to come, and the floor alone remains:

    P(high <= k) = P(floor <= k) (over + (1 - over) P(rest <= k))

With the odds ``elsewhere`` the contract settles on another number, drawn around the same middle
with a spread of its own: the difference between two offices that report one thermometer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from kalshi_alpha.errors import ContractError, DataError
from kalshi_alpha.markets.strikes import Payoff
from kalshi_alpha.pricing.ladder import probabilities
from kalshi_alpha.pricing.law import mass_between
from kalshi_alpha.pricing.print_law import Nearest, PrintLaw, student
from kalshi_alpha.pricing.table import LOG_ODDS_LIMIT, above, below

WHOLE_DEGREES = Nearest(1, 1)
_ELSEWHERE_FREEDOM = 3.0
_SURE = 1e-9  # odds that do not sum to one within this are a mistake


@dataclass(frozen=True, slots=True)
class HighLaw:
    """The law of the number a temperature ladder settles on.

    Args:
        rest: law of the highest still to come, rounded to whole degrees; None once the day is over.
        floor: (degree, probability) of the high so far, ascending, summing to one; empty for none.
        over: probability that nothing still to come passes the floor, in [0, 1]; needs a floor.
        elsewhere: probability that the contract settles on another number, in [0, 1).
        apart: spread of that number in degrees, > 0.

    Raises:
        DataError: when nothing is known at all, or the odds are none.
    """

    rest: PrintLaw | None
    floor: tuple[tuple[int, float], ...] = ()
    over: float = 0.0
    elsewhere: float = 0.0
    apart: float = 5.0

    def __post_init__(self) -> None:
        if self.rest is None and not self.floor:
            raise DataError("neither a high so far nor a law of the rest: nothing can be priced")
        if self.rest is not None and self.rest.rounding != WHOLE_DEGREES:
            raise DataError("the rest of the day must be rounded to whole degrees")
        for (one, _), (other, _) in pairwise(self.floor):
            if one >= other:
                raise DataError(f"the floor has {other} after {one}: degrees must ascend")
        odds = [p for _, p in self.floor]
        if odds and not (min(odds) >= 0 and abs(math.fsum(odds) - 1) < _SURE):
            raise DataError(f"the odds of the floor sum to {math.fsum(odds):.9g} instead of one")
        if not 0 <= self.over <= (1 if self.floor else 0):
            raise DataError(f"a day that is over with odds of {self.over} needs a high, and 0 to 1")
        if not (0 <= self.elsewhere < 1 and 0 < self.apart < math.inf):
            raise DataError(
                f"odds of {self.elsewhere} with a spread of {self.apart} degrees are no basis"
            )

    def passes(self, degree: int) -> float:
        """Return the probability that what is still to come reaches ``degree`` or more."""
        if self.rest is None:
            return 0.0
        return (1.0 - self.over) * self.rest.at_least(degree)

    @property
    def middle(self) -> float:
        """Return a typical value: the larger of the floor's mean and the rest's centre."""
        known = [math.fsum(k * p for k, p in self.floor)] if self.floor else []
        return max([*known, *([] if self.rest is None else [self.rest.centre])])

    def at_most(self, degree: int) -> float:
        """Return the probability that it settles on ``degree`` or less."""
        return below(self._log_odds([degree + 1])[0])

    def at_least(self, degree: int) -> float:
        """Return the probability that it settles on ``degree`` or more."""
        return above(self._log_odds([degree])[0])

    def mass(self, payoff: Payoff, ticks_per_point: int = 1) -> float:
        """Return the probability that it lies in the payoff's ticks.

        Raises:
            DataError: as ``edge_log_odds``.
        """
        low, high = payoff.low, payoff.high
        asked = ([] if low is None else [low]) + ([] if high is None else [high + 1])
        edges = self.edge_log_odds(asked, ticks_per_point)
        return mass_between(
            -math.inf if low is None else edges[0], math.inf if high is None else edges[-1]
        )

    def masses(self, low: int, high: int) -> tuple[float, ...]:
        """Return the probabilities of at most ``low``, of each degree between, of ``high`` up.

        Raises:
            DataError: when ``low`` is not below ``high``.
        """
        if low >= high:
            raise DataError(f"degrees from {low} to {high} are no range: the first must be lower")
        bounds = [-math.inf, *self._log_odds(range(low + 1, high + 1)), math.inf]
        return tuple(mass_between(a, b) for a, b in pairwise(bounds))

    def quantile(self, p: float) -> int:
        """Return the lowest degree of which it is at most with probability ``p`` or more.

        Raises:
            DataError: when p is not strictly between 0 and 1.
        """
        if not 0.0 < p < 1.0:
            raise DataError(f"a quantile needs a probability strictly between 0 and 1, not {p}")
        low = high = round(self.middle)
        step = 1
        while self.at_most(low) >= p:
            low, step = low - step, 2 * step
        step = 1
        while self.at_most(high) < p:
            high, step = high + step, 2 * step
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.at_most(middle) >= p else (middle, high)
        return high

    def edge_log_odds(self, ticks: Sequence[int], ticks_per_point: int) -> list[float]:
        """Return the log odds of settling below each of a contract's ticks.

        Raises:
            DataError: when a degree would lie between two of the contract's ticks.
        """
        if ticks_per_point < 1:
            raise DataError(f"a contract of {ticks_per_point} ticks to the degree is none")
        return self._log_odds([-(-tick // ticks_per_point) for tick in ticks])

    def _log_odds(self, degrees: Sequence[int]) -> list[float]:
        """Return the log odds of settling below each degree; both tails keep their accuracy."""
        rest = [(1.0, 0.0)] * len(degrees)
        if self.rest is not None:
            rest = [(below(x), above(x)) for x in self.rest.edge_log_odds(degrees, 1)]
        found = []
        for degree, (under, above_it) in zip(degrees, rest, strict=True):
            seen, unseen = self._floor_below(degree)
            over = (1.0 - self.over) * above_it
            found.append((seen * (self.over + (1.0 - self.over) * under), unseen + seen * over))
        if self.elsewhere:
            found = self._mixed(degrees, found)
        return [_logit(under, over) for under, over in found]

    def _mixed(
        self, degrees: Sequence[int], found: Sequence[tuple[float, float]]
    ) -> list[tuple[float, float]]:
        other = PrintLaw(student(_ELSEWHERE_FREEDOM), self.middle, self.apart, WHOLE_DEGREES)
        share = self.elsewhere
        return [
            ((1 - share) * under + share * below(x), (1 - share) * over + share * above(x))
            for (under, over), x in zip(found, other.edge_log_odds(degrees, 1), strict=True)
        ]

    def _floor_below(self, degree: int) -> tuple[float, float]:
        """Return the probabilities that the high so far is below a degree, and that it is not."""
        if not self.floor:
            return 1.0, 0.0
        reached = math.fsum(p for k, p in self.floor if k >= degree)
        under = math.fsum(p for k, p in self.floor if k < degree)
        return under, reached


def price_brackets(law: HighLaw, payoffs: Sequence[Payoff]) -> tuple[float, ...]:
    """Return the probability of each bracket of one event, in order; they sum to one.

    Raises:
        ContractError: ``not_a_partition`` when the brackets leave a hole or overlap.
    """
    require_partition(payoffs)
    return probabilities(law, payoffs, 1)


def require_partition(payoffs: Sequence[Payoff]) -> None:
    """Refuse brackets that do not pay on every degree exactly once.

    Raises:
        ContractError: ``not_a_partition``.
    """
    ordered = sorted(payoffs, key=lambda one: -math.inf if one.low is None else one.low)
    if not ordered or ordered[0].low is not None or ordered[-1].high is not None:
        raise ContractError(
            f"the {len(ordered)} brackets do not reach without bound both ways: one is missing",
            code="not_a_partition",
        )
    for lower, upper in pairwise(ordered):
        high, low = lower.high, upper.low
        if high is None or low is None or low != high + 1:
            hole = high is not None and low is not None and low > high + 1
            said = "leave a hole" if hole else "overlap"
            raise ContractError(
                f"the brackets up to {high} and from {low} {said}: the event is not priced",
                code="not_a_partition",
            )


def _logit(under: float, over: float) -> float:
    if under <= 0.0:
        return -LOG_ODDS_LIMIT
    if over <= 0.0:
        return LOG_ODDS_LIMIT
    return min(max(math.log(under) - math.log(over), -LOG_ODDS_LIMIT), LOG_ODDS_LIMIT)


def mixed_floor(
    degrees: Sequence[int], lower: float, higher: float
) -> tuple[tuple[int, float], ...]:
    """Return the odds of the official high so far, when it is one of ``degrees``, each alike.

    Args:
        degrees: whole degrees, ascending by one.
        lower: probability that the official one is a degree lower.
        higher: that it is a degree higher.

    Raises:
        DataError: when there is no degree, or the odds are none.
    """
    if not degrees:
        raise DataError("a floor without a degree is none")
    if not (lower >= 0 and higher >= 0 and lower + higher <= 1):
        raise DataError(f"odds of {lower} lower and {higher} higher are none")
    each = 1.0 / len(degrees)
    found = dict.fromkeys(range(degrees[0] - 1, degrees[-1] + 2), 0.0)
    for degree in degrees:
        found[degree - 1] += lower * each
        found[degree] += (1.0 - lower - higher) * each
        found[degree + 1] += higher * each
    return tuple((degree, p) for degree, p in sorted(found.items()) if p > 0)
