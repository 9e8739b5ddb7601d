"""Every issue of every climate report, kept and never overwritten.

``weather/CLINYC/2026-07-08/20260709T062600Z-final-HASH.json`` holds the text as it came and when it
was first read. A preliminary issue and a final one are two files, so neither can hide the other.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime

import msgspec

from kalshi_alpha.clock import from_iso, iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.climate_report import ClimateReport, DaySettlement, settle
from kalshi_alpha.markets.stations import Station
from kalshi_alpha.venues.macro.vintages import Shelf
from kalshi_alpha.venues.weather.reports import parse_report

ROOT = "weather"


class _Note(msgspec.Struct, frozen=True):
    first_read_at: str
    text: str


class ReportArchive:
    """The reports on one shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def keep(self, payload: bytes, station: Station, read_at: datetime) -> ClimateReport:
        """Keep a report and return it as read; one that is kept already stays as first read.

        Raises:
            DataError: as ``parse_report``; nothing is kept then.
        """
        report = parse_report(payload, station)
        key = self._key(report, payload)
        if key not in self._shelf.keys(key):
            note = _Note(iso(read_at), payload.decode("utf-8-sig"))
            self._shelf.write(key, msgspec.json.encode(note))
        return report

    def reports(self, station: Station, day: date, known_at: datetime) -> tuple[ClimateReport, ...]:
        """Return a day's reports as known at ``known_at``, in order of issue.

        Raises:
            DataError: when one cannot be read, or is not what it was named after.
        """
        found = []
        for key in self._shelf.keys(f"{ROOT}/{station.cli}/{day}/"):
            try:
                note = msgspec.json.decode(self._shelf.read(key), type=_Note)
                first_read_at = from_iso(note.first_read_at)
            except (msgspec.DecodeError, ValueError) as error:
                raise DataError(f"the kept report {key} cannot be read: {error}") from None
            payload = note.text.encode()
            report = parse_report(payload, station)
            if self._key(report, payload) != key:
                raise DataError(f"the kept report {key} is not what was written")
            if first_read_at <= known_at:
                found.append(report)
        return tuple(sorted(found, key=lambda one: one.issued_at))

    def settlement(self, station: Station, day: date, known_at: datetime) -> DaySettlement:
        """Return what a day settles on as known at ``known_at``.

        Raises:
            DataError: as ``reports``.
        """
        return settle(self.reports(station, day, known_at), station.day(day), station.cli)

    @staticmethod
    def _key(report: ClimateReport, payload: bytes) -> str:
        digest = hashlib.sha256(payload.decode("utf-8-sig").encode()).hexdigest()[:16]
        issued = report.issued_at.strftime("%Y%m%dT%H%M%SZ")
        return f"{ROOT}/{report.cli}/{report.day}/{issued}-{report.status}-{digest}.json"
