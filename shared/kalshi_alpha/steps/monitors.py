"""The state of each guard at this moment, for a person: what it sees, its limit, what it means.

Reads only. A guard that cannot be read says ``stop``, for that is what the steps would do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from kalshi_alpha.clock import NEW_YORK, Clock, iso
from kalshi_alpha.cloud.state import arming_expiry
from kalshi_alpha.errors import KalshiAlphaError, ParameterError
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.markets.sessions import Sessions
from kalshi_alpha.markets.units import cash_text
from kalshi_alpha.markets.windows import next_windows
from kalshi_alpha.pricing.parameters import load_parameters, shipped_parameters
from kalshi_alpha.steps import heartbeat
from kalshi_alpha.steps.account import shard_status
from kalshi_alpha.steps.runtime import Runtime

OK, STOP, IDLE, UNKNOWN = "ok", "stop", "idle", "unknown"


@dataclass(frozen=True, slots=True)
class Monitor:
    """One guard.

    Attributes:
        guard: What it guards, such as ``heartbeat SPX``.
        state: ``ok``; ``stop`` when it keeps everything from being quoted; ``idle`` when it has
            nothing to say now; ``unknown`` when it cannot be asked from here.
        value: What it sees.
        limit: What it is held against, empty where there is none.
        sentence: What that means.
    """

    guard: str
    state: str
    value: str
    limit: str
    sentence: str

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready copy."""
        return asdict(self)


def local_monitors(clock: Clock, registry: Registry, sessions: Sessions) -> list[Monitor]:
    """Return the guards that a machine without a deployed stack can know."""
    today = clock.now().astimezone(NEW_YORK).date()
    return [
        _calendar(clock, registry, sessions),
        *_parameters(lambda: shipped_parameters(today), today, registry),
        *(
            Monitor(name, UNKNOWN, "", "", "Kept in the deployed tables: name them, see deploy.md.")
            for name in ("kill-switch", "heartbeats", "losses", "arming", "venue")
        ),
    ]


def deployed_monitors(runtime: Runtime) -> list[Monitor]:
    """Return every guard of a deployed stack."""
    now = runtime.clock.now()
    today = now.astimezone(NEW_YORK).date()
    return [
        _kill_switch(runtime),
        _calendar(runtime.clock, runtime.registry, runtime.sessions),
        *(_heartbeat(runtime, symbol) for symbol in runtime.registry.symbols),
        *_parameters(runtime.parameters, today, runtime.registry),
        *(found for name in runtime.registry.series for found in _losses(runtime, name, today)),
        _venue(runtime),
        _arming(runtime),
    ]


def _kill_switch(runtime: Runtime) -> Monitor:
    switch = runtime.state.kill_switch()
    state = STOP if switch.on else OK
    said = switch.reason or "no reason was given"
    return Monitor("kill-switch", state, "on" if switch.on else "off", "off", f"{said}.")


def _calendar(clock: Clock, registry: Registry, sessions: Sessions) -> Monitor:
    found = next_windows(clock.now(), registry, sessions, 1)
    if not found:
        said = "The session table has ended: generate it again."
        return Monitor("calendar", STOP, "none", "", said)
    start = found[0].prep_at.astimezone(NEW_YORK)
    said = f"The next window prepares on {start:%A %d %B at %H:%M} New York time."
    return Monitor("calendar", OK, found[0].window_id, "", said)


def _heartbeat(runtime: Runtime, symbol: str) -> Monitor:
    guard = f"heartbeat {symbol}"
    limits = runtime.registry.symbols[symbol]
    limit = f"{limits.heartbeat_limit_s:g} s"
    item = runtime.state.heartbeat(symbol)
    if item is None:
        return Monitor(guard, STOP, "none", limit, "The sentry has never spoken of it.")
    try:
        age, reading = (
            heartbeat.age_seconds(item, runtime.clock.now()),
            heartbeat.from_item(symbol, item),
        )
    except KalshiAlphaError as error:
        return Monitor(guard, STOP, "garbled", limit, f"{error}.")
    fresh = age <= limits.heartbeat_limit_s
    said = f"Lag {reading.lag_s:.2f} s, silence {reading.silence_s:.2f} s when it last spoke."
    if not fresh and not _watched(runtime):
        return Monitor(guard, IDLE, f"{age:.0f} s", limit, f"No session is on. {said}")
    return Monitor(guard, OK if fresh else STOP, f"{age:.1f} s", limit, said)


def _watched(runtime: Runtime) -> bool:
    """Say whether a session is on, in which the sentry must speak."""
    now = runtime.clock.now()
    session = runtime.sessions.on(now.astimezone(NEW_YORK).date())
    return session is not None and session.open <= now <= session.close


def _parameters(read: Callable[[], bytes], today: date, registry: Registry) -> Iterator[Monitor]:
    try:
        fitted = load_parameters(read(), on=today)
    except ParameterError as error:
        yield Monitor("parameters", STOP, "unproven", "", f"{error}.")
        return
    for symbol in registry.symbols:
        one = fitted.get(symbol)
        if one is None:
            yield Monitor(f"parameters {symbol}", STOP, "none", "", "The file says nothing of it.")
            continue
        limit = f"{(one.valid_until - one.as_of).days} days"
        said = f"Fitted through {one.as_of}, good until {one.valid_until}."
        yield Monitor(f"parameters {symbol}", OK, f"{(today - one.as_of).days} days", limit, said)


def _losses(runtime: Runtime, series: str, today: date) -> Iterator[Monitor]:
    caps = runtime.registry.series[series].caps
    monday = today.fromordinal(today.toordinal() - today.weekday())
    for name, first, limit in (
        ("today", today, caps.max_loss_per_day),
        ("this week", monday, caps.max_loss_per_week),
    ):
        lost = max(0, -runtime.ledger.earned(series, first, today))
        state = STOP if lost >= limit else OK
        said = "The series may go on." if state == OK else "The series is stopped until it is over."
        yield Monitor(f"loss {series} {name}", state, _money(lost), _money(limit), said)
    cooling = runtime.state.cooling_off(series, runtime.clock.now())
    if cooling is not None:
        said = f"{cooling.reason}."
        yield Monitor(f"cool-off {series}", STOP, "cooling", iso(cooling.until), said)


def _venue(runtime: Runtime) -> Monitor:
    try:
        exchange, trading = shard_status(runtime.reader.exchange_status())
    except KalshiAlphaError as error:
        return Monitor("venue", STOP, "no answer", "", f"{error}.")
    fine = exchange is True and trading is True
    said = "Exchange and trading are active." if fine else "Exchange or trading is not active."
    return Monitor("venue", OK if fine else STOP, "active" if fine else "paused", "active", said)


def _arming(runtime: Runtime) -> Monitor:
    until = arming_expiry(runtime.state.arming())
    if until is None or until <= runtime.clock.now():
        said = "Live is not armed: whatever runs is paper."
        return Monitor("arming", IDLE, "not armed", "", said)
    return Monitor("arming", OK, "armed", iso(until), "The operator has armed live until then.")


def _money(cash: int) -> str:
    return f"${cash_text(cash)}"
