"""The ladder of a tape priced as live prices it, at any time, and once only for each time."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from kalshi_alpha.families.catalog import family
from kalshi_alpha.markets.contracts import Contract
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.pricing.fees import FeeTerms, series_terms_at
from kalshi_alpha.pricing.ladder import price_ladder
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.parameters import SymbolParameters
from kalshi_alpha.pricing.reading import Reading, Realised
from kalshi_alpha.research.backtest.tape import Levels, Tape, at_second
from kalshi_alpha.trading.shortlist import near_even

# Prices nearer to certainty say little about where the index stands.
_TELLING = (0.10 * PRICE_UNIT, 0.90 * PRICE_UNIT)
_VOTES = 8  # trades an implied level is the middle of


class LevelSource(Protocol):
    """Where the index stood, as far as was known."""

    def reading(self, now: float) -> Reading | None:
        """Return what was known at ``now``, seconds since 1970 UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Priced:
    """One look: the reading, the law, every market's probability, and those worth a book."""

    reading: Reading
    law: TerminalLaw
    by_ticker: Mapping[str, float]
    near: tuple[tuple[Contract, float], ...]


@dataclass(slots=True)
class Pricer:
    """Prices one tape with one day's parameters."""

    tape: Tape
    registry: Registry
    parameters: SymbolParameters
    source: LevelSource
    terms: FeeTerms = field(init=False)
    _seen: dict[float, Priced | None] = field(init=False, default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.terms = series_terms_at(self.tape.series, self.tape.window.fixing)

    def at(self, now: float) -> Priced | None:
        """Return what the law says at ``now``; None before the index is known, or too late."""
        if now not in self._seen:
            self._seen[now] = self._priced(now)
        return self._seen[now]

    def bin_of(self, market: int, level: float) -> int:
        """Return a market's place from the money: 1 is the first strike above ``level``.

        -1 is the first at or below it; there is no 0. A range counts by its lower end.
        """
        ticks = level * self.registry.series[self.tape.series].ticks_per_point
        lows = [contract.payoff.low or 0 for contract in self.tape.ladder.contracts]
        place = market - bisect_right(lows, ticks)
        return place + 1 if place >= 0 else place

    def _priced(self, now: float) -> Priced | None:
        reading = self.source.reading(now)
        if reading is None or now >= self.tape.fixing_s:
            return None
        series = self.registry.series[self.tape.series]
        law = law_at(self.tape, self.registry, self.parameters, reading, now)
        priced = price_ladder(law, self.tape.ladder, series.ticks_per_point)
        by_ticker = {contract.ticker: p for contract, p in priced}
        return Priced(reading, law, by_ticker, tuple(near_even(priced)))


def law_at(
    tape: Tape, registry: Registry, parameters: SymbolParameters, reading: Reading, now: float
) -> TerminalLaw:
    """Return the law of the settlement as live would have it."""
    found = family(registry.series[tape.series].family)
    return found(reading, parameters, tape.window.fixing, at_second(now), tape.session)


def pricer(tape: Tape, registry: Registry, parameters: SymbolParameters) -> Pricer:
    """Return a pricer on the recorded level, or on the implied one where none is recorded."""
    recorded = any(not math.isnan(level) for level in tape.seconds.level) or bool(tape.bars)
    source: LevelSource
    if recorded:
        source = Levels(tape, registry.symbols[tape.symbol].jump_limit)
    else:
        source = ImpliedLevels(tape, registry, parameters)
    return Pricer(tape, registry, parameters, source)


@dataclass(slots=True)
class ImpliedLevels:
    """Where the traded ladder says the index stands, for a recording without the index.

    Each trade between 10 and 90 cents names the level at which the law would have said its price;
    the middle of the last eight counts. What is quoted on it can only disagree with single strikes
    and never with the market as a whole.
    """

    tape: Tape
    registry: Registry
    parameters: SymbolParameters
    _rows: list[int] = field(init=False, repr=False)
    _at: list[float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        seconds = self.tape.seconds
        low, high = _TELLING
        opened = self.tape.session.open.timestamp()
        self._rows = [
            k
            for k in range(len(seconds))
            if low <= _price(seconds.sold[k], seconds.bought[k]) <= high and seconds.at[k] >= opened
        ]
        self._at = [seconds.at[k] + 1.0 for k in self._rows]

    def reading(self, now: float) -> Reading | None:
        """Return the level that the last trades known at ``now`` imply."""
        end = bisect_right(self._at, now)
        begin = max(bisect_left(self._at, now - 60.0), end - _VOTES)
        rows = self._rows[begin:end]
        if not rows or now >= self.tape.fixing_s:
            return None
        as_of = self.tape.seconds.at[rows[-1]]
        strikes = {k: self._strike(k) for k in rows}
        rough = Reading(
            symbol=self.tape.symbol,
            value=statistics.median(strikes.values()),
            as_of=at_second(float(as_of)),
            lag_s=0.0,
            silence_s=now - as_of,
            realised=Realised(0, 0.0, 0.0, 0.0),
        )
        law = law_at(self.tape, self.registry, self.parameters, rough, now)
        seconds = self.tape.seconds
        found = [
            strike
            * rough.value
            / law.quantile(1.0 - _price(seconds.sold[k], seconds.bought[k]) / PRICE_UNIT)
            for k, strike in strikes.items()
        ]
        return replace(rough, value=statistics.median(found))

    def _strike(self, row: int) -> float:
        contract = self.tape.ladder.contracts[self.tape.seconds.market[row]]
        low = contract.payoff.low
        assert low is not None  # an above/below ladder: ranges imply no level
        return low / self.registry.series[self.tape.series].ticks_per_point


def _price(sold: int, bought: int) -> float:
    return (sold + bought) / 2.0 if sold and bought else float(sold or bought)
