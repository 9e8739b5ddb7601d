"""The drift guard: is a resting quote still worth having at the index's newest value?

A quote was placed where it earned its threshold. The fair band of a quote is every level of the
index at which it still earns at least nothing after its fee, by the same law, fees and blend as the
scan's. Outside it somebody who has seen the index move may take it, and it has to go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.errors import DataError
from kalshi_alpha.families.catalog import family
from kalshi_alpha.markets.book import Book
from kalshi_alpha.markets.contracts import Contract, ladder_from_listing
from kalshi_alpha.markets.orders import LiveOrder
from kalshi_alpha.markets.registry import Series
from kalshi_alpha.markets.sessions import Session
from kalshi_alpha.markets.units import CASH_UNIT, PRICE_UNIT
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.pricing.fees import FeeTerms, fee_terms
from kalshi_alpha.pricing.parameters import SymbolParameters, load_parameters
from kalshi_alpha.pricing.reading import Reading
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.trading.candidates import others_top
from kalshi_alpha.trading.edge import edge

Books = Callable[[str], Book | None]


@dataclass(frozen=True, slots=True)
class Drifted:
    """A quote outside its fair band: what one contract of it would now earn, in cash, < 0."""

    order: LiveOrder
    level: float
    probability: float
    ev: int

    @property
    def reason(self) -> str:
        """Say it in a sentence."""
        order = self.order
        return (
            f"{order.ticker} {order.side.value} {order.price / PRICE_UNIT:.4f} left its fair band: "
            f"at {self.level:.2f} YES is worth {self.probability:.4f}, and a contract would earn "
            f"{self.ev / CASH_UNIT:.4f} dollars"
        )


@dataclass(frozen=True, slots=True)
class FairBands:
    """What it takes to value the quotes of one series in one window."""

    window: Window
    series: Series
    session: Session
    parameters: SymbolParameters
    terms: FeeTerms
    contracts: Mapping[str, Contract]

    def drifted(
        self, reading: Reading, orders: Iterable[LiveOrder], books: Books, now: datetime
    ) -> tuple[Drifted, ...]:
        """Return the quotes of this series that are outside their bands at ``reading``.

        ``books`` gives the book of a market that is current, or None. A quote in a market that
        cannot be valued has no band to be in.
        """
        ours = [order for order in orders if order.ticker in self.contracts]
        if not ours or not now < self.window.fixing:
            return ()
        law = family(self.series.family)(
            reading, self.parameters, self.window.fixing, now, self.session
        )
        found = []
        for order in ours:
            payoff = self.contracts[order.ticker].payoff
            alone = law.mass(payoff, self.series.ticks_per_point)
            p = self._blended(alone, books(order.ticker), ours, now)
            worth = edge(order.ticker, order.side, order.price, p, self.terms)
            if worth.ev_cash < 0:
                found.append(Drifted(order, reading.value, p, worth.ev_cash))
        return tuple(found)

    def _blended(
        self, ours: float, book: Book | None, orders: Iterable[LiveOrder], now: datetime
    ) -> float:
        """Weigh the others' mid in as the scan does, where the parameters say so."""
        at_close = self.window.fixing == self.session.close
        blends = self.parameters.part(at_close=at_close).blend
        if blends is None or book is None:
            return ours
        band = blends.at((self.window.fixing - now).total_seconds() / 60.0)
        top = others_top(book, orders)
        if band is None or top.bid is None or top.ask is None:
            return ours
        return band.probability(ours, (top.bid + top.ask) / (2 * PRICE_UNIT))


def fair_bands(runtime: Runtime, window: Window) -> tuple[FairBands, ...]:
    """Return the bands of every series of ``window`` that preflight let through.

    Reads the window's record, the listing and the parameters.

    Raises:
        DataError: when one of them cannot be used.
        VenueError: when the venue does not answer.
    """
    day = window.fixing.astimezone(NEW_YORK).date()
    session = runtime.sessions.on(day)
    if session is None:
        raise DataError(runtime.sessions.why_closed(day))
    fitted = load_parameters(runtime.parameters(), on=day)
    record = (runtime.state.window(window.window_id) or {}).get("series", {})
    found = []
    for name in window.series:
        known = record.get(name, {})
        if not known.get("go"):
            continue
        series = runtime.registry.series[name]
        listed = runtime.reader.markets(window.event_ticker(name))
        ladder = ladder_from_listing(listed, series, window.fixing)
        found.append(
            FairBands(
                window=window,
                series=series,
                session=session,
                parameters=fitted[series.symbol],
                terms=fee_terms(known["fee_type"], known["fee_multiplier"]),
                contracts={contract.ticker: contract for contract in ladder.contracts},
            )
        )
    return tuple(found)
