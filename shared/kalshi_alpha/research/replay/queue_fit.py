"""How much of what is cancelled stood before us: the shared queue's factor, from places observed.

The venue tells an order's place in its queue. Between two looks at one level, what was cancelled
there and how far we moved beyond what traded give one observation each; a recording without our
own orders gives none, and then the risk-averse queue is the honest choice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.replay.rules import Cancels, Queue

FEWEST = 30
MOST = 4.0  # the largest factor a queue takes


@dataclass(frozen=True, slots=True)
class PlaceSeen:
    """One order between two looks at its level; sizes in 1/100 contract.

    Attributes:
        front: before us at first.
        level: resting at the price at first, others' orders only.
        traded: at the price in between.
        cancelled: at the price in between: what the level fell by beyond ``traded``.
        moved: how much less stands before us, beyond ``traded``.
    """

    front: int
    level: int
    traded: int
    cancelled: int
    moved: int


@dataclass(frozen=True, slots=True)
class FittedShare:
    """The factor, its standard error, and what it is of."""

    share: float
    error: float
    places: int

    @property
    def queue(self) -> Queue:
        """Return the queue model."""
        return Queue(Cancels.SHARED, share=self.share)


def fit_share(seen: Sequence[PlaceSeen]) -> FittedShare:
    """Return the factor that explains how places moved, by least squares through nothing.

    Looks in which nothing was cancelled, nobody stood before us, or everybody did, say nothing of
    it and do not count.

    Raises:
        DataError: when fewer than 30 looks count.
    """
    pairs = [(_expected(each), float(each.moved)) for each in seen if _tells(each)]
    if len(pairs) < FEWEST:
        raise DataError(
            f"{len(pairs)} places tell who cancelled and {FEWEST} are needed: keep the queue that "
            "takes every cancel to be behind us"
        )
    weight = sum(x * x for x, _ in pairs)
    share = sum(x * y for x, y in pairs) / weight
    rest = sum((y - share * x) ** 2 for x, y in pairs) / (len(pairs) - 1)
    return FittedShare(min(MOST, max(0.0, share)), math.sqrt(rest / weight), len(pairs))


def _tells(seen: PlaceSeen) -> bool:
    front, level = seen.front - seen.traded, seen.level - seen.traded
    return seen.cancelled > 0 and 0 < front < level


def _expected(seen: PlaceSeen) -> float:
    """Return how far we should move if the cancels were pro rata."""
    front, level = seen.front - seen.traded, seen.level - seen.traded
    return seen.cancelled * front / level
