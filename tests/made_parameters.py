"""Made-up parameters with round numbers, for tests that price with them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from kalshi_alpha.pricing.parameters import Drift, IndexParameters, Shape, SymbolParameters
from kalshi_alpha.pricing.table import normal_table
from kalshi_alpha.pricing.variance import RegimeMix, VarianceCurve

AS_OF = date(2025, 11, 3)
EVEN = VarianceCurve((1 / 390,) * 390)
NORMAL = normal_table()
STEADY = RegimeMix(1.0, 0.0, 0.0, 0.0, 5.0, 0.05, 50.0)


def made_part(**changes: Any) -> IndexParameters:
    """A part whose variance is 1e-7 a minute whatever the session does."""
    fields: dict[str, Any] = {
        "level": 3.9e-5,
        "minute_ratio": 1.0,
        "curve": EVEN,
        "events": {},
        "mix": STEADY,
        "shapes": (Shape(60.0, 1.0, NORMAL),),
        "basis": 0.1,
        "drift": Drift(0.0, 0.25),
    }
    return IndexParameters(**(fields | changes))


def made_parameters(
    hourly: IndexParameters | None,
    close: IndexParameters | None,
    *,
    symbol: str = "SPX",
    as_of: date = AS_OF,
) -> SymbolParameters:
    """Both parts under a name; good for fourteen days, as a fit's are."""
    return SymbolParameters(symbol, as_of, as_of + timedelta(days=14), hourly, close)
