"""Walk-forward scores of the weather law: whole days before they begin, and hours within them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from kalshi_alpha.families.temperature import day_view, hazard_of_new_high, terminal_law
from kalshi_alpha.families.temperature_parameters import Parameters
from kalshi_alpha.markets.climate_day import ClimateDay
from kalshi_alpha.pricing.high_law import HighLaw
from kalshi_alpha.pricing.weather_reading import Measured, PastHigh, RunningHigh, WeatherReading
from kalshi_alpha.research.macro.study import Model, Study
from kalshi_alpha.research.scores.clusters import DayBootstrap, Interval
from kalshi_alpha.research.scores.shapes import Bools, Floats, Ints
from kalshi_alpha.research.temperature.weather_highs import Highs, fit_climate
from kalshi_alpha.research.temperature.weather_hours import Hourly, fit_diurnal

ASKED = (6, 9, 12, 14, 16, 18, 21)  # hours of standard time at which a day is scored
_FIRST_YEARS = 2
_REFIT = 30  # days
_NEAR = 10  # days of the year either side that make a climatology
_BLOCK = 7  # days drawn together
_FOLDS = 6
_FOLD_BLOCK = 14  # days that stay in one fold
_REACH = 45  # degrees either side of what happened, where a score ends


def walk(highs: Highs, parameters: Parameters) -> Iterator[tuple[int, Parameters]]:
    """Yield the place of each day after the first two years, and the law fitted before it."""
    first = int(np.searchsorted(highs.day, highs.day[0] + 365 * _FIRST_YEARS))
    now = parameters
    for k in range(first, len(highs)):
        if (k - first) % _REFIT == 0:
            day = date.fromordinal(int(highs.day[k]))
            now = replace(parameters, climate=fit_climate(highs.before(day)))
        yield k, now


@dataclass(frozen=True, slots=True)
class OwnLaw:
    """What the law earned as it is, and with both its sides alike.

    Attributes:
        crps: mean, in degrees.
        even: share of the CRPS of the law without skew that it does without.
        inside: share of highs between its 10 % and 90 % quantiles, both included.
        lower: share of highs below its 10 % quantile.
        upper: share of highs above its 90 % quantile.
    """

    crps: float
    even: Interval
    inside: Interval
    lower: float
    upper: float


def own_law(highs: Highs, parameters: Parameters) -> OwnLaw:
    """Score the law of whole degrees itself, the evening before, refitted every month."""
    rows: list[tuple[float, ...]] = []
    for k, now in walk(highs, parameters):
        day, high = date.fromordinal(int(highs.day[k])), round(float(highs.degrees[k]))
        reading = _reading(highs.station, day, _past(highs, k))
        assert now.climate is not None
        even = replace(now, climate=replace(now.climate, skew=1.0))
        law, other = (terminal_law(reading, each, reading.as_of) for each in (now, even))
        low, top = law.quantile(0.1), law.quantile(0.9)
        rows.append((highs.day[k], crps(law, high), crps(other, high), high < low, high > top))
    day, ours, theirs, below, above = np.array(rows, dtype=np.float64).T
    draws = DayBootstrap(day.astype(np.int64), block=_BLOCK)
    inside: Floats = 1.0 - below - above
    return OwnLaw(
        crps=float(ours.mean()),
        even=draws.skill(ours, theirs),
        inside=draws.mean(inside),
        lower=float(below.mean()),
        upper=float(above.mean()),
    )


def study_of_days(highs: Highs, parameters: Parameters) -> Study:
    """Return the study of a station's highs seen the evening before, refitted every month."""
    centres: dict[str, list[float]] = {name: [] for name in ("ours", "season", "climatology")}
    scales: dict[str, list[float]] = {name: [] for name in centres}
    for k, now in walk(highs, parameters):
        day = date.fromordinal(int(highs.day[k]))
        for name, past in (("ours", _past(highs, k)), ("season", None)):
            view = day_view(_reading(highs.station, day, past), now)
            assert view is not None
            centres[name].append(view[0].centre)
            scales[name].append(view[0].spread)
        mean, spread = _climatology(highs, k)
        centres["climatology"].append(mean)
        scales["climatology"].append(spread)
    first = len(highs) - len(centres["ours"])
    models = {name: Model(np.array(centres[name]), np.array(scales[name])) for name in centres}
    models["yesterday"] = Model(highs.degrees[first - 1 : -1], np.ones(len(highs) - first))
    return Study(
        name=f"daily highs of {highs.station}",
        unit="degrees Fahrenheit",
        outcome=highs.degrees[first:],
        cluster=highs.day[first:],
        models=models,
        warm_up=180,
        refit=_REFIT,
        block=_BLOCK,
    )


@dataclass(frozen=True, slots=True)
class HourScore:
    """What the law earned at one hour of the day.

    Attributes:
        hour: of standard time.
        crps: mean, in degrees.
        prior: share of the CRPS of the view from before the day that it does without.
        floor: share of that view's with the high so far as floor.
        inside: share of highs between the law's 10 % and 90 % quantiles, both included.
        still: mean probability it gave to a new whole degree before the day's end.
        came: how often one came.
        hazard: mean probability it gave to one within the hour.
        soon: how often one stood at the next full hour.
    """

    hour: int
    crps: float
    prior: Interval
    floor: Interval
    inside: Interval
    still: float
    came: float
    hazard: float
    soon: float


@dataclass(frozen=True, slots=True)
class Seen:
    """One day at one hour: the law and beside it the two laws it is compared with."""

    day: int
    crps: float
    prior: float
    floor: float
    inside: bool
    still: float
    came: bool
    hazard: float
    soon: bool


def scores_by_hour(
    hourly: Hourly, parameters: Parameters, hours: Sequence[int] = ASKED
) -> tuple[HourScore, ...]:
    """Score the law at hours of each day, its curves and season fitted on the other folds.

    Weeks hang together, so folds are made of fortnights. The high is that of the full hours.
    """
    seen = seen_by_hour(hourly, parameters, hours)
    return tuple(_scored(hour, seen[hour]) for hour in hours)


def scores_elsewhere(
    hourly: Hourly, parameters: Parameters, hours: Sequence[int] = ASKED
) -> tuple[HourScore, ...]:
    """Score the law as it is on days of which nothing was fitted."""
    exact = replace(parameters, lower=0.0, higher=0.0, missed=0.0)
    found = []
    for hour in hours:
        rows = []
        for k in range(len(hourly.day)):
            past = _yesterday(hourly, int(hourly.day[k]), int(hourly.station[k]))
            rows.append(look(hourly, k, hour, exact, past))
        found.append(_scored(hour, rows))
    return tuple(found)


def crps_by_hour(
    hourly: Hourly, parameters: Parameters, hours: Sequence[int] = ASKED
) -> tuple[float, ...]:
    """Return the mean CRPS at each hour, of the same folds."""
    seen = seen_by_hour(hourly, parameters, hours)
    return tuple(float(np.mean([one.crps for one in seen[hour]])) for hour in hours)


def seen_by_hour(
    hourly: Hourly, parameters: Parameters, hours: Sequence[int] = ASKED
) -> Mapping[int, Sequence[Seen]]:
    """Return every day at every hour, in order of days."""
    fold: Ints = (hourly.day // _FOLD_BLOCK) % _FOLDS
    found: dict[int, list[Seen]] = {hour: [] for hour in hours}
    for held in range(_FOLDS):
        train = _subset(hourly, fold != held)
        diurnal = fit_diurnal(train, parameters.diurnal.together)
        climates = {
            int(place): fit_climate(_daily(train, int(place))) for place in set(hourly.station)
        }
        test = _subset(hourly, fold == held)
        exact = replace(parameters, diurnal=diurnal, lower=0.0, higher=0.0, missed=0.0)
        for k in range(len(test.day)):
            mine = replace(exact, climate=climates[int(test.station[k])])
            past = _yesterday(hourly, int(test.day[k]), int(test.station[k]))
            for hour in hours:
                found[hour].append(look(test, k, hour, mine, past))
    return {hour: sorted(rows, key=lambda one: one.day) for hour, rows in found.items()}


def look(hourly: Hourly, k: int, hour: int, parameters: Parameters, past: PastHigh | None) -> Seen:
    """Score one day at one hour."""
    degrees = hourly.degrees[k]
    day = ClimateDay(date.fromordinal(int(hourly.day[k])), 0)
    now = day.start + timedelta(hours=hour)
    high, so_far = round(float(degrees.max())), round(float(degrees[: hour + 1].max()))
    before = WeatherReading("hourly", day, day.start, past=past)
    running = RunningHigh(so_far, so_far, now)
    full = replace(before, as_of=now, running=running, temperature=Measured(degrees[hour], now))
    law = terminal_law(full, parameters, now)
    prior = terminal_law(before, parameters, day.start)
    floored = replace(prior, floor=law.floor)
    return Seen(
        day=int(hourly.day[k]),
        crps=crps(law, high),
        prior=crps(prior, high),
        floor=crps(floored, high),
        inside=law.quantile(0.1) <= high <= law.quantile(0.9),
        still=law.passes(so_far + 1),
        came=high > so_far,
        hazard=hazard_of_new_high(full, parameters, now, 60.0),
        soon=hour < 24 and round(float(degrees[hour + 1])) > so_far,
    )


def crps(law: HighLaw, high: int) -> float:
    """Return the sum over whole degrees of (P(at most k) - [high <= k])^2."""
    low = high - _REACH
    below = np.cumsum(law.masses(low, high + _REACH))[:-1]
    happened = np.arange(low, high + _REACH) >= high
    return float(((below - happened) ** 2).sum())


def _scored(hour: int, rows: Sequence[Seen]) -> HourScore:
    draws = DayBootstrap(np.array([one.day for one in rows]), block=_BLOCK)

    def column(of: Callable[[Seen], float]) -> Floats:
        return np.array([of(one) for one in rows], dtype=np.float64)

    ours = column(lambda one: one.crps)
    return HourScore(
        hour=hour,
        crps=float(ours.mean()),
        prior=draws.skill(ours, column(lambda one: one.prior)),
        floor=draws.skill(ours, column(lambda one: one.floor)),
        inside=draws.mean(column(lambda one: one.inside)),
        still=float(column(lambda one: one.still).mean()),
        came=float(column(lambda one: one.came).mean()),
        hazard=float(column(lambda one: one.hazard).mean()),
        soon=float(column(lambda one: one.soon).mean()),
    )


def _subset(hourly: Hourly, keep: Bools) -> Hourly:
    return Hourly(hourly.day[keep], hourly.station[keep], hourly.degrees[keep], 0)


def _daily(hourly: Hourly, place: int) -> Highs:
    mine = hourly.station == place
    return Highs("hourly", hourly.day[mine], hourly.degrees[mine].max(axis=1))


def _yesterday(hourly: Hourly, day: int, place: int) -> PastHigh | None:
    at = np.flatnonzero((hourly.day == day - 1) & (hourly.station == place))
    if not len(at):
        return None
    return PastHigh(date.fromordinal(day - 1), round(float(hourly.degrees[at[0]].max())))


def _past(highs: Highs, k: int) -> PastHigh:
    return PastHigh(date.fromordinal(int(highs.day[k - 1])), round(float(highs.degrees[k - 1])))


def _reading(station: str, day: date, past: PastHigh | None) -> WeatherReading:
    climate = ClimateDay(day, 0)
    return WeatherReading(station, climate, climate.start, past=past)


def _climatology(highs: Highs, k: int) -> tuple[float, float]:
    """Return mean and spread of the past highs within ten days of the same day of the year."""
    past = highs.day[:k]
    apart = np.abs((past - highs.day[k] + 182.625) % 365.25 - 182.625)
    near = highs.degrees[:k][apart <= _NEAR]
    return float(near.mean()), float(near.std(ddof=1))
