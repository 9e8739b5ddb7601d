"""The 10-year par yield: percent with two decimals, from the day before or from a live quote.

A day's change has no drift. Its variance leans on a fast and a slow average of squared changes and
is larger on a day of releases; of the day itself only what lies before the quotes of 15:30 counts.
docs/math/macro.md has the formulas and figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Annotated

import msgspec

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.events import load_events
from kalshi_alpha.markets.releases import Release, load_releases
from kalshi_alpha.pricing.macro_reading import MacroReading
from kalshi_alpha.pricing.print_law import Nearest, PrintLaw, student

HUNDREDTHS = Nearest(1, 100)
_FEWEST_CHANGES = 60
_LOOKS_BACK = 500
_LONGEST_GAP = 6  # calendar days between curves: a weekend, holidays on both sides
_SESSION = 7.5 * 3600.0  # seconds from 08:00 to 15:30, in which a day's change happens

Share = Annotated[float, msgspec.Meta(gt=0, le=1)]


@dataclass(frozen=True, slots=True)
class Parameters:
    """How much the yield moves in a day. Percent points.

    Attributes:
        fast: weight of the newest squared change in the fast variance.
        slow: the same in the slow one.
        fast_share: share of the fast variance, in [0, 1].
        stretch: factor on the standard deviation.
        releases: factor on the variance of a day with a release of prices, of jobs, or of a
            decision of the Federal Reserve, >= 1.
        basis: standard deviation between a live quote and the par yield, > 0.
        freedom: degrees of freedom of the law, above 2.
    """

    fast: Share
    slow: Share
    fast_share: Annotated[float, msgspec.Meta(ge=0, le=1)]
    stretch: Annotated[float, msgspec.Meta(gt=0)]
    releases: Annotated[float, msgspec.Meta(ge=1)]
    basis: Annotated[float, msgspec.Meta(gt=0)]
    freedom: Annotated[float, msgspec.Meta(gt=2)]


def terminal_law(
    reading: MacroReading, parameters: Parameters, release: Release, now: datetime
) -> PrintLaw:
    """Return the law of the par yield of ``release.period``.

    The reading's history is the daily curve. With ``live`` among its features, a quote of now in
    percent, the law stands on it, and only the time to the fixing is still open.

    Raises:
        DataError: when the release has passed, the day is known already, the last curve is older
            than holidays explain, or fewer than 60 changes are known.
    """
    if now >= release.at:
        raise DataError(f"the release at {release.at} has passed: it is {now}")
    day, level = reading.last
    if not 0 < (release.period - day).days <= _LONGEST_GAP:
        raise DataError(
            f"the last curve is of {day}, and that of {release.period} is to be priced: between "
            f"them lie 1 to {_LONGEST_GAP} days"
        )
    variance = ahead([b - a for a, b in pairwise(reading.values[-_LOOKS_BACK:])], parameters)
    variance *= parameters.releases if moving(release.period) else 1.0
    live = reading.beside.get("live")
    if live is not None:
        level = live
        left = min(1.0, (release.at - now).total_seconds() / _SESSION)
        variance = variance * left + parameters.basis**2
    return PrintLaw(student(parameters.freedom), level, math.sqrt(variance), HUNDREDTHS)


def ahead(changes: Sequence[float], parameters: Parameters) -> float:
    """Return the variance of the next day's change.

    Raises:
        DataError: with fewer than 60 changes, or when none of them is other than 0.
    """
    if len(changes) < _FEWEST_CHANGES:
        raise DataError(
            f"{len(changes)} changes of the yield are known; {_FEWEST_CHANGES} are needed"
        )
    start = math.fsum(x * x for x in changes[:_FEWEST_CHANGES]) / _FEWEST_CHANGES
    fast = slow = start
    for change in changes:
        fast += parameters.fast * (change * change - fast)
        slow += parameters.slow * (change * change - slow)
    found = parameters.fast_share * fast + (1.0 - parameters.fast_share) * slow
    if not found > 0:
        raise DataError("the yield has not moved at all: such a series is not believed")
    return parameters.stretch**2 * found


def moving(day: date) -> bool:
    """Say whether prices, jobs or a decision on rates come out on a day, as far as is known."""
    calendar = load_releases()
    listed = any(day in calendar.days(kind) for kind in ("cpi", "jobs"))
    return listed or any(day in events for events in load_events().values())
