"""Each guard as the operator sees it, against tables in process and a venue in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.cloud.layout import LEDGER, STATE
from kalshi_alpha.cloud.services import client
from kalshi_alpha.errors import VenueUnavailable
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.pricing.reading import Reading, Realised
from kalshi_alpha.rehearsal.machine import create_table
from kalshi_alpha.steps import heartbeat
from kalshi_alpha.steps.monitors import Monitor, deployed_monitors, local_monitors
from kalshi_alpha.steps.runtime import Runtime, Settings

NOON = datetime(2025, 11, 4, 16, 55, tzinfo=UTC)
NIGHT = datetime(2025, 11, 5, 1, 0, tzinfo=UTC)
ACTIVE = {"exchange_active": True, "trading_active": True}


class Venue:
    """A venue that answers its status, or does not."""

    def __init__(self, says: dict[str, Any] | None) -> None:
        self._says = says

    def exchange_status(self) -> dict[str, Any]:
        if self._says is None:
            raise VenueUnavailable("the venue did not answer")
        return self._says


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def runtime(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> Iterator[Runtime]:
    monkeypatch.setattr(Runtime, "reader", Venue(ACTIVE))
    with mock_aws():
        client.cache_clear()
        for spec in (STATE, LEDGER):
            create_table(spec, spec.name)
        settings = Settings(
            state_table=STATE.name, ledger_table=LEDGER.name, artifacts=str(tmp_path)
        )
        yield Runtime(settings, clock)
        client.cache_clear()


def beat(runtime: Runtime, symbol: str) -> None:
    now = runtime.clock.now()
    reading = Reading(symbol, 6800.0, now, 0.1, 0.4, Realised(0, 0.0, 0.0, 0.0))
    runtime.state.put_heartbeat(symbol, heartbeat.to_item(reading, now))


def by_name(found: list[Monitor]) -> dict[str, Monitor]:
    return {monitor.guard: monitor for monitor in found}


def test_a_fresh_deployment_stops_at_the_switch_and_at_the_silent_sentry(runtime: Runtime) -> None:
    found = by_name(deployed_monitors(runtime))

    assert found["kill-switch"].state == "stop"
    assert found["heartbeat SPX"].state == "stop"
    assert found["heartbeat SPX"].sentence == "The sentry has never spoken of it."
    assert found["venue"].state == "ok"
    assert found["parameters SPX"].state == "ok"
    assert found["arming"].state == "idle"


def test_every_guard_is_ok_when_everything_is(runtime: Runtime) -> None:
    runtime.state.set_kill_switch(on=False, reason="looked", by="me", at=NOON)
    for symbol in ("SPX", "NDX"):
        beat(runtime, symbol)

    found = by_name(deployed_monitors(runtime))

    assert {name for name, m in found.items() if m.state not in {"ok", "idle"}} == set()
    assert found["heartbeat NDX"].limit == "3 s"
    assert found["loss KXINXU today"].value == "$0.000000"
    assert found["loss KXINXU today"].limit == "$20.000000"


def test_an_old_heartbeat_stops_in_a_session_and_idles_at_night(
    runtime: Runtime, clock: ManualClock
) -> None:
    beat(runtime, "SPX")
    clock.advance(10)
    in_session = by_name(deployed_monitors(runtime))["heartbeat SPX"]
    clock.advance((NIGHT - clock.now()).total_seconds())
    at_night = by_name(deployed_monitors(runtime))["heartbeat SPX"]

    assert (in_session.state, in_session.value) == ("stop", "10.0 s")
    assert at_night.state == "idle"


def test_a_used_up_limit_and_a_cool_off_stop_their_series(runtime: Runtime) -> None:
    runtime.ledger.record_result(NOON.date(), "w", {"KXINXU": -20_000_000})
    until = NOON + timedelta(hours=20)
    runtime.state.cool_off("KXINX", reason="KXINX lost its limit", at=NOON, until=until)

    found = by_name(deployed_monitors(runtime))

    assert found["loss KXINXU today"].state == "stop"
    assert found["loss KXINXU this week"].state == "ok"
    assert found["loss KXINX today"].state == "ok"
    assert found["cool-off KXINX"].state == "stop"


@pytest.mark.parametrize(
    ("says", "value"),
    [(None, "no answer"), (ACTIVE | {"trading_active": False}, "paused"), ({}, "paused")],
)
def test_a_venue_that_is_not_surely_active_stops(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, says: dict[str, Any] | None, value: str
) -> None:
    monkeypatch.setattr(Runtime, "reader", Venue(says))

    found = by_name(deployed_monitors(runtime))["venue"]

    assert (found.state, found.value) == ("stop", value)


def test_unproven_parameters_stop(runtime: Runtime) -> None:
    runtime.artifacts.write("parameters/index.json", b"{}")

    found = by_name(deployed_monitors(runtime))["parameters"]

    assert found.state == "stop"


def test_a_machine_without_a_stack_says_what_it_cannot_know() -> None:
    found = by_name(local_monitors(ManualClock(NOON), load_registry(), load_sessions()))

    assert found["calendar"].value == "20251104-1200-index-hourly"
    assert found["parameters NDX"].state == "ok"
    assert {found[name].state for name in ("kill-switch", "venue", "arming")} == {"unknown"}
