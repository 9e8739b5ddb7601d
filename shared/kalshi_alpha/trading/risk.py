"""What the inventory and the resting orders of a fixing may lose: exactly, and never too little.

Three answers to one question, how much may be lost. The *worst case* looks at every outcome and
every set of fills. *Value at risk* and *expected shortfall* weigh outcomes by the law that quotes.
For them an order counts as filled in exactly the outcomes in which it loses: who takes our quotes
may know the outcome, and no way of filling, partial or dependent on anything, loses more in any
outcome. So a resting order is never a hedge; a fill is.

Two indices at one fixing share a normal copula, once with each correlation given and once with
one; the worse counts. Symbols whose dependence nobody measured, and different fixings, add up:
expected shortfall is sub-additive (Acerbi and Tasche, 2002), so the sum is a bound whatever hangs
together. A symbol without a law counts with its worst case.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from kalshi_alpha.errors import DataError
from kalshi_alpha.pricing.laws import Law
from kalshi_alpha.trading.risk_cells import (
    Bins,
    Holding,
    Masses,
    adverse_by_bin,
    bins_of,
    cash_by_bin,
    edges_of,
    joint_masses,
)

_ROUNDING = 1e-12


class Filling(StrEnum):
    """Which resting orders count as filled."""

    ADVERSE = "adverse"  # those that lose, in each outcome
    ALL = "all"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class TailRisk:
    """Value at risk and expected shortfall at one level, in cash; > 0 is a loss.

    Attributes:
        level: such as 0.99.
        var: the least loss that is not exceeded with that probability.
        shortfall: mean loss of the worst ``1 - level``, rounded up.
    """

    level: float
    var: int
    shortfall: int


@dataclass(frozen=True, slots=True)
class LossLaw:
    """An exact law of losses: each loss in cash, ascending, and its probability."""

    losses: tuple[int, ...]
    chances: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Return the expected loss in cash."""
        return math.fsum(c * x for c, x in zip(self.chances, self.losses, strict=True))

    @property
    def loss_probability(self) -> float:
        """Return the probability of losing anything."""
        return math.fsum(c for c, x in zip(self.chances, self.losses, strict=True) if x > 0)

    def tail(self, level: float) -> TailRisk:
        """Return value at risk and expected shortfall.

        Raises:
            DataError: when the level is not strictly between 0 and 1.
        """
        if not 0.0 < level < 1.0:
            raise DataError(f"the level {level} of a risk is not strictly between 0 and 1")
        worse, total = 0.0, 0.0
        room = 1.0 - level
        for loss, chance in zip(reversed(self.losses), reversed(self.chances), strict=True):
            if worse + chance > room + _ROUNDING:
                mean = (total + max(0.0, room - worse) * loss) / room
                return TailRisk(level, loss, max(loss, math.ceil(mean - _ROUNDING)))
            worse += chance
            total += chance * loss
        least = self.losses[0]  # chances that add up to a little less than one
        return TailRisk(level, least, max(least, math.ceil(total / room - _ROUNDING)))


@dataclass(frozen=True, slots=True)
class SymbolBook:
    """What rests on one index at one fixing.

    Attributes:
        law: that quotes it; None when it cannot be priced now.
        held: contracts held.
        resting: orders, each as what it would make us hold if it filled whole.
        ticks_per_point: settlement ticks in one point.
    """

    law: Law | None
    held: tuple[Holding, ...] = ()
    resting: tuple[Holding, ...] = ()
    ticks_per_point: int = 100

    @property
    def worst(self) -> int:
        """Return the most that can be lost, over every outcome and every set of fills."""
        edges = edges_of((*self.held, *self.resting))
        return -min(_cash(edges, self, Filling.ADVERSE))


@dataclass(frozen=True, slots=True)
class FixingBook:
    """Everything of ours that one fixing decides, by symbol.

    Attributes:
        symbols: by name.
        correlations: of the copula of two symbols, by their names in order; each is looked at, and
            one besides.
    """

    symbols: Mapping[str, SymbolBook]
    correlations: Mapping[tuple[str, str], tuple[float, ...]] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Say whether nothing is held and nothing rests."""
        return not any(book.held or book.resting for book in self.symbols.values())

    def with_law(self, symbol: str, law: Law, ticks_per_point: int) -> FixingBook:
        """Return the book with ``symbol`` priced by ``law``, holding what it did."""
        known = self.symbols.get(symbol, SymbolBook(None))
        changed = replace(known, law=law, ticks_per_point=ticks_per_point)
        return replace(self, symbols={**self.symbols, symbol: changed})

    def without_orders(self) -> FixingBook:
        """Return what is held alone."""
        alone = {name: replace(one, resting=()) for name, one in self.symbols.items()}
        return replace(self, symbols=alone)

    def resting_too(self, symbol: str, more: Iterable[Holding]) -> FixingBook:
        """Return the book with further orders on ``symbol``."""
        return self._with(symbol, resting=(*self.symbols[symbol].resting, *more))

    def holding_too(self, symbol: str, more: Iterable[Holding]) -> FixingBook:
        """Return the book with further contracts held on ``symbol``."""
        return self._with(symbol, held=(*self.symbols[symbol].held, *more))

    def _with(self, symbol: str, **fields: tuple[Holding, ...]) -> FixingBook:
        changed = replace(self.symbols[symbol], **fields)  # type: ignore[arg-type]
        return replace(self, symbols={**self.symbols, symbol: changed})


def together(books: Iterable[Mapping[str, SymbolBook]]) -> dict[str, SymbolBook]:
    """Return all that is held and rests in several books, by symbol; the first law counts."""
    found: dict[str, SymbolBook] = {}
    for book in books:
        for name, one in book.items():
            known = found.get(name, SymbolBook(None, ticks_per_point=one.ticks_per_point))
            found[name] = SymbolBook(
                law=known.law or one.law,
                held=(*known.held, *one.held),
                resting=(*known.resting, *one.resting),
                ticks_per_point=known.ticks_per_point if known.law else one.ticks_per_point,
            )
    return found


@dataclass(frozen=True, slots=True)
class FixingRisk:
    """What one fixing may lose, in cash; > 0 is a loss.

    Attributes:
        tail: the worst of what the correlations say.
        worst: the most that can be lost, whatever happens and whatever fills.
        correlation: with which the shortfall is worst; None when it is the same with all.
        law: all losses with that correlation; None when symbols were added up without one.
    """

    tail: TailRisk
    worst: int
    correlation: float | None = None
    law: LossLaw | None = None


class Cells:
    """The outcomes of one fixing that a book can tell apart, with what each is worth.

    Laid out once for the edges of a book, they weigh any book with no other edges: sizes can be
    searched without the integrals being taken again.
    """

    def __init__(self, book: FixingBook) -> None:
        self._bins: dict[str, Bins] = {}
        for name, one in sorted(book.symbols.items()):
            edges = edges_of((*one.held, *one.resting))
            if one.law is not None and edges:
                self._bins[name] = bins_of(one.law, edges, one.ticks_per_point)
        self._joint: list[tuple[float | None, Masses]] = []
        pair = tuple(self._bins)
        if len(pair) == 1:
            self._joint = [(None, (self._bins[pair[0]].masses,))]  # one row of all its bins
        elif len(pair) == 2 and (given := book.correlations.get((pair[0], pair[1]))):
            first, second = self._bins.values()
            self._joint = [(rho, joint_masses(first, second, rho)) for rho in sorted({*given, 1.0})]

    def risk(
        self, book: FixingBook, level: float, filling: Filling = Filling.ADVERSE
    ) -> FixingRisk:
        """Weigh a book whose edges are among those of the book the cells were laid out for.

        Raises:
            DataError: when an edge is not, or the level is not strictly between 0 and 1.
        """
        certain, each = 0, []
        for name, one in sorted(book.symbols.items()):
            if name in self._bins:
                each.append([-cash for cash in _cash(self._bins[name].edges, one, filling)])
            else:
                certain += one.worst
        worst = certain + sum(max(losses) for losses in each)
        if self._joint:
            return self._weighed(each, certain, level, worst)
        tails = [
            _law_of([(losses, bins.masses)], 0).tail(level)
            for losses, bins in zip(each, self._bins.values(), strict=True)
        ]
        shortfall = certain + sum(tail.shortfall for tail in tails)
        # a sum of values at risk bounds nothing, one of shortfalls bounds both
        var = certain + tails[0].var if len(tails) == 1 else shortfall
        return FixingRisk(TailRisk(level, var, shortfall), worst)

    def _weighed(
        self, each: Sequence[Sequence[int]], certain: int, level: float, worst: int
    ) -> FixingRisk:
        found: list[tuple[TailRisk, float | None, LossLaw]] = []
        rows = [each[0]] if len(each) == 1 else [[x + y for y in each[1]] for x in each[0]]
        for rho, masses in self._joint:
            law = _law_of(zip(rows, masses, strict=True), certain)
            found.append((law.tail(level), rho, law))
        tail, rho, law = max(found, key=lambda one: (one[0].shortfall, one[0].var))
        if len({one[0] for one in found}) == 1:
            rho = None
        most = TailRisk(level, max(one[0].var for one in found), tail.shortfall)
        return FixingRisk(most, worst, rho, law)


def risk_of(book: FixingBook, level: float, filling: Filling = Filling.ADVERSE) -> FixingRisk:
    """Return what a fixing may lose.

    Raises:
        DataError: when the level is not strictly between 0 and 1.
    """
    return Cells(book).risk(book, level, filling)


def added_up(fixings: Iterable[FixingRisk], level: float) -> FixingRisk:
    """Return a bound on what several fixings may lose together, however they hang together."""
    every = list(fixings)
    shortfall = sum(one.tail.shortfall for one in every)
    alone = every[0].tail.var if len(every) == 1 else shortfall
    return FixingRisk(TailRisk(level, alone, shortfall), sum(one.worst for one in every))


def _cash(edges: Sequence[int], book: SymbolBook, filling: Filling) -> list[int]:
    held = cash_by_bin(edges, book.held)
    if filling is Filling.NONE:
        return held
    filled = adverse_by_bin if filling is Filling.ADVERSE else cash_by_bin
    return [a + b for a, b in zip(held, filled(edges, book.resting), strict=True)]


def _law_of(rows: Iterable[tuple[Sequence[int], Sequence[float]]], certain: int) -> LossLaw:
    """Return the law of losses in cells, row by row, each with ``certain`` on top."""
    chances: dict[int, float] = {}
    for losses, masses in rows:
        for loss, mass in zip(losses, masses, strict=True):
            if mass > 0.0:
                chances[loss] = chances.get(loss, 0.0) + mass
    ordered = sorted(chances)
    return LossLaw(
        tuple(loss + certain for loss in ordered), tuple(chances[loss] for loss in ordered)
    )


__all__ = [
    "Cells",
    "Filling",
    "FixingBook",
    "FixingRisk",
    "Holding",
    "LossLaw",
    "SymbolBook",
    "TailRisk",
    "added_up",
    "risk_of",
    "together",
]
