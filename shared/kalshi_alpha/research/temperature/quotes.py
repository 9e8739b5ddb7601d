"""Recorded quotes of the New York ladder: best bid and best ask of every bracket at each change.

The recording names no strikes: they are read off the tickers, of which the lowest threshold pays
below and the highest above. It carries no results either, so that it serves for short horizons and
not for probabilities. Gaps of hours are in it: an instant whose newest quote of the event is older
than ``GAP_S`` is no moment to learn from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kalshi_alpha.errors import ContractError, TickerError
from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.stations import Stations
from kalshi_alpha.markets.tickers import EventTicker, MarketTicker, parse_market
from kalshi_alpha.momentum.brackets import BracketSet, bracket_set
from kalshi_alpha.momentum.recent import NEVER_S
from kalshi_alpha.research.data.findings import Bools, Floats, Ints
from kalshi_alpha.research.market.columns import moments, numbers, read_table, require, words
from kalshi_alpha.research.temperature.panel import shares_of
from kalshi_alpha.research.temperature.trades import start_of

FOLDER, FILE = "kalshi_high_ny_quotes", "quotes.parquet"
GAP_S = 600.0
_CENTS = 100.0
_COLUMNS = ("ticker", "ts_utc", "yes_bid", "no_bid")


@dataclass(frozen=True, slots=True)
class Quoted:
    """One event's quotes.

    Attributes:
        name: its ticker.
        day: of the event, as a number.
        start_s: first instant of the climate day, seconds since 1970 UTC.
        brackets: ascending.
        at: times of the changes, ascending; [changes].
        place: of the bracket that each change is of; [changes].
        bid: dollars after each change, 0 for none, NaN before the first; [changes, brackets].
        ask: dollars, 1 for none; likewise.
        heard: time of each bracket's newest change, minus infinity before; [changes, brackets].
        pushed: running sum of signed moves of its two prices, in cents; [changes + 1, brackets].
    """

    name: str
    day: int
    start_s: float
    brackets: BracketSet
    at: Floats
    place: Ints
    bid: Floats
    ask: Floats
    heard: Floats
    pushed: Floats

    @property
    def changes(self) -> Floats:
        """Return when quotes changed, but for the first changes after a gap."""
        late = np.diff(self.at, prepend=-np.inf) > GAP_S
        return self.at[~late]

    def shares(self, instants: Floats) -> Floats:
        """Return the middles normalised to one; [instants, brackets]."""
        rows = self._before(instants) - 1
        middle = (self.bid + self.ask) / 2.0
        return shares_of(np.where((rows >= 0)[:, None], middle[np.maximum(rows, 0)], np.nan))

    def skew(self, instants: Floats) -> Floats:
        """Return 0: a middle of quotes has no newest price beside it."""
        return np.zeros((len(instants), len(self.brackets)))

    def age(self, instants: Floats) -> Floats:
        """Return the seconds since each bracket's quotes changed; [instants, brackets]."""
        rows = self._before(instants) - 1
        heard = np.where((rows >= 0)[:, None], self.heard[np.maximum(rows, 0)], -np.inf)
        return np.minimum(instants[:, None] - heard, NEVER_S)

    def flow_over(self, instants: Floats, seconds: float) -> Floats:
        """Return cents by which bid and ask went up over the seconds before, times a hundred."""
        now, then = self._before(instants), self._before(instants - seconds)
        found: Floats = (self.pushed[now] - self.pushed[then]) * _CENTS
        return found

    def count_over(self, instants: Floats, seconds: float) -> Floats:
        """Return the number of changes over the seconds before; [instants]."""
        return (self._before(instants) - self._before(instants - seconds)).astype(np.float64)

    def _before(self, instants: Floats) -> Ints:
        return np.searchsorted(self.at, instants, "right").astype(np.int64)


def file_of(data: Path) -> Path | None:
    """Return the file of quotes beside or in a folder, None where there is none."""
    for one in (data / FOLDER / FILE, data.parent / FOLDER / FILE, data / FILE):
        if one.is_file():
            return one
    return None


def load_quotes(file: Path, stations: Stations) -> tuple[tuple[Quoted, ...], Mapping[str, int]]:
    """Return every event with sound brackets, by day, and those left out by the rule they broke.

    Raises:
        DataError: naming file, row and rule for a file that cannot be used.
    """
    _, table = read_table(file)
    require(file, table, _COLUMNS)
    row = np.arange(1, table.num_rows + 1, dtype=np.int64)
    code, names = words(file, "ticker", table["ticker"], row)
    at = moments(file, "ts_utc", table["ts_utc"], row)
    bid, no_bid = (numbers(file, k, table[k], row) / _CENTS for k in _COLUMNS[2:])
    ladders, left_out = _ladders(names, stations)
    place = {name: k for k, name in enumerate(names)}
    found = []
    for one in ladders:
        which = np.full(len(names), -1, dtype=np.int64)
        which[[place[ticker] for ticker in one.brackets.tickers]] = np.arange(len(one.brackets))
        rows = np.flatnonzero(which[code] >= 0)
        rows = rows[np.argsort(at[rows], kind="stable")]
        found.append(_quoted(one, at[rows], which[code[rows]], bid[rows], 1.0 - no_bid[rows]))
    return tuple(sorted(found, key=lambda one: one.day)), left_out


@dataclass(frozen=True, slots=True)
class _Ladder:
    name: str
    day: int
    start_s: float
    brackets: BracketSet


def _ladders(names: Sequence[str], stations: Stations) -> tuple[list[_Ladder], dict[str, int]]:
    """Return the sound ladders that tickers make, and the others by the rule they broke."""
    left_out: Counter[str] = Counter()
    by_event: dict[EventTicker, list[MarketTicker]] = {}
    for name in names:
        try:
            ticker = parse_market(name)
        except TickerError:
            left_out["ticker"] += 1
        else:
            by_event.setdefault(ticker.event, []).append(ticker)
    found = []
    for event, tickers in by_event.items():
        station = stations.by_series.get("KX" + event.series.removeprefix("KX"))
        if station is None or event.day is None:
            left_out["no-station"] += 1
            continue
        try:
            brackets = bracket_set(_payoffs(tickers))
        except ContractError as error:
            left_out[error.code] += 1
            continue
        day, start_s = event.day.toordinal(), start_of(station, event.day)
        found.append(_Ladder(str(event), day, start_s, brackets))
    return found, dict(left_out)


def _quoted(ladder: _Ladder, at: Floats, bracket: Ints, bid: Floats, ask: Floats) -> Quoted:
    mine: Bools = bracket[:, None] == np.arange(len(ladder.brackets))
    every = np.arange(len(at), dtype=np.int64)[:, None]
    latest = np.maximum.accumulate(np.where(mine, every, -1), axis=0)
    bids, asks = (np.append(side, np.nan)[latest] for side in (bid, ask))
    heard = np.append(at, -np.inf)[latest]
    moved = np.diff(bids + asks, axis=0, prepend=np.nan)  # no move before there is a price
    pushed = np.cumsum(np.nan_to_num(moved), axis=0) * _CENTS
    begin = np.zeros((1, len(ladder.brackets)))
    return Quoted(
        ladder.name,
        ladder.day,
        ladder.start_s,
        ladder.brackets,
        at,
        bracket,
        bids,
        asks,
        heard,
        np.concatenate([begin, pushed]),
    )


def _payoffs(tickers: Sequence[MarketTicker]) -> list[tuple[str, Payoff]]:
    """Return what each ticker pays on, the thresholds told apart by their order."""
    ends = sorted(one.number for one in tickers if one.kind == "T")
    found = []
    for one in tickers:
        if one.kind == "B":
            low = int(one.number - one.number % 1)
            found.append((str(one), Payoff(low, low + 1)))
        elif one.number == ends[0]:
            found.append((str(one), Payoff(None, int(one.number) - 1)))
        else:
            found.append((str(one), Payoff(int(one.number) + 1, None)))
    return found
