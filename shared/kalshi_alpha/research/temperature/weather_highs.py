"""Daily highs of a station: loading them, and the fit of its season and persistence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import optimize, special

from kalshi_alpha.errors import DataError
from kalshi_alpha.families.temperature_parameters import YEAR, Climate
from kalshi_alpha.pricing.skewed_law import moments
from kalshi_alpha.research.scores.shapes import Bools, Floats, Ints

FILE = "ghcnd_daily_high.parquet"
# Thermometers whose daily summaries are those of a series' station, by the archive's number. The
# file's Chicago is O'Hare, and its Houston number is not the one of Hobby: neither is used.
THERMOMETERS: Mapping[str, str] = {"USW00094728": "KNYC", "USW00012839": "KMIA"}
_FEWEST_DAYS = 250  # most of a year: with fewer the harmonics are not those of a year
_START_FREEDOM = 8.0
_LEAST_FREEDOM = 2.05


@dataclass(frozen=True, slots=True)
class Highs:
    """The official highs of a station, ascending: ordinal day and degrees; both [days]."""

    station: str
    day: Ints
    degrees: Floats

    def before(self, day: date) -> Highs:
        """Return those of earlier days."""
        keep = self.day < day.toordinal()
        return Highs(self.station, self.day[keep], self.degrees[keep])

    def __len__(self) -> int:
        return len(self.day)


def load_highs(folder: Path, thermometers: Mapping[str, str] = THERMOMETERS) -> Mapping[str, Highs]:
    """Return the highs by thermometer of the file in ``folder``.

    Args:
        folder: where it is.
        thermometers: their names by the archive's number; others are passed over.

    Raises:
        DataError: when it is not there, not of that form, or gives a day twice.
    """
    path = folder / FILE
    try:
        table = pq.read_table(path, columns=["station_id", "date", "tmax_f"])
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"the recorded highs in {path} cannot be read: {error}") from None
    rows: dict[str, dict[int, float]] = {}
    for row in table.to_pylist():
        station = thermometers.get(str(row["station_id"]).rpartition(":")[2])
        if station is None or row["tmax_f"] is None:
            continue
        days = rows.setdefault(station, {})
        if row["date"].toordinal() in days:
            raise DataError(f"{path.name} gives {row['date']} of {station} twice")
        days[row["date"].toordinal()] = float(row["tmax_f"])
    return {station: _highs(station, days) for station, days in rows.items()}


def fit_climate(highs: Highs) -> Climate:
    """Fit season, spread, persistence, tails and skew by maximum likelihood.

    Each day's departure, in its season's spreads, follows a skewed Student law of mean 0 around
    ``persistence`` times that of the day before; a day after a gap stands alone.

    Raises:
        DataError: with fewer than 250 days.
    """
    if len(highs) < _FEWEST_DAYS:
        raise DataError(
            f"{len(highs)} highs of {highs.station} are known; {_FEWEST_DAYS} are needed for a "
            "season"
        )
    waves = harmonics(highs.day)
    start = np.zeros(11)
    start[:5] = np.linalg.lstsq(waves, highs.degrees, rcond=None)[0]
    start[5] = math.log(float(np.std(highs.degrees - waves @ start[:5])))
    start[8], start[9] = 0.5, math.log(_START_FREEDOM - _LEAST_FREEDOM)
    follows = np.diff(highs.day) == 1
    found = optimize.minimize(
        _minus_log_likelihood, start, (waves, highs.degrees, follows), method="BFGS"
    ).x
    return Climate(
        mean=_rounded(found[:5], 3),
        log_spread=_rounded(found[5:8], 4),
        persistence=round(float(np.clip(found[8], 0.0, 0.95)), 4),
        freedom=round(_freedom(found), 2),
        skew=round(_skew(found), 3),
    )


def harmonics(day: Ints) -> Floats:
    """Return the constant and two harmonics of the year for each ordinal day; [days, 5]."""
    of_year = np.array([date.fromordinal(int(d)).timetuple().tm_yday for d in day])
    one: Floats = 2.0 * np.pi * of_year / YEAR
    columns = [np.ones(len(one)), np.cos(one), np.sin(one), np.cos(2 * one), np.sin(2 * one)]
    return np.column_stack(columns).astype(np.float64)


def _minus_log_likelihood(at: Floats, waves: Floats, degrees: Floats, follows: Bools) -> float:
    log_spread: Floats = waves[:, :3] @ at[5:8]
    z: Floats = (degrees - waves @ at[:5]) * np.exp(-log_spread)
    weight = np.clip(at[8], -0.99, 0.99)
    narrow = math.sqrt(1.0 - weight * weight)
    centre, scale = np.zeros(len(z)), np.ones(len(z))
    centre[1:][follows] = weight * z[:-1][follows]
    scale[1:][follows] = narrow
    freedom, skew = _freedom(at), _skew(at)
    mean, spread = moments(freedom, skew)
    x: Floats = mean + spread * (z - centre) / scale
    x = np.where(x < 0, x * skew, x / skew)  # each side in its own width
    shape = -0.5 * (freedom + 1.0) * np.log1p(x * x / freedom)
    peak = special.gammaln(0.5 * (freedom + 1.0)) - special.gammaln(0.5 * freedom)
    peak += math.log(2.0 * spread / (skew + 1.0 / skew)) - 0.5 * math.log(freedom * math.pi)
    return float(-(shape - np.log(scale) - log_spread).sum() - len(z) * peak)


def _freedom(at: Floats) -> float:
    return _LEAST_FREEDOM + math.exp(min(float(at[9]), 4.0))


def _skew(at: Floats) -> float:
    return math.exp(min(max(float(at[10]), -1.5), 1.5))


def _highs(station: str, days: Mapping[int, float]) -> Highs:
    ordered = sorted(days)
    return Highs(
        station,
        np.array(ordered, dtype=np.int64),
        np.array([days[day] for day in ordered], dtype=np.float64),
    )


def _rounded(values: Sequence[float] | Floats, digits: int) -> tuple[float, ...]:
    return tuple(round(float(value), digits) for value in values)
