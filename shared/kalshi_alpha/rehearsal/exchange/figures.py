"""Events that a release decides, as the twin lists them, and what its crowd expects.

The shape is the venue's: thresholds paying upwards, a close before the release, a print hours
later. The crowd expects one value and is unsure of it by one deviation; it learns nothing before
the print.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from kalshi_alpha.clock import NEW_YORK, from_iso, iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.registry import Series, load_registry
from kalshi_alpha.markets.strikes import StrikeType, strike_from_fields
from kalshi_alpha.markets.ticks import TickGrid
from kalshi_alpha.markets.windows import release_window
from kalshi_alpha.pricing.fees import series_terms_at
from kalshi_alpha.rehearsal.exchange.model import Market

PRICE_RANGES = ({"start": "0.0000", "end": "1.0000", "step": "0.0100"},)
SETTLEMENT_TIMER_S = 300
STRIKES = 11  # the fewest seen on a release's ladder
_LISTED_BEFORE = timedelta(days=7)
_LATEST = timedelta(days=30)
_AT_LEAST = frozenset({"KXJOBLESSCLAIMS"})  # the others pay strictly above
_WORDS = {
    "KXCPI": "the consumer price index's change over one month, in percent,",
    "KXCPICORE": "the core consumer price index's change over one month, in percent,",
    "KXCPIYOY": "the consumer price index's change over twelve months, in percent,",
    "KXJOBLESSCLAIMS": "the advance figure of initial jobless claims",
    "KXUST10AD": "the 10-year Treasury par yield, in percent,",
    "KXAAAGASD": "the national average price of regular gasoline, in dollars,",
}


@dataclass(frozen=True, slots=True)
class FigureEvent:
    """One release's event of one series, as the twin plays it.

    Attributes:
        series: of the venue.
        closes_at: when trading ends, aware.
        released_at: when the figure is printed.
        expected: what the crowd expects, in the figure's units.
        deviation: how unsure it is, in the same, > 0.
        printed: what is printed.
    """

    series: str
    closes_at: datetime
    released_at: datetime
    expected: float
    deviation: float
    printed: float

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready copy."""
        times = {"closes_at": iso(self.closes_at), "released_at": iso(self.released_at)}
        numbers = {"expected": self.expected, "deviation": self.deviation, "printed": self.printed}
        return {"series": self.series, **times, **numbers}

    @classmethod
    def from_json(cls, doc: Mapping[str, Any]) -> FigureEvent:
        """Read what ``to_json`` wrote."""
        return cls(
            series=str(doc["series"]),
            closes_at=from_iso(doc["closes_at"]),
            released_at=from_iso(doc["released_at"]),
            expected=float(doc["expected"]),
            deviation=float(doc["deviation"]),
            printed=float(doc["printed"]),
        )


def value_of(events: Sequence[FigureEvent], symbol: str, at: datetime) -> float | None:
    """Return what the crowd goes by of a figure: what it expects, and from the release the print.

    Several events of one figure take turns: the one that is printed next, else the last.
    """
    series = load_registry().series
    mine = [event for event in events if series[event.series].symbol == symbol]
    if not mine:
        return None
    coming = [event for event in mine if at < event.released_at - timedelta(seconds=1)]
    if coming:
        return min(coming, key=lambda event: event.released_at).expected
    return max(mine, key=lambda event: event.released_at).printed


def list_figure(event: FigureEvent) -> list[Market]:
    """Return the markets of an event, ascending, with the ladder's middle where the crowd is.

    Raises:
        DataError: when the series is none of the registry's, or settles on no published figure.
    """
    series = _series(event.series)
    step = Decimal(str(series.strike_step))
    middle = round(Decimal(str(event.expected)) / step)
    strikes = [plain((middle + k - STRIKES // 2) * step) for k in range(STRIKES)]
    return [_market(event, series, strike) for strike in strikes]


def figure_event_info(ticker: str, closes_at: datetime) -> dict[str, Any]:
    """Return the venue's record of an event, without its markets (schema ``EventData``)."""
    series = _series(ticker)
    return {
        "event_ticker": _event(series, closes_at),
        "series_ticker": ticker,
        "title": f"What will be printed of {_WORDS[ticker].rstrip(',')}?",
        "sub_title": f"Trading ends {closes_at.astimezone(NEW_YORK):%Y-%m-%d %H:%M} New York time",
        "collateral_return_type": "DIRECNET",
        "mutually_exclusive": False,
        "category": "Economics",
        "strike_date": iso(closes_at),
        "settlement_sources": [{"name": "the agency's release", "url": "https://kalshi.com"}],
        "last_updated_ts": iso(closes_at - _LISTED_BEFORE),
        "exchange_index": 0,
    }


def figure_series_info(ticker: str, at: datetime) -> dict[str, Any]:
    """Return the venue's record of a series, with the fees in force at ``at``."""
    _series(ticker)
    terms = series_terms_at(ticker, at)
    page = f"https://kalshi.com/markets/{ticker.lower()}"
    return {
        "ticker": ticker,
        "frequency": "custom",
        "title": _WORDS[ticker].rstrip(","),
        "category": "Economics",
        "categories": ["Economics"],
        "tags": ["Economics"],
        "settlement_sources": [{"name": "the agency's release", "url": "https://kalshi.com"}],
        "contract_url": page,
        "contract_terms_url": page,
        "fee_type": terms.fee_type,
        "fee_multiplier": float(terms.multiplier),
        "additional_prohibitions": [],
        "last_updated_ts": iso(at.replace(month=1, day=1, hour=0, minute=0, second=0)),
        "exchange_index": 0,
    }


def plain(value: Decimal) -> Decimal:
    """Drop a fraction of zero, which would show in tickers."""
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value


def is_figure(series: str) -> bool:
    """Say whether the twin plays a series as a published figure."""
    return series in _WORDS and series in load_registry().series


def _series(ticker: str) -> Series:
    if not is_figure(ticker):
        raise DataError(
            f"the twin lists no series {ticker} of a published figure; it lists "
            f"{', '.join(sorted(_WORDS))} where the macro families are on"
        )
    return load_registry().series[ticker]


def _event(series: Series, closes_at: datetime) -> str:
    group = load_registry().groups[series.group]
    return release_window(group, closes_at).event_ticker(series.ticker)


def _market(event: FigureEvent, series: Series, strike: Decimal) -> Market:
    ticker, opens = _event(series, event.closes_at), event.closes_at - _LISTED_BEFORE
    kind = StrikeType.GREATER_OR_EQUAL if event.series in _AT_LEAST else StrikeType.GREATER
    comparison = "at least" if kind is StrikeType.GREATER_OR_EQUAL else "above"
    words = f"{comparison} {strike}"
    label = f"T{strike}" if strike >= 0 else f"TN{-strike}"
    listed: dict[str, Any] = {
        "ticker": f"{ticker}-{label}",
        "event_ticker": ticker,
        "title": f"Will it be {words}?",
        "subtitle": words,
        "yes_sub_title": words,
        "no_sub_title": f"not {words}",
        "rules_primary": f"YES is paid if {_WORDS[event.series]} is {words}.",
        "rules_secondary": "The first print counts; later revisions do not.",
        "strike_type": kind.value,
        "floor_strike": float(strike),
        "market_type": "binary",
        "created_time": iso(opens),
        "updated_time": iso(opens),
        "open_time": iso(opens),
        "close_time": iso(event.closes_at),
        "expected_expiration_time": iso(event.released_at + timedelta(hours=1)),
        "expiration_time": iso(event.closes_at + _LATEST),
        "latest_expiration_time": iso(event.closes_at + _LATEST),
        "settlement_timer_seconds": SETTLEMENT_TIMER_S,
        "can_close_early": True,
        "early_close_condition": "The market closes early when its outcome is known before.",
        "notional_value_dollars": "1.0000",
        "price_level_structure": "linear_cent",
        "price_ranges": [dict(entry) for entry in PRICE_RANGES],
        "exchange_index": 0,
    }
    return Market(
        ticker=listed["ticker"],
        event_ticker=ticker,
        series=event.series,
        symbol=series.symbol,
        payoff=strike_from_fields(kind, strike, None).payoff(series.ticks_per_point),
        ticks_per_point=series.ticks_per_point,
        grid=TickGrid.from_price_ranges(PRICE_RANGES),
        open_at=opens,
        close_at=event.closes_at,
        listed=listed,
        decided_at=event.released_at,
    )
