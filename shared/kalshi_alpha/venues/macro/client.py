"""Polite reading: one named agent, a pause between requests to a host, back-off, nothing followed.

Keys travel in queries and bodies here, because the offices want them there; so no address is ever
part of an error, and the HTTP library's own line of log, which holds it, is turned off.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import httpx

from kalshi_alpha.clock import Clock
from kalshi_alpha.errors import (
    ConfigurationError,
    DataError,
    VenueError,
    VenueRejected,
    VenueThrottled,
    VenueUnavailable,
)

_ATTEMPTS = 4
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_BETWEEN = 1.0  # seconds between two requests to one host
_LARGEST = 32_000_000  # bytes; the nowcast's file has eight million
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Ask:
    """One request.

    Attributes:
        source: the source's name, for sentences.
        url: without query.
        query: pairs, brackets and all.
        body: JSON to post; a read all the same.
        timeout: seconds for an answer.
        browser: whether the host refuses agents that do not look like a browser.
    """

    source: str
    url: str
    query: Sequence[tuple[str, str]] = ()
    body: bytes | None = None
    timeout: float = 20.0
    browser: bool = False


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer: None for a payload that has not changed since ``validator`` was given."""

    payload: bytes | None
    at: datetime
    validator: str


class MacroClient:
    """Reads; every call may be repeated. ``transport`` replaces the network in tests.

    Args:
        contact: an address under which the offices can reach the operator.
        clock: for pauses and the time of reading.
        transport: replaces the network.
    """

    def __init__(
        self, contact: str, clock: Clock, transport: httpx.BaseTransport | None = None
    ) -> None:
        if "@" not in contact or not contact.isprintable():
            raise ConfigurationError(
                "the public offices ask for a contact: set an e-mail address for the user agent"
            )
        # Its line for each request holds the whole address, and with it the key.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._clock, self._agent = clock, f"kalshi-alpha ({contact})"
        self._client = httpx.Client(transport=transport, trust_env=False, follow_redirects=False)
        self._last: dict[str, float] = {}

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def fetch(self, ask: Ask, validator: str = "") -> Fetched:
        """Return the answer; ``validator`` is that of the answer already held.

        Raises:
            VenueThrottled: when the host still says "too many" after the last attempt.
            VenueUnavailable: when no usable answer came.
            VenueRejected: for a definite no, a redirect included.
            DataError: when the answer is larger than any of these sources is.
        """
        pause = _FIRST_PAUSE
        for attempt in range(_ATTEMPTS):
            self._wait_for(urlsplit(ask.url).netloc)
            found = self._once(ask, validator)
            if isinstance(found, Fetched):
                return found
            trouble, wanted = found
            if attempt + 1 < _ATTEMPTS:
                self._clock.sleep(min(max(pause, wanted), _LONGEST_PAUSE))
                pause *= 2
        raise trouble

    def _once(self, ask: Ask, validator: str) -> Fetched | tuple[VenueError, float]:
        try:
            with self._client.stream(
                "GET" if ask.body is None else "POST",
                ask.url,
                params=list(ask.query),
                content=ask.body,
                headers=self._headers(ask, validator),
                timeout=ask.timeout,
            ) as response:
                status = response.status_code
                if status == 304 and validator:
                    return Fetched(None, self._clock.now(), validator)
                if response.is_success:
                    payload = _whole(response, ask.source)
                    said = response.headers.get("etag", "")
                    return Fetched(payload, self._clock.now(), said)
                if status not in _RETRIED:
                    raise _refused(ask.source, status)
                return _refused(ask.source, status), _wanted(response.headers)
        except httpx.RequestError as error:
            kind = type(error).__name__
            return VenueUnavailable(f"{ask.source} did not answer: {kind}"), 0.0

    def _headers(self, ask: Ask, validator: str) -> Mapping[str, str]:
        agent = f"Mozilla/5.0 (compatible; {self._agent})" if ask.browser else self._agent
        headers = {"User-Agent": agent}
        if validator:
            headers["If-None-Match"] = validator
        if ask.body is not None:
            headers["Content-Type"] = "application/json"
        return headers

    def _wait_for(self, host: str) -> None:
        now = self._clock.monotonic()
        ready = self._last.get(host, now - _BETWEEN) + _BETWEEN
        if ready > now:
            self._clock.sleep(ready - now)
        self._last[host] = max(now, ready)


def _whole(response: httpx.Response, source: str) -> bytes:
    parts, size = [], 0
    for part in response.iter_bytes():
        size += len(part)
        if size > _LARGEST:
            raise DataError(f"{source} answers with more than {_LARGEST} bytes: it is not read")
        parts.append(part)
    return b"".join(parts)


def _wanted(headers: httpx.Headers) -> float:
    said = headers.get("retry-after", "")
    return float(said) if said.isascii() and said.isdigit() and len(said) < 6 else 0.0


def _refused(source: str, status: int) -> VenueError:
    kinds = {429: VenueThrottled}
    kind = kinds.get(status, VenueUnavailable if status in _RETRIED else VenueRejected)
    return kind(f"{source} answered {status}", status=status)
