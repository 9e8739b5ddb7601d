"""Regular trading sessions of New York, from a shipped table and an override file that wins.

The table covers 2019 to 2028, the past for recorded data and the future for trading, and is
written by ``python -m kalshi_alpha.research.sessions``; a half day ends at 13:00. The overrides are
for what is declared after the table was made. Opens and closes are kept in UTC, so both changes of
the clock are in the data and not in code.
"""

from __future__ import annotations

import functools
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib import resources
from typing import Any

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.errors import ConfigurationError

TABLE = "sessions.json"
OVERRIDES = "session_overrides.toml"
SCHEMA = 1

_OPEN, _CLOSE = time(9, 30), time(16, 0)
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Session:
    """One trading session; ``open`` and ``close`` are aware, in UTC."""

    day: date
    open: datetime
    close: datetime

    @property
    def early(self) -> bool:
        """Say whether it ends before 16:00 New York time."""
        return self.close.astimezone(NEW_YORK).time() < _CLOSE

    @property
    def minutes(self) -> int:
        """Return its length: 390 for a full day, 210 for a half day."""
        return round((self.close - self.open).total_seconds() / 60)


class Sessions:
    """The sessions of a span of days, first and last day included."""

    __slots__ = ("_closures", "_rows", "first", "last")

    def __init__(
        self,
        first: date,
        last: date,
        rows: Mapping[date, tuple[datetime, datetime]],
        closures: Mapping[date, str],
    ) -> None:
        """Take what is known: open and close of each session, and why other weekdays have none."""
        self.first, self.last = first, last
        self._rows, self._closures = dict(rows), dict(closures)

    def on(self, day: date) -> Session | None:
        """Return the session of a day, None when there is none or the table does not reach it."""
        row = self._rows.get(day)
        return None if row is None else Session(day, *row)

    def next_after(self, day: date) -> Session | None:
        """Return the first session after a day, None when the table knows none."""
        following = max(day, self.first - timedelta(days=1))
        while following < self.last:
            following += timedelta(days=1)
            if following in self._rows:
                return self.on(following)
        return None

    def why_closed(self, day: date) -> str:
        """Say why a day has no session and when the next one is; empty when the day has one."""
        if day in self._rows:
            return ""
        named = f"{day:%A} {day.isoformat()}"
        if not self.first <= day <= self.last:
            return (
                f"{named} is outside the session table, which covers {self.first} to {self.last}: "
                "run python -m kalshi_alpha.research.sessions with a later end"
            )
        if day in self._closures:
            reason = self._closures[day]
        else:
            reason = "the weekend" if day.weekday() >= _SATURDAY else "an exchange holiday"
        closed = f"{named} has no session: the exchange is closed for {reason}."
        return f"{closed} {self._next_sentence(day)}"

    def _next_sentence(self, day: date) -> str:
        following = self.next_after(day)
        if following is None:
            return f"The session table ends on {self.last}."
        opens, closes = (at.astimezone(NEW_YORK) for at in (following.open, following.close))
        short = ", a half day" if following.early else ""
        return (
            f"The next session is {opens:%A} {following.day}, "
            f"{opens:%H:%M} to {closes:%H:%M} New York time{short}."
        )


@functools.cache
def load_sessions() -> Sessions:
    """Return the shipped sessions, overrides applied; read once.

    Raises:
        ConfigurationError: when either shipped file is broken.
    """
    files = resources.files(__package__)
    return parse_sessions(
        files.joinpath(TABLE).read_text("utf-8"), files.joinpath(OVERRIDES).read_text("utf-8")
    )


def parse_sessions(table: str, overrides: str = "") -> Sessions:
    """Read a session table (JSON) and its overrides (TOML); the overrides win.

    Raises:
        ConfigurationError: when either cannot be read, is of another schema, or contradicts itself.
    """
    try:
        tree = json.loads(table)
        if tree["schema"] != SCHEMA:
            raise ConfigurationError(
                f"the session table has the schema {tree['schema']!r}, this code reads {SCHEMA}"
            )
        first, last = (date.fromisoformat(tree[key]) for key in ("first", "last"))
        rows = {
            (day := date.fromisoformat(text)): (_utc(day, opens), _utc(day, closes))
            for text, opens, closes in tree["sessions"]
        }
        closures = {date.fromisoformat(day): reason for day, reason in tree["closures"].items()}
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ConfigurationError(f"the session table cannot be read: {error!r:.300}") from None
    _check(first, last, rows)
    for day, entry in _read_overrides(overrides).items():
        if not first <= day <= last:
            raise ConfigurationError(f"the override of {day} is outside {first} to {last}")
        rows.pop(day, None)
        closures.pop(day, None)
        if isinstance(entry, str):
            closures[day] = entry
        else:
            rows[day] = entry
    return Sessions(first, last, rows, closures)


def _utc(day: date, clock: str) -> datetime:
    hour, minute = clock.split(":")
    return datetime(day.year, day.month, day.day, int(hour), int(minute), tzinfo=UTC)


def _check(first: date, last: date, rows: Mapping[date, tuple[datetime, datetime]]) -> None:
    days = list(rows)
    if days != sorted(days) or not days or days[0] < first or days[-1] > last:
        raise ConfigurationError(f"the session table is not in order from {first} to {last}")
    for day, (opens, closes) in rows.items():
        if opens >= closes:
            raise ConfigurationError(f"the session of {day} ends before it begins")


def _read_overrides(text: str) -> dict[date, tuple[datetime, datetime] | str]:
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"the session overrides are not TOML: {error}") from None
    found: dict[date, tuple[datetime, datetime] | str] = {}
    for key, entry in tree.items():
        try:
            day = date.fromisoformat(key)
        except ValueError:
            raise ConfigurationError(f"the session override {key!r} is not a date") from None
        found[day] = _override(day, entry)
    return found


def _override(day: date, entry: Any) -> tuple[datetime, datetime] | str:
    known = {"closed", "open", "close", "reason"}
    if not isinstance(entry, dict) or entry.keys() - known or not entry.get("reason"):
        raise ConfigurationError(
            f"the session override of {day} must be a table with a reason and with closed = true, "
            "or with close and perhaps open as New York times"
        )
    opens, closes = entry.get("open", _OPEN), entry.get("close")
    if entry.get("closed") is True and closes is None and "open" not in entry:
        return str(entry["reason"])
    if "closed" in entry or not isinstance(opens, time) or not isinstance(closes, time):
        raise ConfigurationError(
            f"the session override of {day} must say either closed = true or close = 13:00:00"
        )
    if opens >= closes:
        raise ConfigurationError(f"the session override of {day} ends before it begins")
    begins, ends = (datetime.combine(day, at, NEW_YORK).astimezone(UTC) for at in (opens, closes))
    return begins, ends
