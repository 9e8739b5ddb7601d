"""What can go wrong with one request to the venue: each an ``Actor`` of a spell."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import parse_qs

import httpx

from kalshi_alpha.clock import from_iso, iso
from kalshi_alpha.rehearsal.campaign.seams import VENUE_PATIENCE, VENUE_TRIP, Actor, Wire
from kalshi_alpha.rehearsal.exchange.server import MEMBER
from kalshi_alpha.rehearsal.exchange.views import fill_view, order_view


def lost(wire: Wire, request: httpx.Request) -> httpx.Response:
    """Lose the request: it never arrives."""
    wire.clock.sleep(VENUE_PATIENCE)
    raise httpx.ReadTimeout("no answer", request=request)


def reply_lost(wire: Wire, request: httpx.Request) -> httpx.Response:
    """Lose the answer: the venue has done what was asked."""
    wire.clock.sleep(VENUE_TRIP / 2)
    wire.at_the_venue(request)
    wire.clock.sleep(VENUE_PATIENCE)
    raise httpx.ReadTimeout("no answer", request=request)


def refused(wire: Wire, request: httpx.Request) -> httpx.Response:
    """Refuse the connection."""
    wire.clock.sleep(VENUE_TRIP)
    raise httpx.ConnectError("connection refused", request=request)


def cut(wire: Wire, request: httpx.Request) -> httpx.Response:
    """Cut the connection after the venue has done what was asked."""
    wire.clock.sleep(VENUE_TRIP / 2)
    wire.at_the_venue(request)
    wire.clock.sleep(VENUE_TRIP / 2)
    raise httpx.RemoteProtocolError("server disconnected", request=request)


def doubled(rng: Random) -> Actor:
    """Have the request arrive twice; one of the two answers comes back."""

    def act(wire: Wire, request: httpx.Request) -> httpx.Response:
        first = wire.carry(request)
        second = wire.at_the_venue(request)
        return rng.choice((first, second))

    return act


def delayed(rng: Random, longest: float, thread: Any) -> Actor:
    """Have the request arrive up to ``longest`` seconds late: perhaps after we have given up."""

    def act(wire: Wire, request: httpx.Request) -> httpx.Response:
        seconds = rng.uniform(0.05, longest)
        if seconds + VENUE_TRIP < VENUE_PATIENCE:
            wire.clock.sleep(seconds)
            return wire.carry(request)
        wire.send_later(request, seconds, thread)
        wire.clock.sleep(VENUE_PATIENCE)
        raise httpx.ReadTimeout("no answer", request=request)

    return act


def answered(status: int, code: str, *, after: bool = False) -> Actor:
    """Answer with an error; ``after`` the venue has done what was asked all the same."""

    def act(wire: Wire, request: httpx.Request) -> httpx.Response:
        if after:
            wire.carry(request)
        else:
            wire.clock.sleep(VENUE_TRIP)
        body = {"error": {"code": code, "message": code.replace("_", " ")}}
        return httpx.Response(status, json=body)

    return act


def garbled(rng: Random) -> Actor:
    """Cut the answer's body short, or empty it."""

    def act(wire: Wire, request: httpx.Request) -> httpx.Response:
        answer = wire.carry(request)
        content = answer.content[: rng.choice((0, 1, len(answer.content) // 2))]
        return httpx.Response(answer.status_code, content=content)

    return act


def misordered(wire: Wire, request: httpx.Request) -> httpx.Response:
    """Give every list of the answer in another order than it was asked for."""
    answer = wire.carry(request)
    if not answer.is_success or not answer.content:
        return answer
    body = json.loads(answer.content)
    for key, value in body.items() if isinstance(body, dict) else ():
        if isinstance(value, list):
            body[key] = value[::-1]
    return httpx.Response(answer.status_code, json=body)


def raced(hunt: Callable[[], object]) -> Actor:
    """Have somebody take our quotes just before the request arrives."""

    def act(wire: Wire, request: httpx.Request) -> httpx.Response:
        wire.clock.sleep(VENUE_TRIP / 2)
        hunt()
        answer = wire.at_the_venue(request)
        wire.clock.sleep(VENUE_TRIP / 2)
        return answer

    return act


class Lagging:
    """The venue's lists of our orders and fills as they were some seconds ago.

    A listener of the engine and an ``Actor``: what is listed lags, what is done does not.
    """

    def __init__(self, lag_s: float) -> None:
        self._lag = timedelta(seconds=lag_s)
        self._orders: dict[str, list[tuple[datetime, dict[str, Any]]]] = {}
        self._fills: list[tuple[datetime, dict[str, Any]]] = []

    def __call__(self, kind: str, what: dict[str, Any]) -> None:
        """Take an event of the engine."""
        if kind == "order" and what["account"].account_id == MEMBER:
            order = what["order"]
            row = (order.updated_at, order_view(order))
            self._orders.setdefault(order.order_id, []).append(row)
        elif kind == "fill" and what["account"].account_id == MEMBER:
            record = what["record"]
            self._fills.append((record.at, fill_view(record)))

    def act(self, wire: Wire, request: httpx.Request) -> httpx.Response:  # noqa: PLR0911 - a path each
        """Answer a list from the past; everything else as it is."""
        answer, seen_at = wire.carry(request), wire.clock.now() - self._lag
        path = request.url.path
        if not answer.is_success or request.method != "GET":
            return answer
        asked = {k: v[0] for k, v in parse_qs(request.url.query.decode()).items()}
        if path.endswith("/exchange/user_data_timestamp"):
            body = answer.json()
            stamps = {k: iso(from_iso(v) - self._lag) for k, v in body.items()}
            return httpx.Response(200, json=stamps)
        if path.endswith("/portfolio/orders"):
            rows = [row for row in self._listed(seen_at) if _wanted(row, asked)]
            return httpx.Response(200, json={"orders": rows, "cursor": ""})
        if path.endswith("/portfolio/fills"):
            fills = [row for at, row in self._fills if at <= seen_at and _wanted(row, asked)]
            return httpx.Response(200, json={"fills": fills, "cursor": ""})
        if "/portfolio/orders/" in path:
            named = path.rsplit("/", 1)[-1]
            found = [row for row in self._listed(seen_at) if row["order_id"] == named]
            if not found:
                error = {"error": {"code": "not_found", "message": "not found"}}
                return httpx.Response(404, json=error)
            return httpx.Response(200, json={"order": found[0]})
        return answer

    def _listed(self, at: datetime) -> list[dict[str, Any]]:
        known = ([row for when, row in rows if when <= at] for rows in self._orders.values())
        return [rows[-1] for rows in known if rows][::-1]


def _wanted(row: dict[str, Any], asked: dict[str, str]) -> bool:
    ticker = str(row["ticker"])
    return (
        asked.get("ticker", ticker) == ticker
        and ticker.startswith(asked.get("event_ticker", ""))
        and asked.get("status", row.get("status")) == row.get("status")
        and int(asked.get("min_ts", 0)) <= int(row.get("ts", 1 << 40))
    )
