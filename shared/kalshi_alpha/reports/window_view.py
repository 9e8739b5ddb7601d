"""One window, out of everything it left, as pages show it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kalshi_alpha.clock import from_iso
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.reports.kept import KeptWindow
from kalshi_alpha.reports.model import Milestone, WindowReport
from kalshi_alpha.reports.series_view import SeriesView


def window_report(kept: KeptWindow, registry: Registry, *, matches: bool) -> WindowReport:
    """Return everything shown of a window; ``matches`` says whether the books agree."""
    window = kept.window
    return WindowReport(
        window_id=window.window_id,
        fixing=window.fixing,
        states_visited=kept.visited,
        pull=milestones(window, kept.parts),
        series=tuple(
            SeriesView(kept, registry.series[name]).report(matches=matches)
            for name in window.series
        ),
        problem=kept.failure,
    )


def milestones(window: Window, parts: Mapping[str, Mapping[str, Any]]) -> tuple[Milestone, ...]:
    """Return the steps of the pull, in time."""
    pull, sentry = parts.get("PULL-armed") or {}, parts.get("PULL-sentry") or {}
    marks = [Milestone("the venue expires every order by itself", 0.0, "expiration_time")]
    if pull:
        found = f"{pull['found']} resting, {pull['canceled']} cancelled"
        marks.append(Milestone("cancel sent", _ms(from_iso(pull["started_at"]), window), found))
        if pull["confirmed_at"]:
            at = _ms(from_iso(pull["confirmed_at"]), window)
            marks.append(Milestone("listing shows nothing resting", at))
    if sentry and sentry.get("confirmed_at"):
        at = _ms(from_iso(sentry["confirmed_at"]), window)
        marks.append(Milestone("sentry's own look", at, str(sentry["reason"])))
    return tuple(sorted(marks, key=lambda mark: mark.at_ms))


def _ms(at: datetime, window: Window) -> float:
    return round((at - window.pull_at).total_seconds() * 1000, 1)
