"""Recorded days of temperature markets: what each market pays on, what traded, what it paid."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.markets.contracts import Contract
from kalshi_alpha.markets.strikes import strike_from_fields
from kalshi_alpha.markets.tickers import parse_market
from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.research.backtest.loading import CENTS
from kalshi_alpha.research.data.findings import refusal
from kalshi_alpha.research.market.columns import read_table, require
from kalshi_alpha.research.replay.recorded_trades import read_recorded, read_results
from kalshi_alpha.research.replay.tape import Kind, Tape

NS = 1_000_000_000
LOOKED_UNTIL = time(16)  # New York; by then the day's highest temperature is mostly known
MEMORY_S, VOTES = 3600.0, 8
_COLUMNS = ("ticker", "strike_type", "floor_strike", "cap_strike", "close_time")


@dataclass(frozen=True, slots=True)
class Event:
    """One day's markets as recorded, and what each paid."""

    name: str
    day: date
    tape: Tape
    contracts: tuple[Contract, ...]
    paid: Mapping[str, bool]

    @property
    def until_s(self) -> float:
        """Return four in the afternoon in New York, seconds since 1970 UTC."""
        return datetime.combine(self.day, LOOKED_UNTIL, NEW_YORK).timestamp()


@dataclass(frozen=True, slots=True)
class Trades:
    """Times and prices of each market's trades, seconds and dollars."""

    at: tuple[list[float], ...]
    price: tuple[list[float], ...]

    @classmethod
    def of(cls, tape: Tape) -> Trades:
        """Read them off a tape."""
        at: list[list[float]] = [[] for _ in tape.names]
        price: list[list[float]] = [[] for _ in tape.names]
        traded = tape.kind == Kind.TRADE
        rows = zip(
            tape.name[traded].tolist(), tape.exch_ns[traded].tolist(), tape.price[traded].tolist(),
            strict=True,
        )  # fmt: skip
        for name, when, cents in rows:
            at[name].append(when / NS)
            price[name].append(cents / PRICE_UNIT)
        return cls(tuple(at), tuple(price))

    def middle(self, market: int, by: float) -> float | None:
        """Return the middle of the last trades up to ``by``, None without one of the last hour."""
        end = bisect_right(self.at[market], by)
        begin = max(bisect_right(self.at[market], by - MEMORY_S), end - VOTES)
        return statistics.median(self.price[market][begin:end]) if end > begin else None


def read_events(
    series: str, data: Sequence[Path], markets: Path, first: date | None, last: date | None
) -> tuple[list[Event], dict[str, Any]]:
    """Return the events that can be played, and what was asked for and found."""
    results, strikes = read_results(markets), _strikes(markets)
    events: list[Event] = []
    asked, missing = 0, Counter[str]()
    rows = [0, 0]
    for file in data:
        tape, coverage = read_recorded(file, results=results)
        rows[0] += len(tape)
        by_event: dict[tuple[date, str], list[int]] = defaultdict(list)
        for k, name in enumerate(tape.names):
            event = parse_market(name).event
            if event.series.removeprefix("KX") != series.removeprefix("KX"):
                raise refusal(file, "series", f"it holds {name} and --series says {series}")
            day = event.day
            if day is not None and (first or day) <= day <= (last or day):
                by_event[day, str(event)].append(k)
        for (day, name), codes in sorted(by_event.items()):
            asked += 1
            tickers = [tape.names[k] for k in codes]
            if any(gone in coverage.excluded for gone in ((t, day) for t in tickers)):
                missing["unsound"] += 1
            elif any(t not in results or t not in strikes for t in tickers):
                missing["no-settlement"] += 1
            else:
                part = tape.where(np.isin(tape.name, codes)).only(tickers)
                rows[1] += len(part)
                paid = {t: results[t] == "yes" for t in tickers}
                contracts = tuple(strikes[t] for t in tickers)
                events.append(Event(name, day, part, contracts, paid))
    return events, {
        "days_requested": asked,
        "days_loaded": len(events),
        "missing": dict(sorted(missing.items())),
        "rows_read": rows[0],
        "rows_played": rows[1],
    }


def _strikes(markets: Path) -> dict[str, Contract]:
    _, table = read_table(markets)
    require(markets, table, _COLUMNS)
    found = {}
    for row in table.select(_COLUMNS).to_pylist():
        ticker = parse_market(row["ticker"])
        floor, cap = (
            None if row[k] is None or math.isnan(row[k]) else Decimal(str(row[k]))
            for k in ("floor_strike", "cap_strike")
        )
        found[str(ticker)] = Contract(
            ticker=str(ticker),
            event_ticker=str(ticker.event),
            series=ticker.event.series,
            payoff=strike_from_fields(row["strike_type"], floor, cap).payoff(1),
            grid=CENTS,
            open_at=row["close_time"],
            close_at=row["close_time"],
            status="finalized",
        )
    return found
