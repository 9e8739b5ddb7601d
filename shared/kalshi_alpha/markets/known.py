"""What is known of each series at the venue, dated, from ``facts.toml``; and how it drifts."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal, InvalidOperation
from importlib import resources
from itertools import pairwise
from typing import Any

import msgspec

from kalshi_alpha.errors import ConfigurationError, ContractError, DataError
from kalshi_alpha.markets.contracts import ladder_from_listing
from kalshi_alpha.markets.registry import Series
from kalshi_alpha.markets.ticks import TickGrid
from kalshi_alpha.markets.units import price_from_text
from kalshi_alpha.markets.windows import Window

# Anything that differs from event to event: numbers, months, days and zones.
_VARIES = re.compile(
    r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b|\b(?:mon|tues|wednes|thurs|fri)"
    r"day\b|\b(?:am|pm|a\.m\.|p\.m\.|e[sd]?t)\b|[\d.,:]*\d",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class KnownSeries:
    """What the venue says of one series, as far as anybody looked.

    Attributes:
        names: How its texts may name the index.
        fee_type: The fee type, in the venue's words.
        fee_multiplier: The multiplier, as text.
        fee_since: Since when, as text.
        price_step: The one step of its price grid, in dollars, as text.
        strike_types: The strike types seen.
        markets: How many markets an event has, in words.
        opens: When an event opens, in words.
        sources: Letters of the sources.
    """

    names: tuple[str, ...]
    fee_type: str
    fee_multiplier: str
    fee_since: str
    price_step: str
    strike_types: tuple[str, ...]
    markets: str
    opens: str
    sources: str


@dataclass(frozen=True, slots=True)
class MarketFacts:
    """All of them, and the day they were last looked at."""

    as_of: date
    series: Mapping[str, KnownSeries]


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing the venue says otherwise than is known here."""

    series: str
    what: str
    known: str
    found: str

    def to_json(self) -> dict[str, str]:
        """Return a JSON-ready copy."""
        return {item.name: str(getattr(self, item.name)) for item in fields(self)}


@functools.cache
def market_facts() -> MarketFacts:
    """Return the shipped facts; raise ``ConfigurationError`` when they are malformed."""
    text = resources.files(__package__).joinpath("facts.toml").read_text(encoding="utf-8")
    try:
        return msgspec.convert(tomllib.loads(text), MarketFacts)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigurationError(f"markets/facts.toml is malformed: {error}") from None


def skeleton(rules: str) -> str:
    """Return a rules text without what differs from event to event, so that texts compare."""
    return re.sub(r"(?:\s*~)+", " ~", _VARIES.sub("~", rules)).strip().lower()


def drift_of_series(name: str, known: KnownSeries, answer: Mapping[str, Any]) -> list[Drift]:
    """Hold the venue's answer about a series against what is known."""
    found = []
    if answer.get("fee_type") != known.fee_type:
        found.append(Drift(name, "fee type", known.fee_type, str(answer.get("fee_type"))))
    multiplier = answer.get("fee_multiplier")
    if not _same_number(multiplier, known.fee_multiplier):
        found.append(Drift(name, "fee multiplier", known.fee_multiplier, str(multiplier)))
    return found


def drift_of_listing(
    series: Series,
    known: KnownSeries,
    window: Window,
    markets: Sequence[Mapping[str, Any]],
    rules: Sequence[str] = (),
) -> list[Drift]:
    """Hold the listing of one event against what is known.

    Args:
        series: the registry's series.
        known: what is known of it.
        window: the fixing.
        markets: the venue's markets of the event, at least one.
        rules: skeletons of the rules texts seen before; empty when none were.
    """
    name = series.ticker
    found = [
        *_grids(name, known, markets),
        *_strikes(series, known, window, markets),
    ]
    unnamed = [m for m in markets if not any(n in _words(m) for n in known.names)]
    if unnamed:
        said = f"{_words(unnamed[0])[:120]!r} ({len(unnamed)} markets)"
        found.append(Drift(name, "rules text", f"names {known.names[0]}", said))
    fresh = sorted({skeleton(str(m.get("rules_primary", ""))) for m in markets} - set(rules))
    if rules and fresh:
        found.append(Drift(name, "rules text", f"{len(set(rules))} wordings seen before", fresh[0]))
    return found


def _grids(name: str, known: KnownSeries, markets: Sequence[Mapping[str, Any]]) -> list[Drift]:
    step = price_from_text(known.price_step)
    odd: dict[str, int] = {}
    for market in markets:
        try:
            grid = TickGrid.from_price_ranges(market.get("price_ranges") or [])
            steps = {entry[2] for entry in grid.ranges}
            said = "" if steps == {step} else f"steps {sorted(steps)} in 1/10000 dollar"
        except ContractError as error:
            said = str(error)
        if said:
            odd[said] = odd.get(said, 0) + 1
    return [
        Drift(name, "tick grid", f"one step of ${known.price_step}", f"{said} ({count} markets)")
        for said, count in odd.items()
    ]


def _strikes(
    series: Series, known: KnownSeries, window: Window, markets: Sequence[Mapping[str, Any]]
) -> list[Drift]:
    name = series.ticker
    kinds = sorted({str(m.get("strike_type")) for m in markets} - set(known.strike_types))
    found = [Drift(name, "strike type", ", ".join(known.strike_types), kind) for kind in kinds]
    try:
        ladder = ladder_from_listing(markets, series, window.fixing)
    except DataError as error:
        return [*found, Drift(name, "strike metadata", "a ladder that can be priced", str(error))]
    if ladder.refused:
        first = ladder.refused[0]
        said = f"{first.ticker}: {first.reason} ({len(ladder.refused)} markets)"
        found.append(Drift(name, "strike metadata", "every market can be priced", said))
    lows = sorted({c.payoff.low for c in ladder.contracts if c.payoff.low is not None})
    steps = {b - a for a, b in pairwise(lows)}
    wanted = round(series.strike_step * series.ticks_per_point)
    if steps and min(steps) != wanted:
        points = min(steps) / series.ticks_per_point
        found.append(Drift(name, "strike step", f"{series.strike_step:g} points", f"{points:g}"))
    return found


def _words(market: Mapping[str, Any]) -> str:
    return f"{market.get('title', '')} {market.get('rules_primary', '')}".strip()


def _same_number(said: Any, known: str) -> bool:
    try:
        return Decimal(str(said)) == Decimal(known)
    except InvalidOperation:
        return False
