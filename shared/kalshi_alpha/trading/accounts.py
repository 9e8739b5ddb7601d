"""Double entry: what each event of the ledger moves between the accounts, in whole cash units.

An account's number is positive when it is a debit. Every posting adds up to zero, and so does the
whole of a book at any time:

==============  =============================================================================
account         what it holds
==============  =============================================================================
cash            what the venue would let us use now
collateral      what resting orders tie up of it
positions       what was paid for contracts that have not settled, less dollars of met pairs
fees            paid
settlement      credit: what settled markets paid beyond what their contracts had cost
reimbursements  credit: what the venue gave back outside of any trade; never part of a result
capital         credit: what the account held at first, and what was paid in or out since
==============  =============================================================================

A market's numbers are a function of what is known of it, not of the order in which it came: a
posting is that function after an event less that function before. So late, repeated and reordered
events end in the same balances. YES and NO of one market meet at once and pay a dollar.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.units import PRICE_UNIT


class Account(StrEnum):
    """An account of a book."""

    CASH = "cash"
    COLLATERAL = "collateral"
    POSITIONS = "positions"
    FEES = "fees"
    SETTLEMENT = "settlement"
    REIMBURSEMENTS = "reimbursements"
    CAPITAL = "capital"


class Kind(StrEnum):
    """What an entry is about, in the order in which entries of one instant are booked."""

    OPENING = "opening"
    TRANSFER = "transfer"
    INTENT = "intent"
    ORDER = "order"
    FILL = "fill"
    FEE = "fee"
    SETTLEMENT = "settlement"
    BALANCE = "balance"


# What one transfer is set against; all but a reimbursement is money of the operator's own.
TRANSFERS: Mapping[str, Account] = {
    "deposit": Account.CAPITAL,
    "withdrawal": Account.CAPITAL,
    "reimbursement": Account.REIMBURSEMENTS,
}

Posting: TypeAlias = dict[str, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of the ledger: ``key`` names it for good, ``facts`` is plain JSON.

    ``at`` is when it happened, by whoever knows best: the venue for its fills, our clock else.
    """

    key: str
    kind: Kind
    at: datetime
    window_id: str = ""
    ticker: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Balances:
    """A book's balances in cash units, each with the sign a person gives it.

    ``cash + collateral + positions == capital + settlement + reimbursements - fees``, always.
    """

    cash: int = 0
    collateral: int = 0
    positions: int = 0
    fees: int = 0
    settlement: int = 0
    reimbursements: int = 0
    capital: int = 0

    @property
    def earned(self) -> int:
        """Return what settled markets brought after fees; reimbursements are no part of it."""
        return self.settlement - self.fees

    def to_json(self) -> dict[str, int]:
        """Return the balances by account."""
        return {account.value: getattr(self, account.value) for account in Account}


@dataclass(slots=True)
class _Order:
    """An order's last known state: what it still ties up follows from it and from its fills."""

    is_bid: bool
    each: int  # what one contract costs at most, in 1/10000 dollar
    told: int  # what has filled and what still may, as last told
    order_id: str


@dataclass(slots=True)
class MarketBook:
    """What is known of one market: sums in cash units and in 1/100 contract."""

    paid: int = 0
    fees: int = 0
    yes: int = 0
    no: int = 0
    revenue: int | None = None  # of every contract ever bought, once the market has settled
    result: str = ""
    version: int = 0
    settled_at: datetime | None = None
    tied: int = 0
    orders: dict[str, _Order] = field(default_factory=dict)

    @property
    def position(self) -> int:
        """Return the signed YES position, 0 once it has settled."""
        return 0 if self.revenue is not None else self.yes - self.no

    @property
    def pairs(self) -> int:
        """Return the cash that YES and NO of this market have paid by meeting."""
        return PRICE_UNIT * min(self.yes, self.no)

    @property
    def settled(self) -> int:
        """Return what the settlement itself paid: for the contracts no pair had redeemed."""
        return (self.revenue or 0) - self.pairs

    def totals(self) -> tuple[int, int, int, int, int]:
        """Return cash, collateral, positions, fees and settlement as debits."""
        paid, fees = self.paid, self.fees
        if self.revenue is not None:
            return self.revenue - paid - fees, 0, 0, fees, paid - self.revenue
        pairs, tied = self.pairs, self.tied
        return pairs - paid - fees - tied, tied, paid - pairs, fees, 0


# Plain text, for a dictionary finds that faster than a member of an enumeration.
_CASH, _COLLATERAL = Account.CASH.value, Account.COLLATERAL.value
_OF_A_MARKET = (
    _CASH,
    _COLLATERAL,
    Account.POSITIONS.value,
    Account.FEES.value,
    Account.SETTLEMENT.value,
)
_INTENT, _ORDER, _FILL, _FEE = Kind.INTENT, Kind.ORDER, Kind.FILL, Kind.FEE
_OUTSIDE = (Kind.OPENING, Kind.TRANSFER)
_BID = Side.BID.value


class Books:
    """The accounts of one book, moved entry by entry. Not for more than one thread."""

    def __init__(self) -> None:
        self.markets: dict[str, MarketBook] = {}
        self._totals = {account.value: 0 for account in Account}
        self._filled: dict[str, int] = {}  # by order id
        self._told: dict[str, int] = {}  # the last event booked, by the order's own name

    def apply(self, entry: Entry) -> Posting:
        """Book an entry that was not booked before; return what it moved, nothing left at zero."""
        kind = entry.kind
        if kind is _INTENT:
            return {}
        if kind in _OUTSIDE:
            posting = _from_outside(entry)
        elif entry.ticker and kind is not Kind.BALANCE:
            posting = self._in_market(entry)
        else:
            posting = {}
        for account, amount in posting.items():
            self._totals[account] += amount
        return posting

    def balances(self) -> Balances:
        """Return the balances now."""
        total = self._totals
        return Balances(
            cash=total[Account.CASH],
            collateral=total[Account.COLLATERAL],
            positions=total[Account.POSITIONS],
            fees=total[Account.FEES],
            settlement=-total[Account.SETTLEMENT],
            reimbursements=-total[Account.REIMBURSEMENTS],
            capital=-total[Account.CAPITAL],
        )

    def positions(self) -> dict[str, int]:
        """Return the signed YES position of every market that holds one, in 1/100 contract."""
        return {name: book.position for name, book in self.markets.items() if book.position}

    def _in_market(self, entry: Entry) -> Posting:
        market = self.markets.get(entry.ticker)
        if market is None:
            market = self.markets[entry.ticker] = MarketBook()
        kind, facts = entry.kind, entry.facts
        if kind is _ORDER:
            return self._order(market, facts)
        before = market.totals()
        if kind is _FILL:
            self._fill(market, facts)
        elif kind is _FEE:
            market.fees += facts["fee"]
        elif kind is Kind.SETTLEMENT and facts["version"] > market.version:
            market.version, market.revenue = facts["version"], facts["revenue"]
            market.result, market.settled_at = facts["result"], entry.at
        return {
            account: new - old
            for account, new, old in zip(_OF_A_MARKET, market.totals(), before, strict=True)
            if new != old
        }

    def _fill(self, market: MarketBook, facts: Mapping[str, Any]) -> None:
        size, order_id = facts["size"], facts["order_id"]
        if facts["side"] == _BID:
            market.yes += size
            market.paid += facts["price"] * size
        else:
            market.no += size
            market.paid += (PRICE_UNIT - facts["price"]) * size
        self._filled[order_id] = self._filled.get(order_id, 0) + size
        if market.orders:
            market.tied = self._tied(market)

    def _order(self, market: MarketBook, facts: Mapping[str, Any]) -> Posting:
        name, index, before = facts["client_order_id"], facts["index"], market.tied
        if self._told.get(name, -1) >= index:
            return {}
        self._told[name] = index
        is_bid, price = Side(facts["side"]) is Side.BID, facts["price"]
        each = price if is_bid else PRICE_UNIT - price
        market.orders[name] = _Order(is_bid, each, facts["told"], facts["order_id"])
        market.tied = tied = self._tied(market)
        if tied == before or market.revenue is not None:
            return {}
        return {_CASH: before - tied, _COLLATERAL: tied - before}

    def _tied(self, market: MarketBook) -> int:
        """Return what a market's orders tie up, and forget those that tie up nothing any more."""
        bids: list[tuple[int, int]] = []
        asks: list[tuple[int, int]] = []
        ended = []
        filled = self._filled
        for name, order in market.orders.items():
            left = order.told - filled.get(order.order_id, 0)
            if left > 0:
                (bids if order.is_bid else asks).append((order.each, left))
            else:
                ended.append(name)
        for name in ended:
            del market.orders[name]
        held = market.yes - market.no
        return _needed(bids, -held) + _needed(asks, held)


def balances_at(entries: Iterable[Entry], at: datetime) -> Balances:
    """Return the balances that the entries known today give for an instant, ``at`` included."""
    books = Books()
    for entry in sorted((e for e in entries if e.at <= at), key=booking_order):
        books.apply(entry)
    return books.balances()


BEFORE = "before"  # the moment of a balance that was told before a window did anything
_RANK = {kind: 2 * rank for rank, kind in enumerate(Kind)}
_RANK_BEFORE = 1  # behind the opening, ahead of everything else


def booking_order(entry: Entry) -> tuple[datetime, int, str]:
    """Return what entries are sorted by: when, what, which."""
    return entry.at, _RANK_BEFORE if is_told_before(entry) else _RANK[entry.kind], entry.key


def is_told_before(entry: Entry) -> bool:
    """Say whether an entry is the balance that was told before a window did anything."""
    return entry.kind is Kind.BALANCE and bool(entry.facts["moment"] == BEFORE)


def _from_outside(entry: Entry) -> Posting:
    amount = entry.facts["cash"]
    against = TRANSFERS[entry.facts.get("transfer", "deposit")]
    return {Account.CASH: amount, against: -amount} if amount else {}


def _needed(rows: list[tuple[int, int]], closing: int) -> int:
    """Return what one side's orders tie up: what closes a position, dearest first, is free."""
    if closing <= 0:
        return sum(each * size for each, size in rows)
    total = 0
    for each, size in sorted(rows, reverse=True):
        free = min(closing, size)
        closing -= free
        total += each * (size - free)
    return total
