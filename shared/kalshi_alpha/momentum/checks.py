"""A signal with what speaks for it and against it, as numbers until somebody asks for words.

Most signals are refused and read by nobody, so a check keeps its value beside its limit and is put
into a sentence only when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.trading.gates import ALLOW, Refuse, Verdict

_SENTENCES = {
    "velocity": "it moves {value:.2g} dollars a second; {limit:.2g} is the least",
    "centre": "the centre moves {value:.2g} ticks a second; {limit:.2g} is the least",
    "acceleration": "it speeds up by {value:.2g} a second squared; {limit:.2g} is the least",
    "flow": "order flow presses {value:+.2f} its way; {limit:+.2f} is the least",
    "hazard": "a new high is likely at {value:.3f}; {limit:.3f} is the most",
    "coherence": "the middles are {value:.3f} dollars from one; {limit:.3f} is the most",
    "age": "a bracket was last heard of {value:.0f} s ago; {limit:.0f} s is the most",
    "leads": "a neighbour moves {value:.2g} dollars a second; it must be less than {limit:.2g}",
    "edge": "resting it earns {value:+.4f} dollars a contract; {limit:+.4f} is the least",
    "way": "within a minute its share goes that way at {value:.2f}, if it moves; {limit:.2f} is "
    "the least",
    "odds": "while it is wanted it fills at {value:.3f}; {limit:.3f} is the least",
    "worth": "after what fills lose it earns {value:+.4f} dollars a contract; {limit:+.4f} is the "
    "least",
    "room": "bid and ask leave {value:.4f} dollars to rest in; more than {limit:.4f} is needed",
}


class Check(NamedTuple):  # some ten a signal, at a fifth of a frozen dataclass's cost
    """One gate's answer: a value beside its limit."""

    code: str
    passed: bool
    value: float
    limit: float

    @property
    def sentence(self) -> str:
        """Return it for a person."""
        return _SENTENCES[self.code].format(value=self.value, limit=self.limit)


def sentences(checks: Iterable[Check], *, passed: bool) -> tuple[str, ...]:
    """Return what speaks for something, or against it, for a person."""
    return tuple(check.sentence for check in checks if check.passed == passed)


@dataclass(frozen=True, slots=True)
class Signal:
    """A lean on one bracket, or one that was refused.

    ``price`` is in 1/10000 dollar and ``edge`` in dollars a contract after fees, both for how it
    would be done; ``heat`` is of the takers on its side.
    """

    kind: str
    place: int
    ticker: str
    side: Side
    price: int
    taker: bool
    edge: float
    heat: float
    checks: tuple[Check, ...]

    @property
    def stands(self) -> bool:
        """Say whether every gate lets it pass."""
        return not self.against

    @property
    def against(self) -> str:
        """Return the code of the first gate that it does not pass, empty when all let it pass."""
        return next((check.code for check in self.checks if not check.passed), "")

    @property
    def verdict(self) -> Verdict:
        """Return the first refusal, with the numbers of all that speak against it."""
        against = [check for check in self.checks if not check.passed]
        if not against:
            return ALLOW
        return Refuse(against[0].code, against[0].sentence, {c.code: c.value for c in against})
