"""Quote: make the live orders what the plan wants. The only step that can place.

Each intent is in the ledger before its request leaves, under an id that follows from the plan, so
a step that dies and runs again finds its own tracks. A request whose outcome is unknown is looked
up and never repeated: while it stays unknown, nothing more is placed on that side of that market.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from kalshi_alpha.errors import (
    InvariantBroken,
    KillSwitchOn,
    LimitReached,
    VenueAmbiguous,
    VenueRejected,
    VenueThrottled,
)
from kalshi_alpha.markets.orders import LiveOrder, NewOrder, Side
from kalshi_alpha.markets.units import SIZE_UNIT
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.steps.placing import open_placer
from kalshi_alpha.steps.ports import Placer
from kalshi_alpha.steps.pull import resting
from kalshi_alpha.steps.reconcile import sync_orders
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.trading.ids import client_order_id
from kalshi_alpha.trading.match import Amend, Cancel, Create, Foreign, Keep, reconcile
from kalshi_alpha.trading.plan import QuotePlan, TargetQuote

# A plan this old was made from another market.
_PLAN_AGE = timedelta(seconds=30)
_GONE = frozenset({"intended", "unknown", "amending"})


def run(request: Mapping[str, Any], runtime: Runtime) -> dict[str, Any]:
    """Carry out the plan of ``{"window_id", "plan"}``.

    Returns the counts of what was done, and whether to scan ``again`` after ``pause_seconds``.

    Raises:
        KillSwitchOn: when the switch is on or unreadable, or the window is frozen; the state
            machine then pulls.
    """
    window = runtime.window(str(request["window_id"]))
    plan = QuotePlan.from_json(request["plan"])
    if plan.window_id != window.window_id:
        raise InvariantBroken(f"the plan of {plan.window_id} was given to {window.window_id}")
    _stop_if_killed(runtime, window)
    now = runtime.clock.now()
    counts: Counter[str] = Counter()
    if now < window.last_scan_at and now - plan.made_at <= _PLAN_AGE:
        counts = _Desk(runtime, window, plan).carry_out()
    else:
        counts["stale_plans"] += 1
    sync_orders(runtime, window)
    return {
        **{name: counts[name] for name in _COUNTED},
        **_what_next(runtime, window),
        "metrics": {f"Quotes{name.title().replace('_', '')}": counts[name] for name in _COUNTED},
    }


_COUNTED = (
    "created", "amended", "canceled", "kept", "rejected", "unknown", "foreign", "blocked",
    "stale_plans", "over_limit",
)  # fmt: skip


@dataclass
class _Desk:
    """One revision of one window being carried out."""

    runtime: Runtime
    window: Window
    plan: QuotePlan
    counts: Counter[str] = field(default_factory=Counter)

    def carry_out(self) -> Counter[str]:
        """Perform every action, cancels first."""
        placer = open_placer(self.runtime, self.window)
        live = resting(placer, self.window)
        blocked = self._unexplained(live)
        for action in reconcile(self.window.window_id, self.plan.targets, live):
            match action:
                case Keep():
                    self.counts["kept"] += 1
                case Foreign():
                    self.counts["foreign"] += 1
                case Cancel(order=order):
                    if not self._cancel(placer, order):
                        blocked.add((order.ticker, order.side))
                case Amend(order=order, target=target):
                    self._amend(placer, order, target)
                case Create(target=target):
                    if (target.ticker, target.side) in blocked:
                        self.counts["blocked"] += 1
                    else:
                        self._create(placer, target)
        return self.counts

    def _unexplained(self, live: list[LiveOrder]) -> set[tuple[str, Side]]:
        """Return the market sides on which an earlier request's outcome is still unknown."""
        seen = {order.client_order_id for order in live}
        return {
            (doc["ticker"], Side(doc["side"]))
            for doc in self.runtime.ledger.orders(self.window.window_id)
            if doc["status"] in _GONE and doc["client_order_id"] not in seen
        }

    def _create(self, placer: Placer, target: TargetQuote) -> None:
        order = self._order(target, self._group(placer))
        ledger, clock, window_id = self.runtime.ledger, self.runtime.clock, self.window.window_id
        _stop_if_killed(self.runtime, self.window)
        if not ledger.intend(window_id, order, clock.now()):
            self._look_up(placer, order)  # a run before this one got so far and no further
            return
        try:
            ack = placer.create(order)
        except (VenueRejected, VenueThrottled) as error:
            if error.code == "order_already_exists":
                self._look_up(placer, order)
                return
            self.counts["rejected"] += 1
            ledger.mark(window_id, order.client_order_id, "rejected", clock.now(), why=str(error))
        except LimitReached as error:
            self.counts["over_limit"] += 1
            ledger.mark(window_id, order.client_order_id, "rejected", clock.now(), why=str(error))
        except VenueAmbiguous as error:
            ledger.mark(window_id, order.client_order_id, "unknown", clock.now(), why=str(error))
            self._look_up(placer, order)
        else:
            self.counts["created"] += 1
            ledger.mark(
                window_id,
                order.client_order_id,
                "resting",
                clock.now(),
                price=order.price,
                order_id=ack.order_id,
                filled_size=ack.filled_size,
                remaining_size=ack.remaining_size,
            )

    def _look_up(self, placer: Placer, order: NewOrder) -> None:
        """Ask the venue what became of a request; found or not, it is not sent again."""
        found = [
            live
            for live in placer.orders(ticker=order.ticker)
            if live.client_order_id == order.client_order_id
        ]
        if not found:
            self.counts["unknown"] += 1
            return
        self.counts["created"] += 1
        self.runtime.ledger.mark(
            self.window.window_id,
            order.client_order_id,
            found[0].status,
            self.runtime.clock.now(),
            price=found[0].price,
            order_id=found[0].order_id,
            filled_size=found[0].filled_size,
            remaining_size=found[0].remaining_size,
        )

    def _amend(self, placer: Placer, live: LiveOrder, target: TargetQuote) -> None:
        ledger, clock, window_id = self.runtime.ledger, self.runtime.clock, self.window.window_id
        order = self._order(target, live.order_group_id, live.client_order_id)
        _stop_if_killed(self.runtime, self.window)
        wanted = {"price": order.price, "size": order.size}
        ledger.mark(window_id, live.client_order_id, "amending", clock.now(), wanted=wanted)
        try:
            ack = placer.amend(live.order_id, order, live.filled_size)
        except (VenueRejected, VenueThrottled) as error:
            self.counts["rejected"] += 1
            ledger.mark(window_id, live.client_order_id, live.status, clock.now(), why=str(error))
        except LimitReached as error:
            self.counts["over_limit"] += 1
            ledger.mark(window_id, live.client_order_id, live.status, clock.now(), why=str(error))
        except VenueAmbiguous as error:  # the next listing shows which of the two prices it has
            self.counts["unknown"] += 1
            ledger.mark(window_id, live.client_order_id, "unknown", clock.now(), why=str(error))
        else:
            self.counts["amended"] += 1
            ledger.mark(
                window_id,
                live.client_order_id,
                "resting",
                clock.now(),
                price=order.price,
                order_id=ack.order_id,
                filled_size=ack.filled_size,
                remaining_size=ack.remaining_size,
            )

    def _cancel(self, placer: Placer, live: LiveOrder) -> bool:
        """Cancel and say whether all that was seen resting is gone unfilled.

        When it is not, a fill may have raced the cancel: nothing is placed on that side until the
        next scan has seen it.
        """
        try:
            results = placer.cancel_batch([live.order_id])
        except (VenueAmbiguous, VenueThrottled):
            self.counts["unknown"] += 1
            return False
        self.counts["canceled"] += 1
        return sum(result.reduced_by for result in results) == live.remaining_size

    def _order(self, target: TargetQuote, group_id: str, known_as: str = "") -> NewOrder:
        return NewOrder(
            ticker=target.ticker,
            side=target.side,
            price=target.price,
            size=target.size,
            client_order_id=known_as
            or client_order_id(
                self.window.window_id,
                target.ticker,
                target.side,
                target.level,
                self.plan.revision,
            ),
            expires_at=self.window.expires_at,
            order_group_id=group_id,
        )

    def _group(self, placer: Placer) -> str:
        """Return the window's order group at the venue, opening it at the first order."""
        part = self.runtime.state.part(self.window.window_id, "GROUP")
        if "group_id" not in part:
            caps = [self.runtime.registry.series[s].caps for s in self.window.series]
            contracts = sum(c.max_bins * c.max_size for c in caps) // SIZE_UNIT
            _stop_if_killed(self.runtime, self.window)
            part = {"group_id": placer.create_group(max(1, contracts))}
            self.runtime.state.put_part(self.window.window_id, "GROUP", part)
        return str(part["group_id"])


def _stop_if_killed(runtime: Runtime, window: Window) -> None:
    switch = runtime.state.kill_switch()
    if switch.on:
        raise KillSwitchOn(f"the kill-switch is on: {switch.reason}")
    if reason := runtime.state.frozen(window.window_id):
        raise KillSwitchOn(f"the window {window.window_id} is frozen: {reason}")


def _what_next(runtime: Runtime, window: Window) -> dict[str, Any]:
    pause = window.phases.scan_every
    left = (window.last_scan_at - runtime.clock.now()).total_seconds()
    return {"again": left > pause, "pause_seconds": int(pause)}
