"""Misbehaving on demand: late, lost and failed answers, and WebSocket messages that go missing.

A write that is lost ``after`` has had its effect, which is what makes its outcome unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from kalshi_alpha.rehearsal.exchange.engine import Rejected
from kalshi_alpha.rehearsal.exchange.requests import bad
from kalshi_alpha.rehearsal.exchange.ws import Hub


@dataclass(slots=True)
class Fault:
    """What happens to the next ``times`` matching requests.

    Args:
        method: HTTP method, empty for any.
        path: beginning of the path after the API's prefix, empty for any.
        times: how many requests it strikes.
        delay_s: real seconds the answer is late.
        status: HTTP status answered instead, 0 for the true answer.
        drop: cut the connection instead of answering.
        after: let the request have its effect first.
    """

    method: str = ""
    path: str = ""
    times: int = 1
    delay_s: float = 0.0
    status: int = 0
    drop: bool = False
    after: bool = False

    def matches(self, method: str, path: str) -> bool:
        """Say whether it strikes a request."""
        return self.method in {"", method} and path.startswith(self.path)

    async def strike(self, request: web.Request) -> None:
        """Delay, fail or cut; return when the true answer may go out."""
        await asyncio.sleep(self.delay_s)
        if self.drop and request.transport is not None:
            request.transport.abort()
        if self.status or self.drop:
            raise Rejected(self.status or 500, "fault", "asked for by the control endpoint")


class Faults:
    """The faults that are armed, first come first spent."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._armed: list[Fault] = []

    def arm(self, body: Mapping[str, Any]) -> dict[str, int]:
        """Arm ``{"rest": [fault, ...], "ws": {"lose": n, "overflow": true, "cut": true}}``.

        ``rest`` replaces what was armed; ``ws`` strikes every client that is connected now.
        """
        if body.keys() - {"rest", "ws"}:
            raise bad("faults are given under rest and ws")
        if "rest" in body:
            self._armed = [_fault(entry) for entry in body["rest"]]
        wanted = body.get("ws") or {}
        for session in list(self._hub.sessions):
            session.lose += int(wanted.get("lose", 0))
            if wanted.get("overflow"):
                session.overflow()
            if wanted.get("cut"):
                session.cut()
        return {"rest": sum(fault.times for fault in self._armed), "ws": len(self._hub.sessions)}

    def take(self, method: str, path: str) -> Fault | None:
        """Spend a fault on a request, if one matches."""
        for fault in self._armed:
            if fault.matches(method, path):
                fault.times -= 1
                self._armed = [other for other in self._armed if other.times > 0]
                return fault
        return None


def _fault(entry: Mapping[str, Any]) -> Fault:
    try:
        return Fault(**entry)
    except TypeError:
        raise bad(f"a fault has {', '.join(Fault.__slots__)}") from None
