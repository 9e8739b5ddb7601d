"""Asking the weather office and the timeline's provider, politely, and what they answered, read.

Every answer comes back with its payload, so that it can be kept before anything is made of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from kalshi_alpha.clock import Clock, from_iso, iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.climate_day import ClimateDay, climate_day
from kalshi_alpha.markets.climate_report import ClimateReport
from kalshi_alpha.markets.observed import IssuedForecast
from kalshi_alpha.markets.stations import Station
from kalshi_alpha.venues.decoding import decode
from kalshi_alpha.venues.macro.client import Ask, MacroClient
from kalshi_alpha.venues.macro.figures import Parsed, require_json
from kalshi_alpha.venues.weather import timeline
from kalshi_alpha.venues.weather.climate_table import parse_table
from kalshi_alpha.venues.weather.forecasts import parse_hourly
from kalshi_alpha.venues.weather.observations import Observed, parse_observations
from kalshi_alpha.venues.weather.reports import parse_report

# Where each lives; the rehearsal and the tests give others.
HOSTS: Mapping[str, str] = MappingProxyType(
    {
        "weather": "https://api.weather.gov",
        "timeline": "https://weather.visualcrossing.com",
    }
)
_ID = re.compile(r"^[A-Za-z0-9-]{8,64}$", re.ASCII)
_GRID = re.compile(r"^[A-Z]{3}/[0-9]{1,3},[0-9]{1,3}$", re.ASCII)
_OFFICE = "the weather office"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What was answered.

    Attributes:
        payload: as it came.
        read: what was read of it.
        at: when, aware.
    """

    payload: bytes
    read: T
    at: datetime


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue of a text product that the office has on its list."""

    id: str
    issued_at: datetime


class WeatherOffice:
    """The sources of one operator.

    Args:
        client: asks with a contact, pauses and backs off.
        clock: for the day of reading.
        hosts: where the sources live.
    """

    def __init__(self, client: MacroClient, clock: Clock, hosts: Mapping[str, str] = HOSTS) -> None:
        self._client, self._clock, self._hosts = client, clock, hosts

    def issues(self, product: str, station: Station) -> tuple[Issue, ...]:
        """Return the issues that the office still holds of ``CLI`` or ``CF6``, oldest first.

        Raises:
            VenueError: when it does not answer.
            DataError: when its answer is no list.
        """
        place = station.cli[3:]
        answer = self._json(f"/products/types/{product}/locations/{place}")
        rows = answer.get("@graph")
        if not isinstance(rows, list):
            raise DataError(f"{_OFFICE} has no list of {product} for {place}")
        found = [_issue(row) for row in rows if isinstance(row, dict)]
        return tuple(sorted(found, key=lambda one: one.issued_at))

    def report(self, issue: Issue, station: Station) -> Answer[ClimateReport]:
        """Return one issue of the climate report.

        Raises:
            VenueError: when the office does not answer.
            DataError: as ``parse_report``.
        """
        text = self._text(issue)
        return Answer(text, parse_report(text, station), self._clock.now())

    def table(self, issue: Issue, station: Station) -> Answer[Parsed]:
        """Return one issue of the monthly table.

        Raises:
            VenueError: when the office does not answer.
            DataError: as ``parse_table``.
        """
        text = self._text(issue)
        return Answer(text, parse_table(text, station, self._today(station)), self._clock.now())

    def observations(self, station: Station, start: datetime, end: datetime) -> Answer[Observed]:
        """Return a station's observations of a span.

        Raises:
            VenueError: when the office does not answer.
            DataError: as ``parse_observations``.
        """
        path = f"/stations/{station.station}/observations"
        payload = self._ask(path, (("start", iso(start)), ("end", iso(end)), ("limit", "500")))
        now = self._clock.now()
        return Answer(payload, parse_observations(payload, station.station, now), now)

    def grid(self, station: Station) -> Answer[str]:
        """Return the forecast grid that a station lies in, such as ``OKX/33,37``, today.

        Raises:
            VenueError: when the office does not answer.
            DataError: when it has no place for the station, or no grid for the place.
        """
        found = self._json(f"/stations/{station.station}")
        latitude, longitude = _place(found, station.station)
        payload = self._ask(f"/points/{_degrees(latitude)},{_degrees(longitude)}")
        return Answer(payload, _grid(payload, station.station), self._clock.now())

    def forecast(self, station: Station, grid: str, day: ClimateDay) -> Answer[IssuedForecast]:
        """Return the hourly forecast's highest of a climate day; ``grid`` is like ``OKX/33,37``.

        Raises:
            VenueError: when the office does not answer.
            DataError: when the grid is none; as ``parse_hourly``.
        """
        if not _GRID.match(grid):
            raise DataError(f"the grid {grid[:20]!r} is none: give an office and two numbers")
        payload = self._ask(f"/gridpoints/{grid}/forecast/hourly")
        return Answer(payload, parse_hourly(payload, station.station, day), self._clock.now())

    def timeline(self, station: Station, day: ClimateDay, key: str) -> Answer[timeline.Timeline]:
        """Return the provider's rows of a climate day.

        Raises:
            VenueError: when it does not answer.
            DataError: as ``parse_timeline``.
        """
        url = self._hosts["timeline"] + timeline.path(station, day)
        ask = Ask("the timeline", url, timeline.query(key))
        payload = _payload(self._client.fetch(ask).payload, "the timeline")
        return Answer(payload, timeline.parse_timeline(payload, station, day), self._clock.now())

    def _today(self, station: Station) -> date:
        return climate_day(self._clock.now(), station.offset).date

    def _ask(self, path: str, query: tuple[tuple[str, str], ...] = ()) -> bytes:
        ask = Ask(_OFFICE, self._hosts["weather"] + path, query)
        return _payload(self._client.fetch(ask).payload, _OFFICE)

    def _json(self, path: str) -> Mapping[str, Any]:
        return _object(self._ask(path))

    def _text(self, issue: Issue) -> bytes:
        text = self._json(f"/products/{issue.id}").get("productText")
        if not isinstance(text, str) or not text.strip():
            raise DataError(f"{_OFFICE} has no text for the issue {issue.id}")
        return text.encode()


def _issue(row: Mapping[str, Any]) -> Issue:
    name = row.get("id")
    if not isinstance(name, str) or not _ID.match(name):
        raise DataError(f"{_OFFICE} lists an issue without a name that could be asked for")
    try:
        return Issue(name, from_iso(str(row.get("issuanceTime"))))
    except ValueError:
        raise DataError(f"{_OFFICE} lists the issue {name} without a time") from None


def _object(payload: bytes) -> Mapping[str, Any]:
    require_json(payload, _OFFICE)
    answer = decode(payload)
    if not isinstance(answer, dict):
        raise DataError(f"{_OFFICE} answered without an object: an error?")
    return answer


def _place(answer: Mapping[str, Any], station: str) -> tuple[float, float]:
    """Return a station's latitude and longitude, degrees."""
    geometry = answer.get("geometry")
    pair = geometry.get("coordinates") if isinstance(geometry, dict) else None
    try:
        longitude, latitude = (float(one) for one in pair or ())
    except (TypeError, ValueError):
        raise DataError(f"{_OFFICE} has no place for {station}") from None
    if not (abs(latitude) <= 90.0 and abs(longitude) <= 180.0):
        raise DataError(f"{_OFFICE} puts {station} at {latitude}, {longitude}, which is nowhere")
    return latitude, longitude


def _degrees(value: float) -> str:
    """Return degrees as the office asks for them: four places at most, no zeros at the end."""
    return f"{value:.4f}".rstrip("0").rstrip(".")


def _grid(payload: bytes, station: str) -> str:
    properties = _object(payload).get("properties")
    said = properties if isinstance(properties, dict) else {}
    found = f"{said.get('gridId')}/{said.get('gridX')},{said.get('gridY')}"
    if not _GRID.match(found):
        raise DataError(f"{_OFFICE} has no grid for {station}: {found[:40]!r}")
    return found


def _payload(payload: bytes | None, source: str) -> bytes:
    if payload is None:  # only an answer to a validator is empty, and none was given
        raise DataError(f"{source} answered with nothing")
    return payload
