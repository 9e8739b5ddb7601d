"""Temperature trades beside their results. There is no law of temperatures: the market speaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.data.findings import Bools, Floats, refusal
from kalshi_alpha.research.market.cases import Excluded, MarketCases, require_both_outcomes
from kalshi_alpha.research.market.columns import moments, read_table, require, words
from kalshi_alpha.research.market.trades import Trades

COLUMNS = ("ticker", "result", "close_time")


@dataclass(frozen=True, slots=True)
class Results:
    """What markets paid.

    Attributes:
        paid: by ticker, 1 for yes and 0 for no.
        closed: by ticker, when trading ended, in seconds since 1970 UTC.
    """

    paid: dict[str, float]
    closed: dict[str, float]


def read_results(file: Path) -> Results:
    """Read a file of markets with ``ticker``, ``result`` and ``close_time``.

    Raises:
        DataError: naming file, row and rule, when it is not of the form, or names a market twice.
    """
    _, table = read_table(file)
    require(file, table, COLUMNS)
    row = np.arange(1, table.num_rows + 1, dtype=np.int64)
    ticker, names = words(file, "ticker", table["ticker"], row)
    result, given = words(file, "result", table["result"], row)
    closed = moments(file, "close_time", table["close_time"], row)
    paid: dict[str, float] = {}
    ends: dict[str, float] = {}
    for k, place in enumerate(ticker):
        name, said = names[place], given[result[k]]
        if name in ends:
            raise refusal(file, "repeat", f"{name} is there a second time", row=k + 1)
        ends[name] = float(closed[k])
        if said in ("yes", "no"):
            paid[name] = 1.0 if said == "yes" else 0.0
    return Results(paid, ends)


def temperature_cases(
    trades: Sequence[Trades], results: Results
) -> tuple[MarketCases, tuple[Excluded, ...]]:
    """Return the trades whose market's result is known, in order of event day and time.

    Raises:
        DataError: when none is left, or a file lacks its winners or its losers.
    """
    parts, excluded, markets = [], list[Excluded](), 0
    for file in trades:
        part, left_out = _one_file(file, results, markets)
        markets += len(file.tickers)
        excluded += left_out
        if len(part):
            parts.append(part)
    if not parts:
        raise DataError(
            "no trade is left to score: " + "; ".join(each.sentence for each in excluded)
        )
    joined = [np.concatenate([getattr(p, name) for p in parts]) for name in MarketCases.__slots__]
    cases = MarketCases(*joined)
    order = np.lexsort((-cases.minutes, cases.day))
    return cases.where(order), tuple(excluded)


def _one_file(trades: Trades, results: Results, before: int) -> tuple[MarketCases, list[Excluded]]:
    names = [str(ticker) for ticker in trades.tickers]
    paid: Floats = np.array([results.paid.get(name, np.nan) for name in names])[trades.market]
    closed: Floats = np.array([results.closed.get(name, np.nan) for name in names])[trades.market]
    minutes = (closed - trades.at) / 60.0
    unknown: Bools = np.isnan(paid)
    after: Bools = ~unknown & ~(minutes > 0)
    excluded = []
    for rule, out, why in (
        ("no-result", unknown, "is of a market whose result is not in the file of markets"),
        ("after-close", after, "is later than its market's close"),
    ):
        if out.any():
            count = int(out.sum())
            row = trades.row[int(np.argmax(out))]
            sentence = (
                f"{trades.file.name}, row {row}: it {why}; {count} rows left out [rule {rule}]"
            )
            excluded.append(Excluded(rule, count, sentence))
    events = {str(ticker.event): k for k, ticker in enumerate(trades.tickers)}
    event = np.array([before + events[str(t.event)] for t in trades.tickers])[trades.market]
    keep: Bools = ~(unknown | after)
    cases = MarketCases(
        day=trades.event,
        event=event.astype(np.int64),
        side=(before + trades.market) * 2 + trades.side,
        minutes=minutes,
        price=trades.price,
        happened=paid,
        ours=np.full(len(trades), np.nan),
    ).where(keep)
    if len(cases):
        market = trades.market[keep]
        require_both_outcomes(str(trades.file), cases.event, market, cases.price, cases.happened)
    return cases, excluded
