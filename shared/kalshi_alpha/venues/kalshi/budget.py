"""The account's request budget: the venue's two token buckets, kept here as the venue keeps them.

Rates, sizes and costs come from ``/account/limits`` and ``/account/endpoint_costs``. A write that
adds an order goes out only if, after it, a pull of everything that then rests still fits into the
write bucket. One budget serves the whole account, so windows that run at the same time each take
their share. What we count is a guess, for others spend too: a 429 is the venue's own count, and
empties ours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kalshi_alpha.errors import DataError

_API = "/trade-api/v2"
_ORDERS = "/portfolio/events/orders"
_ONE, _BATCH, _TRIGGER = (
    f"{_ORDERS}/:order_id",
    f"{_ORDERS}/batched",
    "/portfolio/order_groups/:order_group_id/trigger",
)
_PATHS = {
    "create": ("POST", _ORDERS),
    "amend": ("POST", f"{_ONE}/amend"),
    "cancel": ("DELETE", _BATCH),
}


@dataclass(slots=True)
class TokenBucket:
    """Up to ``capacity`` tokens, ``refill`` a second; full at the start.

    ``tokens`` may go below zero: what was spent was spent, whether we saw it coming or not.
    """

    refill: float
    capacity: float
    tokens: float = field(init=False)
    _at: float | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        """Start full."""
        self.tokens = self.capacity

    def wait_s(self, tokens: float, now: float) -> float:
        """Return the seconds until it holds so many tokens, ``inf`` when it never will.

        ``now`` is steady seconds; time that seems to run back counts as none.
        """
        self._let_pass(now)
        if tokens > self.capacity:
            return math.inf
        if self.tokens >= tokens:
            return 0.0
        return (tokens - self.tokens) / self.refill if self.refill > 0 else math.inf

    def spend(self, tokens: float, now: float) -> None:
        """Take tokens out."""
        self._let_pass(now)
        self.tokens -= tokens

    def empty(self, now: float) -> None:
        """Take everything out: the venue says that there is nothing left."""
        self._let_pass(now)
        self.tokens = min(self.tokens, 0.0)

    def _let_pass(self, now: float) -> None:
        passed = 0.0 if self._at is None else max(0.0, now - self._at)
        self.tokens = min(self.capacity, self.tokens + passed * self.refill)
        self._at = now


@dataclass(frozen=True, slots=True)
class EndpointCosts:
    """What a request costs: ``default``, or the row of its method and path."""

    default: int
    rows: Mapping[tuple[str, tuple[str, ...]], int]

    def of(self, method: str, path: str) -> int:
        """Return the cost of a request, or of one item of a batch; ``path`` may hold any ids."""
        parts = _parts(path)
        exact = self.rows.get((method, parts))
        if exact is not None:
            return exact
        for (row_method, row), cost in self.rows.items():
            if row_method == method and _matches(row, parts):
                return cost
        return self.default


@dataclass(slots=True)
class RequestBudget:
    """Both buckets and the costs. Not for more than one thread."""

    read: TokenBucket
    write: TokenBucket
    costs: EndpointCosts

    def wait_s(self, what: str, now: float, *, resting: int) -> float:
        """Return the seconds until a ``create``, ``amend`` or ``cancel`` may go; ``inf``: never.

        ``resting`` is how many orders rest now. A cancel may use what is kept for the pull.
        """
        cost = self.costs.of(*_PATHS[what])
        if what == "cancel":
            return self.write.wait_s(cost, now)
        after = resting + (what == "create")
        return self.write.wait_s(cost + self.pull_cost(after), now)

    def read_wait_s(self, path: str, now: float) -> float:
        """Return the seconds until a read may go."""
        return self.read.wait_s(self.costs.of("GET", path), now)

    def sent(self, method: str, path: str, now: float, *, items: int = 1) -> None:
        """Count a request that has left; a batch pays by the item."""
        bucket = self.read if method == "GET" else self.write
        bucket.spend(self.costs.of(method, path) * items, now)

    def throttled(self, method: str, now: float) -> None:
        """Take it that the venue's bucket is empty: it has answered 429."""
        (self.read if method == "GET" else self.write).empty(now)

    def pull_cost(self, orders: int) -> int:
        """Return what it costs to take out so many orders by both routes: by name and by group."""
        return orders * self.costs.of("DELETE", _BATCH) + self.costs.of("PUT", _TRIGGER)


def budget_from(
    limits: Mapping[str, Any], costs: Mapping[str, Any], *, sharers: int = 1
) -> RequestBudget:
    """Read the venue's two answers; ``sharers`` windows divide the account's budget evenly.

    Raises:
        DataError: when a number is missing or impossible. Nothing may be placed on a guess.
    """
    rows = costs.get("endpoint_costs")
    if not isinstance(rows, list | None):
        raise DataError("the venue's endpoint costs are no list")
    known: dict[tuple[str, tuple[str, ...]], int] = {}
    for row in rows or []:
        if not isinstance(row, Mapping) or not isinstance(row.get("path"), str):
            raise DataError("a row of the venue's endpoint costs names no path")
        key = (str(row.get("method")).upper(), _parts(row["path"]))
        known[key] = max(known.get(key, 0), _number(row, "cost", least=0))
    return RequestBudget(
        _bucket(limits, "read", sharers),
        _bucket(limits, "write", sharers),
        EndpointCosts(_number(costs, "default_cost", least=0), known),
    )


def _bucket(limits: Mapping[str, Any], name: str, sharers: int) -> TokenBucket:
    found = limits.get(name)
    if not isinstance(found, Mapping):
        raise DataError(f"the venue's limits hold no {name} bucket")
    rate, size = (_number(found, key, least=1) for key in ("refill_rate", "bucket_capacity"))
    return TokenBucket(rate / sharers, size / sharers)


def _number(doc: Mapping[str, Any], name: str, *, least: int) -> int:
    value = doc.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise DataError(f"{name} is {value!r:.40}, not a whole number of {least} or more")
    return value


def _parts(path: str) -> tuple[str, ...]:
    return tuple(path.partition("?")[0].removeprefix(_API).strip("/").split("/"))


def _matches(row: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    return len(row) == len(parts) and all(
        ours == theirs or theirs.startswith((":", "{"))
        for ours, theirs in zip(parts, row, strict=True)
    )
