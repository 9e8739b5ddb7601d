"""What may still be lost, counted where every window sees it: reserved before an order is sent.

One counter a limit holds two numbers of cash. ``open`` is the risk that is not decided yet: orders
that may still fill, fills that have not settled. ``total`` is that and what was lost, net of what
was won. An order is let through when neither passes the cap with it, so what was lost narrows a
limit and what was won never widens it.

One hold an order says what of it is in the counters. A hold and its counters move in one
transaction or not at all, on the condition that the hold is still what was read; so however many
windows race, the counters are always the sum of the holds and no reservation passes a cap. What
the venue did (a fill, a settlement) is written whatever the cap says: it is true already.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from kalshi_alpha.cloud.table import Change, StoreError, Table, TransactionRefused
from kalshi_alpha.markets.limits import Limit

_CONDITION = "ConditionalCheckFailed"
_TRIES = 12
# The first pause after losing a race; it doubles, and each order waits a little differently.
_PAUSE_SECONDS = 0.005
_PAUSE_LIMIT = 0.25


@dataclass(frozen=True, slots=True)
class Usage:
    """A limit's counter: undecided risk, and that with what was lost net of what was won."""

    open: int = 0
    total: int = 0

    def room(self, cap: int) -> int:
        """Return the cash that may still be reserved under ``cap``, < 0 when it is passed."""
        return cap - max(self.open, self.total)


@dataclass(frozen=True, slots=True)
class Hold:
    """What one order has in the counters: its open risk, and what it lost (< 0: won)."""

    order: str
    open: int
    lost: int
    limits: tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class Exceeded:
    """A limit that an order would have passed: what it asked for and what there was."""

    limit: Limit
    asked: int
    room: int


class ExposureStore:
    """The limits' counters of the ledger table, kept by week (its Monday)."""

    def __init__(self, table: Table, sleep: Callable[[float], None]) -> None:
        self._table, self._sleep = table, sleep

    def reserve(
        self, week: date, order: str, risk: int, limits: Sequence[Limit]
    ) -> Exceeded | None:
        """Hold ``risk`` cash >= 0 for ``order`` in every limit, or in none and say which refused.

        Repeating it changes nothing, and less than is held already is held already.

        Raises:
            StoreError: when the table does not answer, or the race is lost too often; nothing may
                be sent then.
        """
        return self._move(week, order, limits, risk, None, bounded=True)

    def restate(
        self, week: date, order: str, limits: Sequence[Limit], *, open_risk: int, lost: int = 0
    ) -> None:
        """Write what has become true of an order, higher or lower; safe to repeat."""
        self._move(week, order, limits, open_risk, lost, bounded=False)

    def hold(self, week: date, order: str) -> Hold | None:
        """Return what an order holds, or None when it never reserved."""
        item = self._table.get(_week(week), f"HOLD#{order}")
        return _hold(order, item) if item else None

    def holds(self, week: date, prefix: str = "") -> tuple[Hold, ...]:
        """Return the holds of a week whose order begins with ``prefix``."""
        items = self._table.query(_week(week), f"HOLD#{prefix}")
        return tuple(_hold(item["sk"].removeprefix("HOLD#"), item) for item in items)

    def usage(self, week: date, limit: Limit) -> Usage:
        """Return a limit's counter."""
        return _usage(self._table.get(_week(week), f"LIMIT#{limit.key}"))

    def usages(self, week: date) -> dict[str, Usage]:
        """Return every counter of a week by the key of its limit."""
        items = self._table.query(_week(week), "LIMIT#")
        return {item["sk"].removeprefix("LIMIT#"): _usage(item) for item in items}

    def _move(
        self,
        week: date,
        order: str,
        limits: Sequence[Limit],
        risk: int,
        lost: int | None,
        *,
        bounded: bool,
    ) -> Exceeded | None:
        for attempt in range(_TRIES):
            held = self.hold(week, order) or Hold(order, 0, 0, ())
            wanted = Hold(
                order,
                max(risk, held.open) if bounded else risk,
                held.lost if lost is None else lost,
                tuple(limits),
            )
            if (wanted.open, wanted.lost) == (held.open, held.lost):
                return None
            if bounded and (beyond := self._beyond(week, wanted)):
                return beyond
            try:
                self._table.transact(_changes(week, held, wanted, bounded=bounded))
            except TransactionRefused as error:
                if bounded and (exceeded := self._exceeded(week, held, wanted, error.codes)):
                    return exceeded
                self._sleep(_pause(order, attempt))
            else:
                return None
        raise StoreError(
            f"the limits of the order {order} could not be counted in {_TRIES} tries; it must not "
            "be sent"
        )

    def _beyond(self, week: date, wanted: Hold) -> Exceeded | None:
        """Return the first limit whose whole cap is less than the order alone could lose."""
        for limit in wanted.limits:
            if wanted.open > limit.cap:
                return Exceeded(limit, wanted.open, self.usage(week, limit).room(limit.cap))
        return None

    def _exceeded(
        self, week: date, held: Hold, wanted: Hold, codes: tuple[str, ...]
    ) -> Exceeded | None:
        """Return the first limit that refused, None when the race was lost to another writer."""
        asked = wanted.open - held.open
        for limit, code in zip(wanted.limits, codes, strict=False):
            if code == _CONDITION:
                room = self.usage(week, limit).room(limit.cap)
                if room < asked:
                    return Exceeded(limit, asked, room)
        return None


def _changes(week: date, held: Hold, wanted: Hold, *, bounded: bool) -> list[Change]:
    """Return the counters' changes in the order of the limits, then the hold's own."""
    opened = wanted.open - held.open
    counted = {"open": opened, "total": opened + wanted.lost - held.lost}
    changes = [_counter(week, limit, counted, bounded=bounded) for limit in wanted.limits]
    expected = "#open = :was_open AND #lost = :was_lost"
    mark = Change(
        _week(week),
        f"HOLD#{wanted.order}",
        sets={
            "open": wanted.open,
            "lost": wanted.lost,
            "doc": json.dumps({"limits": [[m.scope, m.name, m.cap] for m in wanted.limits]}),
        },
        condition=expected if held.limits else "attribute_not_exists(#open)",
        values={"was_open": held.open, "was_lost": held.lost} if held.limits else {},
    )
    return [*changes, mark]


def _counter(week: date, limit: Limit, counted: Mapping[str, int], *, bounded: bool) -> Change:
    key = (_week(week), f"LIMIT#{limit.key}")
    if not bounded:
        return Change(*key, adds=counted)
    return Change(
        *key,
        adds=counted,
        condition="attribute_not_exists(#open) OR (#open <= :room AND #total <= :room)",
        values={"room": limit.cap - counted["open"]},
    )


def _hold(order: str, item: Mapping[str, Any]) -> Hold:
    limits = tuple(Limit(str(scope), str(name), int(cap)) for scope, name, cap in item["limits"])
    return Hold(order, int(item["open"]), int(item["lost"]), limits)


def _usage(item: Mapping[str, Any] | None) -> Usage:
    return Usage(int(item["open"]), int(item["total"])) if item else Usage()


def _pause(order: str, attempt: int) -> float:
    share = 0.5 + (zlib.crc32(f"{order}/{attempt}".encode()) % 1000) / 1000
    return float(min(_PAUSE_LIMIT, _PAUSE_SECONDS * 2**attempt) * share)


def _week(week: date) -> str:
    return f"EXPOSURE#{week.isoformat()}"
