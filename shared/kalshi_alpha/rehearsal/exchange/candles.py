"""Candlesticks: the quotes and trades of every market, kept by the minute as they happen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import PRICE_UNIT, price_text, size_text
from kalshi_alpha.rehearsal.exchange.engine import Engine
from kalshi_alpha.rehearsal.exchange.model import Market, Trade

_MINUTE = 60


@dataclass(slots=True)
class _Range:
    """First, lowest, highest and last of a price."""

    first: int
    low: int
    high: int
    last: int

    @classmethod
    def of(cls, price: int) -> _Range:
        return cls(price, price, price, price)

    def see(self, price: int) -> None:
        self.low, self.high, self.last = min(self.low, price), max(self.high, price), price

    def join(self, later: _Range) -> _Range:
        low, high = min(self.low, later.low), max(self.high, later.high)
        return _Range(self.first, low, high, later.last)

    def view(self) -> dict[str, str]:
        named = {"open": self.first, "low": self.low, "high": self.high, "close": self.last}
        return {f"{name}_dollars": price_text(price) for name, price in named.items()}


@dataclass(slots=True)
class _Candle:
    """What one period saw; ``price`` is None without a trade."""

    bid: _Range
    ask: _Range
    price: _Range | None = None
    volume: int = 0
    turnover: int = 0
    open_interest: int = 0

    def join(self, later: _Candle) -> _Candle:
        price = self.price or later.price
        if self.price is not None and later.price is not None:
            price = self.price.join(later.price)
        return _Candle(
            self.bid.join(later.bid),
            self.ask.join(later.ask),
            price,
            self.volume + later.volume,
            self.turnover + later.turnover,
            later.open_interest,
        )


@dataclass
class Candles:
    """Listens to an engine and keeps a candle a minute of every market that moves."""

    engine: Engine
    _minutes: dict[str, dict[int, _Candle]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start listening."""
        self.engine.listeners.append(self._on_event)

    def view(
        self, market: Market, start: datetime, end: datetime, minutes: int
    ) -> list[dict[str, Any]]:
        """Return the candles of the periods that end in ``[start, end]`` and saw something."""
        width = _MINUTE * minutes
        periods: dict[int, _Candle] = {}
        for minute, candle in self._minutes.get(market.ticker, {}).items():
            ends = minute - minute % width + width
            known = periods.get(ends)
            periods[ends] = candle if known is None else known.join(candle)
        return list(_views(periods.items(), start.timestamp(), end.timestamp()))

    def _on_event(self, kind: str, what: dict[str, Any]) -> None:
        if kind == "delta":
            self._now(what["market"])
        elif kind == "trade":
            self._trade(what["trade"])
        elif kind == "listed":  # as new markets come, those that were archived are let go
            for gone in self._minutes.keys() - self.engine.markets.keys():
                del self._minutes[gone]

    def _now(self, market: Market) -> _Candle:
        """Return this minute's candle, with the quotes as they are now in it."""
        bid, ask = market.best(Side.BID) or 0, market.best(Side.ASK) or PRICE_UNIT
        stamp = int(self.engine.clock.now().timestamp())
        kept = self._minutes.setdefault(market.ticker, {})
        candle = kept.get(stamp - stamp % _MINUTE)
        if candle is None:
            before = next(reversed(kept.values()), None)
            opens = (bid, ask) if before is None else (before.bid.last, before.ask.last)
            candle = _Candle(_Range.of(opens[0]), _Range.of(opens[1]))
            kept[stamp - stamp % _MINUTE] = candle
        candle.bid.see(bid)
        candle.ask.see(ask)
        candle.open_interest = market.open_interest
        return candle

    def _trade(self, trade: Trade) -> None:
        candle = self._now(self.engine.markets[trade.ticker])
        if candle.price is None:
            candle.price = _Range.of(trade.price)
        else:
            candle.price.see(trade.price)
        candle.volume += trade.size
        candle.turnover += trade.price * trade.size


def _views(
    periods: Iterable[tuple[int, _Candle]], start: float, end: float
) -> Iterable[dict[str, Any]]:
    previous: int | None = None
    for ends, candle in sorted(periods, key=lambda period: period[0]):
        if start <= ends <= end:
            yield {
                "end_period_ts": ends,
                "yes_bid": candle.bid.view(),
                "yes_ask": candle.ask.view(),
                "price": _price(candle, previous),
                "volume_fp": size_text(candle.volume),
                "open_interest_fp": size_text(candle.open_interest),
            }
        if candle.price is not None:
            previous = candle.price.last


def _price(candle: _Candle, previous: int | None) -> dict[str, str]:
    before = {} if previous is None else {"previous_dollars": price_text(previous)}
    if candle.price is None:
        return before
    mean = candle.turnover // candle.volume
    return candle.price.view() | before | {"mean_dollars": price_text(mean)}
