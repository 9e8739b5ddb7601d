"""A real exchange server for tests: its loop in a thread, its clock moved by hand."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import CASH_UNIT
from kalshi_alpha.rehearsal.exchange.engine import Engine, Ticket
from kalshi_alpha.rehearsal.exchange.limits import Bucket, Limits
from kalshi_alpha.rehearsal.exchange.model import Order
from kalshi_alpha.rehearsal.exchange.server import ExchangeServer
from kalshi_alpha.venues.kalshi.signing import Credentials, load_key

NOW = datetime(2026, 10, 6, 15, 30, tzinfo=UTC)  # a Tuesday, 11:30 in New York
FIXING = datetime(2026, 10, 6, 16, 0, tzinfo=UTC)
EVENT = "KXINXU-26OCT06H1200"
RANGES = "KXINX-26OCT06H1200"
MIDDLE = f"{EVENT}-T6799.9999"
RIVAL = "rival"
PREFIX = "/trade-api/v2"
LEVEL = {"SPX": 6800.0, "NDX": 25_000.0}

T = TypeVar("T")


def unlimited() -> Limits:
    """Buckets that no test empties by accident."""
    return Limits(read=Bucket(1e9, 1e9), write=Bucket(1e9, 1e9))


@dataclass
class Host:
    """A running server; ``run`` does something on its own thread, as every request does."""

    server: ExchangeServer
    clock: ManualClock
    loop: asyncio.AbstractEventLoop

    @property
    def engine(self) -> Engine:
        return self.server.engine

    @property
    def base(self) -> str:
        return str(self.server.ready()["rest"])

    @property
    def offered(self) -> set[tuple[str, str]]:
        """Method and path of every operation served, without the prefix and the twin's own."""
        assert self.server._runner is not None
        routes = self.server._runner.app.router.routes()
        found = {(route.method, route.resource.canonical) for route in routes if route.resource}
        return {
            (m, p.removeprefix(PREFIX)) for m, p in found if p.startswith(PREFIX) and m != "HEAD"
        }

    @property
    def credentials(self) -> Credentials:
        return Credentials(self.server.key_id, load_key(self.server.pem.encode()))

    def run(self, action: Callable[[], T]) -> T:
        async def act() -> T:
            return action()

        return asyncio.run_coroutine_threadsafe(act(), self.loop).result(10)

    def pass_time(self, seconds: float) -> None:
        def move() -> None:
            self.clock.advance(seconds)
            self.engine.advance()

        self.run(move)

    def rival(self, side: str, price: int, size: int = 1000, ticker: str = MIDDLE) -> Order:
        """Have another member quote; price in 1/10000 dollar, size in 1/100 contract."""
        return self.run(lambda: self.engine.create(RIVAL, Ticket(ticker, Side(side), price, size)))

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        signed: bool = True,
        credentials: Credentials | None = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        """Send one request, signed over its path; ``path`` may carry a query."""
        headers = {}
        if signed:
            known = credentials or self.credentials
            at = self.clock.now()
            headers = known.signer.headers(known.key_id, method, PREFIX + path, at)
        with httpx.Client(trust_env=False, timeout=10) as client:
            return client.request(
                method,
                self.base + path,
                json=body if content is None else None,
                content=content,
                headers=headers,
            )


@contextmanager
def hosting(
    *,
    now: datetime = NOW,
    levels: Mapping[str, float] = LEVEL,
    listed: Callable[[ExchangeServer], None] | None = None,
    **options: Any,
) -> Iterator[Host]:
    """Serve an exchange with a rival, and KXINXU and KXINX events that fix in half an hour.

    ``listed`` lists something else instead, at another ``now`` and other ``levels``.
    """
    clock = ManualClock(now)
    chosen: dict[str, Any] = {"crowd": False, "limits": unlimited(), "key_kind": "ed25519"}
    server = ExchangeServer(clock, path_value=lambda symbol, _: levels[symbol], **chosen | options)
    server.engine.open_account(RIVAL, 1_000_000 * CASH_UNIT)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    host = Host(server, clock, loop)
    try:
        host.run(lambda: (listed or _list)(server))
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
        yield host
        assert not [task for task in server._tasks if task.done()]
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def _list(server: ExchangeServer) -> None:
    for series in ("KXINXU", "KXINX"):
        server.list_fixing(series, FIXING, open_at=NOW - timedelta(hours=1))
