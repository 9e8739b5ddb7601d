"""One signed HTTP connection to the venue, and what its answers mean.

A write whose answer is lost, late or a 5xx is ``VenueAmbiguous``: nobody here knows whether it
happened. A read without an answer is ``VenueUnavailable`` and may be asked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from kalshi_alpha.clock import Clock
from kalshi_alpha.errors import (
    DataError,
    SecretError,
    VenueAmbiguous,
    VenueError,
    VenueRejected,
    VenueThrottled,
    VenueUnavailable,
)
from kalshi_alpha.venues.decoding import decode
from kalshi_alpha.venues.kalshi.budget import RequestBudget
from kalshi_alpha.venues.kalshi.signing import Credentials

# Reads fail early, so that the caller can decide; one second is many round trips.
_TIMEOUT = httpx.Timeout(3.0, connect=2.0)
_READ = "GET"
_LONGEST_READ_WAIT_S = 2.0  # after that the venue may say itself that it is too much
_WORDS = 300  # characters of the venue's own words that a sentence repeats


class Transport:
    """Signed requests to one host; ``inner`` replaces the network in tests.

    With a ``budget`` every request is counted in it, and reads wait for their tokens. The ways out
    go without one: they wait for nobody.
    """

    def __init__(
        self,
        base_url: str,
        clock: Clock,
        credentials: Credentials | None = None,
        inner: httpx.BaseTransport | None = None,
    ) -> None:
        self._prefix = urlsplit(base_url).path.rstrip("/")
        self._clock, self._credentials = clock, credentials
        self.budget: RequestBudget | None = None
        # trust_env off: a proxy in the environment must never see signed requests.
        self._client = httpx.Client(
            base_url=base_url, timeout=_TIMEOUT, transport=inner, trust_env=False
        )

    def now(self) -> datetime:
        """Return the time by which requests are signed."""
        return self._clock.now()

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """Read; signed when there are credentials, for public data answers either way."""
        return self.send(self.build(_READ, path, params=params))

    def write(self, method: str, path: str, body: Any = None) -> Any:
        """Write, signed."""
        return self.send(self.build(method, path, body=body))

    def build(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> httpx.Request:
        """Build a request without signing it."""
        content = None if body is None else msgspec.json.encode(body)
        headers = {} if content is None else {"Content-Type": "application/json"}
        return self._client.build_request(
            method, path, params=params, content=content, headers=headers
        )

    def sign(self, request: httpx.Request) -> None:
        """Sign a request with the time now; signing again replaces the signature."""
        if self._credentials is None:
            if request.method != _READ:
                raise SecretError("a request that changes something needs the exchange's key")
            return
        request.headers.update(
            self._credentials.signer.headers(
                self._credentials.key_id, request.method, request.url.path, self._clock.now()
            )
        )

    def send(self, request: httpx.Request, *, signed: bool = False, items: int = 1) -> Any:
        """Send a request, signing it first unless ``signed``, and return its decoded answer.

        ``items`` is what a batch holds, for the budget.
        """
        path = request.url.path.removeprefix(self._prefix)
        self._count(request.method, path, items)
        if not signed:
            self.sign(request)
        what = f"{request.method} {path}"
        try:
            response = self._client.send(request)
        except httpx.RequestError as error:  # unreadable answers too: a write may have happened
            raise _lost(request.method, f"{what}: {type(error).__name__}") from error
        if self.budget and response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            self.budget.throttled(request.method, self._clock.monotonic())
        if response.is_success:
            return _decoded(request.method, what, response)
        raise _refused(request, what, response)

    def _count(self, method: str, path: str, items: int) -> None:
        if self.budget is None:
            return
        if method == _READ:
            wait = self.budget.read_wait_s(path, self._clock.monotonic())
            self._clock.sleep(min(wait, _LONGEST_READ_WAIT_S))
        self.budget.sent(method, path, self._clock.monotonic(), items=items)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def warm(self, path: str) -> None:
        """Open the connection with a harmless read, so that the next request pays no handshake."""
        self.get(path)


def _decoded(method: str, what: str, response: httpx.Response) -> Any:
    if not response.content:
        return {}
    try:
        reply = decode(response.content)
    except DataError as error:
        if method == _READ:
            raise DataError(f"the answer to {what} is of no use: {error}") from None
        reply = None
    if method != _READ and not isinstance(reply, dict):
        raise VenueAmbiguous(
            f"{what} was answered with something that is no object", status=response.status_code
        )
    return reply


def _refused(request: httpx.Request, what: str, response: httpx.Response) -> VenueError:
    method, status = request.method, response.status_code
    code, words = (_without_keys(said, request) for said in error_words(response.content))
    sentence = f"{what} was answered {status}" + (f" {code}" if code else "")
    sentence += f": {words}" if words else ""
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return VenueThrottled(sentence, status=status, code=code)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return _lost(method, sentence, status, code)
    return VenueRejected(sentence, status=status, code=code)


def _without_keys(words: str, request: httpx.Request) -> str:
    """Return the venue's words without our key id and signature, should it repeat them."""
    for name in ("KALSHI-ACCESS-KEY", "KALSHI-ACCESS-SIGNATURE"):
        value = request.headers.get(name)
        words = words.replace(value, "[redacted]") if value else words
    return words


def _lost(method: str, sentence: str, status: int = 0, code: str = "") -> VenueError:
    kind = VenueUnavailable if method == _READ else VenueAmbiguous
    return kind(sentence, status=status, code=code)


def error_words(content: bytes) -> tuple[str, str]:
    """Return the code and the message of an error body, in any of the shapes in use.

    Both are cut to what a log line can bear: the body is another's.
    """
    code, words = _error_words(content)
    return code[:_WORDS], words[:_WORDS]


def _error_words(content: bytes) -> tuple[str, str]:
    try:
        body = decode(content)
    except DataError:
        return "", ""
    if not isinstance(body, dict):
        return "", ""
    inner = body.get("error", body)
    if isinstance(inner, str):
        return "too_many_requests" if "too many" in inner else "", inner
    if not isinstance(inner, dict):
        return "", ""
    words = [str(inner[k]) for k in ("message", "details", "msg") if inner.get(k)]
    return str(inner.get("code") or ""), "; ".join(words)
