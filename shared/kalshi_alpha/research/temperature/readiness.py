"""May the temperature ladders go on? Facts from graded climate days, and the verdict over them.

The founding document's five numbers and the project's own statistics are judged together
(``trading/daily_criteria.py``, docs/math/graduation.md). Nothing here promotes or demotes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.cloud.artifacts import ArtifactStore
from kalshi_alpha.errors import DataError, ParameterError
from kalshi_alpha.markets.temperature import FAMILY
from kalshi_alpha.momentum.fitted import LIFETIME, POOL_KEY
from kalshi_alpha.momentum.pool import pool_from_json
from kalshi_alpha.momentum.settled import LOOKS_BACK
from kalshi_alpha.research.appraisal import Operations
from kalshi_alpha.research.temperature.graded_days import EventGrade, GradedClimateDay
from kalshi_alpha.research.temperature.record import ClimateRecord
from kalshi_alpha.trading.daily_criteria import DailyFacts, DailyLimits, judge_days
from kalshi_alpha.trading.readiness import Readiness
from kalshi_alpha.trading.standing import StandingRecord

LIMITS = DailyLimits(parameters_days=LIFETIME.days, pilot_parameters_days=LIFETIME.days)
VERIFIED_BY = "the next process of their city group does, when it closes their books"
_DAY_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class _Day:
    """A climate day as it is judged: its events, and what should have run and left nothing."""

    day: date
    events: tuple[EventGrade, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def minutes(self) -> int:
        return sum(one.minutes for one in self.events) + _DAY_MINUTES * len(self.missing)

    def clean(self, share: float) -> bool:
        return not self.missing and all(one.clean(share) for one in self.events)


def appraise_record(
    record: ClimateRecord,
    now: datetime,
    *,
    today: date | None = None,
    standing: StandingRecord | None = None,
    operations: Operations | None = None,
    limits: DailyLimits = LIMITS,
    days: Sequence[GradedClimateDay] | None = None,
) -> Readiness:
    """Return the readiness of the temperature ladders.

    Args:
        record: of a stage or of rehearsals.
        now: the instant.
        today: the day it is for; New York's of ``now`` without, and of a rehearsal the last played.
        standing: of the strategy; paper without.
        operations: the switch, and what is known of the ledger beside the days.
        limits: what is asked for.
        days: of the record, graded, where they are at hand.

    Raises:
        DataError: when no climate day is on record, or what one left cannot be read.
    """
    found = record.graded() if days is None else days
    if not found:
        raise DataError("no climate day has run yet: there is nothing on record")
    last = found[-1].day if not record.continuous else now.astimezone(NEW_YORK).date()
    on = today or last
    facts, notes = facts_of(
        found,
        now,
        on,
        standing or StandingRecord(),
        operations or Operations(),
        continuous=record.continuous,
        parameters_as_of=pool_known_to(record.stores[-1], on),
        limits=limits,
    )
    return judge_days(facts, limits, family=FAMILY, notes=notes)


def facts_of(
    days: Sequence[GradedClimateDay],
    now: datetime,
    today: date,
    standing: StandingRecord,
    operations: Operations,
    *,
    continuous: bool,
    parameters_as_of: date | None,
    limits: DailyLimits = LIMITS,
) -> tuple[DailyFacts, tuple[str, ...]]:
    """Return what a readiness is judged on, and sentences to go with it.

    Fills of another broker than the last day's are left out. A day that may yet be settled is not
    judged; one that nobody settles any more is, and is not clean. Where days are ``continuous``,
    one on which a series left nothing between two on which it did was down throughout.
    """
    source = next((one.source for one in reversed(days) if one.source), "paper")
    ordered = sorted((one for one in days if one.day <= today), key=lambda one: one.day)
    coming = [one for one in ordered if not one.settled and (today - one.day).days <= LOOKS_BACK]
    judged = [one for one in ordered if one not in coming]
    run = [_Day(one.day, one.events) for one in judged]
    whole = [
        day
        for one in (_without_holes(run) if continuous else run)
        if (day := _of(one, source)).events or day.missing
    ]
    since = standing.since or date.min
    counting = [one for one in whole if one.day >= since]
    recent = [one for one in counting if (today - one.day).days < limits.days]
    facts = DailyFacts(
        now=now,
        today=today,
        source=source,
        standing=standing.standing,
        since=standing.since,
        days=tuple(one.day for one in whole),
        fills=tuple(fill for one in whole for event in one.events for fill in event.fills),
        ungraded=sum(len(event.ungraded) for one in recent for event in one.events),
        parameters_as_of=parameters_as_of,
        kill_switch_on=operations.kill_switch_on,
        kill_switch_reason=operations.kill_switch_reason,
        ledger_verified=tuple(
            one.day for one in whole if all(event.verified for event in one.events)
        ),
        ledger_differences=(
            *operations.differences,
            *(said for one in recent for event in one.events for said in event.differences),
        ),
        verified_by=VERIFIED_BY,
        clean_days=tuple(one.day for one in whole if one.clean(limits.clean_share)),
        minutes=sum(one.minutes for one in counting),
        minutes_up=sum(event.up for one in counting for event in one.events),
    )
    return facts, tuple(_notes(whole, coming))


def pool_known_to(store: ArtifactStore, on: date) -> date | None:
    """Return the last day that the newest weights known on a day know; None without such.

    Weights are fitted week by week, each week's on the days before its first.
    """
    try:
        data = store.read(POOL_KEY)
        body: Sequence[Mapping[str, Any]] = json.loads(data)["body"]
        first = max(day for one in body if (day := date.fromordinal(one["first"])) <= on)
        pool_from_json(data, first)
    except (DataError, ParameterError, ValueError, KeyError, TypeError, OverflowError):
        return None
    return first - timedelta(days=1)


def _of(one: _Day, source: str) -> _Day:
    mine = tuple(event for event in one.events if event.source in ("", source))
    return replace(one, events=mine)


def _without_holes(days: Sequence[_Day]) -> list[_Day]:
    """Return every day from the first to the last with the series that it should have had."""
    by_day = {one.day: one for one in days}
    ends: dict[str, tuple[date, date]] = {}
    for one in days:
        for event in one.events:
            first, _ = ends.get(event.series, (one.day, one.day))
            ends[event.series] = (first, one.day)
    found = []
    day, last = min(by_day, default=date.max), max(by_day, default=date.min)
    while day <= last:
        events = by_day[day].events if day in by_day else ()
        there = {event.series for event in events}
        missing = [s for s, (a, b) in ends.items() if a <= day <= b and s not in there]
        if events or missing:
            found.append(_Day(day, events, tuple(sorted(missing))))
        day += timedelta(days=1)
    return found


def _notes(judged: Sequence[_Day], coming: Sequence[GradedClimateDay]) -> Iterator[str]:
    series = sorted({event.series for one in judged for event in one.events})
    if series:
        yield f"The climate days of {', '.join(series)} are judged."
    if coming:
        yield f"Not settled yet, and not judged: {', '.join(f'{one.day}' for one in coming)}."
