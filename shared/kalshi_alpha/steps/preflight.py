"""Preflight: may this window be quoted? GO or NO-GO, each with its reasons.

The kill-switch is read first. Then the window is claimed, so that it runs once; then everything
that could speak against quoting is read and judged at once, for an operator wants all reasons, not
the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from kalshi_alpha.clock import NEW_YORK, from_iso, iso
from kalshi_alpha.errors import DataError, ParameterError, VenueError, WindowClosed
from kalshi_alpha.markets.contracts import ladder_from_listing
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.pricing.fees import fee_terms
from kalshi_alpha.pricing.parameters import load_parameters
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.trading.arming import Broker
from kalshi_alpha.trading.window_gates import (
    Heartbeat,
    Judgement,
    ParameterFacts,
    SeriesFacts,
    WindowFacts,
    judge,
)

# The schedule fires up to a minute late and starts early to make up for it.
EARLIEST = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Listing:
    """What the venue lists of one series: markets that can be priced, fee terms, or a problem."""

    markets: int | None
    fee_type: str = ""
    fee_multiplier: str = ""
    problem: str = ""


def run(request: Mapping[str, Any], runtime: Runtime) -> dict[str, Any]:
    """Judge the window of ``{"window_id", "execution"}``.

    Returns ``go``, ``reasons``, both by series too, and the instants the state machine waits for.

    Raises:
        WindowClosed: on a closed day, or when it is not this window's time.
        AlreadyStarted: when another execution runs this window.
    """
    switch = runtime.state.kill_switch()
    window = runtime.window(str(request["window_id"]))
    now = runtime.clock.now()
    if not window.fixing - EARLIEST <= now < window.last_scan_at:
        raise WindowClosed(
            f"{window.window_id} may start between {iso(window.fixing - EARLIEST)} and "
            f"{iso(window.last_scan_at)}, and it is {iso(now)}"
        )
    runtime.state.claim_window(window.window_id, str(request.get("execution", "")), now)
    listings = {series: read_listing(runtime, window, series) for series in window.series}
    facts = window_facts(runtime, window, switch.on, switch.reason)
    judgement = judge(
        facts, tuple(series_facts(runtime, window, s, listings[s]) for s in window.series)
    )
    if facts.balance is not None:
        runtime.ledger.record_cash(window.window_id, "before", facts.balance, now)
    series = {s: _verdict(judgement, s, listings[s]) for s in window.series}
    reasons = sorted({r["reason"] for found in series.values() for r in found["reasons"]})
    runtime.state.extend_window(
        window.window_id, go=judgement.go, reasons=reasons, series=series, judged_at=iso(now)
    )
    return {
        "go": judgement.go,
        "reasons": reasons,
        "series": series,
        "make_at": iso(window.make_at),
        "arm_at": iso(window.arm_at),
        "reconcile_at": iso(window.reconcile_at),
        "metrics": {"Go": int(judgement.go), "Refusals": len(reasons)},
    }


def window_facts(
    runtime: Runtime,
    window: Window,
    switch_on: bool,
    switch_reason: str,
) -> WindowFacts:
    """Read what concerns the window as a whole; what cannot be read is None, which refuses."""
    try:
        status = runtime.reader.exchange_status()
    except VenueError:
        status = {}
    needed = sum(runtime.registry.series[s].caps.max_loss_per_window for s in window.series)
    return WindowFacts(
        now=runtime.clock.now(),
        opens_at=window.fixing - EARLIEST,
        ends_at=window.last_scan_at,
        kill_switch_on=switch_on,
        kill_switch_reason=switch_reason,
        why_closed="",
        frozen=runtime.state.frozen(window.window_id),
        exchange_active=status.get("exchange_active"),
        trading_active=status.get("trading_active"),
        balance=_balance(runtime, needed),
        balance_needed=needed,
    )


def series_facts(runtime: Runtime, window: Window, series: str, listing: Listing) -> SeriesFacts:
    """Read what concerns one series and its symbol."""
    found = runtime.registry.series[series]
    symbol = runtime.registry.symbols[found.symbol]
    now = runtime.clock.now()
    today = now.astimezone(NEW_YORK).date()
    strict = now >= window.strict_at
    monday = today - timedelta(days=today.weekday())
    return SeriesFacts(
        series=series,
        symbol=found.symbol,
        now=now,
        markets_listed=listing.markets,
        listing_problem=listing.problem,
        parameters=_parameter_facts(runtime, window, found.symbol, today),
        heartbeat=_heartbeat(runtime, found.symbol),
        lag_limit_s=symbol.lag_limit_s if strict else symbol.early_lag_limit_s,
        silence_limit_s=symbol.silence_limit_s if strict else symbol.early_silence_limit_s,
        heartbeat_limit_s=symbol.heartbeat_limit_s if strict else symbol.early_heartbeat_limit_s,
        lost_today=max(0, -runtime.ledger.earned(series, today, today)),
        lost_this_week=max(0, -runtime.ledger.earned(series, monday, today)),
        max_loss_per_day=found.caps.max_loss_per_day,
        max_loss_per_week=found.caps.max_loss_per_week,
    )


def read_listing(runtime: Runtime, window: Window, series: str) -> Listing:
    """Ask the venue what it lists and what it charges; a problem is a sentence, not an error."""
    found = runtime.registry.series[series]
    try:
        markets = runtime.reader.markets(window.event_ticker(series))
        ladder = ladder_from_listing(markets, found, window.fixing)
        terms = runtime.reader.series(series)
        fee_type, multiplier = str(terms.get("fee_type")), str(terms.get("fee_multiplier"))
        fee_terms(fee_type, multiplier)  # an unknown fee type is refused here
    except (VenueError, DataError) as error:
        return Listing(None, problem=str(error))
    if not ladder.contracts and ladder.refused:
        return Listing(0, fee_type, multiplier, problem=ladder.refused[0].reason)
    return Listing(len(ladder.contracts), fee_type, multiplier)


def _balance(runtime: Runtime, needed: int) -> int | None:
    if runtime.broker is Broker.PAPER:
        return needed  # paper ties up no cash
    try:
        return runtime.reader.balance()
    except VenueError:
        return None


def _parameter_facts(runtime: Runtime, window: Window, symbol: str, today: date) -> ParameterFacts:
    session = runtime.sessions.on(window.fixing.astimezone(NEW_YORK).date())
    try:
        found = load_parameters(runtime.parameters(), on=today)[symbol]
        found.part(at_close=session is not None and window.fixing == session.close)
    except ParameterError as error:
        return ParameterFacts(today, today, today, problem=str(error))
    except KeyError:
        return ParameterFacts(today, today, today, problem=f"they say nothing of {symbol}")
    return ParameterFacts(found.as_of, found.valid_until, today)


def _heartbeat(runtime: Runtime, symbol: str) -> Heartbeat | None:
    item = runtime.state.heartbeat(symbol)
    if item is None:
        return None
    return Heartbeat(
        at=from_iso(item["written_at"]),
        lag_s=float(item["lag_s"]),
        silence_s=float(item["silence_s"]),
        delayed=bool(item["delayed"]),
    )


def _verdict(judgement: Judgement, series: str, listing: Listing) -> dict[str, Any]:
    return {
        "go": judgement.series_go(series),
        "reasons": [refusal.to_json() for refusal in judgement.reasons(series)],
        "markets_listed": listing.markets,
        "fee_type": listing.fee_type,
        "fee_multiplier": listing.fee_multiplier,
    }
