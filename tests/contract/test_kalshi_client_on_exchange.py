"""Our own venue client against the exchange simulator, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from kalshi_alpha.errors import VenueAmbiguous, VenueRejected, VenueThrottled
from kalshi_alpha.markets.book import Top
from kalshi_alpha.markets.contracts import ladder_from_listing
from kalshi_alpha.markets.orders import CancelResult, NewOrder, OrderStatus, Side
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.units import CASH_UNIT
from kalshi_alpha.rehearsal.exchange.limits import Bucket, Limits
from kalshi_alpha.venues.kalshi.signing import Credentials, load_key
from kalshi_alpha.venues.kalshi.trader import KalshiTrader
from tests.exchange_host import EVENT, FIXING, MIDDLE, NOW, RANGES, Host, hosting

EXPIRY = NOW + timedelta(minutes=20)


@pytest.fixture(params=["nested", "flat"])
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    with hosting(envelope=request.param) as running:
        yield running


@pytest.fixture
def trader(host: Host) -> Iterator[KalshiTrader]:
    made = KalshiTrader(host.base, host.clock, host.credentials)
    yield made
    made._http._client.close()


def new_order(name: str = "one", **changes: object) -> NewOrder:
    fields = {
        "ticker": MIDDLE,
        "side": Side.BID,
        "price": 4000,
        "size": 300,
        "client_order_id": name,
        "expires_at": EXPIRY,
    }
    return NewOrder(**(fields | changes))


def test_an_order_lives_from_create_to_cancel(trader):
    ack = trader.create(new_order())
    live = trader.order(ack.order_id)
    amended = trader.amend(ack.order_id, new_order(price=4100), 0)
    gone = trader.cancel(ack.order_id)

    assert (ack.filled_size, ack.remaining_size, ack.client_order_id) == (0, 300, "one")
    assert ack.at == NOW
    assert (live.status, live.price, live.side) == (OrderStatus.RESTING, 4000, Side.BID)
    assert live.expires_at == EXPIRY
    assert (amended.order_id, amended.filled_size, amended.remaining_size) == (ack.order_id, 0, 300)
    assert gone == CancelResult(ack.order_id, 300)
    assert trader.order(ack.order_id).status is OrderStatus.CANCELED
    assert trader.orders(event_ticker=EVENT, status="resting") == []


def test_amending_a_partly_filled_order_counts_what_it_had_filled(host, trader):
    ack = trader.create(new_order())
    host.rival("ask", 4000, 120)

    moved = trader.amend(ack.order_id, new_order(price=4200, size=180), 120)
    smaller = trader.amend(ack.order_id, new_order(price=4200, size=100), 120)

    assert (moved.filled_size, moved.remaining_size) == (120, 180)
    assert (smaller.filled_size, smaller.remaining_size) == (120, 100)
    (live,) = trader.orders(ticker=MIDDLE)
    assert (live.initial_size, live.filled_size, live.remaining_size) == (220, 120, 100)


def test_fills_positions_and_balance_follow_a_trade(host, trader):
    ack = trader.create(new_order())
    resting = trader.balance()
    host.rival("ask", 3900, 120)

    (fill,) = trader.fills(ticker=MIDDLE)
    (trade,) = trader.trades(MIDDLE)
    (position,) = trader.positions()

    assert resting == 1_000 * CASH_UNIT - 4000 * 300
    assert trader.balance() == resting
    assert (fill.order_id, fill.side, fill.price, fill.size) == (ack.order_id, Side.BID, 4000, 120)
    assert (fill.is_taker, fill.fee, fill.at) == (False, 0, NOW)
    assert (trade.price, trade.size, trade.taker_side) == (4000, 120, Side.ASK)
    assert trade.trade_id == fill.fill_id
    assert position["position_fp"] == "1.20"


def test_a_settlement_pays_and_is_listed(host, trader):
    trader.create(new_order(expires_at=FIXING + timedelta(minutes=1)))
    host.rival("ask", 4000, 300)
    before = trader.balance()
    host.pass_time(1800 + 200)

    (settlement,) = trader.settlements(event_ticker=EVENT)

    assert settlement.ticker == MIDDLE
    assert settlement.result in {"yes", "no"}
    assert settlement.revenue == (3 * CASH_UNIT if settlement.result == "yes" else 0)
    assert trader.balance() == before + settlement.revenue


def test_a_listing_reads_as_a_ladder_without_a_refused_market(trader):
    for event, series, count in ((EVENT, "KXINXU", 41), (RANGES, "KXINX", 30)):
        listed = trader.markets(event)
        ladder = ladder_from_listing(listed, load_registry().series[series], FIXING)

        assert len(ladder.contracts) == count
        assert ladder.refused == ()


def test_books_are_read_many_at_a_time_and_empty_ones_too(host, trader):
    host.rival("bid", 4000, 100)
    host.rival("bid", 4100, 57)
    host.rival("ask", 4500, 250)
    other = f"{RANGES}-B6812"

    books = trader.orderbooks([MIDDLE, other])

    assert books[MIDDLE].top() == Top(4100, 57, 4500, 250)
    assert books[other].top() == Top(None, 0, None, 0)


def test_a_batch_cancel_is_prepared_early_and_answers_each_item(host, trader):
    ids = [trader.create(new_order(f"n{n}")).order_id for n in range(3)]
    prepared = trader.prepare_cancel_batch([*ids, "unknown"])
    host.rival("ask", 4000, 500)  # fills the first whole, the second in part
    prepared.sign(host.clock.now())

    results = prepared.send()

    assert [row.reduced_by for row in results] == [0, 100, 300, 0]
    assert [row.error for row in results] == ["not_found", "", "", "not_found"]


def test_a_group_takes_its_orders_down_when_it_fills_past_its_limit(host, trader):
    group = trader.create_group(1)
    kept = trader.create(new_order("free", price=3000)).order_id
    for n in range(2):
        trader.create(new_order(f"grouped-{n}", size=101, order_group_id=group))

    host.rival("ask", 4000, 101)

    resting = [live.order_id for live in trader.orders(status="resting")]
    assert resting == [kept]
    with pytest.raises(VenueRejected, match="group"):
        trader.create(new_order("late", order_group_id=group))


def test_triggering_a_group_cancels_its_orders(trader):
    group = trader.create_group(100)
    order_id = trader.create(new_order(order_group_id=group)).order_id

    trader.trigger_group(group)

    assert trader.order(order_id).status is OrderStatus.CANCELED


def test_a_cross_is_rejected_and_a_duplicate_is_named(host, trader):
    host.rival("ask", 4000)

    with pytest.raises(VenueRejected) as crossed:
        trader.create(new_order())
    trader.create(new_order("again", price=3900))
    with pytest.raises(VenueRejected) as twice:
        trader.create(new_order("again", price=3900))

    assert (crossed.value.status, crossed.value.code) == (400, "invalid_order")
    assert "post only cross" in str(crossed.value)
    assert (twice.value.status, twice.value.code) == (409, "order_already_exists")


def test_after_the_close_a_cancel_is_rejected_and_the_exchange_cancels(host, trader):
    late = FIXING + timedelta(hours=1)
    order_id = trader.create(new_order(expires_at=late)).order_id
    host.pass_time(1800)

    with pytest.raises(VenueRejected) as closed:
        trader.cancel(order_id)
    host.pass_time(2)

    assert closed.value.code == "MARKET_INACTIVE"
    assert trader.order(order_id).status is OrderStatus.CANCELED


def test_an_order_expires_by_itself(host, trader):
    order_id = trader.create(new_order()).order_id
    host.pass_time(20 * 60)

    assert trader.order(order_id).status is OrderStatus.CANCELED
    assert trader.cancel(order_id).error == "not_found"


def test_an_empty_bucket_is_a_throttle():
    with hosting(limits=Limits(write=Bucket(1.0, 10.0))) as host:
        trader = KalshiTrader(host.base, host.clock, host.credentials)
        trader.create(new_order())
        with pytest.raises(VenueThrottled):
            trader.create(new_order("two"))
        trader._http._client.close()


def test_a_stranger_s_key_is_rejected(host):
    _, pem = host.run(lambda: host.server.keys.issue("member", "ed25519"))
    stranger = Credentials("unknown", load_key(pem.encode()))
    trader = KalshiTrader(host.base, host.clock, stranger)
    with pytest.raises(VenueRejected) as refused:
        trader.balance()
    trader._http._client.close()

    assert refused.value.status == 401


def test_a_create_whose_answer_is_lost_is_ambiguous_and_its_order_rests(host, trader):
    fault = {"method": "POST", "path": "/portfolio/events/orders", "status": 503, "after": True}
    host.run(lambda: host.server.faults.arm({"rest": [fault]}))

    with pytest.raises(VenueAmbiguous):
        trader.create(new_order())

    (live,) = trader.orders(status="resting")
    assert live.client_order_id == "one"
    assert trader.balance() == 1_000 * CASH_UNIT - 4000 * 300


def test_the_account_s_budget_is_readable(trader):
    assert trader.limits()["usage_tier"] == "basic"
    assert trader.endpoint_costs()["default_cost"] == 10
    assert trader.exchange_status()["trading_active"] is True
    assert trader.series("KXINXU")["fee_type"] == "quadratic"
    assert trader.market(MIDDLE)["status"] == "active"
