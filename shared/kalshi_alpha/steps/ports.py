"""What the use cases need of a venue, as narrow protocols.

``Viewer`` reads our own records. ``Puller`` can also cancel: the cancel step and the sentry are
handed one, so they cannot place. ``Placer`` adds placing and is handed to the quote step alone.
Paper and live implement the same three.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from kalshi_alpha.markets.orders import Ack, CancelResult, Fill, LiveOrder, NewOrder


class PreparedPull(Protocol):
    """A batch cancel that is built, with its connection open; one round trip is left."""

    def sign(self, at: datetime) -> None:
        """Sign it with the time at which it will be sent."""
        ...

    def send(self) -> list[CancelResult]:
        """Send it; raise ``VenueAmbiguous`` when no answer comes."""
        ...


class Viewer(Protocol):
    """Whoever may look at our orders and fills."""

    def orders(
        self, *, event_ticker: str = "", ticker: str = "", status: str = ""
    ) -> list[LiveOrder]:
        """List our orders, whole; ``event_ticker`` may name several events, with commas."""
        ...

    def fills(self, *, ticker: str = "", min_at: datetime | None = None) -> list[Fill]:
        """List our fills."""
        ...

    def data_at(self) -> datetime:
        """Return how fresh those lists are."""
        ...


class Puller(Viewer, Protocol):
    """Whoever may also take them away."""

    def prepare_cancel_batch(self, order_ids: Sequence[str]) -> PreparedPull:
        """Build a batch cancel and open the connection it will use."""
        ...

    def cancel_batch(self, order_ids: Sequence[str]) -> list[CancelResult]:
        """Cancel several orders in one request."""
        ...

    def trigger_group(self, group_id: str) -> None:
        """Have the venue cancel everything in an order group and refuse more."""
        ...


class Placer(Puller, Protocol):
    """Whoever may also place and amend."""

    def create(self, order: NewOrder) -> Ack:
        """Place an order."""
        ...

    def amend(self, order_id: str, order: NewOrder, filled: int) -> Ack:
        """Move a live order to the price and resting size of ``order``."""
        ...

    def create_group(self, contracts_limit: int) -> str:
        """Open an order group that cancels itself past ``contracts_limit`` filled in 15 s."""
        ...


class Budget(Protocol):
    """How soon the next write may leave; requests count themselves where they are sent."""

    def wait_s(self, what: str, now: float, *, resting: int) -> float:
        """Return the seconds until a ``create``, ``amend`` or ``cancel`` may go; ``inf``: never.

        ``now`` is steady seconds, ``resting`` how many orders a pull would have to take out.
        """
        ...
