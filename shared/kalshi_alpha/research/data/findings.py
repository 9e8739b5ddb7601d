"""What was found in a file: what it was refused for, what was left out, what is worth knowing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kalshi_alpha.errors import DataError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

Action = Literal["refuse", "exclude", "note"]

_NAMED = 3  # days a sentence names before it only counts


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that one file met.

    Attributes:
        file: as it was given.
        row: the first row it is about; 1 is the first row of data. None when it is about no row.
        day: the first day it is about, None when it is about no day.
        rule: the rule's name, such as ``bad-tick``; docs/data.md lists them.
        sentence: what was found, for a person.
        action: ``refuse`` the file, ``exclude`` rows or days, or only ``note`` it.
        count: how many rows, bars or days.
    """

    file: str
    row: int | None
    day: date | None
    rule: str
    sentence: str
    action: Action
    count: int

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {**asdict(self), "day": None if self.day is None else self.day.isoformat()}


@dataclass(frozen=True, slots=True)
class FileNote:
    """What was read: folder and name of the file, its SHA-256, and the rows that were used."""

    name: str
    sha256: str
    symbol: str
    rows: int
    first: date
    last: date

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {**asdict(self), "first": self.first.isoformat(), "last": self.last.isoformat()}


class Gathered:
    """Findings of one file and source, gathered."""

    def __init__(self, file: Path, source: str) -> None:
        self._file, self._source = file, source
        self.found: list[Finding] = []

    def add(
        self,
        action: Action,
        rule: str,
        what: str,
        *,
        count: int,
        days: Sequence[date] = (),
        row: int | None = None,
    ) -> None:
        """Take one finding, unless it is about nothing."""
        if count:
            where = f"{self._file}" if row is None else f"{self._file}, row {row}"
            sentence = f"{where}: {self._source}: {what}"
            sentence += f" ({named(days)})" if days else ""
            first = days[0] if days else None
            self.found.append(
                Finding(
                    str(self._file), row, first, rule, f"{sentence} [rule {rule}]", action, count
                )
            )


class FileRefused(DataError):
    """A file that cannot be used; ``finding`` says why as data."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.sentence)
        self.finding = finding


def refusal(
    file: Path | str,
    rule: str,
    what: str,
    *,
    row: int | None = None,
    day: date | None = None,
    count: int = 1,
) -> FileRefused:
    """Return the error for a file: its name, the row, what is wrong, how often, and the rule."""
    where = f"{file}" if row is None else f"{file}, row {row}"
    often = f" ({count} rows like it)" if count > 1 and row is not None else ""
    sentence = f"{where}: {what}{often} [rule {rule}]"
    return FileRefused(Finding(str(file), row, day, rule, sentence, "refuse", count))


def short_name(file: Path) -> str:
    """Return a file's name with its folder's, which is what a manifest says of it."""
    return f"{file.parent.name}/{file.name}".lstrip("/")


def day_of(number: int | np.integer[Any]) -> date:
    """Return the day so many days after 1970-01-01."""
    return date.fromordinal(int(number) + _EPOCH)


def number_of(day: date) -> int:
    """Return how many days after 1970-01-01 a day is."""
    return day.toordinal() - _EPOCH


def named(days: Sequence[date]) -> str:
    """Return the first days by name and the rest by number."""
    shown = ", ".join(day.isoformat() for day in days[:_NAMED])
    rest = len(days) - _NAMED
    return f"{shown} and {rest} more" if rest > 0 else shown


_EPOCH = date(1970, 1, 1).toordinal()
