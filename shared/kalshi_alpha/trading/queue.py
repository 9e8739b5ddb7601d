"""The writes of one plan, waiting for their turn: first come, first served, and never too many.

A cancel and the order that replaces it keep their order, for nothing overtakes. What does not fit,
or has been tried often enough, is handed back to be written down, not forgotten.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

from kalshi_alpha.errors import InvariantBroken

T = TypeVar("T")

CAPACITY = 64
TRIES = 3
_FIRST_PAUSE_S = 0.25


@dataclass(frozen=True, slots=True)
class Waiting(Generic[T]):
    """One piece of work; ``tries`` counts the requests made for it, ``number`` its coming."""

    item: T
    number: int
    tries: int = 0

    @property
    def pause_s(self) -> float:
        """Return the seconds to leave it alone first: 0.25 after one try, then twice as long."""
        return _FIRST_PAUSE_S * 2 ** (self.tries - 1) if self.tries else 0.0


class WorkQueue(Generic[T]):
    """At most ``capacity`` pieces of work, each tried at most ``tries`` times."""

    def __init__(self, capacity: int = CAPACITY, tries: int = TRIES) -> None:
        if capacity < 1 or tries < 1:
            raise InvariantBroken(f"a queue of {capacity} places and {tries} tries does nothing")
        self._capacity, self._tries = capacity, tries
        self._work: deque[Waiting[T]] = deque()
        self._came = 0

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._work)

    def push(self, item: T) -> Waiting[T] | None:
        """Take work in at the end; return it, numbered, when there is no place for it."""
        waiting = Waiting(item, self._came)
        self._came += 1
        if len(self._work) >= self._capacity:
            return waiting
        self._work.append(waiting)
        return None

    def pop(self) -> Waiting[T] | None:
        """Return the work whose turn it is, None when there is none."""
        return self._work.popleft() if self._work else None

    def again(self, waiting: Waiting[T]) -> Waiting[T] | None:
        """Put work that was turned away back to the front; return it when it was tried enough."""
        tried = Waiting(waiting.item, waiting.number, waiting.tries + 1)
        if tried.tries >= self._tries:
            return tried
        self._work.appendleft(tried)
        return None
