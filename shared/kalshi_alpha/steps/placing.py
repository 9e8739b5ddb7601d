"""The last port: the only module that can place an order, imported by the quote step alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kalshi_alpha.errors import DataError, VenueError
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.steps.guarded import GuardedPlacer
from kalshi_alpha.steps.paper import PaperBroker
from kalshi_alpha.steps.ports import Budget, Placer
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.trading.arming import Broker
from kalshi_alpha.venues.kalshi.trader import KalshiTrader


@dataclass(frozen=True, slots=True)
class FixedWait:
    """A budget that always says the same; cancels never wait for it."""

    seconds: float

    def wait_s(self, what: str, now: float, *, resting: int) -> float:
        """Return the seconds, 0 for a cancel."""
        del now, resting
        return 0.0 if what == "cancel" else self.seconds


def open_placer(runtime: Runtime, window: Window) -> Placer:
    """Return who places in ``window``, behind its guards: paper and live share them.

    Raises:
        ArmingError: when live is not armed.
    """
    return GuardedPlacer(_port(runtime), runtime, window)


def open_budget(runtime: Runtime, window: Window) -> Budget:
    """Return what the placer of ``window`` may spend; without the venue's numbers, nothing.

    One budget serves the account: windows at the same fixing divide it.
    """
    port = _port(runtime)
    if not isinstance(port, KalshiTrader):
        return FixedWait(0.0)  # paper asks the venue for nothing that it counts here
    beside = runtime.windows_on(window.day)
    sharers = sum(other.fixing == window.fixing for other in beside)
    try:
        return port.keep_budget(max(1, sharers))
    except (VenueError, DataError):
        return FixedWait(math.inf)


def _port(runtime: Runtime) -> Placer:
    if runtime.broker is Broker.PAPER:
        return PaperBroker(runtime.ledger, runtime.clock, runtime.reader)
    return runtime.venue_client(KalshiTrader, runtime.settings.require("secret"))
