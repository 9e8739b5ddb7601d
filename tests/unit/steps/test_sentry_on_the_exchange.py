"""The sentry against a real exchange: which quotes it takes away, and what it starts again with."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from kalshi_alpha.cloud.layout import LEDGER, STATE
from kalshi_alpha.cloud.services import client
from kalshi_alpha.cloud.table import StoreError
from kalshi_alpha.errors import VenueUnavailable
from kalshi_alpha.markets.orders import LiveOrder, NewOrder, Side
from kalshi_alpha.pricing.parameters import (
    dump_parameters,
    load_parameters,
    shipped_parameters,
)
from kalshi_alpha.pricing.reading import Reading, Realised
from kalshi_alpha.rehearsal.machine import create_table
from kalshi_alpha.steps import heartbeat, preflight
from kalshi_alpha.steps.holding import HOLD_SECONDS
from kalshi_alpha.steps.runtime import PARAMETERS_KEY, Runtime, Settings
from kalshi_alpha.steps.watch import Sentry
from kalshi_alpha.venues.kalshi.trader import KalshiTrader
from kalshi_alpha.venues.massive.stream import Value
from tests.exchange_host import FIXING, MIDDLE, Host, hosting

WINDOW = "20261006-1200-index-hourly"
HIGH = MIDDLE.replace("6799", "6839")


class Scene:
    """A sentry over the noon window, its clock moved by hand, orders at the exchange."""

    def __init__(self, host: Host, runtime: Runtime) -> None:
        self.host, self.runtime, self.told = host, runtime, list[str]()
        self.trader = KalshiTrader(host.base, host.clock, host.credentials)
        self.window = runtime.window(WINDOW)
        self.number = 0
        self.sentry = self.another()

    def another(self) -> Sentry:
        session = self.runtime.sessions.on(self.window.day)
        assert session is not None
        return Sentry(self.runtime, (self.window,), session, self.told.append)

    def place(self, ticker: str, side: Side, price: int) -> str:
        self.number += 1
        order = NewOrder(ticker, side, price, 100, f"c{self.number}", self.window.expires_at)
        return self.trader.create(order).order_id

    def hear(self, value: float, sentry: Sentry | None = None) -> None:
        now = self.host.clock.now()
        for symbol, level in (("SPX", value), ("NDX", 25_000.0)):
            (sentry or self.sentry).hear(Value(symbol, level, now, now, 0.05))

    def look(self, sentry: Sentry | None = None) -> None:
        async def everything(sentry: Sentry) -> None:
            await sentry.read_switch()
            await sentry.read_freezes()
            await sentry.list_orders()
            sentry.guard()

        asyncio.run(everything(sentry or self.sentry))

    def close(self) -> None:
        self.trader.close()

    @property
    def live(self) -> set[str]:
        return {o.order_id for o in self.trader.orders(status="resting") if o.remaining_size}

    def part(self, name: str) -> dict:
        return self.runtime.state.part(WINDOW, name)


def fitted_the_day_before() -> bytes:
    """Return a November's parameters as if they were of the exchange's own week."""
    of, day = date(2025, 11, 4), date(2026, 10, 5)
    fitted = load_parameters(shipped_parameters(of), on=of).items()
    until = day + timedelta(days=14)
    moved = {name: replace(found, as_of=day, valid_until=until) for name, found in fitted}
    return dump_parameters(moved, {"made": "for a test"})


@pytest.fixture
def host() -> Iterator[Host]:
    with hosting() as host:
        host.run(lambda: host.server.list_fixing("KXNASDAQ100U", FIXING, open_at=host.clock.now()))
        host.pass_time(21 * 60)
        yield host


@pytest.fixture
def scene(host: Host, tmp_path: Path) -> Iterator[Scene]:
    with mock_aws():
        client.cache_clear()
        for spec in (STATE, LEDGER):
            create_table(spec, spec.name)
        key = json.dumps({"key_id": host.server.key_id, "pem": host.server.pem})
        boto3.client("secretsmanager").create_secret(Name="key", SecretString=key)
        settings = Settings(
            broker="twin",
            state_table=STATE.name,
            ledger_table=LEDGER.name,
            artifacts=str(tmp_path),
            venue_url=host.base,
            secret="key",
            read_secret="key",
        )
        runtime = Runtime(settings, host.clock)
        runtime.artifacts.write(PARAMETERS_KEY, fitted_the_day_before())
        runtime.state.set_kill_switch(on=False, reason="test", by="test", at=host.clock.now())
        for symbol, value in (("SPX", 6800.0), ("NDX", 25_000.0)):
            now = host.clock.now()
            reading = Reading(symbol, value, now, 0.05, 0.5, Realised(140, 8e-6, 2e-6, 7e-7))
            runtime.state.put_heartbeat(symbol, heartbeat.to_item(reading, now))
        try:
            asked = preflight.run({"window_id": WINDOW, "execution": "one"}, runtime)
            assert asked["go"], asked
            host.pass_time(5 * 60)  # T-4 min
            with closing(Scene(host, runtime)) as scene:
                yield scene
        finally:
            runtime.close()
            client.cache_clear()


def test_a_quote_the_index_has_moved_past_is_pulled_and_the_others_stay(scene: Scene) -> None:
    near = scene.place(MIDDLE, Side.BID, 4000)
    far = scene.place(HIGH, Side.ASK, 1500)
    scene.hear(6800.0)
    scene.look()
    assert scene.live == {near, far}

    scene.hear(6795.0)

    assert scene.live == {far}
    (pull,) = scene.part("DRIFT")["pulls"]
    assert (pull["order_id"], pull["level"]) == (near, 6795.0)
    assert pull["ev"] < 0
    assert scene.runtime.state.frozen(WINDOW) == ""
    assert any("left its fair band" in text for text in scene.told)


def test_an_ask_is_pulled_when_the_index_rises_past_it(scene: Scene) -> None:
    ask = scene.place(MIDDLE, Side.ASK, 6000)
    scene.hear(6800.0)
    scene.look()
    assert scene.live == {ask}

    scene.hear(6806.0)

    assert scene.live == set()


def test_a_jump_too_far_to_be_believed_still_takes_the_quotes_it_would_break(scene: Scene) -> None:
    scene.place(MIDDLE, Side.BID, 4000)
    scene.hear(6800.0)
    scene.look()
    scene.hear(6500.0)

    assert scene.live == set()
    reading = scene.sentry.watches["SPX"].reading(scene.host.clock.now(), 0.0)
    assert reading is not None
    assert reading.value == 6800.0


def test_a_quote_that_will_not_go_takes_its_window_with_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.place(MIDDLE, Side.BID, 4000)
    scene.hear(6800.0)
    scene.look()
    honest = scene.runtime.puller.cancel_batch

    def fail(ids: list[str]) -> list:
        raise VenueUnavailable(f"no answer for {ids}")

    monkeypatch.setattr(scene.runtime.puller, "cancel_batch", fail)
    for _ in range(3):
        scene.hear(6795.0)
    assert len(scene.live) == 1
    monkeypatch.setattr(scene.runtime.puller, "cancel_batch", honest)
    scene.sentry.guard()

    assert scene.live == set()
    assert "would not go" in scene.runtime.state.frozen(WINDOW)


def test_an_order_that_appears_after_the_switch_was_thrown_goes_as_well(scene: Scene) -> None:
    scene.place(MIDDLE, Side.BID, 4000)
    scene.hear(6800.0)
    scene.look()
    now = scene.host.clock.now()
    scene.runtime.state.set_kill_switch(on=True, reason="fire drill", by="ann", at=now)
    scene.look()
    assert scene.live == set()

    scene.place(MIDDLE, Side.BID, 3900)  # its request was on the way when the switch was thrown
    scene.look()

    assert scene.live == set()
    assert scene.part("PULL-sentry")["found"] == 1


def test_a_sentry_that_starts_again_finds_the_orders_the_freeze_and_pulls(scene: Scene) -> None:
    scene.hear(6800.0)
    scene.runtime.state.freeze(WINDOW, "somebody's reason", scene.host.clock.now())
    scene.place(MIDDLE, Side.BID, 4000)
    again = scene.another()
    scene.hear(6800.0, again)
    scene.look(again)

    assert scene.live == set()
    assert scene.runtime.state.frozen(WINDOW) == "somebody's reason"


def test_a_table_that_cannot_be_written_holds_up_no_pull(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.place(MIDDLE, Side.BID, 4000)
    scene.hear(6800.0)
    scene.look()

    def fail(*_: object, **__: object) -> None:
        raise StoreError("throttled")

    monkeypatch.setattr(scene.runtime.state, "freeze", fail)
    monkeypatch.setattr(scene.runtime.state, "put_part", fail)
    now = scene.host.clock.now()
    scene.runtime.state.set_kill_switch(on=True, reason="fire drill", by="ann", at=now)
    scene.look()

    assert scene.live == set()


def test_a_listing_that_fails_keeps_what_was_known_and_is_told_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.place(MIDDLE, Side.BID, 4000)
    scene.hear(6800.0)
    scene.look()

    def fail(**_: object) -> list[LiveOrder]:
        raise VenueUnavailable("no answer")

    monkeypatch.setattr(scene.runtime.puller, "orders", fail)
    scene.look()
    scene.look()

    assert len(scene.sentry.venue.resting.orders(scene.window)) == 1
    assert scene.told == [f"{WINDOW}: listing: no answer"]


def test_a_clock_that_steps_in_the_last_minute_pulls(scene: Scene) -> None:
    scene.place(MIDDLE, Side.BID, 2000)
    scene.host.pass_time(3 * 60 + 20)
    scene.hear(6800.0)
    scene.look()
    assert len(scene.live) == 1

    scene.host.clock.step(1.5)
    scene.look()

    assert scene.live == set()
    assert scene.runtime.state.frozen(WINDOW) == "the sentry: our clock stepped by +1.500 s"


def test_one_sentry_holds_the_watch_until_it_leaves_or_dies(scene: Scene) -> None:
    clock, state = scene.host.clock, scene.runtime.state
    for_ten = timedelta(seconds=HOLD_SECONDS)

    def holds(who: str) -> bool:
        return state.hold_watch(who, clock.now(), clock.now() + for_ten)

    assert holds("one")
    assert not holds("two")
    clock.advance(HOLD_SECONDS - 1)
    assert holds("one")
    clock.advance(HOLD_SECONDS + 1)
    assert holds("two")
    assert not holds("one")


def test_the_second_of_two_sentries_leaves(scene: Scene) -> None:
    first, second = scene.sentry, scene.another()
    assert first.hold.claim()

    async def renewing() -> None:
        running = asyncio.create_task(second.run(lambda: False))
        while not running.done():
            first.hold.claim()
            await asyncio.sleep(0)
        await running

    asyncio.run(renewing())

    assert scene.told == ["another sentry watches: leaving it to that one"]


def test_one_that_was_replaced_says_so_and_stops(scene: Scene) -> None:
    scene.hear(6800.0)
    asyncio.run(scene.sentry.beat())
    scene.host.clock.advance(HOLD_SECONDS + 1)
    now = scene.host.clock.now()
    assert scene.runtime.state.hold_watch("other", now, now + timedelta(seconds=60))
    asyncio.run(scene.sentry.beat())

    assert scene.sentry.hold.lost
    assert scene.told == ["another sentry has taken over: leaving it to that one"]
