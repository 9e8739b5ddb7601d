"""The weather of a day for the momentum process: asked of the weather office, kept as it came."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from kalshi_alpha.cloud.table import StoreError
from kalshi_alpha.errors import DataError, ParameterError, VenueError
from kalshi_alpha.families.temperature_book import load_parameters
from kalshi_alpha.markets.climate_day import ClimateDay
from kalshi_alpha.markets.climate_report import ClimateReport
from kalshi_alpha.markets.observed import IssuedForecast
from kalshi_alpha.markets.stations import Station, load_stations
from kalshi_alpha.momentum.events import Looked
from kalshi_alpha.momentum.weather import looked
from kalshi_alpha.pricing.weather_reading import (
    Forecast,
    PastHigh,
    WeatherReading,
    high_so_far,
    with_report,
)
from kalshi_alpha.steps.momentum_event import MomentumEvent
from kalshi_alpha.steps.momentum_runtime import MomentumRuntime
from kalshi_alpha.venues.macro.client import MacroClient
from kalshi_alpha.venues.weather.observations import Observed
from kalshi_alpha.venues.weather.office import HOSTS, Answer, Issue, WeatherOffice

REPORTS_EVERY = timedelta(minutes=30)
FORECAST_EVERY = timedelta(hours=1)
_NEWEST = 4  # issues of the report: today's of the afternoon, and the finals of the days before
_PRODUCT = "CLI"


class Office(Protocol):
    """As much of the weather office as is asked here."""

    def observations(self, station: Station, start: datetime, end: datetime) -> Answer[Observed]:
        """Return a station's observations of a span."""
        ...

    def issues(self, product: str, station: Station) -> tuple[Issue, ...]:
        """Return the issues of a text product."""
        ...

    def report(self, issue: Issue, station: Station) -> Answer[ClimateReport]:
        """Return one issue of the climate report."""
        ...

    def grid(self, station: Station) -> Answer[str]:
        """Return the forecast grid that a station lies in."""
        ...

    def forecast(self, station: Station, grid: str, day: ClimateDay) -> Answer[IssuedForecast]:
        """Return the forecast of a climate day's maximum."""
        ...


class OfficeSky:
    """What the office knows of a station, as events of the strategy.

    An office that does not answer leaves the last look to age; when it is too old the strategy
    takes the hazard for unknown, and wants nothing.

    Args:
        runtime: for the archive.
        office: who is asked.
        tell: is given a sentence for each thing an operator should know.
    """

    def __init__(
        self, runtime: MomentumRuntime, office: Office, tell: Callable[[str], object]
    ) -> None:
        self._runtime, self._office, self._tell = runtime, office, tell
        self._reports: dict[str, dict[str, ClimateReport]] = {}  # by station, by issue
        self._asked_at: dict[str, datetime] = {}
        self._forecasts: dict[str, tuple[datetime, Forecast | None]] = {}  # when asked, by station
        self._grids: dict[str, str] = {}  # by station, as the office has them today

    def look(self, event: MomentumEvent, now: datetime) -> Looked | None:
        """Return what is known now, None when the office does not answer."""
        station, stations = event.station, load_stations()
        try:
            parameters = load_parameters(station.station, event.day.date)
            answer = self._office.observations(station, event.day.start, now)
            self._keep(station, "observations", answer.payload, answer.at)
            running, measured, _ = high_so_far(
                answer.read.observations, station.station, event.day, now
            )
            past = None
            for report in self._known(station, now):
                if report.day == event.day.date and report.status == "preliminary":
                    running = with_report(running, report)
                elif report.day < event.day.date and report.counts and report.maximum is not None:
                    past = PastHigh(report.day, report.maximum)
            forecast = self._forecast(station, event.day, now)
            reading = WeatherReading(
                station.station, event.day, now, running, measured, forecast, past
            )
            return looked(
                reading,
                parameters,
                now,
                event.brackets.payoffs,
                minutes=event.terms.lean.hazard_minutes,
                elsewhere=stations.change.odds(event.day.date),
            )
        except (VenueError, DataError, ParameterError) as error:
            self._tell(f"{event.name}: the weather is not known: {error}")
            return None

    def _known(self, station: Station, now: datetime) -> list[ClimateReport]:
        """Return the newest reports, oldest first; they are asked for twice an hour."""
        kept = self._reports.setdefault(station.station, {})
        asked = self._asked_at.get(station.station)
        if asked is None or now - asked >= REPORTS_EVERY:
            self._asked_at[station.station] = now
            for issue in self._office.issues(_PRODUCT, station)[-_NEWEST:]:
                if issue.id not in kept:
                    answer = self._office.report(issue, station)
                    self._keep(station, "report", answer.payload, answer.at)
                    kept[issue.id] = answer.read
        return sorted(kept.values(), key=lambda one: (one.day, one.issued_at))

    def _forecast(self, station: Station, day: ClimateDay, now: datetime) -> Forecast | None:
        """Return the newest forecast of the whole day, None where none is to be had.

        From the morning on the office speaks of the rest of the day alone and is refused: the last
        one of before stays, with the time at which it was made.
        """
        asked, kept = self._forecasts.get(station.station, (None, None))
        if asked is not None and now - asked < FORECAST_EVERY:
            return kept
        try:
            answer = self._office.forecast(station, self._grid(station), day)
            self._keep(station, "forecast", answer.payload, answer.at)
            kept = Forecast(answer.read.high, answer.read.issued_at)
        except (VenueError, DataError) as error:
            self._tell(f"{station.station}: no new forecast of {day.date}: {error}")
        self._forecasts[station.station] = now, kept
        return kept

    def _grid(self, station: Station) -> str:
        """Return a station's grid: the office's own word, for it moves them; else the table's."""
        if station.station not in self._grids:
            try:
                answer = self._office.grid(station)
            except (VenueError, DataError) as error:
                if not station.grid:
                    raise
                self._tell(f"{station.station}: its grid is the table's, {station.grid}: {error}")
                return station.grid
            self._keep(station, "grid", answer.payload, answer.at)
            self._grids[station.station] = answer.read
        return self._grids[station.station]

    def _keep(self, station: Station, what: str, payload: bytes, at: datetime) -> None:
        if not self._runtime.settings.artifacts:
            return
        key = f"weather/{station.station}/{at:%Y-%m-%d}/{what}-{at:%H%M%S}.json"
        try:
            self._runtime.artifacts.write(key, payload)
        except (StoreError, OSError) as error:
            self._tell(f"{key} could not be written: {error}")


def open_sky(runtime: MomentumRuntime, tell: Callable[[str], object] = lambda _: None) -> OfficeSky:
    """Return the sky of the public office; raise ``ConfigurationError`` without a contact."""
    url = runtime.settings.sources_url
    hosts = {name: f"{url}/{name}" for name in HOSTS} if url else HOSTS
    client = MacroClient(runtime.settings.require("contact"), runtime.clock)
    return OfficeSky(runtime, WeatherOffice(client, runtime.clock, hosts), tell)
