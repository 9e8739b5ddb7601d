"""The last port: the only module that can place an order, imported by the quote step alone."""

from __future__ import annotations

from kalshi_alpha.markets.windows import Window
from kalshi_alpha.steps.guarded import GuardedPlacer
from kalshi_alpha.steps.paper import PaperBroker
from kalshi_alpha.steps.ports import Placer
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.trading.arming import Broker
from kalshi_alpha.venues.kalshi.trader import KalshiTrader


def open_placer(runtime: Runtime, window: Window) -> Placer:
    """Return who places in ``window``, behind its guards: paper and live share them.

    Raises:
        ArmingError: when live is not armed.
    """
    return GuardedPlacer(_port(runtime), runtime, window)


def _port(runtime: Runtime) -> Placer:
    if runtime.broker is Broker.PAPER:
        return PaperBroker(runtime.ledger, runtime.clock, runtime.reader)
    return runtime.venue_client(KalshiTrader, runtime.settings.require("secret"))
