"""What a replay assumes of the venue between our orders and their fills."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.research.replay.tape import Kind, Tape

NEVER = 1 << 62  # nanoseconds; after every recording
KEEP = -1  # an amend's expiry that stays as it is


class State(IntEnum):
    """An order's state, at the exchange or as we know it."""

    SENT = 0  # on its way
    RESTING = 1
    FILLED = 2
    CANCELED = 3
    EXPIRED = 4
    REFUSED = 5  # a post-only order that would have met the other side


class Report(IntEnum):
    """What a response tells us."""

    RESTS = 0  # created or amended: price and remaining size are current
    FILL = 1
    CANCELED = 2
    EXPIRED = 3
    REFUSED = 4
    TOO_LATE = 5  # an amend or cancel of an order that was gone


class Evidence(IntEnum):
    """Why a simulated fill is believed, strongest first."""

    QUEUE_CLEARED = 0  # a trade at our price was larger than what stood before us
    TRADE_THROUGH = 1  # a trade went past our price
    CROSSED = 2  # the other side's quote came to our price, and no trade is on record
    TAKEN = 3  # we took what was shown

    @property
    def word(self) -> str:
        """Return it as reports write it."""
        return self.name.lower().replace("_", "-")


class Cancels(StrEnum):
    """How much of what is cancelled at our price stood before us."""

    BEHIND = "behind"  # none of it, as long as that can be: the risk-averse queue
    SHARED = "shared"  # ``share`` times our part of the level, by sizes: pro rata at 1
    POWER = "power"  # front**n / (front**n + back**n)


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue model.

    Args:
        cancels: which model.
        share: for ``SHARED``, the fitted factor, 0 (as ``BEHIND``) to 4; 1 is pro rata.
        power: for ``POWER``, 1 to 3.

    Raises:
        ConfigurationError: outside these.
    """

    cancels: Cancels = Cancels.BEHIND
    share: float = 1.0
    power: int = 1

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 4.0 or self.power not in (1, 2, 3):
            raise ConfigurationError(
                f"a queue with share {self.share} and power {self.power} is none: "
                "share is 0 to 4 and power 1, 2 or 3"
            )


@dataclass(frozen=True, slots=True)
class Rules:
    """All that a replay assumes.

    Args:
        entry_ns: from our decision to the exchange.
        response_ns: from the exchange back to us.
        feed_ns: added to the recorded time of arrival of everything public.
        queue: what becomes of our place.
        whole: any fill fills the whole order; else only as much as the evidence carries.

    Raises:
        ConfigurationError: on a negative latency.
    """

    entry_ns: int = 50_000_000
    response_ns: int = 50_000_000
    feed_ns: int = 0
    queue: Queue = Queue()
    whole: bool = False

    def __post_init__(self) -> None:
        if min(self.entry_ns, self.response_ns, self.feed_ns) < 0:
            raise ConfigurationError("a latency below nothing would be news from the future")


@dataclass(frozen=True, slots=True)
class Seen:
    """The best of each side as it is known here; 0 where a side is empty."""

    bid: int
    bid_size: int
    ask: int
    ask_size: int


@dataclass(frozen=True, slots=True)
class OwnOrder:
    """One of our orders as we know it, at the time of the last response."""

    number: int
    market: int
    side: int
    price: int
    remaining: int
    filled: int
    state: State
    pending: int  # requests on their way


@dataclass(frozen=True, slots=True)
class Reported:
    """One response; ``price`` and ``size`` are of the fill, or of what rests."""

    at_ns: int
    report: Report
    order: int
    price: int
    size: int
    evidence: int  # of a fill; else -1


@dataclass(frozen=True, slots=True)
class ReplayFill:
    """One fill, at exchange time."""

    at_ns: int
    order: int
    market: int
    side: int
    price: int
    size: int
    is_taker: bool
    evidence: Evidence


def require_order(tick: int, price: int, size: int) -> None:
    """Refuse an order that no book of this recording could hold."""
    if not 0 < price < PRICE_UNIT or price % tick or size <= 0:
        raise DataError(
            f"no order can be for {size} at {price}: prices are whole multiples of {tick} inside "
            f"{PRICE_UNIT}, and sizes above 0"
        )


def require_later(now: int, until: int) -> None:
    """Refuse to let time go back."""
    if until < now:
        raise DataError(f"time cannot go back from {now} to {until} ns")


def require_grid(tape: Tape, tick: int) -> None:
    """Refuse a grid that does not hold every price of a recording."""
    if tick <= 0 or PRICE_UNIT % tick or (tape.price[tape.kind <= Kind.TRADE] % tick).any():
        raise DataError(f"a grid of {tick}/{PRICE_UNIT} dollar does not hold the recorded prices")
