"""A climate day graded: every fill with its claim, and which of its minutes were up.

It is made from what each event left: the settled day, the reasons of its quotes and a look a
minute. One record holds all events of a climate day; the evening keeps it, and all of it can be
made again.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from kalshi_alpha.clock import iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.climate_day import ClimateDay
from kalshi_alpha.markets.orders import Fill
from kalshi_alpha.markets.temperature import FAMILY
from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.momentum.settled import Settled, SettledDay
from kalshi_alpha.momentum.wanted import QUOTE
from kalshi_alpha.trading.arming import Broker
from kalshi_alpha.trading.entries import PAPER_ORDER
from kalshi_alpha.trading.grades import PROOF_OF, GradedFill, grade_fill

SCHEMA = "kalshi-alpha/graded-climate-day/1"
MARKOUT_S = 60  # a look is kept once a minute: the first one this much later, or more
_LATE_S = 90.0  # and no later than this after that
_MINUTE_S = 60.0
_KIND = "range"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EventGrade:
    """One event of a climate day.

    Attributes:
        event: its ticker.
        source: whose fills: ``paper``, ``twin`` or ``live``; empty while it is not settled.
        settled: whether its books are closed.
        minutes: of trading in the day.
        up: of these, those in which a look said that everything was heard and nothing pulled.
        fills: graded.
        ungraded: ids of fills that no quote explains.
        verified: whether every order's end is known, as the venue tells it.
        differences: sentences, one for each thing that ledger and venue do not tell alike.
    """

    event: str
    source: str
    settled: bool
    minutes: int
    up: int
    fills: tuple[GradedFill, ...] = ()
    ungraded: tuple[str, ...] = ()
    verified: bool = False
    differences: tuple[str, ...] = ()

    @property
    def series(self) -> str:
        """Return its series."""
        return self.event.partition("-")[0]

    def clean(self, share: float) -> bool:
        """Say whether it is settled, and that share of its minutes or more was up."""
        return self.settled and self.up >= share * self.minutes


@dataclass(frozen=True, slots=True)
class GradedClimateDay:
    """A climate day: its events by ticker."""

    schema: str
    day: date
    events: tuple[EventGrade, ...]

    @property
    def settled(self) -> bool:
        """Say whether every event's books are closed."""
        return all(one.settled for one in self.events)

    @property
    def source(self) -> str:
        """Return whose fills they are; empty while nothing of it is settled."""
        return next((one.source for one in self.events if one.source), "")

    def to_bytes(self) -> bytes:
        """Return it as JSON, ending in a line feed."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes) -> GradedClimateDay:
        """Read what ``to_bytes`` wrote; raise ``DataError`` on anything else."""
        try:
            found = msgspec.json.decode(data, type=cls)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            raise DataError(f"a graded climate day cannot be read: {str(error)[:200]}") from None
        if found.schema != SCHEMA:
            raise DataError(
                f"a graded climate day is of schema {found.schema[:60]!r}, not {SCHEMA}"
            )
        return found


def grade_event(settled: SettledDay, leans: Iterable[Row], looks: Sequence[Row]) -> EventGrade:
    """Return the grade of a settled event.

    The claim of a fill is that of the last quote wanted before it in that market and side, at its
    price if one was; without one it is ungraded. Its markout is what we believed at the first look
    a minute after it or more.

    Args:
        settled: what the day came to.
        leans: decisions of the event, as recorded.
        looks: at its brackets, as recorded; ``heard`` says whether all could be quoted on.

    Raises:
        DataError: when a decision or a look is garbled.
    """
    try:
        whys = [_why(row) for row in leans if row["action"] == QUOTE]
        believed = _beliefs(looks)
        minutes, up = _minutes(settled.begins, settled.closes, looks)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"what {settled.event} left is garbled: {error!r}") from None
    # What was bought on paper before a day went live proves nothing of its live fills.
    mine = [
        one
        for one in settled.fills
        if settled.source != Broker.LIVE or not one.fill.order_id.startswith(PAPER_ORDER)
    ]
    graded = [(one.fill, _graded(settled, one, whys, believed)) for one in mine]
    return EventGrade(
        event=settled.event,
        source=settled.source,
        settled=True,
        minutes=minutes,
        up=up,
        fills=tuple(grade for _, grade in graded if grade is not None),
        ungraded=tuple(fill.fill_id for fill, grade in graded if grade is None),
        verified=settled.verified,
        differences=settled.differences,
    )


def open_event(event: str, day: ClimateDay, looks: Sequence[Row]) -> EventGrade:
    """Return the grade of an event whose books are not closed: minutes, and nothing else.

    Raises:
        DataError: when a look is garbled.
    """
    try:
        minutes, up = _minutes(day.start, day.end, looks)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"what {event} left is garbled: {error!r}") from None
    return EventGrade(event, "", settled=False, minutes=minutes, up=up)


def _graded(
    settled: SettledDay,
    one: Settled,
    whys: Sequence[Row],
    believed: Mapping[str, Sequence[tuple[float, float]]],
) -> GradedFill | None:
    fill = one.fill
    return grade_fill(
        fill,
        whys,
        day=settled.day,
        window_id=one.window_id,
        fixing=settled.closes,
        family=FAMILY,
        kind=_KIND,
        proof=PROOF_OF["paper" if fill.order_id.startswith(PAPER_ORDER) else "live"],
        yes_value=settled.values[fill.ticker] / PRICE_UNIT,
        markouts=_markouts(fill, believed.get(fill.ticker, ())),
    )


def _why(row: Row) -> Row:
    """Return a decision in the words of a window's why-record."""
    return {
        "decision": "quote",
        "at": iso(datetime.fromtimestamp(float(row["at"]), UTC)),
        "series": str(row["ticker"]).partition("-")[0],
        "ticker": row["ticker"],
        "side": row["side"],
        "price": row["price"],
        "probability": row["belief"],
    }


def _beliefs(looks: Iterable[Row]) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = {}
    for row in looks:
        found.setdefault(str(row["ticker"]), []).append((float(row["at"]), float(row["belief"])))
    return {ticker: sorted(pairs) for ticker, pairs in found.items()}


def _markouts(fill: Fill, believed: Sequence[tuple[float, float]]) -> dict[int, float]:
    """Return what was believed a minute later, less the price, by side; nothing when unknown."""
    since = fill.at.timestamp() + MARKOUT_S
    place = bisect_left(believed, (since, -math.inf))
    if place == len(believed) or believed[place][0] > since + _LATE_S:
        return {}
    return {MARKOUT_S: fill.side.sign * (believed[place][1] - fill.price / PRICE_UNIT)}


def _minutes(begins: datetime, closes: datetime, looks: Iterable[Row]) -> tuple[int, int]:
    """Return the minutes of trading, and those of them in which a look says that all was heard.

    A minute without a look, in which no process ran, is none of these.
    """
    minutes = math.ceil((closes - begins).total_seconds() / _MINUTE_S)
    start = begins.timestamp()
    places = {
        math.floor((float(row["at"]) - start) / _MINUTE_S)
        for row in looks
        if row.get("heard") is True
    }
    return minutes, sum(0 <= place < minutes for place in places)
