"""Trades with what then happened: what every comparison with the market is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.data.findings import Bools, Floats, Ints

SURPRISE = 5.0  # winners expected where none came: by chance less than once in a hundred files


@dataclass(frozen=True, slots=True)
class MarketCases:
    """One case a trade; arrays are [cases], in order of day.

    Attributes:
        day: the event's, in days since 1970-01-01: what intervals are clustered by.
        event: code of the event, whose markets share one outcome.
        side: code of the market and what takers did in it.
        minutes: from the trade to the fixing, above 0.
        price: traded, strictly between 0 and 1.
        happened: 1 where yes won, else 0.
        ours: probability of yes by our law, NaN throughout where there is no law.
    """

    day: Ints
    event: Ints
    side: Ints
    minutes: Floats
    price: Floats
    happened: Floats
    ours: Floats

    def __len__(self) -> int:
        return len(self.day)

    def where(self, keep: Bools | Ints) -> MarketCases:
        """Return the cases at ``keep``, a mask or places."""
        return MarketCases(*(getattr(self, name)[keep] for name in self.__slots__))

    def with_outcome(self, happened: Floats) -> MarketCases:
        """Return the same trades with other outcomes."""
        return replace(self, happened=happened)

    @property
    def has_ours(self) -> bool:
        """Say whether our law spoke."""
        return bool(len(self) and np.isfinite(self.ours).all())


@dataclass(frozen=True, slots=True)
class Excluded:
    """Rows left out by one rule, or only counted under it.

    Attributes:
        rule: its name; docs/math/market.md lists them.
        rows: how many.
        sentence: file, first row and reason, for a person.
    """

    rule: str
    rows: int
    sentence: str

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"rule": self.rule, "rows": self.rows, "sentence": self.sentence}


def require_both_outcomes(
    file: str, event: Ints, market: Ints, price: Floats, happened: Floats
) -> None:
    """Refuse a file from which the markets that won, or those that lost, are gone.

    Each market counts once at its mean price, and an event counts for at most one winner, since
    its markets win together or not at all.

    Raises:
        DataError: when five or more winners were to be expected and none is there, or as many
            losers.
    """
    markets, place = np.unique(market, return_inverse=True)
    count = np.bincount(place)
    mean = np.bincount(place, price) / count
    won = np.bincount(place, happened) / count > 0.5
    first = np.zeros(len(markets), dtype=np.int64)
    first[place] = event
    _, event_of = np.unique(first, return_inverse=True)
    for word, there, chance in (("won", won, mean), ("lost", ~won, 1.0 - mean)):
        expected = float(np.minimum(np.bincount(event_of, chance), 1.0).sum())
        if not there.any() and expected >= SURPRISE:
            raise DataError(
                f"{file}: not one of its {len(markets)} markets {word}, where their prices expect "
                f"about {expected:.0f} events with one that did: those that {word} are missing, "
                "and every figure made of the rest would be wrong [rule survivors]"
            )
