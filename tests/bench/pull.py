"""The armed pull of 40 resting orders against one bare round trip to the same simulator.

It is ``Pull.at_deadline``, whole: list, build, sign, sleep, strike by name and by order group, list
again. The deadline is real time. Three things are told: when a route's answer confirmed every
cancel, when a listing had shown the book empty too, both from when the pull was due to leave, and
how late that was for T-2 s, which is a quarter second later: below 0 is early (and its ratio says
nothing). The bare round trip is one read of the exchange's status on the same open connection. The
simulator answers from a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from kalshi_alpha.clock import SystemClock, from_iso
from kalshi_alpha.markets.orders import CancelResult, NewOrder, Side
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.steps.pull import Pull
from kalshi_alpha.venues.kalshi.signing import Credentials, load_key
from kalshi_alpha.venues.kalshi.trader import KalshiTrader

ORDERS = 40
ALLOWED = 150.0  # milliseconds past T-2 s within which 99 of 100 pulls are to be confirmed
# Latency of the simulator's answers in seconds, none and that of a near venue, and the pulls made.
LATENCIES = ((0.0, 20), (0.015, 200))
_AHEAD = timedelta(seconds=0.55)  # half a second of it is the pull's own
_SERVER = """
import asyncio, json, sys
from datetime import timedelta
from kalshi_alpha.clock import SystemClock, iso
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
    print(json.dumps(server.ready() | {"fixing": iso(hour)}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.stop()

asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Pulled:
    """One pull, in milliseconds: to the first route's answer, to the empty listing, past T-2 s."""

    answered: float
    confirmed: float
    late: float
    bare: float


class Watched:
    """A puller that notes when its first route was answered; all else is the client's own."""

    def __init__(self, trader: KalshiTrader) -> None:
        self._trader = trader
        self.answered_at: datetime | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._trader, name)

    def prepare_cancel_batch(self, order_ids: Sequence[str]) -> WatchedBatch:
        return WatchedBatch(self, self._trader.prepare_cancel_batch(order_ids))

    def trigger_group(self, group_id: str) -> None:
        self._trader.trigger_group(group_id)
        self.answered()

    def answered(self) -> None:
        self.answered_at = self.answered_at or SystemClock().now()


class WatchedBatch:
    """The prepared batch of a ``Watched``."""

    def __init__(self, watched: Watched, batch: Any) -> None:
        self._watched, self._batch = watched, batch

    def sign(self, at: datetime) -> None:
        self._batch.sign(at)

    def send(self) -> list[CancelResult]:
        results: list[CancelResult] = self._batch.send()
        self._watched.answered()
        return results


def measure() -> list[tuple[str, str, list[tuple[float, float]]]]:
    """Return milliseconds of (pull, bare round trip), in turn."""
    rows = []
    for latency, count in LATENCIES:
        pulls = run(latency, count)
        name = f"{count} armed pulls of {ORDERS}, {1000 * latency:.0f} ms reply"
        for what in ("answered", "confirmed"):
            pairs = [(getattr(pulled, what), pulled.bare) for pulled in pulls]
            rows.append((f"{name}: {what} / one round trip", "ms", pairs))
        late = [(pulled.late, ALLOWED) for pulled in pulls]
        rows.append((f"{name}: after T-2 s / allowed", "ms", late))
    return rows


def run(latency: float, count: int) -> list[Pulled]:
    """Pull ``count`` times against a simulator that answers after ``latency`` seconds."""
    with _serving(latency) as ready:
        credentials = Credentials(ready["key_id"], load_key(ready["pem"].encode()))
        trader = KalshiTrader(ready["rest"], SystemClock(), credentials)
        with ThreadPoolExecutor(8) as hands:
            return [_pull(trader, ready, number, hands) for number in range(count)]


def _pull(
    trader: KalshiTrader, ready: dict[str, Any], number: int, hands: ThreadPoolExecutor
) -> Pulled:
    clock, group_id = SystemClock(), trader.create_group(ORDERS)
    expiry = clock.now().replace(microsecond=0) + timedelta(hours=1)
    orders = [
        NewOrder(ticker, Side.BID, 100, 100, f"bench-{number}-{i}", expiry, group_id)
        for i, ticker in enumerate((ready["markets"] * ORDERS)[:ORDERS])
    ]
    list(hands.map(trader.create, orders))
    bare = _time(trader.exchange_status)
    window = _window(from_iso(ready["fixing"]), clock.now() + _AHEAD)
    puller = Watched(trader)
    report = Pull(puller, window, clock, group_id).at_deadline()
    good = (report.found, report.canceled, report.resting_after)
    if good != (ORDERS, ORDERS, 0) or not report.confirmed_at:
        raise SystemExit(f"the pull did not pull, and timing it means nothing: {report}")
    due = window.pull_start_at
    return Pulled(
        answered=_ms((puller.answered_at or report.confirmed_at) - due),
        confirmed=_ms(report.confirmed_at - due),
        late=_ms(report.confirmed_at - window.pull_at),
        bare=bare,
    )


def _window(fixing: datetime, leaves_at: datetime) -> Window:
    """Return the fixing's window with its phases moved so that the pull leaves at that instant."""
    phases = load_registry().groups["index-hourly"].phases
    ahead = (fixing - leaves_at).total_seconds() - phases.pull_lead
    return Window("index-hourly", fixing, ("KXINXU",), replace(phases, pull=ahead))


def _time(job: Any) -> float:
    samples = []
    for _ in range(5):
        start = time.perf_counter()
        job()
        samples.append(1000 * (time.perf_counter() - start))
    return sorted(samples)[2]


def _ms(span: timedelta) -> float:
    return 1000 * span.total_seconds()


@contextmanager
def _serving(latency: float) -> Iterator[dict[str, Any]]:
    with subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(latency)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        yield json.loads(server.stdout.readline())
        server.stdin.close()
        server.wait(timeout=10)


if __name__ == "__main__":
    from tests.bench.__main__ import show

    show([measure])
