"""Which limits on losses one order counts against, from one strike to everybody's week.

A limit bounds what can still be lost through its scope: the open risk (orders that may still fill,
and fills that have not settled) and, where the scope outlives one fixing, what was lost already.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from kalshi_alpha.clock import iso
from kalshi_alpha.errors import ConfigurationError
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.windows import Window

STRIKE, WINDOW, DAY, WEEK = "strike", "window", "day", "week"
FAMILY_DAY, FAMILY_WEEK = "family-day", "family-week"
FIXING, ALL_DAY, ALL_WEEK = "fixing", "all-day", "all-week"


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit: its scope, what it is on, and the cash >= 0 that may be lost through it."""

    scope: str
    name: str
    cap: int

    @property
    def key(self) -> str:
        """Return its name among all limits of a week."""
        return f"{self.scope}#{self.name}"


def week_of(day: date) -> date:
    """Return the Monday of a day's week, by which the week's books are kept."""
    return day - timedelta(days=day.weekday())


def limits_on(registry: Registry, window: Window, ticker: str) -> tuple[Limit, ...]:
    """Return every limit that an order in the market ``ticker`` of ``window`` counts against.

    The narrowest comes first, and is the one named when several refuse. Raises
    ``ConfigurationError`` for a market that is in no event of the window.
    """
    series = registry.series[_series_of(window, ticker)]
    caps, family, day = series.caps, registry.families[series.family], window.day.isoformat()
    monday, every = week_of(window.day).isoformat(), registry.all
    return (
        Limit(STRIKE, ticker, caps.max_loss_per_strike),
        Limit(WINDOW, f"{window.window_id}/{series.ticker}", caps.max_loss_per_window),
        Limit(DAY, f"{day}/{series.ticker}", caps.max_loss_per_day),
        Limit(WEEK, f"{monday}/{series.ticker}", caps.max_loss_per_week),
        Limit(FAMILY_DAY, f"{day}/{series.family}", family.max_loss_per_day),
        Limit(FAMILY_WEEK, f"{monday}/{series.family}", family.max_loss_per_week),
        Limit(FIXING, iso(window.fixing), every.max_loss_per_fixing),
        Limit(ALL_DAY, day, every.max_loss_per_day),
        Limit(ALL_WEEK, monday, every.max_loss_per_week),
    )


def _series_of(window: Window, ticker: str) -> str:
    for series in window.series:
        if ticker.startswith(f"{window.event_ticker(series)}-"):
            return series
    raise ConfigurationError(
        f"the market {ticker[:60]} is in no event of the window {window.window_id}: no limit "
        "covers it"
    )
