"""A twin exchange on a clock that tests move, and a signed client on the same loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import CASH_UNIT
from kalshi_alpha.rehearsal.exchange.engine import Ticket
from kalshi_alpha.rehearsal.exchange.limits import Bucket, Limits
from kalshi_alpha.rehearsal.exchange.server import ExchangeServer
from kalshi_alpha.venues.kalshi.signing import load_key

START = datetime(2026, 10, 6, 14, 0, tzinfo=UTC)
FIXING = datetime(2026, 10, 6, 16, 0, tzinfo=UTC)  # Tuesday noon in New York
LEVELS = {"SPX": 6801.3, "NDX": 25_012.6}
ABOVE = "KXINXU-26OCT06H1200-T6799.9999"  # pays at LEVELS
BELOW = "KXINXU-26OCT06H1200-T6804.9999"  # does not
OTHER = "other"


def plenty() -> Limits:
    """Return limits no test runs into."""
    return Limits(read=Bucket(1e9, 1e9), write=Bucket(1e9, 1e9))


@dataclass
class Reply:
    """An answer: status and decoded body."""

    status: int
    body: Any

    @property
    def code(self) -> str:
        return str(self.body["error"]["code"])

    @property
    def details(self) -> str:
        return str(self.body["error"]["details"])


@dataclass
class Twin:
    """The running server, its clock, and a client that signs."""

    server: ExchangeServer
    clock: ManualClock
    http: aiohttp.ClientSession
    replies: list[tuple[str, str, Reply]] = field(default_factory=list)

    def headers(self, method: str, path: str, at: datetime | None = None) -> dict[str, str]:
        signer = load_key(self.server.pem.encode())
        return signer.headers(self.server.key_id, method, path, at or self.clock.now())

    async def call(
        self, method: str, path: str, body: Any = None, *, signed: bool = True, **params: Any
    ) -> Reply:
        url = str(self.server.ready()["rest"]) + path
        headers = self.headers(method, urlsplit(url).path) if signed else {}
        async with self.http.request(
            method, url, json=body, params=params or None, headers=headers
        ) as response:
            decoded = await response.json() if response.content_length else None
            reply = Reply(response.status, decoded)
        self.replies.append((method, path, reply))
        return reply

    async def get(self, path: str, **params: Any) -> Any:
        reply = await self.call("GET", path, **params)
        assert reply.status == 200, reply
        return reply.body

    async def create(self, ticker: str = ABOVE, **fields: Any) -> Reply:
        return await self.call("POST", "/portfolio/events/orders", order(ticker, **fields))

    async def placed(self, ticker: str = ABOVE, **fields: Any) -> str:
        reply = await self.create(ticker, **fields)
        assert reply.status == 201, reply
        return str(reply.body["order_id"])

    def others(
        self, side: Side, price: int, contracts: float, ticker: str = ABOVE, **more: Any
    ) -> str:
        """Have somebody else place an order; ``price`` in cents."""
        ticket = Ticket(ticker, side, 100 * price, round(100 * contracts), **more)
        return self.server.engine.create(OTHER, ticket).order_id

    async def socket(self) -> aiohttp.ClientWebSocketResponse:
        url = str(self.server.ready()["ws"])
        headers = self.headers("GET", urlsplit(url).path)
        return await self.http.ws_connect(url, headers=headers, autoping=False)

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.server.engine.advance()

    def advance_to(self, instant: datetime, seconds: float = 0.0) -> None:
        self.advance((instant - self.clock.now()).total_seconds() + seconds)


def order(ticker: str = ABOVE, **fields: Any) -> dict[str, Any]:
    """Return the body of a create: a bid for 1 at 40 cents unless told otherwise."""
    return {
        "ticker": ticker,
        "side": "bid",
        "price": "0.4000",
        "count": "1.00",
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
    } | fields


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[Twin]:
    """Run a twin with one event of KXINXU and one of KXINX, and nobody but ``other``."""
    clock = ManualClock(START)
    chosen: dict[str, Any] = {"crowd": False, "limits": plenty()} | settings
    server = ExchangeServer(clock, path_value=lambda symbol, _at: LEVELS[symbol], **chosen)
    server.engine.basis_sd = {}
    server.engine.open_account(OTHER, 1000 * CASH_UNIT)
    for series in ("KXINXU", "KXINX"):
        server.list_fixing(series, FIXING, open_at=START - timedelta(hours=1))
    await server.start(0)
    try:
        async with aiohttp.ClientSession(trust_env=False) as http:
            yield Twin(server, clock, http)
    finally:
        await server.stop()


def play(scenario: Callable[[Twin], Awaitable[None]], **settings: Any) -> None:
    """Run a scenario against a fresh twin."""

    async def body() -> None:
        async with running(**settings) as twin:
            await asyncio.wait_for(scenario(twin), 60)

    asyncio.run(body())
