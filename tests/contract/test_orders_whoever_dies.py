"""The order path on a real exchange, whoever dies and whatever the venue answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest

from kalshi_alpha.cloud.state import KillSwitch
from kalshi_alpha.errors import InvariantBroken, KillSwitchOn
from kalshi_alpha.markets.orders import NewOrder, Side
from kalshi_alpha.rehearsal.exchange.limits import Limits
from kalshi_alpha.rehearsal.exchange.server import MEMBER
from kalshi_alpha.steps.desk import Desk
from kalshi_alpha.steps.orders import Orders
from kalshi_alpha.steps.placing import open_budget, open_placer
from kalshi_alpha.trading.ids import client_order_id
from kalshi_alpha.trading.plan import QuotePlan, TargetQuote
from kalshi_alpha.venues.kalshi.trader import KalshiTrader
from tests.exchange_host import FIXING
from tests.flaky_venue import Death, Killed
from tests.order_window import MARKETS, WINDOW, OrderWindow, doubled, order_window, target


@pytest.fixture
def window() -> Iterator[OrderWindow]:
    with order_window() as window:
        yield window


_POINTS = 24  # at least as many as the writes and requests of one run of quote
FIRST = (target(0, Side.BID, 4500), target(1, Side.ASK, 5500))
# Keeps none: steps one back (an amend), one forward (a cancel and a create), and adds one.
SECOND = (
    target(0, Side.BID, 4400, 70),
    target(1, Side.ASK, 5400),
    target(2, Side.BID, 4600),
)


def lives_through(window: OrderWindow, death: Death) -> None:
    """Quote twice, the second time with ``death``, then start again and quote once more."""
    window.quote(window.plan(*FIRST))
    for order in window.resting():
        window.take(order, 30)
    window.host.pass_time(20)
    window.start(death)
    with suppress(Killed):
        window.quote(window.plan(*SECOND))
    window.start()
    window.host.pass_time(20)
    window.quote(window.plan(*SECOND))


def test_every_step_of_a_quote_is_died_at_below(window: OrderWindow) -> None:
    death = Death()
    lives_through(window, death)

    assert 15 < death.count <= _POINTS
    assert {(o.price, o.remaining) for o in window.resting()} == {
        (4400, 70),
        (5400, 100),
        (4600, 100),
    }


@pytest.mark.parametrize("at", range(_POINTS))
def test_a_quote_killed_at_any_write_or_request_is_found_out_by_the_next(
    window: OrderWindow, at: int
) -> None:
    lives_through(window, Death(at))

    assert doubled(window.resting()) == set()
    assert {o.client_order_id for o in window.orders()} <= window.ledger_orders().keys()
    answer = window.close()
    assert (answer["metrics"]["Contradictions"], answer["metrics"]["FeeDifferences"]) == (0, 0)
    assert window.differences() == []


@pytest.mark.parametrize("at", range(12))
def test_a_reconciliation_killed_at_any_write_is_finished_by_the_next(
    window: OrderWindow, at: int
) -> None:
    window.quote(window.plan(*FIRST))
    for order in window.resting():
        window.take(order, 30)
    window.host.pass_time(300)
    window.start(Death(at))
    with suppress(Killed):
        window.reconcile()

    window.close()

    assert window.differences() == []
    fills = window.runtime.ledger.fills(WINDOW)
    assert sorted((fill.price, fill.size) for fill in fills) == [(4500, 30), (5500, 30)]


# What the venue answers to a create -> whether it is at the venue after all, and what we call it
# before and after its records have caught up.
ANSWERS = {
    "fine": (True, "resting", "resting"),
    "lost": (False, "unknown", "unknown"),
    "late": (False, "unknown", "unknown"),
    "reply lost": (True, "resting", "resting"),
    "garbled": (True, "resting", "resting"),
    "twice": (True, "resting", "resting"),
    "answered 400": (False, "rejected", "rejected"),
    "answered 401": (False, "rejected", "rejected"),
    "answered 409": (False, "unknown", "unknown"),
    "answered 429": (False, "unknown", "rejected"),
    "answered 500": (False, "unknown", "unknown"),
    "answered 503": (False, "unknown", "unknown"),
    "done but answered 409": (True, "resting", "resting"),
    "done but answered 429": (True, "resting", "resting"),
    "done but answered 500": (True, "resting", "resting"),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_that_leaves_it_open_is_looked_up_and_the_order_never_sent_again(
    window: OrderWindow, answer: str
) -> None:
    rests, at_first, later = ANSWERS[answer]
    wanted = target(0, Side.BID, 4500)
    window.open_group()
    window.venue.next_writes = [answer]

    window.quote(window.plan(wanted))
    (name,) = window.venue.creates
    first = window.ledger_orders()[name]["status"]
    window.host.pass_time(20)
    window.start()
    window.quote(window.plan())

    assert (first, [o.client_order_id for o in window.resting()]) == (
        at_first,
        [],  # the second plan wanted nothing
    )
    assert [o.client_order_id for o in window.orders()] == [name] * rests
    assert window.venue.creates == [name]
    after = "canceled" if later == "resting" else later
    assert window.ledger_orders()[name]["status"] == after


def test_an_order_that_was_refused_is_not_tried_again_under_its_name(window: OrderWindow) -> None:
    window.open_group()
    request = window.plan(target(0, Side.BID, 4500))
    window.venue.next_writes = ["answered 400"]
    first = window.quote(request)
    window.start()
    again = window.quote(request)

    assert (first["rejected"], again["repeated"], again["created"]) == (1, 1, 0)
    assert len(window.venue.creates) == 1


def test_a_create_that_arrives_after_it_was_given_up_is_not_doubled(window: OrderWindow) -> None:
    wanted = target(0, Side.BID, 4500)
    window.open_group()
    window.venue.next_writes = ["late"]
    first = window.quote(window.plan(wanted))
    window.host.pass_time(3)
    window.start()
    second = window.quote(window.plan(wanted))
    window.venue.deliver_late()
    window.start()
    third = window.quote(window.plan(wanted))

    assert (first["unknown"], second["blocked"], third["kept"]) == (1, 1, 1)
    assert len(window.orders()) == 1


def test_an_order_that_the_lists_do_not_show_yet_is_not_placed_again(window: OrderWindow) -> None:
    wanted = target(0, Side.BID, 4500)
    window.quote(window.plan())  # so that there is an old list to be shown
    window.venue.lagging = True
    window.quote(window.plan(wanted))
    window.host.pass_time(20)
    window.start()
    blind = window.quote(window.plan(wanted))
    window.venue.lagging = False
    window.start()
    seeing = window.quote(window.plan(wanted))

    assert (blind["blocked"], blind["created"], seeing["kept"]) == (1, 0, 1)
    assert len(window.orders()) == 1


def test_a_cancel_that_took_out_less_than_an_old_list_showed_makes_up_no_fill(
    window: OrderWindow,
) -> None:
    """The list shows the order as it was before it was amended; nothing of it ever filled."""
    window.quote(window.plan(target(0, Side.BID, 4500)))
    window.venue.lagging = True
    window.quote(window.plan(target(0, Side.BID, 4500, 40)))
    window.quote(window.plan())
    (told,) = window.ledger_orders().values()
    window.close()
    (now,) = window.ledger_orders().values()

    assert (told["status"], told.get("filled_size", 0)) == ("resting", 0)  # as the old list says
    assert (now["status"], now.get("filled_size", 0)) == ("canceled", 0)
    assert window.differences() == []


def test_a_name_that_never_was_ours_stops_the_window(window: OrderWindow) -> None:
    """An order that our books know as rejected rests at the venue: nothing more is sent."""
    wanted = target(0, Side.BID, 4500)
    window.open_group()
    window.venue.next_writes = ["done but answered 400"]
    with pytest.raises(InvariantBroken, match="is rejected and cannot have been Seen"):
        window.quote(window.plan(wanted))
    (name,) = window.venue.creates

    assert window.ledger_orders()[name]["status"] == "resting"  # the venue's word stands
    assert "Seen" in window.ledger_orders()[name]["contradiction"]


def test_without_the_venues_numbers_cancels_go_and_nothing_is_placed(window: OrderWindow) -> None:
    window.quote(window.plan(target(0, Side.BID, 4500)))
    window.start()
    window.venue.broken = "/account/limits"

    done = window.quote(window.plan(target(1, Side.ASK, 5500)))

    assert (done["canceled"], done["dropped"], window.resting()) == (1, 1, [])
    (drop,) = window.runtime.ledger.drops(WINDOW)
    assert (drop["what"], drop["ticker"], drop["price"]) == ("create", MARKETS[1], 5500)
    assert "budget" in drop["why"]


def test_a_cancel_that_is_turned_away_goes_again_and_is_then_written_down(
    window: OrderWindow,
) -> None:
    window.quote(window.plan(target(0, Side.BID, 4500)))
    window.venue.next_writes = ["answered 429"] * 2
    twice = window.quote(window.plan())
    window.quote(window.plan(target(0, Side.BID, 4500)))
    window.venue.next_writes = ["answered 429"] * 3
    thrice = window.quote(window.plan(target(0, Side.BID, 4600)))

    assert (twice["canceled"], twice["dropped"]) == (1, 0)
    assert (thrice["canceled"], thrice["dropped"], thrice["blocked"]) == (0, 1, 1)
    assert len(window.resting()) == 1
    (drop,) = window.runtime.ledger.drops(WINDOW)
    assert (drop["what"], drop["tries"]) == ("cancel", 3)


def test_the_smallest_tier_always_keeps_the_tokens_of_a_full_pull() -> None:
    with order_window(limits=Limits()) as window:
        wanted = [target(market, Side.BID, 4500) for market in range(len(MARKETS))]
        done = window.quote(window.plan(*wanted))
        bucket = window.host.server.limits[MEMBER].write
        left = window.host.run(lambda: bucket.tokens)

        assert done["created"] == len(MARKETS)
        assert left >= 2 * len(MARKETS) + 10


def a_desk(window: OrderWindow, *targets: TargetQuote, capacity: int = 64) -> Desk:
    runtime = window.runtime
    plan = QuotePlan.from_json(window.plan(*targets)["plan"])
    at = runtime.window(WINDOW)
    placer, budget = open_placer(runtime, at), open_budget(runtime, at)
    return Desk(runtime, at, plan, placer, budget, Orders(runtime, at).load(), capacity=capacity)


def test_what_finds_no_place_in_the_queue_is_not_done_and_written_down(
    window: OrderWindow,
) -> None:
    wanted = [target(market, Side.BID, 4500) for market in range(3)]

    done = a_desk(window, *wanted, capacity=2).carry_out()

    assert (done["created"], done["dropped"], len(window.resting())) == (2, 1, 2)
    (drop,) = window.runtime.ledger.drops(WINDOW)
    assert (drop["ticker"], drop["why"]) == (MARKETS[2], "the queue is full")


def test_after_the_last_scan_cancels_go_and_nothing_is_placed(window: OrderWindow) -> None:
    window.quote(window.plan(target(0, Side.BID, 4500)))
    window.host.pass_time(226)  # T-14 s

    done = a_desk(window, target(1, Side.ASK, 5500)).carry_out()

    assert (done["canceled"], done["dropped"], window.resting()) == (1, 1, [])


def test_an_order_of_ours_that_was_never_recorded_stops_the_window(window: OrderWindow) -> None:
    order = NewOrder(
        MARKETS[0],
        Side.BID,
        4500,
        100,
        client_order_id(WINDOW, MARKETS[0], Side.BID, 0, 9),
        window.runtime.window(WINDOW).expires_at,
    )
    window.runtime.venue_client(KalshiTrader, "key").create(order)

    with pytest.raises(InvariantBroken, match="never recorded"):
        window.quote(window.plan(target(1, Side.ASK, 5500)))

    assert window.venue.creates == [order.client_order_id]  # nothing more was sent


def test_an_order_that_the_switch_stopped_at_the_last_moment_never_was(
    window: OrderWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.open_group()
    state = window.runtime.state
    switches = iter([state.kill_switch(), KillSwitch(on=True, reason="now")])
    monkeypatch.setattr(type(state), "kill_switch", lambda _: next(switches))

    with pytest.raises(KillSwitchOn, match="now"):
        window.quote(window.plan(target(0, Side.BID, 4500)))

    (doc,) = window.ledger_orders().values()
    assert (doc["status"], window.venue.creates) == ("rejected", [])


def test_the_windows_group_is_opened_once_and_every_order_is_in_it(window: OrderWindow) -> None:
    window.quote(window.plan(*FIRST))
    group_id = window.runtime.state.part(WINDOW, "GROUP")["group_id"]

    window.runtime.puller.trigger_group(group_id)

    assert window.resting() == []
    assert len(window.orders()) == len(FIRST)


def test_every_order_expires_at_the_venue_by_two_seconds_before_the_fixing(
    window: OrderWindow,
) -> None:
    window.quote(window.plan(*FIRST))
    latest = FIXING - timedelta(seconds=2)
    assert [order.expires_at for order in window.orders()] == [latest, latest]

    window.host.pass_time((latest - window.host.clock.now()).total_seconds())

    assert window.resting() == []
