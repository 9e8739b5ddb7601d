"""Our own orders as they stood, and what a listing of them may and must show."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kalshi_alpha.clock import iso
from kalshi_alpha.markets.orders import Fill, LiveOrder, OrderStatus, Side
from kalshi_alpha.parity.fills import stays
from kalshi_alpha.parity.own import END, OwnOrders, from_ledger, from_reports

T0 = datetime(2026, 10, 6, 15, 56, tzinfo=UTC)
GONE = {"status": OrderStatus.CANCELED, "remaining_size": 0}


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def order(seconds: float = 0.0, **changes: Any) -> LiveOrder:
    made = LiveOrder(
        "o", "ka-1", "E-M", Side.BID, 4000, 100, 0, 100, OrderStatus.RESTING, at(100),
        updated_at=at(seconds),
    )  # fmt: skip
    return replace(made, **changes)


@pytest.fixture
def own() -> OwnOrders:
    """Return an order placed at 0, amended at 10, filled in part at 20 and cancelled at 30."""
    return from_reports(
        {
            "o": [
                order(0),
                order(10, price=3900),
                order(20, price=3900, filled_size=40, remaining_size=60),
                order(30, price=3900, filled_size=40, **GONE),
            ]
        }
    )


@pytest.mark.parametrize(
    ("seconds", "price", "left"), [(5, 4000, 100), (15, 3900, 100), (25, 3900, 60)]
)
def test_a_listing_shows_the_order_as_it_stood(
    own: OwnOrders, seconds: float, price: int, left: int
) -> None:
    row = order(price=price, remaining_size=left)
    found, misfits = own.seen([row], "E", at(seconds), at(seconds + 0.1))
    assert misfits == []
    assert [(each.price, each.remaining_size) for each in found] == [(price, left)]


@pytest.mark.parametrize("price", [4000, 3900])
def test_a_listing_read_over_a_change_may_show_either(own: OwnOrders, price: int) -> None:
    found, misfits = own.seen([order(price=price)], "E", at(9.5), at(10.5))
    assert misfits == []
    assert [each.price for each in found] == [price]


@pytest.mark.parametrize("seconds", [-0.5, 0.5, 29.5, 30.5])
def test_a_listing_around_its_birth_or_end_need_not_show_it(own: OwnOrders, seconds: float) -> None:
    assert own.seen([], "E", at(seconds), at(seconds + 0.1))[1] == []


def test_a_listing_that_shows_what_never_was_is_told(own: OwnOrders) -> None:
    found, (misfit,) = own.seen([order(price=3900)], "E", at(3), at(4))
    assert "showed bid 100 at 3900 of order o in E-M, the record has 100 at 4000" in (
        misfit.sentence
    )
    assert [each.price for each in found] == [4000]  # the replay goes by its own record


def test_a_listing_that_lacks_what_rested_all_the_while_is_told(own: OwnOrders) -> None:
    found, (misfit,) = own.seen([], "E", at(12), at(14))
    assert misfit.sentence.endswith("which rested all the while: bid 100 at 3900")
    assert len(found) == 1


def test_a_listing_of_another_event_need_not_show_it(own: OwnOrders) -> None:
    assert own.seen([], "F", at(12), at(14)) == ([], [])


def test_an_order_of_nobody_is_told() -> None:
    found, (misfit,) = OwnOrders({}).seen([order()], "", at(1), at(2))
    assert "the record has nothing of it resting then" in misfit.sentence
    assert found == []


def test_an_expiry_needs_no_report() -> None:
    own = from_reports({"o": [order(0)]})
    assert own.seen([], "E", at(102), at(103)) == ([], [])
    assert len(own.seen([], "E", at(50), at(51))[1]) == 1


def test_every_change_but_a_smaller_size_is_another_place_in_a_queue(own: OwnOrders) -> None:
    first, second = stays(own.states["o"])
    assert (first.price, first.size, first.earliest, first.ended_latest) == (
        4000, 100, at(0), at(10),
    )  # fmt: skip
    assert (second.price, second.size, second.earliest, second.ended_latest) == (
        3900, 100, at(10), at(30),
    )  # fmt: skip


def test_a_fill_that_ends_an_order_leaves_its_end_to_the_trades() -> None:
    filled = order(20, filled_size=100, remaining_size=0, status=OrderStatus.EXECUTED)
    (stay,) = stays(from_reports({"o": [order(0), filled]}).states["o"])
    assert (stay.ended_earliest, stay.ended_latest) == (END, END)


def event(seconds: float, status: str, **more: Any) -> dict[str, Any]:
    return {"at": iso(at(seconds)), "status": status, **more}


def test_a_paper_order_is_read_out_of_our_ledger() -> None:
    ledger = {
        "order_id": "o", "client_order_id": "ka-1", "ticker": "E-M", "side": "bid",
        "price": 3900, "size": 100,
        "events": [
            event(0, "intended"), event(0.1, "sent"), event(0.3, "resting", price=4000),
            event(20, "partly_filled", filled_size=40, remaining_size=60),
            event(20.1, "sent", wanted={"price": 3900, "size": 90}),
            event(20.3, "partly_filled", price=3900),
            event(40, "canceled", remaining_size=0),
        ],
    }  # fmt: skip
    fill = Fill("f", "o", "E-M", Side.BID, 4000, 40, False, 0, at(8))
    paper = {"order_id": "o", "ends_at": iso(at(39))}

    states = from_ledger([ledger], [fill], [paper]).states["o"]

    assert [(s.order.price, s.order.remaining_size, s.earliest, s.latest) for s in states] == [
        (4000, 100, at(0.1), at(0.3)),
        (4000, 60, at(8), at(8)),
        (3900, 90, at(20.1), at(20.3)),
        (3900, 0, at(39), at(39)),  # the broker's own book knows when
    ]
