"""Index trades beside the law: which of them count, what they paid, what we would have said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.registry import Registry, Series
from kalshi_alpha.markets.tickers import MarketTicker
from kalshi_alpha.pricing.variance import SESSION_MINUTES
from kalshi_alpha.research.data.bars import new_york
from kalshi_alpha.research.data.faults import frozen_stretches
from kalshi_alpha.research.data.findings import Bools, Floats, Ints, day_of, number_of
from kalshi_alpha.research.data.panel import Panel
from kalshi_alpha.research.market.cases import Excluded, MarketCases, require_both_outcomes
from kalshi_alpha.research.market.trades import Trades
from kalshi_alpha.research.model.cases import OPEN_MINUTE
from kalshi_alpha.research.model.forecast import probabilities_above
from kalshi_alpha.research.model.laws import Dated
from kalshi_alpha.research.model.measured import Measured

# What an index may repeat while trades go on. Within a minute it moves by hundreds of its ticks:
# to find it on the same one again and again is the recording's doing.
STANDSTILL_S = 60.0
# How far the level may lie outside its minute's bar: feeds differ in when they stamp a print.
OFF_BARS = 5e-4
BELOW = 1e-4  # points under a range's lowest level, as thresholds are written


@dataclass(frozen=True, slots=True)
class IndexCases:
    """Index trades that count.

    Attributes:
        cases: in order of day and time.
        official: 1 where the official close would have paid, else 0; NaN where it is not known.
        distance: points from the settlement to the nearest strike.
        stale: our probability from the last complete bar's close instead of the second's level.
        excluded: what was left out.
    """

    cases: MarketCases
    official: Floats
    distance: Floats
    stale: Floats
    excluded: tuple[Excluded, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    """Trades with their clock and what pays.

    Attributes:
        trades: as read.
        minute: of the trade, after New York midnight, parts of a minute too.
        fixing: minute of the day of the fixing.
        low: settlements above this pay, points; NaN where the ticker does not say.
        high: and up to this, infinite for a threshold.
    """

    trades: Trades
    minute: Floats
    fixing: Ints
    low: Floats
    high: Floats

    def where(self, keep: Bools) -> _Seen:
        return _Seen(
            self.trades.where(keep),
            self.minute[keep],
            self.fixing[keep],
            self.low[keep],
            self.high[keep],
        )

    def pays(self, level: Floats) -> Floats:
        found: Floats = ((level > self.low) & (level <= self.high)).astype(np.float64)
        return found


def series_of(registry: Registry, name: str) -> Series:
    """Return a series of the registry.

    Raises:
        DataError: when it is not there.
    """
    if name not in registry.series:
        known = ", ".join(registry.series)
        raise DataError(f"the series {name!r} is not in the registry, which knows {known}")
    return registry.series[name]


def index_cases(
    trades: Trades,
    panel: Panel,
    sessions: Measured,
    source: Dated,
    registry: Registry,
    *,
    priced: Sequence[date] | None = None,
) -> IndexCases:
    """Return the trades of whole sessions beside what the law would have said then.

    Args:
        trades: of one index.
        panel: the finest bars, of the index itself.
        sessions: the same bars as the law reads them.
        source: its parameters by day.
        registry: where a part without a settlement basis takes it from.
        priced: days the parameters speak of; every session when None.

    Raises:
        DataError: when no trade is left, or the file lacks its winners or its losers.
    """
    days = sessions.days if priced is None else priced
    seen, excluded = _kept(_laid_out(trades, registry), panel, sessions, days)
    kept = seen.trades
    place = _places(kept.event, panel)
    end = seen.fixing - OPEN_MINUTE
    settled = panel.close[place, end // panel.step - 1]
    happened = seen.pays(settled)
    require_both_outcomes(str(trades.file), kept.event, kept.market, kept.price, happened)
    late = np.where(end == panel.minutes[place], panel.official[place], np.nan)
    cases = MarketCases(
        day=kept.event,
        event=kept.event * 1440 + seen.fixing,
        side=kept.market * 2 + kept.side,
        minutes=seen.fixing - seen.minute,
        price=kept.price,
        happened=happened,
        ours=_probabilities(seen, kept.level, sessions, source, registry),
    )
    return IndexCases(
        cases=cases,
        official=np.where(np.isnan(late), np.nan, seen.pays(late)),
        distance=np.minimum(np.abs(settled - seen.low), np.abs(settled - seen.high)),
        stale=_probabilities(seen, _behind(seen, panel, place), sessions, source, registry),
        excluded=tuple(excluded),
    )


def _laid_out(trades: Trades, registry: Registry) -> _Seen:
    ends, lows, highs = [], [], []
    for ticker in trades.tickers:
        hour = ticker.event.hour
        if hour is None:
            raise DataError(f"{trades.file}: {ticker} names no hour, and an index event has one")
        low, high = _pays(ticker, series_of(registry, ticker.event.series))
        ends.append(hour.hour * 60 + hour.minute)
        lows.append(low)
        highs.append(high)
    market = trades.market
    whole = np.floor(trades.at).astype(np.int64)
    minute = new_york(whole)[1] + (trades.at % 60.0) / 60.0
    fixing = np.array(ends, dtype=np.int64)[market]
    return _Seen(trades, minute, fixing, np.array(lows)[market], np.array(highs)[market])


def _pays(ticker: MarketTicker, series: Series) -> tuple[float, float]:
    number = float(ticker.number)
    if series.kind == "above" and ticker.kind == "T":
        return number, np.inf
    if series.kind == "range" and ticker.kind == "B":
        # The label is the middle of the range, cut to a whole number.
        low = number // series.strike_step * series.strike_step
        return low - BELOW, low + series.strike_step - BELOW
    return np.nan, np.nan


def _kept(
    seen: _Seen, panel: Panel, sessions: Measured, priced: Sequence[date]
) -> tuple[_Seen, list[Excluded]]:
    """Leave out, rule by rule, the rows that cannot be compared."""
    trades = seen.trades
    day, _ = new_york(trades.at.astype(np.int64))
    during = (day == trades.event) & (seen.minute >= OPEN_MINUTE) & (seen.minute < seen.fixing)
    whole = np.isin(trades.event, [number_of(each) for each in sessions.days])
    whole &= seen.fixing <= OPEN_MINUTE + SESSION_MINUTES
    unpriced = ~np.isin(trades.event, [number_of(each) for each in priced])
    rules = (
        ("outside-session", ~during, "traded outside the regular session of its event day"),
        ("no-whole-session", ~whole, "is of a day without a whole session of bars"),
        ("too-early", unpriced, "is of a day with too few sessions before it to fit on"),
        ("direction", np.isnan(seen.low), "has a strike that does not say which side pays"),
        ("frozen-index", _frozen(trades), f"has a level that stood still for {STANDSTILL_S:g} s"),
    )
    left = np.ones(len(trades), dtype=np.bool_)
    excluded: list[Excluded] = []
    for rule, out, why in rules:
        _leave_out(trades, left, out, rule, why, excluded)
    off = np.zeros(len(trades), dtype=np.bool_)
    off[left] = _off_bars(seen.where(left), panel)
    why = f"has a level over {OFF_BARS * 1e4:g} basis points outside its minute's bar"
    _leave_out(trades, left, off, "index-off-bars", why, excluded)
    if not left.any():
        counts = "; ".join(each.sentence for each in excluded)
        raise DataError(f"{trades.file}: no trade is left to score: {counts}")
    return seen.where(left), excluded


def _leave_out(
    trades: Trades, left: Bools, out: Bools, rule: str, why: str, excluded: list[Excluded]
) -> None:
    now = left & out
    if now.any():
        k, count = int(np.argmax(now)), int(now.sum())
        days = len(np.unique(trades.event[now]))
        sentence = (
            f"{trades.file.name}, row {trades.row[k]}: it {why}; {count} rows on {days} "
            f"day{'s' if days > 1 else ''} left out [rule {rule}]"
        )
        excluded.append(Excluded(rule, count, sentence))
    left &= ~out


def _frozen(trades: Trades) -> Bools:
    """Say where the level stands still, seen over the whole recording, nights too.

    The first second of a stretch brought news and stays. A level that stands still since the night
    before begins there, and so all of its rows in the session go.
    """
    found = np.zeros(len(trades), dtype=np.bool_)
    order = np.argsort(trades.at, kind="stable")
    at, level = trades.at[order], trades.level[order]
    for start, stop in frozen_stretches(at, level, STANDSTILL_S):
        found[order[start:stop]] = at[start:stop] > at[start]
    return found


def _off_bars(seen: _Seen, panel: Panel) -> Bools:
    """Say where the level is not one that its minute's bar can have shown."""
    place = _places(seen.trades.event, panel)
    bar = np.floor(seen.minute - OPEN_MINUTE).astype(np.int64) // panel.step
    top = panel.high[place, bar] * (1.0 + OFF_BARS)
    bottom = panel.low[place, bar] * (1.0 - OFF_BARS)
    return ~((seen.trades.level <= top) & (seen.trades.level >= bottom))


def _behind(seen: _Seen, panel: Panel, place: Ints) -> Floats:
    """Return the last complete bar's close, or the open in the first one."""
    bars = np.floor(seen.minute - OPEN_MINUTE).astype(np.int64) // panel.step
    last = panel.close[place, np.maximum(bars, 1) - 1]
    found: Floats = np.where(bars > 0, last, panel.open[place, 0])
    return found


def _probabilities(
    seen: _Seen, level: Floats, sessions: Measured, source: Dated, registry: Registry
) -> Floats:
    """Return the probability of what pays, day by day with the parameters of that day."""
    series = series_of(registry, seen.trades.tickers[0].event.series)
    symbol = registry.symbols[series.symbol]
    found = np.empty(len(level))
    for event, fixing in np.unique(np.stack([seen.trades.event, seen.fixing]), axis=1).T:
        here = (seen.trades.event == event) & (seen.fixing == fixing)
        at_close = int(fixing) == OPEN_MINUTE + SESSION_MINUTES
        part = source.parameters_on(day_of(event)).part(at_close=at_close)
        own = symbol.basis_close_points if at_close else symbol.basis_points
        start, end = seen.minute[here] - OPEN_MINUTE, float(fixing - OPEN_MINUTE)
        above = []
        for strike in (seen.low[here], seen.high[here]):
            bounded = np.isfinite(strike)
            each = np.zeros(len(strike))
            each[bounded] = probabilities_above(
                part,
                sessions,
                sessions.days.index(day_of(event)),
                start[bounded],
                end,
                level[here][bounded],
                strike[bounded],
                basis=part.basis or own,
            )
            above.append(each)
        found[here] = np.maximum(above[0] - above[1], 0.0)
    return found


def _places(event: Ints, panel: Panel) -> Ints:
    place = {number_of(day): k for k, day in enumerate(panel.days)}
    return np.array([place[int(day)] for day in event], dtype=np.int64)
