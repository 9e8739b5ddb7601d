"""Rehearse a recorded release: the same machine, with the public offices and a crowd for a twin.

Of each macro family one release is recorded. The crowd expects what was printed last, or what a
plain look at the last figures says, and is as unsure as such a look has been; no real prices of
these markets are at hand, and the pages say so.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import boto3
import httpx

from kalshi_alpha.clock import Clock
from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.families.macro import load_parameter_file
from kalshi_alpha.markets.macro import load_macro
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.markets.traded import MACRO, trade
from kalshi_alpha.markets.windows import Window, window_from_id
from kalshi_alpha.rehearsal.clock import Segment, Timeline
from kalshi_alpha.rehearsal.exchange.figures import FigureEvent
from kalshi_alpha.rehearsal.machine import ACCOUNT, REGION, function_arn
from kalshi_alpha.rehearsal.run import Progress, Rehearsal, control_url, handler_of
from kalshi_alpha.rehearsal.sources import hand_over, truth
from kalshi_alpha.rehearsal.world import WorldPlan
from kalshi_alpha.steps import runtime as runtime_module
from kalshi_alpha.steps.runtime import Settings

CONTACT = "rehearsal@example.org"
SCHEDULES = "rehearsal-releases"


@dataclass(frozen=True, slots=True)
class Expected:
    """What the crowd expects of a series' figure, and how unsure it is, in the figure's units."""

    middle: float
    deviation: float


@dataclass(frozen=True, slots=True)
class Play:
    """One recorded release: its window, what the crowd expects, and when the sources are read."""

    window_id: str
    crowd: Mapping[str, Expected]
    read_before: timedelta = timedelta(minutes=55)  # before trading ends

    @property
    def window(self) -> Window:
        """Return its window; the macro families must be traded."""
        return window_from_id(self.window_id, load_registry(), load_sessions())

    @property
    def day(self) -> date:
        """Return the day in New York on which trading ends."""
        return self.window.day


PLAYS: Mapping[str, Play] = MappingProxyType(
    {
        "cpi": Play(
            "20260113-0825-cpi",
            {
                "KXCPI": Expected(0.3, 0.12),
                "KXCPICORE": Expected(0.25, 0.10),
                "KXCPIYOY": Expected(2.7, 0.12),
            },
        ),
        "claims": Play("20251231-0825-claims", {"KXJOBLESSCLAIMS": Expected(214_000, 9_000)}),
        "ten_year": Play("20251210-1530-ten-year", {"KXUST10AD": Expected(4.17, 0.05)}),
        "gas": Play("20251020-2359-gasoline", {"KXAAAGASD": Expected(3.05, 0.008)}),
    }
)


def play_of(name: str) -> Play:
    """Return the recorded release of a family.

    Raises:
        ConfigurationError: when none is recorded.
    """
    try:
        return PLAYS[name]
    except KeyError:
        raise ConfigurationError(
            f"no release of {name!r} is recorded; there is: {', '.join(PLAYS)}"
        ) from None


class ReleaseRehearsal(Rehearsal):
    """One rehearsed release; ``folder`` receives the artifacts the functions write."""

    note = (
        "The figures are recorded, each as it was known then, and so is the print that settles. "
        "The offices are played in their wire formats; the other traders are made up around a "
        "plain expectation, for no prices of these markets are recorded."
    )
    data_labels = MappingProxyType(
        {
            "figures": "recorded, as known then",
            "the public offices": "simulated: recorded figures in their wire formats",
            "other traders": "simulated: around a plain expectation, for no prices are recorded",
            "settlement values": "recorded: the figure as first printed",
            "profit and loss": "no proof of anything: the other traders are made up",
        }
    )

    def __init__(self, play: Play, folder: Path, *, seed: int, progress: Progress) -> None:
        self._play_of = play
        super().__init__(play.day, folder, seed=seed, progress=progress, windows=(play.window,))

    def timeline(self, window: Window, anchor_wall: float) -> Timeline:
        """Return the clock of the window; nothing before a release moves with the millisecond."""
        steps = (
            (window.prep_at, 30.0),
            (window.prep_at + timedelta(seconds=20), 10.0),
            (window.make_at - timedelta(seconds=15), 300.0),
            (window.make_at, 30.0),
            (window.strict_at - timedelta(seconds=5), 60.0),
            (window.fixing - timedelta(seconds=28), 6.0),
            (window.fixing - timedelta(seconds=4), 4.0),
            (window.fixing + timedelta(seconds=0.5), 1.0),
            (window.reconcile_at + timedelta(hours=8), 1200.0),
        )
        segments = tuple(Segment(until, speed) for until, speed in steps)
        return Timeline(anchor_wall, window.prep_at - timedelta(seconds=30), segments)

    def _first(self, anchor_wall: float) -> Timeline:
        """Begin when the sources are read: politely, so that takes a while."""
        begin = self._windows[0].fixing - self._play_of.read_before
        return Timeline(anchor_wall, begin, (Segment(begin + timedelta(minutes=10), 20.0),))

    def _plan(self, first: Timeline) -> WorldPlan:
        [window] = self._windows
        assert window.release is not None
        series = load_macro().series
        events = tuple(
            FigureEvent(
                series=name,
                closes_at=window.fixing,
                released_at=max(window.release.at, window.fixing + timedelta(minutes=1)),
                expected=expected.middle,
                deviation=expected.deviation,
                printed=float(truth(series[name], window.release)),
            )
            for name, expected in self._play_of.crowd.items()
        )
        return WorldPlan(self._day, self._seed, first, (), events)

    def _parameters(self) -> str:
        return load_parameter_file(runtime_module.current().figure_parameters()).checksum

    def _feed(self, twin: Mapping[str, Any]) -> dict[str, str]:
        boto3.client("scheduler", region_name=REGION).create_schedule_group(Name=SCHEDULES)
        role = f"arn:aws:iam::{ACCOUNT}:role/rehearsal-schedules"
        queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:rehearsal-dead-letters"
        return {
            "families": MACRO,
            "sources_url": twin["sources"]["url"],
            "contact": CONTACT,
            "schedules": SCHEDULES,
            "starter": function_arn("start"),
            "schedule_role": role,
            "dead_letters": queue,
        }

    def _prepare(self, twin: Mapping[str, Any], clock: Clock) -> None:
        """Read the sources and plan the window, as their schedules would."""
        httpx.post(control_url(twin, "list")).raise_for_status()
        hand_over(runtime_module.current().artifacts, clock)
        handler_of("sources")({}, None)
        handler_of("planner")({}, None)

    def _request(self, window: Window) -> dict[str, str]:
        return {"window_id": window.window_id}

    @contextlib.contextmanager
    def _watched(self, settings: Settings, clock: Clock, window: Window) -> Iterator[None]:
        """Watch nothing: a figure has no feed, and the sentry keeps the index's hours."""
        del settings, clock, window
        yield


@contextlib.contextmanager
def macro_traded() -> Iterator[None]:
    """Have this process trade the macro families for a while."""
    trade(MACRO)
    try:
        yield
    finally:
        trade()
