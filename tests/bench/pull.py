"""The pull of 40 resting orders against one bare round trip to the same simulator.

The pull counts what is left at the deadline: send the signed batch, then list to be sure. The bare
round trip is one signed read on the same open connection.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from kalshi_alpha.clock import SystemClock
from kalshi_alpha.markets.orders import NewOrder, Side
from kalshi_alpha.rehearsal.exchange.server import ExchangeServer
from kalshi_alpha.venues.kalshi.signing import Credentials, load_key
from kalshi_alpha.venues.kalshi.trader import KalshiTrader

ORDERS, ROUNDS = 40, 15


def measure() -> list[tuple[str, str, list[tuple[float, float]]]]:
    """Return milliseconds of (pull, bare round trip), in turn."""
    raise SystemExit("filled in when the simulator stands")
