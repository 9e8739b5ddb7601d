"""Cancel everything that rests, on every market: the panic button. Safe to repeat.

It lists and cancels; it cannot place, and it asks neither the switch nor an arming.
"""

from __future__ import annotations

from dataclasses import dataclass

from kalshi_alpha.clock import Clock
from kalshi_alpha.errors import KalshiAlphaError
from kalshi_alpha.markets.orders import LiveOrder, OrderStatus
from kalshi_alpha.steps.ports import Puller
from kalshi_alpha.steps.pull import strike

_ATTEMPTS = 5
_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class PanicReport:
    """What was resting and what rests after; ``left`` is None when that could not be listed."""

    found: tuple[LiveOrder, ...]
    left: tuple[LiveOrder, ...] | None
    attempts: int
    troubles: tuple[str, ...] = ()

    @property
    def canceled(self) -> int:
        """Return how many of the orders found no longer rest."""
        still = {order.order_id for order in (self.found if self.left is None else self.left)}
        return sum(order.order_id not in still for order in self.found)

    @property
    def clear(self) -> bool:
        """Say whether it is certain that nothing rests."""
        return self.left == ()


def cancel_all(puller: Puller, clock: Clock, *, dry_run: bool = False) -> PanicReport:
    """List everything that rests, cancel it by name and by order group, and list again.

    Repeats a few times while something rests or nothing can be listed. A dry run lists and stops.
    """
    found: dict[str, LiveOrder] = {}
    left: tuple[LiveOrder, ...] | None = None
    troubles: list[str] = []
    for attempt in range(_ATTEMPTS + 1):
        try:
            left = _resting(puller)
        except KalshiAlphaError as error:
            troubles.append(str(error))
            left = None
        found |= {order.order_id: order for order in left or ()}
        if dry_run or left == () or attempt == _ATTEMPTS:
            break
        aimed = tuple(found.values()) if left is None else left
        groups = {order.order_group_id for order in aimed} - {""}
        strike(puller, [order.order_id for order in aimed], groups, troubles)
        if attempt:
            clock.sleep(_PAUSE_SECONDS)
    return PanicReport(tuple(found.values()), left, attempt, tuple(troubles))


def _resting(puller: Puller) -> tuple[LiveOrder, ...]:
    orders = puller.orders(status=OrderStatus.RESTING)
    return tuple(order for order in orders if order.remaining_size > 0)
