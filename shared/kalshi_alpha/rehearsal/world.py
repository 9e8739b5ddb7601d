"""The twin's own process: exchange, index feed and the other participants, on one clock.

It runs beside the rehearsal so that the pull is measured against a peer that shares no interpreter
with it. It prints one JSON line when ready and ends when its standard input closes.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from kalshi_alpha.clock import from_iso, iso
from kalshi_alpha.markets.traded import MACRO, trade
from kalshi_alpha.rehearsal.clock import ScaledClock, Timeline
from kalshi_alpha.rehearsal.exchange.figures import FigureEvent, value_of
from kalshi_alpha.rehearsal.exchange.server import ExchangeServer
from kalshi_alpha.rehearsal.feed import FeedServer
from kalshi_alpha.rehearsal.path import load_day
from kalshi_alpha.rehearsal.sources import SourceTwin

# As recorded, one rehearsal in four would show no fill at all: few quotes rest, and for minutes.
FLOW = 8.0


@dataclass(frozen=True, slots=True)
class WorldPlan:
    """What the twin is asked to be; travels as JSON on the command line."""

    day: date
    seed: int
    timeline: Timeline
    fixings: tuple[tuple[str, datetime], ...]  # (series, fixing)
    figures: tuple[FigureEvent, ...] = ()  # with any, there is no index but their sources

    def to_json(self) -> str:
        """Return the plan as one line of JSON."""
        return json.dumps(
            {
                "day": self.day.isoformat(),
                "seed": self.seed,
                "timeline": self.timeline.to_json(),
                "fixings": [[series, iso(at)] for series, at in self.fixings],
                "figures": [event.to_json() for event in self.figures],
            }
        )

    @classmethod
    def from_json(cls, text: str) -> WorldPlan:
        """Rebuild what ``to_json`` wrote."""
        data: Mapping[str, Any] = json.loads(text)
        return cls(
            day=date.fromisoformat(data["day"]),
            seed=int(data["seed"]),
            timeline=Timeline.from_json(data["timeline"]),
            fixings=tuple((series, from_iso(at)) for series, at in data["fixings"]),
            figures=tuple(map(FigureEvent.from_json, data["figures"])),
        )


async def serve(plan: WorldPlan) -> None:
    """Serve until standard input closes."""
    clock = ScaledClock(plan.timeline)
    await (_serve_figures(plan, clock) if plan.figures else _serve_index(plan, clock))


async def _serve_figures(plan: WorldPlan, clock: ScaledClock) -> None:
    trade(MACRO)
    exchange = ExchangeServer(
        clock,
        path_value=lambda symbol, at: value_of(plan.figures, symbol, at),
        seed=plan.seed,
        figures=plan.figures,
    )
    await exchange.start(0)
    with SourceTwin(clock) as sources:
        ready = {"exchange": exchange.ready(), "sources": {"url": sources.url}}
        print(json.dumps(ready), flush=True)  # noqa: T201
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await exchange.stop()


async def _serve_index(plan: WorldPlan, clock: ScaledClock) -> None:
    paths = {symbol: load_day(symbol, plan.day, seed=plan.seed) for symbol in ("SPX", "NDX")}
    exchange = ExchangeServer(
        clock,
        path_value=lambda symbol, at: paths[symbol].value_at(at),
        fixings=plan.fixings,
        seed=plan.seed,
        flow=FLOW,
    )
    feed = FeedServer(clock, paths, seed=plan.seed)
    await exchange.start(0)
    await feed.start(0)
    print(json.dumps({"exchange": exchange.ready(), "feed": feed.ready()}), flush=True)  # noqa: T201
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await feed.stop()
    await exchange.stop()


if __name__ == "__main__":
    asyncio.run(serve(WorldPlan.from_json(sys.argv[1])))
