"""The journal: one book's entries with what they moved, each line sealed by the one before.

A line's digest is taken over its content and the digest before it, so that a line that was
repeated, left out, moved or edited is found, and named, by whoever reads the lines again. A
journal only grows: what becomes known late is booked at its end, with the time at which it
happened, and what became known otherwise is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from kalshi_alpha.clock import iso
from kalshi_alpha.errors import InvariantBroken
from kalshi_alpha.trading.accounts import (
    Balances,
    Books,
    Entry,
    Kind,
    balances_at,
    booking_order,
    is_told_before,
)
from kalshi_alpha.trading.entries import opening_entry

FIRST = "0" * 64  # what the first line of a book continues
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a journal: ``number`` counts from 1, ``moved`` is in cash units and sums to 0."""

    number: int
    entry: Entry
    moved: Mapping[str, int]
    previous: str
    digest: str


def seal(book: str, number: int, entry: Entry, moved: Mapping[str, int], previous: str) -> str:
    """Return a line's digest: of its book, its place, its content and the line before it."""
    content = (
        book,
        number,
        entry.key,
        entry.kind,
        iso(entry.at),
        entry.window_id,
        entry.ticker,
        entry.facts,
        moved,
        previous,
    )
    return sha256(_encode(content).encode()).hexdigest()


class Journal:
    """The journal of one book: ``paper``, ``twin`` or ``live``. Not for more than one thread."""

    def __init__(self, book: str) -> None:
        self.book = book
        self.lines: list[Line] = []
        self.books = Books()
        self._known: dict[str, Entry] = {}

    @property
    def head(self) -> str:
        """Return the digest that the next line will continue."""
        return self.lines[-1].digest if self.lines else FIRST

    @property
    def entries(self) -> list[Entry]:
        """Return every entry, as booked."""
        return [line.entry for line in self.lines]

    def balances(self, at: datetime | None = None) -> Balances:
        """Return the balances now, or those of an instant by all that is known today."""
        return self.books.balances() if at is None else balances_at(self.entries, at)

    def append(self, entries: Iterable[Entry]) -> list[Line]:
        """Book what is not booked yet, in the order of time, and return the new lines.

        What is known already is passed over. A settlement that pays something else now is booked
        as its next version; the first balance of a book that has no line opens it.

        Raises:
            InvariantBroken: when an entry says something else than when it was booked; nothing is
                booked then.
        """
        fresh: dict[str, Entry] = {}
        for entry in sorted(entries, key=booking_order):
            wanted = self._fresh(entry, fresh)
            if wanted is not None:
                fresh[wanted.key] = wanted
        chosen = self._opened(list(fresh.values()))
        return [self._book(entry) for entry in sorted(chosen, key=booking_order)]

    def _fresh(self, entry: Entry, fresh: Mapping[str, Entry]) -> Entry | None:
        known = self._known.get(entry.key) or fresh.get(entry.key)
        if entry.kind is Kind.SETTLEMENT:
            return self._settled_anew(entry, fresh)
        if known is None:
            return entry
        if (known.facts, known.ticker, known.at) != (entry.facts, entry.ticker, entry.at):
            raise InvariantBroken(
                f"{entry.key} was booked as {_told(known)} and the ledger now has {_told(entry)}; "
                "what is booked stays: find out who changed the ledger"
            )
        return None

    def _settled_anew(self, entry: Entry, fresh: Mapping[str, Entry]) -> Entry | None:
        stem, version = entry.key.rpartition("/")[0], 0
        last: Entry | None = None
        while known := self._known.get(f"{stem}/{version + 1}") or fresh.get(
            f"{stem}/{version + 1}"
        ):
            last, version = known, version + 1
        if last is not None and _paid(last) == _paid(entry):
            return None
        facts = dict(entry.facts) | {"version": version + 1}
        return replace(entry, key=f"{stem}/{version + 1}", facts=facts)

    def _opened(self, fresh: list[Entry]) -> list[Entry]:
        """Add the opening when the venue has told a balance and none is booked yet."""
        told = [entry for entry in fresh if is_told_before(entry)]
        if not told or "opening" in self._known:
            return fresh
        at = told[0].at
        moved = balances_at((e for e in [*self.entries, *fresh] if e.at < at), at).cash
        return [*fresh, opening_entry(told[0], moved)]

    def _book(self, entry: Entry) -> Line:
        moved = self.books.apply(entry)
        number, previous = len(self.lines) + 1, self.head
        line = Line(number, entry, moved, previous, seal(self.book, number, entry, moved, previous))
        self.lines.append(line)
        self._known[entry.key] = entry
        return line

    @classmethod
    def read(cls, book: str, lines: Iterable[Line]) -> Journal:
        """Rebuild a journal from its lines, and prove each.

        Raises:
            InvariantBroken: at the first line that is repeated, missing, out of its place, edited
                or booked otherwise than its entry says; nothing after it is read.
        """
        journal = cls(book)
        rest = iter(lines)
        for line in rest:
            journal._take(line, rest)
        return journal

    def _take(self, line: Line, rest: Iterator[Line]) -> None:
        self._in_place(line, rest)
        self._untouched(line)
        moved = self.books.apply(line.entry)
        if moved != line.moved:
            raise InvariantBroken(
                f"line {line.number} of the {self.book} journal moves {_encode(line.moved)}, and "
                f"what it books ({line.entry.key}) moves {_encode(moved)}"
            )
        self.lines.append(line)
        self._known[line.entry.key] = line.entry

    def _in_place(self, line: Line, rest: Iterator[Line]) -> None:
        expected, where = len(self.lines) + 1, f"line {line.number} of the {self.book} journal"
        if line.number == expected:
            if line.entry.key in self._known:
                raise InvariantBroken(f"{where} books {line.entry.key} a second time")
            return
        moved = f"{where} is out of order: it stands at place {expected}"
        if line.number > expected:
            if any(later.number == expected for later in rest):
                raise InvariantBroken(moved)
            missing = f"line {expected}"
            if line.number > expected + 1:
                missing = f"lines {expected} to {line.number - 1}"
            raise InvariantBroken(f"{missing} of the {self.book} journal missing before {where}")
        if line.number < 1 or self.lines[line.number - 1].digest != line.digest:
            raise InvariantBroken(moved)
        raise InvariantBroken(f"{where} is repeated at place {expected}")

    def _untouched(self, line: Line) -> None:
        where = f"line {line.number} of the {self.book} journal"
        if line.previous != self.head:
            before = f"line {line.number - 1} was edited or replaced" if self.lines else "it is cut"
            raise InvariantBroken(f"{where} does not continue what stands before it: {before}")
        digest = seal(self.book, line.number, line.entry, line.moved, line.previous)
        if digest != line.digest:
            raise InvariantBroken(
                f"{where} ({line.entry.key}) was edited: its content gives {digest[:12]}, its seal "
                f"is {line.digest[:12]}"
            )


def _told(entry: Entry) -> str:
    return f"{_encode(entry.facts)} at {iso(entry.at)}"


def _paid(entry: Entry) -> tuple[Any, Any]:
    return entry.facts["result"], entry.facts["revenue"]
