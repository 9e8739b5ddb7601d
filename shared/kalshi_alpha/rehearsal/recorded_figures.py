"""The recorded macro figures of the twin: what was known when, and what settles."""

from __future__ import annotations

import csv
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from importlib import resources

from kalshi_alpha.clock import from_iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.families.cpi import months_before
from kalshi_alpha.markets.macro import MacroSeries
from kalshi_alpha.markets.releases import Release

FILES = ("prices.csv", "claims.csv", "yields.csv", "gasoline.csv")
# Prices are traded on their change over so many months.
_SPANS: Mapping[str, int] = {"cpi-sa": 1, "core-cpi-sa": 1, "cpi-nsa": 12}
_TENTHS = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One figure: its series and period, its text as published, and since when it is told."""

    series: str
    period: date
    value: str
    known_from: datetime


@functools.cache
def recorded_figures() -> tuple[Recorded, ...]:
    """Return every recorded figure, by series and period."""
    folder = resources.files("kalshi_alpha.rehearsal").joinpath("data", "macro")
    return tuple(
        Recorded(
            row["series"],
            date.fromisoformat(row["period"]),
            row["value"],
            from_iso(row["known_from"]),
        )
        for name in FILES
        for row in csv.DictReader(folder.joinpath(name).read_text("utf-8").splitlines())
    )


def told(series: str, at: datetime) -> dict[date, str]:
    """Return a series as it could be read at an instant: values as published, by period."""
    return {
        one.period: one.value
        for one in recorded_figures()
        if one.series == series and one.known_from <= at
    }


def truth(series: MacroSeries, release: Release) -> Decimal:
    """Return the figure that settles a release: a percent change for prices, else the value.

    Raises:
        DataError: when it is not recorded.
    """
    values = {
        one.period: Decimal(one.value) for one in recorded_figures() if one.series == series.figure
    }
    found = _recorded(series, values, release.period)
    span = _SPANS.get(series.figure)
    if span is None:
        return found
    base = _recorded(series, values, months_before(release.period, span))
    return (100 * (found / base - 1)).quantize(_TENTHS, ROUND_HALF_UP)


def _recorded(series: MacroSeries, values: Mapping[date, Decimal], period: date) -> Decimal:
    if period not in values:
        there = f"{min(values)} to {max(values)}" if values else "nothing"
        raise DataError(f"{series.figure} is not recorded for {period}: there is {there}")
    return values[period]
