"""The stop that looks back furthest: how much has been given back since the highest point."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate


def drawdown(earned: Iterable[int]) -> int:
    """Return the cash >= 0 by which the sum of what was earned is below its highest point.

    Args:
        earned: cash by day, in order; the point before the first counts too.
    """
    sums = [0, *accumulate(earned)]
    return max(sums) - sums[-1]
