"""Index families: the settlement is the index itself at the fixing."""

from __future__ import annotations

import math
from datetime import datetime

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.sessions import Session
from kalshi_alpha.pricing.law import TerminalLaw
from kalshi_alpha.pricing.parameters import SymbolParameters
from kalshi_alpha.pricing.reading import Reading
from kalshi_alpha.pricing.variance import forecast


def terminal_law(
    reading: Reading,
    parameters: SymbolParameters,
    fixing: datetime,
    now: datetime,
    session: Session,
) -> TerminalLaw:
    """Return the law of the index at ``fixing`` as seen at ``now``.

    The variance ahead runs from the reading's own time, so an older value has a wider law. Late
    prices are a gate's business, not this function's.

    Raises:
        DataError: when the reading is of another symbol, its value is not positive, the fixing
            has passed, or the fixing lies outside the session.
        ParameterError: when the parameters have no part for that kind of fixing.
    """
    if reading.symbol != parameters.symbol:
        raise DataError(f"a reading of {reading.symbol} met parameters of {parameters.symbol}")
    if not (math.isfinite(reading.value) and reading.value > 0):
        raise DataError(f"{reading.symbol} reads {reading.value}, which is not a positive number")
    if now >= fixing:
        raise DataError(f"the fixing at {fixing} has passed: it is {now}")
    if not session.open < fixing <= session.close:
        raise DataError(
            f"the fixing at {fixing} is outside the session {session.open} to {session.close}"
        )
    part = parameters.part(at_close=fixing == session.close)
    start = min(reading.as_of, now)
    shape = part.shape((fixing - start).total_seconds() / 60.0)
    ahead = forecast(part, reading.realised, session, start, fixing) * shape.stretch**2
    basis = part.basis / reading.value
    scale = math.sqrt(ahead + basis * basis)
    drift = part.drift.expected(reading.realised.move_10, scale)
    return TerminalLaw(shape.table, reading.value, drift, scale)
