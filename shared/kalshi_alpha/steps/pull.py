"""Take every order of a window out of the book, and be sure of it.

The only way orders leave by our own hand: the armed cancel, the cancel after a failure and the
sentry all come through here. It lists and cancels; it cannot place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from kalshi_alpha.clock import Clock, iso
from kalshi_alpha.errors import VenueError
from kalshi_alpha.markets.orders import CancelResult, LiveOrder, OrderStatus
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.steps.ports import PreparedPull, Puller

# One batch must fit the smallest tier's write bucket: 100 tokens at 2 a cancel.
BATCH = 50
# Sign this long before sending: the venue's tolerance for old timestamps is not published.
_SIGN_AHEAD = timedelta(milliseconds=20)
_REFRESH_AHEAD = timedelta(milliseconds=500)
_RETRY_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class PullReport:
    """What a pull did. ``confirmed_at`` is when a listing showed nothing resting; None if never."""

    mode: str
    started_at: datetime
    confirmed_at: datetime | None
    found: int
    canceled: int
    resting_after: int
    attempts: int
    troubles: tuple[str, ...] = ()

    def to_json(self, window: Window) -> dict[str, Any]:
        """Return a JSON-ready copy with both instants also in seconds relative to the fixing."""
        return {
            "mode": self.mode,
            "started_at": iso(self.started_at),
            "confirmed_at": iso(self.confirmed_at) if self.confirmed_at else None,
            "started_s": _relative(self.started_at, window),
            "confirmed_s": _relative(self.confirmed_at, window) if self.confirmed_at else None,
            "found": self.found,
            "canceled": self.canceled,
            "resting_after": self.resting_after,
            "attempts": self.attempts,
            "troubles": list(self.troubles),
        }


def resting(puller: Puller, window: Window) -> list[LiveOrder]:
    """List our orders that rest in any event of the window."""
    return [
        order
        for series in window.series
        for order in puller.orders(
            event_ticker=window.event_ticker(series), status=OrderStatus.RESTING
        )
        if order.remaining_size > 0
    ]


class Pull:
    """One pull of one window's orders; ``group_id`` is the venue-side switch, if there is one."""

    def __init__(self, puller: Puller, window: Window, clock: Clock, group_id: str = "") -> None:
        self._puller, self._window, self._clock = puller, window, clock
        self._group_id = group_id

    def at_deadline(self) -> PullReport:
        """Sleep to just before T-2 s, pull, verify, repeat until sure or the market is closed.

        The list is refreshed and the connection opened half a second ahead, the request is signed
        20 ms ahead: what is left at the deadline is one round trip.
        """
        window, clock = self._window, self._clock
        troubles: list[str] = []
        orders: list[LiveOrder] = []
        prepared: PreparedPull | None = None
        clock.sleep_until(window.pull_start_at - _REFRESH_AHEAD)
        try:
            orders = resting(self._puller, window)
            prepared = self._puller.prepare_cancel_batch([o.order_id for o in orders[:BATCH]])
            clock.sleep_until(window.pull_start_at - _SIGN_AHEAD)
            prepared.sign(clock.now())
        except VenueError as error:
            troubles.append(str(error))
        clock.sleep_until(window.pull_start_at)
        started, canceled = clock.now(), 0
        if orders and prepared:
            try:
                canceled = _count(prepared.send())
            except VenueError as error:
                troubles.append(str(error))
        attempts = int(bool(orders))
        return self._until_sure(
            PullReport("armed", started, None, len(orders), canceled, -1, attempts, tuple(troubles))
        )

    def now(self, mode: str = "now") -> PullReport:
        """Pull at once, verify, repeat until sure or the market is closed."""
        return self._until_sure(PullReport(mode, self._clock.now(), None, 0, 0, -1, 0))

    def _until_sure(self, report: PullReport) -> PullReport:
        """List; cancel what rests; list again. Ends when nothing rests or the venue has closed."""
        while True:
            try:
                orders = resting(self._puller, self._window)
                if not orders:
                    return replace(report, confirmed_at=self._clock.now(), resting_after=0)
                report = replace(
                    report,
                    found=max(report.found, len(orders)),
                    resting_after=len(orders),
                    attempts=report.attempts + 1,
                    canceled=report.canceled + self._cancel(orders, again=report.attempts > 0),
                )
            except VenueError as error:
                report = replace(report, troubles=(*report.troubles, str(error)))
                self._clock.sleep(_RETRY_SECONDS)
            if self._clock.now() >= self._window.fixing:
                return report

    def _cancel(self, orders: Sequence[LiveOrder], *, again: bool) -> int:
        if again and self._group_id:  # the batch did not do it: an independent route
            self._puller.trigger_group(self._group_id)
        batches = [orders[start : start + BATCH] for start in range(0, len(orders), BATCH)]
        return sum(_count(self._puller.cancel_batch([o.order_id for o in b])) for b in batches)


def _count(results: Sequence[CancelResult]) -> int:
    return sum(result.reduced_by > 0 for result in results)


def _relative(instant: datetime, window: Window) -> float:
    return round((instant - window.fixing).total_seconds(), 4)
