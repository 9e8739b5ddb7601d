"""Closed lots, first in first out: what was acquired when, disposed of when, and what it gained.

Contracts are acquired as YES (a bid) or as NO (an ask, at one dollar less its YES price). Where the
other kind is held, a fill disposes of the oldest of those instead: at the venue the two meet and
pay a dollar, so what the fill cost less is what the older ones brought. What is still held when
the market settles is disposed of then. Every cash unit of every fill and fee is in exactly one
line: a part's share is rounded down, and the last part takes what is left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.trading.accounts import Entry, Kind, booking_order


@dataclass(frozen=True, slots=True)
class ClosedLot:
    """A disposed part of one acquisition; money in cash units, size in 1/100 contract.

    ``fees`` are those of acquiring it and of disposing of it, not in cost or proceeds.
    """

    ticker: str
    outcome: str  # yes | no
    size: int
    acquired: datetime
    disposed: datetime
    how: str  # sale | settlement
    proceeds: int
    cost: int
    fees: int

    @property
    def gain(self) -> int:
        """Return what it brought after fees."""
        return self.proceeds - self.cost - self.fees


@dataclass(slots=True)
class _Lot:
    """What is left of one fill, with the fee that goes with it; it is used up piece by piece."""

    side: Side
    each: int
    size: int
    fee: int
    at: datetime

    def take(self, size: int) -> int:
        """Use up ``size`` and return its share of the fee."""
        fee = self.fee * size // self.size
        self.size, self.fee = self.size - size, self.fee - fee
        return fee


@dataclass(slots=True)
class _Held:
    """A market's open lots, all of one outcome, and the dollars that met pairs have paid."""

    lots: deque[_Lot] = field(default_factory=deque)
    pairs: int = 0


def closed_lots(entries: Iterable[Entry]) -> list[ClosedLot]:
    """Return every closed lot of a book, in the order of their disposal."""
    booked = sorted(entries, key=booking_order)
    fees = {e.key.partition("/")[2]: int(e.facts["fee"]) for e in booked if e.kind is Kind.FEE}
    settled: dict[str, Entry] = {}
    held: dict[str, _Held] = {}
    found: list[ClosedLot] = []
    for entry in booked:
        if entry.kind is Kind.FILL:
            market = held.setdefault(entry.ticker, _Held())
            found.extend(_filled(market, entry, fees.get(entry.key.partition("/")[2], 0)))
        elif entry.kind is Kind.SETTLEMENT:
            settled[entry.ticker] = entry  # the last version counts
    for ticker, entry in settled.items():
        if ticker in held:
            found.extend(_settled(held[ticker], entry))
    return sorted(found, key=lambda lot: (lot.disposed, lot.ticker, lot.acquired))


def _filled(market: _Held, entry: Entry, fee: int) -> Iterator[ClosedLot]:
    facts, side = entry.facts, Side(entry.facts["side"])
    each = facts["price"] if side is Side.BID else PRICE_UNIT - facts["price"]
    new = _Lot(side, each, facts["size"], fee, entry.at)
    while new.size and market.lots and market.lots[0].side is not side:
        old = market.lots[0]
        size = min(new.size, old.size)
        paid = old.take(size) + new.take(size)
        market.pairs += PRICE_UNIT * size
        yield _closed(entry, old, size, "sale", (PRICE_UNIT - each) * size, paid)
        if not old.size:
            market.lots.popleft()
    if new.size:
        market.lots.append(new)


def _settled(market: _Held, entry: Entry) -> Iterator[ClosedLot]:
    """Dispose of what is left, for the settlement's revenue less what met pairs had paid."""
    left, paid = sum(lot.size for lot in market.lots), entry.facts["revenue"] - market.pairs
    for lot in market.lots:
        size = lot.size
        proceeds = paid * size // left
        paid, left = paid - proceeds, left - size
        yield _closed(entry, lot, size, "settlement", proceeds, lot.take(size))


def _closed(entry: Entry, lot: _Lot, size: int, how: str, proceeds: int, fees: int) -> ClosedLot:
    outcome = "yes" if lot.side is Side.BID else "no"
    cost = lot.each * size
    return ClosedLot(entry.ticker, outcome, size, lot.at, entry.at, how, proceeds, cost, fees)
