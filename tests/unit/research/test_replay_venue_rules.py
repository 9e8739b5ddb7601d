"""Orders in a replay, by hand: places in the queue, partial fills, amends, expiry, both engines."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kalshi_alpha.research.replay.engine import Replay, replay
from kalshi_alpha.research.replay.rules import (
    Cancels,
    Evidence,
    Queue,
    Report,
    Rules,
    State,
)
from kalshi_alpha.research.replay.tape import ASK, BID, Kind, Tape, tape_of

pytestmark = pytest.mark.xdist_group("replay-kernel")  # compiled once
LEVEL, TRADE, CLEAR = Kind.LEVEL, Kind.TRADE, Kind.CLEAR
Start = Callable[..., Replay]
# A book of 45 to 55 cents, told at 100 ns.
BOOK = [(100, LEVEL, BID, 4500, 1000), (100, LEVEL, ASK, 5500, 1000)]


def tape(*rows: tuple[int, int, int, int, int], late: int = 0) -> Tape:
    at, kind, side, price, size = zip(*[*BOOK, *rows], strict=True)
    columns = {
        "exch_ns": at,
        "recv_ns": [each + late for each in at],
        "name": [0] * len(at),
        "kind": kind,
        "side": side,
        "price": price,
        "size": size,
    }
    return tape_of(columns, ["M"])


@pytest.fixture(params=["plain", "compiled"])
def start(request: pytest.FixtureRequest) -> Start:
    def begin(*rows: tuple[int, int, int, int, int], **rules: object) -> Replay:
        assumed = Rules(**{"entry_ns": 10, "response_ns": 5, **rules})  # type: ignore[arg-type]
        return replay(tape(*rows), assumed, tick=100, plain=request.param == "plain")

    return begin


def test_an_order_waits_behind_what_stood_there(start: Start) -> None:
    engine = start((200, TRADE, BID, 4500, 1000), (300, TRADE, BID, 4500, 30))
    order = engine.submit(0, BID, 4500, 200)
    engine.advance(250)
    assert engine.fills == []
    told = engine.advance(400)
    assert [(r.at_ns, r.report, r.size, r.evidence) for r in told] == [
        (305, Report.FILL, 30, Evidence.QUEUE_CLEARED)
    ]
    assert engine.order(order).remaining == 170
    assert engine.position(0) == 30


def test_a_trade_beyond_our_price_fills_no_more_than_it_was(start: Start) -> None:
    engine = start((200, TRADE, BID, 4500, 70))
    engine.submit(0, BID, 4600, 200)
    engine.advance(400)
    assert [(f.price, f.size, f.evidence, f.is_taker) for f in engine.fills] == [
        (4600, 70, Evidence.TRADE_THROUGH, False)
    ]


def test_a_trade_at_a_worse_price_for_the_taker_leaves_us_alone(start: Start) -> None:
    engine = start((200, TRADE, BID, 4600, 5000))
    engine.submit(0, BID, 4500, 200)
    engine.advance(400)
    assert engine.fills == []


def test_a_cancel_is_behind_us_until_it_cannot_be(start: Start) -> None:
    rows = [(200, LEVEL, BID, 4500, 1500), (300, LEVEL, BID, 4500, 800)]
    engine = start(*rows, (400, TRADE, BID, 4500, 801))
    engine.submit(0, BID, 4500, 100)
    engine.advance(500)
    assert [fill.size for fill in engine.fills] == [1]


@pytest.mark.parametrize(
    ("queue", "filled"),
    [
        # 1000 before us, 500 behind, 600 cancelled: pro rata 400 of them stood before us.
        (Queue(Cancels.SHARED, share=1.0), 10),
        (Queue(Cancels.SHARED, share=0.5), 0),  # 200: 800 stand before us
        (Queue(Cancels.POWER, power=1), 10),
        (Queue(Cancels.POWER, power=2), 90),  # 1/(1 + 1/4): 480
    ],
)
def test_a_queue_model_says_who_cancelled(start: Start, queue: Queue, filled: int) -> None:
    rows = [(200, LEVEL, BID, 4500, 1500), (300, LEVEL, BID, 4500, 900)]
    engine = start(*rows, (400, TRADE, BID, 4500, 610), queue=queue)
    engine.submit(0, BID, 4500, 100)
    engine.advance(500)
    assert sum(fill.size for fill in engine.fills) == filled


def test_what_was_traded_is_not_taken_for_cancelled(start: Start) -> None:
    rows = [(200, TRADE, BID, 4500, 400), (200, LEVEL, BID, 4500, 600)]
    engine = start(*rows, (400, TRADE, BID, 4500, 601), queue=Queue(Cancels.SHARED))
    engine.submit(0, BID, 4500, 100)
    engine.advance(500)
    assert [fill.size for fill in engine.fills] == [1]


def test_a_quote_that_comes_to_our_price_would_have_met_us(start: Start) -> None:
    engine = start((200, LEVEL, ASK, 4500, 80), (300, LEVEL, ASK, 4500, 80))
    engine.submit(0, BID, 4500, 200)
    engine.advance(400)
    assert [(f.size, f.evidence) for f in engine.fills] == [(80, Evidence.CROSSED)]


def test_post_only_is_refused_where_it_would_meet_the_other_side(start: Start) -> None:
    engine = start()
    order = engine.submit(0, BID, 5500, 100)
    told = engine.advance(200)
    assert [r.report for r in told] == [Report.REFUSED]
    assert engine.order(order).state is State.REFUSED


def test_an_order_may_cross_on_its_way(start: Start) -> None:
    engine = start((105, LEVEL, ASK, 4500, 10))
    order = engine.submit(0, BID, 4500, 100)
    engine.advance(200)
    assert engine.order(order).state is State.REFUSED


def test_a_taker_walks_the_book_and_rests_with_what_is_left(start: Start) -> None:
    engine = start((101, LEVEL, ASK, 5600, 50), (102, LEVEL, ASK, 5700, 50))
    order = engine.submit(0, BID, 5600, 1200, post_only=False)
    engine.advance(200)
    assert [(f.price, f.size, f.is_taker) for f in engine.fills] == [
        (5500, 1000, True),
        (5600, 50, True),
    ]
    known = engine.order(order)
    assert (known.state, known.remaining, known.filled) == (State.RESTING, 150, 1050)


def test_what_may_not_rest_is_cancelled(start: Start) -> None:
    engine = start()
    order = engine.submit(0, ASK, 4500, 1200, post_only=False, rests=False)
    told = engine.advance(200)
    assert [r.report for r in told] == [Report.FILL, Report.CANCELED]
    assert engine.order(order).filled == 1000
    assert engine.position(0) == -1000


def test_smaller_keeps_the_place_and_larger_loses_it(start: Start) -> None:
    rows = [(200, LEVEL, BID, 4500, 3000), (400, TRADE, BID, 4500, 1050)]
    for count, filled in ((60, 50), (140, 0)):
        engine = start(*rows)
        order = engine.submit(0, BID, 4500, 100)
        engine.advance(300)
        engine.amend(order, 4500, count)
        engine.advance(500)
        assert sum(fill.size for fill in engine.fills) == filled, count
    engine = start(*rows)
    order = engine.submit(0, BID, 4500, 100)
    engine.advance(300)
    engine.decrease(order, 60)
    engine.advance(500)
    assert [fill.size for fill in engine.fills] == [50]


def test_an_expiry_alone_keeps_the_place(start: Start) -> None:
    engine = start((200, LEVEL, BID, 4500, 3000), (400, TRADE, BID, 4500, 1050))
    order = engine.submit(0, BID, 4500, 100)
    engine.advance(300)
    engine.amend(order, 4500, 100, expires_ns=1000)
    engine.advance(2000)
    assert [fill.size for fill in engine.fills] == [50]
    assert engine.order(order).state is State.EXPIRED


def test_an_amend_counts_what_is_filled(start: Start) -> None:
    engine = start((200, TRADE, BID, 4500, 1040))
    order = engine.submit(0, BID, 4500, 100)
    engine.advance(300)
    engine.amend(order, 4600, 100)  # 40 are filled: 60 shall rest
    engine.advance(400)
    assert (engine.order(order).price, engine.order(order).remaining) == (4600, 60)
    engine.amend(order, 4600, 40)  # nothing would be left
    assert [r.report for r in engine.advance(500)] == [Report.TOO_LATE]
    assert engine.order(order).state is State.RESTING


def test_an_amended_price_may_take(start: Start) -> None:
    engine = start()
    order = engine.submit(0, BID, 4500, 100)
    engine.advance(200)
    engine.amend(order, 5500, 100)
    engine.advance(300)
    assert [(f.price, f.size, f.evidence) for f in engine.fills] == [(5500, 100, Evidence.TAKEN)]
    assert engine.order(order).state is State.FILLED


def test_an_order_is_gone_at_its_expiry_even_for_a_trade_of_that_instant(start: Start) -> None:
    engine = start((300, TRADE, BID, 4400, 500))
    order = engine.submit(0, BID, 4500, 100, expires_ns=300)
    told = engine.advance(400)
    assert [(r.at_ns, r.report) for r in told] == [(115, Report.RESTS), (305, Report.EXPIRED)]
    assert engine.order(order).state is State.EXPIRED


def test_an_order_that_comes_after_its_expiry_is_refused(start: Start) -> None:
    engine = start()
    order = engine.submit(0, BID, 4500, 100, expires_ns=110)
    engine.advance(200)
    assert engine.order(order).state is State.REFUSED


def test_a_cancel_that_comes_after_the_fill_is_too_late(start: Start) -> None:
    engine = start((205, TRADE, BID, 4400, 500))
    order = engine.submit(0, BID, 4500, 100)
    engine.advance(200)
    engine.cancel(order)
    told = engine.advance(300)
    assert [r.report for r in told] == [Report.FILL, Report.TOO_LATE]
    assert engine.order(order).state is State.FILLED
    assert engine.order(order).pending == 0


def test_we_see_the_book_as_late_as_it_came(start: Start) -> None:
    engine = start((200, LEVEL, BID, 4600, 70), feed_ns=50)
    engine.advance(249)
    assert (engine.seen(0).bid, engine.seen(0).bid_size) == (4500, 1000)
    engine.advance(250)
    assert (engine.seen(0).bid, engine.seen(0).bid_size) == (4600, 70)
    assert engine.depth(0, BID) == ((4600, 70), (4500, 1000))


def test_a_clock_that_runs_behind_shows_nothing_before_it_happened() -> None:
    early = tape((200, LEVEL, BID, 4600, 70), late=-50)
    for plain in (True, False):
        engine = replay(early, Rules(), plain=plain)
        engine.advance(199)
        assert engine.seen(0).bid == 4500
        engine.advance(200)
        assert engine.seen(0).bid == 4600


def test_two_of_our_orders_share_one_trade(start: Start) -> None:
    engine = start((200, TRADE, BID, 4500, 1090))
    first = engine.submit(0, BID, 4500, 50)
    second = engine.submit(0, BID, 4500, 100)
    engine.advance(400)
    assert [(f.order, f.size) for f in engine.fills] == [(first, 50), (second, 40)]


def test_a_snapshot_empties_the_book(start: Start) -> None:
    engine = start((200, CLEAR, BID, 0, 0), (200, LEVEL, BID, 4300, 10))
    engine.advance(300)
    assert (engine.seen(0).bid, engine.seen(0).ask) == (4300, 0)
