"""Container ``sentry``: watch the session's windows, and report the heartbeat's health."""

from __future__ import annotations

import asyncio
import sys
import threading
from datetime import datetime

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.errors import KalshiAlphaError
from kalshi_alpha.markets.windows import windows_on
from kalshi_alpha.steps.container import run_until_told
from kalshi_alpha.steps.heartbeat import age_seconds, number
from kalshi_alpha.steps.observe import emit, step_logger
from kalshi_alpha.steps.redaction import redact
from kalshi_alpha.steps.runtime import Runtime, current
from kalshi_alpha.steps.watch import watch

REPORT_SECONDS = 20.0
LOGGER = step_logger("sentry")


def health(runtime: Runtime, now: datetime) -> dict[str, float]:
    """Return the worst heartbeat age, lag and silence of all symbols, in seconds."""
    items = [found for s in runtime.registry.symbols if (found := runtime.state.heartbeat(s))]
    if len(items) < len(runtime.registry.symbols):
        return {}  # a missing heartbeat is a missing metric, and that alarms
    return {
        "HeartbeatAge": max(age_seconds(item, now) for item in items),
        "FeedLag": max(number(item, "lag_s") for item in items),
        "FeedSilence": max(number(item, "silence_s") for item in items),
    }


async def report(runtime: Runtime) -> None:
    """Emit the heartbeat's health until cancelled; it reads what the other steps read."""
    while True:
        try:
            values = await asyncio.to_thread(health, runtime, runtime.clock.now())
            emit("sentry", runtime.settings.stage, values)
        except KalshiAlphaError as error:  # the watch goes on; the missing metric alarms
            LOGGER.warning("health unknown", extra={"reason": redact(str(error))})
        await runtime.clock.wait(REPORT_SECONDS)


async def session(runtime: Runtime, stop: threading.Event) -> str:
    """Watch today's windows to their end; return why it ended."""
    day = runtime.clock.now().astimezone(NEW_YORK).date()
    windows = windows_on(day, runtime.registry, runtime.sessions)
    if not windows:
        return runtime.sessions.why_closed(day)
    reporting = asyncio.create_task(report(runtime))
    try:
        await watch(runtime, windows, stopped=stop.is_set, tell=LOGGER.warning)
    finally:
        reporting.cancel()
        await asyncio.gather(reporting, return_exceptions=True)
    return "told to stop" if stop.is_set() else "the session is over"


def main() -> int:
    """Run one session; the exit code is the error's own."""
    return run_until_told(LOGGER, lambda stop: session(current(), stop))


if __name__ == "__main__":
    sys.exit(main())
