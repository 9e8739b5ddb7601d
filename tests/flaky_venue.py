"""What can happen to a request on its way to a venue and back, on demand: for tests.

Between a client and a real exchange: the next matching request is lost, its answer is lost, it
arrives late or twice, it is refused or fails, a rival trades just before it arrives, or its sender
dies. Lists can be frozen, as when the venue's records lag behind its engine.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from kalshi_alpha.clock import Clock, iso
from kalshi_alpha.cloud.table import Table

T = TypeVar("T")
WRITES = ("POST", "PUT", "DELETE")
_LISTS = ("/portfolio/orders", "/portfolio/fills")
_AGE = "/exchange/user_data_timestamp"


class Killed(BaseException):
    """The function has died: nothing may catch this."""


@dataclass
class Death:
    """A process that dies before its ``at``-th write or request, which is after the one before."""

    at: int = -1
    count: int = 0

    def around(self, action: Callable[[], T]) -> T:
        number, self.count = self.count, self.count + 1
        if number == self.at:
            raise Killed
        return action()


@dataclass
class FlakyVenue(httpx.BaseTransport):
    """The network to one exchange; ``next_write`` says what becomes of the writes to come."""

    clock: Clock
    inner: httpx.BaseTransport = field(default_factory=httpx.HTTPTransport)
    before: Callable[[], None] = lambda: None
    next_writes: list[str] = field(default_factory=list)
    late: list[httpx.Request] = field(default_factory=list)
    death: Death = field(default_factory=Death)
    creates: list[str] = field(default_factory=list)
    lagging: bool = False
    broken: str = ""  # the end of a path whose reads fail
    _lists: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        if request.method not in WRITES:
            return self._read(request)
        self._note(request)
        fate = self.next_writes.pop(0) if self.next_writes else "fine"
        return self.death.around(lambda: self._meet(fate, request))

    def deliver_late(self) -> None:
        """Let what was held up arrive now; nobody waits for its answer any more."""
        held, self.late = self.late, []
        for request in held:
            self._send(request)

    def close(self) -> None:
        self.inner.close()

    def _meet(self, fate: str, request: httpx.Request) -> httpx.Response:
        if fate.startswith("race "):
            self.before()
            fate = fate.removeprefix("race ")
        if fate == "lost":
            raise httpx.ConnectTimeout("lost")
        if fate == "late":
            self.late.append(request)
            raise httpx.ReadTimeout("late")
        if fate.startswith("answered "):  # turned away at the door
            return _answer(int(fate.removeprefix("answered ")), request)
        response = self._send(request)
        if fate == "twice":
            return self._send(request)
        if fate == "reply lost":
            raise httpx.ReadTimeout("reply lost")
        if fate == "garbled":
            return httpx.Response(200, content=b"<html>", request=request)
        if fate.startswith("done but answered "):
            return _answer(int(fate.removeprefix("done but answered ")), request)
        return response

    def _read(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if self.broken and path.endswith(self.broken):
            return _answer(503, request)
        if not path.endswith((*_LISTS, _AGE)):
            return self._send(request)
        key = str(request.url)
        if self.lagging:
            if path.endswith(_AGE):
                oldest = min((at for at, _ in self._lists.values()), default="2000-01-01T00:00:00Z")
                return httpx.Response(200, json={"as_of_time": oldest}, request=request)
            known = self._lists.get(key)
            if known is None:
                return _answer(503, request)
            return httpx.Response(200, content=known[1], request=request)
        response = self._send(request)
        if not path.endswith(_AGE):
            self._lists[key] = (iso(self.clock.now()), response.content)
        return response

    def _send(self, request: httpx.Request) -> httpx.Response:
        again = httpx.Request(
            request.method, request.url, headers=request.headers, content=request.content
        )
        response = self.inner.handle_request(again)
        response.read()
        response.request = request
        return response

    def _note(self, request: httpx.Request) -> None:
        if request.method == "POST" and request.url.path.endswith("/events/orders"):
            self.creates.append(json.loads(request.content)["client_order_id"])


def _answer(status: int, request: httpx.Request) -> httpx.Response:
    body = {"error": {"code": "fault", "message": "asked for"}}
    return httpx.Response(status, json=body, request=request)


class MortalTable(Table):
    """A table whose user may die at any of its writes."""

    def __init__(self, table: Table, death: Death) -> None:
        super().__init__(table._client, table.name)
        self._death = death

    def _call(self, operation: str, *, without_table: bool = False, **arguments: Any) -> Any:
        def call() -> Any:
            return super(MortalTable, self)._call(
                operation, without_table=without_table, **arguments
            )

        return call() if operation in {"query", "get_item"} else self._death.around(call)
