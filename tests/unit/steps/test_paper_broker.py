"""The paper broker: orders that fill by the public tape alone, and leave without it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from moto import mock_aws

from kalshi_alpha.clock import ManualClock
from kalshi_alpha.cloud.layout import LEDGER
from kalshi_alpha.cloud.ledger import LedgerStore
from kalshi_alpha.cloud.services import client
from kalshi_alpha.cloud.table import Table
from kalshi_alpha.errors import VenueAmbiguous, VenueRejected, VenueThrottled
from kalshi_alpha.markets.orders import NewOrder, OrderStatus, PublicTrade, Side
from kalshi_alpha.rehearsal.machine import create_table
from kalshi_alpha.steps.paper import PaperBroker
from kalshi_alpha.steps.pull import Pull
from tests.unit.steps.fake_venue import T, the_window

WINDOW = the_window()
EVENT = WINDOW.event_ticker("KXINXU")
ONE, TWO = f"{EVENT}-T6774.9999", f"{EVENT}-T6779.9999"
START = T - timedelta(minutes=5)


@dataclass
class Tape:
    """Public trades, and how often they were asked for; ``shut`` answers 429."""

    trades_of: dict[str, list[PublicTrade]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    shut: bool = False

    def trades(self, ticker: str, *, min_at: datetime | None = None) -> list[PublicTrade]:
        self.asked.append(ticker)
        if self.shut:
            raise VenueThrottled("GET /markets/trades was answered 429", status=429)
        found = self.trades_of.get(ticker, [])
        return [trade for trade in found if min_at is None or trade.at >= min_at]


@dataclass
class World:
    """A broker, its clock and its tape."""

    broker: PaperBroker
    clock: ManualClock
    tape: Tape

    def place(self, number: int, ticker: str = ONE, price: int = 4000) -> str:
        order = NewOrder(ticker, Side.BID, price, 100, f"o-{number}", T - timedelta(seconds=3))
        return self.broker.create(order).order_id

    def sell(self, ticker: str, price: int, size: int = 100) -> None:
        """Somebody sells now: a bid above ``price`` has filled."""
        rows = self.tape.trades_of.setdefault(ticker, [])
        rows.append(PublicTrade(f"t{len(rows)}", ticker, price, size, Side.ASK, self.clock.now()))


@pytest.fixture
def world() -> Iterator[World]:
    with mock_aws():
        client.cache_clear()
        create_table(LEDGER, LEDGER.name)
        clock, tape = ManualClock(START), Tape()
        ledger = LedgerStore(Table(client("dynamodb"), LEDGER.name))
        yield World(PaperBroker(ledger, clock, tape), clock, tape)  # type: ignore[arg-type]
        client.cache_clear()


def test_a_touch_fills_nothing_and_a_trade_through_does(world: World) -> None:
    world.place(1)
    world.sell(ONE, 4000)
    [touched] = world.broker.orders(event_ticker=EVENT)
    world.sell(ONE, 3900)
    [through] = world.broker.orders(event_ticker=EVENT)

    assert (touched.filled_size, touched.status) == (0, OrderStatus.RESTING)
    assert (through.filled_size, through.status) == (100, OrderStatus.EXECUTED)
    assert [fill.size for fill in world.broker.fills(ticker=ONE)] == [100]


def test_a_listing_asks_for_each_tape_once_however_many_orders_there_were(world: World) -> None:
    for number in range(12):
        order_id = world.place(number, ONE if number % 2 else TWO)
        if number < 10:
            world.broker.cancel_batch([order_id])
    world.tape.asked.clear()

    assert len(world.broker.orders(event_ticker=EVENT)) == 12
    assert sorted(world.tape.asked) == [ONE, TWO]


def test_a_listing_holds_the_orders_of_the_events_it_names_and_no_others(world: World) -> None:
    other = f"{the_window().event_ticker('KXNASDAQ100U')}-T25000"
    world.place(1)
    world.place(2, other)

    assert [order.ticker for order in world.broker.orders(event_ticker=EVENT)] == [ONE]
    assert [order.ticker for order in world.broker.orders(ticker=other)] == [other]
    assert len(world.broker.orders(event_ticker=WINDOW.event_tickers)) == 2
    assert len(world.broker.orders()) == 2
    assert world.broker.orders(ticker=ONE[:-1]) == []


def test_an_order_leaves_although_the_tape_cannot_be_read(world: World) -> None:
    order_id = world.place(1)
    world.sell(ONE, 3900, 40)
    world.clock.sleep(1.0)
    world.tape.shut = True
    with pytest.raises(VenueAmbiguous, match="the paper orders are out"):
        world.broker.cancel_batch([order_id])

    assert world.broker.orders(event_ticker=EVENT, status=OrderStatus.RESTING) == []
    world.tape.shut = False
    [order] = world.broker.orders(event_ticker=EVENT)
    assert (order.status, order.filled_size) == (OrderStatus.CANCELED, 40)


def test_a_pull_is_sure_although_the_tape_cannot_be_read(world: World) -> None:
    known = [world.place(1), world.place(2, TWO)]
    world.tape.shut = True
    report = Pull(world.broker, WINDOW, world.clock, known=known).now()

    assert report.resting_after == 0
    assert report.confirmed_at is not None


def test_what_is_sold_after_an_order_left_is_not_its_fill(world: World) -> None:
    order_id = world.place(1)
    [result] = world.broker.cancel_batch([order_id])
    world.clock.sleep(1.0)
    world.sell(ONE, 3900)

    assert result.reduced_by == 100
    assert world.broker.fills(ticker=ONE) == []
    assert world.broker.cancel_batch([order_id])[0].error == "not_found"


def test_a_filled_order_cannot_be_cancelled_and_stays_filled(world: World) -> None:
    order_id = world.place(1)
    world.sell(ONE, 3900)
    world.clock.sleep(1.0)
    [result] = world.broker.cancel_batch([order_id])

    assert (result.reduced_by, result.error) == (0, "not_found")
    assert world.broker.orders(event_ticker=EVENT)[0].status is OrderStatus.EXECUTED


def test_an_amended_order_keeps_its_fills_and_counts_new_trades_at_its_new_price(
    world: World,
) -> None:
    order_id = world.place(1)
    world.sell(ONE, 3900, 40)
    world.clock.sleep(1.0)
    world.broker.amend(
        order_id, NewOrder(ONE, Side.BID, 3500, 60, "o-1", T - timedelta(seconds=3)), 40
    )
    world.sell(ONE, 3700, 60)
    [moved] = world.broker.orders(ticker=ONE)
    world.sell(ONE, 3400, 20)
    [sold] = world.broker.orders(ticker=ONE)

    assert (moved.filled_size, moved.remaining_size) == (40, 60)
    assert (sold.filled_size, sold.remaining_size) == (60, 40)


def test_a_client_order_id_is_taken_once(world: World) -> None:
    world.place(1)

    with pytest.raises(VenueRejected) as refused:
        world.place(1)
    assert (refused.value.status, refused.value.code) == (409, "order_already_exists")
    with pytest.raises(VenueRejected, match="there is no paper order"):
        world.broker.cancel_batch(["paper-unknown"])
