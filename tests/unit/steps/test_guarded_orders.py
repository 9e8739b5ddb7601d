"""The order path behind its guards: switch, freeze and limits before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.cloud.layout import LEDGER, STATE
from kalshi_alpha.cloud.services import client
from kalshi_alpha.errors import (
    KillSwitchOn,
    LimitReached,
    VenueAmbiguous,
    VenueRejected,
    VenueThrottled,
)
from kalshi_alpha.markets.limits import week_of
from kalshi_alpha.markets.orders import Ack, Fill, NewOrder, Side
from kalshi_alpha.rehearsal.machine import create_table
from kalshi_alpha.steps import exposure
from kalshi_alpha.steps.guarded import GuardedPlacer
from kalshi_alpha.steps.runtime import Runtime, Settings
from tests.unit.steps.fake_venue import FakeVenue, the_window

T = datetime(2025, 11, 4, 17, tzinfo=UTC)
WINDOW = the_window()
WEEK = week_of(WINDOW.day)
EVENT = WINDOW.event_ticker("KXINXU")
DOLLAR = 1_000_000


class FakePlacer(FakeVenue):
    """A venue that also places, or fails as it is told to."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock, 0)
        self.created: list[NewOrder] = []
        self.amended: list[NewOrder] = []
        self.groups = 0
        self.failure: Exception | None = None

    def create(self, order: NewOrder) -> Ack:
        if self.failure:
            raise self.failure
        self.created.append(order)
        return Ack(
            f"v-{order.client_order_id}", order.client_order_id, 0, order.size, self.clock.now()
        )

    def amend(self, order_id: str, order: NewOrder, filled: int) -> Ack:
        self.amended.append(order)
        return Ack(order_id, order.client_order_id, filled, order.size, self.clock.now())

    def create_group(self, contracts_limit: int) -> str:
        del contracts_limit
        self.groups += 1
        return "g1"


class Desk:
    def __init__(self, runtime: Runtime, clock: ManualClock) -> None:
        self.runtime, self.clock = runtime, clock
        self.venue = FakePlacer(clock)
        self.placer = GuardedPlacer(self.venue, runtime, WINDOW)

    def open_risk(self, scope: str) -> int:
        usages = self.runtime.exposure.usages(WEEK)
        return sum(usage.open for key, usage in usages.items() if key.startswith(f"{scope}#"))

    def place(self, number: int, **changes: Any) -> NewOrder:
        order = an_order(number, **changes)
        self.runtime.ledger.intend(WINDOW.window_id, order, self.clock.now())
        self.placer.create(order)
        self.mark(order, "resting", order_id=f"v-{order.client_order_id}")
        return order

    def mark(self, order: NewOrder, status: str, **known: Any) -> None:
        self.runtime.ledger.mark(
            WINDOW.window_id, order.client_order_id, status, self.clock.now(), **known
        )

    def fill(self, order: NewOrder, size: int) -> None:
        fill = Fill(
            f"f-{order.client_order_id}-{size}",
            f"v-{order.client_order_id}",
            order.ticker,
            order.side,
            order.price,
            size,
            False,
            0,
            self.clock.now(),
        )
        self.runtime.ledger.record_fill(WINDOW.window_id, fill)


def an_order(number: int, **changes: Any) -> NewOrder:
    ticker = f"{EVENT}-T{6000 + 5 * number - 1}.9999"
    order = NewOrder(ticker, Side.BID, 4500, 100, f"c{number}", WINDOW.expires_at)
    return replace(order, **changes)


@pytest.fixture
def desk() -> Iterator[Desk]:
    with mock_aws():
        client.cache_clear()
        for spec in (STATE, LEDGER):
            create_table(spec, spec.name)
        clock = ManualClock(T - timedelta(minutes=4))
        runtime = Runtime(Settings(state_table=STATE.name, ledger_table=LEDGER.name), clock)
        runtime.state.set_kill_switch(on=False, reason="test", by="test", at=clock.now())
        fees = {"fee_type": "quadratic", "fee_multiplier": "1"}
        runtime.state.claim_window(WINDOW.window_id, "e", clock.now())
        runtime.state.extend_window(WINDOW.window_id, series=dict.fromkeys(WINDOW.series, fees))
        yield Desk(runtime, clock)
        client.cache_clear()


@pytest.mark.parametrize("write", ["create", "amend", "create_group"])
@pytest.mark.parametrize("stop", ["kill-switch", "unreadable", "freeze"])
def test_no_write_that_adds_risk_passes_a_switch_or_a_freeze(
    desk: Desk, write: str, stop: str
) -> None:
    if stop == "kill-switch":
        desk.runtime.state.set_kill_switch(on=True, reason="drill", by="ann", at=desk.clock.now())
    elif stop == "unreadable":
        client("dynamodb").delete_item(
            TableName=STATE.name, Key={"pk": {"S": "SWITCH"}, "sk": {"S": "KILL"}}
        )
    else:
        desk.runtime.state.freeze(WINDOW.window_id, "lag", desk.clock.now())
    calls = {
        "create": lambda: desk.placer.create(an_order(1)),
        "amend": lambda: desk.placer.amend("v", an_order(1), 0),
        "create_group": lambda: desk.placer.create_group(4),
    }

    with pytest.raises(KillSwitchOn):
        calls[write]()
    assert (desk.venue.created, desk.venue.amended, desk.venue.groups) == ([], [], 0)


def test_under_a_switch_cancels_pass_freely(desk: Desk) -> None:
    desk.runtime.state.set_kill_switch(on=True, reason="drill", by="ann", at=desk.clock.now())

    desk.placer.cancel_batch(["o1"])
    desk.placer.trigger_group("g1")

    assert [what for what, _, _ in desk.venue.sent] == ["cancel", "trigger g1"]


def test_an_order_is_reserved_in_every_limit_before_it_is_sent(desk: Desk) -> None:
    desk.place(1)

    assert {
        scope: desk.open_risk(scope)
        for scope in ("strike", "window", "day", "week", "family-day", "family-week")
    } == dict.fromkeys(("strike", "window", "day", "week", "family-day", "family-week"), 450_000)


def test_a_strike_that_is_used_up_sends_nothing_more(desk: Desk) -> None:
    desk.place(1, price=6000)
    again = an_order(1, client_order_id="c1b", price=4500)

    with pytest.raises(LimitReached, match=r"\$0.400000 is left") as caught:
        desk.placer.create(again)

    assert caught.value.scope == "strike"
    assert len(desk.venue.created) == 1


def test_the_windows_limit_counts_over_its_strikes(desk: Desk) -> None:
    for number in range(4):
        desk.place(number, price=9000)

    with pytest.raises(LimitReached) as caught:
        desk.placer.create(an_order(5, price=9000))
    assert caught.value.scope == "window"


def test_a_days_losses_leave_no_room_for_another_order(desk: Desk) -> None:
    limits = exposure.limits_on(desk.runtime.registry, WINDOW, an_order(1).ticker)
    elsewhere = [limit for limit in limits if limit.scope in {"day", "week"}]
    desk.runtime.exposure.restate(WEEK, "another", elsewhere, open_risk=0, lost=19_700_000)

    with pytest.raises(LimitReached) as caught:
        desk.placer.create(an_order(1))
    assert caught.value.scope == "day"
    assert desk.venue.created == []


def test_an_order_larger_than_any_may_be_is_not_sent(desk: Desk) -> None:
    with pytest.raises(LimitReached, match=r"2\.00 contracts is over the 1\.00"):
        desk.placer.create(an_order(1, size=200))
    with pytest.raises(LimitReached, match="order"):
        desk.placer.amend("v", an_order(1, size=100), 50)


def test_without_a_known_fee_nothing_is_sent(desk: Desk) -> None:
    desk.runtime.state.extend_window(WINDOW.window_id, series={})

    with pytest.raises(LimitReached, match="fee"):
        desk.placer.create(an_order(1))


def test_the_makers_fee_is_part_of_what_an_order_can_lose(desk: Desk) -> None:
    fees = {"fee_type": "quadratic_with_maker_fees", "fee_multiplier": "1"}
    desk.runtime.state.extend_window(WINDOW.window_id, series={"KXINXU": fees})

    desk.place(1)

    assert desk.open_risk("strike") > 450_000


@pytest.mark.parametrize(
    ("failure", "held"),
    [
        (VenueRejected("post only cross", status=400, code="invalid_order"), 0),
        (VenueThrottled("too many", status=429), 450_000),  # looked up before it is believed
        (VenueRejected("exists", status=409, code="order_already_exists"), 450_000),
        (VenueAmbiguous("no answer"), 450_000),
    ],
)
def test_a_refusal_releases_and_a_lost_answer_does_not(
    desk: Desk, failure: Exception, held: int
) -> None:
    desk.venue.failure = failure

    with pytest.raises(type(failure)):
        desk.placer.create(an_order(1))
    assert desk.open_risk("strike") == held


def test_an_amend_holds_the_higher_of_its_two_risks(desk: Desk) -> None:
    order = desk.place(1)
    desk.placer.amend("v-c1", replace(order, price=6000), 0)
    desk.placer.amend("v-c1", replace(order, price=3000), 0)

    assert desk.open_risk("strike") == 600_000


def test_an_amend_counts_what_its_fills_have_cost(desk: Desk) -> None:
    order = desk.place(1, price=6000)
    desk.fill(order, 50)
    desk.placer.amend("v-c1", replace(order, price=9900, size=50), 50)

    assert desk.open_risk("strike") == 300_000 + 495_000


def test_a_cancelled_order_gives_back_what_did_not_fill(desk: Desk) -> None:
    order = desk.place(1)
    desk.fill(order, 40)
    desk.mark(order, "canceled", filled_size=40)

    exposure.settle_up(desk.runtime, WINDOW)
    exposure.settle_up(desk.runtime, WINDOW)

    assert desk.open_risk("day") == 180_000


def test_a_fill_the_list_does_not_show_yet_stays_held(desk: Desk) -> None:
    order = desk.place(1)
    desk.mark(order, "canceled", filled_size=40)

    exposure.settle_up(desk.runtime, WINDOW)

    assert desk.open_risk("day") == 180_000


@pytest.mark.parametrize("status", ["resting", "unknown", "intended"])
def test_an_order_that_may_still_fill_keeps_its_hold_until_its_market_closes(
    desk: Desk, status: str
) -> None:
    order = desk.place(1)
    desk.mark(order, status)

    exposure.settle_up(desk.runtime, WINDOW)
    before = desk.open_risk("day")
    exposure.settle_up(desk.runtime, WINDOW, closed=True)

    assert (before, desk.open_risk("day")) == (450_000, 0)


@pytest.mark.parametrize(("yes", "total"), [(0, 450_000), (10_000, -550_000), (None, 450_000)])
def test_a_settlement_turns_risk_into_a_loss_or_a_gain(
    desk: Desk, yes: int | None, total: int
) -> None:
    order = desk.place(1)
    desk.fill(order, 100)
    desk.mark(order, "executed", filled_size=100)

    for _ in range(2):
        exposure.settle_up(desk.runtime, WINDOW, closed=True, yes_values={order.ticker: yes})

    usages = desk.runtime.exposure.usages(WEEK)
    assert {usage.total for usage in usages.values()} == {total}
    assert desk.open_risk("day") == (450_000 if yes is None else 0)


def test_a_day_lost_to_its_limit_cools_the_series_off_until_midnight(desk: Desk) -> None:
    state, ledger = desk.runtime.state, desk.runtime.ledger
    ledger.record_result(WINDOW.day, "w1", {"KXINXU": -20 * DOLLAR})

    said = exposure.cool_off_after(desk.runtime, WINDOW)
    ledger.record_result(WINDOW.day, "w2", {"KXINXU": 5 * DOLLAR})  # some of it comes back
    cooling = state.cooling_off("KXINXU", desk.clock.now())

    assert len(said) == 1
    assert cooling is not None
    assert cooling.until == datetime(2025, 11, 5, 5, tzinfo=UTC)
    assert "lost $20.000000 this day" in cooling.reason
    assert state.cooling_off("KXNASDAQ100U", desk.clock.now()) is None
    assert state.cooling_off("KXINXU", cooling.until) is None


def test_a_familys_loss_cools_all_of_it_and_a_weeks_until_the_week_is_over(desk: Desk) -> None:
    days = [WINDOW.day - timedelta(days=1), WINDOW.day]
    for day in days:
        desk.runtime.ledger.record_result(
            day, "w", {"KXINXU": -19 * DOLLAR, "KXNASDAQ100U": -19 * DOLLAR, "KXINX": -25 * DOLLAR}
        )

    exposure.cool_off_after(desk.runtime, WINDOW)

    ends = {
        name: found.until
        for name in desk.runtime.registry.series
        if (found := desk.runtime.state.cooling_off(name, desk.clock.now()))
    }
    assert ends == dict.fromkeys(
        ("KXINXU", "KXNASDAQ100U", "KXINX", "KXNASDAQ100"), datetime(2025, 11, 10, 5, tzinfo=UTC)
    )


def test_a_loss_of_everything_together_cools_whatever_family_it_is_of(desk: Desk) -> None:
    tight = replace(desk.runtime.registry.all, max_loss_per_day=25 * DOLLAR)
    desk.runtime.__dict__["registry"] = replace(desk.runtime.registry, all=tight)
    lost = {"KXINXU": -13 * DOLLAR, "KXNASDAQ100U": -12 * DOLLAR}
    desk.runtime.ledger.record_result(WINDOW.day, "w", lost)

    said = exposure.cool_off_after(desk.runtime, WINDOW)

    assert len(said) == 4
    assert said[0] == (
        "KXINXU: everything together lost $25.000000 this day, its limit is $25.000000"
    )


def test_nothing_lost_cools_nothing(desk: Desk) -> None:
    desk.runtime.ledger.record_result(WINDOW.day, "w1", {"KXINXU": -19 * DOLLAR})

    assert exposure.cool_off_after(desk.runtime, WINDOW) == []
    assert desk.runtime.state.cooling_off("KXINXU", desk.clock.now()) is None
