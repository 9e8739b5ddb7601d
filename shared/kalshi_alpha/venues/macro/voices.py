"""Which sources speak of a series of figures, and what they say together.

Several sources may tell the same figure: then the newest word counts. A filler tells of the past
only: it fills periods of which no voice has spoken, and being read makes nothing fresh.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType

import msgspec

from kalshi_alpha.clock import NEW_YORK, Clock, from_iso, iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.venues.macro import fred, sources
from kalshi_alpha.venues.macro.figures import Collecting, Parsed
from kalshi_alpha.venues.macro.vintages import ROOT, Row, Shelf, Vintages, known_at

RECORDED = "recorded"  # a history that an operator has handed over
_NOWCAST = "nowcast-month"


@dataclass(frozen=True, slots=True)
class Voices:
    """Who speaks of a series: ``sources`` with today's word, ``fillers`` of the past only."""

    sources: tuple[str, ...]
    fillers: tuple[str, ...] = ()


def _mirrors(series: str) -> tuple[str, ...]:
    return tuple(f"fred-{name.lower()}" for name, ours in fred.SERIES.items() if ours == series)


VOICES: Mapping[str, Voices] = MappingProxyType(
    {
        "cpi-sa": Voices(("bls", *_mirrors("cpi-sa"))),
        "core-cpi-sa": Voices(("bls", *_mirrors("core-cpi-sa"))),
        "cpi-nsa": Voices(("bls", *_mirrors("cpi-nsa"))),
        "claims": Voices(_mirrors("claims")),
        "par-yield-10y": Voices(("treasury-xml", "treasury-csv")),
        "aaa-regular": Voices(("aaa",), (RECORDED,)),
        "eia-regular": Voices(("eia", *_mirrors("eia-regular"))),
    }
)

_ANY = date(2000, 1, 1)
_SPEAKERS = (
    sources.bls_cpi(_ANY.year, _ANY.year),
    *(sources.fred_csv(name, _ANY) for name in fred.SERIES),
    sources.treasury_xml(_ANY),
    sources.treasury_csv(_ANY.year),
    sources.aaa_page(),
    sources.eia_weekly("", 1),
    sources.fed_nowcast("month"),
)
FRESH_FOR: Mapping[str, timedelta] = MappingProxyType({s.name: s.fresh_for for s in _SPEAKERS})


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known of a series.

    Attributes:
        rows: one a period, ascending.
        source: the voice that spoke last.
        read_at: when it did.
        trouble: what went wrong with it since, empty when nothing did.
    """

    rows: tuple[Row, ...]
    source: str
    read_at: datetime
    trouble: str

    def stale_reason(self, now: datetime) -> str:
        """Return why it is not fresh; empty when it is."""
        age, limit = now - self.read_at, FRESH_FOR[self.source]
        if age > limit:
            old, most = (f"{span.total_seconds() / 3600:.1f} h" for span in (age, limit))
            late = f"{self.source} last spoke {old} ago, and {most} are its limit"
            return f"{late}; {self.trouble}" if self.trouble else late
        return self.trouble


class _Trouble(msgspec.Struct, frozen=True):
    at: str
    said: str


class Listener:
    """Hears series out of vintages, each source read from its shelf once."""

    def __init__(self, shelf: Shelf, clock: Clock) -> None:
        self._shelf, self._clock = shelf, clock
        self._vintages = Vintages(shelf, clock)
        self._rows: dict[str, tuple[Row, ...]] = {}

    def hear(self, series: str) -> Heard:
        """Return what is known of a series now.

        Raises:
            DataError: when no source speaks of it, none has been read, or none said anything.
        """
        voices = _voices(series)
        spoke = [one for one in voices.sources if self._said(one, series)]
        if not spoke:
            asked = ", ".join(voices.sources)
            raise DataError(f"nothing is known of {series}: none of {asked} has told of it yet")
        now = self._clock.now()
        read_at, newest = max((self._vintages.last(one, now).read_at, one) for one in spoke)
        rows = sorted(
            (row for one in spoke for row in self._rows[one]), key=lambda row: row.first_read_at
        )
        told = {row.figure.period: row for row in self._past(voices, series)}
        told |= {row.figure.period: row for row in known_at(rows, series, now)}
        ordered = tuple(told[period] for period in sorted(told))
        return Heard(ordered, newest, read_at, trouble_since(self._shelf, newest, read_at))

    def _said(self, source: str, series: str) -> tuple[Row, ...]:
        if source not in self._rows:
            self._rows[source] = self._vintages.rows(source)
        return known_at(self._rows[source], series, self._clock.now())

    def _past(self, voices: Voices, series: str) -> tuple[Row, ...]:
        return tuple(row for one in voices.fillers for row in self._said(one, series))


def hand_over(shelf: Shelf, clock: Clock, series: str, told: Mapping[date, str]) -> Parsed:
    """Keep a history that no source tells, as known from now, and return what was kept.

    Raises:
        DataError: when nothing takes such a history of the series, or none of it can be used.
    """
    if RECORDED not in _voices(series).fillers:
        takers = ", ".join(name for name, voices in VOICES.items() if RECORDED in voices.fillers)
        raise DataError(f"{series} takes no history from outside, its sources tell it: {takers} do")
    collecting = Collecting(clock.now().astimezone(NEW_YORK).date())
    for period, value in told.items():
        collecting.add(series, period, value)
    parsed = collecting.parsed(f"the history of {series}")
    text = "".join(f"{one.series},{one.period},{one.value}\n" for one in parsed.figures)
    Vintages(shelf, clock).keep(RECORDED, text.encode(), parsed)
    return parsed


def note_trouble(shelf: Shelf, source: str, at: datetime, said: str) -> None:
    """Leave word that a source failed; the next good read makes it void."""
    shelf.write(_trouble_key(source), msgspec.json.encode(_Trouble(iso(at), said)))


def trouble_since(shelf: Shelf, source: str, read_at: datetime) -> str:
    """Return what has gone wrong with a source since it last spoke; empty when nothing has."""
    try:
        note = msgspec.json.decode(shelf.read(_trouble_key(source)), type=_Trouble)
        return note.said if from_iso(note.at) > read_at else ""
    except DataError:
        return ""
    except (msgspec.DecodeError, ValueError):
        return f"the note on {source} cannot be read"


def _trouble_key(source: str) -> str:
    return f"{ROOT}/{source}/trouble.json"


def _voices(series: str) -> Voices:
    if series.startswith(_NOWCAST):
        return Voices((_NOWCAST,))
    try:
        return VOICES[series]
    except KeyError:
        raise DataError(f"no source is known to speak of {series}: add its voices") from None
