"""Plan the windows of the releases that the venue lists, each with a schedule of its own.

No calendar fixes when trading in a release ends: the venue's listing does, and moves it. So the
listing of the coming days is read each day, the calendar of releases vetoes what contradicts it,
and what is left is planned. A plan that the listing no longer bears out is cancelled, until its
preparation is due; from then on its own preflight judges the listing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from kalshi_alpha.clock import NEW_YORK, from_iso, iso
from kalshi_alpha.cloud.plans import Plan
from kalshi_alpha.cloud.services import Caller, schedule_once, unschedule
from kalshi_alpha.errors import DataError, Refusal, VenueError, VenueUnavailable
from kalshi_alpha.markets.registry import Group, Registry
from kalshi_alpha.markets.windows import Window, release_window
from kalshi_alpha.steps.runtime import Runtime

HORIZON = timedelta(days=8)
# Nearer than this a schedule might fire while it is written.
_SLACK = timedelta(minutes=2)
# As for the other starts: one that comes later is dropped, and none is made twice.
_MAXIMUM_AGE_S = 60
# A market in one of these states trades no more, whatever its time of closing says.
_ENDED = frozenset({"closed", "determined", "disputed", "amended", "finalized"})


class Lister(Protocol):
    """Whoever knows what the venue lists."""

    def closing(self, series: str, first: datetime, last: datetime) -> list[dict[str, Any]]:
        """Return the markets of a series that close between two instants."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A window that listing and calendar agree on, and its events by series."""

    window: Window
    events: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What listing and calendar together say of the days ahead.

    Attributes:
        listed: by window id, in time.
        left_out: why an event has no window, by event.
        troubles: why nothing is known of a series, by series.
    """

    listed: Mapping[str, Listed]
    left_out: Mapping[str, str]
    troubles: Mapping[str, str]


def run(request: Mapping[str, Any], runtime: Runtime) -> dict[str, Any]:
    """Plan the coming days anew; the request says nothing, and repeating it changes nothing.

    Returns ``planned``, the ids of what is ahead; ``cancelled`` and ``left_out`` with reasons.

    Raises:
        VenueUnavailable: when a series could not be read. All others are planned by then, and
            what was planned of that one stays as it was.
    """
    del request
    now, caller = runtime.clock.now(), _caller(runtime)
    seen = outlook(runtime.reader, runtime.registry, now)
    known = {plan.window.window_id: plan for plan in _plans_ahead(runtime, now)}
    planned, too_late = _plan_listed(runtime, seen, known, caller)
    kept, cancelled = _judge_unlisted(runtime, seen, known, caller)
    if seen.troubles:
        raise VenueUnavailable(
            f"{len(planned)} windows are planned and {len(cancelled)} cancelled, but not "
            f"everything could be read: {_sentence(seen.troubles)}"
        )
    left_out = {**seen.left_out, **too_late}
    return {
        "planned": sorted((*planned, *kept)),
        "cancelled": cancelled,
        "left_out": left_out,
        "metrics": {
            "Planned": len(planned) + len(kept),
            "PlansCancelled": len(cancelled),
            "PlansLeftOut": len(left_out),
        },
    }


def outlook(lister: Lister, registry: Registry, now: datetime) -> Outlook:
    """Return the windows of the coming days by listing and calendar; nothing is written.

    Args:
        lister: of the venue.
        registry: whose groups with a release are looked at.
        now: from when on; ``HORIZON`` says how far.
    """
    found: dict[str, dict[str, str]] = {}
    windows: dict[str, Window] = {}
    left_out: dict[str, str] = {}
    troubles: dict[str, str] = {}
    for group in registry.groups.values():
        for series in group.series if group.release else ():
            try:
                markets = lister.closing(series, now, now + HORIZON)
            except (VenueError, DataError) as error:
                troubles[series] = str(error)
                continue
            for event, times in _events(markets, now).items():
                try:
                    window = _window_of(group, series, event, times)
                except (DataError, Refusal) as error:
                    left_out[event] = str(error)
                    continue
                windows[window.window_id] = window
                found.setdefault(window.window_id, {})[series] = event
    in_time = sorted(windows.values(), key=lambda window: (window.fixing, window.group))
    listed = {w.window_id: Listed(w, found[w.window_id]) for w in in_time}
    return Outlook(listed, left_out, troubles)


def _events(markets: Iterable[Mapping[str, Any]], now: datetime) -> dict[str, set[str]]:
    """Return the closing times of each event's markets that may still trade, as listed."""
    found: dict[str, set[str]] = {}
    for market in markets:
        if str(market.get("status")) not in _ENDED:
            times = found.setdefault(str(market.get("event_ticker")), set())
            times.add(str(market.get("close_time")))
    return {event: times for event, times in found.items() if _may_be_ahead(times, now)}


def _may_be_ahead(times: Iterable[str], now: datetime) -> bool:
    """Say whether one of the times lies in the days ahead, or is none, which is told of."""
    for text in times:
        try:
            at = from_iso(text)
        except ValueError:
            return True
        if now < at <= now + HORIZON:
            return True
    return False


def _window_of(group: Group, series: str, event: str, times: set[str]) -> Window:
    """Return the window of an event; raise ``DataError`` or ``WindowClosed`` where it has none."""
    if len(times) != 1:
        raise DataError(f"its markets close at different times: {', '.join(sorted(times))}")
    (text,) = times
    try:
        closes = from_iso(text)
    except ValueError:
        raise DataError(f"it closes at {text[:40]!r}, which is no time") from None
    if closes.second or closes.microsecond:
        raise DataError(f"it closes at {text}, and a window is named by a whole minute")
    window = release_window(group, closes)
    if window.event_ticker(series) != event:
        raise DataError(
            f"it closes at {text}, and the next release after that is the one of "
            f"{window.event_ticker(series)}"
        )
    return window


def _caller(runtime: Runtime) -> Caller:
    names = ("schedules", "starter", "schedule_role", "dead_letters")
    group, target, role, dead_letters = map(runtime.settings.require, names)
    return Caller(group, target, role, dead_letters, _MAXIMUM_AGE_S)


def _plans_ahead(runtime: Runtime, now: datetime) -> Iterator[Plan]:
    """Yield what was planned of windows whose trading has not ended."""
    first, last = (at.astimezone(NEW_YORK).date() for at in (now, now + HORIZON))
    for offset in range((last - first).days + 1):
        plans = runtime.plans.on(first + timedelta(days=offset))
        yield from (plan for plan in plans if plan.window.fixing > now)


def _plan_listed(
    runtime: Runtime, seen: Outlook, known: Mapping[str, Plan], caller: Caller
) -> tuple[list[str], dict[str, str]]:
    """Plan what is listed and not due yet; return its ids, and the events that came too late."""
    planned: list[str] = []
    too_late: dict[str, str] = {}
    now = runtime.clock.now()
    for window_id, listed in seen.listed.items():
        plan = known.get(window_id)
        if listed.window.prep_at > now + _SLACK:
            _plan(runtime, listed, plan, seen, caller)
            planned.append(window_id)
        elif plan is None or plan.cancelled:
            reason = f"its preparation was due at {iso(listed.window.prep_at)}, too soon to plan it"
            too_late |= dict.fromkeys(listed.events.values(), reason)
    return planned, too_late


def _judge_unlisted(
    runtime: Runtime, seen: Outlook, known: Mapping[str, Plan], caller: Caller
) -> tuple[list[str], dict[str, str]]:
    """Cancel what is not listed so any more; return the ids that nobody can tell, and reasons."""
    kept: list[str] = []
    cancelled: dict[str, str] = {}
    now = runtime.clock.now()
    for window_id, plan in known.items():
        if plan.cancelled or window_id in seen.listed or _has_begun(runtime, plan, now):
            continue
        if _of_series(plan.events, seen.troubles):
            kept.append(window_id)
        else:
            cancelled[window_id] = _cancel(runtime, plan, seen, caller.group)
    return kept, cancelled


def _plan(
    runtime: Runtime, listed: Listed, known: Plan | None, seen: Outlook, caller: Caller
) -> None:
    """Write the plan down where it is new or another, then schedule it, anew if need be."""
    window = listed.window
    unread = _of_series(known.events, seen.troubles) if known else ()
    events = tuple(sorted((*listed.events.values(), *unread)))
    if known is None or known.cancelled or known.events != events:
        runtime.plans.keep(Plan(window, events, runtime.clock.now()))
    schedule_once(window.window_id, window.prep_at, {"window_id": window.window_id}, caller)


def _has_begun(runtime: Runtime, plan: Plan, now: datetime) -> bool:
    due = plan.window.prep_at <= now + _SLACK
    return due or runtime.state.window(plan.window.window_id) is not None


def _cancel(runtime: Runtime, plan: Plan, seen: Outlook, group: str) -> str:
    """Cancel a plan and return why; marked first, so that a schedule that stays starts nothing."""
    reason = "; ".join(_why(event, seen) for event in plan.events)
    runtime.plans.keep(replace(plan, at=runtime.clock.now(), cancelled=reason))
    unschedule(plan.window.window_id, group)
    return reason


def _why(event: str, seen: Outlook) -> str:
    if event in seen.left_out:
        return f"{event}: {seen.left_out[event]}"
    for listed in seen.listed.values():
        if event in listed.events.values():
            return f"{event} now closes at {iso(listed.window.fixing)}"
    return f"{event} is no longer listed to close within {HORIZON.days} days"


def _of_series(events: Sequence[str], series: Iterable[str]) -> tuple[str, ...]:
    return tuple(event for event in events if event.partition("-")[0] in series)


def _sentence(reasons: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
