"""The index vendor's REST: minute bars, snapshot with its entitlement, market status.

The key travels in a header and never to another host: a page's ``next_url`` is followed only on the
host that was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from kalshi_alpha.clock import Clock, require_aware
from kalshi_alpha.errors import (
    DataError,
    SecretError,
    StaleDataError,
    VenueError,
    VenueRejected,
    VenueThrottled,
    VenueUnavailable,
)
from kalshi_alpha.venues.decoding import decode
from kalshi_alpha.venues.massive.numbers import from_unix, number, positive

REAL_TIME = "REAL-TIME"
_TIMEOUT = httpx.Timeout(5.0, connect=3.0)
_ATTEMPTS = 4
_FIRST_PAUSE = 0.2
_LIMIT = 50_000  # base aggregates a page; the vendor's own maximum
_MAX_PAGES = 1000
# A request never asks for more base aggregates than one page holds.
_CHUNK = {
    "second": timedelta(hours=12),
    "minute": timedelta(days=30),
    "hour": timedelta(days=30),
    "day": timedelta(days=3650),
}
_RETRIED = frozenset({429, 499, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Bar:
    """One aggregate of an index: no volume, for an index has none. ``end`` is not in it."""

    start: datetime
    end: datetime
    open: float
    high: float
    low: float
    close: float

    @property
    def possible(self) -> bool:
        """Say whether its prices can be those of one bar; the vendor sends what it sends."""
        ends = (self.open, self.close)
        return 0 < self.low <= min(ends) and max(ends) <= self.high


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The vendor's word on one index now."""

    ticker: str
    value: float
    at: datetime
    timeframe: str
    market_status: str


class MassiveReader:
    """Reads; every call may be repeated. ``transport`` replaces the network in tests.

    ``keep`` is given the bytes of every page of bars before they are read.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        clock: Clock,
        transport: httpx.BaseTransport | None = None,
        *,
        keep: Callable[[bytes], None] | None = None,
    ) -> None:
        if not api_key:
            raise SecretError("the index feed's key is missing")
        self._clock, self._keep = clock, keep
        self._host = urlsplit(base_url).netloc
        self._client = httpx.Client(
            base_url=base_url,
            timeout=_TIMEOUT,
            transport=transport,
            trust_env=False,
            headers={"Authorization": f"Bearer {api_key}"},
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def aggregates(
        self,
        ticker: str,
        start: datetime,
        end: datetime,
        *,
        multiplier: int = 1,
        timespan: str = "minute",
    ) -> list[Bar]:
        """Return the bars that start in [start, end), in time, each once.

        Long ranges are asked for in chunks and every page is followed. A bar given twice counts as
        it was given last, for late prints replace earlier ones.

        Raises:
            DataError: for a span that is not supported, or an answer that cannot be read.
        """
        if timespan not in _CHUNK:
            raise DataError(f"the span {timespan!r} is none of {', '.join(_CHUNK)}")
        width = multiplier * _WIDTH[timespan]
        bars: dict[datetime, Bar] = {}
        for low, high in _chunks(require_aware(start), require_aware(end), _CHUNK[timespan]):
            path = f"/v2/aggs/ticker/{ticker}/range/{multiplier}/{timespan}"
            url = f"{path}/{_millis(low)}/{_millis(high) - 1}"
            for item in self._pages(url, {"sort": "asc", "limit": _LIMIT}):
                bar = _bar(item, width)
                if start <= bar.start < end:
                    bars[bar.start] = bar
        return [bars[at] for at in sorted(bars)]

    def snapshot(self, tickers: Sequence[str]) -> dict[str, Snapshot]:
        """Return the indices as they are now.

        Raises:
            StaleDataError: when one is not entitled or comes delayed: it must not be quoted on.
            DataError: when one is unknown.
        """
        params = {"ticker.any_of": ",".join(tickers), "limit": 250}
        reply = self._get("/v3/snapshot/indices", params)
        found = [_snapshot(item) for item in _results(reply)]
        by_ticker = {snapshot.ticker: snapshot for snapshot in found}
        missing = [ticker for ticker in tickers if ticker not in by_ticker]
        if missing:
            raise DataError(f"the snapshot says nothing of {', '.join(missing)}")
        return by_ticker

    def market_status(self) -> dict[str, Any]:
        """Return what is open, with the vendor's own clock under ``serverTime``."""
        return self._get("/v1/marketstatus/now", {})

    def _pages(self, url: str, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        reply = self._get(url, params, keep=self._keep)
        for _ in range(_MAX_PAGES):
            yield from _results(reply)
            following = reply.get("next_url")
            if not following:
                return
            try:
                parts = urlsplit(str(following))
            except ValueError:
                raise DataError("the address of the next page cannot be read") from None
            if parts.netloc not in ("", self._host):
                raise DataError("the next page lies on another host; the key is not sent there")
            query = f"?{parts.query}" if parts.query else ""
            reply = self._get(parts.path + query, None, keep=self._keep)
        raise DataError(f"the bars go on for more than {_MAX_PAGES} pages; ask for a shorter range")

    def _get(
        self,
        url: str,
        params: Mapping[str, Any] | None,
        *,
        keep: Callable[[bytes], None] | None = None,
    ) -> dict[str, Any]:
        pause = _FIRST_PAUSE
        for attempt in range(_ATTEMPTS):
            try:
                response = self._client.get(url, params=params)
            except httpx.RequestError as error:  # also an answer that cannot be unpacked
                trouble: VenueError = VenueUnavailable(
                    f"the index feed did not answer: {type(error).__name__}"
                )
            else:
                if response.is_success:
                    if keep is not None:
                        keep(response.content)
                    return _decoded(response)
                trouble = _refused(response)
                if response.status_code not in _RETRIED:
                    raise trouble
            if attempt + 1 < _ATTEMPTS:
                self._clock.sleep(pause)
                pause *= 2
        raise trouble


_WIDTH = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}


def _chunks(
    start: datetime, end: datetime, width: timedelta
) -> Iterator[tuple[datetime, datetime]]:
    while start < end:
        following = min(end, start + width)
        yield start, following
        start = following


def _bar(item: Mapping[str, Any], width: timedelta) -> Bar:
    try:
        start = from_unix(item["t"], 1000)
        opened, high, low, closed = (number(item[key]) for key in ("o", "h", "l", "c"))
    except (KeyError, ValueError) as error:
        raise DataError(f"a bar of the index feed cannot be read: {error!r}") from None
    return Bar(start, start + width, opened, high, low, closed)


def _snapshot(item: Mapping[str, Any]) -> Snapshot:
    ticker, error = item.get("ticker"), item.get("error")
    if not isinstance(ticker, str) or not ticker:
        raise DataError("the index feed's snapshot has a value that names no index")
    if error == "NOT_ENTITLED":
        raise StaleDataError(f"this plan gives no {ticker}: a real-time index plan is needed")
    if error:
        # Not the vendor's words, as below.
        said = "NOT_FOUND" if error == "NOT_FOUND" else "an error"
        raise DataError(f"the index feed does not know {ticker[:40]}: {said}")
    timeframe = str(item.get("timeframe"))
    if timeframe != REAL_TIME:
        raise StaleDataError(
            f"{ticker[:40]} comes {timeframe[:40]}, not {REAL_TIME}: a delayed feed must not be "
            "quoted on"
        )
    try:
        at = from_unix(item["last_updated"], 1_000_000_000)
        value = positive(item["value"])
    except (KeyError, ValueError) as trouble:
        raise DataError(f"the snapshot of {ticker} cannot be read: {trouble!r}") from None
    return Snapshot(ticker, value, at, timeframe, str(item.get("market_status")))


def _decoded(response: httpx.Response) -> dict[str, Any]:
    try:
        reply = decode(response.content)
    except DataError as error:
        raise DataError(f"the index feed's answer is of no use: {error}") from None
    if not isinstance(reply, dict):
        raise DataError("the index feed answered with something that is no object")
    word = reply.get("status")
    if word == "NOT_AUTHORIZED":
        raise SecretError("the index feed's key is not entitled to what was asked")
    if word == "ERROR":  # inside a 200: without this check it would pass for an empty day
        raise DataError("the index feed answered with status ERROR")
    return reply


def _refused(response: httpx.Response) -> VenueError:
    status = response.status_code
    if status in {401, 403}:
        # Not the vendor's words: they may repeat the key.
        raise SecretError(f"the index feed does not accept the key ({status})")
    kinds = {429: VenueThrottled}
    kind = kinds.get(status, VenueUnavailable if status in _RETRIED else VenueRejected)
    return kind(f"the index feed answered {status}", status=status)


def _results(reply: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the list of results, empty when it is null or absent."""
    found = reply.get("results")
    if not isinstance(found, list | None) or not all(isinstance(i, dict) for i in found or ()):
        raise DataError("the index feed's results are no list of objects")
    return found or []


def _millis(at: datetime) -> int:
    return round(at.timestamp() * 1000)
