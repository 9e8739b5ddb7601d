"""The index ladders as the venue lists them: series, events, and the markets of one event.

===========  ====================================================  ==========================
series       markets of one event                                  example
===========  ====================================================  ==========================
KXINXU       thresholds every 5 points                             ``T6774.9999``
KXNASDAQ...U thresholds every 10 points                            ``T25959.99``
KXINX        28 ranges of 25 points and a tail on either side      ``B6862``, 6850-6874.9999
KXNASDAQ100  28 ranges of 100 points and a tail on either side     ``B25950``, 25900-25999.99
===========  ====================================================  ==========================

The hourly events open at 16:00 New York time of the session before, those of 16:00 at 03:10 of
their own day. The sentences of the rules are the twin's own; their numbers are the venue's form.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from kalshi_alpha.clock import NEW_YORK, iso, require_aware
from kalshi_alpha.errors import DataError, WindowClosed
from kalshi_alpha.markets.registry import Series, load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.markets.strikes import StrikeType, strike_from_fields
from kalshi_alpha.markets.tickers import index_event_ticker
from kalshi_alpha.markets.ticks import TickGrid
from kalshi_alpha.pricing.fees import series_terms_at
from kalshi_alpha.rehearsal.exchange.figures import (
    PRICE_RANGES,
    figure_event_info,
    figure_series_info,
    is_figure,
    plain,
)
from kalshi_alpha.rehearsal.exchange.model import Market
from kalshi_alpha.rehearsal.exchange.temperatures import (
    is_temperature,
    temperature_event_info,
    temperature_series_info,
)

STRIKES = 41  # thresholds of an above/below event: the fewest seen at the venue
BUCKETS = 28
SETTLEMENT_TIMER_S = 60

_CLOSE, _MORNING = time(16, 0), time(3, 10)
_LATEST = timedelta(days=7)
_EXPECTED = timedelta(minutes=5)
_LOOK_BACK_DAYS = 10  # no holiday is nearly as long
# From this year thresholds are listed with the level itself, before with the number of the ticker.
_LEVEL_FROM_YEAR = 2026


@dataclass(frozen=True, slots=True)
class _Index:
    """How the venue writes an index: its name and the last printed value under a level."""

    name: str
    under: Decimal


_INDICES = {
    "SPX": _Index("S&P 500", Decimal("0.0001")),
    "NDX": _Index("Nasdaq-100", Decimal("0.01")),
}


@dataclass(frozen=True, slots=True)
class _Strike:
    """The strike fields of one market, its label in the ticker, and the same in words."""

    label: str
    kind: StrikeType
    floor: Decimal | None
    cap: Decimal | None
    subtitle: str
    words: str


def list_event(
    series: str,
    fixing: datetime,
    level: float,
    *,
    strikes: int = STRIKES,
    open_at: datetime | None = None,
) -> list[Market]:
    """Return the markets of one event, ascending, with the ladder's middle at ``level``.

    Args:
        series: one of the registry's index series.
        fixing: aware, on a whole minute.
        level: index points, > 0.
        strikes: how many thresholds an above/below event gets, >= 1; a range event always has
            28 ranges and two tails.
        open_at: aware; the calendar's opening when left out.

    Raises:
        DataError: when the series is not an index series of the registry, or a number is not in
            its domain.
        WindowClosed: when the opening is left out and the calendar knows no session before.
    """
    known = _series(series)
    if not level > 0 or strikes < 1:
        raise DataError(
            f"an event cannot be listed around {level} points with {strikes} strikes: "
            "both must be greater than 0"
        )
    fixing = require_aware(fixing)
    opens = _opens_at(fixing) if open_at is None else require_aware(open_at)
    index, step = _INDICES[known.symbol], Decimal(str(known.strike_step))
    if known.kind == "above":
        ladder = _thresholds(index, step, level, strikes, fixing)
    else:
        ladder = _ranges(index, step, level)
    event = index_event_ticker(series, fixing)
    shared = _shared_fields(event, opens, fixing)
    return [_market(known, event, strike, shared, opens, fixing) for strike in ladder]


def event_info(series: str, fixing: datetime) -> dict[str, Any]:
    """Return the venue's record of an event, without its markets (schema ``EventData``)."""
    if is_figure(series):
        return figure_event_info(series, require_aware(fixing))
    if is_temperature(series):
        return temperature_event_info(series, require_aware(fixing))
    known = _series(series)
    fixing = require_aware(fixing)
    exclusive = known.kind == "range"
    return {
        "event_ticker": index_event_ticker(series, fixing),
        "series_ticker": series,
        "title": _title(known, fixing),
        "sub_title": f"On {_when(fixing)}",
        "collateral_return_type": "MECNET" if exclusive else "DIRECNET",
        "mutually_exclusive": exclusive,
        "category": "Financials",
        "strike_date": iso(fixing),
        "settlement_sources": _sources(known),
        "last_updated_ts": iso(fixing - timedelta(days=1)),
        "exchange_index": 0,
    }


def series_info(series: str, at: datetime) -> dict[str, Any]:
    """Return the venue's record of a series, with the fees in force at ``at``."""
    if is_figure(series):
        return figure_series_info(series, require_aware(at))
    if is_temperature(series):
        return temperature_series_info(series, require_aware(at))
    known = _series(series)
    terms = series_terms_at(series, at)
    hourly = known.kind == "above"
    name = _INDICES[known.symbol].name
    page = f"https://kalshi.com/markets/{series.lower()}"
    return {
        "ticker": series,
        "frequency": "hourly" if hourly else "daily",
        "title": f"{name} {'above/below' if hourly else 'range'}",
        "category": "Financials",
        "categories": ["Financials"],
        "tags": [name],
        "settlement_sources": _sources(known),
        "contract_url": page,
        "contract_terms_url": page,
        "fee_type": terms.fee_type,
        "fee_multiplier": float(terms.multiplier),
        "additional_prohibitions": [],
        "last_updated_ts": iso(datetime(require_aware(at).year, 1, 1, tzinfo=UTC)),
        "exchange_index": 0,
    }


def _series(ticker: str) -> Series:
    known = load_registry().series
    if ticker not in known or known[ticker].symbol not in _INDICES:
        raise DataError(f"the twin lists no series {ticker}; it lists {', '.join(sorted(known))}")
    return known[ticker]


def _opens_at(fixing: datetime) -> datetime:
    local = fixing.astimezone(NEW_YORK)
    if local.time() >= _CLOSE:
        return datetime.combine(local.date(), _MORNING, NEW_YORK).astimezone(UTC)
    sessions = load_sessions()
    for back in range(1, _LOOK_BACK_DAYS + 1):
        day = local.date() - timedelta(days=back)
        if sessions.on(day) is not None:
            return datetime.combine(day, _CLOSE, NEW_YORK).astimezone(UTC)
    raise WindowClosed(
        f"no session is known in the {_LOOK_BACK_DAYS} days before {local.date()}, so an event of "
        "that day has no opening: give open_at"
    )


def _thresholds(
    index: _Index, step: Decimal, level: float, strikes: int, fixing: datetime
) -> list[_Strike]:
    middle = round(Decimal(str(level)) / step)
    first = middle - strikes // 2
    whole = fixing.astimezone(NEW_YORK).year >= _LEVEL_FROM_YEAR
    kind = StrikeType.GREATER_OR_EQUAL if whole else StrikeType.GREATER
    found = []
    for at in range(first, first + strikes):
        reached = plain(at * step)
        label = reached - index.under
        found.append(
            _Strike(
                f"T{label}", kind, reached if whole else label, None,
                f"{reached:,} or above", f"is above {label}",
            )
        )  # fmt: skip
    return found


def _ranges(index: _Index, step: Decimal, level: float) -> list[_Strike]:
    here = (Decimal(str(level)) / step).to_integral_value(ROUND_FLOOR)
    bottom = plain((here - BUCKETS // 2) * step)
    top = plain(bottom + BUCKETS * step)
    lower = _Strike(
        f"T{bottom}", StrikeType.LESS, None, bottom, f"below {bottom:,}", f"is below {bottom}"
    )
    last = top - index.under
    upper = _Strike(
        f"T{last}", StrikeType.GREATER, last, None, f"{top:,} or above", f"is above {last}"
    )
    between = []
    for at in range(BUCKETS):
        floor = plain(bottom + at * step)
        cap = floor + step - index.under
        between.append(
            _Strike(
                f"B{int(floor + step / 2)}", StrikeType.BETWEEN, floor, cap,
                f"{floor:,} to {cap:,}", f"is between {floor} and {cap}",
            )
        )  # fmt: skip
    return [lower, *between, upper]


def _market(
    series: Series,
    event: str,
    strike: _Strike,
    shared: dict[str, Any],
    opens: datetime,
    fixing: datetime,
) -> Market:
    ticker = f"{event}-{strike.label}"
    name = _INDICES[series.symbol].name
    fields: dict[str, Any] = {
        "ticker": ticker,
        "title": f"Will the {name} be {strike.subtitle} on {_when(fixing)}?",
        "subtitle": strike.subtitle,
        "yes_sub_title": strike.subtitle,
        "no_sub_title": f"not {strike.subtitle}",
        "rules_primary": (
            f"YES is paid if the {name} index value on {_when(fixing)} {strike.words}."
        ),
        "strike_type": strike.kind.value,
    }
    for field, number in (("floor_strike", strike.floor), ("cap_strike", strike.cap)):
        if number is not None:
            fields[field] = _number(number)
    checked = strike_from_fields(strike.kind, strike.floor, strike.cap)
    return Market(
        ticker=ticker,
        event_ticker=event,
        series=series.ticker,
        symbol=series.symbol,
        payoff=checked.payoff(series.ticks_per_point),
        ticks_per_point=series.ticks_per_point,
        grid=TickGrid.from_price_ranges(PRICE_RANGES),
        open_at=opens,
        close_at=fixing,
        listed=shared | fields,
    )


def _shared_fields(event: str, opens: datetime, fixing: datetime) -> dict[str, Any]:
    return {
        "event_ticker": event,
        "market_type": "binary",
        "created_time": iso(opens),
        "updated_time": iso(opens),
        "open_time": iso(opens),
        "close_time": iso(fixing),
        "expected_expiration_time": iso(fixing + _EXPECTED),
        "expiration_time": iso(fixing + _LATEST),
        "latest_expiration_time": iso(fixing + _LATEST),
        "settlement_timer_seconds": SETTLEMENT_TIMER_S,
        "can_close_early": True,
        "early_close_condition": "The market closes early when its outcome is known before.",
        "rules_secondary": (
            "The last value printed at or before that time counts; later revisions do not."
        ),
        "notional_value_dollars": "1.0000",
        "price_level_structure": "linear_cent",
        "price_ranges": [dict(entry) for entry in PRICE_RANGES],
        "exchange_index": 0,
    }


def _title(series: Series, fixing: datetime) -> str:
    question = "above or below" if series.kind == "above" else "in which range"
    return f"{_INDICES[series.symbol].name} {question} on {_when(fixing)}"


def _when(fixing: datetime) -> str:
    local = fixing.astimezone(NEW_YORK)
    return f"{local:%b} {local.day}, {local.year} at {local:%H:%M} {local.tzname()}"


def _sources(series: Series) -> list[dict[str, str]]:
    name = _INDICES[series.symbol].name
    return [{"name": f"Kalshi {name} print", "url": "https://kalshi.com"}]


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
