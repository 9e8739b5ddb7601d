"""Whatever happens to an order, in whatever order: what always holds of its life."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.errors import InvariantBroken
from kalshi_alpha.markets.orders import LiveOrder, OrderStatus, Side
from kalshi_alpha.trading.lifecycle import ENDED, TRANSITIONS, Action, OrderLife, State, step
from kalshi_alpha.trading.order_events import (
    Absent,
    Acked,
    Blocked,
    CancelAnswered,
    Changed,
    Cleared,
    Filled,
    Refused,
    Restarted,
    Seen,
    Unclear,
    Unwanted,
)

NOW = datetime(2026, 10, 6, 15, 56, tzinfo=UTC)
EXPIRY = NOW + timedelta(minutes=4)
INTENT = OrderLife("c1", State.INTENDED, 4500, 100, 100, EXPIRY)

sizes = st.sampled_from([0, 1, 37, 63, 99, 100, 140])
instants = st.sampled_from([NOW, NOW + timedelta(seconds=9), EXPIRY, EXPIRY + timedelta(minutes=1)])
names = st.sampled_from(["o1", "o1", "o1", "o2"])
events = st.one_of(
    st.builds(Cleared, instants),
    st.builds(Changed, instants, st.sampled_from([4400, 4500]), sizes.filter(bool)),
    st.just(Blocked()),
    st.builds(Acked, names, st.just(4500), sizes, sizes),
    st.just(Refused()),
    st.builds(Unclear, st.booleans()),
    st.builds(CancelAnswered, sizes),
    st.builds(
        lambda name, filled, rest, status, at: Seen(
            LiveOrder(name, "c1", "M", Side.BID, 4500, 100, filled, rest, status, updated_at=at)
        ),
        names, sizes, sizes, st.sampled_from(OrderStatus), st.none() | instants,
    ),
    st.builds(Absent, st.none() | instants),
    st.builds(Filled, st.sampled_from(["t1", "t2", "t3"]), sizes),
    st.just(Unwanted()),
    st.just(Restarted()),
)  # fmt: skip


@given(st.lists(events, max_size=30))
def test_a_life_only_moves_forward_and_counts_no_fill_twice_or_away(happened):
    life, sends, asked = INTENT, 0, 0
    for event in happened:
        try:
            after, action = step(life, event)
        except InvariantBroken:
            continue
        assert after.state is life.state or after.state in TRANSITIONS[life.state]
        assert after.filled >= life.filled
        assert after.filled <= after.most
        assert sum(after.fills.values()) <= after.filled
        assert life.fills.items() <= after.fills.items()
        assert life.order_id in ("", after.order_id)
        assert not (life.state in ENDED and after.state is not life.state)
        sends += action is Action.SEND
        asked += isinstance(event, Cleared | Changed)
        assert sends == asked  # a request for each time one was cleared, and no other
        assert action is not Action.CANCEL or isinstance(event, Unwanted)
        if action is Action.SEND:
            assert after.state is State.SENT
        if after.state in (State.SENT, State.UNKNOWN):
            assert action is not Action.NOTHING or after == life
        life = after


@given(st.lists(events, max_size=30))
def test_taking_over_twice_is_taking_over_once(happened):
    life = INTENT
    for event in happened:
        try:
            life, _ = step(life, event)
        except InvariantBroken:
            continue
    once, first = step(life, Restarted())

    assert step(once, Restarted()) == (once, first)
    assert once.state not in (State.INTENDED, State.SENT)
