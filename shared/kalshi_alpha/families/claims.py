"""Initial jobless claims: the advance figure of a week, in whole thousands.

The logs of the weeks are followed by a smoothed level; what a week of the year did a year ago
against its own level is expected again in part. The spread is that of recent errors, wider in weeks
that hold a federal holiday, and never below what revisions of the last figure alone would make it.
docs/math/macro.md has the formulas and figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated

import msgspec

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.releases import Release, load_releases
from kalshi_alpha.pricing.macro_reading import MacroReading
from kalshi_alpha.pricing.print_law import Nearest, PrintLaw, student

THOUSANDS = Nearest(1000, 1)
_WEEK = timedelta(days=7)
_WARM_UP = 12  # weeks until the smoothed level has forgotten where it began
_LOOKS_BACK = 130  # weeks: two years and the warm-up

Share = Annotated[float, msgspec.Meta(gt=0, le=1)]


@dataclass(frozen=True, slots=True)
class Parameters:
    """How claims go on.

    Attributes:
        level: weight of the newest week in the level, in (0, 1].
        seasonal: share of last year's deviation in the same week that is expected again.
        spread_level: weight of the newest squared error in the variance, in (0, 1].
        widest: errors count to so many spreads, and beyond them are a leap to a new level.
        settling: weeks from a leap in which each week is the level anew, and which it takes to go
            back, >= 1.
        stretch: factor on the spread.
        holiday: further factor in a week with a federal holiday, >= 1.
        vintage: standard deviation of the revision of the last figure, log units, > 0.
        freedom: degrees of freedom of the law, above 2.
    """

    level: Share
    seasonal: float
    spread_level: Share
    widest: Annotated[float, msgspec.Meta(gt=1)]
    settling: Annotated[int, msgspec.Meta(ge=1)]
    stretch: Annotated[float, msgspec.Meta(gt=0)]
    holiday: Annotated[float, msgspec.Meta(ge=1)]
    vintage: Annotated[float, msgspec.Meta(gt=0)]
    freedom: Annotated[float, msgspec.Meta(gt=2)]


def terminal_law(
    reading: MacroReading, parameters: Parameters, release: Release, now: datetime
) -> PrintLaw:
    """Return the law of the advance figure of the week that ends on ``release.period``.

    Raises:
        DataError: when the release has passed, the week before is not the last one known, weeks
            are missing within the two years before, or a figure is not above 0.
    """
    if now >= release.at:
        raise DataError(f"the release at {release.at} has passed: it is {now}")
    weeks = reading.history[-_LOOKS_BACK:]
    if weeks[-1][0] != release.period - _WEEK:
        raise DataError(
            f"the last week of {reading.series} is {weeks[-1][0]}, and the week before "
            f"{release.period} is needed"
        )
    if weeks[0][0] != weeks[-1][0] - (len(weeks) - 1) * _WEEK:
        raise DataError(f"{reading.series} lacks weeks since {weeks[0][0]}: none is filled in")
    if min(value for _, value in weeks) <= 0:
        raise DataError(f"{reading.series} has a week that is not above 0")
    centre, spread = ahead([math.log(value) for _, value in weeks], parameters)
    spread *= parameters.holiday if _holiday(release.period) else 1.0
    middle = math.exp(centre)
    return PrintLaw(student(parameters.freedom), middle, middle * spread, THOUSANDS)


def ahead(logs: Sequence[float], parameters: Parameters) -> tuple[float, float]:
    """Return the expected log of the week after the last, and its standard deviation.

    Raises:
        DataError: with fewer weeks than the level needs to warm up.
    """
    if len(logs) <= _WARM_UP:
        raise DataError(
            f"{len(logs)} weeks of claims are known; more than {_WARM_UP} are needed for a level"
        )
    centres, variances = followed(logs, parameters)
    spread = parameters.stretch**2 * variances[-1] + parameters.vintage**2
    return centres[-1], math.sqrt(spread)


def followed(
    logs: Sequence[float], parameters: Parameters
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return what was expected of each week and of the next, and the variances of errors.

    An error beyond ``widest`` spreads is a leap: it counts to the variance only so far, and until
    claims have settled each week is the level anew and nothing to be expected again a year on.
    Meanwhile the level is expected to go back to where the leap began, a ``settling``-th of the way
    each week.
    """
    level = origin = math.fsum(logs[:_WARM_UP]) / min(len(logs), _WARM_UP)
    squares = math.fsum((x - level) ** 2 for x in logs[:_WARM_UP])
    variance = squares / min(len(logs), _WARM_UP) + parameters.vintage**2
    deviations: list[float] = []
    centres, variances, settled, back = [], [variance], 0, 0.0
    for k, found in enumerate(logs):
        centres.append(level + back + _expected(deviations, k, parameters))
        error, most = found - centres[-1], parameters.widest**2 * variance
        if error * error > most:
            origin = origin if k < settled else level
            settled = k + parameters.settling
        deviations.append(0.0 if k < settled else found - level)
        level += found - level if k < settled else parameters.level * error
        variance += parameters.spread_level * (min(error * error, most) - variance)
        variances.append(variance)
        back = (origin - level) / parameters.settling if k + 1 < settled else 0.0
    centres.append(level + back + _expected(deviations, len(logs), parameters))
    return tuple(centres), tuple(variances)


def _expected(deviations: Sequence[float], k: int, parameters: Parameters) -> float:
    """Return what week ``k`` is expected to stand off the level, from the year before."""
    ago = k - 52
    return parameters.seasonal * deviations[ago] if ago >= _WARM_UP else 0.0


def _holiday(saturday: date) -> bool:
    """Say whether the week that ends on a Saturday holds a federal holiday that is known."""
    known = load_releases().federal_holidays
    return any(saturday - timedelta(days=k) in known for k in range(7))
