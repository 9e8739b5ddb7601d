"""How the sentry takes orders away: a window whole, or one quote; each in a thread of its own.

A removal under way is not started again; one that failed is, as long as its reason lasts. Nothing
here waits for a table: the freeze is written beside the pull, not before it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from kalshi_alpha.clock import iso
from kalshi_alpha.cloud.table import StoreError
from kalshi_alpha.errors import KalshiAlphaError, VenueError
from kalshi_alpha.markets.orders import LiveOrder
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.steps.drift import Drifted
from kalshi_alpha.steps.pull import Pull
from kalshi_alpha.steps.runtime import Runtime

# A quote that will not go by name this often takes its window with it, by every route.
_TRIES = 3
_KEPT = 50  # drift pulls in a window's record

Submit = Callable[[Callable[[], None]], object]
Gone = Callable[[str], object]


def at_once(action: Callable[[], None]) -> None:
    """Run an action here and now."""
    action()


class Remover:
    """Removals of one session. Called from one thread; works in those of ``submit``.

    ``tell`` is given a sentence for each removal, ``gone`` the id of each order known to be gone.
    """

    def __init__(
        self,
        runtime: Runtime,
        tell: Callable[[str], object],
        gone: Gone = lambda _: None,
        note: Callable[..., object] = lambda *_, **__: None,
    ) -> None:
        self._runtime, self._tell, self._gone, self._note = runtime, tell, gone, note
        self.submit: Submit = at_once
        self._lock = threading.Lock()
        self._working: set[str] = set()  # windows and orders
        self._reported: set[str] = set()
        self._failed: dict[str, int] = {}  # by order id
        self._drifted: dict[str, list[dict[str, Any]]] = {}

    def failures(self, order_id: str) -> int:
        """Return how often an order has refused to go by name."""
        return self._failed.get(order_id, 0)

    def tried_enough(self, order_id: str) -> bool:
        """Say whether the whole window has to go because this order would not."""
        return self.failures(order_id) >= _TRIES

    def window(self, window: Window, reason: str, known: Sequence[LiveOrder] = ()) -> None:
        """Freeze the window and pull everything; ``known`` rests there as far as is known."""
        if self._begin(window.window_id):
            self._tell(f"{window.window_id}: pulling everything, {reason}")
            self.submit(lambda: self._freeze(window, reason))
            self.submit(
                lambda: self._ending(window.window_id, lambda: self._pull(window, reason, known))
            )

    def quote(self, window: Window, drifted: Drifted, heard_at: float) -> None:
        """Cancel one quote; ``heard_at`` (steady seconds) is when the value came that says so."""
        order_id = drifted.order.order_id
        if self._begin(order_id):
            self.submit(
                lambda: self._ending(order_id, lambda: self._cancel(window, drifted, heard_at))
            )

    def _begin(self, what: str) -> bool:
        with self._lock:
            if what in self._working:
                return False
            self._working.add(what)
            return True

    def _ending(self, what: str, action: Callable[[], None]) -> None:
        try:
            action()
        except KalshiAlphaError as error:
            self._tell(f"{what}: {error}")
        except Exception as error:  # noqa: BLE001 - a broken removal must not hide in its thread
            self._tell(f"{what}: a removal failed: {type(error).__name__}")
        finally:
            with self._lock:
                self._working.discard(what)

    def _freeze(self, window: Window, reason: str) -> None:
        runtime = self._runtime
        try:
            runtime.state.freeze(window.window_id, f"the sentry: {reason}", runtime.clock.now())
        except StoreError as error:
            self._tell(f"{window.window_id}: the freeze could not be written: {error}")

    def _pull(self, window: Window, reason: str, known: Sequence[LiveOrder]) -> None:
        runtime = self._runtime
        self._note("pull", window_id=window.window_id, reason=reason)
        group = next((o.order_group_id for o in known if o.order_group_id), "")
        ids = [order.order_id for order in known]
        report = Pull(runtime.puller, window, runtime.clock, group, ids).now("sentry")
        if report.resting_after == 0:
            for order_id in ids:
                self._gone(order_id)
        if window.window_id in self._reported and not report.found:
            return  # a second look that found nothing must not hide what the first one did
        self._reported.add(window.window_id)
        result = report.to_json(window) | {"reason": reason}
        runtime.state.put_part(window.window_id, "PULL-sentry", result)

    def _cancel(self, window: Window, drifted: Drifted, heard_at: float) -> None:
        runtime, order = self._runtime, drifted.order
        sent_s = runtime.clock.monotonic() - heard_at
        try:
            results = runtime.puller.cancel_batch([order.order_id])
        except VenueError:
            self._failed[order.order_id] = self.failures(order.order_id) + 1
            raise
        if not any(r.reduced_by > 0 or r.error == "not_found" for r in results):
            self._failed[order.order_id] = self.failures(order.order_id) + 1
            self._tell(f"{window.window_id}: {order.order_id} would not go: {results[0].error}")
            return
        done_s = runtime.clock.monotonic() - heard_at
        self._gone(order.order_id)
        self._tell(f"{window.window_id}: pulled one quote, {drifted.reason}")
        facts = {
            "order_id": order.order_id,
            "ticker": order.ticker,
            "side": order.side.value,
            "price": order.price,
            "level": drifted.level,
            "probability": round(drifted.probability, 6),
            "ev": drifted.ev,
            "sent_s": round(sent_s, 4),
            "done_s": round(done_s, 4),
        }
        self._note("drift", window_id=window.window_id, **facts)
        pulls = self._drifted.setdefault(window.window_id, [])
        pulls.append(facts | {"at": iso(runtime.clock.now())})
        runtime.state.put_part(window.window_id, "DRIFT", {"pulls": pulls[-_KEPT:]})
