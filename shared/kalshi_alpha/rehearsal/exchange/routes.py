"""The REST side as one table: every path of the venue's current API that the twin serves."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from kalshi_alpha.rehearsal.exchange.answers import ACCOUNT, Route
from kalshi_alpha.rehearsal.exchange.engine import Engine, Rejected
from kalshi_alpha.rehearsal.exchange.limits import Limits
from kalshi_alpha.rehearsal.exchange.market_routes import MarketRoutes
from kalshi_alpha.rehearsal.exchange.order_routes import OrderRoutes
from kalshi_alpha.rehearsal.exchange.portfolio_routes import PortfolioRoutes

__all__ = ["ACCOUNT", "PREFIX", "Rest"]

PREFIX = "/trade-api/v2"


class Rest:
    """The handlers; the middleware has let time pass and knows the caller before each."""

    def __init__(self, engine: Engine, limits: dict[str, Limits]) -> None:
        self._engine, self._limits = engine, limits

    def add_to(self, app: web.Application) -> None:
        """Register every path."""
        for method, path, handler in self._table():
            app.router.add_route(method, PREFIX + path, handler)

    def _table(self) -> Sequence[Route]:
        parts = (
            MarketRoutes(self._engine),
            PortfolioRoutes(self._engine, self._limits),
            OrderRoutes(self._engine, self._charge),
        )
        return [route for part in parts for route in part.table()]

    def _charge(self, request: web.Request, cost: int) -> None:
        bucket = self._limits[request[ACCOUNT].account_id].write
        if not bucket.take(cost, self._engine.clock.monotonic()):
            raise Rejected(429, "too_many_requests")
