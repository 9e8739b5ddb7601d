"""The rules of the simulated exchange, one by one, on a clock moved by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.markets.orders import OrderStatus, Side
from kalshi_alpha.markets.units import CASH_UNIT
from kalshi_alpha.pricing.fees import FeeTerms
from kalshi_alpha.rehearsal.exchange.engine import Engine, Rejected, Ticket
from kalshi_alpha.rehearsal.exchange.lifecycle import in_weekly_pause, next_pause
from kalshi_alpha.rehearsal.exchange.listing import list_event
from kalshi_alpha.rehearsal.exchange.model import Market, Order

OPEN = datetime(2026, 10, 6, 14, 0, tzinfo=UTC)
FIXING = datetime(2026, 10, 6, 16, 0, tzinfo=UTC)
LEVEL = 6801.25


@dataclass
class Floor:
    """One market that pays at LEVEL, with the members ann and bob."""

    start: datetime = OPEN
    fixing: datetime = FIXING
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = ManualClock(self.start)
        options = {"basis_sd": {}} | self.settings
        self.engine = Engine(self.clock, lambda _symbol, _at: LEVEL, **options)
        for name in ("ann", "bob"):
            self.engine.open_account(name, 100 * CASH_UNIT)
        self.market: Market = list_event(
            "KXINXU", self.fixing, 6800.0, strikes=1, open_at=self.start
        )[0]
        self.engine.list_market(self.market)

    def place(self, who: str, side: Side, cents: float, contracts: float, **more: Any) -> Order:
        ticket = Ticket(self.market.ticker, side, round(100 * cents), round(100 * contracts),
                        **more)  # fmt: skip
        return self.engine.create(who, ticket)

    def bid(self, who: str, cents: float, contracts: float, **more: Any) -> Order:
        return self.place(who, Side.BID, cents, contracts, **more)

    def ask(self, who: str, cents: float, contracts: float, **more: Any) -> Order:
        return self.place(who, Side.ASK, cents, contracts, **more)

    def refused(self, status: int, code: str, who: str, side: Side, **more: Any) -> str:
        with pytest.raises(Rejected) as caught:
            self.place(who, side, more.pop("cents", 40), more.pop("contracts", 1), **more)
        assert (caught.value.status, caught.value.code) == (status, code)
        return caught.value.details

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.engine.advance()

    def cash(self, who: str) -> int:
        return self.engine.accounts[who].cash

    def position(self, who: str) -> int:
        return self.engine.accounts[who].positions.get(self.market.ticker, 0)


@pytest.fixture
def floor() -> Floor:
    return Floor()


# --- taking and resting ------------------------------------------------------------------------


def test_the_earlier_order_at_a_price_fills_first_and_at_its_own_price(floor: Floor) -> None:
    first, second = floor.ask("bob", 45, 2), floor.ask("bob", 45, 2)
    taker = floor.bid("ann", 50, 3)

    assert (first.filled, second.filled, taker.filled) == (200, 100, 300)
    assert [trade.price for trade in floor.market.trades] == [4500, 4500]


def test_a_post_only_order_that_would_cross_is_refused_and_never_rests(floor: Floor) -> None:
    floor.ask("bob", 45, 1)
    details = floor.refused(400, "invalid_order", "ann", Side.BID, cents=45, post_only=True)

    assert details == "post only cross"
    assert floor.engine.resting("ann") == []


def test_a_fill_or_kill_fills_whole_or_not_at_all(floor: Floor) -> None:
    floor.ask("bob", 45, 2)
    killed = floor.bid("ann", 45, 3, time_in_force="fill_or_kill")
    filled = floor.bid("ann", 45, 2, time_in_force="fill_or_kill")

    assert (killed.filled, killed.status) == (0, OrderStatus.CANCELED)
    assert (filled.filled, filled.status) == (200, OrderStatus.EXECUTED)


def test_a_fill_or_kill_that_meets_its_own_order_takes_what_is_before_it(floor: Floor) -> None:
    floor.ask("bob", 44, 1)
    floor.ask("ann", 45, 5)
    order = floor.bid("ann", 45, 3, time_in_force="fill_or_kill")

    assert (order.filled, order.status) == (100, OrderStatus.CANCELED)


def test_what_an_immediate_or_cancel_does_not_fill_is_cancelled(floor: Floor) -> None:
    floor.ask("bob", 45, 1)
    order = floor.bid("ann", 45, 3, time_in_force="immediate_or_cancel")

    assert (order.filled, order.remaining, order.status) == (100, 0, OrderStatus.CANCELED)


def test_self_trade_prevention_stops_the_taker_or_removes_the_maker(floor: Floor) -> None:
    own = floor.ask("ann", 45, 1)
    floor.ask("bob", 46, 1)
    stopped = floor.bid("ann", 46, 2, stp="taker_at_cross")

    assert (stopped.filled, stopped.last_reason) == (0, "SelfTradeCancel")
    assert own.status is OrderStatus.RESTING

    through = floor.bid("ann", 46, 1, stp="maker")
    assert (own.status, own.last_reason) == (OrderStatus.CANCELED, "SelfTradeCancel")
    assert through.filled == 100


def test_a_client_order_id_is_used_once_for_ever(floor: Floor) -> None:
    order = floor.bid("ann", 40, 1, client_order_id="mine")
    floor.engine.cancel("ann", order.order_id)

    floor.refused(409, "order_already_exists", "ann", Side.BID, client_order_id="mine")
    assert floor.bid("bob", 40, 1, client_order_id="mine").status is OrderStatus.RESTING


def test_reduce_only_is_capped_to_the_position_and_needs_immediate_or_cancel(floor: Floor) -> None:
    ioc = {"reduce_only": True, "time_in_force": "immediate_or_cancel"}
    floor.refused(400, "invalid_parameters", "ann", Side.ASK, reduce_only=True)
    floor.refused(400, "invalid_order", "ann", Side.ASK, **ioc)
    floor.ask("bob", 45, 2)
    floor.bid("ann", 45, 2)
    floor.bid("bob", 44, 9)

    assert floor.ask("ann", 40, 5, **ioc).filled == 200
    assert floor.position("ann") == 0


@pytest.mark.parametrize("price", [0.5, 0, 100, 45.5])
def test_a_price_off_the_grid_is_refused(floor: Floor, price: float) -> None:
    floor.refused(400, "invalid_price", "ann", Side.BID, cents=price)


def test_the_grid_may_change_while_the_market_lives(floor: Floor) -> None:
    floor.engine.regrid(
        floor.market, "deci_cent", [{"start": "0.0000", "end": "1.0000", "step": "0.0010"}]
    )

    assert floor.bid("ann", 45.5, 1).price == 4550


def test_a_size_of_a_hundredth_is_the_smallest(floor: Floor) -> None:
    assert floor.bid("ann", 40, 0.01).remaining == 1
    floor.refused(400, "invalid_parameters", "ann", Side.BID, contracts=0)


# --- changing ----------------------------------------------------------------------------------


def test_a_smaller_size_keeps_the_place_in_the_queue(floor: Floor) -> None:
    first, second = floor.bid("ann", 40, 5), floor.bid("bob", 40, 5)
    floor.engine.decrease("ann", first.order_id, by=100)
    floor.engine.amend("ann", first.order_id, price=4000, count=300)

    assert first.remaining == 300
    assert floor.engine.queue_ahead(first) == 0
    assert floor.engine.queue_ahead(second) == 300


def test_a_new_expiry_alone_keeps_the_place(floor: Floor) -> None:
    first, second = floor.bid("ann", 40, 5), floor.bid("bob", 40, 5)
    until = OPEN + timedelta(minutes=5)
    floor.engine.amend("ann", first.order_id, price=4000, count=500, expires_at=until)

    assert floor.engine.queue_ahead(second) == 500
    floor.advance(300)
    assert first.last_reason == "ExpiryCancel"


@pytest.mark.parametrize(("price", "count"), [(4000, 600), (3900, 500)])
def test_a_larger_size_or_another_price_goes_to_the_back(
    floor: Floor, price: int, count: int
) -> None:
    first, second = floor.bid("ann", 40, 5), floor.bid("bob", price / 100, 5)
    floor.engine.amend("ann", first.order_id, price=price, count=count)

    assert floor.engine.queue_ahead(second) == 0
    assert floor.engine.queue_ahead(first) == 500


def test_the_count_of_an_amend_includes_what_has_filled(floor: Floor) -> None:
    order = floor.bid("ann", 40, 5)
    floor.ask("bob", 40, 2)
    floor.engine.amend("ann", order.order_id, price=4000, count=400)

    assert (order.filled, order.remaining) == (200, 200)
    with pytest.raises(Rejected, match="filled already"):
        floor.engine.amend("ann", order.order_id, price=4000, count=200)


def test_an_amend_may_cross(floor: Floor) -> None:
    floor.ask("bob", 45, 2)
    order = floor.bid("ann", 40, 3)
    floor.engine.amend("ann", order.order_id, price=4500, count=300)

    assert (order.filled, order.remaining, order.price) == (200, 100, 4500)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"price": 4050, "count": 500}, "invalid_price"),
        ({"price": 4000, "count": 90_000}, "insufficient_balance"),
        ({"price": 4000, "count": 500, "expires_at": OPEN}, "invalid_parameters"),
        ({"price": 4100, "count": 500, "client_order_id": "taken"}, "order_already_exists"),
    ],
)
def test_a_refused_amend_leaves_the_order_exactly_as_it_was(
    floor: Floor, change: dict[str, Any], code: str
) -> None:
    floor.bid("ann", 30, 1, client_order_id="taken")
    order = floor.bid("ann", 40, 5, client_order_id="one")
    behind = floor.bid("bob", 40, 1)
    with pytest.raises(Rejected) as caught:
        floor.engine.amend("ann", order.order_id, **change)

    assert caught.value.code == code
    assert (order.price, order.remaining, order.client_order_id) == (4000, 500, "one")
    assert floor.engine.queue_ahead(behind) == 500
    assert floor.ask("bob", 40, 5).filled == 500


def test_only_the_owner_can_cancel(floor: Floor) -> None:
    order = floor.bid("ann", 40, 1)
    with pytest.raises(Rejected) as caught:
        floor.engine.cancel("bob", order.order_id)

    assert caught.value.status == 404


# --- expiry ------------------------------------------------------------------------------------


def test_an_order_ends_at_its_expiry_though_nobody_looks(floor: Floor) -> None:
    until = FIXING - timedelta(seconds=2)
    order = floor.bid("ann", 40, 1, expires_at=until)
    floor.clock.advance((until - OPEN).total_seconds())
    late = floor.ask("bob", 40, 1)

    assert (order.status, order.updated_at, order.filled) == (OrderStatus.CANCELED, until, 0)
    assert late.filled == 0


def test_an_order_fills_up_to_the_moment_before_its_expiry(floor: Floor) -> None:
    order = floor.bid("ann", 40, 1, expires_at=OPEN + timedelta(seconds=10))
    floor.clock.advance(9.999)
    floor.ask("bob", 40, 1)

    assert order.status is OrderStatus.EXECUTED


def test_an_expiry_must_lie_ahead_and_belongs_to_resting_orders(floor: Floor) -> None:
    ahead = OPEN + timedelta(seconds=5)
    floor.refused(400, "invalid_parameters", "ann", Side.BID, expires_at=OPEN)
    floor.refused(
        400, "invalid_parameters", "ann", Side.BID,
        expires_at=ahead, time_in_force="immediate_or_cancel",
    )  # fmt: skip


# --- groups ------------------------------------------------------------------------------------


def test_a_group_that_fills_past_its_limit_cancels_and_refuses_until_reset(floor: Floor) -> None:
    group = floor.engine.create_group("ann", 200)
    orders = [floor.bid("ann", 40, 3, group_id=group.group_id) for _ in range(2)]
    floor.ask("bob", 40, 2)
    assert not group.triggered

    floor.ask("bob", 40, 0.01)
    assert group.triggered
    assert [order.status for order in orders] == [OrderStatus.CANCELED] * 2
    floor.refused(400, "invalid_order", "ann", Side.BID, group_id=group.group_id)

    floor.engine.reset_group(group)
    assert floor.bid("ann", 40, 1, group_id=group.group_id).status is OrderStatus.RESTING


def test_a_group_counts_fifteen_seconds_back(floor: Floor) -> None:
    group = floor.engine.create_group("ann", 200)
    floor.bid("ann", 40, 9, group_id=group.group_id)
    for _ in range(4):
        floor.ask("bob", 40, 2)
        floor.advance(15)

    assert not group.triggered


def test_a_limit_below_what_has_rolled_triggers_and_a_deleted_group_cancels(floor: Floor) -> None:
    group, other = (floor.engine.create_group("ann", 900) for _ in range(2))
    order = floor.bid("ann", 40, 9, group_id=group.group_id)
    kept = floor.bid("ann", 39, 1, group_id=other.group_id)
    floor.ask("bob", 40, 3)
    floor.engine.limit_group(group, 200)

    assert order.status is OrderStatus.CANCELED
    assert kept.status is OrderStatus.RESTING
    floor.engine.delete_group(other)
    assert kept.status is OrderStatus.CANCELED


def test_cancel_all_strikes_once_more_within_the_minute(floor: Floor) -> None:
    floor.bid("ann", 40, 1)
    floor.engine.cancel_all("ann")
    assert floor.engine.resting("ann") == []

    soon = floor.bid("ann", 40, 1)
    floor.advance(60)
    later = floor.bid("ann", 40, 1)
    floor.advance(600)

    assert soon.status is OrderStatus.CANCELED
    assert later.status is OrderStatus.RESTING


# --- pauses ------------------------------------------------------------------------------------


def test_a_pause_takes_those_who_asked_and_reactivation_takes_the_rest(floor: Floor) -> None:
    careful, patient = floor.bid("ann", 40, 1, cancel_on_pause=True), floor.bid("ann", 39, 1)
    floor.engine.pause(floor.market)

    assert floor.market.status_at(OPEN) == "inactive"
    assert (careful.last_reason, patient.status) == ("HaltCancel", OrderStatus.RESTING)
    floor.refused(400, "MARKET_INACTIVE", "ann", Side.BID)

    floor.engine.resume(floor.market)
    assert (patient.status, patient.last_reason) == (OrderStatus.CANCELED, "HaltCancel")


def test_cancels_work_while_trading_is_halted_and_not_while_the_exchange_is(floor: Floor) -> None:
    one, two = floor.bid("ann", 40, 1), floor.bid("ann", 39, 1)
    floor.engine.halt_trading()
    floor.refused(400, "TRADING_PAUSED", "ann", Side.BID)
    assert floor.engine.cancel("ann", one.order_id)[1] == 100

    floor.engine.resume_trading()
    floor.engine.exchange_active = False
    with pytest.raises(Rejected, match="EXCHANGE_PAUSED"):
        floor.engine.cancel("ann", two.order_id)


def test_trading_pauses_on_thursday_from_three_to_five_in_new_york() -> None:
    thursday = datetime(2026, 10, 8, 7, 0, tzinfo=UTC)  # 03:00 EDT
    floor = Floor(start=thursday - timedelta(minutes=1), fixing=thursday + timedelta(hours=9))
    careful, patient = floor.bid("ann", 40, 1, cancel_on_pause=True), floor.bid("ann", 39, 1)
    floor.advance(60)

    assert not floor.engine.trading_active
    assert (careful.updated_at, careful.last_reason) == (thursday, "HaltCancel")
    floor.refused(400, "TRADING_PAUSED", "ann", Side.BID)
    floor.advance(2 * 3600)
    assert floor.engine.trading_active
    assert patient.status is OrderStatus.RESTING
    assert next_pause(thursday) == thursday + timedelta(days=7)


def test_the_weekly_pause_follows_the_new_york_clock_across_the_change_of_it() -> None:
    assert in_weekly_pause(datetime(2026, 11, 5, 8, 0, tzinfo=UTC))  # 03:00 EST
    assert not in_weekly_pause(datetime(2026, 11, 5, 7, 59, tzinfo=UTC))
    assert next_pause(datetime(2026, 10, 29, 7, 0, tzinfo=UTC)).hour == 8


# --- a market's life -----------------------------------------------------------------------------


def test_nothing_trades_before_the_opening() -> None:
    floor = Floor()
    floor.market.open_at = OPEN + timedelta(minutes=1)

    floor.refused(400, "MARKET_INACTIVE", "ann", Side.BID)
    floor.advance(60)
    assert floor.bid("ann", 40, 1).status is OrderStatus.RESTING


def test_after_the_close_every_action_is_refused_and_what_rests_is_cancelled(floor: Floor) -> None:
    order = floor.bid("ann", 40, 1)
    floor.clock.advance((FIXING - OPEN).total_seconds())

    floor.refused(400, "MARKET_INACTIVE", "ann", Side.BID)
    for action in (
        lambda: floor.engine.cancel("ann", order.order_id),
        lambda: floor.engine.decrease("ann", order.order_id, by=1),
        lambda: floor.engine.amend("ann", order.order_id, price=4100, count=100),
    ):
        with pytest.raises(Rejected, match="MARKET_INACTIVE"):
            action()
    floor.advance(1)
    assert (order.status, order.last_reason) == (OrderStatus.CANCELED, "CloseCancel")


def test_a_market_is_determined_then_paid_about_two_minutes_after_its_close(floor: Floor) -> None:
    floor.ask("bob", 45, 2)
    floor.bid("ann", 45, 2)
    floor.advance((FIXING - OPEN).total_seconds() + 66)
    assert floor.market.status_at(floor.clock.now()) == "closed"

    floor.advance(1)
    assert (floor.market.result, floor.market.expiration_value) == ("yes", "6801.25")
    assert floor.market.status_at(floor.clock.now()) == "determined"
    assert floor.cash("ann") == 100 * CASH_UNIT - 900_000 - 34_700

    floor.advance(60)
    assert floor.market.status_at(floor.clock.now()) == "finalized"
    assert floor.cash("ann") == 100 * CASH_UNIT + 1_100_000 - 34_700
    assert floor.cash("bob") == 100 * CASH_UNIT - 1_100_000
    (record,) = floor.engine.accounts["ann"].settlements
    assert (record.revenue, record.position, record.cost) == (2_000_000, 200, 900_000)
    assert record.at == FIXING + timedelta(seconds=127)


def test_a_fair_price_pays_both_sides_down_to_the_members_precision(floor: Floor) -> None:
    floor.ask("bob", 45, 0.33)
    floor.bid("ann", 45, 0.33)
    floor.engine.settle_at(floor.market, 3333)
    floor.advance((FIXING - OPEN).total_seconds() + 127)

    assert floor.market.result == "scalar"
    records = [floor.engine.accounts[who].settlements[0] for who in ("ann", "bob")]
    assert [record.revenue for record in records] == [109_900, 220_000]


def test_a_close_that_moves_takes_the_payment_with_it(floor: Floor) -> None:
    order = floor.bid("ann", 40, 1)
    later = FIXING + timedelta(hours=1)
    floor.engine.move_close(floor.market, later)
    floor.advance((FIXING - OPEN).total_seconds() + 600)
    assert order.status is OrderStatus.RESTING

    floor.advance(3600)
    assert order.updated_at == later + timedelta(seconds=1)
    assert floor.market.settled_at == later + timedelta(seconds=127)


def test_the_print_differs_from_the_index_by_a_seeded_basis() -> None:
    prints = [
        Floor(settings={"seed": seed, "basis_sd": {"SPX": 0.25}}).engine.print_of("SPX", FIXING)
        for seed in (1, 1, 2)
    ]

    assert prints[0] == prints[1] != prints[2]
    assert all(value is not None and abs(value - LEVEL) < 2 for value in prints)


def test_a_market_without_an_index_waits_for_one(floor: Floor) -> None:
    floor.engine.value = lambda _symbol, _at: None
    floor.advance((FIXING - OPEN).total_seconds() + 3600)
    assert floor.market.status_at(floor.clock.now()) == "closed"

    floor.engine.value = lambda _symbol, _at: LEVEL
    floor.advance(3600)
    assert floor.market.status_at(floor.clock.now()) == "finalized"


# --- money ---------------------------------------------------------------------------------------


def test_a_resting_order_ties_up_cash_and_gives_it_back(floor: Floor) -> None:
    account = floor.engine.accounts["ann"]
    bid, ask = floor.bid("ann", 40, 100), floor.ask("ann", 70, 100)

    assert floor.engine.available(account) == 30 * CASH_UNIT
    floor.refused(400, "insufficient_balance", "ann", Side.BID, contracts=76)
    for order in (bid, ask):
        floor.engine.cancel("ann", order.order_id)
    assert floor.engine.available(account) == 100 * CASH_UNIT


def test_an_order_that_closes_a_position_ties_up_nothing(floor: Floor) -> None:
    floor.ask("bob", 45, 10)
    floor.bid("ann", 45, 10)
    account = floor.engine.accounts["ann"]
    before = floor.engine.available(account)
    floor.ask("ann", 50, 10)

    assert floor.engine.available(account) == before
    floor.ask("ann", 51, 10)
    assert floor.engine.available(account) == before - 4_900_000


def test_buying_what_one_is_short_of_pays_a_dollar_at_once(floor: Floor) -> None:
    floor.bid("ann", 40, 1)
    floor.ask("bob", 40, 1)
    floor.bid("bob", 30, 1)
    floor.ask("ann", 30, 1)

    assert floor.position("ann") == floor.position("bob") == 0
    assert floor.cash("ann") == 100 * CASH_UNIT - 100_000 - 14_700


def test_the_maker_pays_nothing_and_the_taker_by_the_date() -> None:
    fees = []
    for start in (OPEN, datetime(2025, 11, 4, 15, 0, tzinfo=UTC)):
        floor = Floor(start=start, fixing=start + timedelta(hours=2))
        maker, taker = floor.ask("bob", 50, 1), floor.bid("ann", 50, 1)
        fees.append((maker.maker_fees, taker.taker_fees))

    assert fees == [(0, 17_500), (0, 10_000)]


def test_an_events_own_terms_count_at_the_time_of_the_order(floor: Floor) -> None:
    terms = FeeTerms("quadratic_with_maker_fees", Decimal(1))
    floor.engine.override_fees(floor.market.event_ticker, terms)
    with_override = floor.ask("bob", 50, 1)
    floor.bid("ann", 50, 1)
    floor.engine.override_fees(floor.market.event_ticker, None)
    without = floor.ask("bob", 50, 1)
    floor.bid("ann", 50, 1)

    assert (with_override.maker_fees, without.maker_fees) == (4_400, 0)


def test_ids_come_from_the_seed_alone() -> None:
    ids = [Floor(settings={"seed": 7}).bid("ann", 40, 1).order_id for _ in range(2)]

    assert ids[0] == ids[1] != Floor(settings={"seed": 8}).bid("ann", 40, 1).order_id
