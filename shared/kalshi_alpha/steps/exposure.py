"""The limits on losses in the path of an order: reserve before it is sent, release, settle.

An order holds the most it ever asked for until it has ended; then it holds what its fills cost,
until their markets have paid; then nothing, and what it lost counts as lost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.errors import LimitReached
from kalshi_alpha.markets.limits import limits_on, week_of
from kalshi_alpha.markets.orders import Fill, NewOrder, Side, worst_loss
from kalshi_alpha.markets.registry import AllLimits, Caps, FamilyLimits, Registry
from kalshi_alpha.markets.units import PRICE_UNIT, cash_text, size_text
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.pricing.fees import FeeTerms, fee_terms, maker_fee
from kalshi_alpha.steps.runtime import Runtime

# Nothing of an order with one of these statuses can fill any more.
_ENDED = frozenset({"canceled", "cancelled", "executed", "filled", "expired", "rejected"})


class OrderLimits:
    """The limits as one window's orders meet them."""

    def __init__(self, runtime: Runtime, window: Window) -> None:
        self._runtime, self._window = runtime, window
        self._terms: dict[str, FeeTerms] = {}

    def reserve(self, order: NewOrder, *, filled: int = 0, spent: int = 0) -> None:
        """Hold what ``order`` could lose, its maker fee included.

        Where it is an amend, ``filled`` was bought before for ``spent``, and stays at risk.

        Raises:
            LimitReached: when a limit has no room for it; nothing may be sent.
            StoreError: when the limits cannot be counted; nothing may be sent either.
        """
        limits = limits_on(self._runtime.registry, self._window, order.ticker)
        caps = self._runtime.registry.series[self._series(order.ticker)].caps
        size = filled + order.size
        if size > caps.max_size:
            raise LimitReached(
                f"an order of {size_text(size)} contracts is over the {size_text(caps.max_size)} "
                f"that {order.ticker} may have",
                scope="order",
            )
        risk = spent + order.worst_loss + self._fee(order, order.size)
        refused = self._runtime.exposure.reserve(
            week_of(self._window.day), self._key(order.client_order_id), risk, limits
        )
        if refused is not None:
            raise LimitReached(
                f"the order could lose ${cash_text(refused.asked)} more; of the "
                f"${cash_text(refused.limit.cap)} limit on {refused.limit.scope} "
                f"{refused.limit.name}, ${cash_text(max(0, refused.room))} is left",
                scope=refused.limit.scope,
            )

    def release(self, order: NewOrder) -> None:
        """Give back what an order held that the venue refused whole."""
        limits = limits_on(self._runtime.registry, self._window, order.ticker)
        key = self._key(order.client_order_id)
        self._runtime.exposure.restate(week_of(self._window.day), key, limits, open_risk=0)

    def _fee(self, order: NewOrder, size: int) -> int:
        series = self._series(order.ticker)
        if series not in self._terms:
            record = self._runtime.state.window(self._window.window_id) or {}
            known = record.get("series", {}).get(series, {})
            if "fee_type" not in known:
                raise LimitReached(
                    f"preflight left no fee of {series}: what an order could lose is unknown",
                    scope="order",
                )
            self._terms[series] = fee_terms(known["fee_type"], known["fee_multiplier"])
        return maker_fee(self._terms[series], order.price, size)

    def _series(self, ticker: str) -> str:
        return ticker.partition("-")[0]

    def _key(self, client_order_id: str) -> str:
        return order_key(self._window, client_order_id)


def order_key(window: Window, client_order_id: str) -> str:
    """Return the name under which an order's hold is kept: the window's come together."""
    return f"{window.window_id}/{client_order_id}"


def settle_up(
    runtime: Runtime,
    window: Window,
    *,
    closed: bool = False,
    yes_values: Mapping[str, int | None] | None = None,
) -> None:
    """Restate what each ended order of the window holds, from the ledger; safe to repeat.

    ``closed`` says that the markets are: then every order has ended, whatever was last heard of
    it. ``yes_values`` is what one YES of a settled market pays, in price units.
    """
    week, values = week_of(window.day), yes_values or {}
    fills: dict[str, list[Fill]] = defaultdict(list)
    for fill in runtime.ledger.fills(window.window_id):
        fills[fill.order_id].append(fill)
    held = {h.order: h for h in runtime.exposure.holds(week, f"{window.window_id}/")}
    for doc in runtime.ledger.orders(window.window_id):
        if "ticker" not in doc or not (closed or doc["status"] in _ENDED):
            continue
        key = order_key(window, doc["client_order_id"])
        risk, lost = _became(doc, fills[str(doc.get("order_id", ""))], values)
        if key not in held and not (risk or lost):
            continue
        if key not in held or (held[key].open, held[key].lost) != (risk, lost):
            limits = limits_on(runtime.registry, window, doc["ticker"])
            runtime.exposure.restate(week, key, limits, open_risk=risk, lost=lost)


def cool_off_after(runtime: Runtime, window: Window) -> list[str]:
    """Stop quoting every series of a limit that the day or the week has lost; return the reasons.

    A limit is on one series, on its family, or on everything; one reason a series and period is
    enough. The pause ends with the period, even when a later settlement brings some of the loss
    back.
    """
    day, reasons = window.day, []
    for name in runtime.registry.series:
        for period, first in (("day", day), ("week", week_of(day))):
            for who, members, cap in _limits_of(runtime.registry, name, period):
                lost = -sum(runtime.ledger.earned(member, first, day) for member in members)
                if lost < cap:
                    continue
                reason = (
                    f"{who} lost ${cash_text(lost)} this {period}, its limit is ${cash_text(cap)}"
                )
                until = _end_of(period, day)
                runtime.state.cool_off(name, reason=reason, at=runtime.clock.now(), until=until)
                reasons.append(f"{name}: {reason}")
                break
    return reasons


def _limits_of(
    registry: Registry, name: str, period: str
) -> Iterator[tuple[str, Sequence[str], int]]:
    """Yield who is limited, whose results count, and the cap, from the narrowest to the widest."""
    series = registry.series[name]
    kin = [s for s, found in registry.series.items() if found.family == series.family]
    family = registry.families[series.family]
    limits: tuple[tuple[str, Sequence[str], Caps | FamilyLimits | AllLimits], ...] = (
        (name, (name,), series.caps),
        (f"the family {series.family}", kin, family),
        ("everything together", list(registry.series), registry.all),
    )
    for who, members, limit in limits:
        cap = limit.max_loss_per_day if period == "day" else limit.max_loss_per_week
        yield who, members, cap


def payout(fill: Fill, yes_value: int) -> int:
    """Return the cash, >= 0, that a fill's contracts pay when one YES pays ``yes_value``."""
    each = yes_value if fill.side is Side.BID else PRICE_UNIT - yes_value
    return each * fill.size


def _became(
    doc: Mapping[str, Any], fills: list[Fill], values: Mapping[str, int | None]
) -> tuple[int, int]:
    """Return what an ended order can still lose and what it has lost (< 0: won), in cash."""
    risk = lost = 0
    for fill in fills:
        value = values.get(fill.ticker)
        if value is None:
            risk -= fill.cash
        else:
            lost -= fill.cash + payout(fill, value)
    unreported = int(doc.get("filled_size", 0)) - sum(fill.size for fill in fills)
    if unreported > 0:  # the venue counts a fill that its list does not show yet
        risk += worst_loss(Side(doc["side"]), int(doc["price"]), unreported)
    return risk, lost


def _end_of(period: str, day: date) -> datetime:
    """Return the New York midnight that ends the day, or the week, of ``day``."""
    last = day if period == "day" else week_of(day) + timedelta(days=6)
    following = last + timedelta(days=1)
    return datetime(following.year, following.month, following.day, tzinfo=NEW_YORK)
