"""The journal: one book's entries with what they moved, each line sealed by the one before.

A line's digest is taken over its content and the digest before it, so that a line that was
repeated, left out, moved or edited is found, and named, by whoever reads the lines again. A
journal only grows: what becomes known late is booked at its end, with the time at which it
happened, and what became known otherwise is refused.
"""

from __future__ import annotations

import contextlib
import gc
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from json.encoder import encode_basestring_ascii as _quoted
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
_KINDS = {kind: _quoted(kind.value) for kind in Kind}
_UTC_OFFSET = len("+00:00")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a journal: ``number`` counts from 1, ``moved`` is in cash units and sums to 0.

    ``stored`` is what a file holds of the facts and of what was moved, as ``content_text`` writes
    them. It never outlives them: a line with other ones, made by ``replace``, has none.
    """

    number: int
    entry: Entry
    moved: Mapping[str, int]
    previous: str
    digest: str
    stored: str = field(default="", init=False, repr=False, compare=False)


_set_stored = Line.__dict__["stored"].__set__  # past the freeze, at the one place that reads a file


def stored_line(
    number: int, entry: Entry, moved: Mapping[str, int], previous: str, digest: str, stored: str
) -> Line:
    """Return a line as a file holds it, ``entry.facts`` and ``moved`` being read from ``stored``.

    Its digest is then proved over the very text that is stored, with nothing written anew.
    """
    line = Line(number, entry, moved, previous, digest)
    _set_stored(line, stored)
    return line


def facts_text(facts: Mapping[str, Any]) -> str:
    """Return facts as the one JSON text that a digest is taken over."""
    return _encode(facts)


def content_text(facts: Mapping[str, Any], moved: Mapping[str, int]) -> str:
    """Return an entry's facts and what it moved, as they are sealed: two JSON objects, a comma."""
    return f"{_encode(facts)},{_encode(moved)}"


def seal(book: str, number: int, entry: Entry, moved: Mapping[str, int], previous: str) -> str:
    """Return a line's digest: of its book, its place, its content and the line before it."""
    return _sealed(book, number, entry, content_text(entry.facts, moved), previous)


def _sealed(book: str, number: int, entry: Entry, content: str, previous: str) -> str:
    """Return the digest of a line; what is hashed is one JSON array, of everything it says."""
    at = entry.at
    stamp = f"{at.isoformat()[:-_UTC_OFFSET]}Z" if at.tzinfo is UTC else iso(at)
    text = (
        f'[{_quoted(book)},{number},{_quoted(entry.key)},{_KINDS[entry.kind]},"{stamp}",'
        f"{_quoted(entry.window_id)},{_quoted(entry.ticker)},{content},{_quoted(previous)}]"
    )
    return sha256(text.encode()).hexdigest()


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the garbage collector from looking through a growing journal again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


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
        known, taken, apply = journal._known, journal.lines, journal.books.apply
        head, rest = FIRST, iter(lines)
        with collector_paused():
            for place, line in enumerate(rest, start=1):
                entry = line.entry
                key, digest = entry.key, line.digest
                if line.number != place or key in known:
                    raise journal._out_of_place(line, rest)
                if line.previous != head or not journal._gives(line, digest):
                    raise journal._touched(line)
                moved = apply(entry)
                if moved != line.moved:
                    raise journal._moves_otherwise(line, moved)
                taken.append(line)
                known[key], head = entry, digest
        return journal

    def _gives(self, line: Line, digest: str) -> bool:
        """Say whether a line's content gives a digest: as it is stored, or else written anew."""
        entry, number, previous = line.entry, line.number, line.previous
        stored = line.stored
        if stored and _sealed(self.book, number, entry, stored, previous) == digest:
            return True
        return seal(self.book, number, entry, line.moved, previous) == digest

    def _where(self, line: Line) -> str:
        return f"line {line.number} of the {self.book} journal"

    def _out_of_place(self, line: Line, rest: Iterator[Line]) -> InvariantBroken:
        expected, where = len(self.lines) + 1, self._where(line)
        if line.number == expected:
            return InvariantBroken(f"{where} books {line.entry.key} a second time")
        moved = f"{where} is out of order: it stands at place {expected}"
        if line.number > expected:
            if any(later.number == expected for later in rest):
                return InvariantBroken(moved)
            missing = f"line {expected}"
            if line.number > expected + 1:
                missing = f"lines {expected} to {line.number - 1}"
            return InvariantBroken(f"{missing} of the {self.book} journal missing before {where}")
        if line.number < 1 or self.lines[line.number - 1].digest != line.digest:
            return InvariantBroken(moved)
        return InvariantBroken(f"{where} is repeated at place {expected}")

    def _touched(self, line: Line) -> InvariantBroken:
        where = self._where(line)
        if line.previous != self.head:
            before = f"line {line.number - 1} was edited or replaced" if self.lines else "it is cut"
            return InvariantBroken(f"{where} does not continue what stands before it: {before}")
        digest = seal(self.book, line.number, line.entry, line.moved, line.previous)
        return InvariantBroken(
            f"{where} ({line.entry.key}) was edited: its content gives {digest[:12]}, its seal "
            f"is {line.digest[:12]}"
        )

    def _moves_otherwise(self, line: Line, moved: Mapping[str, int]) -> InvariantBroken:
        return InvariantBroken(
            f"{self._where(line)} moves {_encode(line.moved)}, and "
            f"what it books ({line.entry.key}) moves {_encode(moved)}"
        )


def _told(entry: Entry) -> str:
    return f"{_encode(entry.facts)} at {iso(entry.at)}"


def _paid(entry: Entry) -> tuple[Any, Any]:
    return entry.facts["result"], entry.facts["revenue"]
