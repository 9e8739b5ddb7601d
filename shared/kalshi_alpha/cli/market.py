"""``windows``, ``price``, ``fees``: questions about markets, asked of no account."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from kalshi_alpha.cli.dates import parse_day, parse_instant
from kalshi_alpha.cli.output import Json, emit, pairs, table_of
from kalshi_alpha.clock import NEW_YORK, SystemClock, iso
from kalshi_alpha.errors import ConfigurationError, WindowClosed
from kalshi_alpha.families.catalog import family
from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.registry import Registry, Series, load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.markets.units import (
    cash_text,
    price_from_text,
    price_text,
    size_from_text,
    size_text,
)
from kalshi_alpha.markets.windows import Window, next_windows, windows_on
from kalshi_alpha.pricing.fees import fee_terms, maker_fee, series_terms_at, taker_fee
from kalshi_alpha.pricing.ladder import probabilities
from kalshi_alpha.pricing.parameters import load_parameters, shipped_parameters
from kalshi_alpha.pricing.reading import Reading, Realised

NOTHING_SEEN = Realised(0, 0.0, 0.0, 0.0)


def windows(
    day: Annotated[
        str | None, typer.Option("--date", help="All windows of a day, or why it has none.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=200, help="How many to list.")] = 8,
    as_json: Json = False,
) -> None:
    """List the next windows, or those of a day.

    Example: kalshi-alpha windows --date 2026-11-27
    """
    registry, sessions = load_registry(), load_sessions()
    if day is None:
        found = next_windows(SystemClock().now(), registry, sessions, count)
    else:
        wanted = parse_day(day)
        found = windows_on(wanted, registry, sessions)
        if not found:
            raise WindowClosed(sessions.why_closed(wanted) or f"{wanted} has no windows")
    rows = [_window_row(window) for window in found]
    columns = ("Window", "Fixing", "Prep", "Pull", "Series")
    table = table_of("Windows, New York time", columns, [tuple(row.values()) for row in rows])
    emit([_window_json(w) for w in found], as_json=as_json, table=table)


def price(
    series: Annotated[str, typer.Argument(help="KXINXU, KXNASDAQ100U, KXINX or KXNASDAQ100.")],
    level: Annotated[float, typer.Option(help="The index now, in points.")],
    at: Annotated[str, typer.Option(help="The time now, as 2025-11-04T11:50 (New York).")],
    fixing: Annotated[str, typer.Option(help="The fixing, as 2025-11-04T12:00 (New York).")],
    strikes: Annotated[int, typer.Option(min=1, max=400, help="How many, around the level.")] = 15,
    parameters: Annotated[
        Path | None, typer.Option(help="A parameter file; the shipped one by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Price a ladder from a level, a time and the parameters alone.

    The day's realised variance is taken as not yet seen, so the law is the calibrated baseline.
    Example: kalshi-alpha price KXINXU --level 6800 --at 2025-11-04T11:50 --fixing 2025-11-04T12:00
    """
    found = known_series(load_registry(), series)
    now, target = parse_instant(at), parse_instant(fixing)
    day = target.astimezone(NEW_YORK).date()
    sessions = load_sessions()
    session = sessions.on(day)
    if session is None:
        raise WindowClosed(sessions.why_closed(day))
    data = shipped_parameters(day) if parameters is None else _read(parameters)
    fitted = load_parameters(data, on=day)[found.symbol]
    reading = Reading(found.symbol, level, now, 0.0, 0.0, NOTHING_SEEN)
    law = family(found.family)(reading, fitted, target, now, session)
    payoffs = _payoffs_around(found, level, strikes)
    rows = [
        {
            "low": None if p.low is None else p.low / found.ticks_per_point,
            "high": None if p.high is None else p.high / found.ticks_per_point,
            "probability": round(q, 6),
        }
        for p, q in zip(payoffs, probabilities(law, payoffs, found.ticks_per_point), strict=True)
    ]
    head = {"series": series, "level": level, "at": iso(now), "fixing": iso(target)}
    head |= {"scale": law.scale, "scale_points": law.scale * level}
    table = table_of(
        f"{series} at {level:,.2f}, one standard deviation {law.scale * level:.2f} points",
        ("from", "to", "probability"),
        [(_points(r["low"]), _points(r["high"]), f"{r['probability']:.4f}") for r in rows],
    )
    emit(head | {"ladder": rows}, as_json=as_json, table=table)


def fees(
    series: Annotated[str, typer.Argument(help="A series of the registry.")],
    price: Annotated[str, typer.Option(help="YES price in dollars, as 0.55.")] = "0.50",
    size: Annotated[str, typer.Option(help="Contracts, as 1 or 0.01.")] = "1",
    at: Annotated[
        str | None, typer.Option(help="Under the fees of that time; now by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what the venue charges a maker and a taker, under the fee terms of a date.

    Example: kalshi-alpha fees KXINXU --price 0.35 --size 10 --at 2025-11-04T12:00
    """
    known_series(load_registry(), series)
    when = SystemClock().now() if at is None else parse_instant(at)
    terms = series_terms_at(series, when)
    fee_terms(terms.fee_type, terms.multiplier)
    ticks, hundredths = price_from_text(price), size_from_text(size)
    charged = {
        "series": series,
        "at": iso(when),
        "fee_type": terms.fee_type,
        "multiplier": str(terms.multiplier),
        "price": price_text(ticks),
        "size": size_text(hundredths),
        "maker_fee": cash_text(maker_fee(terms, ticks, hundredths)),
        "taker_fee": cash_text(taker_fee(terms, ticks, hundredths)),
    }
    emit(charged, as_json=as_json, table=pairs("Fees in dollars", charged))


def known_series(registry: Registry, name: str) -> Series:
    """Return a series of the registry; raise ``ConfigurationError`` naming those there are."""
    try:
        return registry.series[name]
    except KeyError:
        known = ", ".join(sorted(registry.series))
        raise ConfigurationError(f"the series {name!r} is not in the registry: {known}") from None


def _payoffs_around(series: Series, level: float, count: int) -> list[Payoff]:
    step = round(series.strike_step * series.ticks_per_point)
    middle = round(level * series.ticks_per_point / step) * step
    lows = [middle + step * (i - count // 2) for i in range(count)]
    if series.kind == "above":
        return [Payoff(low, None) for low in lows]
    inner = [Payoff(low, low + step - 1) for low in lows]
    return [Payoff(None, lows[0] - 1), *inner, Payoff(lows[-1] + step, None)]


def _window_row(window: Window) -> dict[str, str]:
    fixing = window.fixing.astimezone(NEW_YORK)
    return {
        "window": window.window_id,
        "fixing": f"{fixing:%a %H:%M}",
        "prep": f"{window.prep_at.astimezone(NEW_YORK):%H:%M:%S}",
        "pull": f"{window.pull_at.astimezone(NEW_YORK):%H:%M:%S}",
        "series": " ".join(window.series),
    }


def _window_json(window: Window) -> dict[str, Any]:
    return {
        "window_id": window.window_id,
        "group": window.group,
        "series": list(window.series),
        "fixing": iso(window.fixing),
        "prep_at": iso(window.prep_at),
        "make_at": iso(window.make_at),
        "arm_at": iso(window.arm_at),
        "pull_at": iso(window.pull_at),
        "expires_in_s": (window.pull_at - window.prep_at) / timedelta(seconds=1),
    }


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"the parameter file {path} cannot be read: {error.strerror}"
        ) from None


def _points(value: float | None) -> str:
    return "" if value is None else f"{value:,.2f}"
