"""What is kept of one bracket, and how it looks at one instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.momentum.motion import Flow, Motion

_NEVER = float("-inf")
_PLAIN = ("twice", "at", "quoted", "quiet", "bid", "bid_size", "ask", "ask_size", "bought", "sold")
_TIMES = ("bought_at", "sold_at")
_MOVING = ("motion", "taken", "pushed")


@dataclass(frozen=True, slots=True)
class StateTerms:
    """Memories and limits of the state.

    Attributes:
        tau_s: of velocity and acceleration; the middle, by ratio, of horizons of 5 to 60 s.
        flow_s: of order flow.
        flow_scale: contracts that count as little flow.
        memory_s: how long the last taker's buy and sell make a middle together.
        trade_spread: dollars between bid and ask where one side alone has traded.
        gap_s: a silence of one bracket so long that the jump after it is no motion.
    """

    tau_s: float = 17.0
    flow_s: float = 60.0
    flow_scale: float = 50.0
    memory_s: float = 600.0
    trade_spread: float = 0.02
    gap_s: float = 1800.0


class BracketView(NamedTuple):  # made at every event, at a fifth of a frozen dataclass's cost
    """One bracket at one instant; dollars and seconds.

    ``below`` and ``above`` are its middle less that of the neighbour on that side, None where
    there is none. ``taken`` is the pressure of takers, ``pushed`` that of the best quotes coming
    and going (Cont, Kukanov and Stoikov, Journal of Financial Econometrics 12, 2014), ``queue``
    the imbalance of their sizes: all within -1 to 1, and above 0 where YES is wanted.
    """

    mid: float
    spread: float
    velocity: float
    acceleration: float
    below: float | None
    above: float | None
    taken: float
    pushed: float
    queue: float
    age_s: float


class Bracket:
    """What is kept of one bracket; prices in 1/10000 dollar, sizes in 1/100 contract."""

    __slots__ = (
        "ask", "ask_size", "at", "bid", "bid_size", "bought", "bought_at", "motion", "pushed",
        "quiet", "quoted", "sold", "sold_at", "taken", "twice",
    )  # fmt: skip

    def __init__(self, terms: StateTerms) -> None:
        self.motion = Motion(terms.tau_s)
        self.taken = Flow(terms.flow_s, terms.flow_scale)
        self.pushed = Flow(terms.flow_s, terms.flow_scale)
        self.at: float | None = None
        self.twice: int | None = None  # bid and ask together
        self.quoted = False
        self.quiet = True  # what comes next is the first for long, so it is no motion
        self.bid = self.bid_size = self.ask_size = 0
        self.ask = PRICE_UNIT
        self.bought = self.sold = 0
        self.bought_at = self.sold_at = _NEVER


def pushed(one: Bracket, bid: int, bid_size: int, ask: int, ask_size: int) -> int:
    """Return what came to the best bid and went from the best ask, less the reverse."""
    return (
        (bid_size if bid >= one.bid else 0)
        - (one.bid_size if bid <= one.bid else 0)
        - (ask_size if ask <= one.ask else 0)
        + (one.ask_size if ask >= one.ask else 0)
    )


def saved(one: Bracket) -> dict[str, Any]:
    """Return a bracket in plain JSON values."""
    found = {name: getattr(one, name) for name in _PLAIN}
    for name in _TIMES:
        found[name] = None if getattr(one, name) == _NEVER else getattr(one, name)
    return found | {name: getattr(one, name).to_json() for name in _MOVING}


def resume(one: Bracket, kept: Mapping[str, Any]) -> None:
    """Make a bracket what ``saved`` returned; raises ``KeyError`` when a field is missing."""
    for name in _PLAIN:
        setattr(one, name, kept[name])
    for name in _TIMES:
        setattr(one, name, time_of(kept[name]))
    for name in _MOVING:
        getattr(one, name).resume(kept[name])


def time_of(kept: float | None) -> float:
    """Return a time as it was before it was saved: None was never."""
    return _NEVER if kept is None else float(kept)
