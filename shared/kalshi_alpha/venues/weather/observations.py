"""Observations: raw aviation reports, and the office's JSON that carries them.

A report's group of tenths and its groups of the highest of six or twenty-four hours give the whole
degree Fahrenheit back. A report without them is in whole Celsius and leaves up to two open. Codes
of what is left out:

================  ============================================================================
``missing``       no temperature: null, or a report without one
``quality``       the office's own check rejected or questioned it
``unknown``       another unit
``unreadable``    a time or a report outside its grammar
``range``         outside -60 to 135 degrees
``future``        measured after it was read
================  ============================================================================
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kalshi_alpha.clock import from_iso, require_aware
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.observed import Kind, Observation, observed_celsius
from kalshi_alpha.venues.decoding import decode
from kalshi_alpha.venues.macro.figures import LeftOut, require_json

_TIME = re.compile(r"\b([0-3][0-9])([0-2][0-9])([0-5][0-9])Z\b", re.ASCII)
_BODY = re.compile(r"(?:^| )(M?[0-9]{2})/(?:M?[0-9]{2})?(?= |$)", re.ASCII)
_TENTHS = re.compile(r" T([01])([0-9]{3})(?:[01][0-9]{3})?(?= |$)", re.ASCII)
_SIX = re.compile(r" 1([01])([0-9]{3})(?= |$)", re.ASCII)
_DAY = re.compile(r" 4([01])([0-9]{3})[01][0-9]{3}(?= |$)", re.ASCII)
_KINDS = frozenset({"METAR", "SPECI"})
_REJECTED = frozenset({"X", "Q", "B"})
_CELSIUS = frozenset({"wmoUnit:degC", "unit:degC"})
_SLACK = timedelta(minutes=5)  # a report's time may lie so far after our reading of it
_LONGEST_REPORT = 1000
_COLDEST, _HOTTEST = -60.0, 135.0


@dataclass(frozen=True, slots=True)
class Observed:
    """The observations of a payload, in time, and what was left out."""

    observations: tuple[Observation, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def counts(self) -> Mapping[str, int]:
        """Return how often each code occurs."""
        return Counter(one.code for one in self.left_out)


def parse_metar(report: str, station: str, read_at: datetime) -> tuple[Observation, ...]:
    """Read the temperatures of one raw report: of the moment, of six hours, of the day before.

    Args:
        report: one line.
        station: whose it must be.
        read_at: aware; the month of the report's day is the one nearest before it.

    Raises:
        DataError: when it is of another station, has no time, or no temperature.
    """
    words = report.strip().rstrip("=").split()
    words = [word for word in words[:1] if word not in _KINDS] + words[1:]
    if len(report) > _LONGEST_REPORT or not words:
        raise DataError(f"a raw report of {len(report)} characters is none")
    if words[0] != station:
        raise DataError(f"a raw report of {words[0][:10]!r} was given for {station}")
    at = _when(" ".join(words), read_at)
    body, _, remarks = " ".join(words).partition(" RMK")
    found = list(_of_remarks(station, at, remarks))
    if not any(one.kind == "now" for one in found):
        whole = _BODY.search(body)
        if whole is None and not found:
            raise DataError(f"the raw report of {station} at {at} has no temperature")
        if whole is not None:
            tenths = 10 * int(whole[1].replace("M", "-"))
            found.append(observed_celsius(station, at, "now", tenths, whole=True))
    return tuple(found)


def parse_observations(payload: bytes, station: str, read_at: datetime) -> Observed:
    """Read the office's JSON; a raw report within it is preferred to the number beside it.

    Raises:
        DataError: when it is a page, no such JSON, or of another station.
    """
    require_json(payload, "the weather office")
    answer = decode(payload)
    features = answer.get("features") if isinstance(answer, dict) else None
    if not isinstance(features, list):
        raise DataError("the weather office answered without observations: an error?")
    found: dict[tuple[datetime, Kind], Observation] = {}
    left_out: list[LeftOut] = []
    for feature in features:
        properties = feature.get("properties") if isinstance(feature, dict) else None
        try:
            rows = _of_properties(properties, station, read_at)
        except RowLeftOut as reason:
            left_out.append(LeftOut(reason.code, str(reason)))
            continue
        for one in rows:
            found.setdefault((one.at, one.kind), one)
    return Observed(tuple(found[key] for key in sorted(found)), tuple(left_out))


class RowLeftOut(Exception):
    """A row that makes no observation: ``code`` to count, and a sentence."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def _of_properties(properties: object, station: str, read_at: datetime) -> tuple[Observation, ...]:
    if not isinstance(properties, dict):
        raise RowLeftOut("unreadable", f"an observation of {station} has no properties")
    _require_station(properties, station)
    try:
        at = from_iso(str(properties.get("timestamp")))
    except ValueError:
        raise RowLeftOut("unreadable", f"an observation of {station} has no time") from None
    if at > read_at + _SLACK:
        raise RowLeftOut("future", f"an observation of {station} is of {at}, read at {read_at}")
    number = properties.get("temperature")
    quality = number.get("qualityControl") if isinstance(number, dict) else None
    if quality in _REJECTED:
        raise RowLeftOut("quality", f"{station} at {at} was marked {quality}")
    raw = properties.get("rawMessage")
    if isinstance(raw, str) and raw.strip():
        rows = _of_raw(raw, station, at, read_at)
    else:
        rows = (_of_number(number, station, at),)
    for one in rows:
        if not _COLDEST <= one.degrees <= _HOTTEST:
            raise RowLeftOut("range", f"{station} at {at} has {one.degrees:.1f} degrees")
    return rows


def _require_station(properties: Mapping[str, Any], station: str) -> None:
    named = str(properties.get("station", "")).rstrip("/").rpartition("/")[2]
    if named and named != station:
        raise DataError(f"the weather office answered for {named[:10]!r} instead of {station}")


def _of_raw(raw: str, station: str, at: datetime, read_at: datetime) -> tuple[Observation, ...]:
    try:
        rows = parse_metar(raw, station, read_at)
    except DataError as error:
        raise RowLeftOut("unreadable", str(error)) from None
    if abs(rows[0].at - at) > timedelta(hours=1):
        raise RowLeftOut("unreadable", f"a report of {station} is of {rows[0].at} and of {at}")
    return rows


def _of_number(value: object, station: str, at: datetime) -> Observation:
    if not isinstance(value, dict) or value.get("value") is None:
        raise RowLeftOut("missing", f"{station} has no temperature at {at}")
    if value.get("unitCode") not in _CELSIUS:
        raise RowLeftOut("unknown", f"{station} at {at} is in {str(value.get('unitCode'))[:20]}")
    number = value["value"]
    if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) < 100:
        raise RowLeftOut("range", f"{station} at {at} has {str(number)[:20]} degrees Celsius")
    tenths = round(10 * number)
    # A number without tenths may have been a whole degree: no more is made of it.
    return observed_celsius(station, at, "now", tenths, whole=tenths % 10 == 0)


def _of_remarks(station: str, at: datetime, remarks: str) -> list[Observation]:
    found: list[Observation] = []
    groups: tuple[tuple[Kind, re.Pattern[str]], ...] = (
        ("now", _TENTHS),
        ("six_hours", _SIX),
        ("day", _DAY),
    )
    for kind, pattern in groups:
        group = pattern.search(remarks)
        if group is not None:
            tenths = int(group[2]) * (-1 if group[1] == "1" else 1)
            found.append(observed_celsius(station, at, kind, tenths, whole=False))
    return found


def _when(report: str, read_at: datetime) -> datetime:
    """Return the report's time: its day and hour in the month that ends nearest to ``read_at``."""
    said = _TIME.search(report)
    if said is None:
        raise DataError("a raw report has no time")
    day, hour, minute = (int(part) for part in said.groups())
    latest = require_aware(read_at) + _SLACK
    for back in range(32):
        near = latest - timedelta(days=back)
        if near.day == day and hour < 24:
            at = near.replace(hour=hour, minute=minute, second=0, microsecond=0)
            if at <= latest:
                return at
    raise DataError(f"a raw report is of day {day} at {hour:02}{minute:02}Z, which is no time")
