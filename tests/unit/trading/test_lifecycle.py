"""The state machine of an order, transition by transition."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kalshi_alpha.errors import InvariantBroken
from kalshi_alpha.markets.orders import LiveOrder, OrderStatus, Side
from kalshi_alpha.trading.lifecycle import (
    ENDED,
    GRACE,
    TRANSITIONS,
    Action,
    OrderLife,
    State,
    as_the_venue_says,
    step,
)
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
EXPIRY = datetime(2026, 10, 6, 15, 59, 58, tzinfo=UTC)
INTENT = OrderLife("c1", State.INTENDED, price=4500, remaining=100, most=100, expires_at=EXPIRY)


def live(filled=0, remaining=100, status=OrderStatus.RESTING, **changes):
    made = LiveOrder("o1", "c1", "M", Side.BID, 4500, 100, filled, remaining, status)
    return replace(made, **changes)


def after(*events, life=INTENT):
    """Return the state and last action after some events."""
    action = None
    for event in events:
        life, action = step(life, event)
    return life, action


def at(state):
    """Return an order in a state, come to by legal steps."""
    sent = (Cleared(NOW),)
    acked = (*sent, Acked("o1", 4500, 0, 100))
    ways = {
        State.INTENDED: (),
        State.SENT: sent,
        State.UNKNOWN: (*sent, Unclear()),
        State.RESTING: acked,
        State.PARTLY_FILLED: (*acked, Filled("t1", 37)),
        State.FILLED: (*acked, Filled("t1", 100)),
        State.CANCELED: (*acked, CancelAnswered(100)),
        State.EXPIRED: (*acked, Seen(live(0, 0, OrderStatus.CANCELED, updated_at=EXPIRY))),
        State.REJECTED: (*sent, Refused()),
    }
    life, _ = after(*ways[state])
    assert life.state is state
    return life


def test_a_create_goes_out_once_and_rests():
    life, action = after(Cleared(NOW))
    assert (life.state, action, life.sent_at) == (State.SENT, Action.SEND, NOW)

    life, action = after(Acked("o1", 4500, 0, 100), life=life)
    assert (life.state, action, life.order_id) == (State.RESTING, Action.NOTHING, "o1")


@pytest.mark.parametrize("state", sorted(set(State) - {State.INTENDED}))
def test_nothing_is_ever_sent_again(state):
    with pytest.raises(InvariantBroken, match="cannot have been Cleared"):
        step(at(state), Cleared(NOW))


@pytest.mark.parametrize("state", sorted(State))
def test_no_event_of_the_venue_leads_to_sending(state):
    """Only a plan sends: an answer, a listing, a fill, a restart never do."""
    events = (
        Acked("o1", 4500, 0, 100), Refused(), Unclear(), Unclear(refused=True), CancelAnswered(0),
        CancelAnswered(100), Seen(live()), Absent(None), Absent(EXPIRY + GRACE), Filled("t9", 1),
        Unwanted(), Restarted(), Blocked(),
    )  # fmt: skip
    for event in events:
        try:
            _, action = step(at(state), event)
        except InvariantBroken:
            continue
        assert action is not Action.SEND


@pytest.mark.parametrize("refused", [True, False])
def test_what_is_left_open_is_looked_up(refused):
    life, action = after(Cleared(NOW), Unclear(refused=refused))

    assert (life.state, action, life.refused) == (State.UNKNOWN, Action.LOOK_UP, refused)


def test_a_definite_no_to_a_create_is_the_end_and_to_an_amend_a_question():
    assert after(Cleared(NOW), Refused())[0].state is State.REJECTED

    life, action = after(Changed(NOW, 4400, 100), Refused(), life=at(State.RESTING))
    assert (life.state, action) == (State.UNKNOWN, Action.LOOK_UP)


def test_what_our_own_rules_hold_back_never_was_or_is_as_before():
    assert after(Blocked())[0].state is State.REJECTED
    assert after(Cleared(NOW), Blocked())[0].state is State.REJECTED
    life, action = after(Changed(NOW, 4400, 60), Blocked(), life=at(State.PARTLY_FILLED))
    assert (life.state, life.price, action) == (State.PARTLY_FILLED, 4500, Action.NOTHING)


def test_an_amend_is_sent_from_rest_and_answered_with_its_price():
    life, action = after(Changed(NOW, 4400, 50), life=at(State.PARTLY_FILLED))
    assert (life.state, action, life.price, life.most) == (State.SENT, Action.SEND, 4500, 100)

    life, _ = after(Acked("o1", 4400, 37, 50), life=life)
    assert (life.state, life.price, life.remaining) == (State.PARTLY_FILLED, 4400, 50)


def test_an_order_that_was_taken_and_neither_rests_nor_filled_is_looked_up():
    life, action = after(Cleared(NOW), Acked("o1", 4500, 0, 0))

    assert (life.state, action) == (State.UNKNOWN, Action.LOOK_UP)


@pytest.mark.parametrize(
    ("sizes", "state", "remaining"),
    [([37], State.PARTLY_FILLED, 63), ([1, 99], State.FILLED, 0), ([100], State.FILLED, 0)],
)
def test_fills_add_up_however_small(sizes, state, remaining):
    fills = [Filled(f"t{n}", size) for n, size in enumerate(sizes)]

    life, _ = after(*fills, *fills, life=at(State.RESTING))

    assert (life.state, life.remaining, life.filled) == (state, remaining, sum(sizes))


def test_a_fill_that_the_venue_counted_already_counts_once():
    seen, _ = after(Seen(live(37, 63)), life=at(State.RESTING))
    assert (seen.filled, seen.unlisted) == (37, 37)

    life, _ = after(Filled("t1", 37), life=seen)

    assert (life.state, life.filled, life.remaining, life.unlisted) == (
        State.PARTLY_FILLED, 37, 63, 0,
    )  # fmt: skip


@pytest.mark.parametrize("state", [State.CANCELED, State.EXPIRED, State.UNKNOWN, State.SENT])
def test_a_fill_that_comes_late_is_counted_and_changes_nothing_else(state):
    life, _ = after(Filled("t1", 20), life=at(state))

    assert (life.state, life.filled) == (state, 20)


def test_a_fill_told_with_two_sizes_or_past_all_that_was_asked_is_impossible():
    partly = at(State.PARTLY_FILLED)
    for event in (Filled("t1", 36), Filled("t2", 64), Filled("t2", 0)):
        with pytest.raises(InvariantBroken, match="c1"):
            step(partly, event)


@pytest.mark.parametrize("state", [State.INTENDED, State.REJECTED])
def test_an_order_that_never_was_cannot_be_seen_or_fill(state):
    for event in (Seen(live()), Filled("t1", 1)):
        with pytest.raises(InvariantBroken):
            step(at(state), event)


def test_a_second_order_under_the_same_name_is_impossible():
    with pytest.raises(InvariantBroken, match="it is doubled"):
        step(at(State.RESTING), Seen(live(order_id="o2")))
    with pytest.raises(InvariantBroken, match="it is c2"):
        step(at(State.RESTING), Seen(live(client_order_id="c2")))


def test_an_old_listing_does_not_undo_a_fill():
    life, action = after(Seen(live(10, 90)), life=at(State.PARTLY_FILLED))

    assert (life, action) == (at(State.PARTLY_FILLED), Action.NOTHING)


def test_an_old_listing_does_not_bring_back_the_dead():
    for state in (State.CANCELED, State.EXPIRED):
        life, _ = after(Seen(live()), life=at(state))
        assert life.state is state


def test_an_order_that_was_taken_out_cannot_be_executed():
    executed = live(100, 0, OrderStatus.EXECUTED)
    with pytest.raises(InvariantBroken, match="cannot be executed"):
        step(at(State.CANCELED), Seen(executed))
    assert after(Seen(executed), life=at(State.FILLED))[0].state is State.FILLED


@pytest.mark.parametrize(
    ("touched", "state"),
    [(EXPIRY, State.EXPIRED), (EXPIRY - timedelta(microseconds=1), State.CANCELED),
     (None, State.CANCELED)],
)  # fmt: skip
def test_an_expiry_is_told_from_a_cancel_by_the_time_of_it(touched, state):
    order = live(0, 0, OrderStatus.CANCELED, updated_at=touched)

    assert after(Seen(order), life=at(State.UNKNOWN))[0].state is state


@pytest.mark.parametrize("order", [live(status=OrderStatus.UNKNOWN), live(0, 0), live(40, 0)])
def test_a_word_we_do_not_know_or_rest_without_size_stays_open(order):
    life, action = after(Seen(order), life=at(State.UNKNOWN))

    assert (life.state, action, life.order_id) == (State.UNKNOWN, Action.LOOK_UP, "o1")


@pytest.mark.parametrize(
    ("reduced", "state", "filled", "action"),
    [
        (100, State.CANCELED, 0, Action.NOTHING),
        (60, State.UNKNOWN, 0, Action.LOOK_UP),  # a fill was faster, or we knew it from long ago
        (140, State.UNKNOWN, 0, Action.LOOK_UP),
        (0, State.UNKNOWN, 0, Action.LOOK_UP),
    ],
)
def test_a_cancel_says_what_it_took_out(reduced, state, filled, action):
    life, done = after(Unwanted(), CancelAnswered(reduced), life=at(State.RESTING))

    assert (life.state, life.filled, done) == (state, filled, action)


@pytest.mark.parametrize(
    ("state", "then", "action"),
    [
        (State.INTENDED, State.REJECTED, Action.NOTHING),
        (State.SENT, State.SENT, Action.LOOK_UP),
        (State.UNKNOWN, State.UNKNOWN, Action.LOOK_UP),
        (State.RESTING, State.RESTING, Action.CANCEL),
        (State.PARTLY_FILLED, State.PARTLY_FILLED, Action.CANCEL),
        (State.FILLED, State.FILLED, Action.NOTHING),
        (State.CANCELED, State.CANCELED, Action.NOTHING),
    ],
)
def test_what_is_not_wanted_is_cancelled_only_where_it_is_known_to_rest(state, then, action):
    life, done = step(at(state), Unwanted())

    assert (life.state, done) == (then, action)


@pytest.mark.parametrize(
    ("state", "then", "action"),
    [
        (State.INTENDED, State.REJECTED, Action.NOTHING),  # it never left
        (State.SENT, State.UNKNOWN, Action.LOOK_UP),
        (State.UNKNOWN, State.UNKNOWN, Action.LOOK_UP),
        (State.RESTING, State.RESTING, Action.NOTHING),
        (State.EXPIRED, State.EXPIRED, Action.NOTHING),
    ],
)
def test_a_restart_asks_about_what_may_have_left(state, then, action):
    life, done = step(at(state), Restarted())

    assert (life.state, done) == (then, action)


@pytest.mark.parametrize(
    ("refused", "as_of", "state"),
    [
        (False, None, State.UNKNOWN),
        (False, NOW + 10 * GRACE, State.UNKNOWN),  # it may still be under way
        (False, EXPIRY + GRACE, State.REJECTED),  # no venue takes it any more
        (False, EXPIRY + GRACE - timedelta(microseconds=1), State.UNKNOWN),
        (True, NOW + GRACE, State.REJECTED),
        (True, NOW + GRACE - timedelta(microseconds=1), State.UNKNOWN),
        (True, None, State.UNKNOWN),
    ],
)
def test_absence_proves_only_what_it_can(refused, as_of, state):
    life, _ = after(Cleared(NOW), Unclear(refused=refused), Absent(as_of))

    assert life.state is state


@pytest.mark.parametrize("state", [*sorted(ENDED), State.RESTING, State.PARTLY_FILLED])
def test_absence_says_nothing_of_what_is_known(state):
    assert step(at(state), Absent(EXPIRY + GRACE)) == (at(state), Action.NOTHING)


def test_an_order_the_venue_has_named_is_never_taken_for_one_that_never_was():
    amended, _ = after(Changed(NOW, 4400, 100), Unclear(), life=at(State.RESTING))

    assert after(Absent(EXPIRY + GRACE), life=amended)[0].state is State.UNKNOWN


def test_nothing_follows_an_end():
    assert {state for state in State if not TRANSITIONS[state]} == ENDED
    assert TRANSITIONS.keys() == set(State)


def test_books_that_were_wrong_take_the_venues_word():
    put_right = as_the_venue_says(at(State.REJECTED), live(30, 90))

    assert (put_right.state, put_right.order_id, put_right.most) == (
        State.PARTLY_FILLED, "o1", 120,
    )  # fmt: skip
    ended = live(30, 0, OrderStatus.CANCELED)
    assert as_the_venue_says(at(State.REJECTED), ended).state is State.CANCELED


def test_an_impossible_event_says_which_order_and_why():
    with pytest.raises(InvariantBroken, match=r"the order c1 is rejected .* Seen"):
        step(at(State.REJECTED), Seen(live()))
