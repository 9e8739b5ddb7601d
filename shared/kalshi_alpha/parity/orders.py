"""Orders: what each desk set out to do, done again from the replayed plan, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from kalshi_alpha.clock import from_iso
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.parity.decisions import alike
from kalshi_alpha.parity.differences import CAPTURE, INPUT, ORDER, Findings
from kalshi_alpha.parity.own import OwnOrders, State
from kalshi_alpha.steps import facts
from kalshi_alpha.trading.ids import belongs_to, client_order_id
from kalshi_alpha.trading.match import Action, Amend, Create, reconcile
from kalshi_alpha.trading.plan import TargetQuote


@dataclass
class SetOut:
    """What the replayed plans set out to do.

    Attributes:
        created: wanted orders by their names.
        amended: price and resting size asked for, by order id.
        actions: how many there were.
    """

    created: dict[str, TargetQuote] = field(default_factory=dict)
    amended: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    actions: int = 0

    def take(self, window_id: str, revision: int, actions: Iterable[Action]) -> None:
        """Take the actions of one plan."""
        for action in actions:
            self.actions += 1
            match action:
                case Create(target=t):
                    name = client_order_id(window_id, t.ticker, t.side, t.level, revision)
                    self.created[name] = t
                case Amend(order=order, target=t):
                    self.amended.setdefault(order.order_id, []).append((t.price, t.size))
                case _:
                    pass


def compare_desk(
    desk: Mapping[str, Any], targets: Sequence[TargetQuote], own: OwnOrders, findings: Findings
) -> tuple[Action, ...]:
    """Match a replayed plan against what rested by the capture; the desk's record must agree.

    Args:
        desk: the ledger's entry of the plan's desk.
        targets: of the replayed plan.
        own: our orders.
        findings: takes what differs.
    """
    rows = [facts.order_from_json(row) for row in desk["live"]]
    asked_at, seen_at = from_iso(desk["asked_at"]), from_iso(desk["seen_at"])
    live, misfits = own.seen(rows, "", asked_at, seen_at)
    for misfit in misfits:
        findings.part(INPUT, misfit.order_id, misfit.sentence)
    actions = reconcile(findings.window_id, targets, live)
    theirs = {_key(doc): doc for doc in desk["actions"]}
    ours = {_key(doc): doc for doc in map(facts.action_to_json, actions)}
    for key in sorted({*theirs, *ours}):
        one, other = theirs.get(key), ours.get(key)
        if not alike(one, other):
            findings.part(
                ORDER,
                key,
                f"the desk set out to {_said(one)} in the record and to {_said(other)} in the "
                f"replay ({key})",
                one,
                other,
            )
    return actions


def compare_orders(
    set_out: SetOut,
    own: OwnOrders,
    ledger: Iterable[Mapping[str, Any]],
    findings: Findings,
) -> tuple[int, int]:
    """Compare the orders that were with those set out for; return (placed, not placed).

    An order that was set out for and never was is no difference of the strategy: a limit, the
    budget or the venue held it back, and the ledger says which.
    """
    placed = set()
    for order_id, states in own.states.items():
        name = states[0].order.client_order_id
        if not belongs_to(findings.window_id, name):
            continue
        placed.add(name)
        target = set_out.created.get(name)
        if target is None:
            findings.part(ORDER, name, f"the order {order_id} ({name}) was set out for by no plan")
            continue
        _compare_life(order_id, states, target, set_out.amended.get(order_id, []), findings)
    for doc in ledger:
        name = doc["client_order_id"]
        if doc.get("order_id") and name not in placed:
            findings.part(
                CAPTURE, name, f"the ledger's order {name} is nowhere in the capture", dict(doc)
            )
    return len(placed & set_out.created.keys()), len(set_out.created.keys() - placed)


def _compare_life(
    order_id: str,
    states: Sequence[State],
    target: TargetQuote,
    amended: Sequence[tuple[int, int]],
    findings: Findings,
) -> None:
    first = states[0].order
    wanted = (target.ticker, target.side, target.price, target.size)
    was = (first.ticker, first.side, first.price, first.filled_size + first.remaining_size)
    if was != wanted and states[0].order.remaining_size:
        findings.part(
            ORDER,
            order_id,
            f"the order {order_id} came to be as {_words(*was)}, the plan wanted {_words(*wanted)}",
            list(was),
            list(wanted),
        )
    for before, after in pairwise(states):
        one, other = before.order, after.order
        moved = other.price != one.price or other.remaining_size > one.remaining_size
        if moved and (other.price, other.remaining_size) not in amended:
            findings.part(
                ORDER,
                order_id,
                f"the order {order_id} became {other.remaining_size} at {other.price}, which no "
                "amend of a plan asked for",
                [other.price, other.remaining_size],
                [list(pair) for pair in amended],
            )


def _key(doc: Mapping[str, Any]) -> str:
    target = doc.get("target") or {}
    return f"{doc.get('order_id', '')} {target.get('ticker', '')} {target.get('side', '')}".strip()


def _said(doc: Mapping[str, Any] | None) -> str:
    if doc is None:
        return "do nothing"
    target = doc.get("target")
    return str(doc["what"]) + (f" {target['size']} at {target['price']}" if target else "")


def _words(ticker: str, side: Side, price: int, size: int) -> str:
    return f"{side.value} {size} at {price} in {ticker}"
