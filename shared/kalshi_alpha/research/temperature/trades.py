"""Recorded events of the temperature ladders: brackets, trades, and which bracket won.

An event is used when its brackets cover every whole degree once, exactly one of them won, and it
traded. What is left out is counted by the rule it broke. Days are climate days: midnight to
midnight of the station's standard time.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np

from kalshi_alpha.errors import ContractError, DataError, TickerError
from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.stations import Station, Stations
from kalshi_alpha.markets.strikes import strike_from_fields
from kalshi_alpha.markets.tickers import parse_event
from kalshi_alpha.momentum.brackets import BracketSet, bracket_set
from kalshi_alpha.research.data.findings import Bools, Floats, Ints, refusal
from kalshi_alpha.research.market.columns import (
    moments,
    numbers,
    read_table,
    require,
    truths,
    words,
)

MARKETS = "markets.parquet"
TRADES = "trades_*.parquet"
FOLDER = "kalshi_high"
WHOLE_DEGREE = 1
_CENTS = 100.0
_MARKET_COLUMNS = (
    "ticker", "event_ticker", "strike_type", "floor_strike", "cap_strike", "result",
)  # fmt: skip
_TRADE_COLUMNS = ("ticker", "ts_utc", "count", "yes_price", "taker_yes")


@dataclass(frozen=True, slots=True)
class Event:
    """One day of one city: its brackets ascending, what won, and every trade in order of time.

    Attributes:
        name: the event's ticker.
        series: the venue's name of the series today, ``KXHIGHNY``.
        day: the climate day.
        start_s: its first instant, seconds since 1970 UTC.
        brackets: ascending, without a hole and without an overlap.
        winner: place of the bracket that paid.
        at: time of each trade, seconds since 1970 UTC; ascending; [trades].
        bracket: place of its bracket; [trades].
        price: dollars for YES; [trades].
        count: contracts; [trades].
        bought: whether the taker bought YES; [trades].
    """

    name: str
    series: str
    day: date
    start_s: float
    brackets: BracketSet
    winner: int
    at: Floats
    bracket: Ints
    price: Floats
    count: Floats
    bought: Bools

    def until(self, instant: float) -> Event:
        """Return the event as it was known at an instant: the later trades are gone."""
        end = int(np.searchsorted(self.at, instant, "right"))
        rows = slice(0, end)
        return Event(
            self.name, self.series, self.day, self.start_s, self.brackets, self.winner,
            self.at[rows], self.bracket[rows], self.price[rows], self.count[rows],
            self.bought[rows],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a folder holds.

    Attributes:
        events: those that can be used, by day and name.
        left_out: events by the rule they broke.
        files: what was read.
        trades: rows read.
    """

    events: tuple[Event, ...]
    left_out: Mapping[str, int]
    files: tuple[Path, ...]
    trades: int


@dataclass(frozen=True, slots=True)
class _Listed:
    series: str
    day: date
    start_s: float
    brackets: BracketSet
    winner: int


def folder_of(data: Path) -> Path:
    """Return the folder of trades: the one given, or ``kalshi_high`` in it.

    Raises:
        DataError: when neither holds markets.
    """
    for one in (data, data / FOLDER):
        if (one / MARKETS).is_file():
            return one
    raise DataError(f"{data} holds no {MARKETS}, and no {FOLDER}/{MARKETS}: name another folder")


def load(folders: Sequence[Path], stations: Stations) -> Recorded:
    """Read every event of the folders.

    Args:
        folders: each with ``markets.parquet`` and ``trades_*.parquet``; one event in one folder.
        stations: where the series are measured.

    Raises:
        DataError: naming file, row and rule for a file that cannot be used; when an event is
            there twice; when nothing is left.
    """
    found: dict[str, Event] = {}
    left_out: Counter[str] = Counter()
    files: list[Path] = []
    rows = 0
    for folder in map(folder_of, folders):
        listed, missing = _listed(folder / MARKETS, stations)
        left_out.update(missing.values())
        refused = missing.keys()
        traded = sorted(folder.glob(TRADES))
        files += [folder / MARKETS, *traded]
        seen: set[str] = set()
        for file in traded:
            events, untold, read = _events(file, listed)
            rows += read
            left_out["no-result"] += len(untold - refused)
            for event in events:
                if event.name in found:
                    raise refusal(file, "repeat", f"the event {event.name} was read before")
                found[event.name] = event
                seen.add(event.name)
        left_out["no-trades"] += len(listed) - len(seen)
    if not found:
        raise DataError(f"no event of {len(files)} files has brackets, a winner and trades")
    order = sorted(found.values(), key=lambda one: (one.day, one.name))
    return Recorded(tuple(order), {k: n for k, n in left_out.items() if n}, tuple(files), rows)


def _listed(file: Path, stations: Stations) -> tuple[dict[str, _Listed], dict[str, str]]:
    """Return the sound events of a file of markets, and the rule that each other one broke."""
    _, table = read_table(file)
    require(file, table, _MARKET_COLUMNS)
    by_event: dict[str, list[Mapping[str, object]]] = {}
    for row in table.select(_MARKET_COLUMNS).to_pylist():
        by_event.setdefault(str(row["event_ticker"]), []).append(row)
    found: dict[str, _Listed] = {}
    left_out: dict[str, str] = {}
    for name, rows in by_event.items():
        try:
            found[name] = _one(name, rows, stations)
        except _Unusable as why:
            left_out[name] = str(why)
    return found, left_out


class _Unusable(ValueError):
    """An event that is left out; its message is the rule's name, and it never leaves here."""


def _one(name: str, rows: Sequence[Mapping[str, object]], stations: Stations) -> _Listed:
    try:
        ticker = parse_event(name)
    except TickerError:
        raise _Unusable("ticker") from None
    series = "KX" + ticker.series.removeprefix("KX")
    station = stations.by_series.get(series)
    if station is None or ticker.day is None:
        raise _Unusable("no-station")
    try:
        brackets = bracket_set(_market(row) for row in rows)
    except ContractError as error:
        raise _Unusable(error.code) from None
    paid = {str(row["ticker"]) for row in rows if row["result"] == "yes"}
    lost = sum(row["result"] == "no" for row in rows)
    if len(paid) != 1 or lost != len(rows) - 1:
        raise _Unusable("no-single-winner")
    winner = brackets.place(paid.pop())
    return _Listed(series, ticker.day, start_of(station, ticker.day), brackets, winner)


def start_of(station: Station, day: date) -> float:
    """Return the first instant of a station's climate day, seconds since 1970 UTC."""
    return station.day(day).start.timestamp()


def _market(row: Mapping[str, object]) -> tuple[str, Payoff]:
    ends = [_decimal(row[name]) for name in ("floor_strike", "cap_strike")]
    strike = strike_from_fields(str(row["strike_type"]), *ends)
    return str(row["ticker"]), strike.payoff(WHOLE_DEGREE)


def _decimal(value: object) -> Decimal | None:
    empty = value is None or (isinstance(value, float) and math.isnan(value))
    return None if empty else Decimal(str(value))


def _events(file: Path, listed: Mapping[str, _Listed]) -> tuple[list[Event], set[str], int]:
    """Return a file's events, the names of those nobody listed, and how many rows it has."""
    _, table = read_table(file)
    require(file, table, _TRADE_COLUMNS)
    row = np.arange(1, table.num_rows + 1, dtype=np.int64)
    code, names = words(file, "ticker", table["ticker"], row)
    at = moments(file, "ts_utc", table["ts_utc"], row)
    cents = numbers(file, "yes_price", table["yes_price"], row)
    count = numbers(file, "count", table["count"], row)
    bought = truths(file, "taker_yes", table["taker_yes"], row)
    wrong: Bools = ~((cents >= 1) & (cents <= 99) & (count > 0))
    if wrong.any():
        k = int(np.argmax(wrong))
        what = f"{count[k]:g} contracts at {cents[k]:g} cents is no trade"
        raise refusal(file, "price", what, row=k + 1, count=int(wrong.sum()))
    place = {
        ticker: (e, k) for e, one in listed.items() for k, ticker in enumerate(one.brackets.tickers)
    }
    traded = sorted({place[name][0] for name in names if name in place})
    number = {name: k for k, name in enumerate(traded)}
    where = [(number[place[n][0]], place[n][1]) if n in place else (-1, -1) for n in names]
    event, bracket = np.array(where, dtype=np.int64)[code].T
    order = np.lexsort((at, event))
    ends = np.searchsorted(event[order], np.arange(len(traded) + 1))
    found = []
    for k, name in enumerate(traded):
        rows, one = order[ends[k] : ends[k + 1]], listed[name]
        found.append(
            Event(
                name,
                one.series,
                one.day,
                one.start_s,
                one.brackets,
                one.winner,
                at[rows],
                bracket[rows],
                cents[rows] / _CENTS,
                count[rows],
                bought[rows],
            )
        )
    untold = {name.rpartition("-")[0] for name in names if name not in place}
    return found, untold, table.num_rows
