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
from kalshi_alpha.rehearsal.clock import ScaledClock, Timeline
from kalshi_alpha.rehearsal.exchange.server import ExchangeServer
from kalshi_alpha.rehearsal.feed import FeedServer
from kalshi_alpha.rehearsal.path import load_day


@dataclass(frozen=True, slots=True)
class WorldPlan:
    """What the twin is asked to be; travels as JSON on the command line."""

    day: date
    seed: int
    timeline: Timeline
    fixings: tuple[tuple[str, datetime], ...]  # (series, fixing)

    def to_json(self) -> str:
        """Return the plan as one line of JSON."""
        return json.dumps(
            {
                "day": self.day.isoformat(),
                "seed": self.seed,
                "timeline": self.timeline.to_json(),
                "fixings": [[series, iso(at)] for series, at in self.fixings],
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
        )


async def serve(plan: WorldPlan) -> None:
    """Serve until standard input closes."""
    clock = ScaledClock(plan.timeline)
    paths = {symbol: load_day(symbol, plan.day, seed=plan.seed) for symbol in ("SPX", "NDX")}
    exchange = ExchangeServer(
        clock,
        path_value=lambda symbol, at: paths[symbol].value_at(at),
        fixings=plan.fixings,
        seed=plan.seed,
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
