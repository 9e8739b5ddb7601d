"""The sentry's door: one session, its heartbeat's health, and a clean end."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from datetime import UTC, datetime, timedelta

import pytest

from functions.sentry import main as door
from kalshi_alpha.clock import ManualClock, iso
from kalshi_alpha.cloud.table import StoreError
from kalshi_alpha.errors import SecretError
from kalshi_alpha.steps import container, observe
from kalshi_alpha.steps.runtime import Runtime, Settings

NOW = datetime(2025, 11, 4, 15, tzinfo=UTC)


class Heartbeats:
    """The state table's heartbeats, as the sentry itself wrote them."""

    def __init__(self, **ages: float) -> None:
        self.ages = ages

    def heartbeat(self, symbol):
        if symbol not in self.ages:
            return None
        written = iso(NOW - timedelta(seconds=self.ages[symbol]))
        return {"written_at": written, "lag_s": 0.1 + self.ages[symbol], "silence_s": 0.5}


class Unreadable:
    def heartbeat(self, symbol):
        raise StoreError(f"the table did not answer for {symbol}")


def runtime_with(state, now=NOW):
    runtime = Runtime(Settings(stage="paper"), ManualClock(now))
    runtime.__dict__["state"] = state
    return runtime


@pytest.fixture
def lines():
    stream = io.StringIO()
    observe.send_to(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    observe.send_to(None)


def test_health_is_that_of_the_worst_symbol():
    health = door.health(runtime_with(Heartbeats(SPX=0.5, NDX=2.0)), NOW)
    assert health == {"HeartbeatAge": 2.0, "FeedLag": 2.1, "FeedSilence": 0.5}


def test_a_missing_heartbeat_is_a_missing_metric():
    assert door.health(runtime_with(Heartbeats(SPX=0.5)), NOW) == {}


def test_health_is_reported_again_and_again_also_after_a_failure(lines):
    class TwoRounds(ManualClock):
        async def wait(self, seconds):
            assert seconds == 20
            if runtime.__dict__["state"] is not broken:
                raise asyncio.CancelledError
            runtime.__dict__["state"] = Heartbeats(SPX=0.5, NDX=0.5)

    broken = Unreadable()
    runtime = Runtime(Settings(stage="paper"), TwoRounds(NOW))
    runtime.__dict__["state"] = broken
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(door.report(runtime))
    first, second = lines()
    assert (first["level"], first["message"]) == ("WARNING", "health unknown")
    assert first["reason"].startswith("the table did not answer for")
    assert second["HeartbeatAge"] == [0.5]


def test_on_a_closed_day_it_ends_at_once_and_says_why():
    thanksgiving = datetime(2025, 11, 27, 15, tzinfo=UTC)
    runtime = runtime_with(Heartbeats(), thanksgiving)
    assert "Thanksgiving" in asyncio.run(door.session(runtime, threading.Event()))


def test_it_watches_every_window_of_the_day_until_told_to_stop(monkeypatch):
    seen = []
    stop = threading.Event()

    async def watch(_, windows, *, stopped, tell):
        assert callable(tell)
        seen.extend(window.window_id for window in windows)
        assert not stopped()
        stop.set()
        assert stopped()
        await asyncio.sleep(0)

    monkeypatch.setattr(door, "watch", watch)
    runtime = runtime_with(Heartbeats(SPX=0.5, NDX=0.5))
    assert asyncio.run(door.session(runtime, stop)) == "told to stop"
    assert {"20251104-1200-index-hourly", "20251104-1600-index-close"} <= set(seen)
    assert len(seen) == 8


@pytest.mark.usefixtures("_signals")
def test_an_error_ends_it_with_the_errors_own_exit_code(monkeypatch, lines):
    async def fail(*_):
        raise SecretError("a secret could not be read")

    monkeypatch.setattr(door, "session", fail)
    monkeypatch.setattr(door, "current", lambda: runtime_with(Heartbeats()))
    assert door.main() == 2
    (log,) = lines()
    assert (log["level"], log["error"]) == ("ERROR", "SecretError")


@pytest.mark.usefixtures("_signals")
def test_a_session_that_ends_by_itself_is_a_success(monkeypatch, lines):
    async def end(*_):
        return "the session is over"

    monkeypatch.setattr(door, "session", end)
    monkeypatch.setattr(door, "current", lambda: runtime_with(Heartbeats()))
    assert door.main() == 0
    assert lines()[0]["reason"] == "the session is over"


@pytest.fixture
def _signals(monkeypatch):
    """Leave the test runner's own signal handlers in place."""
    monkeypatch.setattr(container.signal, "signal", lambda *_: None)
