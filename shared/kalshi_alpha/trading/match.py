"""From what should rest and what does rest to what must be done.

Orders are amended rather than cancelled and placed again, one request instead of two and no
moment without a quote, wherever that cannot trade: an amend is not post-only at the venue, so one
that moves towards the other side could meet it. Such an order is cancelled and placed again,
post-only. An amend that steps back, or that changes the size alone, rests where nothing met it
before. There is never more than one order of ours on one side of a market; extra
ones are cancelled. Cancels come first, so that nothing of ours can meet anything of ours, creates
last. An order that no plan of this window named is left alone and reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from kalshi_alpha.errors import InvariantBroken
from kalshi_alpha.markets.orders import LiveOrder, OrderStatus, Side
from kalshi_alpha.trading.ids import belongs_to
from kalshi_alpha.trading.plan import TargetQuote

# What is certain to be over. A status we do not know may still rest, and is treated so.
_OVER = (OrderStatus.CANCELED, OrderStatus.EXECUTED)


@dataclass(frozen=True, slots=True)
class Create:
    """Place a new order."""

    target: TargetQuote


@dataclass(frozen=True, slots=True)
class Amend:
    """Move a live order to the target's price and resting size."""

    order: LiveOrder
    target: TargetQuote


@dataclass(frozen=True, slots=True)
class Cancel:
    """Take a live order away, for that reason."""

    order: LiveOrder
    reason: str


@dataclass(frozen=True, slots=True)
class Keep:
    """A live order is what the target asks for: leave it its place in the queue."""

    order: LiveOrder
    target: TargetQuote


@dataclass(frozen=True, slots=True)
class Foreign:
    """A live order that this window did not name: not ours to touch, and somebody's to explain."""

    order: LiveOrder


Action: TypeAlias = Create | Amend | Cancel | Keep | Foreign

_Key: TypeAlias = tuple[str, Side]


def reconcile(
    window_id: str, targets: Sequence[TargetQuote], live: Iterable[LiveOrder]
) -> tuple[Action, ...]:
    """Return the actions that turn ``live`` into ``targets``, in the order to perform them.

    Cancels, amends, keeps, creates, then foreign orders; each by ticker, side and order id.

    Raises:
        InvariantBroken: when two targets stand on the same side of one market.
    """
    wanted = _by_key(targets)
    resting = [order for order in live if order.remaining_size > 0 and order.status not in _OVER]
    mine: dict[_Key, list[LiveOrder]] = {}
    foreign = []
    for order in sorted(resting, key=lambda order: (order.ticker, order.side, order.order_id)):
        if belongs_to(window_id, order.client_order_id):
            mine.setdefault((order.ticker, order.side), []).append(order)
        else:
            foreign.append(Foreign(order))
    cancels: list[Cancel] = []
    anew: list[Create] = []
    kept: list[Amend | Keep] = []
    for key, orders in mine.items():
        target = wanted.get(key)
        if target is None:
            cancels += [Cancel(order, "no quote is wanted there any more") for order in orders]
            continue
        best = min(orders, key=lambda order: _distance(order, target))
        cancels += [Cancel(order, "one order a side") for order in orders if order is not best]
        if _same(best, target):
            kept.append(Keep(best, target))
        elif _may_amend(best, target):
            kept.append(Amend(best, target))
        else:
            cancels.append(Cancel(best, "an amend towards the other side could cross"))
            anew.append(Create(target))
    amends = [action for action in kept if isinstance(action, Amend)]
    keeps = [action for action in kept if isinstance(action, Keep)]
    new = [Create(target) for key, target in wanted.items() if key not in mine]
    creates = sorted(new + anew, key=lambda action: (action.target.ticker, action.target.side))
    return (*cancels, *amends, *keeps, *creates, *foreign)


def _by_key(targets: Sequence[TargetQuote]) -> dict[_Key, TargetQuote]:
    wanted: dict[_Key, TargetQuote] = {}
    for target in targets:
        if (target.ticker, target.side) in wanted:
            raise InvariantBroken(
                f"the plan wants two quotes on the {target.side} side of {target.ticker}; "
                "it may hold one"
            )
        wanted[(target.ticker, target.side)] = target
    return wanted


def _may_amend(order: LiveOrder, target: TargetQuote) -> bool:
    """Say whether an amend can only rest: it steps back from the other side or stays."""
    return (target.price - order.price) * order.side.sign <= 0


def _same(order: LiveOrder, target: TargetQuote) -> bool:
    return order.price == target.price and order.remaining_size == target.size


def _distance(order: LiveOrder, target: TargetQuote) -> tuple[int, int, str]:
    """Rank live orders by how little must change: the price loses the queue place, so it leads."""
    return abs(order.price - target.price), abs(order.remaining_size - target.size), order.order_id
