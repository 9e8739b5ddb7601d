"""What a ledger is held against, and what a proof of it found: plain records, and their JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from kalshi_alpha.clock import from_iso, iso
from kalshi_alpha.errors import DataError
from kalshi_alpha.markets.orders import Fill, Settlement

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Portfolio:
    """The venue's records of us.

    Attributes:
        fills: all of them, or those since ``since``.
        settlements: likewise; ``revenue`` is for what no pair of YES and NO had redeemed.
        positions: signed YES position in 1/100 contract by market, zeros may be left out.
        fees: cash by market, as its positions tell it; markets may be left out.
        balance: the cash that may be used, None when it was not asked.
        as_of: how fresh the records are; what happened later is not held against them.
        since: the earliest time they go back to, None when to the beginning.
    """

    fills: tuple[Fill, ...] = ()
    settlements: tuple[Settlement, ...] = ()
    positions: Mapping[str, int] = field(default_factory=dict)
    fees: Mapping[str, int] = field(default_factory=dict)
    balance: int | None = None
    as_of: datetime | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class LedgerDifference:
    """One thing that the ledger and the venue tell differently.

    Attributes:
        kind: ``fill missing``, ``fill unknown``, ``fill``, ``fee``, ``settlement missing``,
            ``settlement unknown``, ``settlement``, ``position`` or ``balance``. Missing is what our
            ledger lacks, unknown what the venue does not know.
        name: the fill, market or moment concerned.
        ledger: what our ledger says, ``nothing`` when it says nothing.
        venue: what the venue says.
        cash: by how much the venue's cash is higher for it, in cash units.
        sentence: all of it for a person.
    """

    kind: str
    name: str
    ledger: str
    venue: str
    cash: int
    sentence: str

    def __str__(self) -> str:
        """Return the sentence."""
        return self.sentence


@dataclass(frozen=True, slots=True)
class Verification:
    """What one proof of a ledger found: ``holds`` when nothing is left unexplained."""

    book: str
    verified_at: datetime
    lines: int
    head: str
    balances: Mapping[str, int]
    compared: Mapping[str, int]
    differences: tuple[LedgerDifference, ...]

    @property
    def holds(self) -> bool:
        """Say whether the ledger was held against the venue's records and no difference is left."""
        return not self.differences and bool(self.compared)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON; ``from_json`` reads it back."""
        return {
            "schema": SCHEMA,
            "book": self.book,
            "verified_at": iso(self.verified_at),
            "lines": self.lines,
            "head": self.head,
            "holds": self.holds,
            "balances": dict(self.balances),
            "compared": dict(self.compared),
            "differences": [asdict(difference) for difference in self.differences],
        }

    @classmethod
    def from_json(cls, text: str | bytes) -> Verification:
        """Read what ``to_json`` wrote; raise ``DataError`` when it is something else."""
        try:
            doc = json.loads(text)
            if doc["schema"] != SCHEMA:
                raise DataError(f"a verification of schema {doc['schema']!r}, not {SCHEMA}")
            return cls(
                str(doc["book"]),
                from_iso(doc["verified_at"]),
                int(doc["lines"]),
                str(doc["head"]),
                doc["balances"],
                doc["compared"],
                tuple(LedgerDifference(**found) for found in doc["differences"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"a verification cannot be read: {error!r}") from error
