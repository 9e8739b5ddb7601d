"""Takers of the temperature ladders as a Hawkes process: fitted on first days, asked of later ones.

Run ``python -m kalshi_alpha.research.temperature.takers FOLDER`` on a folder of recorded trades. A
taker who goes through several orders at one instant is one event; buys and sells of YES excite
themselves and each other. What the later days are worth under the fitted process is put beside two
constant rates that know those days' own counts beforehand.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.momentum.hawkes import BUY, SELL
from kalshi_alpha.research.temperature.hawkes_fit import (
    Columns,
    HawkesFit,
    Stretch,
    columns,
    fit_hawkes,
    likelihood,
    rates_of,
    rescaling_p,
)
from kalshi_alpha.research.temperature.trades import Event, folder_of, load

FIRST_HOUR, LAST_HOUR = 10, 17  # of the climate day: while the day's highest is made
FITTED = 2.0 / 3.0
_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Excited:
    """One city's takers.

    Attributes:
        series: the city's.
        fitted_days: days it was fitted on, the first two thirds.
        asked_days: days it was asked about, the rest.
        fit: what was found on the former.
        events: how many the latter hold.
        gain: log likelihood an event, on the latter, above that of the latter days' own rates.
        p: of time-rescaling on the latter.
    """

    series: str
    fitted_days: int
    asked_days: int
    fit: HawkesFit
    events: int
    gain: float
    p: float


def stretch_of(event: Event) -> Stretch:
    """Return one day's takers between ten and seventeen hours into its climate day."""
    since, until = (event.start_s + hour * _HOUR_S for hour in (FIRST_HOUR, LAST_HOUR))
    there = (event.at >= since) & (event.at < until)
    kinds = np.where(event.bought[there], BUY, SELL)
    each = np.unique(np.stack([event.at[there], kinds]), axis=1)
    return Stretch(each[0], each[1].astype(np.int64), since, until)


def excited(series: str, events: Sequence[Event]) -> Excited:
    """Fit the first two thirds of one city's days and ask about the rest.

    Args:
        series: the city's.
        events: its days, in order.

    Raises:
        DataError: when either part holds no buy or no sell.
    """
    days = [stretch_of(event) for event in events]
    cut = math.ceil(FITTED * len(days))
    fit = fit_hawkes(days[:cut], 2)
    after = columns(days[cut:])
    value, _ = likelihood(after, rates_of(fit.parameters), 2)
    gain = (value - _constant(after)) / after.events
    p = rescaling_p(fit.parameters, days[cut:])
    return Excited(series, cut, len(days) - cut, fit, after.events, gain, p)


def _constant(table: Columns) -> float:
    """Return the log likelihood of days at the constant rates that suit them best."""
    counts = [int((table.kinds == kind).sum()) for kind in (BUY, SELL)]
    return sum(count * (math.log(count / table.seconds) - 1.0) for count in counts if count)


def main(folder: Path) -> None:
    """Print one row a city."""
    events = sorted(load([folder_of(folder)], load_stations()).events, key=lambda e: e.series)
    head = f"{'city':<12}{'days':>10}{'events':>14}{'an event brings':>17}"
    print(f"{head}{'half-life':>11}{'gain':>8}{'p':>9}")  # noqa: T201 - a table for a person
    for series, group in groupby(events, key=lambda e: e.series):
        found = excited(series, sorted(group, key=lambda e: e.day))
        parameters = found.fit.parameters
        row = (
            f"{series:<12}{f'{found.fitted_days}+{found.asked_days}':>10}"
            f"{f'{found.fit.events}+{found.events}':>14}{parameters.reproduction:>17.2f}"
            f"{math.log(2.0) / parameters.decay:>9.0f} s{found.gain:>8.2f}{found.p:>9.1g}"
        )
        print(row)  # noqa: T201 - a table for a person


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise DataError("name the folder of recorded trades, and nothing else")
    main(Path(sys.argv[1]))
