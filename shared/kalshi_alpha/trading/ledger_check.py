"""Hold a journal against the venue's own records, and name each thing they do not agree on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kalshi_alpha.markets.orders import Fill, Settlement, Side
from kalshi_alpha.markets.units import CASH_UNIT, cash_text, price_text, size_text
from kalshi_alpha.trading.accounts import (
    Account,
    Balances,
    Books,
    Entry,
    Kind,
    MarketBook,
    booking_order,
)
from kalshi_alpha.trading.journal import Journal, Line
from kalshi_alpha.trading.verification import LedgerDifference, Portfolio, Verification

_CENT = CASH_UNIT // 100  # the venue tells what a settlement paid in whole cents


def verify(
    journal: Journal,
    portfolio: Portfolio | None,
    at: datetime,
    *,
    first: datetime | None = None,
    until: datetime | None = None,
) -> Verification:
    """Hold a journal against the venue's records.

    Args:
        journal: proved line by line already, as ``Journal.read`` and ``append`` leave it.
        portfolio: the venue's records; None, as for paper, compares nothing.
        at: now.
        first: the earliest time whose fills and settlements are compared.
        until: the time before which they are; positions and the balance of today are then left
            out, for the venue tells no older ones.
    """
    found: list[LedgerDifference] = []
    compared: dict[str, int] = {}
    if portfolio is not None:
        scope = _Scope(_latest(first, portfolio.since), until, portfolio.as_of)
        ours, fees = _booked_fills(journal)
        found += _fills(ours, fees, portfolio.fills, scope)
        found += _settlements(journal.books.markets, portfolio.settlements, scope)
        told = list(_told_balances(journal))
        found += [difference for entry, difference in told if difference and scope.holds(entry.at)]
        compared = {
            "fills": len(portfolio.fills),
            "settlements": len(portfolio.settlements),
            "balances told": len(told),
        }
        if until is None:
            found += _positions(journal.books, portfolio)
            found += _balance(journal.balances(), portfolio, found)
            compared["positions"] = len(portfolio.positions)
            compared["balance now"] = int(portfolio.balance is not None)
    return Verification(
        book=journal.book,
        verified_at=at,
        lines=len(journal.lines),
        head=journal.head,
        balances=journal.balances().to_json(),
        compared=compared,
        differences=tuple(found),
    )


@dataclass(frozen=True, slots=True)
class _Scope:
    """Which times are compared; ``fresh`` is how far the venue's lists are known to go."""

    first: datetime | None
    until: datetime | None
    fresh: datetime | None

    def holds(self, at: datetime | None) -> bool:
        """Say whether a record of that time is compared; one without a time always is."""
        if at is None:
            return True
        return (self.first is None or at >= self.first) and (self.until is None or at < self.until)

    def listed(self, at: datetime | None) -> bool:
        """Say whether the venue would list a record of that time by now."""
        return at is None or self.fresh is None or at <= self.fresh


def _booked_fills(journal: Journal) -> tuple[dict[str, Entry], dict[str, int]]:
    """Return the entry of each fill and what its fee was, by the fill's id."""
    fills: dict[str, Entry] = {}
    fees: dict[str, int] = {}
    kind_of_fill, kind_of_fee = Kind.FILL, Kind.FEE
    for line in journal.lines:
        entry = line.entry
        if entry.kind is kind_of_fill:
            fills[entry.key.removeprefix("fill/")] = entry
        elif entry.kind is kind_of_fee:
            fees[entry.key.removeprefix("fee/")] = int(entry.facts["fee"])
    return fills, fees


def _fills(
    ours: Mapping[str, Entry], fees: Mapping[str, int], theirs: Sequence[Fill], scope: _Scope
) -> Iterator[LedgerDifference]:
    listed = {fill.fill_id: fill for fill in theirs if scope.holds(fill.at)}
    for name, fill in listed.items():
        entry = ours.get(name)
        if entry is not None:
            fee = fees.get(name, 0)
            if fee != fill.fee or not _same(entry, fill):
                yield from _fill(name, entry, fee, fill)
        else:
            yield LedgerDifference(
                "fill missing", name, "nothing", _fill_text(fill), fill.cash,
                f"the venue lists the fill {name} ({_fill_text(fill)}, order {fill.order_id}), "
                "which the ledger does not have",
            )  # fmt: skip
    for name, entry in ours.items():
        if name not in listed and scope.holds(entry.at) and scope.listed(entry.at):
            mine = _as_fill(name, entry, fees.get(name, 0))
            yield LedgerDifference(
                "fill unknown", name, _fill_text(mine), "nothing", -mine.cash,
                f"the ledger has the fill {name} ({_fill_text(mine)}, order {mine.order_id}), "
                "which the venue does not list",
            )  # fmt: skip


def _fill(name: str, entry: Entry, fee: int, theirs: Fill) -> Iterator[LedgerDifference]:
    if not _same(entry, theirs):
        mine = _as_fill(name, entry, fee)
        yield LedgerDifference(
            "fill", name, _fill_text(mine), _fill_text(theirs),
            (theirs.cash + theirs.fee) - (mine.cash + mine.fee),
            f"the fill {name} is {_fill_text(mine)} of the order {mine.order_id} in the ledger and "
            f"{_fill_text(theirs)} of the order {theirs.order_id} at the venue",
        )  # fmt: skip
    if fee != theirs.fee:
        yield LedgerDifference(
            "fee", name, cash_text(fee), cash_text(theirs.fee), fee - theirs.fee,
            f"the fill {name} cost a fee of ${cash_text(fee)} by the ledger and "
            f"${cash_text(theirs.fee)} by the venue",
        )  # fmt: skip


def _settlements(
    markets: Mapping[str, MarketBook], theirs: Sequence[Settlement], scope: _Scope
) -> Iterator[LedgerDifference]:
    listed = {s.ticker: s for s in theirs if scope.holds(s.at)}
    for ticker, settlement in listed.items():
        market = markets.get(ticker)
        paid = cash_text(settlement.revenue)
        if market is None or market.revenue is None:
            if settlement.revenue or (market is not None and market.yes != market.no):
                yield LedgerDifference(
                    "settlement missing", ticker, "nothing", paid, settlement.revenue,
                    f"the venue settled {ticker} ({settlement.result}) and paid ${paid}; the "
                    "ledger has no settlement of it",
                )  # fmt: skip
        elif not 0 <= market.settled - settlement.revenue < _CENT:
            yield LedgerDifference(
                "settlement", ticker, cash_text(market.settled), paid,
                settlement.revenue - market.settled,
                f"{ticker} paid ${cash_text(market.settled)} ({market.result}) by the ledger and "
                f"${paid} ({settlement.result}) by the venue",
            )  # fmt: skip
    for ticker, market in markets.items():
        due = market.revenue is not None and market.yes != market.no and ticker not in listed
        if due and scope.holds(market.settled_at) and scope.listed(market.settled_at):
            yield LedgerDifference(
                "settlement unknown", ticker, cash_text(market.settled), "nothing",
                -market.settled,
                f"the ledger has ${cash_text(market.settled)} from the settlement of {ticker}, "
                "which the venue does not list",
            )  # fmt: skip


def _positions(books: Books, portfolio: Portfolio) -> Iterator[LedgerDifference]:
    mine = books.positions()
    for ticker in sorted(mine.keys() | {t for t, held in portfolio.positions.items() if held}):
        ours, theirs = mine.get(ticker, 0), portfolio.positions.get(ticker, 0)
        if ours != theirs:
            yield LedgerDifference(
                "position", ticker, size_text(ours), size_text(theirs), 0,
                f"the position in {ticker} is {size_text(ours)} by the ledger and "
                f"{size_text(theirs)} by the venue",
            )  # fmt: skip


def _balance(
    ours: Balances, portfolio: Portfolio, found: Iterable[LedgerDifference]
) -> Iterator[LedgerDifference]:
    if portfolio.balance is None or portfolio.balance == ours.cash:
        return
    more = portfolio.balance - ours.cash
    explained = sum(difference.cash for difference in found)
    rest = (
        ", which the other differences explain"
        if explained == more
        else f"; the other differences explain {_more(explained)} of it"
    )
    yield LedgerDifference(
        "balance", "now", cash_text(ours.cash), cash_text(portfolio.balance), more,
        f"the balance is ${cash_text(ours.cash)} by the ledger and "
        f"${cash_text(portfolio.balance)} at the venue: {_more(more)}{rest}",
    )  # fmt: skip


def _told_balances(journal: Journal) -> Iterator[tuple[Entry, LedgerDifference | None]]:
    """Hold each balance that the venue told against the books of that moment.

    What was off already the time before is not said again: a difference is where it arose.
    """
    off, last = 0, "at the opening"
    for entry, ours in _cash_when_told(journal):
        told = int(entry.facts["cash"])
        name = f"{entry.facts['moment']} {entry.window_id}"
        difference = None
        if told - ours != off:
            arose, off = told - ours - off, told - ours
            difference = LedgerDifference(
                "balance", name, cash_text(ours), cash_text(told), 0,
                f"between the balance {last} and that {name}, the venue's cash became "
                f"{_more(arose)} than the ledger knows of",
            )  # fmt: skip
        last = name
        yield entry, difference


def _cash_when_told(journal: Journal) -> Iterator[tuple[Entry, int]]:
    """Yield each balance that was told with our cash of that moment."""
    lines = journal.lines
    if _in_order(lines):  # nothing became known late: what was moved adds up
        cash, name, balance = 0, Account.CASH.value, Kind.BALANCE
        for line in lines:
            cash += line.moved.get(name, 0)
            if line.entry.kind is balance:
                yield line.entry, cash
        return
    books = Books()
    for entry in sorted(journal.entries, key=booking_order):
        books.apply(entry)
        if entry.kind is Kind.BALANCE:
            yield entry, books.balances().cash


def _in_order(lines: Sequence[Line]) -> bool:
    """Say whether lines stand in the order in which entries are booked."""
    last: Entry | None = None
    for line in lines:
        entry = line.entry
        # Times alone decide nearly always, and are much faster compared.
        later = last is None or last.at < entry.at
        if not later and last is not None and booking_order(last) > booking_order(entry):
            return False
        last = entry
    return True


def _as_fill(name: str, entry: Entry, fee: int) -> Fill:
    facts = entry.facts
    return Fill(
        fill_id=name,
        order_id=facts["order_id"],
        ticker=entry.ticker,
        side=Side(facts["side"]),
        price=facts["price"],
        size=facts["size"],
        is_taker=facts["is_taker"],
        fee=fee,
        at=entry.at,
    )


def _same(entry: Entry, theirs: Fill) -> bool:
    """Say whether a fill of ours is the venue's: order, market, side, price and size."""
    facts = entry.facts
    return (
        facts["size"] == theirs.size
        and facts["price"] == theirs.price
        and facts["order_id"] == theirs.order_id
        and entry.ticker == theirs.ticker
        and facts["side"] == theirs.side
    )


def _fill_text(fill: Fill) -> str:
    return f"{fill.side} {size_text(fill.size)} {fill.ticker} at ${price_text(fill.price)}"


def _more(cash: int) -> str:
    return f"${cash_text(abs(cash))} {'more' if cash >= 0 else 'less'}"


def _latest(*times: datetime | None) -> datetime | None:
    return max((at for at in times if at is not None), default=None)
