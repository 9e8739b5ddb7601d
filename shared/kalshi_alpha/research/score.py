"""Score the law beside plain models, on the same windows, with nothing fitted on what is scored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.pricing.parameters import SymbolParameters
from kalshi_alpha.research.baselines.history import DailySeries, SessionHistory
from kalshi_alpha.research.baselines.models import baseline_forecasts
from kalshi_alpha.research.data.panel import Panel
from kalshi_alpha.research.model.cases import HOURS, MINUTES_BEFORE, Cases, lay_out
from kalshi_alpha.research.model.fit import FEWEST_MINUTE_SESSIONS, FEWEST_SESSIONS
from kalshi_alpha.research.model.laws import Dated, law_forecasts
from kalshi_alpha.research.model.measured import (
    Bools,
    Floats,
    Ints,
    Measured,
    measure,
    minute_sessions,
    of_one_source,
    unit_sessions,
)
from kalshi_alpha.research.scores.calibration import (
    COVERAGES,
    WIDTHS,
    Reliability,
    covered,
    pit,
    reliability,
    uniformity,
    width,
)
from kalshi_alpha.research.scores.clusters import DayBootstrap
from kalshi_alpha.research.scores.forecasts import Forecasts
from kalshi_alpha.research.scores.ladder import ladder_scores

LAW = "law"
ALL = "all"
NEAR = 2  # strikes on each side whose Brier score is reported: those that are quoted
# A stand-in's ladder lies as close as the index's does: ten points of 25,000.
STAND_IN_STEP = 4e-4
LONGEST_GAP = timedelta(days=10)  # a holiday week and two weekends
# Of paired differences: ours less the baseline's, so that less is better but for the log score.
PAIRED = ("crps", "rps", "brier", "log_score")


@dataclass(frozen=True, slots=True)
class Fixed:
    """One file's parameters for every day after it was made."""

    parameters: SymbolParameters

    def parameters_on(self, day: date) -> SymbolParameters:
        """Return them.

        Raises:
            DataError: for a day they may have been fitted on.
        """
        if day <= self.parameters.as_of:
            raise DataError(
                f"the parameters know data to {self.parameters.as_of}: to score {day} would look "
                "ahead; give a later --from, or --refit"
            )
        return self.parameters


@dataclass(frozen=True, slots=True)
class Group:
    """Cases of one kind of bar with everybody's forecasts of them.

    Attributes:
        sessions: what was known.
        cases: the windows.
        models: forecasts by name, ``law`` first.
    """

    sessions: Measured
    cases: Cases
    models: dict[str, Forecasts]

    @property
    def level(self) -> Floats:
        """Return the last value at each decision."""
        begin = self.cases.start // self.sessions.step
        found: Floats = np.exp(self.sessions.logs[self.cases.day, begin])
        return found

    @property
    def stamps(self) -> Ints:
        """Return the day of each case as days since 1970."""
        days = np.array(self.sessions.days, dtype="datetime64[D]").astype(np.int64)
        found: Ints = days[self.cases.day]
        return found


@dataclass(frozen=True, slots=True)
class Scored:
    """Every case with everybody's scores, as arrays of one length.

    Attributes:
        symbol: the registry's name.
        day: days since 1970 of each case.
        hour: New York hour of its fixing.
        minutes: from decision to fixing.
        losses: by model, by score.
        pits: by model: probability it gave to what lay below the outcome.
        widths: by model: width of its 50 and 90 % intervals, basis points.
        too_early: days wanted that had too little history.
        groups: what they were made from.
        strike_step: points between the strikes of the ladder.
        left_out: sessions left out as half days or for holes.
    """

    symbol: str
    day: Ints
    hour: Ints
    minutes: Ints
    losses: dict[str, dict[str, Floats]]
    pits: dict[str, Floats]
    widths: dict[str, dict[str, Floats]]
    groups: tuple[Group, ...]
    strike_step: float
    too_early: tuple[date, ...]
    left_out: int

    @property
    def models(self) -> tuple[str, ...]:
        """Return the models, ours first."""
        return tuple(self.losses)


def score(
    panels: Mapping[int, Panel],
    source: Dated,
    *,
    first: date,
    last: date,
    strike_step: float,
) -> Scored:
    """Score every window from ``first`` to ``last`` that the bars and their history allow.

    Args:
        panels: bars by their minutes; days before ``first`` are the baselines' history.
        source: the law's parameters by day.
        first: first day wanted.
        last: last day wanted.
        strike_step: points between the index's strikes.

    Raises:
        DataError: when no day has history enough.
    """
    panels = of_one_source({step: panel.until(last) for step, panel in panels.items()})
    unit, minutes = unit_sessions(panels), minute_sessions(panels)
    since = _unbroken_since(sorted({day for one in panels.values() for day in one.days}), first)
    history = _History(daily_closes(panels, since), realised_variances(unit, panels, since))
    begin = _first_scored(unit, first, since, FEWEST_SESSIONS)
    long, short = ([m for m in MINUTES_BEFORE if (m < 5) == brief] for brief in (False, True))
    groups = [_group(unit, history, source, begin, long)]
    if minutes is not None and begin < len(unit.days):
        earliest = max(first, unit.days[begin])
        later = _first_scored(minutes, earliest, since, FEWEST_MINUTE_SESSIONS)
        groups.append(_group(minutes, history, source, later, short))
    groups = [group for group in groups if len(group.cases)]
    if not groups:
        raise DataError(
            f"no session of {unit.symbol} from {first} to {last} has {FEWEST_SESSIONS} complete "
            "ones before it: add --bars files of earlier days, or give a later --from"
        )
    wanted = tuple(day for day in unit.days if first <= day <= last)
    early = wanted[: len(wanted) - (len(unit.days) - begin)]
    step = strike_step if source_of(panels) == unit.symbol else _stand_in_step(groups[0])
    return _joined(unit.symbol, groups, step, early, unit.left_out)


def rows_of(scored: Scored) -> list[dict[str, Any]]:
    """Return the rows of score.json: each horizon and all, each model, then paired differences."""
    rows: list[dict[str, Any]] = []
    for minutes, at in horizons(scored):
        rows += [_model_row(scored, name, minutes, at) for name in scored.models]
    for minutes, at in horizons(scored):
        rows += difference_rows(scored, at, {"minutes_before": minutes})
    return rows


def rows_by_hour(scored: Scored) -> list[dict[str, Any]]:
    """Return the paired differences of CRPS at each fixing of the day."""
    rows = []
    for hour in HOURS:
        at = scored.hour == hour
        if at.any() and len(np.unique(scored.day[at])) > 1:
            rows += difference_rows(scored, at, {"hour": hour}, metrics=("crps",))
    return rows


def horizons(scored: Scored) -> Iterable[tuple[int | str, Bools]]:
    """Return all cases, then those of each time before the fixing."""
    yield ALL, np.ones(len(scored.day), dtype=np.bool_)
    for minutes in MINUTES_BEFORE:
        at = scored.minutes == minutes
        if len(np.unique(scored.day[at])) > 1:
            yield minutes, at


def difference_rows(
    scored: Scored, at: Bools, head: Mapping[str, Any], metrics: Sequence[str] = PAIRED
) -> list[dict[str, Any]]:
    """Return the law less each baseline on some cases, with intervals clustered by day."""
    bootstrap = DayBootstrap(scored.day[at])
    rows = []
    for name in scored.models[1:]:
        for metric in metrics:
            ours, theirs = (scored.losses[model][metric][at] for model in (LAW, name))
            found = bootstrap.difference(ours, theirs)
            row = {
                "symbol": scored.symbol,
                **head,
                "model": f"{LAW} - {name}",
                "baseline": name,
                "metric": metric,
                "n": int(at.sum()),
                "days": bootstrap.days,
                "diff": found.estimate,
                "low": found.low,
                "high": found.high,
            }
            if metric != "log_score":
                skill = bootstrap.skill(ours, theirs)
                row |= {
                    "skill": skill.estimate,
                    "skill_low": skill.low,
                    "skill_high": skill.high,
                }
            rows.append(row)
    return rows


def _model_row(scored: Scored, name: str, minutes: int | str, at: Bools) -> dict[str, Any]:
    losses = scored.losses[name]
    pits = scored.pits[name][at]
    return {
        "symbol": scored.symbol,
        "minutes_before": minutes,
        "model": name,
        "n": int(at.sum()),
        "days": len(np.unique(scored.day[at])),
        **{metric: float(losses[metric][at].mean()) for metric in PAIRED},
        "pit_p": uniformity(pits, scored.day[at]).p,
        **{f"cover_{share * 100:.0f}": float(covered(pits, share).mean()) for share in COVERAGES},
        **{name: float(each[at].mean()) for name, each in scored.widths[name].items()},
    }


def reliability_of_law(scored: Scored, edges: tuple[float, ...]) -> tuple[Reliability, ...]:
    """Return how often strikes settled in the money, by their distance in points."""
    parts = []
    for group in scored.groups:
        ladder = ladder_scores(
            group.models[LAW], group.cases.moved, group.level, scored.strike_step
        )
        points = (np.round(group.level / scored.strike_step)[:, None] + ladder.steps) * (
            scored.strike_step
        ) - group.level[:, None]
        parts.append((points, ladder.probability, ladder.happened, group.stamps))
    distance, probability, happened, day = (
        np.concatenate([part[k] for part in parts]) for k in range(4)
    )
    return reliability(distance, probability, happened, day, edges=edges)


def strike_step(registry: Registry, symbol: str) -> float:
    """Return the points between the strikes of a symbol's hourly ladder.

    Raises:
        DataError: when no series of thresholds settles on it.
    """
    for series in registry.series.values():
        if series.symbol == symbol and series.kind == "above":
            return float(series.strike_step)
    raise DataError(
        f"no series of thresholds settles on {symbol}: the registry has {sorted(registry.symbols)}"
    )


def source_of(panels: Mapping[int, Panel]) -> str:
    """Return the symbol in the files: the index itself or what stands in for it."""
    return panels[min(panels)].source


def _stand_in_step(group: Group) -> float:
    return float(np.median(group.level)) * STAND_IN_STEP


@dataclass(frozen=True, slots=True)
class _History:
    closes: DailySeries
    realised: DailySeries


def _group(
    sessions: Measured,
    history: _History,
    source: Dated,
    begin: int,
    minutes_before: Sequence[int],
) -> Group:
    cases = lay_out(sessions, minutes_before=minutes_before, first=begin)
    if not len(cases):
        return Group(sessions, cases, {})
    seen = SessionHistory(
        days=sessions.days,
        step=sessions.step,
        logs=sessions.logs,
        closes=history.closes,
        realised=history.realised,
    )
    models = {LAW: law_forecasts(source, sessions, cases)} | baseline_forecasts(seen, cases)
    return Group(sessions, cases, models)


def daily_closes(panels: Mapping[int, Panel], since: date) -> DailySeries:
    """Return the log of each session's last price from ``since`` on, of the finest bars known."""
    found: dict[date, float] = {}
    for step in sorted(panels):
        panel = panels[step]
        for k, day in enumerate(panel.days):
            known = panel.close[k][np.isfinite(panel.close[k])]
            if day >= since and day not in found and len(known):
                found[day] = float(np.log(known[-1]))
    return _series(found)


def realised_variances(unit: Measured, panels: Mapping[int, Panel], since: date) -> DailySeries:
    """Return each session's realised variance: of the fitted bars, and of coarser ones before."""
    found = dict(zip(unit.days, (np.diff(unit.logs, axis=1) ** 2).sum(axis=1), strict=True))
    for step in sorted(step for step in panels if step > unit.step):
        coarse = measure(panels[step])
        squares = (np.diff(coarse.logs, axis=1) ** 2).sum(axis=1)
        for day, value in zip(coarse.days, squares, strict=True):
            found.setdefault(day, value)
    return _series({day: float(value) for day, value in found.items() if day >= since})


def _series(found: Mapping[date, float]) -> DailySeries:
    days = tuple(sorted(found))
    return DailySeries(days, np.array([found[day] for day in days]))


def _unbroken_since(days: Sequence[date], first: date) -> date:
    """Return the day after the last long gap before ``first``; a return over months is no daily."""
    before = [day for day in days if day < first] or list(days[:1])
    breaks = [k for k in range(1, len(before)) if before[k] - before[k - 1] > LONGEST_GAP]
    return before[breaks[-1]] if breaks else date.min


def _first_scored(sessions: Measured, first: date, since: date, fewest: int) -> int:
    """Return the place of the first session from ``first`` on with enough unbroken ones before."""
    skipped = sum(day < since for day in sessions.days)
    return max(fewest + skipped, sum(day < first for day in sessions.days))


def _joined(
    symbol: str,
    groups: Sequence[Group],
    strike_step: float,
    too_early: tuple[date, ...],
    left_out: int,
) -> Scored:
    losses: dict[str, dict[str, Floats]] = {}
    pits: dict[str, Floats] = {}
    widths: dict[str, dict[str, Floats]] = {}
    for name in groups[0].models:
        each = [_losses(group, name, strike_step) for group in groups]
        losses[name] = {metric: np.concatenate([one[metric] for one in each]) for metric in PAIRED}
        pits[name] = np.concatenate([pit(one.models[name], one.cases.moved) for one in groups])
        widths[name] = {
            f"width_{share * 100:.0f}": np.concatenate(
                [width(group.models[name], share) for group in groups]
            )
            for share in WIDTHS
        }
    return Scored(
        symbol=symbol,
        day=np.concatenate([group.stamps for group in groups]),
        hour=np.concatenate([group.cases.hour for group in groups]),
        minutes=np.concatenate([group.cases.minutes for group in groups]),
        losses=losses,
        pits=pits,
        widths=widths,
        groups=tuple(groups),
        strike_step=strike_step,
        too_early=too_early,
        left_out=left_out,
    )


def _losses(group: Group, name: str, strike_step: float) -> dict[str, Floats]:
    forecasts, moved = group.models[name], group.cases.moved
    ladder = ladder_scores(forecasts, moved, group.level, strike_step)
    return {
        "crps": forecasts.crps(moved),
        "rps": ladder.rps,
        "brier": ladder.brier(NEAR),
        "log_score": forecasts.log_score(moved),
    }
