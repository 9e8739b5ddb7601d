"""The law's forecasts of many cases, each with the parameters of its own day."""

from __future__ import annotations

from datetime import date
from typing import Protocol

import numpy as np

from kalshi_alpha.pricing.parameters import IndexParameters, SymbolParameters
from kalshi_alpha.pricing.table import StandardTable
from kalshi_alpha.research.model.cases import CLOSE_HOUR, Cases
from kalshi_alpha.research.model.forecast import scales, shape_of
from kalshi_alpha.research.model.measured import Measured
from kalshi_alpha.research.scores.forecasts import Forecasts
from kalshi_alpha.research.scores.shapes import TableShape


class Dated(Protocol):
    """Parameters by day: a walk, or one file for all days."""

    def parameters_on(self, day: date) -> SymbolParameters:
        """Return the parameters that price ``day``."""
        ...


def law_forecasts(source: Dated, sessions: Measured, cases: Cases) -> Forecasts:
    """Return the law of each case, with no drift and no settlement basis.

    Args:
        source: parameters by day.
        sessions: what is known; of a case's own day only bars complete at its decision are used.
        cases: of these sessions.

    Raises:
        ParameterError: when the parameters lack the part of a case's fixing.
    """
    scale = np.empty(len(cases))
    shape = np.zeros(len(cases), dtype=np.int64)
    places: dict[StandardTable, int] = {}
    for part, at in _by_part(source, sessions, cases):
        some = cases.where(at)
        start, end = some.start.astype(np.float64), some.end.astype(np.float64)
        scale[at] = scales(part, sessions, some.day, start, end)
        own = [places.setdefault(one.table, len(places)) for one in part.shapes]
        shape[at] = np.array(own)[shape_of(part, end - start)]
    return Forecasts(
        np.zeros(len(cases)), scale, tuple(TableShape(table) for table in places), shape
    )


def _by_part(
    source: Dated, sessions: Measured, cases: Cases
) -> list[tuple[IndexParameters, np.ndarray[tuple[int], np.dtype[np.bool_]]]]:
    """Group the cases by the part that prices them."""
    late = cases.hour == CLOSE_HOUR
    by_fit: dict[int, tuple[SymbolParameters, list[int]]] = {}
    for place in np.unique(cases.day):
        found = source.parameters_on(sessions.days[place])
        by_fit.setdefault(id(found), (found, []))[1].append(int(place))
    groups = []
    for parameters, places in by_fit.values():
        of_days = np.isin(cases.day, places)
        for at_close in (False, True):
            at = of_days & (late == at_close)
            if at.any():
                groups.append((parameters.part(at_close=at_close), at))
    return groups
