"""From an index value to the answer that cancels the quote it makes unfair, against one round trip.

The sentry's own path: revalue the quotes of a window at the new value, hand the one outside its
band to a thread, cancel it by name. The simulator answers after 15 ms from a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from kalshi_alpha.clock import SystemClock
from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.orders import NewOrder, Side
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.markets.windows import window_from_id
from kalshi_alpha.pricing.fees import fee_terms
from kalshi_alpha.pricing.parameters import load_parameters, shipped_parameters
from kalshi_alpha.pricing.reading import Reading, Realised
from kalshi_alpha.steps.drift import FairBands
from kalshi_alpha.steps.removing import Remover
from kalshi_alpha.venues.kalshi.signing import Credentials, load_key
from kalshi_alpha.venues.kalshi.trader import KalshiTrader
from tests.bench.pull import _SERVER

ROUNDS, QUOTES, LATENCY = 60, 8, 0.015
NOW = datetime(2025, 11, 4, 16, 57, tzinfo=UTC)


def measure() -> list[tuple[str, str, list[tuple[float, float]]]]:
    """Return milliseconds of (value to cancelled, one bare round trip), in turn."""
    with subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(LATENCY)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        ready = json.loads(server.stdout.readline())
        credentials = Credentials(ready["key_id"], load_key(ready["pem"].encode()))
        trader = KalshiTrader(ready["rest"], SystemClock(), credentials)
        pairs = _rounds(trader, ready["markets"])
        trader.close()
        server.stdin.close()
        server.wait(timeout=10)
    worst = sorted(ours for ours, _ in pairs)[int(0.99 * len(pairs))]
    name = f"value to cancelled, {1000 * LATENCY:.0f} ms reply, p99 {worst:.1f} ms / one round trip"
    return [(name, "ms", pairs)]


def _rounds(trader: KalshiTrader, markets: list[str]) -> list[tuple[float, float]]:
    registry, sessions, day = load_registry(), load_sessions(), date(2025, 11, 4)
    window = window_from_id("20251104-1200-index-hourly", registry, sessions)
    session, fitted = sessions.on(day), load_parameters(shipped_parameters(day), on=day)
    assert session is not None
    tickers = markets[:QUOTES]
    bands = FairBands(
        window,
        registry.series["KXINXU"],
        session,
        fitted["SPX"],
        fee_terms("quadratic", "0.5"),
        {t: _contract(680_000 + 500 * n) for n, t in enumerate(tickers)},
    )
    gone = threading.Event()
    nothing: Any = SimpleNamespace(put_part=lambda *_: None)
    runtime: Any = SimpleNamespace(puller=trader, clock=SystemClock(), state=nothing)
    remover = Remover(runtime, lambda _: None, lambda _: gone.set())
    pairs = []
    with ThreadPoolExecutor(4) as pool:
        remover.submit = pool.submit
        for number in range(ROUNDS):
            _place(trader, tickers, number)
            orders = [o for o in trader.orders(status="resting") if o.remaining_size]
            start = time.perf_counter()
            trader.exchange_status()
            bare = time.perf_counter() - start
            gone.clear()
            start = time.perf_counter()
            heard = time.monotonic()
            found = bands.drifted(_reading(6_798.0), orders, lambda _: None, NOW)
            for drifted in found[:1]:
                remover.quote(window, drifted, heard)
            if not gone.wait(5):
                raise SystemExit("the quote did not go: timing it means nothing")
            pairs.append((1000 * (time.perf_counter() - start), 1000 * bare))
            trader.cancel_batch([order.order_id for order in orders])
    return pairs


def _place(trader: KalshiTrader, tickers: list[str], number: int) -> None:
    until = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)
    for n, ticker in enumerate(tickers):
        trader.create(NewOrder(ticker, Side.BID, 4000, 100, f"drift-{number}-{n}", until))


def _contract(low: int) -> Any:
    return SimpleNamespace(payoff=Payoff(low, None))


def _reading(value: float) -> Reading:
    return Reading("SPX", value, NOW, 0.05, 0.1, Realised(140, 8e-6, 2e-6, 7e-7))
