"""The numbers of the temperature law, as records with their domains."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Annotated

import msgspec

from kalshi_alpha.errors import ParameterError
from kalshi_alpha.pricing.weather_reading import Source

HOURS = 25  # knots at every full hour from midnight to midnight of standard time
_HOTTEST_DAY = 200.0  # of the year; where the season's angle is 0
YEAR = 365.25

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Knots = Annotated[tuple[float, ...], msgspec.Meta(min_length=HOURS, max_length=HOURS)]


@dataclass(frozen=True, slots=True)
class Curve:
    """A number for each full hour of the climate day, halfway through the year and its swing.

    At hour h of a day it is mid[h] + swing[h] cos(angle), with the season's angle 0 on the 200th
    day of the year; between full hours a straight line.
    """

    mid: Knots
    swing: Knots

    def at(self, hour: float, warmth: float) -> float:
        """Return its value at an hour from 0 to 24, with the cosine of the season's angle."""
        k = min(int(hour), HOURS - 2)
        share = hour - k
        mid = (1.0 - share) * self.mid[k] + share * self.mid[k + 1]
        return mid + warmth * ((1.0 - share) * self.swing[k] + share * self.swing[k + 1])


@dataclass(frozen=True, slots=True)
class Diurnal:
    """What an hour of the day still brings. Degrees Fahrenheit.

    Attributes:
        still: probability that the temperature passes what it is now before the day ends. The four
            below are of days on which it does.
        rise: the highest from now to the day's end less the temperature now.
        rise_spread: its standard deviation.
        drop: the day's high less the highest from now to the day's end.
        drop_spread: its standard deviation.
        gap: the high so far less the temperature now.
        gap_spread: its standard deviation.
        step: change of the temperature in the next hour.
        step_spread: its standard deviation.
        together: correlation of the errors of the two views of the rest of the day, in (-1, 1),
            when the view of the day is the season's.
        together_forecast: the same when it is a forecast's.
    """

    still: Curve
    rise: Curve
    rise_spread: Curve
    drop: Curve
    drop_spread: Curve
    gap: Curve
    gap_spread: Curve
    step: Curve
    step_spread: Curve
    together: Annotated[float, msgspec.Meta(gt=-1, lt=1)]
    together_forecast: Annotated[float, msgspec.Meta(gt=-1, lt=1)]


@dataclass(frozen=True, slots=True)
class Climate:
    """What a season and the last known high say of a day's high.

    Attributes:
        mean: constant, then cosine and sine of the first and of the second harmonic of the year.
        log_spread: constant, then cosine and sine of the first harmonic, of the logarithm of the
            standard deviation around the mean.
        persistence: correlation of a day's departure with that of the day before, in [0, 1).
        freedom: degrees of freedom of a departure's law, above 2.
        skew: width of its upper side over the root of both sides' product; 1 is even, below 1 has
            the longer tail downwards.
    """

    mean: Annotated[tuple[float, ...], msgspec.Meta(min_length=5, max_length=5)]
    log_spread: Annotated[tuple[float, ...], msgspec.Meta(min_length=3, max_length=3)]
    persistence: Annotated[float, msgspec.Meta(ge=0, lt=1)]
    freedom: Annotated[float, msgspec.Meta(gt=2)]
    skew: Annotated[float, msgspec.Meta(ge=0.2, le=5)] = 1.0

    def expected(self, day_of_year: int) -> tuple[float, float]:
        """Return the mean and the standard deviation of the high on a day of the year."""
        one = 2.0 * math.pi * day_of_year / YEAR
        waves = (1.0, math.cos(one), math.sin(one), math.cos(2.0 * one), math.sin(2.0 * one))
        mean = math.fsum(c * w for c, w in zip(self.mean, waves, strict=True))
        spread = math.fsum(c * w for c, w in zip(self.log_spread, waves[:3], strict=True))
        return mean, math.exp(spread)


@dataclass(frozen=True, slots=True)
class LeadError:
    """Error of a forecast issued ``hours`` before the day's end: its mean and its spread."""

    hours: Annotated[float, msgspec.Meta(ge=0)]
    bias: float
    spread: Positive


@dataclass(frozen=True, slots=True)
class Parameters:
    """The law of a station.

    Attributes:
        diurnal: the hours of its day.
        leads: forecast errors, ascending in hours.
        freedom: degrees of freedom of the law with a forecast or an observation, above 2.
        lower: probability that the official high is a degree below what was reported so far.
        higher: that it is a degree above, where the six-hour groups were read.
        missed: that it is a degree above, where only hourly reports were.
        apart: spread in degrees of a settlement on another number than the report's.
        climate: of the station; None when no highs of it are recorded.
    """

    diurnal: Diurnal
    leads: Annotated[tuple[LeadError, ...], msgspec.Meta(min_length=1)]
    freedom: Annotated[float, msgspec.Meta(gt=2)]
    lower: Share
    higher: Share
    missed: Share
    apart: Positive
    climate: Climate | None = None

    def lead(self, hours: float) -> LeadError:
        """Return the forecast error at a lead, between knots by a straight line.

        Below the first knot it is the first's. Beyond the last its spread grows with the root of
        the lead.
        """
        before = self.leads[0]
        for one in self.leads:
            if hours <= one.hours:
                return one if one is before else _between(before, one, hours)
            before = one
        return LeadError(hours, before.bias, before.spread * math.sqrt(hours / before.hours))

    def higher_than(self, source: Source) -> float:
        """Return the probability that the official high so far is a degree above what is known.

        What an office has reported of the day it may still lower, and hardly raise.
        """
        return {"report": 0.0, "groups": self.higher, "hourly": self.missed}[source]


def _between(one: LeadError, other: LeadError, hours: float) -> LeadError:
    share = (hours - one.hours) / (other.hours - one.hours)
    return LeadError(
        hours,
        (1.0 - share) * one.bias + share * other.bias,
        (1.0 - share) * one.spread + share * other.spread,
    )


def warmth_of(day: date) -> float:
    """Return the cosine of the season's angle: 1 in mid July, -1 in mid January."""
    return math.cos(2.0 * math.pi * (day.timetuple().tm_yday - _HOTTEST_DAY) / YEAR)


def check(parameters: Parameters) -> Parameters:
    """Return parameters whose curves are laws.

    Raises:
        ParameterError: when a spread is not above 0, or leads do not ascend.
    """
    hours = [lead.hours for lead in parameters.leads]
    if hours != sorted(set(hours)):
        raise ParameterError("the forecast's leads must ascend, each once")
    if parameters.lower + max(parameters.higher, parameters.missed) > 1:
        raise ParameterError("the odds of the official high a degree off pass one")
    diurnal = parameters.diurnal
    for name in ("rise_spread", "drop_spread", "gap_spread", "step_spread"):
        curve: Curve = getattr(diurnal, name)
        if any(mid - abs(swing) < 0 for mid, swing in zip(curve.mid, curve.swing, strict=True)):
            raise ParameterError(f"the curve {name} falls below 0 in some season: refit it")
    still = diurnal.still
    if any(not abs(s) <= min(m, 1 - m) + 1e-3 for m, s in zip(still.mid, still.swing, strict=True)):
        raise ParameterError("the curve still leaves 0 to 1 in some season: refit it")
    if any(
        m - abs(s) <= 0
        for m, s in zip(diurnal.step_spread.mid, diurnal.step_spread.swing, strict=True)
    ):
        raise ParameterError("the temperature must move in every hour: refit step_spread")
    return parameters
