"""The exchange as a server on loopback: HTTP, WebSocket, the crowd and the clock's ticking."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from kalshi_alpha.clock import Clock
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.units import CASH_UNIT
from kalshi_alpha.rehearsal.clock import ScaledClock, Timeline
from kalshi_alpha.rehearsal.exchange import requests as read
from kalshi_alpha.rehearsal.exchange import views
from kalshi_alpha.rehearsal.exchange.auth import Key, KeyRing, Unauthorized
from kalshi_alpha.rehearsal.exchange.engine import Engine, Rejected, Value
from kalshi_alpha.rehearsal.exchange.faults import Faults
from kalshi_alpha.rehearsal.exchange.figures import FigureEvent, list_figure
from kalshi_alpha.rehearsal.exchange.limits import Limits, cost_of
from kalshi_alpha.rehearsal.exchange.listing import list_event
from kalshi_alpha.rehearsal.exchange.participants import NEAR, Crowd, shipped_calibration
from kalshi_alpha.rehearsal.exchange.routes import ACCOUNT, PREFIX, Rest
from kalshi_alpha.rehearsal.exchange.ws import WS_PATH, Hub

MEMBER = "member"
START_CASH = 1_000 * CASH_UNIT
STRIKES = {"KXINXU": 41, "KXNASDAQ100U": 61}
# Strikes are drawn around the index when an event is listed, so a fixing is listed when it is near.
_LIST_AHEAD = timedelta(hours=1)
_CROWD_SECONDS = 0.1  # real seconds between the crowd's steps
_TICK_SECONDS = 0.02  # real seconds between looks at what has expired
_OPEN_PATHS = ("/exchange/", "/series", "/events", "/markets", "/historical", "/incentive")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ExchangeServer:
    """A whole exchange. Each of ``fixings`` is listed on demand once it is an hour away.

    ``path_value(symbol, instant)`` is the index. ``envelope`` is how errors are wrapped: ``nested``
    as observed live, or ``flat`` as documented. ``control`` opens the twin's own paths;
    ``maintenance`` pauses trading on Thursday mornings, as the venue does. ``figures`` are events
    that a release decides; they are listed on demand too. ``flow`` is how many times as many
    takers come as were recorded.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        path_value: Value,
        fixings: Sequence[tuple[str, datetime]] = (),
        seed: int = 1,
        crowd: bool = True,
        key_kind: str = "rsa",
        envelope: str = "nested",
        control: bool = True,
        latency_s: float = 0.0,
        limits: Limits | None = None,
        maintenance: bool = True,
        lively: timedelta = NEAR,
        figures: Sequence[FigureEvent] = (),
        flow: float = 1.0,
    ) -> None:
        self._figures = tuple(figures)
        self.clock, self._fixings, self._envelope = clock, tuple(fixings), envelope
        self.engine = Engine(clock, path_value, seed=seed, maintenance=maintenance)
        self.engine.open_account(MEMBER, START_CASH)
        self.keys = KeyRing(clock)
        self.key_id, self.pem = self.keys.issue(MEMBER, key_kind)
        self.limits = {MEMBER: limits or Limits()}
        self.latency_s = latency_s
        self.hub = Hub(self.engine)
        self.faults = Faults(self.hub)
        self.crowd = (
            Crowd(
                self.engine,
                path_value,
                seed,
                shipped_calibration(),
                near=lively,
                figures=_deviations(self._figures),
                flow=flow,
            )
            if crowd
            else None
        )
        self._control, self._path_value = control, path_value
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.port = 0

    def list_fixing(
        self, series: str, fixing: datetime, *, open_at: datetime | None = None
    ) -> None:
        """List an event of ``series``, its strikes around the index as it is now."""
        symbol = "SPX" if "INX" in series else "NDX"
        level = self._path_value(symbol, self.clock.now())
        if level is None:
            raise Rejected(400, "no_level", f"there is no {symbol} to list {series} around")
        strikes = STRIKES.get(series, 28)
        for market in list_event(series, fixing, level, strikes=strikes, open_at=open_at):
            self.engine.list_market(market)

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1; port 0 takes a free one."""
        app = web.Application(middlewares=[self._middleware])
        Rest(self.engine, self.limits).add_to(app)
        app.router.add_get(WS_PATH, self._websocket)
        if self._control:
            app.router.add_get("/twin/books", self._books)
            app.router.add_get("/twin/resting", self._resting)
            app.router.add_post("/twin/clock", self._clock)
            app.router.add_post("/twin/list", self._list)
            app.router.add_post("/twin/faults", self._faults)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.port = int(self._runner.addresses[0][1])
        self._tasks = [asyncio.create_task(self._tick())]
        if self.crowd is not None:
            self._tasks.append(asyncio.create_task(self._crowd(self.crowd)))

    async def stop(self) -> None:
        """Stop listening and let nothing run on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.hub.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def ready(self) -> dict[str, Any]:
        """Return where it listens and the throw-away key that it knows."""
        return {
            "rest": f"http://127.0.0.1:{self.port}{PREFIX}",
            "ws": f"ws://127.0.0.1:{self.port}{WS_PATH}",
            "key_id": self.key_id,
            "pem": self.pem,
            "markets": sorted(self.engine.markets),
        }

    # --- serving -----------------------------------------------------------------------------

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if self.latency_s:
                await asyncio.sleep(self.latency_s)
            self.engine.advance()
            if request.path.startswith(PREFIX):
                self._admit(request)
            return await self._handled(request, handler)
        except Rejected as no:
            return self._refusal(no)
        except Unauthorized:
            return self._refusal(Rejected(401, "token_authentication_failure", ""))
        except web.HTTPNotFound:
            return self._refusal(Rejected(404, "not_found", "no such endpoint"))
        except web.HTTPMethodNotAllowed:
            return self._refusal(Rejected(405, "method_not_allowed", ""))
        except web.HTTPRequestEntityTooLarge:
            return self._refusal(Rejected(413, "request_too_large", "the body is too large"))

    async def _handled(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Handle a request, misbehaving as the control endpoint asked."""
        path = request.path.removeprefix(PREFIX)
        twins_own = not request.path.startswith(PREFIX)
        fault = None if twins_own else self.faults.take(request.method, path)
        if fault is not None and not fault.after:
            await fault.strike(request)
        response = await handler(request)
        if fault is not None and fault.after:
            await fault.strike(request)
        return response

    def _admit(self, request: web.Request) -> None:
        """Know the caller, check its scopes and take its tokens."""
        path = request.path.removeprefix(PREFIX)
        signed = "KALSHI-ACCESS-KEY" in request.headers
        public = path.startswith(_OPEN_PATHS) or path == "/account/endpoint_costs"
        if public and not signed:
            request[ACCOUNT] = self.engine.accounts[MEMBER]
            return
        key = self.keys.check(request.headers, request.method, request.path)
        request[ACCOUNT] = self.engine.accounts[key.account]
        _check_scope(key, request.method, path)
        if path.endswith("/batched"):
            return  # a batch pays for its items, all or nothing, once they are counted
        limits = self.limits[key.account]
        bucket = limits.read if request.method == "GET" else limits.write
        if not bucket.take(cost_of(request.method, path), self.clock.monotonic()):
            raise Rejected(429, "too_many_requests", "")

    def _refusal(self, no: Rejected) -> web.Response:
        words = {"code": no.code, "message": no.code.replace("_", " "), "details": no.details}
        body = {"error": words} if self._envelope == "nested" else words
        return web.json_response(body, status=no.status)

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        key = self.keys.check(request.headers, "GET", request.path)
        return await self.hub.serve(request, self.engine.accounts[key.account])

    # --- time and the crowd ------------------------------------------------------------------

    async def _tick(self) -> None:
        while True:
            self.engine.advance()
            await asyncio.sleep(_TICK_SECONDS)

    async def _crowd(self, crowd: Crowd) -> None:
        while True:
            crowd.step()
            await asyncio.sleep(_CROWD_SECONDS)

    # --- control -----------------------------------------------------------------------------

    async def _books(self, request: web.Request) -> web.Response:
        del request
        return web.json_response(views.books_view(self.engine.accounts[MEMBER]))

    async def _resting(self, request: web.Request) -> web.Response:
        del request
        orders = self.engine.resting(MEMBER)
        return web.json_response({"resting": [views.order_view(order) for order in orders]})

    async def _clock(self, request: web.Request) -> web.Response:
        if not isinstance(self.clock, ScaledClock):
            raise Rejected(400, "invalid_parameters", "this exchange runs on wall time")
        self.clock.relay(Timeline.from_json(await read.body_of(request)))
        self.engine.advance()
        return web.json_response({})

    async def _faults(self, request: web.Request) -> web.Response:
        return web.json_response(self.faults.arm(await read.body_of(request)))

    async def _list(self, request: web.Request) -> web.Response:
        now = self.clock.now()
        for series, fixing in self._fixings:
            listed = any(
                m.series == series and m.close_at == fixing for m in self.engine.markets.values()
            )
            if not listed and now < fixing <= now + _LIST_AHEAD:
                self.list_fixing(series, fixing)
        for event in self._figures:
            listed = any(
                m.series == event.series and m.close_at == event.closes_at
                for m in self.engine.markets.values()
            )
            if not listed and now < event.closes_at:
                for market in list_figure(event):
                    self.engine.list_market(market)
        del request
        return web.json_response({"markets": len(self.engine.markets)})


def _deviations(figures: Sequence[FigureEvent]) -> dict[str, float]:
    series = load_registry().series
    return {series[event.series].symbol: event.deviation for event in figures}


def _check_scope(key: Key, method: str, path: str) -> None:
    """Refuse a key without the scope: whole, or the child that covers just this."""
    if method != "GET":
        needed = "write::trade"
    elif path.startswith("/portfolio/"):
        needed = f"read::portfolio_{path.split('/')[2]}"
    else:
        needed = "read"
    if not key.allows(needed):
        raise Rejected(
            403, "insufficient_scope", f"the key has no {needed.partition('::')[0]} scope"
        )
