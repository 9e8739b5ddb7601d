from dataclasses import replace

import pytest

from kalshi_alpha.errors import InvariantBroken
from kalshi_alpha.markets.orders import LiveOrder, OrderStatus, Side
from kalshi_alpha.trading.ids import client_order_id
from kalshi_alpha.trading.match import Amend, Cancel, Create, Foreign, Keep, reconcile
from kalshi_alpha.trading.plan import TargetQuote

WINDOW = "20251104-1200-index-hourly"
A, B = "KXINXU-25NOV04H1200-T6844.9999", "KXINXU-25NOV04H1200-T6849.9999"


def target(ticker=A, side=Side.BID, price=4500, size=100):
    return TargetQuote(ticker, side, price, size, 0, 510_000, 60_000)


def order(order_id="o1", ticker=A, side=Side.BID, price=4500, remaining=100, **changes):
    made = LiveOrder(
        order_id=order_id,
        client_order_id=client_order_id(WINDOW, ticker, side, 0, 1),
        ticker=ticker,
        side=side,
        price=price,
        initial_size=100,
        filled_size=0,
        remaining_size=remaining,
        status=OrderStatus.RESTING,
    )
    return replace(made, **changes)


def test_a_target_without_an_order_is_created():
    assert reconcile(WINDOW, [target()], []) == (Create(target()),)


def test_an_order_that_is_right_keeps_its_place():
    assert reconcile(WINDOW, [target()], [order()]) == (Keep(order(), target()),)


def test_a_step_back_or_another_size_is_amended_not_replaced():
    cheaper, smaller = target(price=4400), order(remaining=50)

    assert reconcile(WINDOW, [cheaper], [order()]) == (Amend(order(), cheaper),)
    assert reconcile(WINDOW, [target()], [smaller]) == (Amend(smaller, target()),)


@pytest.mark.parametrize(("side", "price"), [(Side.BID, 4600), (Side.ASK, 4400)])
def test_a_step_towards_the_other_side_is_placed_anew_for_an_amend_could_cross(side, price):
    wanted, resting = target(side=side, price=price), order(side=side)

    actions = reconcile(WINDOW, [wanted], [resting])

    assert [type(action) for action in actions] == [Cancel, Create]
    assert actions == (
        Cancel(resting, "an amend towards the other side could cross"),
        Create(wanted),
    )


def test_an_order_nobody_wants_any_more_is_cancelled():
    (action,) = reconcile(WINDOW, [], [order()])

    assert isinstance(action, Cancel)
    assert action.order == order()
    assert action.reason == "no quote is wanted there any more"


def test_a_change_of_side_cancels_before_it_creates():
    actions = reconcile(WINDOW, [target(side=Side.ASK)], [order()])
    assert [type(action) for action in actions] == [Cancel, Create]


def test_of_several_orders_on_a_side_the_nearest_stays_and_the_rest_go():
    orders = [order("o1", price=4400), order("o2"), order("o3", remaining=70)]
    actions = reconcile(WINDOW, [target()], orders)

    assert [(type(a).__name__, a.order.order_id) for a in actions] == [
        ("Cancel", "o1"),
        ("Cancel", "o3"),
        ("Keep", "o2"),
    ]


def test_orders_of_unknown_origin_are_left_alone_and_reported():
    manual = order("m1", client_order_id="manual-1")
    other = order("m2", client_order_id=client_order_id("20251104-1300-x", A, Side.BID, 0, 1))

    assert reconcile(WINDOW, [], [other, manual]) == (Foreign(manual), Foreign(other))
    assert reconcile(WINDOW, [target()], [manual]) == (Create(target()), Foreign(manual))


def test_orders_that_are_over_do_not_count():
    gone = [
        order("o1", status=OrderStatus.CANCELED),
        order("o2", status=OrderStatus.EXECUTED),
        order("o3", remaining=0),
    ]
    assert reconcile(WINDOW, [target()], gone) == (Create(target()),)


def test_an_order_whose_status_we_do_not_know_is_treated_as_resting():
    odd = order(status=OrderStatus.UNKNOWN)
    assert reconcile(WINDOW, [target()], [odd]) == (Keep(odd, target()),)


def test_cancels_come_first_and_creates_last():
    orders = [order("o1", price=4600), order("o2", ticker=B, side=Side.ASK)]
    actions = reconcile(WINDOW, [target(), target(B)], orders)

    assert [type(action) for action in actions] == [Cancel, Amend, Create]


def test_two_targets_on_one_side_are_a_broken_plan():
    with pytest.raises(InvariantBroken, match="two quotes on the bid side"):
        reconcile(WINDOW, [target(), target(price=4400)], [])
