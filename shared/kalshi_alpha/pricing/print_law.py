"""The law of a printed figure: a continuous law, and the rounding that puts it on its grid.

A statistical release prints a figure with few digits, and the venue pays on what is printed. With X
the figure before rounding, (X - centre) / scale follows a standardised table, and the print is k
grid steps when X lies from ``edge(k)`` up to ``edge(k + 1)``. The probability of "more than 0.3" on
a grid of tenths is therefore that of X at or above 0.35, with nothing approximated.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kalshi_alpha.errors import ContractError, DataError
from kalshi_alpha.markets.strikes import Payoff
from kalshi_alpha.pricing.law import mass_between
from kalshi_alpha.pricing.table import StandardTable, above, below, student_table

# A ladder is drawn around what is expected. With its nearest strike this many scales away, the
# strikes are in another unit, or the figure is another.
UNIT_REACH = 15.0


class Rounding(Protocol):
    """How a figure becomes a print: grid steps k, each worth ``step / per_unit``."""

    @property
    def step(self) -> int:
        """Return the grid's step in units of 1 / ``per_unit``."""
        ...

    @property
    def per_unit(self) -> int:
        """Return how many such units make one of the print's units."""
        ...

    def edge(self, tick: int) -> float:
        """Return the lowest figure before rounding that prints as ``tick`` steps or more."""
        ...

    def guess(self, figure: float) -> float:
        """Return about how many steps a figure prints as."""
        ...


@dataclass(frozen=True, slots=True)
class Nearest:
    """To the nearest step, halves upwards: tenths are (1, 10), thousands of persons (1000, 1).

    Raises:
        DataError: when one of the two is below 1.
    """

    step: int
    per_unit: int

    def __post_init__(self) -> None:
        if self.step < 1 or self.per_unit < 1:
            raise DataError(
                f"a print grid of {self.step}/{self.per_unit} is none: both are 1 or more"
            )

    def edge(self, tick: int) -> float:
        """Return half a step below ``tick``."""
        return (2 * tick - 1) * self.step / (2 * self.per_unit)

    def guess(self, figure: float) -> float:
        """Return the figure in steps."""
        return figure * self.per_unit / self.step


@dataclass(frozen=True, slots=True)
class PercentOfIndex:
    """The percent change of a published index over a published base, to the nearest tenth.

    What is unknown is the index. It is rounded to its own grid first and the change is taken
    between the published numbers, which is how the agency computes it.

    Args:
        base: the published base, in 1/``index_per_unit``, > 0.
        index_per_unit: the index's grid: 1000 for three decimals.
        per_unit: the print's grid: 10 for tenths of a percent.

    Raises:
        DataError: when one of them is below 1.
    """

    base: int
    index_per_unit: int = 1000
    per_unit: int = 10

    def __post_init__(self) -> None:
        if min(self.base, self.index_per_unit, self.per_unit) < 1:
            raise DataError(
                f"a percent change needs a base and grids above 0, not {self.base}, "
                f"{self.index_per_unit} and {self.per_unit}"
            )

    @property
    def step(self) -> int:
        """Return 1: every tenth can be printed."""
        return 1

    def edge(self, tick: int) -> float:
        """Return half a grid step below the lowest published index that prints ``tick``."""
        whole = 200 * self.per_unit
        lowest = -(-self.base * (whole + 2 * tick - 1) // whole)
        return (2 * lowest - 1) / (2 * self.index_per_unit)

    def guess(self, figure: float) -> float:
        """Return the change over the base, in steps."""
        return (figure * self.index_per_unit / self.base - 1.0) * 100.0 * self.per_unit


@dataclass(frozen=True, slots=True)
class PrintLaw:
    """The law of a printed figure.

    Args:
        table: the law of the standardised figure.
        centre: its middle before rounding, in the rounding's own units.
        scale: its spread in the same units, > 0.
        rounding: from the figure to the print.

    Raises:
        DataError: when a number is not finite, or the scale not above 0.
    """

    table: StandardTable
    centre: float
    scale: float
    rounding: Rounding

    def __post_init__(self) -> None:
        if not math.isfinite(self.centre):
            raise DataError(f"the law's centre is {self.centre}; it must be finite")
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise DataError(f"the law's scale is {self.scale}; it must be positive and finite")

    @property
    def level(self) -> float:
        """Return where it stands: the middle of what is printed, in the print's own units."""
        return self.printed(self.quantile(0.5))

    def printed(self, figure: float) -> float:
        """Return what is printed of a figure before rounding, in the print's own units."""
        rounding = self.rounding
        tick = math.floor(rounding.guess(figure))
        while rounding.edge(tick + 1) <= figure:
            tick += 1
        while rounding.edge(tick) > figure:
            tick -= 1
        return tick * rounding.step / rounding.per_unit

    def cdf(self, figure: float) -> float:
        """Return the probability of at most ``figure`` before rounding."""
        return below(self._log_odds((figure,))[0])

    def sf(self, figure: float) -> float:
        """Return the probability of more than ``figure`` before rounding."""
        return above(self._log_odds((figure,))[0])

    def quantile(self, p: float) -> float:
        """Return the figure before rounding below which it lies with probability ``p``."""
        return self.centre + self.scale * self.table.quantile(p)

    def at_least(self, tick: int) -> float:
        """Return the probability that the print is ``tick`` grid steps or more."""
        return above(self._log_odds((self.rounding.edge(tick),))[0])

    def masses(self, low: int, high: int) -> tuple[float, ...]:
        """Return the probabilities of at most ``low``, of each step between, and of ``high`` up.

        Raises:
            DataError: when ``low`` is not below ``high``.
        """
        if low >= high:
            raise DataError(f"prints from {low} to {high} are no range: the first must be lower")
        edges = self._log_odds([self.rounding.edge(k) for k in range(low + 1, high + 1)])
        bounds = (-math.inf, *edges, math.inf)
        return tuple(mass_between(bounds[k], bounds[k + 1]) for k in range(len(bounds) - 1))

    def mass(self, payoff: Payoff, ticks_per_point: int) -> float:
        """Return the probability that the print lies in the payoff's ticks.

        Raises:
            DataError: as ``edge_log_odds``.
        """
        low, high = payoff.low, payoff.high
        asked = ([] if low is None else [low]) + ([] if high is None else [high + 1])
        edges = self.edge_log_odds(asked, ticks_per_point)
        return mass_between(
            -math.inf if low is None else edges[0], math.inf if high is None else edges[-1]
        )

    def edge_log_odds(self, ticks: Sequence[int], ticks_per_point: int) -> list[float]:
        """Return the log odds of a print below each tick of a contract's grid.

        Args:
            ticks: of the contract, ``ticks_per_point`` to one of the print's units.
            ticks_per_point: at least as fine as the print, so that each print lies on it.

        Raises:
            DataError: when some print would lie between two of the contract's ticks.
        """
        step, per_unit = self.rounding.step, self.rounding.per_unit
        if (ticks_per_point * step) % per_unit:
            raise DataError(
                f"a contract of {ticks_per_point} ticks to the unit cannot hold every print of "
                f"{step}/{per_unit}: give the series the print's grid"
            )
        width = ticks_per_point * step // per_unit  # contract ticks to a step of the print
        return self._log_odds([self.rounding.edge(-(-tick // width)) for tick in ticks])

    def _log_odds(self, figures: Sequence[float]) -> list[float]:
        inverse = 1.0 / self.scale
        return self.table.log_odds_at([(figure - self.centre) * inverse for figure in figures])


def require_same_unit(law: PrintLaw, payoffs: Sequence[Payoff], ticks_per_point: int) -> None:
    """Refuse a ladder whose strikes are nowhere near the figure.

    Raises:
        ContractError: ``another_unit`` when every strike is ``UNIT_REACH`` scales or more away.
    """
    bounds = [b for payoff in payoffs for b in (payoff.low, payoff.high) if b is not None]
    width = ticks_per_point * law.rounding.step / law.rounding.per_unit
    figures = [law.rounding.edge(math.ceil(bound / width)) for bound in bounds]
    away = min((abs(figure - law.centre) / law.scale for figure in figures), default=0.0)
    if away >= UNIT_REACH:
        raise ContractError(
            f"the nearest strike is {away:.0f} scales from the figure's middle of "
            f"{law.centre:.6g}: the ladder is in another unit, or of another figure",
            code="another_unit",
        )


@functools.cache
def student(freedom: float) -> StandardTable:
    """Return Student's law of variance 1 with ``freedom`` degrees, made once."""
    return student_table(freedom)
