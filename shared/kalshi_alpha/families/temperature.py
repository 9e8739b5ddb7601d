"""The day's highest temperature at one station, at any minute before and within its climate day.

The day has either seen its highest, or it has not, with odds by the hour. If not, two views of what
is still to come are weighed against each other: what was expected of the day, from a forecast or
from the season and the last known high, less what the hour has already taken; and the temperature
now plus what an hour like this still brings. The high so far is the floor.
docs/math/temperature.md has the formulas, and which numbers were measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from kalshi_alpha.clock import require_aware
from kalshi_alpha.errors import DataError
from kalshi_alpha.families.temperature_parameters import Diurnal, Parameters, warmth_of
from kalshi_alpha.pricing.high_law import WHOLE_DEGREES, HighLaw, mixed_floor
from kalshi_alpha.pricing.print_law import PrintLaw, student
from kalshi_alpha.pricing.skewed_law import skewed_student
from kalshi_alpha.pricing.table import StandardTable
from kalshi_alpha.pricing.weather_reading import WeatherReading

_LEAST_SPREAD = 0.3  # degrees; a thermometer's own minutes differ by that much


@dataclass(frozen=True, slots=True)
class View:
    """A middle and a spread of a continuous temperature, in degrees Fahrenheit."""

    centre: float
    spread: float


def terminal_law(
    reading: WeatherReading, parameters: Parameters, now: datetime, elsewhere: float = 0.0
) -> HighLaw:
    """Return the law of the number the day settles on, as seen at ``now``.

    The law stands where the day was last seen, so an old observation leaves more of it open.

    Args:
        reading: what is known.
        parameters: of the station.
        now: aware.
        elsewhere: probability of a settlement on another number than the report's maximum, from
            ``SettlementChange.odds``.

    Raises:
        DataError: when the day has ended, or neither a forecast, nor a season, nor an observation
            is known.
    """
    if require_aware(now) >= reading.day.end:
        raise DataError(
            f"the climate day {reading.day.date} of {reading.station} ended at {reading.day.end}: "
            f"it is {now}"
        )
    hour, warmth = _standing(reading)
    rest, table = _rest(reading, parameters, hour, warmth)
    floor = _floor(reading, parameters)
    still = min(max(parameters.diurnal.still.at(hour, warmth), 0.0), 1.0)
    return HighLaw(
        PrintLaw(table, rest.centre, rest.spread, WHOLE_DEGREES),
        floor,
        1.0 - still if floor else 0.0,
        elsewhere,
        parameters.apart,
    )


def hazard_of_new_high(
    reading: WeatherReading, parameters: Parameters, now: datetime, minutes: float
) -> float:
    """Return the probability that a higher whole degree is reached within ``minutes`` from now.

    The temperature is a Brownian motion with the hour's drift and noise from where it was last
    seen, and the highest it comes to has a law in closed form. Never is this more likely than a
    new high by the end of the day, and without a temperature it is as likely.

    Raises:
        DataError: as ``terminal_law``; when no high so far is known; or when minutes are negative.
    """
    if reading.running is None:
        raise DataError(f"no high of {reading.station} is known: a new one cannot be told from it")
    if not (math.isfinite(minutes) and minutes >= 0):
        raise DataError(f"{minutes} minutes ahead are none: give 0 or more")
    new = reading.running.high + 1
    ever = terminal_law(reading, parameters, now).passes(new)
    measured, since = reading.temperature, reading.seen_until
    if measured is None or since is None:
        return ever
    hour, warmth = _standing(reading)
    ahead = (require_aware(now) - since).total_seconds() / 3600.0 + minutes / 60.0
    soon = crossing(
        WHOLE_DEGREES.edge(new) - measured.degrees,
        parameters.diurnal.step.at(hour, warmth),
        parameters.diurnal.step_spread.at(hour, warmth),
        min(max(ahead, 0.0), 24.0 - hour),
    )
    return min(ever, soon)


def crossing(away: float, drift: float, noise: float, hours: float) -> float:
    """Return the probability that a Brownian motion comes ``away`` upwards within ``hours``.

    By reflection (Karatzas and Shreve, section 3.5.C), with N the normal law's upper tail:
    N((away - drift h) / s) + exp(2 drift away / noise^2) N((away + drift h) / s), s^2 = noise^2 h.

    Args:
        away: degrees to go, of either sign.
        drift: degrees an hour.
        noise: degrees per root hour, > 0.
        hours: >= 0.
    """
    if away <= 0.0:
        return 1.0
    if hours <= 0.0:
        return 0.0
    scale = noise * math.sqrt(hours)
    first = _normal_above((away - drift * hours) / scale)
    mirrored = _normal_above((away + drift * hours) / scale)
    # The factor grows without bound while the tail beside it falls faster: together, as logs.
    exponent = 2.0 * drift * away / (noise * noise)
    second = 0.0 if mirrored == 0.0 else math.exp(min(0.0, exponent + math.log(mirrored)))
    return min(1.0, first + second)


def day_view(reading: WeatherReading, parameters: Parameters) -> tuple[View, StandardTable] | None:
    """Return what is expected of the day before looking at it, and the table of its law.

    A forecast is used alone. Without one the season's mean counts, moved by the last known high;
    None when the station has no recorded season either.
    """
    forecast, lead = reading.forecast, reading.lead_hours
    if forecast is not None and lead is not None:
        error = parameters.lead(lead)
        return View(forecast.high + error.bias, error.spread), student(parameters.freedom)
    climate = parameters.climate
    if climate is None:
        return None
    mean, spread = climate.expected(reading.day.date.timetuple().tm_yday)
    if reading.past is not None:
        before = reading.past
        usual, around = climate.expected(before.day.timetuple().tm_yday)
        weight = climate.persistence ** (reading.day.date - before.day).days
        mean += weight * (before.degrees - usual) * spread / around
        spread *= math.sqrt(1.0 - weight * weight)
    return View(mean, spread), skewed_student(climate.freedom, climate.skew)


def _rest(
    reading: WeatherReading, parameters: Parameters, hour: float, warmth: float
) -> tuple[View, StandardTable]:
    """Return the view of the highest still to come, both views weighed, and its table."""
    diurnal = parameters.diurnal
    found = day_view(reading, parameters)
    now = _now(reading, diurnal, hour, warmth)
    rising = None
    if now is not None:
        spread = math.hypot(diurnal.rise_spread.at(hour, warmth), now.spread, _LEAST_SPREAD)
        rising = View(now.centre + diurnal.rise.at(hour, warmth), spread)
    if found is None:
        if rising is None:
            raise DataError(
                f"nothing is known of {reading.station} on {reading.day.date}: no forecast, no "
                "season, no observation"
            )
        return rising, student(parameters.freedom)
    day, table = found
    if rising is None:
        return day, table
    spread = math.hypot(day.spread, diurnal.drop_spread.at(hour, warmth))
    left = View(day.centre - diurnal.drop.at(hour, warmth), spread)
    forecast = reading.forecast is not None
    together = diurnal.together_forecast if forecast else diurnal.together
    return weighed(left, rising, together), student(parameters.freedom)


def weighed(one: View, other: View, together: float) -> View:
    """Return the mean of two views of one thing with the least variance.

    Args:
        one: the first.
        other: the second.
        together: correlation of their errors, in (-1, 1).
    """
    a, b = one.spread**2, other.spread**2
    shared = together * one.spread * other.spread
    apart = a + b - 2.0 * shared
    weight = min(max((b - shared) / apart, 0.0), 1.0)  # of the first; never beyond either
    variance = weight**2 * a + (1.0 - weight) ** 2 * b + 2.0 * weight * (1.0 - weight) * shared
    return View(weight * one.centre + (1.0 - weight) * other.centre, math.sqrt(variance))


def _standing(reading: WeatherReading) -> tuple[float, float]:
    """Return the hour of standard time up to which the day was seen, and the season's cosine."""
    at = reading.seen_until
    hour = 0.0 if at is None else min(24.0, max(0.0, reading.day.hour(at)))
    return hour, warmth_of(reading.day.date)


def _now(reading: WeatherReading, diurnal: Diurnal, hour: float, warmth: float) -> View | None:
    """Return the temperature where the day was last seen; from the high so far when need be."""
    if reading.temperature is not None:
        return View(reading.temperature.degrees, 0.0)
    if reading.running is None:
        return None
    middle = 0.5 * (reading.running.low + reading.running.high)
    gap, spread = diurnal.gap.at(hour, warmth), diurnal.gap_spread.at(hour, warmth)
    return View(middle - gap, spread)


def _floor(reading: WeatherReading, parameters: Parameters) -> tuple[tuple[int, float], ...]:
    """Return the odds of the official high so far; a lone temperature is one, too."""
    running = reading.running
    if running is not None:
        degrees = range(running.low, running.high + 1)
        return mixed_floor(degrees, parameters.lower, parameters.higher_than(running.source))
    if reading.temperature is None:
        return ()
    degree = math.floor(reading.temperature.degrees + 0.5)
    return mixed_floor((degree,), parameters.lower, parameters.missed)


def _normal_above(z: float) -> float:
    return 0.5 * math.erfc(z / math.sqrt(2.0))
