"""When a macro figure comes out and for which period, from the shipped ``releases.toml``.

Holidays and the lapse of autumn 2025 are data. The venue's close times decide when a market stops
trading; this table says which period a release speaks of and vetoes a listing that contradicts it.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib import resources
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.errors import ConfigurationError, DataError

TABLE = "releases.toml"
_DAY = timedelta(days=1)
_SATURDAY, _MONDAY = 5, 0

Text = Annotated[str, msgspec.Meta(min_length=1)]
Every = Literal["month", "week", "business day", "monday", "day"]


@dataclass(frozen=True, slots=True)
class Release:
    """One figure's release.

    Attributes:
        kind: such as ``cpi``.
        period: what it speaks of: first of the month, the week's Saturday, or the day itself.
        at: when it comes out, aware, in UTC.
    """

    kind: str
    period: date
    at: datetime


@dataclass(frozen=True, slots=True)
class Lapse:
    """A span of days without federal releases."""

    first: date
    last: date
    provenance: Text

    def covers(self, day: date) -> bool:
        """Say whether a day lies in it."""
        return self.first <= day <= self.last


class _Kind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    what: Text
    at: time
    every: Every
    provenance: Text
    never: tuple[date, ...]
    days: dict[date, date]
    after_days: int = 0
    shift: int = 0


class _Tables(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    first: date
    last: date
    federal_holidays: tuple[date, ...]
    bond_holidays: tuple[date, ...]
    lapses: tuple[Lapse, ...]
    cpi: _Kind
    jobs: _Kind
    claims: _Kind
    par_yield: _Kind
    eia: _Kind
    aaa: _Kind


KINDS = ("cpi", "jobs", "claims", "par_yield", "eia", "aaa")
_FEDERAL = frozenset({"claims"})  # by rule, and from an office that a lapse closes


@dataclass(frozen=True, slots=True)
class Releases:
    """The calendar; ``first`` to ``last`` are the days it speaks of."""

    first: date
    last: date
    federal_holidays: frozenset[date]
    bond_holidays: frozenset[date]
    lapses: tuple[Lapse, ...]
    kinds: Mapping[str, _Kind]

    def of(self, kind: str, period: date) -> Release | None:
        """Return the release of a period, or None when that period never has one.

        Raises:
            ConfigurationError: when there is no such kind.
            DataError: when the table says nothing of the period.
        """
        rule = self._kind(kind)
        if period in rule.never:
            return None
        day = rule.days.get(period) or self._by_rule(kind, rule, period)
        return None if day is None else Release(kind, period, _at(day, rule.at))

    def on(self, day: date) -> tuple[Release, ...]:
        """Return what comes out on a day, by kind.

        Raises:
            DataError: when the table does not speak of the day.
        """
        self._require(day)
        found = (
            release
            for kind in KINDS
            for period in self._periods(kind, day)
            if (release := self.of(kind, period)) is not None
        )
        return tuple(one for one in found if one.at.astimezone(NEW_YORK).date() == day)

    def between(self, kind: str, start: datetime, end: datetime) -> tuple[Release, ...]:
        """Return the releases of a kind with start <= time < end, in time."""
        day, last = start.astimezone(NEW_YORK).date(), end.astimezone(NEW_YORK).date()
        found = []
        while day <= last:
            found += [one for one in self.on(day) if one.kind == kind and start <= one.at < end]
            day += _DAY
        return tuple(found)

    def days(self, kind: str) -> frozenset[date]:
        """Return the days the table names for a kind; empty for one that follows a rule."""
        return frozenset(self._kind(kind).days.values())

    def _kind(self, kind: str) -> _Kind:
        try:
            return self.kinds[kind]
        except KeyError:
            raise ConfigurationError(
                f"there is no release {kind!r}; there is: {', '.join(KINDS)}"
            ) from None

    def _require(self, day: date) -> None:
        if not self.first <= day <= self.last:
            raise DataError(
                f"the calendar of releases speaks of {self.first} to {self.last}, not of {day}"
            )

    def _by_rule(self, kind: str, rule: _Kind, period: date) -> date | None:
        self._require(period)
        if rule.every == "month":
            raise DataError(f"the calendar knows no {kind} release for {period}: add its day")
        if rule.every == "week" and period.weekday() != _SATURDAY:
            raise DataError(f"a week of {kind} ends on a Saturday, and {period} is none")
        if rule.every == "monday" and period.weekday() != _MONDAY:
            return None
        if rule.every == "business day" and self._bond_closed(period):
            return None
        day = period + rule.after_days * _DAY
        while rule.shift and day in self.federal_holidays:
            day += rule.shift * _DAY
        lapsed = kind in _FEDERAL and any(lapse.covers(day) for lapse in self.lapses)
        return None if lapsed else day

    def _bond_closed(self, day: date) -> bool:
        closed = self.federal_holidays - _MOURNING | self.bond_holidays
        return day.weekday() >= _SATURDAY or day in closed

    def _periods(self, kind: str, day: date) -> Iterator[date]:
        """Yield the periods whose release may fall on ``day``."""
        rule = self.kinds[kind]
        yield from (period for period, out in rule.days.items() if out == day)
        if rule.every == "week":
            back = (day.weekday() - _SATURDAY) % 7
            yield day - back * _DAY
        elif rule.every != "month":
            # A shift moves a figure by a day or two, never by more than three.
            yield from (day - k * _DAY for k in range(4 if rule.shift else 1))


# Federal offices were closed for it and the bond market was not.
_MOURNING = frozenset({date(2025, 1, 9)})


@functools.cache
def load_releases() -> Releases:
    """Return the shipped calendar; read once.

    Raises:
        ConfigurationError: when the shipped file is broken.
    """
    return parse_releases(resources.files(__package__).joinpath(TABLE).read_text("utf-8"))


def parse_releases(text: str) -> Releases:
    """Read a calendar from TOML; raise ``ConfigurationError`` when it contradicts itself."""
    try:
        tables = msgspec.convert(tomllib.loads(text), _Tables)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        said = str(error)[:200]
        raise ConfigurationError(f"the calendar of releases cannot be read: {said}") from None
    for kind in KINDS:
        _check(kind, getattr(tables, kind), tables)
    return Releases(
        tables.first,
        tables.last,
        frozenset(tables.federal_holidays),
        frozenset(tables.bond_holidays),
        tables.lapses,
        MappingProxyType({kind: getattr(tables, kind) for kind in KINDS}),
    )


def _check(kind: str, rule: _Kind, tables: _Tables) -> None:
    days = list(rule.days.items())
    if days != sorted(days) or len({out for _, out in days}) != len(days):
        raise ConfigurationError(f"the {kind} releases must ascend, each day once")
    for period, out in days:
        if not (period < out and tables.first <= out <= tables.last):
            raise ConfigurationError(
                f"{kind} of {period} comes out on {out}: that must be later, and from "
                f"{tables.first} to {tables.last}"
            )
        if period in rule.never:
            raise ConfigurationError(f"{kind} of {period} has a day and is said never to come")
        if rule.every == "month" and period.day != 1:
            raise ConfigurationError(f"{kind} names the month {period}: give its first day")


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, NEW_YORK).astimezone(UTC)
