"""The laws as JSON and back, and how one came out: of an index, or of a printed figure.

A printed figure's law is imported only when one is met.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeAlias

from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.table import StandardTable

if TYPE_CHECKING:
    from kalshi_alpha.pricing.print_law import PrintLaw

Law: TypeAlias = "TerminalLaw | PrintLaw"


def law_to_json(law: Law, digits: int | None = None) -> dict[str, Any]:
    """Return a law ready for JSON, its table rounded to ``digits`` where given."""
    knots, odds = list(law.table.knots), list(law.table.log_odds)
    if digits is not None:
        knots, odds = ([round(x, digits) for x in values] for values in (knots, odds))
    table = {"knots": knots, "log_odds": odds}
    if isinstance(law, TerminalLaw):
        return {"level": law.level, "drift": law.drift, "scale": law.scale, **table}
    return {"centre": law.centre, "scale": law.scale, "rounding": asdict(law.rounding), **table}  # type: ignore[call-overload]


def law_from_json(doc: Mapping[str, Any]) -> Law:
    """Read what ``law_to_json`` wrote.

    Raises:
        KeyError, TypeError, ValueError, DataError, ParameterError: for anything else.
    """
    table = StandardTable(tuple(map(float, doc["knots"])), tuple(map(float, doc["log_odds"])))
    scale = float(doc["scale"])
    if "rounding" not in doc:
        return TerminalLaw(table, float(doc["level"]), float(doc["drift"]), scale)
    from kalshi_alpha.pricing.print_law import Nearest, PercentOfIndex, PrintLaw  # noqa: PLC0415

    grid = {str(name): int(value) for name, value in doc["rounding"].items()}
    rounding = PercentOfIndex(**grid) if "base" in grid else Nearest(**grid)
    return PrintLaw(table, float(doc["centre"]), scale, rounding)


def came_out(law: Law, settled: float) -> tuple[float, float] | None:
    """Return how far the settlement lay from the law's middle, and its rank in the law.

    The distance is in the units of the law's ``scale``: log moves of an index, a figure before
    rounding. Of all that a print may stand for the middle is taken, and of its mass one half.
    None where the value cannot have been: an index that is not above 0.
    """
    if isinstance(law, TerminalLaw):
        if not settled > 0.0:
            return None
        return math.log(settled / law.level) - law.drift, law.cdf(settled)
    rounding = law.rounding
    tick = round(settled * rounding.per_unit / rounding.step)
    middle = (rounding.edge(tick) + rounding.edge(tick + 1)) / 2.0
    rank = 1.0 - (law.at_least(tick) + law.at_least(tick + 1)) / 2.0
    return middle - law.centre, rank
