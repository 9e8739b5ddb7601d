"""The law of a series as a scan sees it.

Of an index it is made from the sentry's word, of a published figure from what its sources have
said. A figure's modules are imported only when one is priced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.errors import DataError, ParameterError
from kalshi_alpha.families.catalog import family
from kalshi_alpha.markets.registry import Series
from kalshi_alpha.markets.sessions import Sessions
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.pricing.blend import MarketBlends
from kalshi_alpha.pricing.laws import Law
from kalshi_alpha.pricing.parameters import load_parameters, parameters_checksum
from kalshi_alpha.pricing.reading import Reading
from kalshi_alpha.trading.window_gates import ParameterFacts

if TYPE_CHECKING:
    from kalshi_alpha.steps.figures import Figures


class LawEyes(Protocol):
    """What a law is made from."""

    def reading(self, symbol: str) -> Reading:
        """Return what the sentry knows of an index."""
        ...

    def parameters(self) -> bytes:
        """Return the index's parameter file."""
        ...

    def figures(self, series: str) -> Figures:
        """Return what is known of the figure that a series settles on."""
        ...

    def figure_parameters(self) -> bytes:
        """Return the parameter file of published figures."""
        ...


@dataclass(frozen=True, slots=True)
class Priced:
    """One series' law, and where it is from.

    Attributes:
        law: of the settlement value.
        level: of the index now, or the middle of what will be printed.
        blends: the weight of the others' prices; None where nobody has measured one.
        inputs: what it was made from, for the record's hash.
    """

    law: Law
    level: float
    blends: MarketBlends | None
    inputs: Mapping[str, Any]


def priced(
    eyes: LawEyes, found: Series, window: Window, sessions: Sessions, now: datetime
) -> Priced:
    """Return the law of a series at the window's fixing, as seen at ``now``.

    Raises:
        DataError: when what it needs is not known, or contradicts the calendar.
        ParameterError: when the parameters do not hold, or say nothing of the series.
    """
    if window.release is not None:
        return _of_figure(eyes, found, window, now)
    return _of_index(eyes, found, window, sessions, now)


def figure_facts(data: bytes, series: str, today: date) -> ParameterFacts:
    """Return what the parameters of a figure are worth today; a problem is told, not raised."""
    from kalshi_alpha.families.macro import load_parameter_file  # noqa: PLC0415
    from kalshi_alpha.markets.macro import load_macro  # noqa: PLC0415

    part = load_macro().series[series].parameters
    try:
        found = load_parameter_file(data)
        if part not in found.parts:
            raise ParameterError(f"they say nothing of {part}")
    except ParameterError as error:
        return ParameterFacts(today, today, today, problem=str(error))
    return ParameterFacts(found.as_of, found.valid_until, today)


def _of_index(
    eyes: LawEyes, found: Series, window: Window, sessions: Sessions, now: datetime
) -> Priced:
    reading, fitted = eyes.reading(found.symbol), eyes.parameters()
    day = now.astimezone(NEW_YORK).date()
    session = sessions.on(day)
    if session is None:
        raise DataError(sessions.why_closed(day))
    parameters = load_parameters(fitted, on=day)[found.symbol]
    law = family(found.family)(reading, parameters, window.fixing, now, session)
    return Priced(
        law=law,
        level=reading.value,
        blends=parameters.part(at_close=window.fixing == session.close).blend,
        inputs={"reading": asdict(reading), "parameters": parameters_checksum(fitted)},
    )


def _of_figure(eyes: LawEyes, found: Series, window: Window, now: datetime) -> Priced:
    from kalshi_alpha.families.macro import load_family, load_parameter_file  # noqa: PLC0415
    from kalshi_alpha.markets.macro import load_macro  # noqa: PLC0415

    assert window.release is not None
    registry = load_macro()
    known, fitted = eyes.figures(found.ticker), load_parameter_file(eyes.figure_parameters())
    day = now.astimezone(NEW_YORK).date()
    if not fitted.as_of <= day <= fitted.valid_until:
        raise ParameterError(
            f"the parameters of figures hold from {fitted.as_of} to {fitted.valid_until}, and it "
            f"is {day}: fit again"
        )
    part = registry.series[found.ticker].parameters
    if part not in fitted.parts:
        raise ParameterError(f"the parameters of figures say nothing of {part}")
    one = load_family(registry, found.family)
    law = one.terminal_law(known.reading, one.read(fitted.parts[part]), window.release, now)
    return Priced(
        law=law,
        level=law.level,
        blends=None,
        inputs={"figures": known.to_json(), "parameters": fitted.checksum},
    )
