"""What a parser makes of one payload: figures, and what it left out with the reason.

A figure's value is decimal text exactly as published, never a float: it is compared with strikes.
A missing marker makes no figure at all. Codes of what is left out:

================  ==========================================================================
``missing``       the provider's marker for no value: ``-``, ``.``, empty, null
``annual``        an average over a year among months
``unreadable``    a value, date or row outside its grammar
``future``        a period, or a date of the data, after the day of reading
``twice``         a period that the payload gives a second, different value
``incomplete``    a sum over states in which one has not reported
``unknown``       a row of another series, unit or area than asked for
================  ==========================================================================
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from kalshi_alpha.errors import DataError

_DECIMAL = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,12})?", re.ASCII)
_MARKERS = frozenset({"", "-", ".", "NA", "N/A"})
_FIRST_YEAR = 1900


@dataclass(frozen=True, slots=True)
class Figure:
    """One published value.

    Attributes:
        series: our name of the series.
        period: reference period: first of the month, Saturday of the week, or the day.
        value: decimal text as published.
        provider_at: the provider's own time, aware, or None when it gives none.
    """

    series: str
    period: date
    value: str
    provider_at: datetime | None = None

    @property
    def number(self) -> Decimal:
        """Return the value as an exact number."""
        return Decimal(self.value)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something a payload held that makes no figure: ``code`` to count, ``reason`` to read."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """The figures of a payload, by series and period, and what was left out."""

    figures: tuple[Figure, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def counts(self) -> Mapping[str, int]:
        """Return how often each code occurs."""
        return Counter(one.code for one in self.left_out)


@dataclass
class Collecting:
    """Gathers figures; refuses in sentences and counts.

    Args:
        today: day of reading, in the provider's own zone; later periods are left out.
    """

    today: date
    _figures: dict[tuple[str, date], Figure] = field(default_factory=dict)
    _twice: set[tuple[str, date]] = field(default_factory=set)
    _left_out: list[LeftOut] = field(default_factory=list)

    def add(
        self, series: str, period: date, text: object, provider_at: datetime | None = None
    ) -> None:
        """Take a value, unless it is a marker, unreadable, of the future or contradicted."""
        if missing(text):
            self.leave("missing", f"{series} has no value for {period}")
            return
        if period.year < _FIRST_YEAR or period > self.today:
            self.leave("future", f"{series} has {period}, and today is {self.today}")
            return
        try:
            value = exact(text)
        except DataError as error:
            self.leave("unreadable", f"{series} of {period}: {error}")
            return
        key = series, period
        known = self._figures.get(key)
        if known is not None and Decimal(known.value) != Decimal(value):
            self._twice.add(key)
            self.leave("twice", f"{series} of {period} is {known.value} and {value}")
            return
        self._figures[key] = Figure(series, period, value, provider_at)

    def leave(self, code: str, reason: str) -> None:
        """Note something that makes no figure."""
        self._left_out.append(LeftOut(code, reason))

    def parsed(self, what: str) -> Parsed:
        """Return what was gathered.

        Raises:
            DataError: when no figure is left: such a payload is not believed to be empty.
        """
        kept = [self._figures[key] for key in sorted(self._figures) if key not in self._twice]
        if not kept:
            why = f": {self._left_out[0].reason}" if self._left_out else ""
            raise DataError(f"{what} holds no figure that can be used{why}")
        return Parsed(tuple(kept), tuple(self._left_out))


def missing(value: object) -> bool:
    """Say whether a provider means that there is no value. Zero is a value."""
    return value is None or (isinstance(value, str) and value.strip() in _MARKERS)


def exact(value: object) -> str:
    """Return a value as decimal text without changing it; numbers of JSON come as they print.

    Raises:
        DataError: when it is no plain decimal number.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise DataError(f"a value of the kind {type(value).__name__} is no number")
    text = value.strip() if isinstance(value, str) else str(value)
    if not _DECIMAL.fullmatch(text):
        raise DataError(f"the value {text[:40]!r} is no plain decimal number")
    return text


def day(text: object, *forms: str) -> date:
    """Return a date written in one of the forms of ``strptime``, by default ISO.

    Raises:
        DataError: when it is in none of them.
    """
    if isinstance(text, str) and len(text) <= 40:
        for form in forms or ("%Y-%m-%d",):
            try:
                return datetime.strptime(text.strip(), form).date()  # noqa: DTZ007 - a date alone
            except ValueError:
                continue
    raise DataError(f"{str(text)[:40]!r} is no date as it should be")


def saturday(text: object) -> date:
    """Return the Saturday a week ends on.

    Raises:
        DataError: when it is another day of the week, or no date.
    """
    found = day(text, "%Y-%m-%d", "%m/%d/%Y")
    if found.weekday() != 5:
        raise DataError(f"a week ends on a Saturday, and {found} is none")
    return found


def require_json(payload: bytes, what: str) -> None:
    """Refuse a page where JSON was due, in a sentence that says so.

    Raises:
        DataError: when the payload begins like HTML or XML.
    """
    if payload.lstrip()[:1] == b"<":
        raise DataError(f"{what} answered with a page instead of JSON: a block or a maintenance")


def text_of(payload: bytes, what: str) -> str:
    """Return a payload as text, without a byte order mark.

    Raises:
        DataError: when it is not UTF-8.
    """
    try:
        return payload.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{what} is not UTF-8 text") from None
