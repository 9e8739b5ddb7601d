"""The cancel step when our own tables are down: the pull needs none of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from moto import mock_aws

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.cloud.layout import LEDGER, STATE
from kalshi_alpha.cloud.services import client
from kalshi_alpha.errors import VenueUnavailable
from kalshi_alpha.markets.orders import NewOrder, Side
from kalshi_alpha.rehearsal.machine import create_table
from kalshi_alpha.steps import cancel
from kalshi_alpha.steps.runtime import Runtime, Settings
from tests.unit.steps.fake_venue import FakeVenue, the_window

T = datetime(2025, 11, 4, 17, tzinfo=UTC)
WINDOW = the_window()


@pytest.fixture
def clock() -> Iterator[ManualClock]:
    with mock_aws():
        client.cache_clear()
        yield ManualClock(T - timedelta(seconds=25))
        client.cache_clear()


def a_runtime(clock: ManualClock, venue: FakeVenue) -> Runtime:
    runtime = Runtime(Settings(state_table=STATE.name, ledger_table=LEDGER.name), clock)
    runtime.__dict__["puller"] = venue
    return runtime


@pytest.mark.parametrize("mode", ["armed", "now"])
def test_without_any_table_the_book_is_emptied_all_the_same(clock: ManualClock, mode: str) -> None:
    venue = FakeVenue(clock, 3)

    done = cancel.run({"window_id": WINDOW.window_id, "mode": mode}, a_runtime(clock, venue))

    assert not venue.live
    assert (done["found"], done["canceled"], done["resting_after"]) == (3, 3, 0)
    assert any("refused" in trouble for trouble in done["troubles"])
    assert done["metrics"]["RestingAfterPull"] == 0


def test_its_lateness_is_written_and_the_orders_it_knows_are_enough(clock: ManualClock) -> None:
    for spec in (STATE, LEDGER):
        create_table(spec, spec.name)
    venue = FakeVenue(clock, 1)
    runtime = a_runtime(clock, venue)
    order = NewOrder("KXINXU-25NOV04H1200-T5999.9999", Side.BID, 5000, 100, "c0", WINDOW.expires_at)
    runtime.ledger.intend(WINDOW.window_id, order, clock.now())
    runtime.ledger.mark(WINDOW.window_id, "c0", "resting", clock.now(), order_id="o0")

    def blind(what: str) -> None:
        if what == "list" and venue.live:
            raise VenueUnavailable("the list: no answer")

    venue.trouble = blind
    cancel.run({"window_id": WINDOW.window_id, "mode": "armed"}, runtime)

    written = runtime.state.part(WINDOW.window_id, "PULL-armed")
    assert written["late_s"] < 0
    assert not venue.live


def test_what_could_not_be_looked_at_counts_as_resting(clock: ManualClock) -> None:
    venue = FakeVenue(clock, 1)

    def down(what: str) -> None:
        raise VenueUnavailable(f"{what}: no answer")

    venue.trouble = down

    done = cancel.run({"window_id": WINDOW.window_id, "mode": "armed"}, a_runtime(clock, venue))

    assert done["metrics"]["RestingAfterPull"] == 1
    assert "PullLateness" not in done["metrics"]
