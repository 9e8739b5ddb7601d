"""A recording being played: what both engines do, and which of them is used.

A strategy submits, amends and cancels at ``now``, sees the feed and its responses as late as they
would have reached it, and lets time pass with ``advance``. Nothing it can ask for knows more than
what had arrived by ``now``; ``fills`` is the exchange's own record, for the books afterwards.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Protocol

from kalshi_alpha.research.replay.plain import PlainReplay
from kalshi_alpha.research.replay.rules import (
    KEEP,
    NEVER,
    OwnOrder,
    ReplayFill,
    Reported,
    Rules,
    Seen,
)
from kalshi_alpha.research.replay.tape import Tape


class Replay(Protocol):
    """A recording being played."""

    tape: Tape
    rules: Rules
    tick: int

    @property
    def now(self) -> int:
        """Return the instant that was advanced to, in nanoseconds since 1970 UTC."""
        ...

    @property
    def fills(self) -> list[ReplayFill]:
        """Return the fills so far, as the exchange made them, whether or not we were told."""
        ...

    @property
    def requests(self) -> int:
        """Return how many requests were sent."""
        ...

    @property
    def more(self) -> bool:
        """Say whether anything is still to come."""
        ...

    def submit(
        self,
        market: int,
        side: int,
        price: int,
        size: int,
        *,
        expires_ns: int = NEVER,
        post_only: bool = True,
        rests: bool = True,
    ) -> int:
        """Send an order; return its number.

        Args:
            market: place in the tape's names.
            side: 0 to bid, 1 to ask, of YES.
            price: 1/10000 dollar.
            size: 1/100 contract.
            expires_ns: when the exchange takes it out by itself.
            post_only: refuse it when it would meet the other side on arrival.
            rests: else what is not taken at once is cancelled.

        Raises:
            DataError: on a price off the recording's grid or no size.
        """
        ...

    def amend(self, order: int, price: int, count: int, *, expires_ns: int = KEEP) -> None:
        """Change an order; ``count`` is what is filled plus what shall rest.

        At the same price and no larger it keeps its place; else it goes to the back, and takes
        what it meets, post-only or not, as the venue has it.
        """
        ...

    def decrease(self, order: int, to: int) -> None:
        """Let only ``to`` rest on; the place is kept, and 0 is a cancel."""
        ...

    def cancel(self, order: int) -> None:
        """Take an order out."""
        ...

    def seen(self, market: int) -> Seen:
        """Return the best of each side as known here."""
        ...

    def depth(self, market: int, side: int) -> tuple[tuple[int, int], ...]:
        """Return (price, size) of a side as known here, best first."""
        ...

    def index(self, name: int) -> int:
        """Return an index's last value known here, in 1/10000 point; 0 before the first."""
        ...

    def order(self, number: int) -> OwnOrder:
        """Return an order as known here."""
        ...

    def position(self, market: int) -> int:
        """Return the YES contracts held as known here, in 1/100; below 0 is NO."""
        ...

    def advance(self, until_ns: int) -> list[Reported]:
        """Let everything up to an instant happen; return what we were told, in order.

        Raises:
            DataError: when the instant is before ``now``.
        """
        ...


def replay(tape: Tape, rules: Rules, *, tick: int = 0, plain: bool = False) -> Replay:
    """Start playing a recording, compiled where numba is installed; both give the same numbers.

    Args:
        tape: what was recorded.
        rules: what is assumed of the venue.
        tick: the grid of orders, in price units; 0 for the widest that holds the recording.
        plain: take the plain engine in any case.

    Raises:
        DataError: when the recording is not on the grid.
    """
    if plain or find_spec("numba") is None:
        return PlainReplay(tape, rules, tick=tick)
    from kalshi_alpha.research.replay.fast import FastReplay  # noqa: PLC0415 - numba is an extra

    return FastReplay(tape, rules, tick=tick)
