"""A book balances and tells the same, whatever the order, the repeats and the restarts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kalshi_alpha.errors import InvariantBroken
from kalshi_alpha.markets.units import PRICE_UNIT
from kalshi_alpha.trading.accounts import Balances, Books, Entry, Kind
from kalshi_alpha.trading.journal import Journal, Line
from kalshi_alpha.trading.lots import closed_lots

T0 = datetime(2025, 11, 4, 16, 50, tzinfo=UTC)
MARKETS = ("M1", "M2", "M3")
SIDES = st.sampled_from(["bid", "ask"])
PRICES = st.integers(1, PRICE_UNIT - 1)
SIZES = st.integers(1, 500)
SECONDS = st.integers(0, 30)


@st.composite
def days(draw: st.DrawFn) -> list[Entry]:
    """Draw everything that happens to a book: orders, their fills, fees, settlements, transfers."""
    found = [_entry("opening", Kind.OPENING, 0, cash=draw(st.integers(0, 10**9)))]
    for number in range(draw(st.integers(0, 6))):
        found += _order(draw, number)
    bought = {m: [e for e in found if e.ticker == m and e.kind is Kind.FILL] for m in MARKETS}
    for market in draw(st.sets(st.sampled_from(MARKETS))):
        found.append(_settled(market, bought[market], draw(st.integers(0, PRICE_UNIT))))
    for number in range(draw(st.integers(0, 2))):
        cash = draw(st.integers(1, 10**6))
        facts: dict[str, Any] = {
            "transfer": draw(st.sampled_from(["deposit", "reimbursement"])),
            "cash": cash,
        }
        found.append(_entry(f"transfer/{number}", Kind.TRANSFER, draw(SECONDS), **facts))
    return found


def _order(draw: st.DrawFn, number: int) -> list[Entry]:
    market, side, price = draw(st.sampled_from(MARKETS)), draw(SIDES), draw(PRICES)
    size, name = draw(SIZES), f"o{number}"
    pieces = draw(st.lists(st.integers(1, size), max_size=3))
    filled = [piece for place, piece in enumerate(pieces) if sum(pieces[: place + 1]) <= size]
    told = [size, *(draw(st.lists(st.just(size), max_size=2)))]
    told.append(sum(filled) if draw(st.booleans()) else size)
    common = {"client_order_id": name, "side": side, "price": price, "order_id": name}
    found = [
        _entry(f"order/{name}/{n}", Kind.ORDER, draw(SECONDS), market, index=n, told=t, **common)
        for n, t in enumerate(told)
    ]
    for n, piece in enumerate(filled):
        facts = {"side": side, "price": price, "size": piece, "order_id": name, "is_taker": False}
        at = draw(SECONDS)
        found.append(_entry(f"fill/{name}-{n}", Kind.FILL, at, market, **facts))
        if fee := draw(st.integers(0, 1_000)):
            found.append(_entry(f"fee/{name}-{n}", Kind.FEE, at, market, fee=fee))
    return found


def _settled(market: str, fills: list[Entry], value: int) -> Entry:
    revenue = sum(
        (value if e.facts["side"] == "bid" else PRICE_UNIT - value) * e.facts["size"] for e in fills
    )
    key = f"settlement/{market}/1"
    return _entry(key, Kind.SETTLEMENT, 40, market, revenue=revenue, result="scalar", version=1)


def _entry(key: str, kind: Kind, seconds: int, ticker: str = "", **facts: Any) -> Entry:
    return Entry(key, kind, T0 + timedelta(seconds=seconds), "w", ticker, facts)


def _balanced(books: Balances) -> bool:
    have = books.cash + books.collateral + books.positions
    return have == books.capital + books.settlement + books.reimbursements - books.fees


@given(days(), st.randoms(use_true_random=False))
def test_any_order_of_events_ends_in_the_same_balances(day: list[Entry], random: Any) -> None:
    mixed = list(day)
    random.shuffle(mixed)
    straight, shuffled = Books(), Books()
    for entry in day:
        assert sum(straight.apply(entry).values()) == 0
    for entry in mixed:
        assert sum(shuffled.apply(entry).values()) == 0
        assert _balanced(shuffled.balances())

    assert shuffled.balances() == straight.balances()
    assert shuffled.positions() == straight.positions()


@given(days())
def test_cash_is_what_was_there_less_what_was_paid_and_what_rests(day: list[Entry]) -> None:
    books = Books()
    for entry in day:
        books.apply(entry)
    balances = books.balances()

    settled = {e.ticker for e in day if e.kind is Kind.SETTLEMENT}
    assert set(books.positions()).isdisjoint(settled)
    assert balances.collateral >= 0
    if settled == set(MARKETS):
        assert (balances.collateral, balances.positions) == (0, 0)


@given(days())
def test_every_unit_of_a_settled_market_is_in_one_closed_lot(day: list[Entry]) -> None:
    settled = {e.ticker for e in day if e.kind is Kind.SETTLEMENT}
    books = Books()
    for entry in day:
        if entry.ticker in settled and entry.kind in (Kind.FILL, Kind.FEE, Kind.SETTLEMENT):
            books.apply(entry)

    lots = [lot for lot in closed_lots(day) if lot.ticker in settled]

    assert sum(lot.gain for lot in lots) == books.balances().earned
    for market in settled:
        bought = [e for e in day if e.kind is Kind.FILL and e.ticker == market]
        sold = [lot for lot in lots if lot.ticker == market]
        # A sale is two fills' contracts that met: those of the lot and those of the sale.
        contracts = sum(lot.size * (2 if lot.how == "sale" else 1) for lot in sold)
        assert contracts == sum(e.facts["size"] for e in bought)


@given(days(), st.data())
def test_no_damage_to_a_line_goes_unseen(day: list[Entry], data: st.DataObject) -> None:
    journal = Journal("live")
    journal.append(day)
    lines = list(journal.lines)
    place = data.draw(st.integers(0, len(lines) - 1))
    how = data.draw(st.sampled_from(["drop", "repeat", "swap", "edit", "move"]))
    damaged = _damage(lines, place, how)
    if damaged == lines:
        return

    if damaged == lines[:-1]:  # cut at its end: that is told by the seal of the close
        assert Journal.read("live", damaged).head != journal.head
        return
    with pytest.raises(InvariantBroken, match="journal"):
        Journal.read("live", damaged)


def _damage(lines: list[Line], place: int, how: str) -> list[Line]:
    line = lines[place]
    after = lines[place + 1 :]
    if how == "drop":
        return [*lines[:place], *after]
    if how == "repeat":
        return [*lines[:place], line, line, *after]
    if how == "swap":
        return [*lines[:place], *after[:1], line, *after[1:]]
    facts = dict(line.entry.facts) | {"cash": 7} if how == "edit" else line.entry.facts
    at = line.entry.at + timedelta(seconds=how == "move")
    entry = Entry(line.entry.key, line.entry.kind, at, "w", line.entry.ticker, facts)
    return [
        *lines[:place],
        Line(line.number, entry, line.moved, line.previous, line.digest),
        *after,
    ]


class JournalMachine(RuleBasedStateMachine):
    """Events are heard of in any order and any number of times, by processes that die."""

    @initialize(day=days())
    def begin(self, day: list[Entry]) -> None:
        self.day = day
        self.heard: dict[str, Entry] = {}
        self.journal = Journal("live")
        self.sealed: list[Line] = []

    @rule(data=st.data())
    def hear(self, data: st.DataObject) -> None:
        """Hear of some events, of some again."""
        some = data.draw(st.lists(st.sampled_from(self.day), max_size=5))
        self.journal.append(some)
        self.heard |= {entry.key: entry for entry in some}

    @rule()
    def seal(self) -> None:
        """Write down the lines."""
        self.sealed = list(self.journal.lines)

    @rule()
    def die(self) -> None:
        """Lose what was not written down, and hear of everything heard once more."""
        self.journal = Journal.read("live", self.sealed)
        self.journal.append(self.heard.values())

    @precondition(lambda self: self.sealed)
    @rule(data=st.data())
    def change_the_past(self, data: st.DataObject) -> None:
        """Tell something else of an event that is booked: refused, and nothing is booked."""
        line = data.draw(st.sampled_from(self.sealed))
        if line.entry.kind is Kind.SETTLEMENT:
            return
        before = self.journal.head
        changed = Entry(
            line.entry.key, line.entry.kind, line.entry.at, "w", line.entry.ticker,
            dict(line.entry.facts) | {"price": -1},
        )  # fmt: skip
        with pytest.raises(InvariantBroken, match="was booked as"):
            self.journal.append([changed])
        assert self.journal.head == before

    @invariant()
    def balances_are_those_of_what_was_heard(self) -> None:
        """Whatever happened, the book is a function of what is known."""
        books = Books()
        for entry in self.heard.values():
            books.apply(entry)
        assert self.journal.balances() == books.balances()
        assert _balanced(self.journal.balances())

    @invariant()
    def what_was_sealed_stays(self) -> None:
        """The journal only grows."""
        assert self.journal.lines[: len(self.sealed)] == self.sealed
        assert Journal.read("live", self.journal.lines).head == self.journal.head


TestJournal = JournalMachine.TestCase
TestJournal.settings = settings(max_examples=40, stateful_step_count=20)
