"""Log scores of brackets: what they are worth as probabilities, and how they are taken to move."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

from kalshi_alpha.errors import DataError

TICK = 0.01  # dollars; a price within half of it of 0 or 1 says no more than that


@dataclass(frozen=True, slots=True)
class FilterTerms:
    """How the filter believes; all but the first two are off as they stand.

    Attributes:
        wander: variance that a log score gains a second, > 0.
        start: variance of the log scores before anything is seen, > 0.
        price_ageing: variance, in dollars squared, that a price gains for each second of its age.
        law_ageing: variance of log scores around the law gained for each second of its age.
        sharpness: power to which probabilities are raised, > 0; below 1 they are flattened.
        floor: least probability that a law is taken to give a bracket.
        news: variance that a bracket's own log score gains with each of its prices: what moves
            prices comes with trades more than with time.

    Raises:
        DataError: when a number is outside its range.
    """

    wander: float
    start: float
    price_ageing: float = 0.0
    law_ageing: float = 0.0
    sharpness: float = 1.0
    floor: float = 1e-4
    news: float = 0.0

    def __post_init__(self) -> None:
        above = (self.wander, self.start, self.sharpness, self.floor)
        least = (self.price_ageing, self.law_ageing, self.news)
        sound = all(math.isfinite(x) and x > 0 for x in above)
        if not (sound and all(math.isfinite(x) and x >= 0 for x in least) and self.floor < 0.5):
            raise DataError(f"{self} cannot be: variances, power and floor must be above 0")

    def price_sd(self, spread: float, age_s: float = 0.0) -> float:
        """Return the standard deviation of a middle price, in dollars.

        The fair price is anywhere between bid and ask alike, on a grid of cents, and walks on
        after the price was seen.
        """
        return math.sqrt((spread * spread + TICK * TICK) / 12.0 + self.price_ageing * age_s)


def softmax(scores: Sequence[float]) -> list[float]:
    """Return the distribution whose log is ``scores``, up to a common shift."""
    highest = max(scores)
    powers = [exp(y - highest) for y in scores]
    total = sum(powers)
    return [power / total for power in powers]


def inside(price: float) -> float:
    """Return a price in dollars, moved to half a cent where it is nearer to 0 or 1.

    Raises:
        DataError: when it is not within 0 to 1 dollar.
    """
    if not 0.0 <= price <= 1.0:
        raise DataError(f"the price {price} is not within 0 to 1 dollar")
    return min(max(price, TICK / 2.0), 1.0 - TICK / 2.0)
