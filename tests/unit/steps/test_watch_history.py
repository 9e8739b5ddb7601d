"""What the sentry knows of the minutes before its socket opened."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.errors import VenueUnavailable
from kalshi_alpha.markets.windows import window_from_id
from kalshi_alpha.pricing.reading import Realised, bar_variance
from kalshi_alpha.steps.runtime import Runtime, Settings
from kalshi_alpha.steps.watch import Sentry
from kalshi_alpha.venues.massive.rest import Bar, MassiveReader
from kalshi_alpha.venues.massive.stream import Value

OPEN = datetime(2025, 11, 4, 14, 30, tzinfo=UTC)
NOW = OPEN + timedelta(minutes=45)
MINUTE = timedelta(minutes=1)


def bars(start: datetime, end: datetime) -> list[Bar]:
    """Minutes of a market that swings two points each way and ends half a point higher."""
    count = (end - start) // MINUTE
    return [
        Bar(start + k * MINUTE, start + (k + 1) * MINUTE, low + 2, low + 4, low, low + 2.5)
        for k, low in ((k, 6_800.0 + 0.5 * k) for k in range(count))
    ]


@pytest.fixture
def sentry() -> Sentry:
    runtime = Runtime(Settings(feed_url="http://127.0.0.1:9"), ManualClock(NOW))
    window = window_from_id("20251104-1200-index-hourly", runtime.registry, runtime.sessions)
    session = runtime.sessions.on(window.day)
    assert session is not None
    return Sentry(runtime, (window,), session)


def realised(sentry: Sentry) -> Realised:
    watch = sentry.watches["SPX"]
    watch.hear(Value("SPX", 6_824.0, NOW, NOW, 0.1), 0.0)
    reading = watch.reading(NOW, 0.0)
    assert reading is not None
    return reading.realised


def test_the_minutes_before_it_started_count_with_their_ranges(
    sentry: Sentry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MassiveReader, "aggregates", lambda *asked: bars(*asked[2:]))

    sentry._seed("key")

    def one(bar: Bar) -> float:
        return bar_variance(*map(math.log, (bar.open, bar.high, bar.low, bar.close)))

    each = [one(bar) for bar in bars(OPEN, NOW)]
    found = realised(sentry)
    assert found.minutes == 45
    assert found.since_open == pytest.approx(sum(each), rel=1e-9)
    assert found.last_30 == pytest.approx(sum(each[-30:]), rel=1e-9)
    assert found.last_10 == pytest.approx(sum(each[-10:]), rel=1e-9)
    assert found.move_10 == pytest.approx(math.log(6_824.5 / 6_819.5))


def test_without_the_vendors_history_it_starts_with_nothing_seen(
    sentry: Sentry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> list[Bar]:
        raise VenueUnavailable("no answer")

    monkeypatch.setattr(MassiveReader, "aggregates", fail)

    sentry._seed("key")

    assert realised(sentry) == Realised(0, 0.0, 0.0, 0.0)
