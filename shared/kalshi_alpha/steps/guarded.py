"""A placer behind its guards: nothing reaches the venue without having passed them.

Before every write that adds risk the kill-switch and the window's freeze are read, and what an
order could lose is reserved in every limit. Cancels pass freely: they only take risk away.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kalshi_alpha.cloud.table import StoreError
from kalshi_alpha.errors import KillSwitchOn, VenueRejected
from kalshi_alpha.markets.orders import Ack, CancelResult, Fill, LiveOrder, NewOrder
from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.steps.exposure import OrderLimits
from kalshi_alpha.steps.ports import Placer, PreparedPull
from kalshi_alpha.steps.runtime import Runtime

_CONFLICT = 409  # an order of this name exists already, says the venue


class GuardedPlacer:
    """``inner``, asked only when the switch is off, the window not frozen and the limits hold.

    ``create`` and ``amend`` raise ``KillSwitchOn`` and ``LimitReached`` beside what ``inner``
    raises; after either nothing was sent.
    """

    def __init__(self, inner: Placer, runtime: Runtime, window: Window) -> None:
        self._inner, self._runtime, self._window = inner, runtime, window
        self._limits = OrderLimits(runtime, window)

    def create(self, order: NewOrder) -> Ack:
        """Place an order. A definite refusal releases what it held; any other answer does not."""
        self._limits.reserve(order)
        self._stop_if_killed()  # last, right before the request leaves
        try:
            return self._inner.create(order)
        except VenueRejected as error:
            if error.status != _CONFLICT:
                self._release(order)
            raise

    def amend(self, order_id: str, order: NewOrder, filled: int) -> Ack:
        """Move a live order; the higher of its two risks stays held until it has ended."""
        self._limits.reserve(order, filled=filled, spent=self._spent(order_id, filled))
        self._stop_if_killed()
        return self._inner.amend(order_id, order, filled)

    def create_group(self, contracts_limit: int) -> str:
        """Open an order group."""
        self._stop_if_killed()
        return self._inner.create_group(contracts_limit)

    def orders(
        self, *, event_ticker: str = "", ticker: str = "", status: str = ""
    ) -> list[LiveOrder]:
        """List our orders."""
        return self._inner.orders(event_ticker=event_ticker, ticker=ticker, status=status)

    def fills(self, *, ticker: str = "", min_at: datetime | None = None) -> list[Fill]:
        """List our fills."""
        return self._inner.fills(ticker=ticker, min_at=min_at)

    def data_at(self) -> datetime:
        """Return how fresh those lists are."""
        return self._inner.data_at()

    def prepare_cancel_batch(self, order_ids: Sequence[str]) -> PreparedPull:
        """Build a batch cancel."""
        return self._inner.prepare_cancel_batch(order_ids)

    def cancel_batch(self, order_ids: Sequence[str]) -> list[CancelResult]:
        """Cancel several orders."""
        return self._inner.cancel_batch(order_ids)

    def trigger_group(self, group_id: str) -> None:
        """Have the venue cancel a group's orders and refuse more."""
        self._inner.trigger_group(group_id)

    def _spent(self, order_id: str, filled: int) -> int:
        """Return what the filled part cost; unseen by the ledger, a dollar a contract."""
        if not filled:
            return 0
        fills = self._runtime.ledger.fills(self._window.window_id)
        mine = [fill for fill in fills if fill.order_id == order_id]
        unseen = max(0, filled - sum(fill.size for fill in mine))
        return unseen * PRICE_UNIT - sum(fill.cash for fill in mine)

    def _release(self, order: NewOrder) -> None:
        try:
            self._limits.release(order)
        except StoreError:
            return  # held until the books are settled: too much, never too little

    def _stop_if_killed(self) -> None:
        stop_if_killed(self._runtime, self._window)


def stop_if_killed(runtime: Runtime, window: Window) -> None:
    """Raise ``KillSwitchOn`` when the switch is on or unreadable, or the window is frozen."""
    switch = runtime.state.kill_switch()
    if switch.on:
        raise KillSwitchOn(f"the kill-switch is on: {switch.reason}")
    if reason := runtime.state.frozen(window.window_id):
        raise KillSwitchOn(f"the window {window.window_id} is frozen: {reason}")
