"""What can happen to a request on its way to a venue and back, on demand: for tests.

Between a client and a real exchange: the next matching request is lost, its answer is lost, it
arrives late or twice, it is refused or fails, a rival trades just before it arrives, or its sender
dies. Lists can be frozen, as when the venue's records lag behind its engine.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import httpx

from kalshi_alpha.clock import Clock, iso
from kalshi_alpha.cloud.table import Table

WRITES = ("POST", "PUT", "DELETE")
_LISTS = ("/portfolio/orders", "/portfolio/fills")
_AGE = "/exchange/user_data_timestamp"


class Killed(BaseException):
    """The function has died: nothing may catch this."""


@dataclass
class FlakyVenue(httpx.BaseTransport):
    """The network to one exchange; ``next_write`` says what becomes of the writes to come."""

    clock: Clock
    inner: httpx.BaseTransport = field(default_factory=httpx.HTTPTransport)
    before: Callable[[], None] = lambda: None
    next_writes: list[str] = field(default_factory=list)
    late: list[httpx.Request] = field(default_factory=list)
    writes: int = 0
    creates: list[str] = field(default_factory=list)
    lagging: bool = False
    _lists: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        if request.method not in WRITES:
            return self._read(request)
        self.writes += 1
        self._note(request)
        fate = self.next_writes.pop(0) if self.next_writes else "fine"
        return self._meet(fate, request)

    def deliver_late(self) -> None:
        """Let what was held up arrive now; nobody waits for its answer any more."""
        held, self.late = self.late, []
        for request in held:
            self._send(request)

    def close(self) -> None:
        self.inner.close()

    def _meet(self, fate: str, request: httpx.Request) -> httpx.Response:  # noqa: C901 - one branch a fate
        if fate.startswith("race "):
            self.before()
            fate = fate.removeprefix("race ")
        if fate == "killed before":
            raise Killed
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
        if fate == "killed after":
            raise Killed
        if fate == "reply lost":
            raise httpx.ReadTimeout("reply lost")
        if fate == "garbled":
            return httpx.Response(200, content=b"<html>", request=request)
        if fate.startswith("done but answered "):
            return _answer(int(fate.removeprefix("done but answered ")), request)
        return response

    def _read(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
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


@dataclass
class DyingTable(Table):
    """A table whose user dies at one of its writes: before it is made, or right after."""

    real: Table
    die_at: int = -1
    after: bool = False
    writes: int = 0

    def __post_init__(self) -> None:
        super().__init__(self.real._client, self.real.name)

    def _call(self, operation: str, **arguments: object) -> object:
        if operation in {"query", "get_item"}:
            return super()._call(operation, **arguments)  # type: ignore[arg-type]
        number, self.writes = self.writes, self.writes + 1
        if number == self.die_at and not self.after:
            raise Killed
        reply = super()._call(operation, **arguments)  # type: ignore[arg-type]
        if number == self.die_at:
            raise Killed
        return reply


def fates(names: Iterable[str]) -> list[str]:
    """Return the names with and without a rival who trades first."""
    return [*names, *(f"race {name}" for name in names)]
