"""What a reading of the station means for the brackets of a day: the law, and the hazard."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kalshi_alpha.errors import DataError
from kalshi_alpha.families.temperature import hazard_of_new_high, terminal_law
from kalshi_alpha.families.temperature_parameters import Diurnal, Parameters, warmth_of
from kalshi_alpha.markets.climate_day import ClimateDay
from kalshi_alpha.markets.strikes import Payoff
from kalshi_alpha.momentum.events import Looked
from kalshi_alpha.momentum.strategy import UNKNOWN_HAZARD
from kalshi_alpha.pricing.high_law import price_brackets
from kalshi_alpha.pricing.weather_reading import WeatherReading


def looked(
    reading: WeatherReading,
    parameters: Parameters,
    now: datetime,
    payoffs: Sequence[Payoff],
    *,
    minutes: float,
    elsewhere: float = 0.0,
    by_the_clock: bool = False,
) -> Looked:
    """Return the law and the hazard as an event of the strategy.

    A station of which no high is known has an unknown hazard, which lets nothing be wanted, unless
    ``by_the_clock`` takes the share of past days whose high fell into these minutes for it. That is
    for recorded days without observations.

    Args:
        reading: what is known of the station.
        parameters: of its law.
        now: aware.
        payoffs: of the brackets, which tile.
        minutes: for which the hazard is asked.
        elsewhere: probability of a settlement on another number than the report's.
        by_the_clock: as above.

    Raises:
        ContractError: when the payoffs leave a hole or overlap.
    """
    at = now.timestamp()
    try:
        law = terminal_law(reading, parameters, now, elsewhere)
    except DataError:
        return Looked(at, None, UNKNOWN_HAZARD)
    masses = tuple(price_brackets(law, payoffs))
    if reading.running is not None:
        return Looked(at, masses, hazard_of_new_high(reading, parameters, now, minutes))
    hazard = clock_hazard(parameters.diurnal, reading.day, now, minutes)
    return Looked(at, masses, hazard if by_the_clock else UNKNOWN_HAZARD)


def clock_hazard(diurnal: Diurnal, day: ClimateDay, now: datetime, minutes: float) -> float:
    """Return the share of past days whose high was still to come now, and not ``minutes`` later."""
    hour, warmth = day.hour(now), warmth_of(day.date)
    now_, then = (
        min(max(diurnal.still.at(min(max(h, 0.0), 24.0), warmth), 0.0), 1.0)
        for h in (hour, hour + minutes / 60.0)
    )
    return max(0.0, now_ - then)
