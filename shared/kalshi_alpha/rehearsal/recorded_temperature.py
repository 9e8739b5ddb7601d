"""The recorded temperature days that are shipped: what was listed, every trade, and who won.

Which degree was reported is not recorded, only the bracket that was paid: ``settled`` is the
bracket's lower end, or the nearest degree that an open one pays on.
"""

from __future__ import annotations

import csv
import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from importlib import resources
from typing import Any

from kalshi_alpha.clock import from_iso
from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.strikes import Payoff, Strike, strike_from_fields
from kalshi_alpha.markets.units import CENT, SIZE_UNIT

EVENTS, POOL, HORIZON, ODDS = "events.json", "pool.json", "horizon.json", "odds.json"


@dataclass(frozen=True, slots=True)
class RecordedMarket:
    """One bracket as it was listed, and what it paid."""

    ticker: str
    strike: Strike
    won: bool

    @property
    def payoff(self) -> Payoff:
        """Return the whole degrees it pays on."""
        return self.strike.payoff(1)


@dataclass(frozen=True, slots=True)
class RecordedTrade:
    """One public trade: price in 1/10000 dollar, size in 1/100 contract."""

    at: datetime
    ticker: str
    price: int
    size: int
    taker: Side


@dataclass(frozen=True, slots=True)
class RecordedDay:
    """One event.

    Attributes:
        event: its ticker.
        day: the climate day.
        opens: when trading began.
        closes: when it ended.
        markets: by strike, ascending.
        past: the newest official high that was certain when the day began: its date, and the lower
            end of the bracket that was paid; None where that is open downwards.
    """

    event: str
    day: date
    opens: datetime
    closes: datetime
    markets: tuple[RecordedMarket, ...]
    past: tuple[date, int] | None

    @property
    def series(self) -> str:
        """Return the event's series."""
        return self.event.partition("-")[0]

    @property
    def settled(self) -> int:
        """Return a degree of the bracket that was paid."""
        won = next(one.payoff for one in self.markets if one.won)
        found = won.low if won.low is not None else won.high
        assert found is not None  # a bracket has an end
        return found

    def trades(self) -> Iterator[RecordedTrade]:
        """Yield every trade, in time.

        Raises:
            DataError: when the file names a market that was not listed, or is garbled.
        """
        known = {one.ticker for one in self.markets}
        text = _folder().joinpath(f"{self.event}.csv").read_text("utf-8")
        try:
            for row in csv.DictReader(text.splitlines()):
                ticker = f"{self.event}-{row['strike']}"
                if ticker not in known:
                    raise DataError(
                        f"{self.event}.csv has a trade of {ticker}, which is not listed"
                    )
                yield RecordedTrade(
                    from_iso(row["at"]),
                    ticker,
                    int(row["yes_price"]) * CENT,
                    int(row["count"]) * SIZE_UNIT,
                    Side.BID if row["taker_yes"] == "1" else Side.ASK,
                )
        except (KeyError, ValueError) as error:
            raise DataError(f"{self.event}.csv cannot be read: {error!r}") from None


def recorded_days() -> Mapping[date, RecordedDay]:
    """Return the days that are shipped."""
    return {one.day: one for one in _events()}


def recorded_day(day: date) -> RecordedDay:
    """Return one day; raise ``ConfigurationError`` when it is not shipped."""
    try:
        return recorded_days()[day]
    except KeyError:
        shipped = ", ".join(f"{one.day}" for one in _events())
        raise ConfigurationError(
            f"no temperatures of {day} are recorded; there are: {shipped}"
        ) from None


def shipped_pool() -> bytes:
    """Return the pool's weights as they were fitted week by week, each on days before its first."""
    return bytes(_folder().joinpath(POOL).read_bytes())


def shipped_horizon() -> bytes:
    """Return the short horizon's weights by trades, fitted likewise."""
    return bytes(_folder().joinpath(HORIZON).read_bytes())


def shipped_odds() -> bytes:
    """Return the fill model of the signals, fitted likewise."""
    return bytes(_folder().joinpath(ODDS).read_bytes())


@functools.cache
def _events() -> tuple[RecordedDay, ...]:
    rows = json.loads(_folder().joinpath(EVENTS).read_text("utf-8"))
    return tuple(_event(row) for row in rows)


def _event(row: Mapping[str, Any]) -> RecordedDay:
    markets = [
        RecordedMarket(f"{row['event']}-{one['strike']}", _strike(one), one["result"] == "yes")
        for one in row["markets"]
    ]
    past = row["past"]
    low = None if past is None else _strike(past).payoff(1).low
    return RecordedDay(
        event=row["event"],
        day=date.fromisoformat(row["day"]),
        opens=from_iso(row["opens"]),
        closes=from_iso(row["closes"]),
        markets=tuple(sorted(markets, key=lambda one: one.payoff.low or -1000)),
        past=None if low is None else (date.fromisoformat(past["day"]), low),
    )


def _strike(row: Mapping[str, Any]) -> Strike:
    ends = [None if row[name] is None else Decimal(row[name]) for name in ("floor", "cap")]
    return strike_from_fields(row["kind"], *ends)


def _folder() -> Any:
    return resources.files("kalshi_alpha.rehearsal").joinpath("data", "temperature")
