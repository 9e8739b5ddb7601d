"""Highest-temperature events as the twin lists them: the recorded brackets in the venue's form."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from kalshi_alpha.clock import iso
from kalshi_alpha.markets.climate_day import climate_day
from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.markets.temperature import event_of
from kalshi_alpha.markets.ticks import TickGrid
from kalshi_alpha.pricing.fees import FeeTerms, fee_terms
from kalshi_alpha.rehearsal.exchange.figures import PRICE_RANGES
from kalshi_alpha.rehearsal.exchange.model import Market
from kalshi_alpha.rehearsal.recorded_temperature import RecordedDay, RecordedMarket

SETTLEMENT_TIMER_S = 3600
DECIDED_AFTER = timedelta(hours=9)  # the report of the morning after
_LATEST = timedelta(days=7)


def temperature_terms() -> FeeTerms:
    """Return what the series charge: takers the whole rate, makers nothing."""
    return fee_terms("quadratic", 1)


def is_temperature(series: str) -> bool:
    """Say whether a series is one of highest temperatures."""
    return series in load_stations().by_series


def list_temperatures(day: RecordedDay) -> list[Market]:
    """Return the markets of a recorded event, ascending."""
    return [_market(day, one) for one in day.markets]


def temperature_event_info(series: str, closes_at: datetime) -> dict[str, Any]:
    """Return the venue's record of an event, without its markets (schema ``EventData``)."""
    station = load_stations().of(series)
    day = climate_day(closes_at - timedelta(minutes=1), station.offset)
    return {
        "event_ticker": event_of(series, day.date),
        "series_ticker": series,
        "title": f"Highest temperature in {station.city}?",
        "sub_title": f"Trading ends {closes_at:%Y-%m-%d %H:%M} UTC",
        "collateral_return_type": "MECNET",
        "mutually_exclusive": True,
        "category": "Climate and Weather",
        "strike_date": iso(closes_at),
        "settlement_sources": [{"name": "the daily climate report", "url": "https://kalshi.com"}],
        "last_updated_ts": iso(closes_at - timedelta(days=1)),
        "exchange_index": 0,
    }


def temperature_series_info(series: str, at: datetime) -> dict[str, Any]:
    """Return the venue's record of a series."""
    terms, city = temperature_terms(), load_stations().of(series).city
    page = f"https://kalshi.com/markets/{series.lower()}"
    return {
        "ticker": series,
        "frequency": "daily",
        "title": f"Highest temperature in {city}",
        "category": "Climate and Weather",
        "categories": ["Climate and Weather"],
        "tags": ["Daily temperature"],
        "settlement_sources": [{"name": "the daily climate report", "url": "https://kalshi.com"}],
        "contract_url": page,
        "contract_terms_url": page,
        "fee_type": terms.fee_type,
        "fee_multiplier": float(terms.multiplier),
        "additional_prohibitions": [],
        "last_updated_ts": iso(at.replace(month=1, day=1, hour=0, minute=0, second=0)),
        "exchange_index": 0,
    }


def _market(day: RecordedDay, one: RecordedMarket) -> Market:
    station = load_stations().of(day.series)
    words = words_of(one)
    strike = {"floor_strike": one.strike.floor, "cap_strike": one.strike.cap}
    listed: dict[str, Any] = {
        "ticker": one.ticker,
        "event_ticker": day.event,
        "title": f"Highest temperature in {station.city} {words}?",
        "subtitle": words,
        "yes_sub_title": words,
        "no_sub_title": f"not {words}",
        "rules_primary": (
            f"YES is paid if the highest temperature recorded at {station.cli} on {day.day} is "
            f"{words}, according to the National Weather Service."
        ),
        "rules_secondary": "The first final report that holds a maximum counts.",
        "strike_type": one.strike.type.value,
        **{name: float(value) for name, value in strike.items() if value is not None},
        "market_type": "binary",
        "created_time": iso(day.opens),
        "updated_time": iso(day.opens),
        "open_time": iso(day.opens),
        "close_time": iso(day.closes),
        "expected_expiration_time": iso(day.closes + DECIDED_AFTER),
        "expiration_time": iso(day.closes + _LATEST),
        "latest_expiration_time": iso(day.closes + _LATEST),
        "settlement_timer_seconds": SETTLEMENT_TIMER_S,
        "can_close_early": True,
        "early_close_condition": "The market closes early when its outcome is known before.",
        "notional_value_dollars": "1.0000",
        "price_level_structure": "linear_cent",
        "price_ranges": [dict(entry) for entry in PRICE_RANGES],
        "exchange_index": 0,
    }
    return Market(
        ticker=one.ticker,
        event_ticker=day.event,
        series=day.series,
        symbol=station.station,
        payoff=one.payoff,
        ticks_per_point=1,
        grid=TickGrid.from_price_ranges(PRICE_RANGES),
        open_at=day.opens,
        close_at=day.closes,
        listed=listed,
        decided_at=day.closes + DECIDED_AFTER,
    )


def words_of(one: RecordedMarket) -> str:
    """Return the degrees that a bracket pays on, as the venue writes them."""
    low, high = one.payoff.low, one.payoff.high
    if low is None:
        return f"{high}\N{DEGREE SIGN} or below"
    if high is None:
        return f"{low}\N{DEGREE SIGN} or above"
    return f"{low}\N{DEGREE SIGN} to {high}\N{DEGREE SIGN}"
