"""Preflight: may this window be quoted? GO or NO-GO, each with its reasons.

The kill-switch is read first. Then the window is claimed, so that it runs once; then everything
that could speak against quoting is read and judged at once, for an operator wants all reasons, not
the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from kalshi_alpha.clock import NEW_YORK, iso
from kalshi_alpha.errors import DataError, ParameterError, StaleDataError, VenueError, WindowClosed
from kalshi_alpha.markets.contracts import ladder_from_listing
from kalshi_alpha.markets.windows import Window
from kalshi_alpha.pricing.fees import fee_terms
from kalshi_alpha.pricing.parameters import load_parameters
from kalshi_alpha.steps import heartbeat
from kalshi_alpha.steps.account import POSITION_LIMIT, Account, read_account, shard_status
from kalshi_alpha.steps.laws import figure_facts
from kalshi_alpha.steps.outcomes import judge_laws
from kalshi_alpha.steps.runtime import Runtime
from kalshi_alpha.trading.arming import Broker
from kalshi_alpha.trading.gates import ALLOW, Allow
from kalshi_alpha.trading.risk_stops import drawdown
from kalshi_alpha.trading.window_gates import (
    Heartbeat,
    Judgement,
    ParameterFacts,
    SeriesFacts,
    SourceFacts,
    WindowFacts,
    judge,
)

if TYPE_CHECKING:
    from kalshi_alpha.steps.figures import Figures


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
    if not window.opens_at <= now < window.last_scan_at:
        raise WindowClosed(
            f"{window.window_id} may start between {iso(window.opens_at)} and "
            f"{iso(window.last_scan_at)}, and it is {iso(now)}"
        )
    runtime.state.claim_window(window.window_id, str(request.get("execution", "")), now)
    listings = {series: read_listing(runtime, window, series) for series in window.series}
    facts = window_facts(runtime, window, switch.on, switch.reason, at_start=True)
    each = {s: _judged_by_fit(runtime, window, s, listings[s]) for s in window.series}
    judgement = judge(facts, tuple(each.values()))
    broker = runtime.broker
    if facts.balance is not None and broker is not Broker.PAPER:  # paper has no cash of its own
        runtime.ledger.record_cash(window.window_id, "before", facts.balance, now)
    series = {s: _verdict(judgement, each[s], listings[s]) for s in window.series}
    reasons = sorted({r["reason"] for found in series.values() for r in found["reasons"]})
    runtime.state.extend_window(
        window.window_id,
        go=judgement.go,
        reasons=reasons,
        series=series,
        judged_at=iso(now),
        broker=broker.value,
    )
    return {
        "go": judgement.go,
        "reasons": reasons,
        "series": series,
        "make_at": iso(window.make_at),
        "arm_at": iso(window.arm_at),
        "reconcile_at": iso(window.reconcile_at),
        "metrics": {
            "Go": int(judgement.go),
            "Refusals": len(reasons),
            "Shrunk": sum(found["size_share"] < 1.0 for found in series.values()),
            "KillSwitch": int(switch.on),
            "LossStop": sum(_stopped_by_loss(found) for found in each.values()),
            "ParametersAge": max((_age_in_days(found) for found in each.values()), default=0),
        },
    }


def window_facts(
    runtime: Runtime,
    window: Window,
    switch_on: bool,
    switch_reason: str,
    *,
    at_start: bool = False,
) -> WindowFacts:
    """Read what concerns the window as a whole; what cannot be read is None, which refuses.

    The account is read at the start of a window; a scan asks for nothing of it.
    """
    try:
        exchange, trading = shard_status(runtime.reader.exchange_status())
    except (VenueError, DataError):
        exchange = trading = None
    needed = sum(runtime.registry.series[s].caps.max_loss_per_window for s in window.series)
    account = read_account(runtime, window, needed) if at_start else Account(None, None, "")
    return WindowFacts(
        now=runtime.clock.now(),
        opens_at=window.opens_at,
        ends_at=window.last_scan_at,
        kill_switch_on=switch_on,
        kill_switch_reason=switch_reason,
        why_closed="",
        frozen=runtime.state.frozen(window.window_id),
        exchange_active=exchange,
        trading_active=trading,
        balance=account.balance,
        balance_needed=needed,
        held=account.held,
        held_limit=POSITION_LIMIT,
        paused=account.paused,
        drawdown=_drawdown(runtime) if at_start else 0,
        max_drawdown=runtime.registry.all.max_drawdown,
        drawdown_days=runtime.registry.all.drawdown_days,
    )


def series_facts(runtime: Runtime, window: Window, series: str, listing: Listing) -> SeriesFacts:
    """Read what concerns one series and its symbol."""
    found = runtime.registry.series[series]
    now = runtime.clock.now()
    today = now.astimezone(NEW_YORK).date()
    monday = today - timedelta(days=today.weekday())
    cooling = runtime.state.cooling_off(series, now)
    return SeriesFacts(
        series=series,
        symbol=found.symbol,
        now=now,
        markets_listed=listing.markets,
        listing_problem=listing.problem,
        **_known(runtime, window, series, now, today),
        lost_today=max(0, -runtime.ledger.earned(series, today, today)),
        lost_this_week=max(0, -runtime.ledger.earned(series, monday, today)),
        max_loss_per_day=found.caps.max_loss_per_day,
        max_loss_per_week=found.caps.max_loss_per_week,
        cooling=cooling.reason if cooling else "",
        cooling_until=cooling.until if cooling else None,
    )


def _known(
    runtime: Runtime, window: Window, series: str, now: datetime, today: date
) -> dict[str, Any]:
    """Return what is known of what the series settles on, and within which limits."""
    name = runtime.registry.series[series].symbol
    if window.release is not None:
        return {
            "parameters": figure_facts(runtime.figure_parameters(), series, today),
            "source": _source(runtime, window, series, name),
            "heartbeat": None,
            "lag_limit_s": 0.0,
            "silence_limit_s": 0.0,
        }
    symbol, strict = runtime.registry.symbols[name], now >= window.strict_at
    return {
        "parameters": _parameter_facts(runtime, window, name, today),
        "heartbeat": _heartbeat(runtime, name),
        "lag_limit_s": symbol.lag_limit_s if strict else symbol.early_lag_limit_s,
        "silence_limit_s": symbol.silence_limit_s if strict else symbol.early_silence_limit_s,
        "heartbeat_limit_s": symbol.heartbeat_limit_s if strict else symbol.early_heartbeat_limit_s,
    }


def read_figures(runtime: Runtime, window: Window, series: str) -> Figures:
    """Return what is known of the figure that a series settles on.

    Raises:
        DataError: when it is not known, or not from that source.
    """
    from kalshi_alpha.markets.macro import load_macro  # noqa: PLC0415 - for figures alone
    from kalshi_alpha.steps.figures import figures_for  # noqa: PLC0415

    if window.release is None:
        raise DataError(f"{window.window_id} waits for no release")
    rules = load_macro().series[series]
    return figures_for(runtime.artifacts, runtime.clock, rules, window.release)


def _source(runtime: Runtime, window: Window, series: str, name: str) -> SourceFacts:
    limit = runtime.registry.figures[name].fresh_hours * 3600.0
    try:
        return SourceFacts(read_figures(runtime, window, series).age_s, limit)
    except DataError as error:
        return SourceFacts(0.0, limit, problem=str(error))


def _drawdown(runtime: Runtime) -> int:
    today = runtime.clock.now().astimezone(NEW_YORK).date()
    first = today - timedelta(days=runtime.registry.all.drawdown_days - 1)
    return drawdown(runtime.ledger.earned_by_day(first, today))


def read_listing(runtime: Runtime, window: Window, series: str) -> Listing:
    """Ask the venue what it lists and what it charges; a problem is a sentence, not an error."""
    found = runtime.registry.series[series]
    try:
        markets = runtime.reader.markets(window.event_ticker(series))
        ladder = ladder_from_listing(markets, found, window.fixing, window.event_ticker(series))
        terms = runtime.reader.series(series)
        fee_type, multiplier = str(terms.get("fee_type")), str(terms.get("fee_multiplier"))
        fee_terms(fee_type, multiplier)  # an unknown fee type is refused here
    except (VenueError, DataError) as error:
        return Listing(None, problem=str(error))
    if not ladder.contracts and ladder.refused:
        return Listing(0, fee_type, multiplier, problem=ladder.refused[0].reason)
    return Listing(len(ladder.contracts), fee_type, multiplier)


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
    try:
        reading, at = heartbeat.from_item(symbol, item), heartbeat.written_at(item)
    except StaleDataError:
        return None  # a garbled one is none
    delayed = item.get("delayed") is not False
    return Heartbeat(at, lag_s=reading.lag_s, silence_s=reading.silence_s, delayed=delayed)


def _judged_by_fit(runtime: Runtime, window: Window, series: str, listing: Listing) -> SeriesFacts:
    """Read what concerns a series, and how its symbol's last laws came out."""
    facts = series_facts(runtime, window, series, listing)
    found = facts.parameters
    if found.problem:
        return facts
    # A figure's parameters hold as long as their file says; what is fresh is what it reads.
    known = found.as_of if facts.source is None else found.today
    return replace(facts, fit=judge_laws(runtime, facts.symbol, known, found.today))


def _stopped_by_loss(facts: SeriesFacts) -> bool:
    day, week = facts.lost_today, facts.lost_this_week
    return bool(facts.cooling) or day >= facts.max_loss_per_day or week >= facts.max_loss_per_week


def _age_in_days(facts: SeriesFacts) -> int:
    found = facts.parameters
    return (found.today - found.as_of).days


def _verdict(judgement: Judgement, facts: SeriesFacts, listing: Listing) -> dict[str, Any]:
    allowed = facts.fit if isinstance(facts.fit, Allow) else ALLOW
    return {
        "go": judgement.series_go(facts.series),
        "reasons": [refusal.to_json() for refusal in judgement.reasons(facts.series)],
        "size_share": allowed.size_share,
        "caution": allowed.reason,
        "caution_evidence": dict(allowed.evidence),
        "markets_listed": listing.markets,
        "fee_type": listing.fee_type,
        "fee_multiplier": listing.fee_multiplier,
    }
