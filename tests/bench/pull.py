"""The pull of 40 resting orders against one bare round trip to the same simulator.

The pull counts what is left at the deadline: send the signed batch and read its answer. The bare
round trip is one read of the exchange's status on the same open connection. A third row adds the
listing that makes sure. The simulator answers from a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import datetime, timedelta
from typing import Any

from kalshi_alpha.clock import SystemClock
from kalshi_alpha.markets.orders import NewOrder, OrderStatus, Side
from kalshi_alpha.venues.kalshi.signing import Credentials, load_key
from kalshi_alpha.venues.kalshi.trader import KalshiTrader

ORDERS, ROUNDS = 40, 12
# Latency of the simulator's answers in seconds: none, and that of a near venue.
LATENCIES = (0.0, 0.015)
_SERVER = """
import asyncio, json, sys
from datetime import timedelta
from kalshi_alpha.clock import SystemClock
from kalshi_alpha.rehearsal.exchange.limits import Bucket, Limits
from kalshi_alpha.rehearsal.exchange.server import ExchangeServer

async def main():
    clock = SystemClock()
    roomy = Limits(read=Bucket(1e6, 1e6), write=Bucket(1e6, 1e6))
    server = ExchangeServer(clock, path_value=lambda symbol, at: 6800.0, crowd=False,
                            limits=roomy, latency_s=float(sys.argv[1]))
    hour = (clock.now() + timedelta(hours=2)).replace(minute=0, second=0, microsecond=0)
    server.list_fixing("KXINXU", hour, open_at=clock.now())
    await server.start(0)
    print(json.dumps(server.ready()), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.stop()

asyncio.run(main())
"""


def measure() -> list[tuple[str, str, list[tuple[float, float]]]]:
    """Return milliseconds of (pull, bare round trip), in turn."""
    rows = []
    for latency in LATENCIES:
        name = f"{1000 * latency:.0f} ms reply"
        sent, sure = _rounds(latency)
        rows.append((f"pull of {ORDERS}, {name} / one round trip", "ms", sent))
        rows.append((f"pull of {ORDERS} and listing, {name} / one round trip", "ms", sure))
    return rows


def _rounds(latency: float) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    with subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(latency)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        ready = json.loads(server.stdout.readline())
        clock = SystemClock()
        credentials = Credentials(ready["key_id"], load_key(ready["pem"].encode()))
        trader = KalshiTrader(ready["rest"], clock, credentials)
        sent, sure = [], []
        for round_number in range(ROUNDS):
            ids = _place(trader, ready["markets"], clock.now(), round_number)
            pull = trader.prepare_cancel_batch(ids)
            bare = _time(trader.exchange_status)
            pull.sign(clock.now())
            start = time.perf_counter()
            canceled = pull.send()
            middle = time.perf_counter()
            left = trader.orders(status=OrderStatus.RESTING)
            end = time.perf_counter()
            if left or sum(result.reduced_by > 0 for result in canceled) != ORDERS:
                raise SystemExit("the pull did not pull: timing it means nothing")
            sent.append((1000 * (middle - start), bare))
            sure.append((1000 * (end - start), bare))
        server.stdin.close()
        server.wait(timeout=10)
    return sent, sure


def _place(trader: KalshiTrader, markets: list[str], now: datetime, number: int) -> list[str]:
    expiry = (now + timedelta(hours=1)).replace(microsecond=0)
    orders = [
        NewOrder(ticker, Side.BID, 100, 100, f"bench-{number}-{i}", expiry)
        for i, ticker in enumerate((markets * ORDERS)[:ORDERS])
    ]
    return [trader.create(order).order_id for order in orders]


def _time(job: Any) -> float:
    samples = []
    for _ in range(5):
        start = time.perf_counter()
        job()
        samples.append(1000 * (time.perf_counter() - start))
    return sorted(samples)[2]
