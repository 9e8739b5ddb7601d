"""What is known of a published figure and the law that is made of it, ready to be shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from kalshi_alpha.clock import NEW_YORK, Clock
from kalshi_alpha.cloud.artifacts import ArtifactStore
from kalshi_alpha.errors import ConfigurationError, DataError, ParameterError
from kalshi_alpha.families.macro import (
    ParameterFile,
    load_family,
    load_parameter_file,
    price,
    shipped_parameters,
)
from kalshi_alpha.markets.macro import MacroSeries, load_macro
from kalshi_alpha.markets.releases import Release, load_releases
from kalshi_alpha.markets.strikes import Payoff
from kalshi_alpha.markets.traded import MACRO, trade
from kalshi_alpha.pricing.print_law import PrintLaw
from kalshi_alpha.steps.figures import Figures, figures_for
from kalshi_alpha.steps.runtime import FIGURE_PARAMETERS_KEY

_SHOWN = 5  # strikes on each side of the middle
_AHEAD = timedelta(days=60)
_SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


def shown_law(
    ticker: str, store: ArtifactStore, clock: Clock, period: date | None
) -> dict[str, Any]:
    """Return what is known of a series' figure, its law, and a ladder around its middle.

    Raises:
        ConfigurationError: when there is no such series.
        DataError: when something that the law needs is not known.
    """
    trade(MACRO)
    registry = load_macro()
    if ticker not in registry.series:
        known = ", ".join(registry.series)
        raise ConfigurationError(f"there is no series {ticker!r} of figures; there is: {known}")
    series, now = registry.series[ticker], clock.now()
    release = _release(series.release, period, now)
    figures = figures_for(store, clock, series, release)
    fitted = _fitted(store, now)
    if series.parameters not in fitted.parts:
        raise ParameterError(f"the parameters say nothing of {series.parameters}: fit them again")
    family = load_family(registry, series.family)
    parameters = family.read(fitted.parts[series.parameters])
    law = family.terminal_law(figures.reading, parameters, release, now)
    return {
        "series": ticker,
        "period": release.period.isoformat(),
        "released": f"{release.at.astimezone(NEW_YORK):%Y-%m-%d %H:%M}",
        "known": _known(figures),
        "law": {
            "parameters as of": fitted.as_of.isoformat(),
            "valid until": fitted.valid_until.isoformat(),
            **{f"{p:.0%} are at most": f"{law.printed(law.quantile(p)):.10g}" for p in _SHARES},
        },
        "ladder": _ladder(series, law),
    }


def _known(figures: Figures) -> Mapping[str, Any]:
    period, value = figures.reading.last
    return {
        "last": f"{value:.10g} of {period}",
        "periods": len(figures.reading.history),
        **{name: f"{found:.4g}" for name, found in figures.reading.beside.items()},
        **{
            one.name: f"{one.age_s / 3600:.1f} h old. {one.stale_reason}".strip()
            for one in figures.sources
        },
    }


def _ladder(series: MacroSeries, law: PrintLaw) -> list[tuple[float, float, float]]:
    """Return strikes with the probabilities of more, and of as much or more."""
    ticks, middle = series.ticks_per_point, round(law.level / series.strike_step)
    strikes = [(middle + k) * series.strike_step for k in range(-_SHOWN, _SHOWN + 1)]
    lows = [round(strike * ticks) for strike in strikes]
    more = price(law, [Payoff(low + 1, None) for low in lows], ticks)
    least = price(law, [Payoff(low, None) for low in lows], ticks)
    return list(zip([round(strike, 6) for strike in strikes], more, least, strict=True))


def _fitted(store: ArtifactStore, now: datetime) -> ParameterFile:
    try:
        data = store.read(FIGURE_PARAMETERS_KEY)
    except DataError:
        data = shipped_parameters(now.astimezone(NEW_YORK).date())
    return load_parameter_file(data)


def _release(kind: str, period: date | None, now: datetime) -> Release:
    calendar = load_releases()
    if period is None:
        coming = calendar.between(kind, now, now + _AHEAD)
        if coming:
            return coming[0]
        raise DataError(f"the calendar has no {kind} release in the {_AHEAD.days} days to come")
    found = calendar.of(kind, period)
    if found is None:
        raise DataError(f"there never is a {kind} release of {period}")
    return found
