"""Everything the index vendor sends, and the heartbeats made of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.errors import KalshiAlphaError, SecretError
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.steps import heartbeat
from kalshi_alpha.steps.watch import SymbolWatch
from kalshi_alpha.venues.massive.inbox import Inbox
from kalshi_alpha.venues.massive.rest import MassiveReader
from kalshi_alpha.venues.massive.stream import IndexStream, Value
from tests.fuzz.judging import judged, sentence, sound

NOW = datetime(2025, 11, 4, 16, 56, 2, tzinfo=UTC)
OPEN = datetime(2025, 11, 4, 14, 30, tzinfo=UTC)
HOST = "feed.test"
KEY = "vendor-key-0123456789abcdef"


def reader(body: bytes) -> MassiveReader:
    """Return a client answered with these bytes, then with an empty page."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.host == HOST, "the key was sent to another host"
        seen.append(request)
        return httpx.Response(200, content=body if len(seen) == 1 else b"{}")

    return MassiveReader(f"https://{HOST}", KEY, ManualClock(NOW), httpx.MockTransport(answer))


def bars(body: bytes) -> None:
    found = judged(lambda: reader(body).aggregates("I:SPX", OPEN, NOW))
    for bar in found or ():
        assert OPEN <= bar.start < NOW
    session = load_sessions().on(NOW.date())
    assert session is not None
    watch = SymbolWatch(load_registry().symbols["SPX"], session)
    for bar in found or ():
        watch.seed(bar)  # whatever the vendor calls a bar, the sentry lives through it


def snapshot(body: bytes) -> None:
    found = judged(lambda: reader(body).snapshot(["I:SPX"]))
    if found is not None:
        assert found["I:SPX"].value > 0


def frames(body: bytes) -> None:
    """Take frames as the socket hands them over: counted or sound, and never an exception.

    The one exception is the key's refusal, which ends the stream on purpose.
    """
    counts: list[None] = []
    inbox = Inbox(ManualClock(NOW), lambda: counts.append(None))
    inbox._read(body.decode("utf-8", "surrogateescape"), NOW)
    stream = IndexStream("wss://feed.test", KEY, {"I:SPX": "SPX"}, ManualClock(NOW))
    for message, at in inbox._messages:
        try:
            events = stream._events(message, at)
        except SecretError as error:
            sentence(error)
            continue
        for event in events:
            sound(event)
            if isinstance(event, Value):
                assert event.value > 0
                assert event.symbol == "SPX"


def a_heartbeat(body: bytes) -> None:
    """Read a heartbeat as the steps do: from a document that anything may have written."""
    try:
        item = json.loads(body)
    except (ValueError, RecursionError):
        return
    if not isinstance(item, dict):
        return
    found = judged(lambda: heartbeat.from_item("SPX", item))
    if found is not None:
        assert found.value > 0
        assert found.realised.minutes >= 0
        assert min(found.realised.since_open, found.realised.last_30, found.realised.last_10) >= 0
    age = judged(lambda: heartbeat.age_seconds(item, NOW))
    assert age is None or abs(age) < timedelta(days=400_000).total_seconds()


def market_status(body: bytes) -> None:
    try:
        assert isinstance(reader(body).market_status(), dict)
    except KalshiAlphaError as error:
        sentence(error)


TARGETS: dict[str, tuple[str, Callable[[bytes], Any]]] = {
    "bars": ("massive_bars.json", bars),
    "snapshot": ("massive_snapshot.json", snapshot),
    "market-status": ("massive_snapshot.json", partial(market_status)),
    "value-frames": ("massive_frames.json", frames),
    "heartbeat": ("heartbeats.json", a_heartbeat),
}
