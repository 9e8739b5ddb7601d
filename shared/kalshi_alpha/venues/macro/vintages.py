"""Every vintage of every source, kept and never overwritten.

===================================  ==================================================
``macro/SOURCE/raw/SHA256``          the payload as it came
``macro/SOURCE/vintages/ID.json``    what was read of it; ID is the hash of that text
``macro/SOURCE/reads/TIME-ID.json``  that it was read, and when: one small file a read
``macro/SOURCE/refused/SHA256``      a payload that could not be read
``macro/SOURCE/gathered.json``       every value until some read, so that few are opened
===================================  ==================================================

What is gathered can be made anew from the reads at any time, and is when it cannot be read.
A payload that says nothing new makes a read and no vintage. A figure is known from the first read
in which it stood, whatever later reads repeat, so a history read today is of today.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

import msgspec

from kalshi_alpha.clock import Clock, from_iso, iso
from kalshi_alpha.errors import DataError, InvariantBroken
from kalshi_alpha.venues.macro.figures import Figure, LeftOut, Parsed

ROOT = "macro"
_STAMP = "%Y%m%dT%H%M%S.%fZ"


class Shelf(Protocol):
    """Named bytes, as an artifact store has them."""

    def read(self, key: str) -> bytes:
        """Return the bytes; raise ``DataError`` when there are none."""
        ...

    def write(self, key: str, data: bytes) -> None:
        """Write the bytes whole."""
        ...

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys that start with ``prefix``, sorted."""
        ...


@dataclass(frozen=True, slots=True)
class Row:
    """A figure and where it is known from.

    Attributes:
        figure: series, period, value as text, the provider's time.
        first_read_at: when it was first read by us; it never moves.
        vintage: id of the vintage it first stood in.
        raw: SHA-256 of the payload of that read.
    """

    figure: Figure
    first_read_at: datetime
    vintage: str
    raw: str

    def usable_from(self, released: datetime) -> datetime:
        """Return when it may first be used: after its release and after it was read."""
        return max(released, self.first_read_at)


@dataclass(frozen=True, slots=True)
class Read:
    """One read of a source."""

    read_at: datetime
    vintage: str
    raw: str
    validator: str


class _ReadNote(msgspec.Struct, frozen=True):
    read_at: str
    vintage: str
    raw: str
    validator: str
    left_out: dict[str, int]


class _FigureNote(msgspec.Struct, frozen=True):
    series: str
    period: date
    value: str
    provider_at: str | None


class _RowNote(msgspec.Struct, frozen=True):
    figure: _FigureNote
    first_read_at: str
    vintage: str
    raw: str


class _GatheredNote(msgspec.Struct, frozen=True):
    through: str
    seen: str
    rows: list[_RowNote]


@dataclass(frozen=True, slots=True)
class _Gathered:
    """Every value until the read ``through``, whose vintage is ``seen``."""

    through: str
    seen: str
    rows: tuple[Row, ...]


class Vintages:
    """The vintages of all sources on one shelf; first-read times come from ``clock``."""

    def __init__(self, shelf: Shelf, clock: Clock) -> None:
        self._shelf, self._clock = shelf, clock

    def keep(self, source: str, payload: bytes, parsed: Parsed, validator: str = "") -> Read:
        """Keep a payload and what was read of it, as known from now.

        Raises:
            InvariantBroken: when another text already stands where this one belongs.
        """
        raw, text = hashlib.sha256(payload).hexdigest(), _written(parsed.figures)
        vintage = hashlib.sha256(text).hexdigest()
        self._put(f"{ROOT}/{source}/raw/{raw}", payload)
        self._put(f"{ROOT}/{source}/vintages/{vintage}.json", text)
        read = Read(self._clock.now(), vintage, raw, validator)
        self._note(source, read, parsed.counts)
        return read

    def keep_refused(self, source: str, payload: bytes) -> str:
        """Keep a payload that could not be read, for a person to look at, and return its hash."""
        raw = hashlib.sha256(payload).hexdigest()
        self._put(f"{ROOT}/{source}/refused/{raw}", payload)
        return raw

    def confirm(self, source: str) -> Read:
        """Note that the source still says what it said at the last read.

        Raises:
            DataError: when there was none.
        """
        last = self.last(source)
        read = Read(self._clock.now(), last.vintage, last.raw, last.validator)
        self._note(source, read, {})
        return read

    def last(self, source: str, by: datetime | None = None) -> Read:
        """Return the last read of a source, of those until ``by`` when it is given.

        Raises:
            DataError: when there was none.
        """
        folder = f"{ROOT}/{source}/reads/"
        keys = self._shelf.keys(folder)
        if by is not None:
            end = folder + (by + timedelta(microseconds=1)).strftime(_STAMP)
            keys = [key for key in keys if key < end]
        if not keys:
            raise DataError(f"nothing has been read of {source} yet, so nothing can stand in")
        return self._read(keys[-1])

    def figures(self, source: str, vintage: str) -> tuple[Figure, ...]:
        """Return the figures of a vintage.

        Raises:
            DataError: when it is not there, or its text is not the one it was named after.
        """
        data = self._shelf.read(f"{ROOT}/{source}/vintages/{vintage}.json")
        if hashlib.sha256(data).hexdigest() != vintage:
            raise DataError(f"the vintage {vintage[:12]} of {source} is not what was written")
        return tuple(_figure(note) for note in msgspec.json.decode(data, type=list[_FigureNote]))

    def rows(self, source: str) -> tuple[Row, ...]:
        """Return every value a figure has ever had, in the order in which they were first read."""
        return self._gathered(source).rows

    def gather(self, source: str) -> None:
        """Write down every value until now, so that the next look opens no read before it."""
        found = self._gathered(source)
        notes = [
            _RowNote(_noted(row.figure), iso(row.first_read_at), row.vintage, row.raw)
            for row in found.rows
        ]
        text = msgspec.json.encode(_GatheredNote(found.through, found.seen, notes))
        self._shelf.write(_gathered_key(source), text)

    def _gathered(self, source: str) -> _Gathered:
        """Return what was gathered, and what was read since."""
        before = self._gathered_before(source)
        rows, seen, through = list(before.rows), before.seen, before.through
        now = {(row.figure.series, row.figure.period): row.figure.value for row in rows}
        for key in self._shelf.keys(f"{ROOT}/{source}/reads/"):
            if key <= through:
                continue
            read, through = self._read(key), key
            if read.vintage == seen:
                continue
            seen = read.vintage
            for figure in self.figures(source, read.vintage):
                place = figure.series, figure.period
                if now.get(place) != figure.value:
                    now[place] = figure.value
                    rows.append(Row(figure, read.read_at, read.vintage, read.raw))
        return _Gathered(through, seen, tuple(rows))

    def _gathered_before(self, source: str) -> _Gathered:
        try:
            data = self._shelf.read(_gathered_key(source))
            note = msgspec.json.decode(data, type=_GatheredNote)
            rows = (
                Row(_figure(row.figure), from_iso(row.first_read_at), row.vintage, row.raw)
                for row in note.rows
            )
            return _Gathered(note.through, note.seen, tuple(rows))
        except (DataError, msgspec.DecodeError, ValueError):
            return _Gathered("", "", ())

    def _read(self, key: str) -> Read:
        try:
            note = msgspec.json.decode(self._shelf.read(key), type=_ReadNote)
            return Read(from_iso(note.read_at), note.vintage, note.raw, note.validator)
        except (msgspec.DecodeError, ValueError) as error:
            raise DataError(f"the note {key} cannot be read: {error}") from None

    def _note(self, source: str, read: Read, left_out: Mapping[str, int]) -> None:
        at = read.read_at
        note = _ReadNote(iso(at), read.vintage, read.raw, read.validator, dict(left_out))
        name = f"{at.strftime(_STAMP)}-{read.vintage[:16]}"
        self._put(f"{ROOT}/{source}/reads/{name}.json", msgspec.json.encode(note))

    def _put(self, key: str, data: bytes) -> None:
        """Write once: what is there stays there."""
        if key not in self._shelf.keys(key):
            self._shelf.write(key, data)
        elif self._shelf.read(key) != data:
            raise InvariantBroken(f"the artifact {key} exists with another content: look at it")


def known_at(rows: Iterable[Row], series: str, at: datetime) -> tuple[Row, ...]:
    """Return the rows of a series as they were known at ``at``: one a period, in time."""
    found: dict[date, Row] = {}
    for row in rows:
        if row.figure.series == series and row.first_read_at <= at:
            found[row.figure.period] = row
    return tuple(found[period] for period in sorted(found))


def first_prints(
    rows: Iterable[Row],
    series: str,
    released: Callable[[date], datetime | None],
    within: timedelta,
) -> tuple[tuple[Row, ...], tuple[LeftOut, ...]]:
    """Return the rows that were seen as first printed, and what was left out.

    A value counts as first print when it is the first we read of its period and we read it within
    ``within`` after its release. A history read later is a revised one (``revised_history``), and a
    value read before its release is another's (``before_release``).
    """
    kept, left_out, seen = [], [], set()
    for row in rows:
        period = row.figure.period
        if row.figure.series != series or period in seen:
            continue
        seen.add(period)
        at = released(period)
        if at is None or row.first_read_at < at:
            left_out.append(LeftOut("before_release", f"{series} of {period} was not released yet"))
        elif row.first_read_at - at > within:
            late = row.first_read_at.date()
            reason = f"{series} of {period} was first read on {late}, when it may have been revised"
            left_out.append(LeftOut("revised_history", reason))
        else:
            kept.append(row)
    return tuple(kept), tuple(left_out)


def _written(figures: Iterable[Figure]) -> bytes:
    return msgspec.json.encode([_noted(figure) for figure in figures])


def _noted(figure: Figure) -> _FigureNote:
    at = None if figure.provider_at is None else iso(figure.provider_at)
    return _FigureNote(figure.series, figure.period, figure.value, at)


def _figure(note: _FigureNote) -> Figure:
    at = None if note.provider_at is None else from_iso(note.provider_at)
    return Figure(note.series, note.period, note.value, at)


def _gathered_key(source: str) -> str:
    return f"{ROOT}/{source}/gathered.json"
