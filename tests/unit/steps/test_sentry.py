from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from moto import mock_aws

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.cloud.layout import LEDGER, STATE
from kalshi_alpha.cloud.services import client
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.rehearsal.machine import create_table
from kalshi_alpha.steps.runtime import Runtime, Settings
from kalshi_alpha.steps.watch import Sentry
from kalshi_alpha.venues.massive.stream import Value
from tests.unit.steps.fake_venue import FakeVenue, the_window

T = datetime(2025, 11, 4, 17, tzinfo=UTC)
SYMBOLS = {"SPX": 6800.0, "NDX": 25_600.0}


class Scene:
    """A sentry over the noon window, its clock moved by hand, orders resting at a fake venue."""

    def __init__(self, runtime: Runtime, clock: ManualClock, orders: int) -> None:
        self.runtime, self.clock = runtime, clock
        self.venue = FakeVenue(clock, orders)
        runtime.__dict__["puller"] = self.venue
        self.window: Window = the_window()
        session = runtime.sessions.on(self.window.day)
        assert session is not None
        self.sentry = Sentry(runtime, (self.window,), session)

    def hear(self, value: float | None = None, *, symbol: str = "", lag: float = 0.05) -> None:
        now = self.clock.now()
        for name, usual in SYMBOLS.items():
            if symbol in ("", name):
                at = now - timedelta(seconds=lag)
                self.sentry.hear(Value(name, value or usual, at, now, lag))

    def beat_at(self, seconds_to_fixing: float) -> None:
        left = (T - self.clock.now()).total_seconds() - seconds_to_fixing
        self.clock.advance(left)
        self.hear()
        self.beat()

    def beat(self) -> None:
        """One round of everything the loop does each second."""

        async def round_of_all() -> None:
            await self.sentry.beat()
            await self.sentry.read_switch()
            await self.sentry.read_freezes()
            self.sentry.guard()

        asyncio.run(round_of_all())

    @property
    def frozen(self) -> str:
        return self.runtime.state.frozen(self.window.window_id)


@pytest.fixture
def scene() -> Iterator[Scene]:
    with mock_aws():
        client.cache_clear()
        for spec in (STATE, LEDGER):
            create_table(spec, spec.name)
        clock = ManualClock(T - timedelta(minutes=8))
        runtime = Runtime(Settings(state_table=STATE.name, ledger_table=LEDGER.name), clock)
        runtime.state.set_kill_switch(on=False, reason="test", by="test", at=clock.now())
        yield Scene(runtime, clock, 3)
        client.cache_clear()


def test_it_writes_what_every_other_step_reads(scene: Scene) -> None:
    scene.beat_at(400)

    item = scene.runtime.state.heartbeat("SPX")

    assert item is not None
    assert (item["value"], item["lag_s"], item["silence_s"]) == (6800.0, 0.05, 0.0)
    assert not item["delayed"]


def test_a_healthy_feed_pulls_nothing_before_its_own_timer(scene: Scene) -> None:
    for seconds in (300, 120, 59, 30, 10, 3):
        scene.beat_at(seconds)

    assert len(scene.venue.live) == 3
    assert scene.frozen == ""


def test_lag_in_the_last_minute_pulls_and_freezes(scene: Scene) -> None:
    scene.beat_at(50)
    scene.clock.advance(1)
    scene.hear(lag=0.8)
    scene.beat()

    assert not scene.venue.live
    assert "lags 0.800" in scene.frozen


def test_the_same_lag_before_the_last_minute_is_left_to_the_gates(scene: Scene) -> None:
    scene.beat_at(100)
    scene.clock.advance(1)
    scene.hear(lag=0.8)
    scene.beat()

    assert len(scene.venue.live) == 3


def test_silence_in_the_last_minute_pulls_and_freezes(scene: Scene) -> None:
    scene.beat_at(50)
    scene.clock.advance(2.6)
    scene.beat()

    assert not scene.venue.live
    assert "silent" in scene.frozen


def test_a_step_of_the_wall_clock_is_no_silence(scene: Scene) -> None:
    scene.beat_at(200)
    scene.clock.step(30)
    scene.beat()

    item = scene.runtime.state.heartbeat("SPX")
    assert item is not None
    assert item["silence_s"] == 0.0


def test_a_feed_never_heard_pulls_in_the_last_minute(scene: Scene) -> None:
    scene.clock.advance(8 * 60 - 50)
    scene.beat()

    assert not scene.venue.live
    assert "no value" in scene.frozen


def test_the_kill_switch_pulls_at_the_next_beat(scene: Scene) -> None:
    scene.beat_at(250)
    scene.runtime.state.set_kill_switch(
        on=True, reason="fire drill", by="ann", at=scene.clock.now()
    )
    scene.beat_at(249)

    assert not scene.venue.live
    assert "fire drill" in scene.frozen


def test_its_own_timer_pulls_at_two_seconds_to_the_fixing(scene: Scene) -> None:
    scene.beat_at(1.7)

    report = scene.runtime.state.part(scene.window.window_id, "PULL-sentry")

    assert not scene.venue.live
    assert (report["found"], report["resting_after"]) == (3, 0)


def test_the_fixing_is_the_last_value_at_or_before_it(scene: Scene) -> None:
    scene.beat_at(30)
    scene.clock.advance(30)
    scene.hear(6801.0, symbol="SPX", lag=0.0)
    scene.clock.advance(0.5)
    scene.hear(6805.0, symbol="SPX", lag=0.0)
    scene.clock.advance(1.0)
    scene.beat()

    assert scene.runtime.state.fixing(scene.window.window_id, "SPX") == 6801.0


def test_one_outlier_is_not_believed_and_a_confirmed_jump_is(scene: Scene) -> None:
    scene.beat_at(400)
    scene.hear(7400.0, symbol="SPX")
    scene.beat()
    doubted = scene.runtime.state.heartbeat("SPX")
    scene.hear(7401.0, symbol="SPX")
    scene.beat()
    confirmed = scene.runtime.state.heartbeat("SPX")

    assert doubted is not None
    assert confirmed is not None
    assert (doubted["value"], confirmed["value"]) == (6800.0, 7401.0)


def test_a_delayed_feed_is_said_to_be_and_may_recover(scene: Scene) -> None:
    scene.hear(lag=900.0)
    scene.beat()
    delayed = scene.runtime.state.heartbeat("SPX")
    scene.clock.advance(1)
    scene.hear(lag=0.1)
    scene.beat()
    recovered = scene.runtime.state.heartbeat("SPX")

    assert delayed is not None
    assert recovered is not None
    assert (delayed["delayed"], recovered["delayed"]) == (True, False)


def test_an_unknown_symbol_changes_nothing(scene: Scene) -> None:
    scene.sentry.hear(Value("DJI", 40_000.0, scene.clock.now(), scene.clock.now(), 0.0))

    assert scene.runtime.state.heartbeat("DJI") is None


def test_a_reason_to_pull_acts_once(scene: Scene) -> None:
    scene.beat_at(50)
    scene.clock.advance(2.6)
    scene.beat()
    asked = len(scene.venue.sent)
    scene.beat()

    assert len(scene.venue.sent) == asked
