"""``kalshi-alpha plan``: what the planner would plan, by the venue's listing and the calendar."""

from __future__ import annotations

import contextlib
import os
from typing import Any

import typer

from kalshi_alpha.cli.output import Json, emit, err, table_of
from kalshi_alpha.clock import NEW_YORK, SystemClock, iso
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.traded import MACRO, trade
from kalshi_alpha.steps.planner import HORIZON, Listed, Outlook, outlook
from kalshi_alpha.steps.runtime import Settings
from kalshi_alpha.venues.kalshi.reader import KalshiReader


def plan(as_json: Json = False) -> None:
    """Show the windows of releases that the venue lists in the coming days, and what is left out.

    Reads the public listing at KALSHI_ALPHA_VENUE_URL; nothing is written and nothing scheduled.
    Exits 1 when listing and calendar disagree on an event, or a series cannot be read.
    Example: KALSHI_ALPHA_VENUE_URL=https://... kalshi-alpha plan --json
    """
    url = Settings.from_environment(os.environ).require("venue_url")
    trade(MACRO)
    clock = SystemClock()
    with contextlib.closing(KalshiReader(url, clock)) as reader:
        seen = outlook(reader, load_registry(), clock.now())
    rows = [_row(listed) for listed in seen.listed.values()]
    columns = ("Window", "Trading ends", "Starts", "Release", "Events")
    title = f"Windows of releases in the next {HORIZON.days} days, New York time"
    emit(_json(seen), as_json=as_json, table=table_of(title, columns, rows))
    disagreed = {**seen.left_out, **seen.troubles}
    for name, reason in disagreed.items():
        err.print(f"{name}: {reason}")
    if disagreed:
        raise typer.Exit(1)


def _row(listed: Listed) -> tuple[str, ...]:
    window = listed.window
    assert window.release is not None
    times = (window.fixing, window.prep_at, window.release.at)
    said = (f"{at.astimezone(NEW_YORK):%a %d %b %H:%M}" for at in times)
    return (window.window_id, *said, " ".join(listed.events.values()))


def _json(seen: Outlook) -> dict[str, Any]:
    return {
        "windows": [_window_json(listed) for listed in seen.listed.values()],
        "left_out": dict(seen.left_out),
        "troubles": dict(seen.troubles),
    }


def _window_json(listed: Listed) -> dict[str, Any]:
    window = listed.window
    assert window.release is not None
    return {
        "window_id": window.window_id,
        "closes_at": iso(window.fixing),
        "starts_at": iso(window.prep_at),
        "release_at": iso(window.release.at),
        "period": window.release.period.isoformat(),
        "events": dict(listed.events),
    }
