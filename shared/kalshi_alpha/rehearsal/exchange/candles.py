"""Candlesticks of a market, made from its tape."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kalshi_alpha.markets.units import PRICE_UNIT, price_text, size_text
from kalshi_alpha.rehearsal.exchange.model import Market, Trade


def candlesticks(
    market: Market, start: datetime, end: datetime, minutes: int
) -> list[dict[str, Any]]:
    """Return one candle for each period with a trade; the series is sparse, as the venue's is."""
    width = 60 * minutes
    periods: dict[int, list[Trade]] = {}
    for trade in market.trades:
        if start <= trade.at <= end:
            stamp = int(trade.at.timestamp())
            periods.setdefault(stamp - stamp % width + width, []).append(trade)
    previous = 0
    candles = []
    for period_end, trades in sorted(periods.items()):
        candles.append(_candle(period_end, trades, previous))
        previous = trades[-1].price
    return candles


def _candle(period_end: int, trades: list[Trade], previous: int) -> dict[str, Any]:
    prices = [trade.price for trade in trades]
    size = sum(trade.size for trade in trades)
    mean = sum(trade.price * trade.size for trade in trades) // size
    price = {
        "open_dollars": price_text(prices[0]),
        "low_dollars": price_text(min(prices)),
        "high_dollars": price_text(max(prices)),
        "close_dollars": price_text(prices[-1]),
        "mean_dollars": price_text(mean),
        "min_dollars": price_text(min(prices)),
        "max_dollars": price_text(max(prices)),
        "previous_dollars": price_text(previous),
    }
    around = {name: price[f"{name}_dollars"] for name in ("open", "low", "high", "close")}
    quotes = {f"{name}_dollars": text for name, text in around.items()}
    return {
        "end_period_ts": period_end,
        "yes_bid": quotes,
        "yes_ask": {name: _at_most_a_dollar(text) for name, text in quotes.items()},
        "price": price,
        "volume_fp": size_text(size),
        "open_interest_fp": size_text(size),
    }


def _at_most_a_dollar(text: str) -> str:
    return min(text, price_text(PRICE_UNIT))
