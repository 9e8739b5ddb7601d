"""What the weather alone says of recorded days: the season and the last known high, no forecast.

Season and persistence are fitted anew each month on the highs before it. A high counts as known
from seven in the morning of standard time on the day after, when its final report is out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from kalshi_alpha.families.temperature import terminal_law
from kalshi_alpha.families.temperature_parameters import Climate, Parameters
from kalshi_alpha.markets.stations import Stations
from kalshi_alpha.pricing.high_law import price_brackets
from kalshi_alpha.pricing.weather_reading import PastHigh, WeatherReading
from kalshi_alpha.research.temperature.filtering import Law
from kalshi_alpha.research.temperature.trades import Event
from kalshi_alpha.research.temperature.weather_highs import FILE, Highs, fit_climate, load_highs

FOLDER = "weather"
KNOWN_AT = timedelta(hours=7)
OLDEST_DAYS = 3


def folder_of(data: Path) -> Path | None:
    """Return the folder of recorded highs in or beside another, None where there is none."""
    for one in (data / FOLDER, data.parent / FOLDER, data):
        if (one / FILE).is_file():
            return one
    return None


def laws_of(
    events: Sequence[Event],
    folder: Path,
    stations: Stations,
    parameters: Mapping[str, Parameters],
) -> dict[str, Law]:
    """Return the law of the weather by event, for those whose station's highs are recorded.

    Args:
        events: of any stations.
        folder: with the recorded highs.
        stations: where the series are measured.
        parameters: by station, for all but the season; a station without any is left out.

    Raises:
        DataError: when the recorded highs cannot be read, or are too few for a season.
    """
    recorded = load_highs(folder)
    climates: dict[tuple[str, date], Climate] = {}
    found: dict[str, Law] = {}
    for event in events:
        name = stations.of(event.series).station
        if name not in recorded or name not in parameters:
            continue
        highs, month = recorded[name], event.day.replace(day=1)
        if (name, month) not in climates:
            climates[name, month] = fit_climate(highs.before(month))
        mine = dataclasses.replace(parameters[name], climate=climates[name, month])
        law = _law(event, highs, mine, stations)
        if law:
            found[event.name] = law
    return found


def _law(event: Event, highs: Highs, parameters: Parameters, stations: Stations) -> Law:
    station = stations.of(event.series)
    day = station.day(event.day)
    found = []
    for back, instant in ((2, day.start - timedelta(days=1) + KNOWN_AT), (1, day.start + KNOWN_AT)):
        past = _newest(highs, event.day - timedelta(days=back))
        if past is not None:
            reading = WeatherReading(station.station, day, as_of=instant, past=past)
            law = terminal_law(reading, parameters, instant, stations.change.odds(event.day))
            found.append((instant.timestamp(), tuple(price_brackets(law, event.brackets.payoffs))))
    return tuple(found)


def _newest(highs: Highs, until: date) -> PastHigh | None:
    """Return the newest high up to a day, None when it is older than ``OLDEST_DAYS``."""
    place = int(highs.day.searchsorted(until.toordinal(), "right")) - 1
    if place < 0 or until.toordinal() - highs.day[place] > OLDEST_DAYS:
        return None
    return PastHigh(date.fromordinal(int(highs.day[place])), round(float(highs.degrees[place])))
