"""The venue's ticker grammar: what a ticker says, and printing it back unchanged.

=======  ==========================================================================
event    ``SERIES-PERIOD``, as ``KXINXU-25NOV04H1200``
period   ``[N-]YYMMM[DD[HH | Hhhmm]][B | DIRECNET | MECNET][-AREA]``, in New York time
market   ``EVENT-STRIKE``, as ``KXINXU-25NOV04H1200-T6844.9999``
strike   ``[T | B][N | -]NUMBER``; N and - both mean minus
=======  ==========================================================================

A strike's letter says nothing of direction: T marks a threshold on either side, B the label of a
range. What pays is decided by the listing's numeric fields alone (``markets.contracts``), and so
are close times; the hour of a ticker only names the event.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING

from kalshi_alpha.clock import NEW_YORK, require_aware
from kalshi_alpha.errors import TickerError

if TYPE_CHECKING:
    from kalshi_alpha.markets.releases import Release

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

_MONTHLY = frozenset({"cpi", "jobs"})
_NAMED_BY_RELEASE = frozenset({"claims"})

_EVENT = re.compile(
    rf"""
    (?P<series>[0-9]*[A-Z][A-Z0-9]*)
    -(?P<period>
        (?:[0-9]+-)?
        (?P<year>[0-9]{{2}})(?P<month>{"|".join(_MONTHS)})
        (?:(?P<day>[0-9]{{2}})(?:H(?P<time>[0-9]{{4}})|(?P<hour>[0-9]{{2}}))?)?
        (?:B|DIRECNET|MECNET)?
        (?:-[A-Z]{{2}})?
    )
    """,
    re.VERBOSE,
)
_MARKET = re.compile(
    r"(?P<event>.+?)-(?P<strike>(?P<kind>[TB]?)(?P<minus>[N-]?)(?P<number>\d+(?:\.\d+)?))", re.ASCII
)


@dataclass(frozen=True, slots=True)
class EventTicker:
    """An event's ticker, such as ``KXINXU-25NOV04H1200``.

    Attributes:
        series: the part before the period.
        period: everything after the series, as printed.
        day: the date; None when the ticker names a month only.
        hour: the New York time of day; None when the ticker names none.
    """

    series: str
    period: str
    day: date | None
    hour: time | None

    def __str__(self) -> str:
        return f"{self.series}-{self.period}"


@dataclass(frozen=True, slots=True)
class MarketTicker:
    """A market's ticker, such as ``KXINX-25NOV04H1600-B6862``.

    Attributes:
        event: the event's ticker.
        strike: the strike as printed.
        kind: ``"T"``, ``"B"`` or empty for a bare number.
        number: the strike's number, signed.
    """

    event: EventTicker
    strike: str
    kind: str
    number: Decimal

    def __str__(self) -> str:
        return f"{self.event}-{self.strike}"


def parse_event(text: str) -> EventTicker:
    """Parse an event's ticker; raise ``TickerError`` outside the grammar or on an unreal date."""
    found = _EVENT.fullmatch(text)
    if found is None:
        raise TickerError(
            f"{text[:60]!r} is not an event ticker: expected SERIES-PERIOD, as KXINXU-25NOV04H1200"
        )
    year, month = 2000 + int(found["year"]), _MONTHS.index(found["month"]) + 1
    clock = found["time"] or (found["hour"] and f"{found['hour']}00")
    try:
        day = date(year, month, int(found["day"])) if found["day"] else None
        hour = time(int(clock[:2]), int(clock[2:])) if clock else None
    except ValueError as error:
        raise TickerError(f"{text[:60]!r} names no real date and time: {error}") from None
    return EventTicker(found["series"], found["period"], day, hour)


def parse_market(text: str) -> MarketTicker:
    """Parse a market's ticker; raise ``TickerError`` outside the grammar or on an unreal date."""
    found = _MARKET.fullmatch(text)
    if found is None:
        raise TickerError(
            f"{text[:60]!r} is not a market ticker: expected EVENT-STRIKE, "
            "as KXINXU-25NOV04H1200-T6844.9999"
        )
    number = Decimal(found["number"])
    return MarketTicker(
        event=parse_event(found["event"]),
        strike=found["strike"],
        kind=found["kind"],
        number=-number if found["minus"] else number,
    )


def index_event_ticker(series: str, fixing: datetime) -> str:
    """Return the ticker of an index event, named by its fixing in New York time.

    Raises:
        ValueError: when ``fixing`` carries no time zone.
        TickerError: when ``series`` is malformed or ``fixing`` is not on a whole minute.
    """
    local = require_aware(fixing).astimezone(NEW_YORK)
    if local.second or local.microsecond:
        raise TickerError(
            f"an event is named by a whole minute, and the fixing is {local:%H:%M:%S.%f}"
        )
    text = f"{series}-{local:%y}{_MONTHS[local.month - 1]}{local:%d}H{local:%H%M}"
    return str(parse_event(text))


def release_event_ticker(series: str, release: Release) -> str:
    """Return the ticker of a release's event: by month for prices, else by the day it speaks of.

    Weekly claims are named by the day they come out on.

    Raises:
        TickerError: when ``series`` is malformed.
    """
    out = release.at.astimezone(NEW_YORK).date()
    named = out if release.kind in _NAMED_BY_RELEASE else release.period
    text = f"{series}-{named:%y}{_MONTHS[named.month - 1]}"
    return str(parse_event(text if release.kind in _MONTHLY else f"{text}{named:%d}"))
