"""How far a forecast is off by lead, by way of the market.

No archive of forecasts as issued was to be had. What the brackets traded at before the climate day
began has a mean, its errors against the official high are measured here by lead, and a published
comparison puts a forecast's error a tenth above the market's. The factor is an input, and said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import optimize

from kalshi_alpha.errors import DataError, TickerError
from kalshi_alpha.families.temperature_parameters import LeadError
from kalshi_alpha.markets.climate_day import ClimateDay
from kalshi_alpha.markets.tickers import parse_market
from kalshi_alpha.research.scores.shapes import Floats, StudentT
from kalshi_alpha.research.temperature.weather_highs import Highs

LEADS = (18.0, 26.0, 34.0)  # hours before the day's end; all before the day warms
FORECAST_OVER_MARKET = 1.0 / 0.895  # the market's mean beat a forecast by 10 to 11 % of its error
_FEWEST_EVENTS = 30
_FEWEST_PRICED = 5  # of six brackets
_BEYOND = 2.0  # degrees from the nearest bracket's middle at which an open end is counted
_UNTRADED = 2.0  # cents


@dataclass(frozen=True, slots=True)
class Implied:
    """What an event traded at before its day.

    Attributes:
        day: the climate day.
        mean: implied mean in degrees by lead; absent where too few brackets had traded.
    """

    day: date
    mean: Mapping[float, float]


def implied_means(file: Path, offset: int) -> Iterator[Implied]:
    """Yield the implied means of each event of a file of trades, in order of days.

    Events without exactly four closed and two open brackets among their trades are passed over.

    Raises:
        DataError: when the file is not there or not of that form.
    """
    try:
        table = pq.read_table(file, columns=["event_day", "ticker", "ts_utc", "yes_price"])
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"the trades in {file} cannot be read: {error}") from None
    table = table.sort_by([("ts_utc", "ascending")])
    days = np.array([str(day)[:10] for day in table["event_day"].to_pylist()])
    tickers = np.array(table["ticker"].to_pylist(), dtype=np.str_)
    times = table["ts_utc"].cast(pa.int64()).to_numpy() / 1e6
    prices = table["yes_price"].to_numpy().astype(np.float64)
    for name in sorted(set(days.tolist())):
        mine = days == name
        middles = _middles(sorted(set(tickers[mine].tolist())))
        if middles:
            day = ClimateDay(date.fromisoformat(name), offset)
            yield Implied(day.date, _means(middles, day, tickers[mine], times[mine], prices[mine]))


def lead_errors(highs: Highs, implied: list[Implied]) -> tuple[tuple[LeadError, ...], float]:
    """Return a forecast's errors by lead, and the freedom of their law.

    Raises:
        DataError: when fewer than thirty events have a known high and a mean at some lead.
    """
    # A longer lead is never taken for a surer one: with few events it may come out so.
    known = dict(zip(highs.day.tolist(), highs.degrees.tolist(), strict=True))
    found: list[LeadError] = []
    standard = []
    for lead in LEADS:
        away = np.array([
            known[one.day.toordinal()] - one.mean[lead]
            for one in implied
            if lead in one.mean and one.day.toordinal() in known
        ])  # fmt: skip
        if len(away) < _FEWEST_EVENTS:
            raise DataError(f"{len(away)} events of {highs.station} reach {lead:.0f} hours back")
        spread = round(float(np.sqrt(np.mean(away**2))) * FORECAST_OVER_MARKET, 2)
        found.append(LeadError(lead, 0.0, max([spread, *(one.spread for one in found)])))
        standard.append(away / np.sqrt(np.mean(away**2)))
    return tuple(found), round(_freedom(standard[0]), 1)


def _freedom(standard: Floats) -> float:
    """Return the freedom with the highest likelihood, from 3 to 30."""

    def minus(freedom: float) -> float:
        return -float(StudentT(freedom).log_density(standard).sum())

    return float(optimize.minimize_scalar(minus, bounds=(3.0, 30.0), method="bounded").x)


def _middles(tickers: list[str]) -> Mapping[str, float]:
    """Return the middle of each bracket, or nothing unless there are four and two open ends."""
    try:
        read = {ticker: parse_market(ticker) for ticker in tickers}
    except TickerError:
        return {}
    closed = sorted(float(one.number) for one in read.values() if one.kind == "B")
    if len(closed) != 4 or len(read) != 6:
        return {}
    low, high = closed[0] - _BEYOND, closed[-1] + _BEYOND
    return {
        ticker: float(one.number)
        if one.kind == "B"
        else (low if float(one.number) < closed[0] else high)
        for ticker, one in read.items()
    }


def _means(
    middles: Mapping[str, float],
    day: ClimateDay,
    tickers: np.ndarray[tuple[int], np.dtype[np.str_]],
    times: Floats,
    prices: Floats,
) -> dict[float, float]:
    found = {}
    for lead in LEADS:
        until = int(np.searchsorted(times, (day.end - timedelta(hours=lead)).timestamp()))
        last = dict(zip(tickers[:until].tolist(), prices[:until].tolist(), strict=True))
        if len(last) >= _FEWEST_PRICED:
            price = {ticker: last.get(ticker, _UNTRADED) for ticker in middles}
            found[lead] = sum(p * middles[t] for t, p in price.items()) / sum(price.values())
    return found
