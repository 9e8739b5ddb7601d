"""The last port: the only module that can place an order, imported by the quote step alone."""

from __future__ import annotations

from kalshi_alpha.steps.paper import PaperBroker
from kalshi_alpha.steps.ports import Placer
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.trading.arming import Broker
from kalshi_alpha.venues.kalshi.trader import KalshiTrader


def open_placer(runtime: Runtime) -> Placer:
    """Return who places for the runtime's broker; raise ``ArmingError`` when live is not armed."""
    if runtime.broker is Broker.PAPER:
        return PaperBroker(runtime.ledger, runtime.clock, runtime.reader)
    return runtime.venue_client(KalshiTrader, runtime.settings.require("secret"))
