"""Take every order of a window out of the book, and be sure of it.

The only way orders leave by our own hand: the armed cancel, the cancel after a failure and the
sentry all come through here. It lists and cancels; it cannot place.

Each attempt goes two routes at once, and neither waits for the other: a batch cancel of the orders
by name, and the venue's own switch of their order group. A route that hangs holds up nothing: the
listing that verifies goes out as soon as one route says it is done, or after a short patience.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from kalshi_alpha.clock import Clock, iso
from kalshi_alpha.errors import KalshiAlphaError, VenueError
from kalshi_alpha.markets.orders import CancelResult, LiveOrder, OrderStatus
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.steps.ports import PreparedPull, Puller

# One batch and one group's switch must fit the smallest tier's write bucket together: 100 tokens,
# 2 a cancel and 10 for the switch.
BATCH = 45
# Sign this long before sending: the venue's tolerance for old timestamps is not published.
_SIGN_AHEAD = timedelta(milliseconds=20)
_REFRESH_AHEAD = timedelta(milliseconds=500)
_RETRY_SECONDS = 0.1
# How long, in real seconds, the look at the book waits for a route that does not answer: ten round
# trips to a near venue, and still before T-2 s when the pull started on time.
_PATIENCE_SECONDS = 0.15


@dataclass(frozen=True, slots=True)
class PullReport:
    """What a pull did. ``confirmed_at`` is when a listing showed nothing resting; None if never.

    ``found`` is the most that was seen resting at once and ``canceled`` what of it a later listing
    no longer showed; ``resting_after`` is -1 when no listing could be had at all.
    """

    mode: str
    started_at: datetime
    confirmed_at: datetime | None
    found: int
    canceled: int
    resting_after: int
    attempts: int
    troubles: tuple[str, ...] = ()

    def to_json(self, window: Window) -> dict[str, Any]:
        """Return a JSON-ready copy, instants also in seconds relative to the fixing.

        ``late_s`` is how long after the pull was due (T-2 s) it was confirmed, < 0 when before.
        """
        confirmed = _relative(self.confirmed_at, window) if self.confirmed_at else None
        due = _relative(window.pull_at, window)
        return {
            "mode": self.mode,
            "started_at": iso(self.started_at),
            "confirmed_at": iso(self.confirmed_at) if self.confirmed_at else None,
            "started_s": _relative(self.started_at, window),
            "confirmed_s": confirmed,
            "late_s": None if confirmed is None else round(confirmed - due, 4),
            "found": self.found,
            "canceled": self.canceled,
            "resting_after": self.resting_after,
            "attempts": self.attempts,
            "troubles": list(self.troubles),
        }

    @property
    def may_rest(self) -> int:
        """Return how many orders may still rest; what could not be looked at counts as resting."""
        return self.resting_after if self.resting_after >= 0 else max(1, self.found)


def resting(puller: Puller, window: Window) -> list[LiveOrder]:
    """List our orders that rest in any event of the window: one request."""
    listed = puller.orders(event_ticker=window.event_tickers, status=OrderStatus.RESTING)
    return [order for order in listed if order.remaining_size > 0]


class Pull:
    """One pull of one window's orders.

    ``group_id`` is the venue-side switch, if there is one; the groups that listed orders name are
    switched too. ``known`` are order ids from our own ledger, cancelled when nothing can be listed.
    """

    def __init__(
        self,
        puller: Puller,
        window: Window,
        clock: Clock,
        group_id: str = "",
        known: Sequence[str] = (),
    ) -> None:
        self._puller, self._window, self._clock = puller, window, clock
        self._groups = {group_id} - {""}
        self._known = tuple(known)
        self._seen: set[str] = set()
        self._troubles: list[str] = []  # a route that fails late still writes here

    def at_deadline(self) -> PullReport:
        """Sleep to just before T-2 s, pull, verify, repeat until sure or the market is closed.

        The list is refreshed and the connection opened half a second ahead, the request is signed
        20 ms ahead: what is left at the deadline is one round trip.
        """
        window, clock = self._window, self._clock
        ids: list[str] = list(self._known)
        prepared: PreparedPull | None = None
        clock.sleep_until(window.pull_start_at - _REFRESH_AHEAD)
        try:
            ids = self._note(resting(self._puller, window))
            prepared = self._puller.prepare_cancel_batch(ids[:BATCH]) if ids else None
            clock.sleep_until(window.pull_start_at - _SIGN_AHEAD)
            if prepared:
                prepared.sign(clock.now())
        except KalshiAlphaError as error:
            self._troubles.append(str(error))
            prepared = None
        clock.sleep_until(window.pull_start_at)
        report = PullReport("armed", clock.now(), None, len(self._seen), 0, -1, 0)
        return self._until_sure(self._strike(report, ids, prepared))

    def now(self, mode: str = "now") -> PullReport:
        """Pull at once, verify, repeat until sure or the market is closed."""
        return self._until_sure(PullReport(mode, self._clock.now(), None, 0, 0, -1, 0))

    def _until_sure(self, report: PullReport) -> PullReport:
        """List; cancel what rests; list again. Ends when nothing rests or the venue has closed."""
        while True:
            blind = False
            try:
                ids = self._note(resting(self._puller, self._window))
            except KalshiAlphaError as error:  # nothing to go by but our own ledger
                self._troubles.append(str(error))
                ids, blind = list(self._known), True
            else:
                report = replace(
                    report,
                    confirmed_at=None if ids else self._clock.now(),
                    found=max(report.found, len(ids)),
                    resting_after=len(ids),
                    canceled=len(self._seen) - len(ids),
                )
            if report.confirmed_at or self._clock.now() >= self._window.fixing:
                return replace(report, troubles=tuple(self._troubles))
            if report.attempts or blind:
                self._clock.sleep(_RETRY_SECONDS)
            report = self._strike(report, ids)

    def _note(self, orders: Sequence[LiveOrder]) -> list[str]:
        """Remember what was seen and in which groups; return the ids."""
        self._groups |= {order.order_group_id for order in orders} - {""}
        self._seen |= {order.order_id for order in orders}
        return [order.order_id for order in orders]

    def _strike(
        self, report: PullReport, ids: Sequence[str], prepared: PreparedPull | None = None
    ) -> PullReport:
        struck = strike(self._puller, ids, self._groups, self._troubles, prepared)
        return replace(report, attempts=report.attempts + struck)


def strike(
    puller: Puller,
    ids: Sequence[str],
    groups: Iterable[str],
    troubles: list[str],
    prepared: PreparedPull | None = None,
) -> bool:
    """Cancel ``ids`` by name and switch off ``groups``, all at once and once.

    ``prepared`` stands for the first batch. What goes wrong is written to ``troubles``, now or when
    a route fails later. Returns False when there was nothing to do.
    """
    routes: list[Callable[[], bool]] = []
    if ids:
        routes.append(_Batches(puller, tuple(ids), prepared))
    routes += [_Switch(puller, group) for group in sorted(groups)]
    if routes:
        _race(routes, troubles)
    return bool(routes)


@dataclass(frozen=True, slots=True)
class _Batches:
    """The route by name; it is done when each order is gone by the venue's own word."""

    puller: Puller
    ids: tuple[str, ...]
    prepared: PreparedPull | None

    def __call__(self) -> bool:
        results: list[CancelResult] = list(self.prepared.send()) if self.prepared else []
        for start in range(BATCH if self.prepared else 0, len(self.ids), BATCH):
            results += self.puller.cancel_batch(self.ids[start : start + BATCH])
        return sum(result.reduced_by > 0 for result in results) == len(self.ids)


@dataclass(frozen=True, slots=True)
class _Switch:
    """The route of an order group: the venue cancels what is in it and refuses more."""

    puller: Puller
    group_id: str

    def __call__(self) -> bool:
        self.puller.trigger_group(self.group_id)
        return True


@dataclass
class _Race:
    """Routes under way: what went wrong, how many still run, and whether it is time to look."""

    running: int
    troubles: list[str]
    lock: threading.Lock = field(default_factory=threading.Lock)
    look: threading.Event = field(default_factory=threading.Event)

    def go(self, route: Callable[[], bool]) -> None:
        """Go one route; a failure is a trouble, and the other routes do not hear of it."""
        done = False
        try:
            done = route()
        except VenueError as error:
            self.troubles.append(str(error))
        except Exception as error:  # noqa: BLE001 - a broken route must not hide in its thread
            self.troubles.append(f"a way out failed: {type(error).__name__}")
        with self.lock:
            self.running -= 1
            if done or not self.running:
                self.look.set()


def _race(routes: Sequence[Callable[[], bool]], troubles: list[str]) -> None:
    """Start every route; return when one is done, all have failed, or patience is over."""
    race = _Race(len(routes), troubles)
    for route in routes:
        threading.Thread(target=race.go, args=(route,), daemon=True).start()
    if not race.look.wait(_PATIENCE_SECONDS):
        troubles.append("no way out has answered yet; looking all the same")


def _relative(instant: datetime, window: Window) -> float:
    return round((instant - window.fixing).total_seconds(), 4)
