"""The terminal law: one distribution of the settlement value, from which every contract is priced.

With x the level now and S the value that settles, (log(S / x) - drift) / scale follows a
standardised table. The model is worked out in docs/math/law.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.pricing.table import StandardTable, above, below

_NOWHERE = -1e300  # standard units; stands for the log of nothing, and stays finite


@dataclass(frozen=True, slots=True)
class TerminalLaw:
    """The law of the settlement value.

    Args:
        table: the law of the standardised log move.
        level: index points now, > 0.
        drift: expected log move.
        scale: log units, > 0, settlement basis included.

    Raises:
        DataError: when a number is not finite or not positive where it must be.
    """

    table: StandardTable
    level: float
    drift: float
    scale: float

    def __post_init__(self) -> None:
        for name, value in (("level", self.level), ("scale", self.scale)):
            if not (math.isfinite(value) and value > 0):
                raise DataError(f"the law's {name} is {value}; it must be positive and finite")
        if not math.isfinite(self.drift):
            raise DataError(f"the law's drift is {self.drift}; it must be finite")

    def cdf(self, points: float) -> float:
        """Return the probability of settling at or below ``points``, taken as continuous."""
        return below(self._log_odds(points))

    def sf(self, points: float) -> float:
        """Return the probability of settling above ``points``, taken as continuous."""
        return above(self._log_odds(points))

    def quantile(self, p: float) -> float:
        """Return the points below which it settles with probability ``p``, 0 < p < 1."""
        return self.level * math.exp(self.drift + self.scale * self.table.quantile(p))

    def mass(self, payoff: Payoff, ticks_per_point: int) -> float:
        """Return the probability that the printed value lies in the payoff's ticks.

        A print of k ticks stands for every value within half a tick of it.
        """
        low, high = payoff.low, payoff.high
        edges = self.edge_log_odds(
            ([] if low is None else [low]) + ([] if high is None else [high + 1]),
            ticks_per_point,
        )
        return mass_between(
            -math.inf if low is None else edges[0], math.inf if high is None else edges[-1]
        )

    def edge_log_odds(self, ticks: Sequence[int], ticks_per_point: int) -> list[float]:
        """Return the log odds of settling below each tick, that is half a tick under it."""
        shift, inverse, log = self._origin(float(ticks_per_point)), 1.0 / self.scale, math.log
        if ticks and min(ticks) < 1:  # an index is positive: nothing lies below
            zs = [(log(k - 0.5) - shift) * inverse if k >= 1 else _NOWHERE for k in ticks]
        else:
            zs = [(log(k - 0.5) - shift) * inverse for k in ticks]
        return self.table.log_odds_at(zs)

    def _log_odds(self, points: float) -> float:
        if points <= 0:
            return -math.inf
        return self.table.log_odds_at(((math.log(points) - self._origin(1.0)) / self.scale,))[0]

    def _origin(self, per_point: float) -> float:
        return math.log(self.level * per_point) + self.drift


def mass_between(low: float, high: float) -> float:
    """Return the probability between two log odds, from the smaller tail; infinite ones allowed.

    Differences of the nearer tail keep their relative accuracy far out.
    """
    if low > 0.0:
        return max(0.0, above(low) - above(high))
    return max(0.0, below(high) - below(low))
