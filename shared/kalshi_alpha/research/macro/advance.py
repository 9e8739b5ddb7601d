"""Claims as first printed, where a save of the series caught the advance figure: very few weeks.

The history before each is that of the same save: once revised, as nobody saved it before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.families.claims import Parameters, terminal_law
from kalshi_alpha.families.macro import Family, load_parameter_file, shipped_parameters
from kalshi_alpha.markets.macro import load_macro
from kalshi_alpha.markets.releases import Release, load_releases
from kalshi_alpha.pricing.macro_reading import MacroReading
from kalshi_alpha.research.macro.series import Dated, load_saves
from kalshi_alpha.research.scores.shapes import StudentT

_UNTIL_REVISED = timedelta(days=7)
_BEFORE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Advance:
    """One advance figure and what was expected of it, persons.

    Attributes:
        week: that it speaks of.
        printed: the figure.
        last: the week before, once revised.
        middle: of the law.
        low: below it lie ten in a hundred.
        high: above it lie ten in a hundred.
        pit: probability of at most the figure.
        crps: of the law.
        fitted: the last day its parameters knew.
    """

    week: date
    printed: float
    last: float
    middle: float
    low: float
    high: float
    pit: float
    crps: float
    fitted: date


def advances(folder: Path) -> tuple[Advance, ...]:
    """Return every advance figure that a save in ``folder`` holds.

    Raises:
        DataError: when there are no saves.
    """
    found = []
    for saved, series in load_saves(folder).items():
        weeks = series.get("ICSA", {})
        week = max(weeks, default=None)
        release = None if week is None else load_releases().of("claims", week)
        if release is None:
            continue
        out = release.at.astimezone(NEW_YORK).date()
        if out <= saved < out + _UNTIL_REVISED:
            found.append(_advance(weeks, release))
    return tuple(found)


def advance_table(folder: Path) -> str:
    """Return the advance figures and their forecasts as Markdown."""
    rows = advances(folder)
    lines = [
        f"### Initial claims as first printed: {len(rows)} weeks, too few to score",
        "",
        "| week | printed | middle | 80 % | share at most | CRPS | last week off by | fitted |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in rows:
        cells = (
            f"{one.week}",
            f"{one.printed:,.0f}",
            f"{one.middle:,.0f}",
            f"{one.low:,.0f} to {one.high:,.0f}",
            f"{one.pit:.0%}",
            f"{one.crps:,.0f}",
            f"{abs(one.printed - one.last):,.0f}",
            f"{one.fitted}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _advance(weeks: Dated, release: Release) -> Advance:
    history = tuple((week, value) for week, value in weeks.items() if week < release.period)
    now = release.at - _BEFORE
    file = load_parameter_file(shipped_parameters(now.astimezone(NEW_YORK).date()))
    parameters = _parameters(file.parts)
    reading = MacroReading("claims", history, now)
    law = terminal_law(reading, parameters, release, now)
    printed = weeks[release.period]
    off = np.array([(printed - law.centre) / law.scale])
    crps = law.scale * float(StudentT(parameters.freedom).crps(off)[0])
    return Advance(
        week=release.period,
        printed=printed,
        last=history[-1][1],
        middle=law.centre,
        low=law.quantile(0.1),
        high=law.quantile(0.9),
        pit=law.cdf(printed),
        crps=crps,
        fitted=file.as_of,
    )


def _parameters(parts: Mapping[str, Mapping[str, object]]) -> Parameters:
    part = load_macro().series["KXJOBLESSCLAIMS"].parameters
    read: Parameters = Family(Parameters, terminal_law).read(parts[part])
    return read
