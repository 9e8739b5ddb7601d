"""Reconcile: what happened, in our books and in the venue's, and whether the two agree.

Runs after the fixing until every market of the window is settled, or gives up with a sentence. It
reads only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kalshi_alpha.clock import iso
from kalshi_alpha.errors import VenueError
from kalshi_alpha.markets.orders import Fill, Settlement
from kalshi_alpha.markets.units import PRICE_UNIT, price_from_text
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.pricing.fees import fee_terms
from kalshi_alpha.steps.account import SHARD
from kalshi_alpha.steps.bookkeeping import kept_books
from kalshi_alpha.steps.exposure import cool_off_after, payout, settle_up
from kalshi_alpha.steps.keeping import kept_window
from kalshi_alpha.steps.orders import Orders
from kalshi_alpha.steps.outcomes import settle_laws
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.trading.fee_check import FeeDifference, fee_differences
from kalshi_alpha.trading.kept import kept_key

PAUSE_SECONDS = 30
# Settlement takes 127 s at the median and 42 minutes at the worst seen (facts of 2026-09).
GIVE_UP_AFTER = timedelta(minutes=50)
# A figure is paid hours after it is printed.
RELEASE_PAUSE_SECONDS = 300
RELEASE_GIVE_UP_AFTER = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one market ended: what one YES pays in price units, None while it is not paid out."""

    ticker: str
    result: str
    yes_value: int | None
    expiration_value: float | None


def run(request: Mapping[str, Any], runtime: Runtime) -> dict[str, Any]:
    """Bring the books of ``{"window_id"}`` up to date; ``again`` asks to be called once more."""
    window = runtime.window(str(request["window_id"]))
    now = runtime.clock.now()
    record = runtime.state.window(window.window_id) or {}
    contradictions = sync_orders(runtime, window)
    outcomes = {series: _outcomes(runtime, window, series) for series in window.series}
    unsettled = [o.ticker for listed in outcomes.values() for o in listed if o.yes_value is None]
    pause, give_up = PAUSE_SECONDS, GIVE_UP_AFTER
    if window.release is not None:
        pause, give_up = RELEASE_PAUSE_SECONDS, RELEASE_GIVE_UP_AFTER
    if record.get("go") and unsettled and now < window.reconcile_at + give_up:
        return {"again": True, "pause_seconds": pause, "unsettled": len(unsettled)}
    summary = _close_books(runtime, window, outcomes, record)
    summary["contradictions"] = contradictions
    summary["fee_differences"] = [str(found) for found in _fee_differences(runtime, window, record)]
    runtime.ledger.record_result(
        window.day,
        window.window_id,
        {name: found["pnl"] for name, found in summary["series"].items()},
    )
    summary["cooling_off"] = cool_off_after(runtime, window)
    settle_laws(runtime, window, _levels(runtime, summary["series"]))
    runtime.artifacts.write(
        f"windows/{window.window_id}/summary.json",
        (json.dumps(summary, indent=1, sort_keys=True) + "\n").encode(),
    )
    runtime.artifacts.write(
        f"windows/{window.window_id}/books.json.gz", kept_books(runtime, window)
    )
    runtime.artifacts.write(kept_key(window.window_id), kept_window(runtime, window))
    return {
        "again": False,
        "pause_seconds": 0,
        "unsettled": len(unsettled),
        "pnl": summary["pnl"],
        "metrics": {
            "LedgerDifference": summary["cash_difference"] or 0,
            "Fills": summary["fills"],
            "Contradictions": len(contradictions),
            "FeeDifferences": len(summary["fee_differences"]),
        },
    }


def sync_orders(runtime: Runtime, window: Window) -> list[str]:
    """Bring the ledger's orders and fills up to what the venue says; safe to repeat.

    Returns a sentence for each thing in the venue's books that ours cannot explain.
    """
    orders = Orders(runtime, window).load()
    orders.observe(runtime.viewer, every_fill=True)
    settle_up(runtime, window)
    return orders.contradictions


def _fee_differences(
    runtime: Runtime, window: Window, record: Mapping[str, Any]
) -> list[FeeDifference]:
    """Hold each fee against the terms that preflight read; without terms nothing is said."""
    fills = runtime.ledger.fills(window.window_id)
    found: list[FeeDifference] = []
    for name in window.series:
        said = record.get("series", {}).get(name, {})
        if said.get("fee_type"):
            terms = fee_terms(said["fee_type"], said["fee_multiplier"])
            mine = [fill for fill in fills if fill.ticker.partition("-")[0] == name]
            found += fee_differences(terms, mine)
    return found


def position(fills: list[Fill], ticker: str) -> int:
    """Return the signed YES position in 1/100 contract that fills leave in a market."""
    return sum(fill.side.sign * fill.size for fill in fills if fill.ticker == ticker)


def _outcomes(runtime: Runtime, window: Window, series: str) -> list[Outcome]:
    try:
        return [_outcome(market) for market in runtime.reader.markets(window.event_ticker(series))]
    except VenueError:
        return []


def _outcome(market: Mapping[str, Any]) -> Outcome:
    result = str(market.get("result", ""))
    paid: dict[str, int | None] = {"yes": PRICE_UNIT, "no": 0}
    if result == "scalar" and market.get("settlement_value_dollars"):
        paid["scalar"] = price_from_text(str(market["settlement_value_dollars"]))
    # Determined is not paid: the result may still be disputed, and no cash has moved.
    yes_value = paid.get(result) if market.get("status") == "finalized" else None
    text = str(market.get("expiration_value") or "").replace(",", "")
    try:
        level = float(text) if text else None
    except ValueError:
        level = None
    return Outcome(str(market["ticker"]), result, yes_value, level)


def _close_books(
    runtime: Runtime,
    window: Window,
    outcomes: Mapping[str, list[Outcome]],
    record: Mapping[str, Any],
) -> dict[str, Any]:
    now = runtime.clock.now()
    fills = runtime.ledger.fills(window.window_id)
    by_ticker = {o.ticker: o for listed in outcomes.values() for o in listed}
    revenue = _settle(runtime, window, fills, by_ticker, now)
    settle_up(
        runtime, window, closed=True, yes_values={t: o.yes_value for t, o in by_ticker.items()}
    )
    spent = sum(fill.cash for fill in fills)
    series = {
        name: _series_summary(runtime, window, name, listed, fills)
        for name, listed in outcomes.items()
    }
    expected = spent + revenue
    return {
        "window_id": window.window_id,
        "closed_at": iso(now),
        "go": bool(record.get("go")),
        "reasons": record.get("reasons", []),
        "cautions": sorted(
            {f["caution"] for f in record.get("series", {}).values() if f.get("caution")}
        ),
        "fills": len(fills),
        "pnl": expected,
        "fees": sum(fill.fee for fill in fills),
        "cash_difference": _cash_difference(runtime, window, expected, now),
        "series": series,
    }


def _settle(
    runtime: Runtime,
    window: Window,
    fills: list[Fill],
    outcomes: Mapping[str, Outcome],
    now: datetime,
) -> int:
    total = 0
    for ticker in sorted({fill.ticker for fill in fills}):
        outcome = outcomes.get(ticker)
        if outcome is None or outcome.yes_value is None:
            continue
        mine = [fill for fill in fills if fill.ticker == ticker]
        revenue = sum(payout(fill, outcome.yes_value) for fill in mine)
        fees = sum(fill.fee for fill in mine)
        runtime.ledger.record_settlement(
            window.window_id, Settlement(ticker, outcome.result, revenue, fees, now)
        )
        total += revenue
    return total


def _series_summary(
    runtime: Runtime, window: Window, series: str, outcomes: list[Outcome], fills: list[Fill]
) -> dict[str, Any]:
    values = {o.ticker: o.yes_value for o in outcomes}
    mine = [fill for fill in fills if fill.ticker in values]
    levels = [o.expiration_value for o in outcomes if o.expiration_value is not None]
    settled = levels[0] if levels else None
    ours = runtime.state.fixing(window.window_id, runtime.registry.series[series].symbol)
    pnl = sum(
        fill.cash + payout(fill, value)
        for fill in mine
        if (value := values[fill.ticker]) is not None
    )
    return {
        "markets": len(outcomes),
        "fills": len(mine),
        "settlement_value": settled,
        "feed_value": ours,
        "basis": None if settled is None or ours is None else round(settled - ours, 4),
        "pnl": pnl,
        "fees": sum(fill.fee for fill in mine),
    }


def _levels(runtime: Runtime, series: Mapping[str, Any]) -> dict[str, float | None]:
    """Return where each symbol settled: by the venue, else by our feed."""
    found: dict[str, float | None] = {}
    for name, summary in series.items():
        printed = summary["settlement_value"]
        level = summary["feed_value"] if printed is None else printed
        found[runtime.registry.series[name].symbol] = level
    return found


def _cash_difference(runtime: Runtime, window: Window, expected: int, now: datetime) -> int | None:
    """Compare the change of the venue's balance with our books; None when it cannot be told.

    One balance serves all windows: with another at the same fixing neither can tell its own part.
    """
    before = runtime.ledger.cash(window.window_id, "before")
    beside = [
        other.window_id
        for other in runtime.windows_on(window.day)
        if other.fixing == window.fixing and other.window_id != window.window_id
    ]
    if before is None or any(runtime.state.window(name) for name in beside):
        return None
    try:
        after = runtime.reader.balance(SHARD)
    except VenueError:
        return None
    runtime.ledger.record_cash(window.window_id, "after", after, now)
    return after - before - expected
