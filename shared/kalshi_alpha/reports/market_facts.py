"""The page of market facts: prose, and tables from the registry, the calendar and the fact data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from kalshi_alpha.clock import NEW_YORK
from kalshi_alpha.markets.known import MarketFacts
from kalshi_alpha.markets.registry import Registry, Series
from kalshi_alpha.markets.sessions import Sessions
from kalshi_alpha.pricing.fees import FEE_REGIMES, FULL_INDEX_RATE_SINCE, INDEX_SERIES

_KINDS = {"above": "above or below, nested", "range": "ranges, exclusive, two tails"}
_AHEAD = timedelta(days=760)  # two years and a month of early closes


def market_facts_page(facts: MarketFacts, registry: Registry, sessions: Sessions) -> str:
    """Return the page as Markdown, the same for the same inputs."""
    environment = Environment(
        loader=PackageLoader("kalshi_alpha.reports"),
        autoescape=False,  # noqa: S701 - Markdown from our own data, shown to nobody as HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("market_facts.md.j2").render(
        as_of=facts.as_of,
        ladders=[_ladder(name, registry, facts) for name in registry.series],
        fees=[(name, known) for name, known in facts.series.items()],
        regimes=FEE_REGIMES,
        full_rate=FULL_INDEX_RATE_SINCE,
        half_rated=sorted(INDEX_SERIES),
        early=_early_closes(sessions, facts.as_of),
        symbols=registry.symbols,
        first=sessions.first.year,
        last=sessions.last.year,
    )


def _ladder(name: str, registry: Registry, facts: MarketFacts) -> Mapping[str, Any]:
    series: Series = registry.series[name]
    fixings = [f"{fixing:%H:%M}" for fixing in registry.groups[series.group].fixings]
    known = facts.series.get(name)
    return {
        "name": name,
        "symbol": series.symbol,
        "kind": _KINDS[series.kind],
        "fixings": fixings[0] if len(fixings) == 1 else f"{fixings[0]} to {fixings[-1]}, hourly",
        "step": f"{series.strike_step:g} points",
        "markets": known.markets if known else "not known",
        "opens": known.opens if known else "not known",
        "grid": f"${known.price_step}" if known else "not known",
        "sources": known.sources if known else "",
    }


def _early_closes(sessions: Sessions, since: date) -> list[str]:
    found, day = [], since
    while day <= min(since + _AHEAD, sessions.last):
        session = sessions.on(day)
        if session is not None and session.early:
            found.append(f"{day.isoformat()} at {session.close.astimezone(NEW_YORK):%H:%M}")
        day += timedelta(days=1)
    return found
