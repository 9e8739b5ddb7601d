"""Parameters for each day of history, fitted on nothing but the days before it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import date, timedelta

from kalshi_alpha.errors import DataError
from kalshi_alpha.pricing.parameters import LIFETIME, SymbolParameters
from kalshi_alpha.research.data.panel import Panel
from kalshi_alpha.research.model.fit import FEWEST_SESSIONS, fit_part
from kalshi_alpha.research.model.measured import Measured, measure, of_one_source, unit_sessions

EVERY = 5  # sessions between fits: a week, as the parameters are meant to be renewed


class Walk:
    """Walk-forward parameters of one symbol.

    The settlement basis is left out: history is scored against the feed's own value.

    Args:
        panels: bars by their minutes; days before ``first`` are the history.
        first: first day wanted.
        last: last day wanted.
        every: sessions between fits, > 0.
        bend: whether the shapes are bent to where outcomes fell in them.

    Raises:
        DataError: when no day from ``first`` to ``last`` has enough sessions before it.
    """

    def __init__(
        self,
        panels: Mapping[int, Panel],
        *,
        first: date,
        last: date,
        every: int = EVERY,
        bend: bool = False,
    ) -> None:
        panels = of_one_source(panels)
        self._panels, self._every, self._bend = panels, every, bend
        self._unit = unit_sessions(panels)
        self.sessions = measure(panels[min(panels)])
        known = sorted({*self._unit.days, *self.sessions.days})
        history = itertools.islice(self._unit.days, FEWEST_SESSIONS - 1, None)
        begin = next(history, None)
        wanted = [day for day in known if first <= day <= last]
        self.days = tuple(day for day in wanted if begin is not None and day > begin)
        self.too_early = tuple(wanted[: len(wanted) - len(self.days)])
        if not self.days:
            raise DataError(
                f"no session of {self._unit.symbol} from {first} to {last} has "
                f"{FEWEST_SESSIONS} complete ones before it: add --bars files of earlier days"
            )
        self._fits: dict[date, SymbolParameters] = {}

    @property
    def unit(self) -> Measured:
        """Return every session on the bars the law is fitted on."""
        return self._unit

    def parameters_on(self, day: date) -> SymbolParameters:
        """Return the parameters that price ``day``: the last fit before it.

        Raises:
            DataError: when ``day`` is not one of ``days``.
        """
        if day not in self.days:
            raise DataError(f"{day} is not a scored day of {self._unit.symbol}")
        place = self.days.index(day)
        start = self.days[place - place % self._every]
        if start not in self._fits:
            self._fits[start] = fit_before(self._panels, start, bend=self._bend)
        return self._fits[start]


def fit_before(panels: Mapping[int, Panel], day: date, *, bend: bool = False) -> SymbolParameters:
    """Return both parts, fitted on the sessions before ``day``, with no settlement basis."""
    through = day - timedelta(days=1)
    hourly, close = (
        fit_part(panels, kind, basis=0.0, through=through, bend=bend)
        for kind in ("hourly", "close")
    )
    symbol = panels[min(panels)].symbol
    return SymbolParameters(
        symbol, through, through + LIFETIME, hourly.parameters, close.parameters
    )
