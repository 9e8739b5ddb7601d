"""Markets that can be priced, and the ladder they form, from the venue's listing.

What cannot be priced safely is refused with a code and a sentence, never guessed at. Codes of a
refused market:

========================  ====================================================================
``bad_listing``           a field is missing or of the wrong type
``bad_ticker``            the ticker is outside the grammar
``wrong_series``          the market is of another series
``wrong_event``           the market is of another event, or its ticker contradicts its event
``not_standard``          not a binary market of one dollar, or with other settlement bounds
``unknown_strike_type``   not one of the five that can be priced
``strike_missing``        the strike type's number is not there
``strike_empty``          no settlement value lies in the range
``strike_mismatch``       ticker, numeric fields and rules do not say the same
``wrong_kind``            a threshold downwards, or a range, in an above/below ladder
``bad_price_ranges``      the tick grid is malformed or overlaps itself
``not_open``              the market does not trade now
``close_time_mismatch``   it does not close at the fixing that the calendar allows
``duplicate_strike``      two markets pay on the same values of an above/below ladder
``not_a_partition``       the ranges of the event leave a gap or overlap
========================  ====================================================================
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec

from kalshi_alpha.clock import from_iso, iso, require_aware
from kalshi_alpha.errors import ContractError, DataError, TickerError
from kalshi_alpha.markets.registry import Series
from kalshi_alpha.markets.strikes import (
    Payoff,
    StrikeType,
    check_label,
    check_rules,
    strike_from_fields,
)
from kalshi_alpha.markets.tickers import MarketTicker, index_event_ticker, parse_event, parse_market
from kalshi_alpha.markets.ticks import TickGrid
from kalshi_alpha.markets.units import PRICE_UNIT, price_from_text

__all__ = [
    "Contract",
    "Ladder",
    "Payoff",
    "RefusedMarket",
    "StrikeType",
    "TickGrid",
    "contract_from_listing",
    "ladder_from_listing",
]


@dataclass(frozen=True, slots=True)
class Contract:
    """One market that can be priced; times are aware, in UTC."""

    ticker: str
    event_ticker: str
    series: str
    payoff: Payoff
    grid: TickGrid
    open_at: datetime
    close_at: datetime
    status: str
    exchange_index: int = 0


@dataclass(frozen=True, slots=True)
class RefusedMarket:
    """A listed market that is left alone: ``code`` for counting, ``reason`` for a person."""

    ticker: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ladder:
    """The markets of one event, in ascending order of what they pay on, and those refused."""

    event_ticker: str
    series: str
    fixing: datetime
    contracts: tuple[Contract, ...]
    refused: tuple[RefusedMarket, ...]


class _Listed(msgspec.Struct, frozen=True):
    """What is read of the venue's ``Market``; fields we do not know may come and go."""

    ticker: str
    event_ticker: str
    status: str
    open_time: str
    close_time: str
    price_ranges: list[dict[str, Any]]
    strike_type: str | None = None
    floor_strike: Decimal | None = None
    cap_strike: Decimal | None = None
    rules_primary: str | None = None
    market_type: str = "binary"
    notional_value_dollars: str = "1.0000"
    settlement_bounds_type: str | None = None
    exchange_index: int = 0


def contract_from_listing(market: Mapping[str, Any], series: Series) -> Contract:
    """Read one market of the venue's listing, which must be open.

    Raises:
        ContractError: with one of the codes of this module.
    """
    contract = _read(market, series)
    _require_open(contract)
    return contract


def ladder_from_listing(
    markets: Sequence[Mapping[str, Any]], series: Series, fixing: datetime, event: str = ""
) -> Ladder:
    """Read all markets of the event of ``series`` whose trading ends at ``fixing`` (aware).

    ``event`` is the event's ticker; without one it is the index event of that fixing.

    Nothing raises for a market's sake: what cannot be priced is in ``refused``. A range series
    must cover every value exactly once, or all of it is refused; a market that is well formed but
    does not trade now still counts for that.
    """
    fixing = require_aware(fixing)
    event = event or index_event_ticker(series.ticker, fixing)
    read: list[Contract] = []
    kept: list[Contract] = []
    refused: list[RefusedMarket] = []
    for market in markets:
        try:
            contract = _read(market, series)
            _require_event(contract, event)
            read.append(contract)
            _require_fixing(contract, fixing)
            _require_open(contract)
            kept.append(contract)
        except ContractError as error:
            refused.append(RefusedMarket(str(market.get("ticker", "")), error.code, str(error)))
    if series.kind == "range":
        kept, more = _partition(read, kept)
    else:
        kept, more = _distinct(kept)
    ordered = tuple(sorted(kept, key=_order))
    return Ladder(event, series.ticker, fixing, ordered, (*refused, *more))


def _read(market: Mapping[str, Any], series: Series) -> Contract:
    try:
        listed = msgspec.convert(dict(market), _Listed)
        opens, closes = from_iso(listed.open_time), from_iso(listed.close_time)
    except (msgspec.ValidationError, ValueError) as error:
        raise ContractError(f"the listing cannot be read: {error}", code="bad_listing") from None
    ticker = _ticker(listed, series)
    _require_standard(listed)
    strike = strike_from_fields(listed.strike_type, listed.floor_strike, listed.cap_strike)
    payoff = strike.payoff(series.ticks_per_point)
    check_label(strike, ticker, series.ticks_per_point)
    check_rules(payoff, listed.rules_primary or "", series.ticks_per_point)
    if series.kind == "above" and (payoff.low is None or payoff.high is not None):
        raise ContractError(
            f"a {strike.type} market has no place in the ladder of {series.ticker}, "
            "which pays upwards",
            code="wrong_kind",
        )
    return Contract(
        ticker=listed.ticker,
        event_ticker=listed.event_ticker,
        series=series.ticker,
        payoff=payoff,
        grid=TickGrid.from_price_ranges(listed.price_ranges),
        open_at=opens,
        close_at=closes,
        status=listed.status,
        exchange_index=listed.exchange_index,
    )


def _ticker(listed: _Listed, series: Series) -> MarketTicker:
    try:
        event, ticker = parse_event(listed.event_ticker), parse_market(listed.ticker)
    except TickerError as error:
        raise ContractError(str(error), code="bad_ticker") from None
    if event.series != series.ticker:
        raise ContractError(
            f"the market is of the series {event.series}, not of {series.ticker}",
            code="wrong_series",
        )
    if ticker.event != event:
        raise ContractError(
            f"the ticker {listed.ticker} does not belong to the event {listed.event_ticker}",
            code="wrong_event",
        )
    return ticker


def _require_standard(listed: _Listed) -> None:
    try:
        notional = price_from_text(listed.notional_value_dollars)
    except DataError as error:
        raise ContractError(f"the notional value: {error}", code="bad_listing") from None
    bounds = listed.settlement_bounds_type or "default"
    if listed.market_type != "binary" or notional != PRICE_UNIT or bounds != "default":
        raise ContractError(
            f"it is a {listed.market_type} market of ${listed.notional_value_dollars} with "
            f"{bounds} settlement bounds; only binary markets of one dollar are priced",
            code="not_standard",
        )


def _require_open(contract: Contract) -> None:
    if contract.status != "active":
        raise ContractError(f"the market is {contract.status}, not active", code="not_open")


def _require_event(contract: Contract, event: str) -> None:
    if contract.event_ticker != event:
        raise ContractError(
            f"the market is of the event {contract.event_ticker}, not of {event}",
            code="wrong_event",
        )


def _require_fixing(contract: Contract, fixing: datetime) -> None:
    if contract.close_at != fixing:
        raise ContractError(
            f"the market closes at {iso(contract.close_at)} and the fixing is {iso(fixing)}: "
            "listing and calendar contradict each other",
            code="close_time_mismatch",
        )


def _distinct(kept: list[Contract]) -> tuple[list[Contract], list[RefusedMarket]]:
    """Refuse every market of an above/below ladder whose threshold another has too."""
    seen = Counter(contract.payoff for contract in kept)
    twice = [contract for contract in kept if seen[contract.payoff] > 1]
    reason = "another market of the event pays on the same values"
    return (
        [contract for contract in kept if seen[contract.payoff] == 1],
        [RefusedMarket(contract.ticker, "duplicate_strike", reason) for contract in twice],
    )


def _partition(
    read: list[Contract], kept: list[Contract]
) -> tuple[list[Contract], list[RefusedMarket]]:
    """Refuse all ranges of an event unless together they pay on every value exactly once."""
    reason = _broken(sorted(read, key=_order))
    if not reason:
        return kept, []
    return [], [RefusedMarket(contract.ticker, "not_a_partition", reason) for contract in kept]


def _broken(ordered: list[Contract]) -> str:
    if not ordered:
        return ""
    for lower, upper in pairwise(ordered):
        high, low = lower.payoff.high, upper.payoff.low
        if high is None or low is None or low != high + 1:
            return f"{lower.ticker} and {upper.ticker} do not meet: the ranges gap or overlap"
    if ordered[0].payoff.low is not None:
        return f"no market pays below {ordered[0].ticker}: the ranges leave a gap"
    if ordered[-1].payoff.high is not None:
        return f"no market pays above {ordered[-1].ticker}: the ranges leave a gap"
    return ""


def _order(contract: Contract) -> tuple[float, float]:
    low, high = contract.payoff.low, contract.payoff.high
    return (
        float("-inf") if low is None else low,
        float("inf") if high is None else high,
    )
