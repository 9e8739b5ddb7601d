"""What a strategy wants to rest, and its records of why it does or does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from kalshi_alpha.markets.orders import Side, worst_loss
from kalshi_alpha.markets.units import CASH_UNIT, PRICE_UNIT, SIZE_UNIT
from kalshi_alpha.momentum.checks import Check, sentences
from kalshi_alpha.pricing.fees import FeeTerms, maker_fee

QUOTE, REFUSE, WITHDRAW = "quote", "refuse", "withdraw"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One order that should rest.

    Attributes:
        place: of the bracket.
        ticker: of its market.
        side: about YES.
        price: 1/10000 dollar.
        size: 1/100 contract.
        kind: of the signal that wanted it.
        belief: probability of YES when it was wanted.
        edge: dollars a contract that it then earned, after the maker's fee.
        since: seconds.
        until: seconds from which it is not wanted any more.
    """

    place: int
    ticker: str
    side: Side
    price: int
    size: int
    kind: str
    belief: float
    edge: float
    since: float
    until: float

    @property
    def at_risk(self) -> int:
        """Return the cash lost, >= 0, if it fills whole and settles the wrong way."""
        return worst_loss(self.side, self.price, self.size)

    def edge_at(self, belief: float, fees: FeeTerms) -> float:
        """Return what it earns at another belief, in dollars a contract after the maker's fee."""
        gain = (belief - self.price / PRICE_UNIT) * self.side.sign
        return gain - maker_fee(fees, self.price, SIZE_UNIT, self.side) / CASH_UNIT

    def crosses(self, best_other: int | None) -> bool:
        """Say whether it would meet the best of the other side."""
        return best_other is not None and (self.price - best_other) * self.side.sign >= 0

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self) | {"side": self.side.value}

    @classmethod
    def from_json(cls, doc: Mapping[str, Any]) -> Wanted:
        """Read what ``to_json`` wrote."""
        return cls(**{**doc, "side": Side(doc["side"])})


@dataclass(frozen=True, slots=True)
class LeanRecord:
    """One decision with what it was made from.

    ``code`` is empty for a quote; ``checks`` are the gates of its signal; prices and sizes are None
    where there was none to speak of.
    """

    at: float
    action: str
    kind: str
    ticker: str
    side: str
    price: int | None
    size: int | None
    belief: float
    mid: float | None
    edge: float
    hazard: float
    heat: float
    code: str = ""
    reason: str = ""
    checks: tuple[Check, ...] = ()

    @property
    def pros(self) -> tuple[str, ...]:
        """Return a sentence for each thing that spoke for it."""
        return sentences(self.checks, passed=True)

    @property
    def cons(self) -> tuple[str, ...]:
        """Return a sentence for each thing that spoke against it."""
        return sentences(self.checks, passed=False)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        found = {name: getattr(self, name) for name in self.__slots__ if name != "checks"}
        return found | {"pros": self.pros, "cons": self.cons}


@dataclass(frozen=True, slots=True)
class Turn:
    """What one event led to.

    Attributes:
        wanted: every order that should rest from now on.
        changed: whether it is another set than before.
        pull: why everything has to leave at once, or empty.
        records: what was decided.
    """

    wanted: tuple[Wanted, ...]
    changed: bool
    pull: str = ""
    records: tuple[LeanRecord, ...] = ()
