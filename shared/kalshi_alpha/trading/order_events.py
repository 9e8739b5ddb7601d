"""What can happen to an order: the events that ``trading.lifecycle`` knows.

Sizes are in 1/100 contract, prices are YES prices in 1/10000 dollar.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from kalshi_alpha.markets.orders import LiveOrder


@dataclass(frozen=True, slots=True)
class Cleared:
    """Its create may leave."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Changed:
    """An amend to ``price``, with ``size`` resting, may leave."""

    at: datetime
    price: int
    size: int


@dataclass(frozen=True, slots=True)
class Blocked:
    """A rule of ours held its request back: nothing left."""


@dataclass(frozen=True, slots=True)
class Acked:
    """The venue took it."""

    order_id: str
    price: int
    filled: int
    remaining: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The venue said a definite no."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """A request was not answered, or not so that it could be believed.

    ``refused`` says that the venue turned it away for want of tokens: then nothing is on its way.
    """

    refused: bool = False


@dataclass(frozen=True, slots=True)
class CancelAnswered:
    """The venue answered a cancel: so much was taken out, 0 when it had nothing to take."""

    reduced_by: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A listing, or the socket, shows it."""

    order: LiveOrder


@dataclass(frozen=True, slots=True)
class Absent:
    """A whole listing does not show it; ``as_of`` is how fresh the listing was at the least."""

    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class Filled:
    """One of its fills, whoever reports it and however often."""

    trade_id: str
    size: int


@dataclass(frozen=True, slots=True)
class Unwanted:
    """No plan wants it any more."""


@dataclass(frozen=True, slots=True)
class Restarted:
    """Whoever drove it has died; somebody else takes over."""


Event: TypeAlias = (
    Cleared
    | Changed
    | Blocked
    | Acked
    | Refused
    | Unclear
    | CancelAnswered
    | Seen
    | Absent
    | Filled
    | Unwanted
    | Restarted
)
