"""Hourly temperatures as whole climate days, and the fit of what an hour still brings.

A report of ten minutes before the hour stands at that hour. A day counts when all its hours are
there; nothing is filled in.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kalshi_alpha.errors import DataError
from kalshi_alpha.families.temperature_parameters import HOURS, Curve, Diurnal, warmth_of
from kalshi_alpha.markets.climate_day import climate_day
from kalshi_alpha.research.scores.shapes import Bools, Floats, Ints

_LEAST_SHARE = 0.25  # of a spread's middle that is left in its narrowest season
_LEAST_STEP = 0.2  # degrees an hour
_FEWEST_DAYS = 60
_FEWEST_AT_AN_HOUR = 25
_LAST_MINUTES = 45  # of an hour, in which its routine report is made
# No archive of forecasts was to be had: between that of a season, measured, and none.
TOGETHER_FORECAST = 0.2


@dataclass(frozen=True, slots=True)
class Hourly:
    """Whole days of hourly temperatures.

    Attributes:
        day: ordinal day; a day occurs once for each station; [days].
        station: place of the station among those pooled; [days].
        degrees: at each full hour of standard time, midnight to midnight; [days, 25].
        incomplete: days left out because an hour is missing.
    """

    day: Ints
    station: Ints
    degrees: Floats
    incomplete: int

    @property
    def warmth(self) -> Floats:
        """Return the cosine of the season's angle of each day; [days]."""
        dates = [datetime.fromordinal(int(day)).date() for day in self.day]
        return np.array([warmth_of(one) for one in dates])

    @property
    def highest_left(self) -> Floats:
        """Return the highest from each hour to the day's end; [days, 25]."""
        backwards: Floats = np.maximum.accumulate(self.degrees[:, ::-1], axis=1)
        return backwards[:, ::-1]

    @property
    def highest_so_far(self) -> Floats:
        """Return the highest up to each hour; [days, 25]."""
        found: Floats = np.maximum.accumulate(self.degrees, axis=1)
        return found


def load_hourly(file: Path, stations: Mapping[str, int]) -> Hourly:
    """Read hourly temperatures from a table with ``origin``, ``time_hour`` and ``temp``.

    Args:
        file: comma separated; ``time_hour`` the hour's beginning in UTC, ``temp`` Fahrenheit,
            measured about ten minutes before that hour's end.
        stations: hours from UTC of standard time, by ``origin``; others are passed over.

    Raises:
        DataError: when it cannot be read or holds no whole day.
    """
    known: dict[tuple[int, int], dict[int, float]] = {}
    names = sorted(stations)
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                if row["origin"] in stations and row["temp"] not in ("", "NA"):
                    at = datetime.fromisoformat(row["time_hour"])
                    place = names.index(row["origin"])
                    _put(known, place, at, float(row["temp"]), stations[row["origin"]])
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"the hourly temperatures in {file} cannot be read: {error}") from None
    return _whole(known, str(file))


def load_reports(file: Path, offset: int) -> Hourly:
    """Read one station's reports, ``ts_utc`` and ``temp_f``; those of ten to the hour count.

    Raises:
        DataError: when it cannot be read or holds no whole day.
    """
    try:
        rows = pq.read_table(file, columns=["ts_utc", "temp_f"]).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"the reports in {file} cannot be read: {error}") from None
    known: dict[tuple[int, int], dict[int, float]] = {}
    for row in rows:
        if row["ts_utc"].minute >= _LAST_MINUTES and row["temp_f"] is not None:
            hour = row["ts_utc"].replace(minute=0, second=0, microsecond=0)
            _put(known, 0, hour, float(row["temp_f"]), offset)
    return _whole(known, str(file))


def _whole(known: Mapping[tuple[int, int], Mapping[int, float]], name: str) -> Hourly:
    whole = {key: hours for key, hours in known.items() if len(hours) == HOURS}
    if not whole:
        raise DataError(f"{name} holds no day with all its hours")
    keys = sorted(whole)
    return Hourly(
        np.array([day for day, _ in keys], dtype=np.int64),
        np.array([place for _, place in keys], dtype=np.int64),
        np.array([[whole[key][h] for h in range(HOURS)] for key in keys], dtype=np.float64),
        len(known) - len(whole),
    )


def _put(
    known: dict[tuple[int, int], dict[int, float]],
    place: int,
    hour: datetime,
    degrees: float,
    offset: int,
) -> None:
    """Lay a temperature at the hour its report ends; midnight ends one day and starts another."""
    at = hour.astimezone(UTC) + timedelta(hours=1)
    day = climate_day(at, offset)
    knot = round(day.hour(at))
    known.setdefault((day.date.toordinal(), place), {})[knot] = degrees
    if knot == 0:
        known.setdefault((day.date.toordinal() - 1, place), {})[HOURS - 1] = degrees


def fit_diurnal(hourly: Hourly, together: float = 0.0, between: float = 0.0) -> Diurnal:
    """Fit every curve by hour, with a swing over the year.

    Args:
        hourly: the days.
        together: correlation to write beside the curves.
        between: degrees by which a day's high passes its highest hour, from ``between_hours``;
            they are added to the rise for the share of days whose high is still to come.

    Raises:
        DataError: with fewer than 60 days.
    """
    if len(hourly.day) < _FEWEST_DAYS:
        raise DataError(f"{len(hourly.day)} whole days are too few for a diurnal curve")
    now, left, high = hourly.degrees, hourly.highest_left, hourly.highest_so_far
    step: Floats = np.diff(now, axis=1)
    step = np.column_stack([step, step[:, -1]])
    top: Floats = now.max(axis=1)[:, None]
    rises: Bools = left > now
    ahead: Floats = left - now + between * (left == top).mean(axis=0)
    warmth = hourly.warmth
    parts: dict[str, Curve] = {"still": _shares(rises, warmth)}
    everyday = np.ones_like(rises)
    for name, moved, days in (
        ("rise", ahead, rises),
        ("drop", top - left, rises),
        ("gap", high - now, everyday),
        ("step", step, everyday),
    ):
        parts[name], parts[f"{name}_spread"] = _curves(moved, warmth, days)
    parts["step_spread"] = _at_least(parts["step_spread"], _LEAST_STEP)
    return Diurnal(**parts, together=together, together_forecast=TOGETHER_FORECAST)


def between_hours(hourly: Hourly) -> float:
    """Return by how many degrees a day's five-minute high passes its highest full hour.

    Looking every n hours instead of every hour loses L(n) - L(1) degrees of the high, measured for
    n of 2, 3 and 4. With L(n) = a n^p fitted to those, L(1) less L of five minutes is returned.
    """
    hours = hourly.degrees[:, 1:]
    top: Floats = hours.max(axis=1)
    every = np.array([2, 3, 4])
    lost = np.array([
        np.mean([(top - hours[:, start::n].max(axis=1)).mean() for start in range(n)])
        for n in every
    ])  # fmt: skip
    powers = np.linspace(0.3, 1.5, 121)
    shapes: Floats = every[None, :] ** powers[:, None] - 1.0
    sizes: Floats = (shapes @ lost) / (shapes**2).sum(axis=1)
    misses: Floats = ((shapes * sizes[:, None] - lost) ** 2).sum(axis=1)
    best = int(np.argmin(misses))
    return float(sizes[best] * (1.0 - (1.0 / 12.0) ** powers[best]))


def _shares(happened: Bools, warmth: Floats) -> Curve:
    """Return how often something happened by hour; its swing never leads out of 0 to 1."""
    rows = np.column_stack([np.ones(len(warmth)), warmth])
    found = np.linalg.lstsq(rows, happened.astype(np.float64), rcond=None)[0]
    mid = np.clip(found[0], 0.0, 1.0)
    room = np.minimum(mid, 1.0 - mid)
    return _curve(mid, np.clip(found[1], -room, room), 4)


def _curves(moved: Floats, warmth: Floats, days: Bools) -> tuple[Curve, Curve]:
    """Return the mean and the spread by hour over the days that count at that hour."""
    hours = []
    for hour in range(HOURS):
        mine = days[:, hour]
        if mine.sum() >= _FEWEST_AT_AN_HOUR:
            hours.append(_at_an_hour(moved[mine, hour], warmth[mine]))
        else:  # the day's last hours, when hardly anything rises: as the hour before
            hours.append(hours[-1])
    mean, mean_swing, spread, spread_swing = np.array(hours).T
    return _curve(mean, mean_swing), _curve(spread, spread_swing)


def _at_an_hour(moved: Floats, warmth: Floats) -> tuple[float, float, float, float]:
    """Return the mean and its swing, the spread and its swing.

    The season shapes the spread by the size of the errors; its level is that of their squares.
    """
    rows = np.column_stack([np.ones(len(warmth)), warmth])
    mean = np.linalg.lstsq(rows, moved, rcond=None)[0]
    away = moved - rows @ mean
    size = np.linalg.lstsq(rows, np.abs(away), rcond=None)[0]
    level = float(np.sqrt(np.mean(away**2)))
    swing = level * float(size[1] / size[0]) if size[0] > 0 else 0.0
    limit = (1.0 - _LEAST_SHARE) * level
    return float(mean[0]), float(mean[1]), level, min(max(swing, -limit), limit)


def _at_least(curve: Curve, least: float) -> Curve:
    mid = tuple(max(value, 2 * least) for value in curve.mid)
    swing = tuple(
        math.copysign(min(abs(s), m - least), s) for m, s in zip(mid, curve.swing, strict=True)
    )
    return Curve(mid, swing)


def _curve(mid: Floats, swing: Floats, digits: int = 2) -> Curve:
    def rounded(values: Floats) -> tuple[float, ...]:
        return tuple(round(float(value), digits) + 0.0 for value in values)

    return Curve(rounded(mid), rounded(swing))
