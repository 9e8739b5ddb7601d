"""Our resting orders as the sentry knows them: from listings, and from the venue's socket.

The socket tells of a change at once but may lose one; a listing is whole but a moment old. So a
listing replaces everything, except what the socket has said since the listing was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kalshi_alpha.markets.orders import LiveOrder, OrderStatus
from kalshi_alpha.markets.windows import Window


class Resting:
    """The resting orders of some windows. For one thread."""

    def __init__(self, windows: Iterable[Window]) -> None:
        self._windows = {
            f"{window.event_ticker(series)}-": window.window_id
            for window in windows
            for series in window.series
        }
        self._live: dict[str, dict[str, LiveOrder]] = {}
        self._heard: dict[str, float] = {}  # steady seconds at which the socket last spoke of it
        self._tickers: dict[str, dict[str, None]] = {}

    def orders(self, window: Window) -> tuple[LiveOrder, ...]:
        """Return what rests in a window, as far as is known."""
        return tuple(self._live.get(window.window_id, {}).values())

    def tickers(self, window: Window) -> tuple[str, ...]:
        """Return every market that has had an order of ours in the window, oldest first."""
        return tuple(self._tickers.get(window.window_id, {}))

    def changed(self, order: LiveOrder, monotonic: float) -> None:
        """Take what the socket says of one order; one of no window here is passed over."""
        window_id = next((w for p, w in self._windows.items() if order.ticker.startswith(p)), None)
        if window_id is None:
            return
        self._heard[order.order_id] = monotonic
        if order.status is OrderStatus.RESTING and order.remaining_size > 0:
            self._put(window_id, order)
        else:
            self._live.get(window_id, {}).pop(order.order_id, None)

    def listed(self, window: Window, orders: Sequence[LiveOrder], asked_at: float) -> None:
        """Take a whole listing that was asked for at ``asked_at`` (steady seconds)."""
        before = self._live.get(window.window_id, {})
        since = {i: o for i, o in before.items() if self._heard.get(i, -1.0) >= asked_at}
        self._live[window.window_id] = since
        for order in orders:
            if self._heard.get(order.order_id, -1.0) < asked_at:
                self._put(window.window_id, order)

    def gone(self, order_id: str, monotonic: float) -> None:
        """Take it that the venue has cancelled an order."""
        self._heard[order_id] = monotonic
        for orders in self._live.values():
            orders.pop(order_id, None)

    def _put(self, window_id: str, order: LiveOrder) -> None:
        self._live.setdefault(window_id, {})[order.order_id] = order
        self._tickers.setdefault(window_id, {})[order.ticker] = None
