"""When to quote: one window for each fixing of a group on a day of trading.

The calendar only vetoes: a window stands for a fixing that may exist. Which events do exist, and
when they close, is the listing's to say (``contracts.ladder_from_listing``). A window of a release
is named by the close that the listing gave; the calendar says which period its figure speaks of.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from kalshi_alpha.clock import NEW_YORK, require_aware
from kalshi_alpha.errors import DataError, WindowClosed
from kalshi_alpha.markets.registry import Group, Phases, Registry
from kalshi_alpha.markets.sessions import Session, Sessions
from kalshi_alpha.markets.tickers import index_event_ticker, release_event_ticker

if TYPE_CHECKING:
    from kalshi_alpha.markets.releases import Release

# Trading ends minutes before a release, or with the day before it; never a whole day and a half.
_RELEASED_WITHIN = timedelta(hours=36)
# Schedules fire up to a minute late and start ahead of the preparation to make up for it.
_EARLY = timedelta(minutes=5)
_ID = re.compile(r"(?P<day>[0-9]{8})-(?P<time>[0-9]{4})-(?P<group>[a-z][a-z-]*)")


@dataclass(frozen=True, slots=True)
class Window:
    """One fixing of one group.

    Attributes:
        group: the group's name.
        fixing: the instant that decides, aware, in UTC.
        series: the series quoted.
        phases: its phases, in seconds around the fixing.
        release: whose figure decides; None for an index. Its ``fixing`` is when trading ends.
    """

    group: str
    fixing: datetime
    series: tuple[str, ...]
    phases: Phases
    release: Release | None = None

    @property
    def day(self) -> date:
        """Return the day in New York."""
        return self.fixing.astimezone(NEW_YORK).date()

    @property
    def window_id(self) -> str:
        """Return its name, with the fixing in New York time: ``20251104-1200-index-hourly``."""
        return f"{self.fixing.astimezone(NEW_YORK):%Y%m%d-%H%M}-{self.group}"

    @property
    def opens_at(self) -> datetime:
        """Return before when it may not start."""
        return self.prep_at - _EARLY

    @property
    def prep_at(self) -> datetime:
        """Return when preflight judges."""
        return self._before(self.phases.prep)

    @property
    def make_at(self) -> datetime:
        """Return when quoting starts."""
        return self._before(self.phases.make)

    @property
    def strict_at(self) -> datetime:
        """Return when the feed's limits begin to pull."""
        return self._before(self.phases.strict)

    @property
    def arm_at(self) -> datetime:
        """Return when the cancel is armed."""
        return self._before(self.phases.arm)

    @property
    def last_scan_at(self) -> datetime:
        """Return the time after which no scan starts."""
        return self._before(self.phases.last_scan)

    @property
    def pull_start_at(self) -> datetime:
        """Return when the pull is sent."""
        return self._before(self.phases.pull + self.phases.pull_lead)

    @property
    def pull_at(self) -> datetime:
        """Return when nothing of ours may rest any more, by the plan."""
        return self._before(self.phases.pull)

    @property
    def expires_at(self) -> datetime:
        """Return when orders expire at the venue: ``pull_at``, down to the venue's whole second."""
        return self.pull_at.replace(microsecond=0)

    @property
    def decided_at(self) -> datetime:
        """Return when what pays is known: at the fixing, or with the release."""
        return self.fixing if self.release is None else max(self.fixing, self.release.at)

    @property
    def reconcile_at(self) -> datetime:
        """Return when the books are closed for the first time."""
        return self.decided_at + timedelta(seconds=self.phases.reconcile_after)

    @property
    def thaw_at(self) -> datetime:
        """Return when quoting elsewhere may go on."""
        return self._before(-self.phases.thaw)

    def event_ticker(self, series: str) -> str:
        """Return the event of ``series`` that this fixing decides."""
        if self.release is not None:
            return release_event_ticker(series, self.release)
        return index_event_ticker(series, self.fixing)

    @property
    def event_tickers(self) -> str:
        """Return the events of all its series with commas, as the venue's listings take them."""
        return ",".join(self.event_ticker(series) for series in self.series)

    def _before(self, seconds: float) -> datetime:
        return self.fixing - timedelta(seconds=seconds)


def windows_on(day: date, registry: Registry, sessions: Sessions) -> tuple[Window, ...]:
    """Return the windows of a New York day by fixing, then by group; none on a closed day.

    A fixing after the close has no window: on a half day the last is at 13:00.
    """
    session = sessions.on(day)
    if session is None:
        return ()
    found = [window for group in registry.groups.values() for window in _of_group(group, session)]
    return tuple(sorted(found, key=lambda window: window.fixing))


def next_windows(
    now: datetime, registry: Registry, sessions: Sessions, count: int
) -> tuple[Window, ...]:
    """Return the first ``count`` windows with a fixing after ``now``; fewer at the table's end."""
    now = require_aware(now)
    day: date = now.astimezone(NEW_YORK).date()
    found: list[Window] = []
    while len(found) < count:
        found += [w for w in windows_on(day, registry, sessions) if w.fixing > now]
        following = sessions.next_after(day)
        if following is None:
            break
        day = following.day
    return tuple(found[:count])


def window_from_id(text: str, registry: Registry, sessions: Sessions) -> Window:
    """Return the window of an id such as ``20251104-1200-index-hourly``.

    Raises:
        DataError: when the id is malformed or names an unknown group.
        WindowClosed: when that day is closed or has no such fixing or release.
    """
    day, clock, group = _parts(text)
    if group not in registry.groups:
        raise DataError(
            f"{text[:60]!r} names the group {group[:40]!r}; known are {', '.join(registry.groups)}"
        )
    if registry.groups[group].release:
        return release_window(registry.groups[group], datetime.combine(day, clock, NEW_YORK))
    todays = windows_on(day, registry, sessions)
    for window in todays:
        if window.window_id == text:
            return window
    reason = sessions.why_closed(day)
    session = sessions.on(day)
    if session is not None:
        open_ids = [w.window_id for w in todays if w.group == group]
        ends = session.close.astimezone(NEW_YORK)
        reason = (
            f"That day the group has {', '.join(open_ids) or 'no window'}; the session ends at "
            f"{ends:%H:%M} New York time."
        )
    raise WindowClosed(f"there is no window {text}. {reason}")


def release_window(group: Group, closes: datetime) -> Window:
    """Return the window of a release group whose events stop trading at ``closes``, aware.

    Raises:
        WindowClosed: when the calendar knows no release of that kind soon after it.
    """
    from kalshi_alpha.markets.releases import load_releases  # noqa: PLC0415 - for releases alone

    closes = require_aware(closes).astimezone(UTC)
    try:
        coming = load_releases().between(group.release, closes, closes + _RELEASED_WITHIN)
    except DataError as error:
        raise WindowClosed(f"there is no {group.name} window at {closes}: {error}") from None
    if not coming:
        raise WindowClosed(
            f"there is no {group.name} window that ends at {closes}: the calendar has no release "
            f"of {group.release} within {_RELEASED_WITHIN.total_seconds() / 3600:.0f} hours of it"
        )
    return Window(group.name, closes, group.series, group.phases, coming[0])


def _parts(text: str) -> tuple[date, time, str]:
    found = _ID.fullmatch(text)
    try:
        if found is not None:
            clock = time.fromisoformat(found["time"])
            return date.fromisoformat(found["day"]), clock, found["group"]
    except ValueError:
        pass
    raise DataError(
        f"{text[:60]!r} is not a window id: expected DAY-TIME-GROUP, as 20251104-1200-index-hourly"
    )


def _of_group(group: Group, session: Session) -> list[Window]:
    fixings = [
        datetime.combine(session.day, fixing, NEW_YORK).astimezone(UTC) for fixing in group.fixings
    ]
    return [
        Window(group.name, fixing, group.series, group.phases)
        for fixing in fixings
        if session.open < fixing <= session.close
    ]
