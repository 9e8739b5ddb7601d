"""Forecasts of a climate day's maximum, with the time at which the office made them.

A forecast without its time of issue is refused: it could have been made after the day. What it was
served at is not what it was made at.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from kalshi_alpha.clock import from_iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.climate_day import ClimateDay
from kalshi_alpha.markets.observed import IssuedForecast
from kalshi_alpha.venues.decoding import decode
from kalshi_alpha.venues.macro.figures import require_json

_HOUR = timedelta(hours=1)
_MORNING, _EVENING = 9.0, 18.0  # standard hours between which a day must be forecast whole
_DURATION = re.compile(r"P(?:([0-9]{1,2})D)?(?:T([0-9]{1,3})H)?", re.ASCII)
_CELSIUS = frozenset({"wmoUnit:degC", "unit:degC"})
_COLDEST, _HOTTEST = -60.0, 135.0


def parse_hourly(payload: bytes, station: str, day: ClimateDay) -> IssuedForecast:
    """Read the hourly forecast: the highest of the hours that lie in the climate day.

    The hours before it was made are not in it. From 09:00 on they may have been the highest, so
    the forecast is then one of the rest of the day, and is refused.

    Raises:
        DataError: when it is a page, has no time of issue, or does not hold the day from 09:00 to
            18:00 of standard time whole.
    """
    properties = _properties(payload, "the hourly forecast")
    issued = _issued(properties, station)
    hours = properties.get("periods")
    if not isinstance(hours, list):
        raise DataError(f"the hourly forecast of {station} has no periods")
    found = {}
    for hour in hours:
        if isinstance(hour, dict):
            at = _time(hour.get("startTime"), station)
            if day.contains(at):
                found[at] = _degrees(hour.get("temperature"), hour.get("temperatureUnit"), station)
    held = sorted(day.hour(hour) for hour in found)
    if not (held and _covers(held)):
        raise DataError(
            f"the hourly forecast of {station} holds {len(held)} hours of {day.date}, and not all "
            f"from {_MORNING:.0f} to {_EVENING:.0f}: its highest is not the day's"
        )
    return IssuedForecast(station, day.date, max(found.values()), issued, len(found))


def _covers(held: Sequence[float]) -> bool:
    """Say whether ascending hours reach from the morning to the evening with none missing."""
    return held[0] <= _MORNING and held[-1] >= _EVENING and held[-1] - held[0] < len(held)


def parse_grid(payload: bytes, station: str, day: ClimateDay) -> IssuedForecast:
    """Read the grid's daytime maximum whose hours lie in the climate day.

    It is that of the daytime and not of the climate day: a high after midnight is not in it.

    Raises:
        DataError: when it is a page, has no time of issue, or no maximum of that day.
    """
    properties = _properties(payload, "the grid forecast")
    issued = _issued(properties, station)
    block = properties.get("maxTemperature")
    if not isinstance(block, dict) or not isinstance(block.get("values"), list):
        raise DataError(f"the grid forecast of {station} has no maximum temperature")
    if block.get("uom") not in _CELSIUS:
        raise DataError(f"the grid forecast of {station} is in {str(block.get('uom'))[:20]!r}")
    mine = [one for one in _spans(block["values"], station) if _within(one, day)]
    if len(mine) != 1:
        raise DataError(
            f"the grid forecast of {station} has {len(mine)} maxima for {day.date} instead of one"
        )
    start, hours, celsius = mine[0]
    del start
    return IssuedForecast(
        station, day.date, _degrees(celsius * 1.8 + 32.0, "F", station), issued, hours
    )


def _properties(payload: bytes, what: str) -> Mapping[str, Any]:
    require_json(payload, what)
    answer = decode(payload)
    found = answer.get("properties") if isinstance(answer, dict) else None
    if not isinstance(found, dict):
        raise DataError(f"{what} answered without properties: an error?")
    return found


def _issued(properties: Mapping[str, Any], station: str) -> datetime:
    said = properties.get("updateTime")
    if not isinstance(said, str):
        raise DataError(
            f"the forecast of {station} does not say when it was made: it is of no use, for it may "
            "know the day"
        )
    return _time(said, station)


def _time(text: object, station: str) -> datetime:
    try:
        return from_iso(str(text))
    except ValueError:
        raise DataError(f"the forecast of {station} has the time {str(text)[:30]!r}") from None


def _spans(values: Sequence[object], station: str) -> Sequence[tuple[datetime, int, float]]:
    """Return beginning, hours and Celsius of each value that is there."""
    found = []
    for one in values:
        if not isinstance(one, dict) or one.get("value") is None:
            continue
        start, slash, length = str(one.get("validTime")).partition("/")
        span = _DURATION.fullmatch(length)
        if not slash or span is None:
            raise DataError(f"the forecast of {station} has the span {str(one)[:40]!r}")
        hours = 24 * int(span[1] or 0) + int(span[2] or 0)
        value = one["value"]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise DataError(f"the forecast of {station} has {str(value)[:20]!r} degrees")
        found.append((_time(start, station), hours, float(value)))
    return found


def _within(span: tuple[datetime, int, float], day: ClimateDay) -> bool:
    start, hours, _ = span
    return hours > 0 and day.contains(start + hours * _HOUR / 2)


def _degrees(value: object, unit: object, station: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"the forecast of {station} has {str(value)[:20]!r} degrees")
    if unit not in ("F", "C"):
        raise DataError(f"the forecast of {station} is in {str(unit)[:10]!r}, not Fahrenheit")
    found = float(value) if unit == "F" else value * 1.8 + 32.0
    if not (math.isfinite(found) and _COLDEST <= found <= _HOTTEST):
        raise DataError(f"the forecast of {station} is {found:.1f} degrees: that is not believed")
    return found
