"""The desk: one plan carried out, request by request, each order driven by its life.

Whatever is sent was recorded before. A request whose answer is missing, or leaves it open, is
looked up and not sent again; while it stays open, nothing more is placed on that side of that
market. The work waits in a short queue for the venue's tokens: nothing overtakes, and what is
dropped is written down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from kalshi_alpha.errors import (
    InvariantBroken,
    KillSwitchOn,
    LimitReached,
    VenueError,
    VenueRejected,
    VenueThrottled,
)
from kalshi_alpha.markets.orders import Ack, LiveOrder, NewOrder, OrderStatus, Side
from kalshi_alpha.markets.units import SIZE_UNIT
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.steps import facts
from kalshi_alpha.steps.orders import Orders
from kalshi_alpha.steps.ports import Budget, Placer
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.trading.ids import client_order_id
from kalshi_alpha.trading.lifecycle import ENDED, OPEN_QUESTIONS, Action, State
from kalshi_alpha.trading.match import Amend, Cancel, Create, Foreign, Keep, reconcile
from kalshi_alpha.trading.order_events import (
    Acked,
    Blocked,
    CancelAnswered,
    Changed,
    Cleared,
    Event,
    Refused,
    Unclear,
    Unwanted,
)
from kalshi_alpha.trading.plan import QuotePlan, TargetQuote
from kalshi_alpha.trading.queue import CAPACITY, Waiting, WorkQueue

# The most that one plan may wait for tokens in all: what is placed later was priced earlier.
_PATIENCE_S = 5.0
_CONFLICT = 409  # an order of this name exists already, says the venue

Work: TypeAlias = Cancel | Amend | Create


@dataclass
class Desk:
    """One revision of one window being carried out."""

    runtime: Runtime
    window: Window
    plan: QuotePlan
    placer: Placer
    budget: Budget
    orders: Orders
    counts: Counter[str] = field(default_factory=Counter)
    capacity: int = CAPACITY
    _blocked: set[tuple[str, Side]] = field(default_factory=set)
    _filled: set[str] = field(default_factory=set)
    _resting: int = 0
    _patience_s: float = _PATIENCE_S

    def carry_out(self) -> Counter[str]:
        """Find the truth, then perform every action, cancels first."""
        known = self.orders.filled_by_market()
        asked_at = self.runtime.clock.now()
        listed = self.orders.observe(self.placer)
        seen_at = self.runtime.clock.now()
        live = [o for o in listed if o.status is OrderStatus.RESTING and o.remaining_size > 0]
        self._blocked = self.orders.uncertain(live)
        self._filled = {t for t, s in self.orders.filled_by_market().items() if s > known.get(t, 0)}
        self._resting = len(live) + len(self._blocked)
        if self.orders.contradictions:
            raise InvariantBroken(self.orders.contradictions[0])
        queue: WorkQueue[Work] = WorkQueue(self.capacity)
        actions = reconcile(self.window.window_id, self.plan.targets, live)
        self.runtime.ledger.record_desk(
            self.window.window_id,
            self.plan.revision,
            {
                "asked_at": asked_at,
                "seen_at": seen_at,
                "live": [facts.order_to_json(order) for order in live],
                "actions": [facts.action_to_json(action) for action in actions],
            },
        )
        for action in actions:
            match action:
                case Keep():
                    self.counts["kept"] += 1
                case Foreign():
                    self.counts["foreign"] += 1
                case _:
                    self._queue(queue, action)
        while (waiting := queue.pop()) is not None:
            self._perform(queue, waiting)
        return self.counts

    # --- the queue ---------------------------------------------------------------------------

    def _queue(self, queue: WorkQueue[Work], action: Work) -> None:
        if over := queue.push(action):
            self._drop(over, "the queue is full")

    def _perform(self, queue: WorkQueue[Work], waiting: Waiting[Work]) -> None:
        if isinstance(waiting.item, Create) and self._is_blind(waiting.item.target):
            self.counts["blocked"] += 1
            return
        if not self._wait(waiting):
            self._drop(waiting, "the request budget has no room for it in time")
            return
        match waiting.item:
            case Cancel(order=order):
                if not self._cancel(order) and (tired := queue.again(waiting)):
                    self._drop(tired, "the venue turned it away too often")
            case Amend(order=order, target=target):
                self._amend(order, target)
            case Create(target=target):
                self._create(target)

    def _is_blind(self, target: TargetQuote) -> bool:
        """Say whether the plan wants a new order without knowing what is known now.

        Something of ours may still rest there unseen, or was filled after the scan had counted its
        positions; the next scan counts it. An amend counts what its order has filled by itself.
        """
        return (target.ticker, target.side) in self._blocked or target.ticker in self._filled

    def _wait(self, waiting: Waiting[Work]) -> bool:
        """Wait for the tokens; say False when that would take too long.

        Nothing is placed after the last scan; a cancel may always go.
        """
        clock = self.runtime.clock
        what = type(waiting.item).__name__.lower()
        wait = self.budget.wait_s(what, clock.monotonic(), resting=self._resting)
        wait = max(wait, waiting.pause_s)
        left = (self.window.last_scan_at - clock.now()).total_seconds()
        if wait > self._patience_s or (what != "cancel" and wait >= left):
            return False
        self._patience_s -= wait
        clock.sleep(wait)
        return True

    def _drop(self, waiting: Waiting[Work], why: str) -> None:
        """Write down what is not done. A side that keeps an unwanted order gets no other one."""
        item, now = waiting.item, self.runtime.clock.now()
        self.counts["dropped"] += 1
        if not isinstance(item, Create):
            self._blocked.add(_side(item))
        ticker, side = _side(item)
        doc: dict[str, Any] = {"at": now, "what": type(item).__name__.lower(), "ticker": ticker}
        doc |= {"side": side.value, "tries": waiting.tries, "why": why}
        if not isinstance(item, Create):
            doc["order_id"] = item.order.order_id
        if not isinstance(item, Cancel):
            doc |= {"price": item.target.price, "size": item.target.size}
        self.runtime.ledger.record_drop(
            self.window.window_id, self.plan.revision, waiting.number, doc
        )

    # --- the three writes --------------------------------------------------------------------

    def _create(self, target: TargetQuote) -> None:
        group_id = self._group()
        if group_id is None:
            self.counts["blocked"] += 1
            return
        order = self._order(target, group_id)
        name = order.client_order_id
        if not self.orders.intend(order):
            self.counts["repeated"] += 1  # a run before this one got here: it is looked up already
            return
        self.orders.take(name, Cleared(self.runtime.clock.now()))
        self._resting += 1
        event = self._requested(name, lambda: self.placer.create(order), order.price)
        self._count(target, name, event, "created")

    def _amend(self, live: LiveOrder, target: TargetQuote) -> None:
        order = self._order(target, live.order_group_id, live.client_order_id)
        name = order.client_order_id
        if name not in self.orders.lives or self.orders.lives[name].state in ENDED:
            self.counts["unknown"] += 1  # by our books there is nothing to amend
            return
        wanted = {"price": order.price, "size": order.size}
        self.orders.take(name, Changed(self.runtime.clock.now(), **wanted), wanted=wanted)
        filled = self.orders.lives[name].filled
        event = self._requested(
            name, lambda: self.placer.amend(live.order_id, order, filled), order.price
        )
        self._count(target, name, event, "amended")

    def _cancel(self, live: LiveOrder) -> bool:
        """Cancel; say False when the venue turned it away unheard, so that it may go again.

        When not all that was seen resting is gone unfilled, a fill may have raced the cancel:
        nothing is placed on that side until the next scan has seen it.
        """
        name = live.client_order_id
        tracked = name in self.orders.lives and self.orders.lives[name].state not in ENDED
        if tracked:
            self.orders.take(name, Unwanted())
        event: Event
        try:
            results = self.placer.cancel_batch([live.order_id])
        except VenueThrottled:
            return False
        except VenueError as error:
            event, note, reduced = Unclear(), {"why": str(error)}, 0
            self.counts["unknown"] += 1
        else:
            reduced = sum(result.reduced_by for result in results)
            event, note = CancelAnswered(reduced), {}
        if reduced != live.remaining_size:
            self._blocked.add((live.ticker, live.side))
        if reduced:
            self.counts["canceled"] += 1
            self._resting -= 1
        if tracked and self.orders.take(name, event, **note) is Action.LOOK_UP:
            self.orders.look_up(self.placer, name)
        return True

    def _requested(self, name: str, request: Callable[[], Ack], price: int) -> Event:
        """Make a request, record what its answer means, and look up what that leaves open."""
        event: Event
        why = ""
        try:
            ack = request()
        except KillSwitchOn as error:
            self.orders.take(name, Blocked(), why=str(error))
            raise
        except (LimitReached, VenueError) as error:
            event, why = _meaning(error), str(error)
        else:
            event = Acked(ack.order_id, price, ack.filled_size, ack.remaining_size)
        if self.orders.take(name, event, **({"why": why} if why else {})) is Action.LOOK_UP:
            self.orders.look_up(self.placer, name)
        return event

    def _count(self, target: TargetQuote, name: str, event: Event, done: str) -> None:
        life = self.orders.lives[name]
        if isinstance(event, Blocked):
            self.counts["over_limit"] += 1
        elif life.state in OPEN_QUESTIONS:
            self.counts["unknown"] += 1
            self._blocked.add((target.ticker, target.side))
        elif life.state is State.REJECTED or life.price != target.price:
            self.counts["rejected"] += 1
        else:
            self.counts[done] += 1

    # --- what they need ----------------------------------------------------------------------

    def _order(self, target: TargetQuote, group_id: str, known_as: str = "") -> NewOrder:
        window_id, revision = self.window.window_id, self.plan.revision
        return NewOrder(
            ticker=target.ticker,
            side=target.side,
            price=target.price,
            size=target.size,
            client_order_id=known_as
            or client_order_id(window_id, target.ticker, target.side, target.level, revision),
            expires_at=self.window.expires_at,
            order_group_id=group_id,
        )

    def _group(self) -> str | None:
        """Return the window's order group at the venue, opening it at the first order.

        None when the venue would not open one. A group whose name was lost stays empty.
        """
        part = self.runtime.state.part(self.window.window_id, "GROUP")
        if "group_id" not in part:
            caps = [self.runtime.registry.series[s].caps for s in self.window.series]
            contracts = sum(c.max_bins * c.max_size for c in caps) // SIZE_UNIT
            try:
                part = {"group_id": self.placer.create_group(max(1, contracts))}
            except VenueError:
                return None
            self.runtime.state.put_part(self.window.window_id, "GROUP", part)
        return str(part["group_id"])


def _meaning(error: LimitReached | VenueError) -> Event:
    """Return what an answer that is no acceptance says about the request."""
    if isinstance(error, LimitReached):
        return Blocked()
    if isinstance(error, VenueThrottled):
        return Unclear(refused=True)
    if isinstance(error, VenueRejected) and error.status != _CONFLICT:
        return Refused()
    return Unclear()


def _side(work: Work) -> tuple[str, Side]:
    at = work.order if isinstance(work, Cancel) else work.target
    return at.ticker, at.side
