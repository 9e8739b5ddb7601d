"""What a momentum strategy is told, each as a value: told the same again, it decides the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from kalshi_alpha.markets.book import Top
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.momentum.inventory import Feed, Holding


@dataclass(frozen=True, slots=True)
class Traded:
    """A public trade: price in 1/10000 dollar, size in 1/100 contract; ``at`` in seconds."""

    at: float
    place: int
    price: int
    size: int
    taker: Side


@dataclass(frozen=True, slots=True)
class Quoted:
    """The top of a bracket's book, which is current."""

    at: float
    place: int
    top: Top


@dataclass(frozen=True, slots=True)
class Unheard:
    """Some brackets' books are not to be trusted until they are quoted again."""

    at: float
    places: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Looked:
    """The weather as it is known: the law's probabilities, and the hazard of a new high.

    A hazard of 1 says that it is not known, and a law of None that nothing is.
    """

    at: float
    law: tuple[float, ...] | None
    hazard: float


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of each bracket, and what the day has won so far, in cash."""

    at: float
    holdings: Sequence[Holding]
    result: int = 0


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time has passed; how the stream is."""

    at: float
    feed: Feed


@dataclass(frozen=True, slots=True)
class Halted:
    """Nothing may rest until ``Resumed``: the kill-switch, a freeze. ``final`` ends the day."""

    at: float
    reason: str
    final: bool = False


@dataclass(frozen=True, slots=True)
class Resumed:
    """What had halted it is over; after a final halt nothing is."""

    at: float


Event: TypeAlias = Traded | Quoted | Unheard | Looked | Held | Ticked | Halted | Resumed
