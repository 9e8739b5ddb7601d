"""Container ``momentum``: quote a city group's brackets through one climate day."""

from __future__ import annotations

import asyncio
import sys
import threading

from kalshi_alpha.markets.climate_day import climate_day
from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.momentum.terms import load_terms
from kalshi_alpha.steps.container import run_until_told
from kalshi_alpha.steps.momentum import MomentumWatch
from kalshi_alpha.steps.momentum_runtime import MomentumRuntime, momentum_runtime
from kalshi_alpha.steps.momentum_settle import settle_before
from kalshi_alpha.steps.momentum_sky import open_sky
from kalshi_alpha.steps.observe import emit, step_logger
from kalshi_alpha.steps.redaction import redact

REPORT_SECONDS = 20.0
LOGGER = step_logger("momentum")


async def report(runtime: MomentumRuntime, watch: MomentumWatch) -> None:
    """Emit how the process is until cancelled: what it hears, wants and has had to leave."""
    while True:
        emit("momentum", runtime.settings.stage, watch.health())
        await runtime.clock.wait(REPORT_SECONDS)


async def session(runtime: MomentumRuntime, stop: threading.Event) -> str:
    """Close yesterday's books, then work until today's trading ends; return why it ended."""
    group = runtime.settings.require("cities")
    series = runtime.temperatures.series_of(group)
    offset = load_stations().of(series[0]).offset
    day = climate_day(runtime.clock.now(), offset)
    await asyncio.to_thread(settle_before, runtime, group, day, LOGGER.warning)
    watch = MomentumWatch(
        runtime,
        group,
        day,
        load_terms(),
        open_sky(runtime, LOGGER.warning),
        tell=lambda said: LOGGER.warning(redact(said)),
        shadow=runtime.settings.shadow == "on",
    )
    reporting = asyncio.create_task(report(runtime, watch))
    try:
        await watch.run(stop.is_set)
    finally:
        reporting.cancel()
        await asyncio.gather(reporting, return_exceptions=True)
    return "told to stop" if stop.is_set() else "trading in the climate day is over"


def main() -> int:
    """Run one climate day; the exit code is the error's own."""
    return run_until_told(LOGGER, lambda stop: session(momentum_runtime(), stop))


if __name__ == "__main__":
    sys.exit(main())
