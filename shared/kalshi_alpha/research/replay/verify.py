"""A recorded book checked: nothing lost, nothing crossed, nothing below nothing, and the same tops.

A market that fails is left out and counted; ``Coverage`` says how much is left.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import numpy as np

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.markets.units import PRICE_UNIT, price_text
from kalshi_alpha.research.data.findings import Ints
from kalshi_alpha.research.replay.tape import BID, Kind, Tape

NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One market's day that is not used: file, row (1 is the first of data) and why."""

    file: str
    row: int
    name: str
    day: date
    rule: str
    sentence: str


@dataclass(slots=True)
class Coverage:
    """What was asked for and what could be used, by market and New York day.

    ``place`` turns a line of several files read as one into the file and its row.
    """

    place: Callable[[int], tuple[str, int]] | None = None
    found: set[tuple[str, date]] = field(default_factory=set)
    left_out: list[LeftOut] = field(default_factory=list)

    def leave_out(self, file: str, row: int, name: str, at_ns: int, rule: str, what: str) -> None:
        """Leave one market's day out; the first reason stands."""
        if self.place is not None:
            file, row = self.place(row)
        day = day_of_ns(at_ns)
        self.found.add((name, day))
        if (name, day) not in self.excluded:
            sentence = f"{file}, row {row}: {name} on {day}: {what} [rule {rule}]"
            self.left_out.append(LeftOut(file, row, name, day, rule, sentence))

    @property
    def excluded(self) -> set[tuple[str, date]]:
        """Return the market-days that are left out."""
        return {(each.name, each.day) for each in self.left_out}

    @property
    def used(self) -> int:
        """Return how many market-days are left."""
        return len(self.found - self.excluded)

    def by_rule(self) -> dict[str, int]:
        """Return how many market-days each rule left out."""
        return dict(Counter(each.rule for each in self.left_out))

    def sentence(self) -> str:
        """Return it in one line."""
        rules = ", ".join(f"{count} {rule}" for rule, count in sorted(self.by_rule().items()))
        why = f", left out: {rules}" if rules else ""
        return f"{self.used} of {len(self.found)} market-days used{why}"

    def add(self, other: Coverage) -> None:
        """Take in another's coverage; of a market-day that both leave out, the first reason."""
        gone = self.excluded
        self.found |= other.found
        self.left_out += [e for e in other.left_out if (e.name, e.day) not in gone]


@dataclass(frozen=True, slots=True)
class TopRow:
    """A best bid and ask somebody else saw; 0 is an empty side."""

    at_ns: int
    name: int
    bid: int
    ask: int


def day_of_ns(at_ns: int) -> date:
    """Return the New York day of an instant."""
    return datetime.fromtimestamp(at_ns // NS, UTC).astimezone(NEW_YORK).date()


def days_of_ns(at_ns: Ints) -> Ints:
    """Return New York days as days since 1970, of instants in order of time."""
    hours, place = np.unique(at_ns // (3600 * NS), return_inverse=True)
    days = [day_of_ns(int(hour) * 3600 * NS).toordinal() for hour in hours]
    return np.array(days, np.int64)[place.ravel()] - date(1970, 1, 1).toordinal()


def checked(
    tape: Tape, file: str, *, rows: Ints | None = None, known: Coverage | None = None
) -> tuple[Tape, Coverage]:
    """Return the market-days of a tape that hold together, and what was left out.

    Left out: a market whose book stands crossed or locked between two instants (``crossed``), and
    one whose book changes before it was ever told whole (``no-snapshot``).

    Args:
        tape: of one file.
        file: its name, for the sentences.
        rows: of each row of the tape, its row in the file.
        known: what is left out already; it is added to.
    """
    rows = np.arange(1, len(tape) + 1) if rows is None else rows
    coverage = known or Coverage()
    day = days_of_ns(tape.recv_ns)
    market = tape.kind != Kind.INDEX
    for name, number in {*zip(tape.name[market].tolist(), day[market].tolist(), strict=True)}:
        coverage.found.add((tape.names[name], date.fromordinal(number + _EPOCH)))
    for k, rule, what in _faults(tape):
        name = tape.names[tape.name[k]]
        coverage.leave_out(file, int(rows[k]), name, int(tape.recv_ns[k]), rule, what)
    bad = {(n, d.toordinal() - _EPOCH) for n, d in coverage.excluded}
    if not bad:
        return tape, coverage
    code = {name: k for k, name in enumerate(tape.names)}
    keep = np.ones(len(tape), np.bool_)
    for name, number in bad:
        if name in code:  # of some markets nothing is known but their fault
            keep &= ~((tape.name == code[name]) & (day == number))
    return tape.where(keep), coverage


def tops(tape: Tape) -> Iterator[tuple[int, int, int, int]]:
    """Yield (row, name, bid, ask) after each row that says something of a book; 0 is empty."""
    books: list[tuple[dict[int, int], dict[int, int]]] = [({}, {}) for _ in tape.names]
    best = [[0, 0] for _ in tape.names]
    columns = (tape.kind, tape.name, tape.side, tape.price, tape.size)
    for k, (kind, name, side, price, size) in enumerate(
        zip(*(each.tolist() for each in columns), strict=True)
    ):
        if kind == Kind.CLEAR:
            books[name] = ({}, {})
            best[name] = [0, 0]
        elif kind == Kind.LEVEL:
            levels, tip = books[name][side], best[name][side]
            if size:
                levels[price] = size
                if not tip or (price > tip if side == BID else price < tip):
                    best[name][side] = price
            elif levels.pop(price, None) and price == tip:
                found = (max if side == BID else min)(levels, default=0)
                best[name][side] = found
        else:
            continue
        yield k, name, best[name][0], best[name][1]


def matched(tape: Tape, shown: Sequence[TopRow]) -> dict[str, tuple[int, int]]:
    """Return by market how many tops shown elsewhere the replayed book meets, and of how many.

    What counts is the book after every row up to that exchange time, the same millisecond
    included. A top of before a market's first row cannot be compared.

    Args:
        tape: exchange times as the tops'.
        shown: in order of time.
    """
    at = tape.exch_ns.tolist()
    told: list[list[tuple[int, int, int]]] = [[] for _ in tape.names]
    for k, name, bid, ask in tops(tape):
        told[name].append((at[k], bid, ask))
    found: dict[str, tuple[int, int]] = {}
    for row in shown:
        place = bisect_right(told[row.name], (row.at_ns, PRICE_UNIT, PRICE_UNIT)) - 1
        if place >= 0:
            met, compared = found.get(tape.names[row.name], (0, 0))
            same = told[row.name][place][1:] == (row.bid, row.ask)
            found[tape.names[row.name]] = (met + same, compared + 1)
    return found


def _faults(tape: Tape) -> Iterator[tuple[int, str, str]]:
    """Yield (row, rule, what), a row once; a book may cross within an instant, never after it."""
    told: set[int] = set()
    waiting: dict[int, tuple[int, int, int]] = {}  # by name: row, bid, ask
    at = tape.exch_ns.tolist()
    now = at[0] if at else 0
    first_clear = {name: k for k, name in reversed([*_clears(tape)])}
    for k, name, bid, ask in tops(tape):
        if at[k] != now:
            yield from _standing(waiting)
            waiting.clear()
            now = at[k]
        if k < first_clear.get(name, len(at)) and name not in told:
            told.add(name)
            yield k, "no-snapshot", "its book changes before it was told whole"
        if bid and ask and bid >= ask:
            waiting[name] = (k, bid, ask)
        else:
            waiting.pop(name, None)
    yield from _standing(waiting)


def _clears(tape: Tape) -> Iterator[tuple[int, int]]:
    for k in np.flatnonzero(tape.kind == Kind.CLEAR):
        yield int(k), int(tape.name[k])


def _standing(waiting: dict[int, tuple[int, int, int]]) -> Iterator[tuple[int, str, str]]:
    for k, bid, ask in waiting.values():
        what = f"the bid {price_text(bid)} stands at or above the ask {price_text(ask)}"
        yield k, "crossed", what


_EPOCH = date(1970, 1, 1).toordinal()
