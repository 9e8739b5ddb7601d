"""How what is held leans on a quote: preferred when it reduces risk, further back when it adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.trading.candidates import Candidate


@dataclass(frozen=True, slots=True)
class Tilt:
    """What the inventory asks of one quote.

    Attributes:
        ticks: prices further back, >= 0, among those that were looked at.
        reduces: a fill would make what is held less risky.
    """

    ticks: int = 0
    reduces: bool = False


LEVEL = Tilt()
Tilts: TypeAlias = Mapping[tuple[str, Side], Tilt]  # by market and side


def tilt_of(tilts: Tilts, candidate: Candidate) -> Tilt:
    """Return the tilt of a candidate; level when nothing was said of it."""
    return tilts.get((candidate.ticker, candidate.side), LEVEL)


def shaded(candidate: Candidate, tilt: Tilt) -> Candidate:
    """Return the candidate with its price moved back; never past the last that was looked at.

    A price further back rests as the first does, and earns more in a fill.
    """
    if tilt.ticks <= 0 or candidate.chosen is None:
        return candidate
    earning = [
        o.edge for o in candidate.options if not o.crosses and o.edge.clears(candidate.min_ev)
    ]
    behind = earning[earning.index(candidate.chosen) :]
    return replace(candidate, chosen=behind[min(tilt.ticks, len(behind) - 1)])
