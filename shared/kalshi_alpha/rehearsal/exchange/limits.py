"""Token buckets as the venue keeps them: one for reads, one for writes, refilled continuously."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DEFAULT_COST = 10
CANCEL_COST = 2
_CANCELED = "/portfolio/events/orders"


@dataclass(slots=True)
class Bucket:
    """Up to ``capacity`` tokens, ``refill`` a second."""

    refill: float
    capacity: float
    tokens: float = field(init=False)
    at: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        """Start full."""
        self.tokens = self.capacity

    def take(self, cost: float, now: float) -> bool:
        """Take ``cost`` tokens at steady time ``now``, or none at all."""
        self.tokens = min(self.capacity, self.tokens + max(0.0, now - self.at) * self.refill)
        self.at = now
        if cost > self.tokens:
            return False
        self.tokens -= cost
        return True


@dataclass(slots=True)
class Limits:
    """The two buckets of one account, of the sign-up tier unless told otherwise."""

    tier: str = "basic"
    read: Bucket = field(default_factory=lambda: Bucket(200.0, 600.0))
    write: Bucket = field(default_factory=lambda: Bucket(100.0, 100.0))

    def view(self) -> dict[str, Any]:
        """Return the venue's JSON of the account's limits."""
        return {
            "usage_tier": self.tier,
            "read": {
                "refill_rate": int(self.read.refill),
                "bucket_capacity": int(self.read.capacity),
            },
            "write": {
                "refill_rate": int(self.write.refill),
                "bucket_capacity": int(self.write.capacity),
            },
            "grants": [],
        }


def cost_of(method: str, path: str) -> int:
    """Return what a request costs, by its path after the API's prefix; a batch pays by the item."""
    cancels = method == "DELETE" and path.startswith(_CANCELED)
    return CANCEL_COST if cancels else DEFAULT_COST


def endpoint_costs() -> dict[str, Any]:
    """Return the venue's JSON of what differs from the default cost."""
    paths = (f"{_CANCELED}/:order_id", f"{_CANCELED}/batched", _CANCELED)
    rows = [{"method": "DELETE", "path": path, "cost": CANCEL_COST} for path in paths]
    return {"default_cost": DEFAULT_COST, "endpoint_costs": rows}
