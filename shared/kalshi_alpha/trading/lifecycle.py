"""The life of one order, as an explicit state machine: an event in, a new state and an action out.

Pure: whoever drives it records the new state first and performs the action then. So whatever dies
between the two leaves a state from which the truth can be found, by asking the venue, and no
request is ever sent because an answer is missing. What may follow what is ``TRANSITIONS``; anything
else raises ``InvariantBroken``.

Two numbers never fall: what has filled, as far as anyone has said, and the most that our requests
ever asked for. A listing that counts fewer fills than we know of is older than what we know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeAlias

from kalshi_alpha.errors import InvariantBroken
from kalshi_alpha.markets.orders import LiveOrder, OrderStatus
from kalshi_alpha.markets.units import size_text
from kalshi_alpha.trading.order_events import (
    Absent,
    Acked,
    Blocked,
    CancelAnswered,
    Changed,
    Cleared,
    Event,
    Filled,
    Refused,
    Restarted,
    Seen,
    Unclear,
    Unwanted,
)

# How much fresher than our request the venue's records must be before an order that they do not
# show is taken for one that never was: more than any clock here may be off.
GRACE = timedelta(seconds=5)


class State(StrEnum):
    """Where an order stands."""

    INTENDED = "intended"  # in our books; nothing has left
    SENT = "sent"  # a request is on its way, or was when whoever sent it died
    UNKNOWN = "unknown"  # a request went unanswered, or its answer left it open
    RESTING = "resting"
    PARTLY_FILLED = "partly_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"  # nothing of it ever was, or will be, at the venue


class Action(StrEnum):
    """What has to be done next."""

    SEND = "send"
    LOOK_UP = "look up"
    CANCEL = "cancel"
    NOTHING = "nothing"


ENDED = frozenset({State.FILLED, State.CANCELED, State.EXPIRED, State.REJECTED})
OPEN_QUESTIONS = frozenset({State.SENT, State.UNKNOWN})
_AT_VENUE = frozenset({State.RESTING, State.PARTLY_FILLED})
_SHOWN = _AT_VENUE | {State.FILLED, State.CANCELED, State.EXPIRED}

TRANSITIONS: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.INTENDED: frozenset({State.SENT, State.REJECTED}),
        State.SENT: frozenset({State.UNKNOWN, State.REJECTED}) | _SHOWN,
        State.UNKNOWN: frozenset({State.REJECTED}) | _SHOWN,
        State.RESTING: OPEN_QUESTIONS | _SHOWN - {State.RESTING},
        State.PARTLY_FILLED: OPEN_QUESTIONS | _SHOWN - _AT_VENUE,
        **dict.fromkeys(ENDED, frozenset()),
    }
)


@dataclass(frozen=True, slots=True)
class OrderLife:
    """One order.

    Attributes:
        price: YES price in 1/10000 dollar at which it rests, or was to.
        remaining: size in 1/100 contract that rests, or was to.
        filled: size that has filled, by whoever counts most: the venue, or its list of fills.
        most: the largest size, filled and resting, that any request of ours asked for.
        expires_at: when the venue takes it out by itself.
        order_id: the venue's name for it, empty until the venue has told.
        sent_at: when the last request left.
        refused: that request was turned away at the door, as far as its answer can be trusted.
        fills: size by trade id, each counted once.
    """

    client_order_id: str
    state: State
    price: int
    remaining: int
    most: int
    expires_at: datetime
    order_id: str = ""
    filled: int = 0
    sent_at: datetime | None = None
    refused: bool = False
    fills: Mapping[str, int] = field(default_factory=dict)

    @property
    def unlisted(self) -> int:
        """Return the size that has filled without a trade of it having been seen yet."""
        return self.filled - sum(self.fills.values())


Step: TypeAlias = tuple[OrderLife, Action]


def step(life: OrderLife, event: Event) -> Step:
    """Return the order after ``event``, and what to do once that is recorded.

    Raises:
        InvariantBroken: when the event cannot happen to an order in that state.
    """
    after, action = _RULES[type(event)](life, event)
    if after.state is not life.state and after.state not in TRANSITIONS[life.state]:
        raise _impossible(life, event, f"which would make it {after.state}")
    return after, action


def _leaving(life: OrderLife, event: Cleared | Changed) -> Step:
    if isinstance(event, Cleared):
        _only_in(life, event, State.INTENDED)
        asked = life.remaining
    else:
        _only_in(life, event, *_AT_VENUE)
        asked = life.filled + event.size
    most = max(life.most, asked)
    sent = replace(life, state=State.SENT, most=most, sent_at=event.at, refused=False)
    return sent, Action.SEND


def _blocked(life: OrderLife, event: Event) -> Step:
    _only_in(life, event, State.INTENDED, State.SENT)
    return _rests_or_never_was(life), Action.NOTHING


def _answered(life: OrderLife, event: Acked | Refused) -> Step:
    _only_in(life, event, State.SENT)
    if isinstance(event, Refused):
        if life.order_id:  # an amend: the order is as it was, or gone
            return replace(life, state=State.UNKNOWN), Action.LOOK_UP
        return replace(life, state=State.REJECTED), Action.NOTHING
    _same_order(life, event.order_id, event)
    filled = max(life.filled, event.filled)
    _within(life, filled, event)
    known = replace(
        life, order_id=event.order_id, price=event.price, filled=filled, remaining=event.remaining
    )
    if event.remaining:
        return replace(known, state=_alive(filled)), Action.NOTHING
    if filled >= life.most:
        return replace(known, state=State.FILLED), Action.NOTHING
    return replace(
        known, state=State.UNKNOWN
    ), Action.LOOK_UP  # taken, and neither rests nor filled


def _unclear(life: OrderLife, event: Unclear) -> Step:
    _only_in(life, event, *OPEN_QUESTIONS, *_AT_VENUE)
    refused = event.refused and life.state is State.SENT
    return replace(life, state=State.UNKNOWN, refused=refused), Action.LOOK_UP


def _cancel_answered(life: OrderLife, event: CancelAnswered) -> Step:
    """Believe a cancel that took out just what we thought would rest; look up any other.

    More or less means that a fill was faster, or that what we knew of came from an old listing:
    which of them, and so what has filled, only the venue can say.
    """
    _only_in(life, event, State.UNKNOWN, *_AT_VENUE)
    if event.reduced_by != life.remaining or not event.reduced_by:
        return replace(life, state=State.UNKNOWN), Action.LOOK_UP
    return replace(life, state=State.CANCELED, remaining=0), Action.NOTHING


def _seen(life: OrderLife, event: Seen) -> Step:
    order = event.order
    _only_in(life, event, *(set(State) - {State.INTENDED, State.REJECTED}))
    if order.client_order_id != life.client_order_id:
        raise _impossible(life, event, f"it is {order.client_order_id}")
    _same_order(life, order.order_id, event)
    _within(life, order.filled_size, event)
    if life.state in ENDED:
        return _seen_after_its_end(life, order, event)
    if order.filled_size < life.filled:  # older than what we know
        return replace(life, order_id=order.order_id), _ask_if_open(life)
    known = replace(
        life,
        order_id=order.order_id,
        price=order.price,
        filled=order.filled_size,
        remaining=order.remaining_size,
    )
    if order.status is OrderStatus.RESTING and order.remaining_size > 0:
        return replace(known, state=_alive(order.filled_size)), Action.NOTHING
    if order.status is OrderStatus.EXECUTED:
        return replace(known, state=State.FILLED, remaining=0), Action.NOTHING
    if order.status is OrderStatus.CANCELED:
        return replace(known, state=_how_it_ended(life, order), remaining=0), Action.NOTHING
    return replace(known, state=State.UNKNOWN), Action.LOOK_UP  # a word we do not know


def _seen_after_its_end(life: OrderLife, order: LiveOrder, event: Event) -> Step:
    executed = order.status is OrderStatus.EXECUTED
    if executed and life.state is not State.FILLED:
        raise _impossible(life, event, "and an order that was taken out cannot be executed")
    return replace(life, filled=max(life.filled, order.filled_size)), Action.NOTHING


def _absent(life: OrderLife, event: Absent) -> Step:
    """Conclude from a listing's silence only what it can prove.

    An order whose request was turned away is known not to be once the venue's records are fresher
    than the request; one whose request may still be under way, once they are fresher than its
    expiry, after which the venue takes no such order.
    """
    if life.state not in OPEN_QUESTIONS:
        return life, Action.NOTHING
    proof = life.sent_at if life.refused else life.expires_at
    if life.order_id or event.as_of is None or proof is None or event.as_of < proof + GRACE:
        return replace(life, state=State.UNKNOWN), Action.LOOK_UP
    return replace(life, state=State.REJECTED), Action.NOTHING


def _filled(life: OrderLife, event: Filled) -> Step:
    _only_in(life, event, *(set(State) - {State.INTENDED, State.REJECTED}))
    known = life.fills.get(event.trade_id)
    if known is not None:
        if known != event.size:
            raise _impossible(life, event, f"which was {size_text(known)} before")
        return life, Action.NOTHING
    if event.size <= 0:
        raise _impossible(life, event, "which is nothing")
    fills = {**life.fills, event.trade_id: event.size}
    listed = sum(fills.values())
    _within(life, listed, event)
    more = max(0, listed - life.filled)
    after = replace(life, fills=fills, filled=life.filled + more)
    if life.state not in _AT_VENUE or not more:
        return after, _ask_if_open(life)
    left = max(0, life.remaining - more)
    state = State.PARTLY_FILLED if left else State.FILLED
    return replace(after, remaining=left, state=state), Action.NOTHING


def _unwanted(life: OrderLife, _: Unwanted) -> Step:
    if life.state is State.INTENDED:
        return replace(life, state=State.REJECTED), Action.NOTHING
    if life.state in _AT_VENUE:
        return life, Action.CANCEL
    return life, _ask_if_open(life)


def _restarted(life: OrderLife, _: Restarted) -> Step:
    if life.state is State.INTENDED:  # what has left is recorded as sent before it leaves
        return replace(life, state=State.REJECTED), Action.NOTHING
    if life.state in OPEN_QUESTIONS:
        return replace(life, state=State.UNKNOWN), Action.LOOK_UP
    return life, Action.NOTHING


_RULES: Mapping[type[Event], Callable[[OrderLife, Any], Step]] = MappingProxyType(
    {
        Cleared: _leaving,
        Changed: _leaving,
        Blocked: _blocked,
        Acked: _answered,
        Refused: _answered,
        Unclear: _unclear,
        CancelAnswered: _cancel_answered,
        Seen: _seen,
        Absent: _absent,
        Filled: _filled,
        Unwanted: _unwanted,
        Restarted: _restarted,
    }
)


# --- rules they share ------------------------------------------------------------------------


def as_the_venue_says(life: OrderLife, order: LiveOrder) -> OrderLife:
    """Return the order as the venue shows it, for books that have been found to contradict it."""
    states = {
        OrderStatus.RESTING: _alive(order.filled_size),
        OrderStatus.EXECUTED: State.FILLED,
        OrderStatus.CANCELED: _how_it_ended(life, order),
        OrderStatus.UNKNOWN: State.UNKNOWN,
    }
    return replace(
        life,
        state=states[order.status],
        order_id=order.order_id,
        price=order.price,
        filled=order.filled_size,
        remaining=order.remaining_size,
        most=max(life.most, order.filled_size + order.remaining_size),
    )


def _rests_or_never_was(life: OrderLife) -> OrderLife:
    state = _alive(life.filled) if life.order_id else State.REJECTED
    return replace(life, state=state)


def _alive(filled: int) -> State:
    return State.PARTLY_FILLED if filled else State.RESTING


def _how_it_ended(life: OrderLife, order: LiveOrder) -> State:
    """Tell an expiry from a cancel by when the venue last touched the order."""
    by_itself = order.updated_at is not None and order.updated_at >= life.expires_at
    return State.EXPIRED if by_itself else State.CANCELED


def _ask_if_open(life: OrderLife) -> Action:
    return Action.LOOK_UP if life.state in OPEN_QUESTIONS else Action.NOTHING


def _only_in(life: OrderLife, event: Event, *states: State) -> None:
    if life.state not in states:
        raise _impossible(life, event)


def _same_order(life: OrderLife, order_id: str, event: Event) -> None:
    if life.order_id and order_id != life.order_id:
        raise _impossible(life, event, f"under its name {life.order_id} is known: it is doubled")


def _within(life: OrderLife, filled: int, event: Event) -> None:
    if filled > life.most:
        raise _impossible(
            life,
            event,
            f"{size_text(filled)} filled, and no more than {size_text(life.most)} was asked for",
        )


def _impossible(life: OrderLife, event: Event, why: str = "") -> InvariantBroken:
    what = type(event).__name__
    return InvariantBroken(
        f"the order {life.client_order_id} is {life.state} and cannot have been {what}"
        + (f": {why}" if why else "")
    )
